"""Small workbooks that were once read wrongly or refused, with what is right.

What belongs here: the files of `cases/x…`, and others of their kinds. What does not: how a workbook is read in general
(`pipeline_tests/files/test_workbook_….py`).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline_tests.files.reading import read
from pipeline_tests.files.test_excel import workbook

_CASES = Path(__file__).parent
_ORDERS: list[list[object]] = [["id", "day", "customer", "amount"], *([n, n, f"c{n}", 2.5] for n in range(5))]
_SUMMARY: list[list[object]] = [["customer", "amount"], ["c1", 5], ["c2", 7.5]]


def test_a_sheet_with_some_of_the_columns_is_another_table() -> None:
    folder = _CASES / "x4-summary-sheet-stacked"
    found = read(folder / "rel4.xlsx")
    assert found.table.columns == ("order_id", "date", "customer", "amount")
    assert [row[0] for row in found.values] == ["1", "2", "3", "4", "5"]
    assert found.table.dialect.notes == (
        "sheet 'Summary' left out: its columns are others (customer, amount)",
    )
    assert read(folder / "rel2.xlsx").table.dialect.sheets == ("Customers",)


@pytest.mark.parametrize("first", ["Orders", "Summary"])
@pytest.mark.parametrize(
    "expected",
    [(), ("id", "day", "customer", "amount"), ("customer", "amount"), ("order", "id", "day", "amount")],
    ids=["nothing", "all", "shared", "some"],
)
def test_a_summary_is_left_out_wherever_it_stands(
    tmp_path: Path, first: str, expected: tuple[str, ...]
) -> None:
    sheets = {"Orders": _ORDERS, "Summary": _SUMMARY}
    ordered = {name: sheets[name] for name in sorted(sheets, reverse=first == "Summary")}
    table = read(workbook(tmp_path / "a.xlsx", ordered), expected=expected).table
    assert table.dialect.sheets == ("Orders",)
    assert "sheet 'Summary' left out: its columns are others (customer, amount)" in table.dialect.notes


def test_sheets_of_the_contracts_columns_are_one_table_whatever_else_they_have(tmp_path: Path) -> None:
    june = [[*_ORDERS[0][:2], "client", "amount", "remark"], [9, 9, "c9", 1, "late"]]
    path = workbook(tmp_path / "a.xlsx", {"May": _ORDERS, "June": june})
    expected = ("id", "day", "customer", "client", "amount")
    assert read(path, expected=expected).table.dialect.sheets == ("May", "June")
    assert read(path).table.dialect.sheets == ("May",)


def test_a_sheet_that_is_asked_for_is_read_whatever_its_columns(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", {"Orders": _ORDERS, "Summary": _SUMMARY})
    assert len(read(path, sheets=("Orders", "Summary")).values) == 7
