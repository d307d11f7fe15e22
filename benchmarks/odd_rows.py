"""Large files for the reading benchmarks: orders of which some rows are ill written, and workbooks written without a library.

What belongs here: deterministic test data. What does not: timing.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.generate import orders_frame, write_orders

_CHUNK = 50_000
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def ragged(line: str, number: int) -> str:
    """One field too few in every second row, one too many in the others."""
    return line.rsplit(",", 1)[0] if number % 2 else line + ",more"


def badly_quoted(line: str, number: int) -> str:
    """A quote that never closes at the start of a field, or one inside a field."""
    first, second, rest = line.split(",", 2)
    return f'{first},"{second},{rest}' if number % 2 else f'{first},"{second}" x,{rest}'


def write_odd(path: Path, clean: Path, every: int, spoil: Callable[[str, int], str]) -> Path:
    """`clean` with every `every`th record spoilt; an existing file is kept. Returns `path`."""
    if path.exists():
        return path
    part = path.with_suffix(".part")
    with clean.open(encoding="utf-8") as lines, part.open("w", encoding="utf-8") as out:
        out.write(next(lines))
        for number, line in enumerate(lines):
            out.write(spoil(line.rstrip("\n"), number // every) + "\n" if number % every == 0 else line)
    return part.rename(path)


def write_clean(path: Path, rows: int) -> Path:
    """`rows` orders without a fault, as CSV; an existing file is kept."""
    return write_orders(path, rows, bad_rows=0.0)


def write_workbook(path: Path, rows: int) -> Path:
    """`rows` orders as .xlsx, as Excel would write them: numbers, dates, and texts in the table of shared strings; an existing
    file is kept. The XML is written directly: a library would take minutes."""
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    strings: dict[str, int] = {}
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, text in _PARTS.items():
            archive.writestr(name, text)
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as out:
            out.write(f'<worksheet xmlns="{_MAIN}"><dimension ref="A1:G{rows + 1}"/><sheetData>'.encode())
            for lines in _sheet_rows(rows, strings):
                out.write(lines.encode())
            out.write(b"</sheetData></worksheet>")
        with archive.open("xl/sharedStrings.xml", "w", force_zip64=True) as out:
            count = len(strings)
            out.write(f'<sst xmlns="{_MAIN}" count="{count}" uniqueCount="{count}">'.encode())
            names = iter(strings)
            while some := list(islice(names, _CHUNK)):
                out.write("".join(f"<si><t>{text}</t></si>" for text in some).encode())
            out.write(b"</sst>")
    return part.rename(path)


def _sheet_rows(rows: int, strings: dict[str, int]) -> Iterator[str]:
    def shared(text: str) -> int:
        return strings.setdefault(text, len(strings))

    rng = np.random.default_rng(7)
    names = orders_frame(1, 1, rng, 0.0).columns
    cells = "".join(f'<c r="{chr(65 + n)}1" t="s"><v>{shared(name)}</v></c>' for n, name in enumerate(names))
    yield f'<row r="1">{cells}</row>'
    epoch = pl.datetime(1899, 12, 30)
    for start in range(0, rows, _CHUNK):
        frame = orders_frame(start + 1, min(_CHUNK, rows - start), rng, 0.0)
        serial = (pl.col("ordered_at").str.to_datetime() - epoch).dt.total_seconds() / 86_400
        frame = frame.with_columns(ordered_at=serial)
        yield "".join(
            f'<row r="{r}"><c r="A{r}"><v>{a}</v></c><c r="B{r}" t="s"><v>{shared(b)}</v></c><c r="C{r}"><v>{c}</v></c>'
            f'<c r="D{r}" s="1"><v>{d}</v></c><c r="E{r}" t="s"><v>{shared(e)}</v></c>'
            f'<c r="F{r}" t="s"><v>{shared(f)}</v></c><c r="G{r}" t="s"><v>{shared(g)}</v></c></row>'
            for r, (a, b, c, d, e, f, g) in enumerate(frame.iter_rows(), start=start + 2)
        )


_PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/>'
    f'<Override PartName="/xl/sharedStrings.xml" ContentType="{_TYPE}.sharedStrings+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}"><sheets>'
    '<sheet name="Orders" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="rId2" Type="{_RELATIONS}/styles" Target="styles.xml"/>'
    f'<Relationship Id="rId3" Type="{_RELATIONS}/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
    "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><fonts count="1"><font/></fonts><fills count="1"><fill><patternFill patternType="none"/></fill></fills>'
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="2"><xf numFmtId="0"/>'
    '<xf numFmtId="22" applyNumberFormat="1"/></cellXfs></styleSheet>',
}
