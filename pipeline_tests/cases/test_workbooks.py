"""Small workbooks that were once read wrongly or refused, with what is right.

What belongs here: the files of `cases/x…`, and others of their kinds. What does not: how a workbook is read in general
(`pipeline_tests/files/test_workbook_….py`).
"""

from __future__ import annotations

import struct
import zipfile
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pandera.polars as pa
import pytest

from benchmarks.fuzz import read_carefully
from benchmarks.fuzz_cases import case
from pipeline.contract import Dataset
from pipeline.files import UnreadableFile
from pipeline.files.workbook.book import XmlBook
from pipeline.files.workbook.compound import is_sound
from pipeline.files.workbook.plain import PlainXml
from pipeline.ingest import stage
from pipeline.settings import Settings
from pipeline_tests.cases.xls_bytes import chart, error, label, number, record, shared, xls
from pipeline_tests.files.reading import read, write
from pipeline_tests.files.test_excel import BUDGETS, rewritten, workbook
from pipeline_tests.files.test_workbook_formats import cell, ods, row, texts, wide, xlsb
from pipeline_tests.files.test_workbook_formats import record as binary
from pipeline_tests.files.test_workbook_xml import shared_row, xlsx

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


def _cells(*cells: str) -> str:
    """Rows of the XML of their cells."""
    return "".join(f'<row r="{place}">{row}</row>' for place, row in enumerate(cells, start=1))


def _text(reference: str, inside: str) -> str:
    return f'<c r="{reference}" t="inlineStr"><is>{inside}</is></c>'


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cdata1", [(f"{n}", f"Ann {n}", "Rome & Co") for n in range(2, 8)]),
        ("cdata4", [*((f"x{n}", f"Ann {n}", "Rome & Co") for n in range(2, 8)), ("x8", "Zed", "Oslo")]),
        ("cdata6", [(f"{n}", f"Ann {n}") for n in range(2, 6)]),
    ],
)
@BUDGETS
def test_cdata_is_text(name: str, expected: list[tuple[str, ...]], memory_mb: int) -> None:
    found = read(_CASES / "x3-cdata" / f"{name}.xlsx", memory_mb=memory_mb)
    assert found.table.columns == ("id", "name", "city")[: len(expected[0])]
    assert found.values == expected


@pytest.mark.parametrize(
    "inside",
    [
        "<t><![CDATA[a & <b>]]></t>",
        "<t>a &amp; <![CDATA[<b>]]></t>",
        "<t>a <!-- no text -->&amp; &lt;b&gt;</t>",
        "<t>a <?say nothing?>&#38; &#x3C;b></t>",
        "<r><t>a </t></r><!-- x --><r><t xml:space='preserve'><![CDATA[& ]]></t></r><r><t>&lt;b></t></r>",
        '<t xml:space="preserve">a &#x26; <![CDATA[<]]><![CDATA[b]]>&gt;</t><rPh sb="0" eb="1"><t>no</t></rPh>',
    ],
)
@pytest.mark.parametrize("shared", [False, True])
@BUDGETS
def test_texts_are_what_xml_says(tmp_path: Path, inside: str, shared: bool, memory_mb: int) -> None:
    given = '<c r="A2" t="s"><v>0</v></c>' if shared else _text("A2", inside)
    rows = _cells(_text("A1", "<t>id</t>"), given, '<c r="A3"><v>5<!-- five --></v></c>')
    path = xlsx(tmp_path / "a.xlsx", rows, [inside] if shared else [])
    expected = "a& <b>" if "<r><t>a </t>" in inside else "a & <b>"
    assert read(path, memory_mb=memory_mb).values == [(expected,), ("5",)]


def test_a_comment_between_cells_keeps_the_fast_road_and_one_that_does_not_end_is_damage(
    tmp_path: Path,
) -> None:
    rows = _cells(_text("A1", "<t>id</t>") + "<!-- a comment -->", '<c r="A2"><v>1</v></c>')
    look = XmlBook(xlsx(tmp_path / "a.xlsx", rows))
    assert look.look(look.sheets[0]).plain
    with pytest.raises(UnreadableFile) as caught:
        read(xlsx(tmp_path / "b.xlsx", rows + "<!-- no end"))
    assert caught.value.code == "damaged"


def test_what_xml_says_aside_is_found_over_blocks() -> None:
    """Wherever the blocks are cut."""
    xml = (
        b'<?xml version="1.0"?><a><!-- b > c --><t>1 < 2<![CDATA[<x>&]]></t><?p <q> ?><t><![CDATA[]]></t></a>'
    )
    for size in range(1, len(xml) + 1):
        blocks = PlainXml(xml[at : at + size] for at in range(0, len(xml), size))
        assert b"".join(blocks) == b"<a><t>1 < 2&lt;x&gt;&amp;</t><t></t></a>", size
        assert not blocks.plain


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "iso-8859-1", "utf-8-sig"])
@BUDGETS
def test_sheets_in_other_encodings(tmp_path: Path, encoding: str, memory_mb: int) -> None:
    path = xlsx(tmp_path / "a.xlsx", _cells(_text("A1", "<t>id</t>"), _text("A2", "<t>Zoë</t>")))
    part = "xl/worksheets/sheet1.xml"
    with zipfile.ZipFile(path) as archive:
        xml = archive.read(part).decode()
    declared = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig").removesuffix("-le")}"?>{xml}'
    changed = rewritten(path, part, {xml.encode(): declared.encode(encoding)})
    assert read(changed, memory_mb=memory_mb).values == [("Zoë",)]


def test_attributes_may_be_empty_or_missing(tmp_path: Path) -> None:
    folder = _CASES / "x10-empty-attributes"
    assert read(folder / "emptys.xlsx").values == [("1", "7"), ("2", "5")]
    assert read(folder / "cells_t.xlsx").values == [("1", "2")]
    head = _text("A1", "<t>id</t>") + _text("B1", "<t>v</t>")
    for cells in (
        '<c r="A2" s="" t=""><v>7</v></c><c r="B2" s="" t="str"><v>x</v></c>',
        '<c r="" s="0"><v>7</v></c><c t="str"><v>x</v></c>',
        "<c><v>7</v></c><c r='B2' s='' t='str'><v>x</v></c>",
        '<c r="a2" t="n"><v>7</v></c><c r="b2" t="inlineStr" s=""><is><t>x</t></is></c>',
        '<c r="A2" s="999"><v>7</v></c><c r="B2" s="x" t="str"><v>x</v></c>',
    ):
        for line in (f'<row r="2">{cells}</row>', f'<row r="" s="">{cells}</row>', f"<row>{cells}</row>"):
            path = xlsx(tmp_path / "a.xlsx", f'<row r="1">{head}</row>{line}')
            assert read(path).values == [("7", "x")], line


_ERRORS = [
    *("#N/A", "#REF!", "#DIV/0!", "#VALUE!", "#NUM!", "#NULL!", "#NAME?", "#GETTING_DATA", "#SPILL!"),
    *("#CALC!", "#FIELD!", "#BLOCKED!", "#CONNECT!", "#UNKNOWN!", "#BUSY!", "#ERROR!", "Err:502", "#TBD"),
]


@pytest.mark.parametrize("error", _ERRORS)
def test_every_error_is_a_cells_text(tmp_path: Path, error: str) -> None:
    head = _text("A1", "<t>id</t>") + _text("B1", "<t>v</t>")
    broken = f'<c r="B2" t="e"><f>A2/0</f><v>{error}</v></c>'
    rows = _cells(head, f'<c r="A2"><v>1</v></c>{broken}', '<c r="A3"><v>2</v></c><c r="B3"><v>5</v></c>')
    assert read(xlsx(tmp_path / "a.xlsx", rows)).values == [("1", error), ("2", "5")]


def test_errors_of_the_cases() -> None:
    folder = _CASES / "x8-error-cells"
    assert read(folder / "name0.xlsx").values == [("1", "#NAME?"), ("2", "5")]
    assert read(folder / "err0.xlsx").values == [("1", "#GETTING_DATA"), ("2", "5")]


def test_packages_as_other_programs_write_them() -> None:
    folder = _CASES / "x11-odd-packages"
    for name in ("dottgt.xlsx", "uptgt.xlsx"):
        assert read(folder / name).values == [("1", "2")]
    assert [row[0] for row in read(folder / "nomime.ods").values] == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    "renamed",
    [
        lambda name: name.replace("/", "\\"),
        lambda name: name.upper(),
        lambda name: f"./{name}",
        lambda name: f"/{name}",
        lambda name: name.replace("sharedStrings", "SharedStrings"),
    ],
    ids=["backslashes", "capitals", "here", "root", "one"],
)
def test_names_of_parts_are_compared_as_packages_do(tmp_path: Path, renamed: Callable[[str], str]) -> None:
    path = xlsx(tmp_path / "a.xlsx", shared_row(1, 0) + shared_row(2, 1), ["<t>id</t>", "<t>x</t>"])
    other = tmp_path / "b.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(other, "w") as new:
        for name in old.namelist():
            new.writestr(renamed(name), old.read(name))
    assert read(other).values == [("x",)]


def test_a_workbook_elsewhere_in_its_package(tmp_path: Path) -> None:
    """At the root, with styles and texts in folders of their own; dates are told by those styles."""
    rows = _cells('<c r="A1" t="s"><v>0</v></c>', '<c r="A2" s="1"><v>45000</v></c>')
    path = xlsx(tmp_path / "a.xlsx", rows, ["<t>day</t>"])
    other = tmp_path / "b.xlsx"
    places = {"xl/styles.xml": "looks/s.xml", "xl/sharedStrings.xml": "texts/t.xml"}
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(other, "w") as new:
        for name in old.namelist():
            data = old.read(name).replace(b"xl/workbook.xml", b"workbook.xml")
            for before, after in (("styles.xml", "looks/s.xml"), ("sharedStrings.xml", "/texts/t.xml")):
                data = data.replace(f'Target="{before}"'.encode(), f'Target="{after}"'.encode())
            new.writestr(places.get(name, name.removeprefix("xl/")), data)
    assert read(other).values == [("2023-03-15",)]


_DATES = [
    *[("0", 1, "1900-01-00"), ("1", 1, "1900-01-01"), ("45", 1, "1900-02-14"), ("59", 1, "1900-02-28")],
    *[("60", 1, "1900-02-29"), ("60.5", 1, "1900-02-29T12:00:00"), ("61", 1, "1900-03-01")],
    *[("45.5", 2, "1900-02-14T12:00:00"), ("1.25", 2, "1900-01-01T06:00:00"), ("0.75", 2, "18:00:00")],
    *[("0", 2, "00:00:00"), ("0.5", 1, "12:00:00"), ("-0.5", 1, "-0.5"), ("-3", 2, "-3")],
    *[("2958465", 1, "9999-12-31"), ("2958466", 1, "2958466"), ("1e300", 1, "1" + "0" * 300)],
    *[
        ("0.5", 3, "12:00:00"),
        ("-0.0625", 3, "-01:30:00"),
        ("100.5", 3, "2412:00:00"),
        ("60", 3, "1440:00:00"),
    ],
]
_DATES_1904 = [
    *[
        ("0", 1, "1904-01-01"),
        ("0.5", 1, "1904-01-01T12:00:00"),
        ("0.5", 2, "12:00:00"),
        ("0", 2, "00:00:00"),
    ],
    *[("60", 1, "1904-03-01"), ("1.5", 2, "1904-01-02T12:00:00"), ("-1", 1, "-1"), ("1.5", 3, "36:00:00")],
    *[("2957003", 1, "9999-12-31"), ("2957004", 1, "2957004")],
]
_DATE_STYLES = (
    '<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><numFmts>'
    '<numFmt numFmtId="164" formatCode="d-mmm-yy"/><numFmt numFmtId="165" formatCode="h:mm"/>'
    '<numFmt numFmtId="166" formatCode="[h]:mm"/></numFmts><cellXfs><xf/><xf numFmtId="164"/>'
    '<xf numFmtId="165"/><xf numFmtId="166"/></cellXfs></styleSheet>'
)


def _dated(path: Path, serials: list[tuple[str, int]], from_1904: bool) -> Path:
    """A workbook of one column: serial numbers, each in a style of `_DATE_STYLES`."""
    rows = [
        f'<c r="A{n}" s="{style}"><v>{serial}</v></c>' for n, (serial, style) in enumerate(serials, start=2)
    ]
    whole = xlsx(path, _cells(_text("A1", "<t>day</t>"), *rows))
    with zipfile.ZipFile(whole) as archive:
        styles = archive.read("xl/styles.xml")
    changed = rewritten(whole, "xl/styles.xml", {styles: _DATE_STYLES.encode()})
    if not from_1904:
        return changed
    return rewritten(changed, "xl/workbook.xml", {b"<sheets>": b'<workbookPr date1904="1"/><sheets>'})


@pytest.mark.parametrize("from_1904", [False, True])
@BUDGETS
def test_serial_numbers_are_what_the_cells_format_says(
    tmp_path: Path, from_1904: bool, memory_mb: int
) -> None:
    """Each alone, with another of its style, and all in one column with plain numbers and texts."""
    dates = _DATES_1904 if from_1904 else _DATES
    for serial, style, expected in dates:
        if (serial, style) != ("0", 1) or from_1904:
            alone = _dated(tmp_path / "a.xlsx", [(serial, style)], from_1904)
            assert read(alone, memory_mb=memory_mb).values == [(expected,)], serial
        pair = _dated(tmp_path / "a.xlsx", [(serial, style), ("45000", 1)], from_1904)
        assert read(pair, memory_mb=memory_mb).values[0] == (expected,), serial
    mixed = _dated(tmp_path / "a.xlsx", [*((s, style) for s, style, _ in dates), ("7", 0)], from_1904)
    assert read(mixed, memory_mb=memory_mb).values == [*((text,) for *_, text in dates), ("7",)]


def test_dates_and_durations_of_the_cases() -> None:
    found = [row[1] for row in read(_CASES / "x5-dates-before-march-1900" / "dates0.xlsx").values]
    assert found == ["1900-02-14", "1900-02-28", "1900-03-01", "1900-12-30"]
    found = [row[1] for row in read(_CASES / "x5-dates-before-march-1900" / "e1904.xlsx").values]
    assert found == ["1904-01-02", "1904-02-15", "2027-03-16", "1904-01-01", "12:00:00", "36:00:00"]
    found = [row[1] for row in read(_CASES / "x6-long-durations" / "dur4.xlsx").values]
    assert found == ["2412:00:00", "30:00:00", "7"]
    found = [row[1] for row in read(_CASES / "x6-long-durations" / "mixdur.xlsx").values]
    assert found == ["2023-03-15", "2412:00:00", "30:00:00", "12:00:00", "12.5"]


class _Day(pa.DataFrameModel):
    day: date


def test_a_day_that_never_was_is_a_violation(tmp_path: Path) -> None:
    path = _dated(tmp_path / "a.xlsx", [("59", 1), ("60", 1), ("61", 1), ("-1", 1)], False)
    staged = stage(path, Dataset("days", schema=_Day), Settings(home=tmp_path / "home"))
    assert (staged.manifest.rows_clean, staged.manifest.rows_rejected) == (2, 2)


def test_formulas_without_values_are_said() -> None:
    folder = _CASES / "x7-formulas-without-values"
    found = read(folder / "fnocache2.xlsx")
    assert found.values == [(f"{n}", "2", "5", None) for n in range(2, 6)]
    assert found.table.dialect.notes == (
        "sheet 'S': 4 formulas have no stored value, the first in D2: never calculated, read as empty",
    )
    with pytest.raises(UnreadableFile, match="only 4 formulas without a stored value") as caught:
        read(folder / "fonly.xlsx")
    assert caught.value.code == "empty"


@pytest.mark.parametrize(
    ("cell", "counted"),
    [
        ("<c r='B2'><f>A2*2</f><v/></c>", True),
        ('<c r="B2" s="1"><f>A2*2</f>\n<v></v>\n</c>', True),
        ('<c r="B2"><f t="shared" ref="B2:B9" si="0">A2&amp;""</f></c>', True),
        ('<c r="B2"><f t="shared" si="0"/></c><c r="C2"><f t="shared" si="0">A2</f><v>2</v></c>', True),
        ('<c r="B2" t="str"><f>A2&amp;""</f></c>', True),
        ('<c r="B2" t="str"><f>A2&amp;""</f><v></v></c>', False),
        ('<c r="B2"><f>A2*2</f><v>4</v></c>', False),
        ('<c r="B2"><f t="shared" si="0"/><v>0</v></c>', False),
        ('<c r="B2" t="e"><f>A2/0</f><v>#DIV/0!</v></c>', False),
    ],
)
def test_formulas_are_counted_that_have_no_value(tmp_path: Path, cell: str, counted: bool) -> None:
    rows = _cells(_text("A1", "<t>a</t>") + _text("B1", "<t>b</t>"), '<c r="A2"><v>2</v></c>' + cell)
    notes = read(xlsx(tmp_path / "a.xlsx", rows)).table.dialect.notes
    said = "sheet 'one': 1 formula has no stored value, the first in B2: never calculated, read as empty"
    assert notes == ((said,) if counted else ())


def test_formulas_are_counted_in_large_sheets(tmp_path: Path) -> None:
    """Over several blocks of the XML, in which most rows are alike."""
    rows = "".join(
        f'<row r="{n}"><c r="A{n}"><v>{n}</v></c><c r="B{n}"><f>A{n}*2</f>{"" if n % 9 == 5 else "<v>4</v>"}</c></row>'
        for n in range(2, 40_002)
    )
    head = f'<row r="1">{_text("A1", "<t>a</t>")}{_text("B1", "<t>b</t>")}</row>'
    found = XmlBook(xlsx(tmp_path / "a.xlsx", head + rows))
    look = found.look(found.sheets[0])
    assert (look.formulas, look.formula, len(look.numbers)) == (4445, "B5", 40_001)


@pytest.mark.parametrize(("above", "below"), [(304, 0), (5000, 5000), (40_000, 0), (0, 40_000)])
@BUDGETS
def test_rows_that_are_formatted_and_empty_hide_nothing(
    tmp_path: Path, above: int, below: int, memory_mb: int
) -> None:
    """However many lie above the header or below the last note."""

    def empty(first: int, count: int) -> str:
        cells = '<c r="{0}{1}" s="1"/>'
        return "".join(
            f'<row r="{n}">{"".join(cells.format(letter, n) for letter in "ABC")}</row>'
            for n in range(first, first + count)
        )

    table = [_text("A{}", "<t>id</t>") + _text("B{}", "<t>name</t>")]
    table += [f'<c r="A{{}}"><v>{n}</v></c>' + _text("B{}", f"<t>n{n}</t>") for n in range(6)]
    lines = [f'<row r="{n}">{line.replace("{}", str(n))}</row>' for n, line in enumerate(table, above + 1)]
    note = f'<row r="{above + 9}">{_text(f"A{above + 9}", "<t>Source: our own</t>")}</row>'
    path = xlsx(tmp_path / "a.xlsx", empty(1, above) + "".join(lines) + note + empty(above + 10, below))
    found = read(path, memory_mb=memory_mb)
    assert found.table.columns == ("id", "name")
    assert found.values == [(f"{n}", f"n{n}") for n in range(6)]
    assert found.table.dialect.notes == (f"row {above + 9} below the table left out: Source: our own",)


_TABLE = [label(0, 0, "month"), label(0, 1, "units"), label(1, 0, "M1"), number(1, 1, 10)]
_TABLE += [label(2, 0, "M2"), number(2, 1, 20)]


@pytest.mark.parametrize("name", ["chart1", "chart2", "nochart"])
def test_charts_are_no_cells_of_the_sheet(name: str) -> None:
    found = read(_CASES / "x1-xls-chart-overwrites" / f"{name}.xls")
    assert found.table.columns == ("month", "units", "price")
    assert [row[:2] for row in found.values] == [(f"M{n}", f"{n}0") for n in range(1, 7)]


@pytest.mark.parametrize(
    "inside",
    [
        [number(row, 0, 5) for row in range(4)],
        [label(row, 0, "no") for row in range(3)],
        [record(0xBD, struct.pack("<HHHIHIH", 1, 0, 0, 6, 0, 6, 1))],
        [record(0x06, struct.pack("<HHHdHIH", 1, 0, 0, 7.0, 0, 0, 0))],
        [error(1, 1, 0x2A), record(0x0207, struct.pack("<HB", 2, 0) + b"no")],
        [chart(number(1, 0, 5)), number(1, 1, 6)],
        [number(9, 9, 1)],
    ],
)
@pytest.mark.parametrize("before", [False, True])
def test_cells_of_what_lies_within_a_sheet_are_none_of_it(
    tmp_path: Path, inside: list[bytes], before: bool
) -> None:
    nested = chart(*inside)
    cells = [nested, *_TABLE] if before else [*_TABLE, nested]
    found = read(xls(tmp_path / "a.xls", {"a": cells, "b": _TABLE}))
    assert found.table.columns == ("month", "units", "_sheet")
    assert [row[:2] for row in found.values] == [("M1", "10"), ("M2", "20")] * 2


@pytest.mark.parametrize("page", [0, 437, 932, 1200, 1251, 1252, 10000, 65001])
def test_texts_since_excel_97_do_not_depend_on_the_code_page(tmp_path: Path, page: int) -> None:
    for name in ("cp1200", "cp1252"):
        found = read(_CASES / "x2-xls-codepage" / f"{name}.xls")
        assert [row[:2] for row in found.values] == [("Ann", "Rome"), ("Zoë", "Köln"), ("Łukasz", "Łódź")]
    long = "ä" * 5000
    plain = struct.pack("<II", 5, 5) + struct.pack("<H", 2) + b"\0id"
    plain += struct.pack("<H", 4) + b"\1" + "Łódź".encode("utf-16-le")
    plain += struct.pack("<HBH", 4, 8, 2) + b"K\xf6ln" + bytes(8)
    plain += struct.pack("<HBI", 4, 5, 6) + "Zoëx".encode("utf-16-le") + bytes(6)
    plain += struct.pack("<H", 5000) + b"\0" + b"\xe4" * 3000
    rest = b"\1" + ("ä" * 2000).encode("utf-16-le")
    texts = struct.pack("<HH", 0xFC, len(plain)) + plain + struct.pack("<HH", 0x3C, len(rest)) + rest
    cells = [shared(row, 0, row) for row in range(5)] + [label(5, 0, "Ωx"), number(6, 0, 1.5)]
    found = read(xls(tmp_path / "a.xls", {"S": cells}, page=page, texts=texts))
    assert found.table.columns == ("id",)
    assert found.values == [("Łódź",), ("Köln",), ("Zoëx",), (long,), ("Ωx",), ("1.5",)]


@pytest.mark.parametrize(
    ("page", "codec"), [(1252, "cp1252"), (1251, "cp1251"), (10000, "mac_roman"), (99, "cp1252")]
)
@pytest.mark.parametrize("name", ["Book", "BOOK"])
def test_texts_before_excel_97_are_in_the_code_page(tmp_path: Path, page: int, codec: str, name: str) -> None:
    word = "Город" if codec == "cp1251" else "Köln"
    cells = [label(0, 0, "id", codec), label(1, 0, word, codec), number(2, 0, 7)]
    path = xls(tmp_path / "a.xls", {"S": cells}, page=page, version=0x0500, stream=name)
    if page != 99 or name == "BOOK":
        assert read(path).values == [(word,), ("7",)]


@pytest.mark.parametrize("name", ["Workbook", "WORKBOOK", "workbook", "WorkBook", "Book", "BOOK", "book"])
def test_streams_are_found_whatever_their_case(tmp_path: Path, name: str) -> None:
    assert len(read(_CASES / "x9-stream-names" / "caps_workbook.xls").values) == 6
    assert read(xls(tmp_path / "a.xls", {"S": _TABLE}, stream=name)).values == [("M1", "10"), ("M2", "20")]


@pytest.mark.parametrize("code", range(0x34))
def test_every_error_of_a_binary_workbook_is_a_cells_text(tmp_path: Path, code: int) -> None:
    known = {0: "#NULL!", 7: "#DIV/0!", 15: "#VALUE!", 23: "#REF!", 29: "#NAME?", 36: "#NUM!", 42: "#N/A"}
    known |= {43: "#GETTING_DATA", 44: "#SPILL!", 49: "#CALC!"}
    expected = known.get(code)
    cells = [*_TABLE, label(3, 0, "M3"), error(3, 1, code)]
    sheet = _xlsb_sheet(
        [
            [(6, wide("month")), (6, wide("units"))],
            [(6, wide("M1")), (5, struct.pack("<d", 10))],
            [(6, wide("M3")), (3, bytes([code]))],
        ]
    )
    for path in (xls(tmp_path / "a.xls", {"S": cells}), _xlsb_of(tmp_path / "a.xlsb", sheet)):
        found = read(path).values[-1]
        assert found[0] == "M3"
        assert found[1] == expected if expected else str(found[1]).startswith("#"), found


def _xlsb_sheet(rows: list[list[tuple[int, bytes]]]) -> bytes:
    """A sheet of a binary workbook from (kind, content) of its cells, of which numbers are in the first style."""
    cells = b"".join(
        binary(0, struct.pack("<I", row) + bytes(13))
        + b"".join(binary(kind, struct.pack("<II", at, 0) + body) for at, (kind, body) in enumerate(line))
        for row, line in enumerate(rows)
    )
    size = binary(148, struct.pack("<IIII", 0, len(rows) - 1, 0, max(map(len, rows)) - 1))
    return binary(129) + size + binary(145) + cells + binary(146) + binary(130)


def _xlsb_of(path: Path, sheet: bytes) -> Path:
    """A binary workbook with this sheet."""
    whole = xlsb(path.with_name(f"whole-{path.name}"), {"one": [["x"]]})
    with zipfile.ZipFile(whole) as archive:
        before = archive.read("xl/worksheets/sheet1.bin")
    return rewritten(whole, "xl/worksheets/sheet1.bin", {before: sheet}).rename(path)


@pytest.mark.parametrize("from_1904", [False, True])
def test_serial_numbers_of_binary_workbooks(tmp_path: Path, from_1904: bool) -> None:
    """As those of .xlsx are; in .xlsb the second style shows dates, and each style is told by the first."""
    dates = _DATES_1904 if from_1904 else _DATES
    formats = ["d-mmm-yy", "h:mm", "[h]:mm"]
    head = label(0, 0, "day")

    def found(*serials: tuple[str, int]) -> list[object]:
        cells = [number(n, 0, float(serial), style) for n, (serial, style) in enumerate(serials, start=1)]
        path = xls(tmp_path / "a.xls", {"S": [head, *cells]}, formats=formats, from_1904=from_1904)
        return [row[0] for row in read(path).values]

    for serial, style, expected in dates:
        assert found((serial, style), ("45000", 1))[0] == expected, serial
    assert found(*((s, style) for s, style, _ in dates), ("7", 0)) == [*(text for *_, text in dates), "7"]
    days = [timedelta(days=float(serial)) for serial, style, _ in dates if style == 1 and "e" not in serial]
    path = xlsb(tmp_path / "a.xlsb", {"S": [["day"], *([day] for day in days)]}, from_1904=from_1904)
    texts = [text for serial, style, text in dates if style == 1 and "e" not in serial]
    assert [row[0] for row in read(path).values] == texts


def test_binary_workbooks_whose_parts_have_other_names(tmp_path: Path) -> None:
    """In capitals, and with rich texts in cells, which the library passes over."""
    rich = _xlsb_sheet([[(6, wide("id"))], [(62, b"\0" + wide("Zoë"))], [(2, struct.pack("<I", 7 << 2 | 3))]])
    assert read(_xlsb_of(tmp_path / "a.xlsb", rich)).values == [("Zoë",), ("0.07",)]
    path = xlsb(tmp_path / "b.xlsb", {"one": [["id"], [1.5], [timedelta(45000)]]})
    other = tmp_path / "c.xlsb"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(other, "w") as new:
        for name in old.namelist():
            new.writestr(name.upper().replace("/", "\\"), old.read(name))
    assert read(other).values == read(path).values == [("1.5",), ("2023-03-15",)]


def test_rows_out_of_their_order_are_read_in_it(tmp_path: Path) -> None:
    cells = [number(2, 0, 2), label(0, 0, "id"), number(3, 0, 3), number(1, 0, 1), chart(number(0, 0, 1))]
    assert read(xls(tmp_path / "a.xls", {"S": cells})).values == [("1",), ("2",), ("3",)]


@pytest.mark.parametrize("at", range(0, 300, 7))
def test_a_spoilt_stream_is_read_or_refused_in_words(tmp_path: Path, at: int) -> None:
    """Whatever byte is wrong, with a chart that keeps the library away."""
    path = xls(tmp_path / "a.xls", {"S": [*_TABLE, chart(number(1, 0, 5))]}, formats=["d-mmm-yy"], page=1252)
    data = bytearray(path.read_bytes())
    for value in (0, 255, data[1536 + at] ^ 1):
        data[1536 + at] = value
        path.write_bytes(data)
        try:
            read(path)
        except UnreadableFile as problem:
            assert problem.code in ("damaged", "empty", "header_only", "too_large", "encrypted")


def test_errors_and_formulas_of_open_documents(tmp_path: Path) -> None:
    def formula(attributes: str, shown: str = "") -> str:
        text = f"<text:p>{shown}</text:p>" if shown else ""
        return f'<table:table-cell table:formula="of:=[.A1]" {attributes}>{text}</table:table-cell>'

    error = 'office:value-type="string" office:string-value="" calcext:value-type="error"'
    rows = row(*texts("id", "v"))
    for shown in ("#DIV/0!", "Err:502", "#N/A", "#NAME?", "Fehler:508"):
        rows += row(cell("float", "1", "1"), formula(error, shown))
    rows += row(cell("float", "1", "1"), formula(""))
    rows += row(cell("float", "", "5"), cell("time", "-PT1H30M00S", "-1:30"))
    rows += row(cell("float", "1", "1"), cell("time", "PT2412H00M00S", "2412:00"))
    rows += row(cell("float", "1", "1"), cell("date", "1899-12-30", "0"))
    space = 'xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"'
    path = ods(tmp_path / "a.ods", {"one": rows})
    path = rewritten(
        path, "content.xml", {b"<office:document-content ": f"<office:document-content {space} ".encode()}
    )
    found = read(path)
    assert [line[1] for line in found.values] == [
        *("#DIV/0!", "Err:502", "#N/A", "#NAME?", "Fehler:508", None, "-01:30:00", "2412:00:00", "1899-12-30")
    ]
    assert found.values[6][0] == "5"
    assert found.table.dialect.notes == (
        "sheet 'one': 1 formula has no stored value, the first in B7: never calculated, read as empty",
    )


@pytest.mark.parametrize(
    ("cell_xml", "expected"),
    [
        ('<c r="B2" t="s"><v> 1 </v></c>', "two"),
        ('<c r="B2" t="s"><v>\n1\n</v></c>', "two"),
        ('<c r="B2" t="s" cm="1"><v>1</v></c>', "two"),
        ('<c r="B2" t="s"><v></v></c>', None),
        ('<c r="B2" t="inlineStr"><v>x</v></c>', "x"),
        ('<c r="B2" t="str"><is><t>x</t></is></c>', "x"),
        ('<c r="B2" t="n"><v>1,5</v></c>', "1,5"),
        ('<c r="B2"><v>1_000</v></c>', "1_000"),
        ('<c r="B2" t="date"><v>5</v></c>', "5"),
    ],
)
@BUDGETS
def test_cells_are_read_as_they_are_meant(
    tmp_path: Path, cell_xml: str, expected: str | None, memory_mb: int
) -> None:
    """As the first of many rows, and as one among rows of which each is of another shape."""
    head = _text("A1", "<t>id</t>") + _text("B1", "<t>v</t>")
    many = [
        f'<c r="A{n}"><v>{n}</v></c>' + _text(f"B{n}", f"<t>{'xyz' * (n % 90)}</t>") for n in range(3, 300)
    ]
    first = '<c r="A2"><v>2</v></c>' + cell_xml
    for rows in (_cells(head, first), _cells(head, first, *many)):
        path = xlsx(tmp_path / "a.xlsx", rows, ["<t>one</t>", "<t>two</t>"])
        assert read(path, memory_mb=memory_mb).values[0] == ("2", expected)


def test_a_shared_text_that_is_not_there_is_damage(tmp_path: Path) -> None:
    for wrong in ("-1", "1.0", "2", "x"):
        rows = _cells(_text("A1", "<t>id</t>"), f'<c r="A2" t="s"><v>{wrong}</v></c>')
        with pytest.raises(UnreadableFile) as caught:
            read(xlsx(tmp_path / "a.xlsx", rows, ["<t>one</t>", "<t>two</t>"]))
        assert caught.value.code == "damaged"


@pytest.mark.parametrize("first", [b"\x09\x00\x04\x00", b"\x09\x02\x06\x00", b"\x09\x04\x06\x00"])
def test_workbooks_before_excel_5_are_refused_by_name(tmp_path: Path, first: bytes) -> None:
    with pytest.raises(UnreadableFile, match="Excel 2, 3 or 4") as caught:
        read(write(tmp_path / "a.xls", first + bytes(60)))
    assert caught.value.code == "unsupported"


@pytest.mark.parametrize("at", [40, 44, 48, 60, 64, 68, 72, 76, 1024 + 116, 1024 + 128 + 116])
@pytest.mark.parametrize("number", [5_000, 0xFFFFFF01, 0xFFFFFFF0])
def test_a_chain_that_leads_out_of_the_file_is_not_followed(tmp_path: Path, at: int, number: int) -> None:
    """The library would make room for all up to there, and end the process where there is none."""
    path = xls(tmp_path / "a.xls", {"S": _TABLE})
    assert is_sound(path.read_bytes())
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, at, number)
    if at == 68:
        struct.pack_into("<I", data, 72, 1)
    path.write_bytes(data)
    assert not is_sound(path.read_bytes())
    try:
        assert read(path).values == [("M1", "10"), ("M2", "20")]
    except UnreadableFile as problem:
        assert problem.code in ("damaged", "not_what_it_says")


@pytest.mark.parametrize(
    "size", [(0, 2**32 - 1, 0, 2**16 - 1), (0, 2**31 - 1, 0, 256), (5, 1, 9, 0), (0, 65_536, 0, 256)]
)
def test_a_sheet_that_says_it_is_larger_than_any_is_read_all_the_same(
    tmp_path: Path, size: tuple[int, ...]
) -> None:
    dimensions = record(0x0200, struct.pack("<IIHHH", *size, 0))
    assert read(xls(tmp_path / "a.xls", {"S": [dimensions, *_TABLE]})).values == [("M1", "10"), ("M2", "20")]


@pytest.mark.parametrize(
    "claim", ['uniqueCount="99999999999"', "count='4294967295' uniqueCount='4294967295'"]
)
def test_shared_texts_that_say_they_are_more_than_can_be_are_read_all_the_same(
    tmp_path: Path, claim: str
) -> None:
    path = xlsx(tmp_path / "a.xlsx", shared_row(1, 0) + shared_row(2, 1), ["<t>id</t>", "<t>x</t>"])
    changed = rewritten(path, "xl/sharedStrings.xml", {b"<sst ": f"<sst {claim} ".encode()})
    assert read(changed).values == [("x",)]
    texts_part = binary(159, struct.pack("<II", 2**32 - 1, 2**32 - 1)) + binary(19, b"\0" + wide("id"))
    sheet = _xlsb_sheet([[(7, struct.pack("<I", 0))], [(5, struct.pack("<d", 7))]])
    whole = _xlsb_of(tmp_path / "b.xlsb", sheet)
    with zipfile.ZipFile(whole, "a") as archive:
        archive.writestr("xl/sharedStrings.bin", texts_part + binary(160))
    assert read(whole).values == [("7",)]


class _Order(pa.DataFrameModel):
    order_id: int = pa.Field(nullable=True)
    date: str = pa.Field(nullable=True)
    customer: str
    amount: float


class _Priced(pa.DataFrameModel):
    id: int
    total: float


def test_contracts_see_one_table_and_miss_values_that_were_never_calculated(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    orders = stage(
        _CASES / "x4-summary-sheet-stacked" / "rel4.xlsx", Dataset("orders", schema=_Order), settings
    )
    assert (orders.manifest.rows_clean, orders.manifest.rows_rejected) == (5, 0)
    path = _CASES / "x7-formulas-without-values" / "fnocache2.xlsx"
    priced = stage(path, Dataset("priced", schema=_Priced), settings)
    assert (priced.manifest.rows_clean, priced.manifest.rows_rejected) == (0, 4)


def test_spoilt_workbooks_are_read_or_refused(tmp_path: Path) -> None:
    valid = {path.name: path.read_bytes() for path in sorted(_CASES.glob("x*/*.*")) if path.suffix != ".md"}
    outcomes = Counter[str]()
    for place in range(120):
        name, data = case(place, valid)
        outcomes[read_carefully(write(tmp_path / name, data), chunk_rows=7 if place % 2 else 100_000)] += 1
        (tmp_path / name).unlink()
    assert outcomes["excel"] and outcomes["damaged"], outcomes


def test_what_no_workbook_has_is_damage(tmp_path: Path) -> None:
    """Texts in an encoding that is none, and a part in bzip2 that is garbled."""
    path = xlsx(tmp_path / "a.xlsx", shared_row(1, 0) + shared_row(2, 1), ["<t>id</t>", "<t>x</t>"])
    declared = b'<?xml version="1.0" encoding="WF-8"?><sst '
    unknown = rewritten(path, "xl/sharedStrings.xml", {b"<sst ": declared})
    packed = tmp_path / "b.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_BZIP2) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    garbled = write(tmp_path / "c.xlsx", packed.read_bytes().replace(b"1AY&SY", b"1AY&SX"))
    for broken in (unknown, garbled):
        with pytest.raises(UnreadableFile) as caught:
            read(broken)
        assert caught.value.code == "damaged"


def test_a_member_without_a_name_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("n", b"x")
        archive.writestr("a.csv", b"id,v\n1,2\n")
        archive.infolist()[0].filename = ""
    assert read(path).values == [("1", "2")]
