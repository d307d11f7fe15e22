"""Files polluted as the public Pollock benchmark pollutes them, made from a table of our own, with what a loader should give.

What belongs here: its 2,289 files by kind, and how often each kind occurs in real files (its weight). What does not: kinds
that it does not count (`pollution_more`), scoring (`pollock`).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.source_table import Cell, Row, Writing, source_table, texts

ROW_WEIGHT = 0.37


@dataclass(frozen=True)
class Polluted:
    """A file.

    Attributes:
        name: of the file, after its pollution.
        kind: what the pollution is.
        data: its bytes.
        expected: header and records that a loader should give; empty where the file holds none.
        weight: how often the pollution occurs in real files, 0 if Pollock does not count it.
    """

    name: str
    kind: str
    data: bytes
    expected: list[list[str]]
    weight: float = 0.0


def polluted_files(rows: list[Row] | None = None) -> Iterator[Polluted]:
    """All files that Pollock counts, made from the source table, or from header and records of another one."""
    rows = rows or source_table()
    yield from _whole_files(rows)
    yield from _marks(rows)
    for number in range(len(rows)):
        yield from _one_row(rows, number)


def write_files(folder: Path, files: Iterator[Polluted]) -> None:
    """`folder`/csv and `folder`/clean, file by file of one name."""
    for part in ("csv", "clean"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for file in files:
        (folder / "csv" / file.name).write_bytes(file.data)
        with (folder / "clean" / file.name).open("w", encoding="utf-8", newline="") as out:
            csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(file.expected)


def _whole_files(rows: list[Row]) -> Iterator[Polluted]:
    plain, clean = Writing().table(rows), texts(rows)
    header, first = rows[0], rows[1]
    yield _file("file_no_payload", "", [], 15)
    yield _file("file_no_trailing_newline", plain.removesuffix("\r\n"), clean, 184)
    yield _file("file_double_trailing_newline", plain + "\r\n", clean, 5)
    yield _file("file_no_header", Writing().table(rows[1:]), clean[1:], 470)
    for times in (2, 3):
        again = [Cell(cell.text) for cell in header]
        joined = [" ".join([cell.text] * times) for cell in header]
        text = Writing().table([again] * (times - 1)) + plain
        yield _file(f"file_header_multirow_{times}", text, [joined, *clean[1:]], 47)
    width = len(header)
    preamble = [[Cell("PREAMBLE"), *[Cell("")] * (width - 1)], [Cell("")] * width]
    yield _file("file_preamble", Writing().table(preamble) + plain, clean, 282)
    for word, columns in (("less", width - 1), ("same", width), ("more", width + 1)):
        second = Writing().table(_second_table(rows[:-1], columns))
        yield _file(f"file_multitable_{word}", plain + second, clean, 62.7)
    yield _file("file_header_only", Writing().row(header), clean[:1], 3)
    yield _file("file_one_data_row", Writing().table([header, first]), clean[:2], 4)


def _second_table(rows: list[Row], columns: int) -> Iterator[Row]:
    """The table once more, as carelessly as Pollock writes it: texts are cut at their quotes, and quoted only where they have
    a comma."""
    width = len(rows[0])
    for number, row in enumerate(rows):
        cut: list[str] = []
        for cell in row:
            first, *others = cell.text.split('"')
            cut += [first, *[f'"{other}' for other in others]]
        cells = [Cell(text, quoted=text.find(",") > 0) for text in cut[: min(width, columns)]]
        yield [*cells, Cell("" if number else "col1")] if columns > width else cells


def _marks(rows: list[Row]) -> Iterator[Polluted]:
    clean = texts(rows)
    for code, name, writing, weight in (
        ("0xA", "file_record_delimiter", Writing(end="\n"), 1691.0),
        ("0xD", "file_record_delimiter", Writing(end="\r"), 7.0),
        ("0x3B", "file_field_delimiter", Writing(delimiter=";"), 834.0),
        ("0x9", "file_field_delimiter", Writing(delimiter="\t"), 4.0),
        ("0x2C_0x20", "file_field_delimiter", Writing(delimiter=", "), 101.0),
        ("0x20", "file_field_delimiter", Writing(delimiter=" "), 4.0),
        ("0x27", "file_quotation_char", Writing(quote="'"), 11.0),
        ("0x5C", "file_escape_char", Writing(escape="\\"), 1.0),
        ("0x00", "file_escape_char", Writing(escape=""), 7.0),
    ):
        yield _file(f"{name}_{code}", writing.table(rows), clean, weight)


def _one_row(rows: list[Row], number: int) -> Iterator[Polluted]:
    """Pollutions of one row: a delimiter too many, one too few, a quote too many, all delimiters others."""
    plain, row = Writing(), rows[number]
    before, after = plain.table(rows[:number]), plain.table(rows[number + 1 :])
    cells = [plain.cell(cell) for cell in row]
    clean = texts(rows)

    def with_row(
        kind: str, place: str, fields: list[str], expected: list[list[str]], delimiter: str = ","
    ) -> Polluted:
        text = before + delimiter.join(fields) + plain.end + after
        return _file(f"{kind}{place}", text, expected, ROW_WEIGHT, kind)

    for column in range(len(cells)):
        place = f"{number}_col{column}"
        more = [*cells[:column], "", *cells[column:]]
        yield with_row("row_more_sep_row", place, more, clean)
        if column:
            together = cells[column - 1] + cells[column]
            less = [*cells[: column - 1], together, *cells[column + 1 :]]
            yield with_row("row_less_sep_row", place, less, clean)
        quoted = [*cells[:column], plain.cell(row[column], extra='"'), *cells[column + 1 :]]
        with_quote = [*row[:column], replace(row[column], text='"' + row[column].text), *row[column + 1 :]]
        expected = [*clean[:number], [cell.text for cell in with_quote], *clean[number + 1 :]]
        yield with_row("row_extra_quote", place, quoted, expected)
    yield with_row("row_field_delimiter_", f"{number}_0x20", cells, clean, " ")


def _file(
    name: str, text: str, expected: list[list[str]], weight: float, kind: str | None = None
) -> Polluted:
    return Polluted(f"{name}.csv", kind or name, text.encode(), expected, weight)
