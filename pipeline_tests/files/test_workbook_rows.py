"""The rows of a sheet in its XML: many alike, odd ones among them, and sheets that break off."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from pipeline.files import UnreadableFile
from pipeline_tests.files.test_excel import BUDGETS, rewritten
from pipeline_tests.files.test_workbook_formats import opened, values
from pipeline_tests.files.test_workbook_xml import shared_row, xlsx


def number_cell(column: str, row: int, value: object) -> str:
    """A cell with a number in it."""
    return f'<c r="{column}{row}"><v>{value}</v></c>'


@BUDGETS
def test_even_rows_after_odd_ones_widen_the_table(tmp_path: Path, memory_mb: int) -> None:
    """Megabytes of rows that are all alike, but for one with a column more, one without a value and one with true in it."""
    rows = {row: number_cell("A", row, row) + number_cell("B", row, row / 8) for row in range(2, 40_000)}
    rows[20_000] += number_cell("D", 20_000, 7)
    rows[30_000] = '<c r="A30000" s="1"/><c r="B30000"><v></v></c>'
    rows[35_000] = number_cell("A", 35_000, 35_000) + '<c r="B35000" t="b"><v>1</v></c>'
    header = shared_row(1, 0, 1)
    xml = header + "".join(f'<row r="{row}" spans="1:2">{cells}</row>' for row, cells in rows.items())
    path = xlsx(tmp_path / "a.xlsx", xml, ["<t>id</t>", "<t>size</t>"])
    table = opened(path, memory_mb=memory_mb, chunk_rows=5000)
    assert table.columns == ("id", "size")
    beside = [frame for frame in table.chunks() if "column_4" in frame.columns]
    assert [frame["column_4"].drop_nulls().to_list() for frame in beside] == [["7"]]
    found = {record[0]: record[1] for record in values(table)}
    assert len(found) == 39_997
    assert "30000" not in found
    assert (found["2"], found["35000"], found["39999"]) == ("0.25", "true", "4999.875")


@BUDGETS
def test_rows_of_empty_shared_texts_are_no_records(tmp_path: Path, memory_mb: int) -> None:
    """Empty texts among many plain ones, in rows that are all alike."""
    texts = [f"<t>text {number}</t>" for number in range(2000)]
    texts[500], texts[900], texts[1500] = "<t/>", '<t xml:space="preserve"></t>', "<t></t>"
    rows = "".join(shared_row(row, row, row) for row in range(1, 2000))
    found = values(opened(xlsx(tmp_path / "a.xlsx", rows, texts), memory_mb=memory_mb))
    assert [record[0] for record in found] == [
        f"text {number}" for number in range(2, 2000) if number not in (500, 900, 1500)
    ]


@BUDGETS
def test_rows_that_do_not_say_their_numbers(tmp_path: Path, memory_mb: int) -> None:
    rows = "".join(f"<row><c><v>{number}</v></c><c><v>{number}</v></c></row>" for number in range(300))
    rows = '<row><c t="s"><v>0</v></c><c t="s"><v>1</v></c></row>' + rows
    rows += '<row><c t="s"><v>2</v></c></row>'
    path = xlsx(tmp_path / "a.xlsx", rows, ["<t>id</t>", "<t>size</t>", "<t>Source: our own</t>"])
    table = opened(path, memory_mb=memory_mb)
    assert table.dialect.notes == ("row 302 below the table left out: Source: our own",)
    assert len(values(table)) == 300


@pytest.mark.parametrize(
    "spoilt",
    ["</setData>", '<row r="3"><c r="A3"><v>1</v></c></row>', '<row r="3"><c r="A', ""],
    ids=["garbled", "no-end", "cut", "empty"],
)
def test_a_sheet_that_breaks_off_is_damaged(tmp_path: Path, spoilt: str) -> None:
    """However few its rows are: those of a small sheet all lie behind the last that is whole."""
    whole = xlsx(tmp_path / "a.xlsx", shared_row(1, 0), ["<t>id</t>"])
    path = rewritten(whole, "xl/worksheets/sheet1.xml", {b"</sheetData></worksheet>": spoilt.encode()})
    with pytest.raises(UnreadableFile, match="breaks off after row") as caught:
        opened(path)
    assert caught.value.code == "damaged"


@BUDGETS
def test_rows_whose_values_cannot_be_found_are_damaged(tmp_path: Path, memory_mb: int) -> None:
    """Texts that the workbook does not have."""
    path = xlsx(tmp_path / "a.xlsx", shared_row(1, 7) + shared_row(2, 8), ["<t>id</t>"])
    with pytest.raises(UnreadableFile) as caught:
        values(opened(path, memory_mb=memory_mb))
    assert caught.value.code == "damaged"


def test_a_sheet_without_rows_is_left_out(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "a.xlsx", shared_row(1, 0) + shared_row(2, 1), ["<t>id</t>", "<t>x</t>"])
    part = "xl/worksheets/sheet1.xml"
    bare = rewritten(path, part, {b"</sheetData>": b'</sheetData><rowBreaks count="0"/>'})
    assert values(opened(bare)) == [("x",)]
    with zipfile.ZipFile(path) as archive:
        xml = archive.read(part)
    rows = xml[xml.index(b"<sheetData>") : xml.index(b"</worksheet>")]
    empty = rewritten(path, part, {rows: b'<sheetData/><rowBreaks count="0"/>'})
    with pytest.raises(UnreadableFile) as caught:
        opened(empty)
    assert caught.value.code == "empty"


def test_a_row_beyond_the_last_is_damaged(tmp_path: Path) -> None:
    row = f'<row r="{"9" * 30}"><c><v>1</v></c></row>'
    path = xlsx(tmp_path / "a.xlsx", shared_row(1, 0) + row, ["<t>id</t>"])
    with pytest.raises(UnreadableFile, match="beyond the last") as caught:
        opened(path)
    assert caught.value.code == "damaged"


@BUDGETS
def test_moments_of_a_column_are_written_alike_wherever_it_is_cut(tmp_path: Path, memory_mb: int) -> None:
    """Whole days, seconds, parts of seconds and times of day, each in a piece of its own."""
    serials = [45292, 45292.5, 45292 + 0.25 / 86400, 0.75, 2958465]
    rows = shared_row(1, 0) + "".join(
        f'<row r="{row}"><c r="A{row}" s="1"><v>{serial!r}</v></c></row>'
        for row, serial in enumerate(serials, start=2)
    )
    path = xlsx(tmp_path / "a.xlsx", rows, ["<t>when</t>"])
    found = [values(opened(path, memory_mb=memory_mb, chunk_rows=size)) for size in (1, 100)]
    assert found[0] == found[1]
    assert [record[0] for record in found[0]] == [
        "2024-01-01",
        "2024-01-01T12:00:00",
        "2024-01-01T00:00:00.25",
        "18:00:00",
        "9999-12-31",
    ]


@BUDGETS
def test_a_workbook_is_found_by_its_relations_whatever_its_content_type(
    tmp_path: Path, memory_mb: int
) -> None:
    whole = xlsx(tmp_path / "a.xlsx", shared_row(1, 0) + shared_row(2, 1), ["<t>id</t>", "<t>x</t>"])
    path = rewritten(whole, "[Content_Types].xml", {b"sheet.main+xml": b"sheet.none+xml"})
    assert values(opened(path, memory_mb=memory_mb)) == [("x",)]


@pytest.mark.parametrize("reference", ["B19999999", "XFD3", "B1048576"])
def test_a_cell_that_says_it_is_far_away_is_damage(tmp_path: Path, reference: str) -> None:
    rows = "".join(
        f'<row r="{number}"><c r="A{number}"><v>{number}</v></c><c r="B{number}"><v>2</v></c><c r="C{number}"><v>3</v></c></row>'
        for number in range(1, 30)
    )
    path = xlsx(tmp_path / "a.xlsx", rows.replace('r="B7"', f'r="{reference}"'))
    with pytest.raises(UnreadableFile, match="far from where it stands") as caught:
        opened(path)
    assert caught.value.code == "damaged"
