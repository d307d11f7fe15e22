"""The XML of .xlsx: shared texts, prefixes, cells written in other ways than the common ones."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from pipeline.files import UnreadableFile
from pipeline_tests.files.test_excel import BUDGETS
from pipeline_tests.files.test_workbook_formats import opened, values

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_STYLES = (
    f'<styleSheet xmlns="{_MAIN}"><numFmts count="1"><numFmt numFmtId="164" formatCode="00000"/></numFmts>'
    '<fonts count="1"><font/></fonts><fills count="1"><fill><patternFill/></fill></fills>'
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
    '<cellXfs count="3"><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)


def xlsx(path: Path, rows: str, shared: list[str] | None = None, prefix: str = "") -> Path:
    """A workbook of one sheet from the XML of its rows and the XML within its shared texts."""
    names = {
        "workbook": "sheet.main",
        "worksheets/sheet1": "worksheet",
        "sharedStrings": "sharedStrings",
        "styles": "styles",
    }
    overrides = "".join(
        f'<Override PartName="/xl/{name}.xml" ContentType="{_KIND}.{kind}+xml"/>'
        for name, kind in names.items()
    )
    relations = "".join(
        f'<Relationship Id="r{kind}" Type="{_OFFICE}/{kind}" Target="{name}.xml"/>'
        for name, kind in names.items()
        if name != "workbook"
    )
    colon = f"{prefix}:" if prefix else ""
    space = f"xmlns:{prefix}" if prefix else "xmlns"
    items = "".join(f"<{colon}si>{text}</{colon}si>" for text in shared or [])
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{_TYPES}"><Default Extension="rels" '
        f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>{overrides}</Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}"><Relationship Id="r1" '
        f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
        '<sheet name="one" sheetId="1" r:id="rworksheet"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}">{relations}</Relationships>',
        "xl/styles.xml": _STYLES,
        "xl/sharedStrings.xml": f'<{colon}sst {space}="{_MAIN}">{items}</{colon}sst>',
        "xl/worksheets/sheet1.xml": f'<{colon}worksheet {space}="{_MAIN}"><{colon}sheetData>{rows}'
        f"</{colon}sheetData></{colon}worksheet>",
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, xml in parts.items():
            archive.writestr(name, xml)
    return path


def shared_row(number: int, *texts: int) -> str:
    """A row of shared texts."""
    cells = "".join(
        f'<c r="{letter}{number}" t="s"><v>{text}</v></c>'
        for letter, text in zip("ABCDEF", texts, strict=False)
    )
    return f'<row r="{number}">{cells}</row>'


@BUDGETS
def test_shared_texts_are_found_wherever_they_lie(tmp_path: Path, memory_mb: int) -> None:
    """The header's are the last of many, over several blocks of the XML."""
    texts = [f"<t>value {number:06d} {'x' * 40}</t>" for number in range(40_000)]
    texts += [
        "<t>id</t>",
        "<r><t>na</t></r><r><t>me</t></r><rPh sb='0' eb='1'><t>read aloud</t></rPh>",
        "<t/>",
    ]
    rows = [shared_row(1, 40_000, 40_001)]
    rows += [shared_row(number, number, number + 1) for number in range(2, 2000)]
    rows += [shared_row(2000, 40_002, 40_002), shared_row(2002, 39_999)]
    table = opened(xlsx(tmp_path / "a.xlsx", "".join(rows), texts), memory_mb=memory_mb)
    assert table.columns == ("id", "name")
    assert table.dialect.notes == (f"row 2002 below the table left out: value 039999 {'x' * 40}",)
    found = values(table)
    assert len(found) == 1998
    assert str(found[0][1]).startswith("value 000003")


@BUDGETS
def test_prefixed_elements(tmp_path: Path, memory_mb: int) -> None:
    rows = "".join(
        f'<x:row r="{row}"><x:c r="A{row}" t="s"><x:v>{row - 1}</x:v></x:c><x:c r="B{row}"><x:v>{row}</x:v></x:c></x:row>'
        if row > 1
        else '<x:row r="1"><x:c r="A1" t="s"><x:v>0</x:v></x:c><x:c r="B1" t="inlineStr"><x:is><x:t>n</x:t></x:is></x:c></x:row>'
        for row in range(1, 4)
    )
    shared = [f"<x:t>{text}</x:t>" for text in ("name", "a", "b")]
    table = opened(xlsx(tmp_path / "a.xlsx", rows, shared, "x"), memory_mb=memory_mb)
    assert table.columns == ("name", "n")
    assert values(table) == [("a", "2"), ("b", "3")]


@BUDGETS
def test_header_cells_are_written_as_values_are(tmp_path: Path, memory_mb: int) -> None:
    header = (
        '<c r="A1" t="s"><v>0</v></c><c r="B1" s="1"><v>45292</v></c><c r="C1" s="1"><v>45323</v></c>'
        '<c r="D1" t="str"><f>"q"&amp;1</f><v>q1</v></c>'
    )
    rows = f'<row r="1">{header}</row>' + "".join(
        f'<row r="{row}"><c r="A{row}" t="s"><v>1</v></c><c r="B{row}"><v>1.5</v></c>'
        f'<c r="C{row}"><v>2.5</v></c><c r="D{row}"><v>3</v></c></row>'
        for row in range(2, 5)
    )
    table = opened(xlsx(tmp_path / "a.xlsx", rows, ["<t>land</t>", "<t>DE</t>"]), memory_mb=memory_mb)
    assert table.columns == ("land", "2024-01-01", "2024-02-01", "q1")
    assert values(table) == [("DE", "1.5", "2.5", "3")] * 3


@BUDGETS
def test_codes_keep_their_zeros_row_by_row(tmp_path: Path, memory_mb: int) -> None:
    styles = [2, 2, 0, 2]
    rows = shared_row(1, 0) + "".join(
        f'<row r="{row}"><c r="A{row}" s="{style}"><v>{row}</v></c></row>'
        for row, style in enumerate(styles, start=2)
    )
    table = opened(xlsx(tmp_path / "a.xlsx", rows, ["<t>zip</t>"]), memory_mb=memory_mb, chunk_rows=3)
    assert values(table) == [("00002",), ("00003",), ("4",), ("00005",)]


def test_shared_texts_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    long = f"<t>{'x' * 24_000_000}</t>"
    path = xlsx(tmp_path / "a.xlsx", shared_row(1, 0) + shared_row(2, 1), ["<t>id</t>", "<t>x</t>", long])
    with pytest.raises(UnreadableFile, match="CSV") as caught:
        opened(path, memory_mb=0)
    assert caught.value.code == "too_large"
    assert values(opened(path, memory_mb=1024)) == [("x",)]


@BUDGETS
def test_many_rows_cut_into_blocks(tmp_path: Path, memory_mb: int) -> None:
    """Several megabytes of XML, with rows left out, and a note at the end."""
    kept = [row for row in range(2, 20_000) if row % 97]
    rows = shared_row(1, 0, 1) + "".join(
        f'<row r="{row}"><c r="A{row}"><v>{row}</v></c><c r="B{row}" t="b"><v>{row % 2}</v></c>'
        f'<c r="C{row}" t="inlineStr"><is><t>{"y" * 60}</t></is></c></row>'
        for row in kept
    )
    rows += shared_row(20_500, 2)
    path = xlsx(tmp_path / "a.xlsx", rows, ["<t>id</t>", "<t>odd</t>", "<t>note</t>"])
    found = values(opened(path, memory_mb=memory_mb, chunk_rows=7000))
    assert [record[:2] for record in found] == [(str(row), "true" if row % 2 else "false") for row in kept]
