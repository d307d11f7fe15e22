"""Asset checks of `<dataset>/clean`: do the rows add up, how many are bad, was a file refused, and one for each check of the contract.

What belongs here: the verdicts over a set of deliveries (`verdicts` over the ledger, `contract` over the error table), once per run, and
telling Dagster of them (`told`). What does not: validating rows (`ingest`).

No verdict fails a run: bad rows are data. `reconciliation` is an ERROR, for then the books are wrong, and so is `error_rate` above
the dataset's own limit; all else is a WARN, the checks of the contract among them.
"""

from pipeline.orchestration.checks.told import checks_of, evaluations, judged

__all__ = ["checks_of", "evaluations", "judged"]
