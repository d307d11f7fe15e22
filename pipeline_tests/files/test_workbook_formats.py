"""Workbooks other than .xlsx: .xls, .xlsb and .ods, and what is refused before it fills memory."""

from __future__ import annotations

import struct
import zipfile
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from pipeline.files import ReadOptions, Table, UnreadableFile
from pipeline.files.workbook.book import XmlBook
from pipeline.files.workbook.compound import BadCompound, read_stream
from pipeline.files.workbook.layout import Look
from pipeline.files.workbook.reader import open_excel
from pipeline_tests.files.reading import write
from pipeline_tests.files.test_excel import workbook

_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_SHEET = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"
_OFFICE = "urn:oasis:names:tc:opendocument:xmlns:office:1.0"
_TABLE = "urn:oasis:names:tc:opendocument:xmlns:table:1.0"
_TEXT = "urn:oasis:names:tc:opendocument:xmlns:text:1.0"
_STYLE = "urn:oasis:names:tc:opendocument:xmlns:style:1.0"
_MIME = "application/vnd.oasis.opendocument.spreadsheet"


def opened(path: Path, **options: object) -> Table:
    """The workbook as a table, whatever its name."""
    return open_excel(path, None, ReadOptions(**options))  # type: ignore[arg-type]


def values(table: Table) -> list[tuple[object, ...]]:
    """Every record without its number; the pieces hold what they say."""
    records = []
    for piece in table.pieces():
        frame = piece.parse().frame
        assert frame.height == piece.records
        records += [row[:-1] for row in frame.iter_rows()]
    return records


def ods(path: Path, sheets: dict[str, str], styles: str = "") -> Path:
    """An OpenDocument spreadsheet with these rows (XML) in these sheets."""
    tables = "".join(
        f'<table:table table:name="{name}" table:style-name="{name}">{rows}</table:table>'
        for name, rows in sheets.items()
    )
    content = (
        f'<office:document-content xmlns:office="{_OFFICE}" xmlns:table="{_TABLE}" xmlns:text="{_TEXT}" '
        f'xmlns:style="{_STYLE}"><office:automatic-styles>{styles}</office:automatic-styles>'
        f"<office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body></office:document-content>"
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", _MIME)
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr("content.xml", content)
    return path


def row(*cells: str, repeat: int = 1) -> str:
    """A row of an OpenDocument sheet."""
    return f'<table:table-row table:number-rows-repeated="{repeat}">{"".join(cells)}</table:table-row>'


def cell(kind: str, value: str = "", shown: str = "", repeat: int = 1) -> str:
    """A cell of an OpenDocument sheet."""
    name = {"date": "date-value", "time": "time-value", "boolean": "boolean-value"}.get(kind, "value")
    told = f' office:{name}="{value}"' if value else ""
    typed = f' office:value-type="{kind}"' if kind else ""
    text = f"<text:p>{shown}</text:p>" if shown else ""
    return (
        f'<table:table-cell table:number-columns-repeated="{repeat}"{typed}{told}>{text}</table:table-cell>'
    )


def texts(*shown: str) -> list[str]:
    """Cells of text."""
    return [cell("string", shown=text) for text in shown]


def test_ods_values_are_canonical_text(tmp_path: Path) -> None:
    rows = [
        row(*texts("Title")),
        row(cell("", repeat=4), repeat=2),
        row(*texts("n", "day", "t", "b", "s")),
        row(
            cell("float", "5", "5,00"),
            cell("date", "2024-01-31", "31.01.24"),
            cell("time", "PT30H05M00S", "30:05"),
            cell("boolean", "true", "WAHR"),
            *texts("007"),
        ),
        row(
            cell("percentage", "0.125", "12,5 %"),
            cell("date", "2024-01-31T12:30:15.2500", "x"),
            cell("time", "PT00H00M01.5S", "x"),
            cell("boolean", "false", "FALSCH"),
            cell("string", shown="a<text:s text:c='2'/>b</text:p><text:p>c"),
        ),
        row(cell("float", "0", "#N/A"), cell("", repeat=16_383)),
        row(cell("", repeat=16_384), repeat=1_048_500),
    ]
    table = opened(ods(tmp_path / "a.ods", {"one": "".join(rows)}))
    assert table.columns == ("n", "day", "t", "b", "s")
    assert values(table) == [
        ("5", "2024-01-31", "30:05:00", "true", "007"),
        ("0.125", "2024-01-31T12:30:15.25", "00:00:01.5", "false", "a  b\nc"),
        ("#N/A", None, None, None, None),
    ]
    assert table.dialect.header_line == 4


def test_ods_repeated_rows_and_cells_count_as_often(tmp_path: Path) -> None:
    rows = row(*texts("a", "b")) + row(cell("float", "1", "1", repeat=2), repeat=3) + row(*texts("x", "y"))
    table = opened(ods(tmp_path / "a.ods", {"one": rows}), chunk_rows=2)
    assert values(table) == [("1", "1")] * 3 + [("x", "y")]


def test_ods_sheets_hidden_and_of_one_shape(tmp_path: Path) -> None:
    hidden = '<style:style style:name="b"><style:table-properties table:display="false"/></style:style>'
    sheets = {
        name: row(*texts("id", "name")) + row(cell("float", place, place), *texts(name))
        for place, name in (("1", "a"), ("2", "b"), ("3", "c"))
    }
    table = opened(ods(tmp_path / "a.ods", sheets, hidden))
    assert values(table) == [("1", "a", "a"), ("3", "c", "c")]
    assert table.dialect.notes == ("hidden sheet 'b' left out",)


def test_an_ods_that_repeats_without_end_is_too_large(tmp_path: Path) -> None:
    rows = row(*texts("a", "b")) + row(cell("float", "1", "1", repeat=16_000), repeat=1_000_000)
    with pytest.raises(UnreadableFile, match="repeat to more than") as caught:
        opened(ods(tmp_path / "a.ods", {"one": rows}))
    assert caught.value.code == "too_large"


def record(kind: int, body: bytes = b"") -> bytes:
    """A record of a binary workbook part."""
    head = bytes([kind]) if kind < 128 else bytes([kind & 127 | 128, kind >> 7])
    assert len(body) < 128
    return head + bytes([len(body)]) + body


def wide(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def xlsb(
    path: Path, sheets: dict[str, list[list[object]]], hidden: tuple[str, ...] = (), from_1904: bool = False
) -> Path:
    """A binary workbook with these values; days are written as numbers in the style of dates."""
    bundles = b"".join(
        record(156, struct.pack("<II", name in hidden, place) + wide(f"r{place}") + wide(name))
        for place, name in enumerate(sheets, start=1)
    )
    relations = "".join(
        f'<Relationship Id="r{place}" Type="{_SHEET}" Target="worksheets/sheet{place}.bin"/>'
        for place in range(1, len(sheets) + 1)
    )
    properties = record(153, struct.pack("<II", from_1904, 0) + wide(""))
    formats = b"".join(record(47, struct.pack("<HH", 0, number) + bytes(12)) for number in (0, 14))
    styles = record(278) + record(617, struct.pack("<I", 2)) + formats + record(618) + record(279)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(
            "xl/workbook.bin", record(131) + properties + record(143) + bundles + record(144) + record(132)
        )
        archive.writestr(
            "xl/_rels/workbook.bin.rels", f'<Relationships xmlns="{_RELATIONS}">{relations}</Relationships>'
        )
        archive.writestr("xl/styles.bin", styles)
        for place, rows in enumerate(sheets.values(), start=1):
            archive.writestr(f"xl/worksheets/sheet{place}.bin", _sheet(rows))
    return path


def _sheet(rows: list[list[object]]) -> bytes:
    cells = []
    for number, values_ in enumerate(rows):
        cells.append(record(0, struct.pack("<I", number) + bytes(13)))
        for column, value in enumerate(values_):
            at = struct.pack("<II", column, 0)
            if isinstance(value, timedelta):
                at = struct.pack("<II", column, 1)
                cells.append(record(5, at + struct.pack("<d", value / timedelta(days=1))))
            elif isinstance(value, bool):
                cells.append(record(4, at + bytes([value])))
            elif isinstance(value, int | float):
                cells.append(record(5, at + struct.pack("<d", value)))
            elif isinstance(value, str) and value.startswith("#"):
                cells.append(record(3, at + b"\x2a"))
            elif isinstance(value, str):
                cells.append(record(6, at + wide(value)))
    size = record(148, struct.pack("<IIII", 0, len(rows) - 1, 0, max(map(len, rows)) - 1))
    return record(129) + size + record(145) + b"".join(cells) + record(146) + record(130)


XLSB: list[list[object]] = [
    ["Title"],
    [],
    ["id", "name", "flag", "mixed"],
    [1, "a", True, 5],
    [2.5, "b", False, "#N/A"],
    [0.1 + 0.2, "", None, True],
    ["a note below it"],
]


def test_xlsb_reads_as_the_others_do(tmp_path: Path) -> None:
    path = xlsb(tmp_path / "a.xlsb", {"one": XLSB, "two": [["x"], [1]]}, hidden=("two",))
    table = opened(path)
    assert table.columns == ("id", "name", "flag", "mixed")
    assert values(table) == [
        ("1", "a", "true", "5"),
        ("2.5", "b", "false", "#N/A"),
        ("0.30000000000000004", None, None, "true"),
    ]
    assert table.dialect.header_line == 3
    assert [note.split(":")[0] for note in table.dialect.notes] == [
        "hidden sheet 'two' left out",
        "row 1 above the table left out",
        "row 7 below the table left out",
    ]


@pytest.mark.parametrize(("from_1904", "day"), [(False, "2024-01-01"), (True, "2028-01-02")])
def test_xlsb_dates_of_both_date_systems(tmp_path: Path, from_1904: bool, day: str) -> None:
    rows: list[list[object]] = [
        ["day", "mixed"],
        [timedelta(days=45292), timedelta(days=45292, hours=12)],
        [timedelta(days=45292), "x"],
    ]
    table = opened(xlsb(tmp_path / "a.xlsb", {"one": rows}, from_1904=from_1904))
    assert values(table) == [(day, f"{day}T12:00:00"), (day, "x")]


def test_a_binary_workbook_that_does_not_fit_is_refused_with_a_remedy(tmp_path: Path) -> None:
    path = xlsb(tmp_path / "a.xlsb", {"one": [["a", "b"], *([number, 1] for number in range(20_000))]})
    assert len(values(opened(path, memory_mb=64))) == 20_000
    with pytest.raises(UnreadableFile, match=r"memory.*CSV.*PIPELINE_MEMORY_MB") as caught:
        opened(path, memory_mb=1)
    assert caught.value.code == "too_large"


def test_the_fast_reader_is_chosen_by_what_it_needs(tmp_path: Path) -> None:
    """Measured: a million rows of seven columns take 510 MB at their peak, beside 160 MB of libraries."""
    book = XmlBook(workbook(tmp_path / "a.xlsx", {"one": [["id"], [1]]}))
    book.close()
    looks = [Look(np.arange(1, rows + 1), 0, columns) for rows, columns in ((1_000_001, 7), (1_000_001, 30))]
    assert book.fast(looks, 1024) == [True, False]
    assert book.fast(looks, 512) == [False, False]
    stray = Look(np.arange(1, 20_001), 0, 16_384)
    assert book.fast([stray], 1024) == [False]


def test_a_zip_that_was_made_to_fill_memory_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", {"one": [["id"], [1]]})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("big", "w") as part:
        for _ in range(300):
            part.write(bytes(1024 * 1024))
    with pytest.raises(UnreadableFile, match="made to fill memory") as caught:
        opened(path)
    assert caught.value.code == "too_large"


def test_a_part_that_expands_to_more_than_it_says_is_damaged(tmp_path: Path) -> None:
    path = xlsb(tmp_path / "a.xlsb", {"one": [["id"], *([number] for number in range(2000))]})
    data = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        size = archive.getinfo("xl/worksheets/sheet1.bin").file_size
    changed = data.replace(struct.pack("<I", size), struct.pack("<I", 500))
    assert changed != data
    with pytest.raises(UnreadableFile) as caught:
        opened(write(tmp_path / "b.xlsb", changed))
    assert caught.value.code == "damaged"


@pytest.mark.parametrize("name", ["a.xls", "a.xlsx", "a.xlsm", "a.xlsb", "a.ods", "a.csv", "a"])
@pytest.mark.parametrize("kind", ["xls", "xlsx", "xlsb", "ods"])
def test_the_extension_means_nothing(tmp_path: Path, shared_data: Path, kind: str, name: str) -> None:
    source = {
        "xls": lambda: shared_data / "readxl_deaths" / "deaths.xls",
        "xlsx": lambda: shared_data / "readxl_deaths" / "deaths.xlsx",
        "xlsb": lambda: xlsb(tmp_path / "source.xlsb", {"one": XLSB}),
        "ods": lambda: ods(tmp_path / "source.ods", {"one": row(*texts("a")) + row(*texts("b"))}),
    }[kind]()
    copy = write(tmp_path / name, source.read_bytes())
    assert values(opened(copy)) == values(opened(source))
    assert opened(copy).dialect == opened(source).dialect
    if kind == "xlsx":
        assert values(opened(copy, memory_mb=0)) == values(opened(source))


@pytest.mark.parametrize("suffix", ["xls", "xlsb", "ods"])
@pytest.mark.parametrize("cut", [0.3, 0.6, 0.9])
def test_a_workbook_that_is_cut_off_is_damaged(
    tmp_path: Path, shared_data: Path, suffix: str, cut: float
) -> None:
    whole = {
        "xls": lambda: shared_data / "readxl_deaths" / "deaths.xls",
        "xlsb": lambda: xlsb(tmp_path / "a.xlsb", {"one": XLSB}),
        "ods": lambda: ods(tmp_path / "a.ods", {"one": row(*texts("a")) + row(*texts("b"))}),
    }[suffix]()
    data = whole.read_bytes()
    with pytest.raises(UnreadableFile) as caught:
        values(opened(write(tmp_path / f"b.{suffix}", data[: int(len(data) * cut)])))
    assert caught.value.code == "damaged"


def test_a_ring_of_sectors_is_garbled(shared_data: Path) -> None:
    data = bytearray((shared_data / "readxl_deaths" / "deaths.xls").read_bytes())
    assert read_stream(bytes(data), ("Workbook", "Book")) is not None
    table = struct.unpack_from("<I", data, 76)[0]
    for entry in range(128):
        struct.pack_into("<I", data, 512 + table * 512 + 4 * entry, entry)
    with pytest.raises(BadCompound):
        read_stream(bytes(data), ("Workbook", "Book"))
