"""Asset checks of `<dataset>/clean`: do the rows add up, how many are bad, was a file refused, and one for each check of the contract;
and of each window: is what is stored what the clean rows give (`windows`). Of the inbox: does every file lie in a dataset's folder (`strays`).

What belongs here: the verdicts over a set of deliveries (`verdicts` over the ledger, `contract` over the error table), once per run,
telling Dagster of them (`told`), and those over days of windows. What does not: validating rows (`ingest`), computing windows (`warehouse`).

No verdict fails a run: bad rows are data. `reconciliation` and `matches_clean_rows` are ERRORs, for then the books are wrong, and so is
`error_rate` above the dataset's own limit; all else is a WARN, the checks of the contract among them.
"""

from pipeline.orchestration.checks.strays import inbox_check, inbox_evaluation
from pipeline.orchestration.checks.told import checks_of, evaluations, judged
from pipeline.orchestration.checks.windows import window_checks_of

__all__ = ["checks_of", "evaluations", "inbox_check", "inbox_evaluation", "judged", "window_checks_of"]
