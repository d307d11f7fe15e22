"""Rejected rows on their way to the people who can correct them.

What belongs here: making a workbook, a CSV or a Parquet file of them. What does not: reading the error table (`warehouse.rejected`),
and their way back (`correction`).
"""

from pipeline.errors.export import Exported, write_errors, write_saved
from pipeline.errors.refused import CannotExport

__all__ = ["CannotExport", "Exported", "write_errors", "write_saved"]
