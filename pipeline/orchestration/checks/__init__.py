"""Asset checks of `<dataset>/clean`: do the rows add up, how many are bad, was a file refused, and one for each check of the contract;
and of each window: is what is stored what the clean rows give (`windows`). Of the inbox: does every file lie in a dataset's folder (`strays`).

What belongs here: the verdicts on what is there now, whoever did it (`verdicts` over the ledger and the quarantine, `contract` over the
error table), telling Dagster of them (`told`), and those over days of windows. What does not: validating rows (`ingest`), computing
windows (`warehouse`).

No verdict fails a run: bad rows are data. `reconciliation` and `matches_clean_rows` are ERRORs, for then the books are wrong, and so is
`error_rate` above the dataset's own limit; all else is a WARN, the checks of the contract among them.
"""

from pipeline.orchestration.checks.strays import inbox_check, inbox_evaluation
from pipeline.orchestration.checks.told import checks_of, evaluations, judged, not_told
from pipeline.orchestration.checks.windows import window_checks_of

__all__ = [
    "checks_of",
    "evaluations",
    "inbox_check",
    "inbox_evaluation",
    "judged",
    "not_told",
    "window_checks_of",
]
