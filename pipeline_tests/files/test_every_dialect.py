"""Every dialect in every encoding comes back as it was, with nothing given."""

from __future__ import annotations

import csv
import io

import pytest

from pipeline_tests.files.coming_back import HEADER, Found, came_back, cells


@pytest.mark.parametrize(
    "preamble", ["", "Report\n", "Report\n\n"], ids=["none", "one line", "one line and a blank one"]
)
@pytest.mark.parametrize("count", [2, 5, 40])
def test_decimal_commas_are_no_delimiters(preamble: str, count: int) -> None:
    lines = ["name;price", *[f"{'Tee' if n % 2 else 'Brot'} {n};{n},{n * 7 % 100:02d}" for n in range(count)]]
    found = Found(preamble + "\n".join(lines) + "\n")
    assert (found.table.dialect.delimiter, found.table.columns) == (";", ("name", "price"))
    assert [found.rows[n] for n in range(1, count + 1)] == [tuple(line.split(";")) for line in lines[1:]]


_ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize(
    "delimiter", [",", ";", "\t", "|", ", "], ids=["comma", "semicolon", "tab", "pipe", "comma-blank"]
)
@pytest.mark.parametrize("encoding", _ENCODINGS)
def test_every_dialect_comes_back_in_every_encoding(encoding: str, delimiter: str, end: str) -> None:
    rows = [
        (
            str(n),
            ["Größe, weit", "Öl 'x'", 'Maß "9"', "zwei\nZeilen"][n % 4],
            f"{n * 1.25:.2f}",
            f"2025-03-{1 + n % 28:02d}",
        )
        for n in range(40)
    ]
    table = (
        end.join(delimiter.join(cells(record, delimiter.strip() or delimiter)) for record in (HEADER, *rows))
        + end
    )
    found = Found(table.encode(encoding))
    came_back(found, rows)
    assert found.table.dialect.delimiter == delimiter


@pytest.mark.parametrize("quote", ['"', "'"], ids=["double", "single"])
@pytest.mark.parametrize("escape", ["double", "backslash"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
def test_every_quote_and_escape_comes_back(quote: str, escape: str, delimiter: str) -> None:
    rows = [
        (
            str(n),
            [f"a{quote}b", f"x{delimiter}y", "plain", f"{quote}all{quote}"][n % 4],
            f"{n}.5",
            "2025-03-01",
        )
        for n in range(40)
    ]
    text = io.StringIO()
    doubled = escape == "double"
    writer = csv.writer(
        text,
        delimiter=delimiter,
        quotechar=quote,
        doublequote=doubled,
        escapechar=None if doubled else "\\",
        quoting=csv.QUOTE_ALL,
        lineterminator="\n",
    )
    writer.writerows([HEADER, *rows])
    came_back(Found(text.getvalue()), rows)
