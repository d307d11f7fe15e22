"""Cleaners by a table: this text stands for that.

What belongs here: the table, given in the declaration or as a CSV file beside it. What does not: tables in the warehouse.
"""

from __future__ import annotations

import csv
import hashlib
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

import polars as pl

from pipeline.contract.cleaning.cleaner import Cleaner, fingerprint, wrong
from pipeline.counts import counted

Other = Literal["keep", "null", "reject"]
_SHOWN = 10


def mapped(
    table: Mapping[str, str | None] | str | Path, other: Other = "keep", ignore_case: bool = False
) -> Cleaner:
    """Whole values by a table: `clean.map({"M": "male", "F": "female"})`; a value may become None, which is null.

    Args:
        table: text → text, or a CSV file (UTF-8, a header, two columns: value, what it becomes; an empty one is null). A
            relative path begins at the folder of the module that declares it. The file is read once, when it is declared.
        other: what becomes of other values: `"keep"` leaves them, `"null"` empties them, `"reject"` calls them wrong.
        ignore_case: whether upper and lower case are the same.

    Raises:
        ValueError: an empty table, a value twice, or a file that cannot be read.
    """
    if other not in get_args(Other):
        raise wrong("map", f"other is {other!r}", 'take "keep", "null" or "reject"')
    pairs = _pairs_of(table)
    seen: dict[str, str | None] = {}
    for old, new in pairs:
        if not isinstance(old, str) or not (new is None or isinstance(new, str)):
            raise wrong("map", f"{old!r} → {new!r} is not text to text", 'write both as text: {"1": "one"}')
        folded = old.lower() if ignore_case else old
        if folded in seen and seen[folded] != new:
            raise wrong("map", f"{old!r} becomes {seen[folded]!r} and {new!r}", "leave one of them out")
        seen[folded] = new
    if not seen:
        raise wrong("map", "the table is empty", 'write for example {"M": "male"}')
    return _cleaner(seen, other, ignore_case)


def _cleaner(table: dict[str, str | None], other: Other, ignore_case: bool) -> Cleaner:
    olds, news = list(table), pl.Series(list(table.values()), dtype=pl.String)

    def folded(value: pl.Expr) -> pl.Expr:
        return value.str.to_lowercase() if ignore_case else value

    def change(value: pl.Expr) -> pl.Expr:
        rest = pl.lit(None, pl.String) if other == "null" else value
        return folded(value).replace_strict(olds, news, default=rest, return_dtype=pl.String)

    def unknown(value: pl.Expr) -> pl.Expr:
        return ~folded(value).is_in(olds)

    shown = ", ".join(repr(old) for old in olds[:_SHOWN]) + (" and others" if len(olds) > _SHOWN else "")
    digest = hashlib.sha256(repr(sorted(table.items())).encode()).hexdigest()[:16]
    return Cleaner(
        "map",
        change,
        None if other == "null" else lambda value: folded(value).is_in(olds),
        fingerprint("map", digest, other, ignore_case),
        refuses=unknown if other == "reject" else None,
        refusal=f"`{{value}}` is not in the table, which has {shown}",
    )


def _pairs_of(table: Mapping[str, str | None] | str | Path) -> list[tuple[str, str | None]]:
    if isinstance(table, Mapping):
        return list(table.items())
    if not isinstance(table, str | Path):
        raise wrong("map", f"{table!r} is no table", 'give {"M": "male"} or the path of a CSV file')
    path = Path(table)
    if not path.is_absolute():
        path = _declaring_folder() / path
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = [row for row in csv.reader(lines, strict=True) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise wrong("map", f"{path} cannot be read: {error}", "give a CSV file in UTF-8") from error
    for number, row in enumerate(rows, start=1):
        if len(row) != 2:
            raise wrong(
                "map",
                f"record {number} of {path} has {counted(len(row), 'column')}",
                "give two: value, what it becomes",
            )
    return [(old, new or None) for old, new in rows[1:]]


def _declaring_folder() -> Path:
    """Folder of the module that called the cleaner: the first one outside this file."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    return Path.cwd() if frame is None else Path(frame.f_code.co_filename).resolve().parent
