"""The vocabulary that datasets are written in.

What belongs here: declarations and their validation. What does not: reading files, touching a warehouse, Dagster.
Importing it registers the checks that `pa.Field` gains (`email`).
"""

from pipeline.contract.aggregates import Aggregate, agg
from pipeline.contract.checks import register_checks
from pipeline.contract.cleaners import Cleaner, clean
from pipeline.contract.columns import Column
from pipeline.contract.dataset import Dataset
from pipeline.contract.errors import ContractError
from pipeline.contract.read import Read
from pipeline.contract.windows import Sliding, TimeWindow, Total, Tumbling, Window

register_checks()

__all__ = [
    "Aggregate",
    "Cleaner",
    "Column",
    "ContractError",
    "Dataset",
    "Read",
    "Sliding",
    "TimeWindow",
    "Total",
    "Tumbling",
    "Window",
    "agg",
    "clean",
]
