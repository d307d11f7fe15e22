"""The vocabulary that datasets are written in.

What belongs here: declarations and their validation. What does not: reading files, touching a warehouse, Dagster.
Importing it registers the checks that `pa.Field` gains (`email`, `iban`, …; docs/checks.md).
"""

from pipeline.contract import checks
from pipeline.contract.aggregates import Aggregate, agg
from pipeline.contract.cleaners import Cleaner, clean
from pipeline.contract.columns import Column
from pipeline.contract.dataset import Dataset
from pipeline.contract.derive import Derived, split
from pipeline.contract.errors import ContractError
from pipeline.contract.read import Read
from pipeline.contract.references import Reference
from pipeline.contract.rules import Rule, either, required_when
from pipeline.contract.windows import (
    Cumulative,
    GridWindow,
    Session,
    Sliding,
    TimeWindow,
    Total,
    Tumbling,
    Window,
)

checks.register_checks()

__all__ = [
    "Aggregate",
    "Cleaner",
    "Column",
    "ContractError",
    "Cumulative",
    "Dataset",
    "Derived",
    "GridWindow",
    "Read",
    "Reference",
    "Rule",
    "Session",
    "Sliding",
    "TimeWindow",
    "Total",
    "Tumbling",
    "Window",
    "agg",
    "checks",
    "clean",
    "either",
    "required_when",
    "split",
]
