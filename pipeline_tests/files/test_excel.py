"""Workbooks, through the fast and the frugal reader alike."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path

import openpyxl
import pytest
from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH

from pipeline.files import UnreadableFile, open_table
from pipeline_tests.files.reading import read, write

BUDGETS = pytest.mark.parametrize("memory_mb", [1024, 0], ids=["fast", "frugal"])
Sheets = dict[str, list[list[object]]]


def workbook(path: Path, sheets: Sheets, change: Callable[[openpyxl.Workbook], None] | None = None) -> Path:
    """A workbook with these rows in these sheets."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    if change:
        change(book)
    book.save(path)
    return path


def rewritten(path: Path, part: str, changes: dict[bytes, bytes]) -> Path:
    """The workbook with other bytes in one of its parts."""
    copy = path.with_name(f"changed-{path.name}")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            data = old.read(name)
            for before, after in changes.items() if name == part else ():
                assert before in data
                data = data.replace(before, after)
            new.writestr(name, data)
    return copy


@BUDGETS
def test_values_are_canonical_text(tmp_path: Path, memory_mb: int) -> None:
    rows: list[list[object]] = [
        ["id", "code", "when", "any"],
        [1, "007", datetime(2024, 1, 31, 12, 30), True],  # noqa: DTZ001
        [2.5, "2024-01-31 00:00:00", datetime(2024, 1, 31), "text"],  # noqa: DTZ001
        [1e-7, "", date(2024, 2, 1), 5],
        [11.8817234886803, None, datetime(2024, 1, 31, 12, 30, 15, 250000), 11.8817234886803],  # noqa: DTZ001
        [1e20, "x", time(12, 30), False],
        [-3, "y", timedelta(hours=30), "#N/A"],
    ]
    found = read(workbook(tmp_path / "a.xlsx", {"one": rows}), memory_mb=memory_mb)
    assert found.values == [
        ("1", "007", "2024-01-31T12:30:00", "true"),
        ("2.5", "2024-01-31 00:00:00", "2024-01-31", "text"),
        ("0.0000001", None, "2024-02-01", "5"),
        ("11.8817234886803", None, "2024-01-31T12:30:15.25", "11.8817234886803"),
        ("100000000000000000000", "x", "12:30:00", "false"),
        ("-3", "y", "30:00:00", "#N/A"),
    ]


@BUDGETS
def test_error_cells_keep_their_text(tmp_path: Path, memory_mb: int) -> None:
    def spoil(book: openpyxl.Workbook) -> None:
        for cell, text in (("A3", "#DIV/0!"), ("B4", "#N/A")):
            book["one"][cell] = text
            book["one"][cell].data_type = "e"

    rows: list[list[object]] = [["n", "t"], [1, "a"], [2, "b"], [3, "c"]]
    found = read(workbook(tmp_path / "a.xlsx", {"one": rows}, spoil), memory_mb=memory_mb)
    assert found.values == [("1", "a"), ("#DIV/0!", "b"), ("3", "#N/A")]


@BUDGETS
@pytest.mark.parametrize("chunk_rows", [1, 1000])
def test_empty_rows_are_no_records_and_lines_are_sheet_rows(
    tmp_path: Path, memory_mb: int, chunk_rows: int
) -> None:
    def indent(book: openpyxl.Workbook) -> None:
        for row, values in enumerate([("id", "name"), (1, "a"), (None, ""), (2, "b")], start=4):
            for column, value in enumerate(values, start=3):
                book["one"].cell(row, column, value)

    path = workbook(tmp_path / "a.xlsx", {"one": []}, indent)
    found = read(path, memory_mb=memory_mb, chunk_rows=chunk_rows)
    assert found.table.columns == ("id", "name")
    assert found.values == [("1", "a"), ("2", "b")]
    assert found.lines == {1: 5, 2: 7}


@BUDGETS
def test_values_beyond_the_header_get_a_column(tmp_path: Path, memory_mb: int) -> None:
    rows: list[list[object]] = [["id", "id", None, "x"], [1, 2, None, 3], [4, 5, None, 6, None, "stray"]]
    path = workbook(tmp_path / "a.xlsx", {"one": rows})
    table = read(path, memory_mb=memory_mb, chunk_rows=1).table
    assert table.columns == ("id", "id_2", "column_3", "x")
    assert [frame.columns[4:-1] for frame in table.chunks()] == [[], ["column_6"]]


@BUDGETS
def test_visible_sheets_are_read_in_order_and_numbered_through(tmp_path: Path, memory_mb: int) -> None:
    def hide(book: openpyxl.Workbook) -> None:
        book["secret"].sheet_state = "hidden"

    sheets: Sheets = {
        "may": [["id", "name"], [1, "a"]],
        "secret": [["id", "name"], [9, "z"]],
        "june": [["Name", "id"], ["b", 2]],
        "july": [["Name", "id", "extra"], ["b", 2, "x"]],
        "notes": [["anything"], ["else"]],
        "void": [],
    }
    path = workbook(tmp_path / "a.xlsx", sheets, hide)
    table = read(path, memory_mb=memory_mb).table
    assert table.dialect.sheets == ("may", "june")
    assert len(table.dialect.notes) == 4
    assert "secret" in table.dialect.notes[0]
    assert [(piece.first_row, piece.sheet) for piece in table.pieces()] == [(1, "may"), (2, "june")]


def test_named_sheets_are_read_and_a_missing_one_is_named(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", {"may": [["id"], [1]], "june": [["id"], [2]]})
    assert read(path, sheets=("june",)).values == [("2",)]
    with pytest.raises(UnreadableFile, match=r"'july'.*'may', 'june'"):
        read(path, sheets=("july",))


def test_a_stray_cell_far_to_the_right_costs_no_memory_and_is_said(tmp_path: Path) -> None:
    def stray(book: openpyxl.Workbook) -> None:
        book["one"]["XFD1500"] = "stray"

    rows: list[list[object]] = [["id"], *([number] for number in range(20_000))]
    path = workbook(tmp_path / "a.xlsx", {"one": rows}, stray)
    found = read(path, chunk_rows=5000)
    assert found.table.columns == ("id",)
    assert found.values == [(str(number),) for number in range(20_000)]
    assert found.table.dialect.notes == ("cells far to the right of the table left out: XFD1500 ('stray')",)


@BUDGETS
def test_truths_and_words_among_numbers_stay_what_they_are(tmp_path: Path, memory_mb: int) -> None:
    rows: list[list[object]] = [
        ["truth", "word", "number"],
        [True, 1, 0.12345678901234],
        [5, "NA", "1.50"],
        [False, "NULL", 1e-12],
        [2.5, 3, "007"],
        [1, "n/a", 1234.5678901234],
    ]
    found = read(workbook(tmp_path / "a.xlsx", {"one": rows}), memory_mb=memory_mb)
    assert found.values == [
        ("true", "1", "0.12345678901234"),
        ("5", "NA", "1.50"),
        ("false", "NULL", "0.000000000001"),
        ("2.5", "3", "007"),
        ("1", "n/a", "1234.5678901234"),
    ]


@BUDGETS
def test_numbers_shown_with_leading_zeros_keep_them(tmp_path: Path, memory_mb: int) -> None:
    def show(book: openpyxl.Workbook) -> None:
        for row in (2, 3, 5):
            book["one"].cell(row, 1).number_format = "00000"
        book["one"].cell(3, 3).number_format = "000"

    rows: list[list[object]] = [["zip", "size", "x"], [1067, 5, 1], [12345, 6, 7], [99, 7, 8], [5, 8, "ab"]]
    found = read(workbook(tmp_path / "a.xlsx", {"one": rows}, show), memory_mb=memory_mb, chunk_rows=3)
    assert found.values == [
        ("01067", "5", "1"),
        ("12345", "6", "007"),
        ("99", "7", "8"),
        ("00005", "8", "ab"),
    ]


@BUDGETS
def test_formulas_give_their_last_result(tmp_path: Path, memory_mb: int) -> None:
    rows: list[list[object]] = [["a", "b"], [1, "x"], [2, "y"]]
    path = workbook(tmp_path / "a.xlsx", {"one": rows})
    cells = {b"<v>2</v>": b"<f>A2+1</f><v>2</v>"}
    found = read(rewritten(path, "xl/worksheets/sheet1.xml", cells), memory_mb=memory_mb)
    assert found.values == [("1", "x"), ("2", "y")]


@BUDGETS
@pytest.mark.parametrize("from_1904", [False, True])
def test_dates_of_both_date_systems(tmp_path: Path, memory_mb: int, from_1904: bool) -> None:
    def count(book: openpyxl.Workbook) -> None:
        book.epoch = MAC_EPOCH if from_1904 else WINDOWS_EPOCH

    rows: list[list[object]] = [["day"], [date(2024, 2, 29)], [date(1970, 1, 1)]]
    path = workbook(tmp_path / "a.xlsx", {"one": rows}, count)
    assert read(path, memory_mb=memory_mb).values == [("2024-02-29",), ("1970-01-01",)]


def test_a_workbook_without_records_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile) as caught:
        open_table(workbook(tmp_path / "a.xlsx", {"one": []}))
    assert caught.value.code == "empty"


def test_a_workbook_with_nothing_but_a_header_is_a_table_of_no_records(tmp_path: Path) -> None:
    found = read(workbook(tmp_path / "a.xlsx", {"one": [["id", "name"]]}))
    assert found.table.columns == ("id", "name")
    assert not found.values


def test_a_workbook_that_is_cut_off_or_garbled_is_damaged(tmp_path: Path) -> None:
    whole = workbook(tmp_path / "a.xlsx", {"one": [["id"], *([i] for i in range(500))]}).read_bytes()
    spoilt = whole.replace(b"xl/workbook.xml", b"xl/wor_book.xml")
    for content in (whole[: len(whole) // 2], spoilt):
        with pytest.raises(UnreadableFile) as caught:
            list(open_table(write(tmp_path / "b.xlsx", content)).chunks())
        assert caught.value.code == "damaged"
