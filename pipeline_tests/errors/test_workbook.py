"""The workbook as a person opens it, looked at with openpyxl, and as our own reader finds it when it comes back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from pipeline.contract import Dataset, Derived, Rule
from pipeline.contract.registry import load_datasets
from pipeline.errors import CannotExport, write_errors
from pipeline.files import open_table
from pipeline.files.table import ROW
from pipeline.ingest.keys import KEY, LAYOUT, RAW, REASONS, SHEET, RowKey
from pipeline.ingest.reading import read_options
from pipeline.settings import Settings
from pipeline_tests.errors.support import GOOD, HEADER, load, load_file, orders, read_back
from pipeline_tests.ingest.support import model
from pipeline_tests.product.support import SAMPLES

BAD = "FFFFC7CE"
ROWS = (
    HEADER
    + GOOD
    + "2,nobody,-5,2026-01-02,2026-01-01,00501\n"
    + "3,,=1+1,2026-01-02,,\n"
    + "1,c@d.de,1,2026-01-02,,\n"
)


def book_of(settings: Settings, dataset: Dataset, files: dict[str, str], out: Path, **options: Any) -> Any:
    write_errors(load(settings, dataset, files), dataset, out, **options)
    return load_workbook(out)


def bad_cells(sheet: Worksheet) -> set[str]:
    return {
        cell.coordinate for row in sheet.iter_rows(min_row=2) for cell in row if cell.fill.fgColor.rgb == BAD
    }


def comments(sheet: Worksheet) -> dict[str, str]:
    return {
        cell.coordinate: cell.comment.text
        for row in sheet.iter_rows(min_row=2)
        for cell in row
        if cell.comment
    }


def test_wrong_cells_are_coloured_and_their_comment_is_the_reason(settings: Settings, tmp_path: Path) -> None:
    sheet = book_of(settings, orders(), {"a.csv": ROWS}, tmp_path / "e.xlsx")[SHEET]
    assert bad_cells(sheet) == {"B2", "C2", "D2", "E2", "B3", "C3", "A4"}
    told = comments(sheet)
    assert set(told) == bad_cells(sheet)
    assert told["B2"] == "'nobody' is not an e-mail address"
    assert told["D2"] == told["E2"] == "shipped before it was ordered"
    assert told["B3"] == "a value is required"
    assert told["A4"] == "order_id 1 is already in row 1 of this file"


def test_the_header_stays_in_view_rows_can_be_filtered_and_the_key_is_hidden(
    settings: Settings, tmp_path: Path
) -> None:
    sheet = book_of(settings, orders(), {"a.csv": ROWS}, tmp_path / "e.xlsx")[SHEET]
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:H4"
    assert [cell.value for cell in sheet[1]][-2:] == [REASONS, KEY]
    assert [name for name, column in sheet.column_dimensions.items() if column.hidden] == ["H"]
    assert sheet.column_dimensions["B"].width > 8


def test_every_cell_is_text_so_that_leading_zeros_and_what_is_typed_stay(
    settings: Settings, tmp_path: Path
) -> None:
    sheet = book_of(settings, orders(), {"a.csv": ROWS}, tmp_path / "e.xlsx")[SHEET]
    assert sheet["F2"].value == "00501"
    cells = [cell for row in sheet.iter_rows(min_row=2, max_col=6) for cell in row]
    assert {cell.data_type for cell in cells if cell.value is not None} == {"s"}
    assert {cell.number_format for cell in cells if cell.has_style} == {"@"}
    assert sheet["B3"].value is None and sheet["B3"].number_format == "@"
    columns = sheet.column_dimensions.values()
    assert {column.number_format for column in columns} == {"@"}
    assert {place for column in columns for place in range(column.min, column.max + 1)} == set(range(1, 9))


def test_a_text_that_would_run_is_guarded_in_cells_and_in_the_header(
    settings: Settings, tmp_path: Path
) -> None:
    dataset = Dataset("plain", schema=model(id=int))
    text = "id,=cmd|' /C calc'!A0\nx,\"@SUM(1,2)\"\n"
    sheet = book_of(settings, dataset, {"a.csv": text}, tmp_path / "e.xlsx")[SHEET]
    assert sheet["B1"].value == "'=cmd|' /C calc'!A0"
    assert sheet["B2"].value == "'@SUM(1,2)"
    assert read_back(tmp_path / "e.xlsx").row(0, named=True)["=cmd|' /C calc'!A0"] == "@SUM(1,2)"


def test_the_last_sheet_sums_up_and_says_how_to_send_it_back(settings: Settings, tmp_path: Path) -> None:
    book = book_of(settings, orders(), {"a.csv": ROWS}, tmp_path / "e.xlsx")
    assert book.sheetnames == [SHEET, "Summary"]
    assert book.active.title == SHEET
    sheet = book["Summary"]
    cells = [[cell.value for cell in row] for row in sheet.iter_rows()]
    told = [row[:3] for row in cells]
    assert ["email", "email, not_nullable", 2] in told
    assert ["not_nullable", "email", 1] in told
    assert ["email: email", "'nobody' is not an e-mail address", 1] in told
    assert ["(the row): shipped_after_order", "shipped before it was ordered", 1] in told
    assert any("inbox/orders/" in str(text) for row in cells for text in row)
    (chart,) = sheet._charts
    assert chart.tagname == "barChart" and chart.barDir == "bar"


def test_more_rows_than_a_sheet_holds_go_on_in_the_next(settings: Settings, tmp_path: Path) -> None:
    dataset = orders()
    text = HEADER + "".join(f"{number},x,1,2026-01-01,,\n" for number in range(1, 8))
    book = book_of(settings, dataset, {"a.csv": text}, tmp_path / "e.xlsx", sheet_rows=4)
    assert book.sheetnames == [SHEET, f"{SHEET} 2", f"{SHEET} 3", "Summary"]
    assert [book[name].max_row for name in book.sheetnames[:3]] == [4, 4, 2]
    for name in book.sheetnames[:3]:
        sheet = book[name]
        assert (sheet["A1"].value, sheet.freeze_panes) == ("order_id", "A2")
        assert (
            bad_cells(sheet) == set(comments(sheet)) == {f"B{line}" for line in range(2, sheet.max_row + 1)}
        )
        assert sheet.column_dimensions["H"].hidden
    assert [RowKey.read(key).row for key in read_back(tmp_path / "e.xlsx", sheets=3)[KEY]] == list(
        range(1, 8)
    )


def test_beyond_so_many_comments_cells_are_coloured_only_and_the_summary_says_so(
    settings: Settings, tmp_path: Path
) -> None:
    text = HEADER + "".join(f"{number},x,1,2026-01-01,,\n" for number in range(1, 8))
    book = book_of(settings, orders(), {"a.csv": text}, tmp_path / "e.xlsx", comments=2)
    assert len(bad_cells(book[SHEET])) == 7
    assert set(comments(book[SHEET])) == {"B2", "B3"}
    assert any("5 more cells" in str(row[1].value) for row in book["Summary"].iter_rows())


def test_a_row_that_no_cell_can_hold_is_left_out_and_told_of(settings: Settings, tmp_path: Path) -> None:
    dataset = orders()
    fits, not_fits = "😀" * 16_383, "😀" * 16_384
    text = HEADER + f"1,x,1,2026-01-01,,{fits}\n2,x,1,2026-01-01,,{not_fits}\n"
    warehouse = load(settings, dataset, {"a.csv": text})
    done = write_errors(warehouse, dataset, tmp_path / "e.xlsx")
    assert (done.rows, done.left_out) == (2, 1)
    assert read_back(tmp_path / "e.xlsx")["zip"].to_list() == [fits]
    summary = load_workbook(tmp_path / "e.xlsx")["Summary"]
    assert any("1 row holds a text that is too long" in str(row[1].value) for row in summary.iter_rows())
    assert write_errors(warehouse, dataset, tmp_path / "e.csv").left_out == 0
    assert read_back(tmp_path / "e.csv")["zip"].to_list() == [fits, not_fits]


def test_more_columns_than_a_sheet_has_are_refused_with_the_way_out(
    settings: Settings, tmp_path: Path
) -> None:
    dataset = Dataset("wide", schema=model(id=int))
    names = ["id", *(f"c{number}" for number in range(16_382))]
    warehouse = load(settings, dataset, {"a.csv": ",".join(names) + "\n" + "x," * (len(names) - 1) + "x\n"})
    with pytest.raises(CannotExport, match=r"16,383 columns.*\.csv"):
        write_errors(warehouse, dataset, tmp_path / "e.xlsx")
    assert list(tmp_path.glob("*.xlsx")) == []
    assert write_errors(warehouse, dataset, tmp_path / "e.csv").rows == 1


def test_a_row_that_could_not_be_split_is_marked_at_its_raw_text(settings: Settings, tmp_path: Path) -> None:
    text = HEADER + GOOD + "2,a@b.de,5,2026-01-01,,01234,more\n"
    sheet = book_of(settings, orders(), {"a.csv": text}, tmp_path / "e.xlsx")[SHEET]
    assert sheet["H1"].value == RAW
    assert bad_cells(sheet) == {"H2"}


def test_an_error_of_no_known_column_marks_the_reasons(settings: Settings, tmp_path: Path) -> None:
    dataset = orders(rules=[Rule("sent", pl.col("shipped_at").is_not_null(), message="it was never sent")])
    text = "order_id,email,amount,ordered_at\n1,a@b.de,5,2026-01-01\n"
    sheet = book_of(settings, dataset, {"a.csv": text}, tmp_path / "e.xlsx")[SHEET]
    assert bad_cells(sheet) == {"E2"} and sheet["E1"].value == REASONS
    assert sheet["E2"].value == "line 2: it was never sent"


def test_an_error_of_a_derived_column_marks_what_it_is_made_of(settings: Settings, tmp_path: Path) -> None:
    dataset = Dataset(
        "people",
        schema=model(
            first=str, last=str, full=(str, {"str_length": {"max_value": 8}}), kind=(str, {"isin": ["a"]})
        ),
        derive=[
            Derived("kind", pl.col("Kind of"), source=True),
            Derived("full", pl.concat_str("first", pl.lit(" "), "last")),
        ],
    )
    text = "first,last,age,Kind of\nMaximilian,Meyer,7,b\n"
    assert bad_cells(book_of(settings, dataset, {"a.csv": text}, tmp_path / "e.xlsx")[SHEET]) == {
        "A2",
        "B2",
        "D2",
    }


@pytest.mark.parametrize("sheet_rows", [1_048_576, 30])
def test_our_reader_finds_the_rejected_rows_and_leaves_the_summary_out(
    settings: Settings, tmp_path: Path, sheet_rows: int
) -> None:
    dataset = orders()
    text = HEADER + "".join(f"{number},x,{number},2026-01-01,,0{number}\n" for number in range(1, 80))
    warehouse = load(settings, dataset, {"a.csv": text})
    write_errors(warehouse, dataset, tmp_path / "e.xlsx", sheet_rows=sheet_rows)
    found = pl.concat(open_table(tmp_path / "e.xlsx", read_options(dataset, settings)).chunks())
    assert found.drop(ROW, "_sheet", strict=False).columns == [*HEADER.strip().split(","), REASONS, KEY]
    assert found["zip"].to_list() == [f"0{number}" for number in range(1, 80)]
    assert [RowKey.read(key).row for key in found[KEY]] == list(range(1, 80))


def test_the_layout_keeps_rows_that_look_like_notes_and_totals(settings: Settings, tmp_path: Path) -> None:
    dataset = orders()
    rows = "".join(f"{number},x,{number},2026-01-01,,0{number}\n" for number in range(1, 20))
    text = HEADER + rows + ",,,,,Total\n" + "Total\n"
    warehouse = load(settings, dataset, {"a.csv": text})
    done = write_errors(warehouse, dataset, tmp_path / "e.xlsx")
    for ending in (".xlsx", ".csv"):
        write_errors(warehouse, dataset, tmp_path / f"e{ending}", force=True)
        assert read_back(tmp_path / f"e{ending}").height == done.rows == warehouse_rows(warehouse)


def warehouse_rows(warehouse: Any) -> int:
    return int(
        warehouse.query("SELECT count(DISTINCT _row) FROM errors.orders WHERE severity = 'reject'").item()
    )


@pytest.mark.parametrize("name", ["orders/2026-11-16.csv", "sales/week 47.csv", "events/sensors.ndjson"])
def test_the_shipped_datasets_come_back_with_their_own_options_and_the_layout(
    settings: Settings, tmp_path: Path, name: str
) -> None:
    dataset = load_datasets()[name.partition("/")[0]]
    warehouse = load(settings, dataset, {})
    load_file(settings, dataset, warehouse, SAMPLES / name)
    done = write_errors(warehouse, dataset, tmp_path / "e.xlsx")
    table = open_table(tmp_path / "e.xlsx", replace(read_options(dataset, settings), read=LAYOUT))
    assert table.dialect.sheets == (SHEET,)
    assert pl.concat(table.chunks()).height == done.rows > 0
