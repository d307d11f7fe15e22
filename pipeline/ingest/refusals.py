"""Why a file is not staged although it could be read: too large, written to meanwhile, or refused by a rule of its dataset.

What belongs here: these reasons and their words. What does not: files that hold no table (`files.problems`), columns that are
missing (`mapping`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipeline.files import Parsed, Piece, UnreadableFile
from pipeline.ingest.violations import Finding
from pipeline.settings import Settings


class FileChanged(Exception):
    """A file changed while it was read: it is not complete yet, and is taken again later."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} changed while it was read; it is left where it is and taken again when it stands still"
        )


def refuse_changed(path: Path, before: os.stat_result) -> None:
    """Raise FileChanged when a file is not what it was `before`."""
    after = path.stat()
    if (before.st_size, before.st_mtime_ns, before.st_ino) != (
        after.st_size,
        after.st_mtime_ns,
        after.st_ino,
    ):
        raise FileChanged(path)


def refuse_oversize(path: Path, size: int, settings: Settings) -> None:
    """Raise UnreadableFile when a file is larger than the settings allow."""
    if size > settings.max_file_mb * 2**20:
        raise UnreadableFile(
            path,
            "too_large",
            f"the file has {size / 2**20:,.0f} MB, more than the {settings.max_file_mb:,} MB that are allowed",
            "Split it, or raise PIPELINE_MAX_FILE_MB, and drop it again.",
        )


@dataclass(frozen=True)
class Refusal:
    """A rule of severity quarantine that rows of a chunk break.

    Attributes:
        rule: its name.
        text: what it says of such a row.
        place: the first such row, for people.
        count: how many there are.
    """

    rule: str
    text: str
    place: str
    count: int


def refusal(finding: Finding, parsed: Parsed, piece: Piece, numbers: pl.Series) -> Refusal:
    """What is told of a finding for which the file is refused; `numbers` are the `_row` numbers of the chunk."""
    first = numbers[finding.rows[:1]]
    place = f"row {first.item():,}"
    if parsed.lines:
        place += f" (line {parsed.lines(first).item():,})"
    if piece.sheet is not None:
        place += f" of sheet {piece.sheet!r}"
    return Refusal(finding.check, finding.template, place, len(finding.rows))


def refuse_by_rule(path: Path, refusals: Iterable[Refusal]) -> None:
    """Raise UnreadableFile when a rule is broken of which a single row is one too many."""
    told = [
        f"{one.text} (rule {one.rule!r}), first in {one.place}, in {one.count:,} row{'s' if one.count > 1 else ''}"
        for one in refusals
    ]
    if not told:
        return
    raise UnreadableFile(
        path,
        "refused_by_rule",
        "; ".join(told),
        "Correct the rows and drop the file again; a rule of another severity would let the other rows in.",
    )
