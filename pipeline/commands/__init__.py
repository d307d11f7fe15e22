"""The commands of `pipeline`, a module for each kind of work; importing this registers them all.

What belongs here: commands, their options, help and exit codes. What does not: the work (`intake`, `warehouse`) and how things look
(`terminal`). Exit codes: 0 did its work, 1 looked for faults and found some (`check`, `doctor`), 2 could not do it. Heavy imports
stay inside the commands, so that `--help` answers at once.
"""

from pipeline.commands import (  # noqa: I001  (the order of the help page)
    loading,
    files,
    errors,
    replay,
    tables,
    reports,
    explaining,
    late,
    contracts,
    privacy,
    health,
)
from pipeline.commands.app import app

__all__ = [
    "app",
    "contracts",
    "errors",
    "explaining",
    "files",
    "health",
    "late",
    "loading",
    "privacy",
    "replay",
    "reports",
    "tables",
]
