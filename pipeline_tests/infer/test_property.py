"""Whatever a table holds: its module loads, is laid out as a formatter would, and lets every row of the file pass."""

from __future__ import annotations

import csv
import io
import tempfile
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.files import UnreadableFile
from pipeline_tests.infer.support import formatter_complaints, round_trip

WORDS = st.sampled_from(["", "NA", "n/a", "-", "null", " ", "?", "none", "NaN", "N/A "])
HEADERS = st.one_of(
    st.sampled_from(
        ["id", "Order ID", "date", "Date", "datetime", "class", "from", "amount", "Amount", "e-mail", "Größe [cm]",
         "2019", "%", "_row", "validate", "int", "str", "name", "timestamp", "zip", "Price (€)", "a b", "a_b", "名前", "x" * 70]
    ),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=12),
)  # fmt: skip


def _dates(pattern: str) -> st.SearchStrategy[str]:
    moments = st.datetimes(datetime(1971, 1, 1), datetime(2049, 12, 31))  # noqa: DTZ001
    return moments.map(lambda moment: moment.strftime(pattern))


KINDS: dict[str, st.SearchStrategy[str]] = {
    "int": st.integers(-(10**6), 10**6).map(str),
    "long": st.integers(10**15, 10**25).map(str),
    "padded": st.integers(0, 99_999).map(lambda number: f"{number:06d}"),
    "float": st.floats(-1e6, 1e6).map(lambda number: f"{number:.3f}"),
    "any float": st.floats(allow_nan=False, allow_infinity=False).map(repr),
    "whole float": st.integers(0, 1_000).map(lambda number: f"{number}.0"),
    "comma": st.floats(-1e6, 1e6).map(lambda number: f"{number:,.2f}".translate(str.maketrans(",.", ".,"))),
    "thousands": st.floats(-1e6, 1e6).map(lambda number: f"{number:,.2f}"),
    "three digits": st.integers(1_000, 999_999).map(lambda number: f"{number:,}"),
    "money": st.floats(0, 1e5).map(lambda number: f"€ {number:,.2f}"),
    "percent": st.floats(0, 100).map(lambda number: f"{number:.1f} %"),
    "bool": st.booleans().map(lambda truth: "ja" if truth else "nein"),
    "truth": st.booleans().map(lambda truth: "true" if truth else "false"),
    "iso date": _dates("%Y-%m-%d"),
    "iso time": _dates("%Y-%m-%d %H:%M:%S"),
    "zoned": _dates("%Y-%m-%dT%H:%M:%SZ"),
    "german": _dates("%d.%m.%Y"),
    "slashes": _dates("%d/%m/%Y"),
    "american": _dates("%m/%d/%Y %I:%M %p"),
    "short year": _dates("%d.%m.%y"),
    "named": _dates("%d %B %Y"),
    "compact": _dates("%Y%m%d"),
    "clock": _dates("%H:%M"),
    "excel": st.integers(30_000, 50_000).map(str),
    "epoch": st.integers(1_500_000_000, 1_800_000_000).map(str),
    "email": st.from_regex(r"[a-z]{1,8}@[a-z]{1,8}\.com", fullmatch=True),
    "uuid": st.uuids().map(str),
    "country": st.sampled_from(["DE", "FR", "NA", "US"]),
    "category": st.sampled_from(["red", "green", "blue", 'say "hi"', "it's", "back\\slash"]),
    "text": st.text(st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12),
}  # fmt: skip


@st.composite
def tables(draw: st.DrawFn) -> str:
    """A CSV file: columns of one kind each, some with gaps, words for nothing, or values of another kind among them."""
    height = draw(st.integers(1, 40))
    headers = draw(st.lists(HEADERS, min_size=2, max_size=5, unique=True))
    columns = []
    for _ in headers:
        kind = draw(st.sampled_from(sorted(KINDS)))
        values = draw(st.lists(KINDS[kind], min_size=1, max_size=height))
        values = [values[row % len(values)] for row in range(height)]
        for others in (WORDS, KINDS[draw(st.sampled_from(sorted(KINDS)))]):
            if draw(st.integers(0, 3)) == 0:
                values[draw(st.integers(0, height - 1))] = draw(others)
        if draw(st.integers(0, 9)) == 0:
            values = [f" {value}" for value in values]
        columns.append(values)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(headers)
    writer.writerows(zip(*columns, strict=True))
    return out.getvalue()


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(text=tables(), chunk_rows=st.sampled_from([9, 100_000]))
def test_every_row_of_a_file_passes_the_module_made_of_it(text: str, chunk_rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_text(text, encoding="utf-8", newline="")
        try:
            trip = round_trip(path, Path(folder), chunk_rows=chunk_rows)
        except UnreadableFile:
            return  # no table to the readers either
        assert trip.rejected == []
        assert trip.staged.manifest.rows_rejected == trip.unread


@settings(max_examples=5, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(text=tables())
def test_every_module_is_laid_out_as_a_formatter_would(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_text(text, encoding="utf-8", newline="")
        try:
            trip = round_trip(path, Path(folder))
        except UnreadableFile:
            return
        assert [formatter_complaints(trip.inferred.text, width) for width in (88, 110)] == ["", ""]


@pytest.mark.parametrize("kind", sorted(KINDS))
@settings(max_examples=2, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_a_column_of_one_kind_passes(kind: str, data: st.DataObject) -> None:
    values = data.draw(st.lists(KINDS[kind], min_size=1, max_size=60))
    day = date(2024, 1, 1)
    rows = [["number", "value"], *([str(day + timedelta(row)), value] for row, value in enumerate(values))]
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_text(out.getvalue(), encoding="utf-8", newline="")
        try:
            trip = round_trip(path, Path(folder), chunk_rows=7)
        except UnreadableFile:
            return
        assert trip.rejected == []
