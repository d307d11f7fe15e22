"""Why a file cannot be loaded as a whole. What does not belong here: bad records (`table.Reject`) and failures of the machine."""

from __future__ import annotations

from pathlib import Path


class UnreadableFile(Exception):
    """A file that holds no table we can read: its delivery is quarantined, the run goes on.

    Attributes:
        path: the file.
        code: a short stable word for programs (`empty`, `header_only`, `not_a_workbook`, `encrypted`, …).
        cause: what is wrong, where, in words a person understands.
        remedy: what they can do about it.
    """

    def __init__(self, path: Path, code: str, cause: str, remedy: str) -> None:
        self.path, self.code, self.cause, self.remedy = path, code, cause, remedy
        super().__init__(f"{path.name}: {cause}. {remedy}")

    def __reduce__(self) -> tuple[type[UnreadableFile], tuple[Path, str, str, str]]:
        return type(self), (self.path, self.code, self.cause, self.remedy)


def empty_file(path: Path) -> UnreadableFile:
    """The problem of a file without content."""
    return UnreadableFile(
        path, "empty", "the file is empty", "Send a file with a header line and at least one record"
    )


def header_only(path: Path) -> UnreadableFile:
    """The problem of a table without records."""
    return UnreadableFile(
        path, "header_only", "the file has a header but no records", "Send the file with its records"
    )
