"""Pollutions that the Pollock benchmark once made and counts no more, with what a loader should give.

What belongs here: those kinds, from the same table. What does not: the kinds that count (`pollution`).
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.pollution import Polluted
from benchmarks.source_table import Cell, Row, Writing, source_table, texts

_ACCENTS = {"Wool": "Wölle", "Cape": "Çape", "Tea": "Thé"}


def more_files() -> Iterator[Polluted]:
    """One file of each kind."""
    rows = source_table()
    yield from _around(rows)
    yield from _headers(rows)
    yield from _marks(rows)
    yield from _encodings(rows)
    yield from _sizes(rows)


def _around(rows: list[Row]) -> Iterator[Polluted]:
    """Three lines above or below the table, with delimiters or without, with an empty line between or without."""
    plain, width = Writing(), len(rows[0])
    table = plain.table(rows)
    for word in ("PREAMBLE", "FOOTNOTE"):
        for delimited in (True, False):
            for blank in (True, False):
                fill = [Cell("")] * (width - 1) if delimited else []
                lines = plain.table([[Cell(word), *fill]] * 3)
                gap = plain.table([[Cell(""), *fill]]) if blank else ""
                text = lines + gap + table if word == "PREAMBLE" else table + gap + lines
                name = (
                    f"{word.lower()}_3_{'' if delimited else 'not_'}delimited{'_empty_row' if blank else ''}"
                )
                yield _file(name, text, texts(rows))


def _headers(rows: list[Row]) -> Iterator[Polluted]:
    for column in (0, 2, 8):
        for word, cell in (("empty", ""), ("nonalnum", "HEAD/%R"), ("large", "HEADER" * 100_000)):
            header = [*rows[0][:column], Cell(cell), *rows[0][column + 1 :]]
            changed = [header, *rows[1:]]
            yield _file(f"header_{column}_{word}", Writing().table(changed), texts(changed))
    twice = [Cell("HEADER"), Cell("HEADER"), *rows[0][2:]]
    yield _file("header_not_unique", Writing().table([twice, *rows[1:]]), texts([twice, *rows[1:]]))


def _marks(rows: list[Row]) -> Iterator[Polluted]:
    # Texts with blanks, colons or pipes stand in quotes, as a writer with such a delimiter would put them.
    for name, delimiter in (("pipe", "|"), ("colon", ":"), ("two_tabs", "\t\t"), ("literal_t", "\\t")):
        careful = [[Cell(c.text, c.quoted or delimiter in c.text) for c in row] for row in rows]
        yield _file(f"delimiter_{name}", Writing(delimiter=delimiter).table(careful), texts(rows))
    quoted = [[Cell(cell.text, True) for cell in row] for row in rows]
    yield _file("all_quoted", Writing().table(quoted), texts(rows))
    lines = [
        ",".join(f'" {cell.text.replace(chr(34), chr(34) * 2)} "' for cell in row) + "\r\n" for row in quoted
    ]
    padded = [[f" {cell.text} " for cell in row] for row in rows]
    yield _file("quote_and_space", "".join(lines), padded)
    mixed = "".join(Writing(end="\n" if n % 3 else "\r\n").row(row) for n, row in enumerate(rows))
    yield _file("record_ends_mixed", mixed, texts(rows))


def _encodings(rows: list[Row]) -> Iterator[Polluted]:
    accented = [[Cell(_accented(cell.text), cell.quoted) for cell in row] for row in rows]
    text = Writing().table(accented)
    for encoding in ("utf-8", "utf-8-sig", "latin-1", "cp1252", "utf-16", "utf-16-le", "utf-32"):
        name = f"encoding_{encoding}"
        yield Polluted(f"{name}.csv", name, text.encode(encoding), texts(accented))


def _accented(text: str) -> str:
    for plain, accented in _ACCENTS.items():
        text = text.replace(plain, accented)
    return text


def _sizes(rows: list[Row]) -> Iterator[Polluted]:
    one = [row[3:4] for row in rows]
    yield _file("one_column", Writing().table(one), texts(one))
    wide = [
        [*row, *[Cell(f"col{n}" if not number else str(number * n % 97)) for n in range(10, 1025)]]
        for number, row in enumerate(rows)
    ]
    yield _file("columns_1024", Writing().table(wide), texts(wide))
    for number in (1, 50, len(rows) - 1):
        for fields in (5, 15):
            row = [*rows[number], *[Cell("")] * 6][:fields]
            changed = [*rows[:number], row, *rows[number + 1 :]]
            yield _file(
                f"row_{number}_{fields}_fields",
                Writing().table(changed),
                texts(rows) if fields > 9 else texts(changed),
            )


def _file(name: str, text: str, expected: list[list[str]]) -> Polluted:
    return Polluted(f"{name}.csv", name, text.encode(), expected)
