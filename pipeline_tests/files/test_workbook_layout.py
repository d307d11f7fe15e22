"""The table inside a sheet: what is above it, below it and beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from pipeline.contract.read import Read
from pipeline.files import UnreadableFile, open_table
from pipeline.files.table import ReadOptions
from pipeline_tests.files.reading import read
from pipeline_tests.files.test_excel import BUDGETS, Sheets, workbook

Rows = list[list[object]]
RECORDS: Rows = [[1, "a", 2.5], [2, "b", 3.5], [3, "c", 4.5]]
VALUES = [("1", "a", "2.5"), ("2", "b", "3.5"), ("3", "c", "4.5")]
HEADER: Rows = [["id", "name", "size"]]


def one(tmp_path: Path, rows: Rows, change: Callable[[openpyxl.Workbook], None] | None = None) -> Path:
    return workbook(tmp_path / "a.xlsx", {"one": rows}, change)


@BUDGETS
@pytest.mark.parametrize(
    ("above", "said"),
    [
        ([["Sales report"]], "Sales report"),
        ([["Sales report"], []], "Sales report"),
        ([["Sales report"], ["printed", 45000], [], ["all figures", "in", None]], "printed 45000"),
        ([["one", "two"], ["three", "four"]], "one two | three four"),
    ],
    ids=["title", "title-and-blank", "block", "wide"],
)
def test_rows_above_the_header_are_left_out_and_said(
    tmp_path: Path, memory_mb: int, above: Rows, said: str
) -> None:
    found = read(one(tmp_path, above + HEADER + RECORDS), memory_mb=memory_mb)
    assert found.values == VALUES
    assert found.table.header == ("id", "name", "size")
    assert found.table.dialect.header_line == len(above) + 1
    assert said in found.table.dialect.notes[0]


@BUDGETS
@pytest.mark.parametrize(
    "below",
    [
        [["Source: our own"]],
        [[], ["Source: our own"]],
        [[], ["Source: our own"], [None, "second line"], [], ["third"]],
    ],
    ids=["next", "apart", "several"],
)
def test_rows_below_the_table_are_left_out_and_said(tmp_path: Path, memory_mb: int, below: Rows) -> None:
    found = read(one(tmp_path, HEADER + RECORDS + below), memory_mb=memory_mb)
    assert found.values == VALUES
    assert "Source: our own" in found.table.dialect.notes[0]


def test_a_sparse_last_record_is_no_note_where_records_are_sparse(tmp_path: Path) -> None:
    rows: Rows = [*HEADER, [1, "a", None], [None, "b", None], [3, "c", 4.5], [None, "last", None]]
    assert read(one(tmp_path, rows)).values[-1] == (None, "last", None)


@pytest.mark.parametrize(
    ("last", "kept"),
    [("d", True), ("Source: our own", False), ("* as far as known", False)],
    ids=["name", "source", "footnote"],
)
def test_a_last_record_may_have_a_name_alone(tmp_path: Path, last: str, kept: bool) -> None:
    rows: Rows = [["name", "size", "price"], ["a", 1, 2], ["b", 3, 4], ["c", 5, 6], [last]]
    found = read(one(tmp_path, rows))
    assert len(found.values) == (4 if kept else 3)
    assert bool(found.table.dialect.notes) is not kept


@BUDGETS
def test_a_total_is_left_out_and_said(tmp_path: Path, memory_mb: int) -> None:
    found = read(one(tmp_path, HEADER + RECORDS + [["Total", None, 10.5]]), memory_mb=memory_mb)
    assert found.values == VALUES
    assert found.table.dialect.notes == ("row 5 below the table, a total, left out: Total 10.5",)


def test_a_total_must_be_one(tmp_path: Path) -> None:
    rows: Rows = [["name", "size"], ["a", 1], ["b", 2], ["Total", 3]]
    assert read(one(tmp_path, rows)).values == [("a", "1"), ("b", "2")]
    rows[-1] = ["Total", 4]
    assert read(one(tmp_path, rows)).values[-1] == ("Total", "4")
    rows[-1] = ["Totals Ltd", 3]
    assert read(one(tmp_path, rows)).values[-1] == ("Totals Ltd", "3")


@BUDGETS
def test_blank_margins_are_no_columns(tmp_path: Path, memory_mb: int) -> None:
    rows: Rows = [["Title in the corner"], [], *([None, None, *row] for row in HEADER + RECORDS)]
    found = read(one(tmp_path, rows), memory_mb=memory_mb)
    assert found.table.columns == ("id", "name", "size")
    assert found.values == VALUES


@BUDGETS
def test_groups_over_names_are_joined(tmp_path: Path, memory_mb: int) -> None:
    def merge(book: openpyxl.Workbook) -> None:
        for cells in ("A2:A3", "B2:C2", "D2:E2"):
            book["one"].merge_cells(cells)

    rows: Rows = [
        ["Report"],
        ["region", "2023", None, "2024", None],
        [None, "sold", "lost", "sold", "lost"],
        ["north", 1, 2, 3, 4],
        ["south", 5, 6, 7, 8],
    ]
    found = read(one(tmp_path, rows, merge), memory_mb=memory_mb)
    assert found.table.header == ("region", "2023 sold", "2023 lost", "2024 sold", "2024 lost")
    assert found.table.dialect.header_rows == 2
    assert found.values == [("north", "1", "2", "3", "4"), ("south", "5", "6", "7", "8")]


def test_a_record_of_words_is_no_second_header(tmp_path: Path) -> None:
    rows: Rows = [["id", "name", "size"], ["x", "unknown", "n/a"], [1, "a", 2], [2, "b", 3]]
    assert read(one(tmp_path, rows)).values[0] == ("x", "unknown", "n/a")


def test_years_can_be_names(tmp_path: Path) -> None:
    rows: Rows = [["country", 2022, 2023], ["DE", 10.5, 11], ["FR", 12, 13.5]]
    assert read(one(tmp_path, rows)).table.columns == ("country", "2022", "2023")


def test_the_contract_decides_on_the_header(tmp_path: Path) -> None:
    rows: Rows = [["all", "of", "it"], ["x", "y", "z"], ["id", "name", "size"], ["p", "q", "r"]]
    found = read(one(tmp_path, rows), expected=("name", "size"))
    assert found.values == [("p", "q", "r")]
    assert found.table.dialect.reasons == ("2 of its names are the contract's",)
    assert (found.table.dialect.confidence, read(one(tmp_path, rows)).table.dialect.confidence) == (1.0, 0.6)
    assert found.table.dialect.header_line == 3


@BUDGETS
def test_a_sheet_without_header_is_named_by_the_contract_or_by_number(tmp_path: Path, memory_mb: int) -> None:
    path = one(tmp_path, RECORDS)
    found = read(path, memory_mb=memory_mb)
    assert (found.table.columns, found.table.header) == (("column_1", "column_2", "column_3"), None)
    assert found.values == VALUES
    assert found.table.dialect.header_rows == 0
    named = read(path, memory_mb=memory_mb, positions=("id", "name", "size"), expected=("id", "name", "size"))
    assert (named.table.columns, named.table.header) == (("id", "name", "size"), None)
    with pytest.raises(UnreadableFile, match="3 columns are not the 2") as caught:
        open_table(path, ReadOptions(positions=("id", "name"), expected=("id", "name")))
    assert caught.value.code == "no_header"


def test_the_dataset_fixes_header_skip_and_footer(tmp_path: Path) -> None:
    rows: Rows = [["id", "name", "size"], ["a", "b", "c"], [], ["x", "y", "z"], *RECORDS, ["end", "of", "it"]]
    found = read(one(tmp_path, rows), read=Read(skip=3, footer=1))
    assert found.table.columns == ("x", "y", "z")
    assert found.values == VALUES
    assert any("end of it" in note for note in found.table.dialect.notes)
    joined = read(one(tmp_path, rows), read=Read(header=2, footer=1))
    assert joined.table.columns == ("id a", "name b", "size c")
    none = read(one(tmp_path, RECORDS), read=Read(header=0), positions=("id", "name", "size"))
    assert (none.table.columns, len(none.values)) == (("id", "name", "size"), 3)


@BUDGETS
def test_cells_beside_the_table_come_where_they_are(tmp_path: Path, memory_mb: int) -> None:
    def mark(book: openpyxl.Workbook) -> None:
        book["one"]["A4"] = "here"
        book["one"]["G3"] = "and here"
        book["one"]["AZ3"] = "far"

    rows: Rows = [[None, None, *row] for row in HEADER + RECORDS]
    table = read(one(tmp_path, rows, mark), memory_mb=memory_mb, chunk_rows=1).table
    assert table.columns == ("id", "name", "size")
    assert [frame.columns[3:-1] for frame in table.chunks()] == [[], ["column_5"], ["column_A"]]
    assert "AZ3 ('far')" in table.dialect.notes[-1]


@BUDGETS
def test_sheets_of_one_shape_are_one_table_with_the_sheet_of_each_row(tmp_path: Path, memory_mb: int) -> None:
    sheets: Sheets = {
        "may": [["id", "name"], [1, "a"]],
        "june": [["ID", "Name"], [2, "b"], [3, "c"]],
        "people": [["first", "last"], ["x", "y"]],
    }
    table = read(workbook(tmp_path / "a.xlsx", sheets), memory_mb=memory_mb).table
    assert table.columns == ("id", "name", "ID", "Name", "_sheet")
    assert [frame["_sheet"].to_list() for frame in table.chunks()] == [["may"], ["june", "june"]]
    assert "people" in table.dialect.notes[0]
