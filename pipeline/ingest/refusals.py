"""Why a file is not loaded although it could be read: too large, written to meanwhile, refused by a rule of its dataset, or with more
rejected rows than that allows.

What belongs here: these reasons and their words. What does not: files that hold no table (`files.problems`), columns that are
missing (`mapping`).
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from pipeline.contract import Dataset
from pipeline.counts import counted
from pipeline.files import Parsed, Piece, UnreadableFile
from pipeline.ingest.manifest import CheckCount, Manifest
from pipeline.ingest.staging import discard
from pipeline.ingest.violations import Finding, in_words
from pipeline.settings import Settings

BY_RULE = "refused_by_rule"
TOO_MANY = "too_many_errors"
_TOLD = 5
BY_RULE_REMEDY = (
    "Correct the rows and drop the file again; a rule of another severity would let the other rows in."
)


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


class RefusedFile(UnreadableFile):
    """A file that could be read, and is refused for what is in its rows; `counts` says what rejects them."""

    def __init__(
        self, path: Path, code: str, cause: str, remedy: str, counts: tuple[CheckCount, ...] = ()
    ) -> None:
        super().__init__(path, code, cause, remedy)
        self.counts = counts


@dataclass(frozen=True)
class Refusal:
    """A rule or check of severity quarantine that rows of a chunk break.

    Attributes:
        rule: what it is called, in words that are its own within the dataset.
        text: what it says of the first such row.
        place: the first such row, for people.
        count: how many there are.
    """

    rule: str
    text: str
    place: str
    count: int


def refusal(
    finding: Finding, parsed: Parsed, piece: Piece, numbers: pl.Series, shown: Mapping[str, pl.Series]
) -> Refusal:
    """What is told of a finding for which the file is refused.

    Args:
        numbers: the `_row` numbers of the chunk.
        shown: contract column → its source values as they may be written.
    """
    first = numbers[finding.rows[:1]]
    place = f"row {first.item():,}"
    if parsed.lines:
        place += f" (line {parsed.lines(first).item():,})"
    if piece.sheet is not None:
        place += f" of sheet {piece.sheet!r}"
    return Refusal(
        named_rule(finding.column, finding.check), in_words(finding, shown), place, len(finding.rows)
    )


def named_rule(column: str | None, check: str) -> str:
    """What a rule, or the check of a column, is called."""
    return f"rule {check!r}" if column is None else f"check {check!r} of {column!r}"


def refuse_by_rule(path: Path, refusals: Iterable[Refusal]) -> None:
    """Raise UnreadableFile when a rule is broken of which a single row is one too many."""
    told = list(refusals)
    if told:
        raise UnreadableFile(path, BY_RULE, by_rule_in_words(told), BY_RULE_REMEDY)


def by_rule_in_words(refusals: Iterable[Refusal]) -> str:
    """What is told of the rules for which a file is refused."""
    return "; ".join(
        f"{one.text} ({one.rule}), first in {one.place}, in {one.count:,} row{'s' if one.count > 1 else ''}"
        for one in refusals
    )


def refuse_too_many(path: Path, dataset: Dataset, folder: Path, manifest: Manifest) -> None:
    """Raise RefusedFile when more rows of a staged file are rejected than its dataset allows; what was staged goes away."""
    cause = too_many(dataset, manifest.rows_rejected, manifest.rows_read, manifest.rejects)
    if cause is not None:
        discard(folder)
        raise RefusedFile(path, TOO_MANY, cause, too_many_remedy(dataset, path), manifest.rejects)


def without_limits(dataset: Dataset) -> Dataset:
    """The dataset as it would be without max_error_rate and max_errors: to look at a file, or at some rows of one."""
    return replace(dataset, max_error_rate=None, max_errors=None)


def too_many(dataset: Dataset, rejected: int, read: int, counts: Sequence[CheckCount]) -> str | None:
    """What is told of a file of which more rows are rejected than the dataset allows; None where it allows them.

    Args:
        rejected: rejected rows.
        read: rows of the file.
        counts: what rejects them, most frequent first.
    """
    rate, rows = dataset.max_error_rate, dataset.max_errors
    if rows is not None and rejected > rows:
        limit = f"max_errors={rows:,} allows"
    elif rate is not None and read and rejected / read > rate:
        limit = f"max_error_rate={rate:g} allows"
    else:
        return None
    told = ", ".join(
        f"{one.check} of {one.column} {one.rows:,}" if one.column else f"{one.check} {one.rows:,}"
        for one in counts[:_TOLD]
    )
    more = f" and {counted(len(counts) - _TOLD, 'more check')}" if len(counts) > _TOLD else ""
    found = f": {told}{more}" if told else ""
    return f"{rejected:,} of {counted(read, 'row')} ({rejected / read:.2%}) {'is' if rejected == 1 else 'are'} rejected, more than {limit}{found}"


def too_many_remedy(dataset: Dataset, path: Path) -> str:
    """What a person can do about such a file, which lies at `path`."""
    return (
        f"Look at them with `pipeline check {shlex.quote(str(path))} --dataset {dataset.name}`, correct the rows and drop the file again, or raise "
        "the limit of the dataset."
    )
