"""The workbook of a delivery's rejected rows, beside its report, ready to be corrected and sent back.

What belongs here: when one is made, and where it lies. What does not: making it (`errors`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dagster import MetadataValue

from pipeline.errors import write_errors
from pipeline.files.names import shown
from pipeline.intake import Intake
from pipeline.report import errors_workbook, report_page
from pipeline.warehouse import Entry

MOST_ROWS = 20_000
"""Rejected rows beyond which people are told the command instead: a workbook of them takes seconds."""


def workbook_metadata(intake: Intake, entry: Entry, made: bool) -> dict[str, Any]:
    """Where the workbook of a delivery's rejected rows is, or how to have it; empty where no row is rejected.

    Args:
        intake: the home.
        entry: the delivery's ledger row.
        made: whether a workbook may be made now; a run over many files makes none.

    Raises:
        OSError: it cannot be written.
    """
    command = errors_workbook(entry)
    path = _path(intake, entry)
    if command is None:
        path.unlink(missing_ok=True)  # all of it was corrected since, or other content came
        return {}
    how = {"how_to_get_the_errors": MetadataValue.md(f"`{command}`")}
    if not made or entry.rows_rejected > MOST_ROWS:
        path.unlink(missing_ok=True)
        return how
    path.parent.mkdir(parents=True, exist_ok=True)
    write_errors(intake.warehouse, intake.datasets[entry.dataset], path, [entry.delivery], force=True)
    return {"errors_workbook": MetadataValue.path(shown(path)), **how}


def _path(intake: Intake, entry: Entry) -> Path:
    return report_page(intake.settings, entry.dataset, entry.delivery).with_suffix(".errors.xlsx")
