"""Reports for people: what became of each delivery, as a page and as JSON, and an index of each dataset.

What belongs here: from the warehouse to files below `reports/`. Data flows one way: the warehouse's account of a delivery
(`warehouse.accounts`) → a document of plain values (`document`) → a page (`render`) → two files (`write`). What does not: state of
its own: every report can be made again from the warehouse.
"""

from pipeline.report.document import Document, read_document
from pipeline.report.indexes import renew_after_retention, renew_reports, renew_windows, write_indexes
from pipeline.report.paths import report_page, workbook_of
from pipeline.report.windows import window_panels, write_windows
from pipeline.report.write import (
    Workbooks,
    missing_reports,
    reported,
    write_all_reports,
    write_outcomes,
    write_reports,
)

__all__ = [
    "Document",
    "Workbooks",
    "missing_reports",
    "read_document",
    "renew_after_retention",
    "renew_reports",
    "renew_windows",
    "report_page",
    "reported",
    "window_panels",
    "workbook_of",
    "write_all_reports",
    "write_indexes",
    "write_outcomes",
    "write_reports",
    "write_windows",
]
