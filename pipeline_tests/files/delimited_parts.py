"""Delimited text cut and parsed with a given dialect, for the tests of the parts: nothing is detected."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipeline.files.delimited.blocks import Blocks
from pipeline.files.delimited.layout import Layout
from pipeline.files.delimited.parse import parse_block
from pipeline.files.delimited.rewrite import Rewrite
from pipeline.files.delimited.scan import Marks
from pipeline.files.table import ROW, ReadOptions, Reject, Repair
from pipeline.files.text import TextSource

Row = tuple[str | None, ...]


@dataclass(frozen=True)
class Result:
    """All of a text: records, rejects, repairs and lines by `_row`."""

    rows: dict[int, Row]
    rejects: dict[int, Reject]
    repairs: list[Repair]
    lines: dict[int, int]

    @property
    def values(self) -> list[Row]:
        return [self.rows[row] for row in sorted(self.rows)]

    def repair(self, row: int) -> Repair:
        """The one repair of a record."""
        (found,) = [repair for repair in self.repairs if repair.row == row]
        return found


def parse(
    path: Path,
    text: str | bytes,
    columns: str,
    *,
    marks: Marks | None = None,
    rewrite: Rewrite | None = None,
    chunk_rows: int = 100_000,
    stop: int | None = None,
    comment: tuple[bytes, ...] = (),
    encoding: str = "utf-8",
) -> Result:
    """`text` is all records, `columns` one letter each. Checks what holds for every text: each record is in one place."""
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    marks = marks or Marks(44, 34, width=len(columns))
    source, options = TextSource(path, None, encoding), ReadOptions(chunk_rows=chunk_rows)
    layout = Layout(marks, tuple(columns), rewrite)
    result = Result({}, {}, [], {})
    following = 1
    for block in Blocks(source, marks, options, 0, 0, 10.0, rewrite=rewrite, stop=stop, comment=comment):
        assert block.first_row == following
        following += block.records
        parsed = parse_block(block, layout)
        assert parsed.frame.height + len(parsed.rejects) == block.records
        assert parsed.frame[ROW].is_sorted()
        for record in parsed.frame.iter_rows():
            result.rows[record[-1]] = record[:-1]
        result.rejects.update({reject.row: reject for reject in parsed.rejects})
        result.repairs.extend(parsed.repairs)
        numbers = pl.Series(range(block.first_row, following), dtype=pl.Int64)
        assert parsed.lines is not None
        result.lines.update(zip(numbers.to_list(), parsed.lines(numbers).to_list(), strict=True))
    assert sorted([*result.rows, *result.rejects]) == list(range(1, following))
    assert all(repair.row in result.rows for repair in result.repairs)
    for told in (*result.rejects.values(), *result.repairs):
        assert told.line == result.lines[told.row]
    return result
