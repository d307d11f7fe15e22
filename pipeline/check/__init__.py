"""`pipeline check`: what would become of a file, without loading it.

What belongs here: finding that out (`file`, `against`, `figures`), and showing it (`show`). What does not: reading (`files`) and
validating (`ingest`).
"""

from pipeline.check.file import check_file, is_fault
from pipeline.check.show import show_check

__all__ = ["check_file", "is_fault", "show_check"]
