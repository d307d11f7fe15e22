"""Reports for people: what became of each delivery, as a page and as JSON, and an index of each dataset.

What belongs here: from the warehouse to files below `reports/`. Data flows one way: the warehouse's account of a delivery
(`warehouse.accounts`) → a document of plain values (`document`) → a page (`render`) → two files (`write`). What does not: state of
its own: every report can be made again from the warehouse.
"""

from pipeline.report.document import errors_workbook
from pipeline.report.indexes import renew_reports, write_indexes
from pipeline.report.paths import report_page
from pipeline.report.write import missing_reports, reported, write_all_reports, write_outcomes, write_reports

__all__ = [
    "errors_workbook",
    "missing_reports",
    "renew_reports",
    "report_page",
    "reported",
    "write_all_reports",
    "write_indexes",
    "write_outcomes",
    "write_reports",
]
