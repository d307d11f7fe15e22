"""Reading a whole table the careful way, for the tests of this room."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipeline.files import ROW, ReadOptions, Reject, Table, open_table

Row = tuple[object, ...]


@dataclass(frozen=True)
class Read:
    """All of a table: records by `_row`, rejects by `_row`, lines by `_row`."""

    table: Table
    rows: dict[int, Row]
    rejects: dict[int, Reject]
    lines: dict[int, int]

    @property
    def values(self) -> list[Row]:
        return [self.rows[row] for row in sorted(self.rows)]


def read(path: Path, **options: object) -> Read:
    """Read every piece, and check what holds for every table: numbering from 1, nothing twice, nothing missing."""
    table = open_table(path, ReadOptions(**options))  # type: ignore[arg-type]
    rows: dict[int, Row] = {}
    rejects: dict[int, Reject] = {}
    lines: dict[int, int] = {}
    following, done = 1, 0
    for piece in table.pieces():
        assert piece.first_row == following
        assert done <= piece.bytes_done <= path.stat().st_size
        following, done = following + piece.records, piece.bytes_done
        parsed = piece.parse()
        assert parsed.frame.height + len(parsed.rejects) == piece.records
        assert parsed.frame.columns[-1] == ROW
        for record in parsed.frame.iter_rows():
            rows[record[-1]] = record[:-1]
        rejects |= {reject.row: reject for reject in parsed.rejects}
        if parsed.lines is not None:
            numbers = pl.Series(range(piece.first_row, following), dtype=pl.Int64)
            lines |= dict(zip(numbers.to_list(), parsed.lines(numbers).to_list(), strict=True))
    assert sorted([*rows, *rejects]) == list(range(1, following))
    for row, reject in rejects.items():
        assert reject.line is None or reject.line == lines[row]
    return Read(table, rows, rejects, lines)


def write(path: Path, content: str | bytes) -> Path:
    """A file with this content (text as UTF-8, line ends as they are)."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
