"""A clean table, spoilt at any place: it comes back as it was, or the spoilt row is told with its number and its line."""

from __future__ import annotations

import csv
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline_tests.files.coming_back import HEADER, Found, Row, came_back, cells

DELIMITERS = st.sampled_from([",", ";", "\t", "|"])
ENDS = st.sampled_from(["\n", "\r\n"])

_names = st.text(st.sampled_from("abcdefgéñ"), min_size=2, max_size=8)
_words = (
    st.lists(_names, min_size=1, max_size=3).map(" ".join) | st.just("Smith, John") | st.just('the "big" one')
)
_amounts = st.decimals(0, 9999, places=2).map(str)
_days = st.dates().map(str)


@st.composite
def tables(draw: st.DrawFn) -> list[Row]:
    """6 to 25 records, in which every column has a type of its own."""
    rows = draw(st.lists(st.tuples(_words, _amounts, _days), min_size=6, max_size=25))
    return [(str(1000 + number), *row) for number, row in enumerate(rows)]


Spoil = Callable[[list[str], str, int], tuple[str, set[tuple[str | None, ...]]]]
"""(fields of a record, delimiter, column) → its spoilt line, and as what it may be read if a repair is told."""


def _plain(fields: list[str]) -> list[str | None]:
    return [next(csv.reader([field]))[0] if field.startswith('"') else field for field in fields]


def too_many(fields: list[str], delimiter: str, column: int) -> tuple[str, set[tuple[str | None, ...]]]:
    return delimiter.join([*fields, "more"]), set()


def too_many_but_empty(
    fields: list[str], delimiter: str, column: int
) -> tuple[str, set[tuple[str | None, ...]]]:
    return delimiter.join([*fields, "", ""]), {tuple(_plain(fields))}


def too_few(fields: list[str], delimiter: str, column: int) -> tuple[str, set[tuple[str | None, ...]]]:
    return delimiter.join(fields[:-1]), {(*_plain(fields[:-1]), None)}


def unclosed_quote(fields: list[str], delimiter: str, column: int) -> tuple[str, set[tuple[str | None, ...]]]:
    plain = _plain(fields)
    spoilt = [*fields[:column], '"' + fields[column], *fields[column + 1 :]]
    literal = (*plain[:column], '"' + str(plain[column]), *plain[column + 1 :])
    return delimiter.join(spoilt), {tuple(plain), literal}


def stray_quote(fields: list[str], delimiter: str, column: int) -> tuple[str, set[tuple[str | None, ...]]]:
    plain = _plain(fields)
    text = str(plain[column]).replace('"', "").replace(delimiter, "")
    spoilt = [*fields[:column], text[:1] + '"' + text[1:], *fields[column + 1 :]]
    literal = (*plain[:column], text[:1] + '"' + text[1:], *plain[column + 1 :])
    return delimiter.join(spoilt), {literal}


def other_delimiter(
    fields: list[str], delimiter: str, column: int
) -> tuple[str, set[tuple[str | None, ...]]]:
    other = ";" if delimiter != ";" else "|"
    return other.join(fields), {tuple(_plain(fields))}


def nul_bytes(fields: list[str], delimiter: str, column: int) -> tuple[str, set[tuple[str | None, ...]]]:
    plain = _plain(fields)
    spoilt = [*fields[:column], fields[column][:1] + "\0" + fields[column][1:], *fields[column + 1 :]]
    return delimiter.join(spoilt), {tuple(plain)}


SPOILERS: list[Spoil] = [
    too_many,
    too_many_but_empty,
    too_few,
    unclosed_quote,
    stray_quote,
    other_delimiter,
    nul_bytes,
]


@pytest.mark.parametrize("spoil", SPOILERS, ids=lambda spoil: spoil.__name__)
@settings(max_examples=25)
@given(
    rows=tables(),
    delimiter=DELIMITERS,
    end=ENDS,
    where=st.integers(0, 24),
    column=st.integers(0, 3),
    data=st.data(),
)
def test_one_spoilt_row_is_mended_or_told_and_no_other_suffers(
    spoil: Spoil, rows: list[Row], delimiter: str, end: str, where: int, column: int, data: st.DataObject
) -> None:
    row = where % len(rows) + 1
    lines = [delimiter.join(HEADER), *[delimiter.join(cells(record, delimiter)) for record in rows]]
    lines[row], readings = spoil(cells(rows[row - 1], delimiter), delimiter, column)
    found = Found(end.join(lines) + end, chunk_rows=data.draw(st.sampled_from([1, 4, 1000])))
    came_back(found, rows, but=row)
    if row in found.rejects:
        reject = found.rejects[row]
        assert (reject.row, reject.line, reject.raw) == (row, row + 1, lines[row].rstrip("\r"))
    else:
        assert found.rows[row] in readings
        assert [repair.line for repair in found.repairs[row]] == [row + 1] * len(found.repairs[row])
        assert found.repairs[row] or found.rows[row] == next(iter(readings))


@settings(max_examples=25)
@given(rows=tables(), delimiter=DELIMITERS, end=ENDS, data=st.data())
def test_a_torn_last_line_costs_only_the_last_record(
    rows: list[Row], delimiter: str, end: str, data: st.DataObject
) -> None:
    lines = [delimiter.join(HEADER), *[delimiter.join(cells(record, delimiter)) for record in rows]]
    torn = lines[-1][: data.draw(st.integers(1, len(lines[-1]) - 1))]
    found = Found(end.join([*lines[:-1], torn]))
    came_back(found, rows, but=len(rows))


@settings(max_examples=25)
@given(rows=tables(), delimiter=DELIMITERS, end=ENDS, data=st.data())
def test_line_breaks_in_quotes_and_blank_lines_between_change_nothing(
    rows: list[Row], delimiter: str, end: str, data: st.DataObject
) -> None:
    broken = data.draw(st.integers(0, len(rows) - 1))
    rows[broken] = (rows[broken][0], f"over{end}two lines", *rows[broken][2:])
    lines = [delimiter.join(cells(record, delimiter)) for record in (HEADER, *rows)]
    lines.insert(data.draw(st.integers(1, len(lines))), "")
    came_back(Found(end.join(lines) + end), rows)


@settings(max_examples=25)
@given(
    rows=tables(),
    delimiter=DELIMITERS,
    preamble=st.sampled_from(["Report", "Sales of 2024\n\n", "a\nb c\nd\n"]),
)
def test_lines_above_the_header_change_nothing(rows: list[Row], delimiter: str, preamble: str) -> None:
    table = "".join(delimiter.join(cells(record, delimiter)) + "\n" for record in (HEADER, *rows))
    came_back(Found(preamble.rstrip("\n") + "\n" + "\n" * preamble.endswith("\n\n") + table), rows)
