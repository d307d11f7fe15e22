"""A text table read with nothing given, and held against what it was made of."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path

from pipeline.files import ROW, ReadOptions, Reject, Repair, open_table
from pipeline_tests.files.reading import write

Row = tuple[str, ...]
HEADER = ("id", "name", "amount", "day")


def cells(row: Row, delimiter: str) -> list[str]:
    """The fields of a record as a careful writer writes them."""
    return [
        '"' + text.replace('"', '""') + '"' if any(c in text for c in f'{delimiter}"\r\n') else text
        for text in row
    ]


class Found:
    """All that was read of a text: records, rejects and repairs by row number."""

    def __init__(self, content: str | bytes, name: str = "a.csv", chunk_rows: int = 1000) -> None:
        self.rows: dict[int, tuple[str | None, ...]] = {}
        self.rejects: dict[int, Reject] = {}
        self.repairs: dict[int, list[Repair]] = defaultdict(list)
        with tempfile.TemporaryDirectory() as folder:
            self.table = open_table(write(Path(folder) / name, content), ReadOptions(chunk_rows=chunk_rows))
            for piece in self.table.pieces():
                parsed = piece.parse()
                numbers, frame = parsed.frame[ROW].to_list(), parsed.frame.drop(ROW)
                self.rows |= dict(zip(numbers, frame.iter_rows(), strict=True))
                for reject in parsed.rejects:
                    self.rejects[reject.row] = reject
                for repair in parsed.repairs:
                    self.repairs[repair.row].append(repair)
        assert self.rows.keys().isdisjoint(self.rejects)
        assert sorted([*self.rows, *self.rejects]) == list(range(1, len(self.rows) + len(self.rejects) + 1))


def came_back(found: Found, rows: list[Row], but: int | None = None) -> None:
    """Every record is as it was, all but the one with the number `but`."""
    assert found.table.columns[: len(HEADER)] == HEADER
    for number, row in enumerate(rows, start=1):
        if number != but:
            assert found.rows.get(number, found.rejects.get(number)) == row, number
    assert len(found.rows) + len(found.rejects) == len(rows)
