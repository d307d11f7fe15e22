"""Valid small files of every format, and ways to spoil them.

What belongs here: making cases, the same ones for the same number. What does not: reading them (`fuzz`).
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import random
import zipfile
from collections.abc import Iterable
from pathlib import Path

import polars as pl
import zstandard
from openpyxl import Workbook

_TABLE = [["id", "name", "amount", "day"]] + [
    [str(n), f'Größe "{n}", x', f"{n * 1.5:.2f}", f"2025-01-{1 + n % 28:02d}"] for n in range(40)
]
_TOKENS = [
    *[
        b'"',
        b"'",
        b",",
        b";",
        b"\t",
        b"|",
        b"\n",
        b"\r",
        b"\r\n",
        b"\0",
        b"\\",
        b"\xff",
        b"\xfe\xff",
        b"\xef\xbb\xbf",
    ],
    *[
        b'""',
        b'",',
        b',"',
        b"\n\n",
        b"{",
        b"}",
        b"[",
        b"]",
        b":",
        b"<",
        b">",
        b"&#x0;",
        b"PK\x03\x04",
        b"\x1f\x8b",
    ],
    *[
        b"9" * 400,
        b"," * 300,
        b'"' * 201,
        b"null",
        b"1e999",
        b"-1",
        b"\x80",
        b"\xe2\x82",
        b"\x81\x40",
        b"#",
        b"=",
    ],
]
_SUFFIXES = [
    ".csv",
    ".tsv",
    ".txt",
    ".json",
    ".ndjson",
    ".xlsx",
    ".xls",
    ".xlsb",
    ".ods",
    ".parquet",
    ".gz",
    ".zip",
    "",
]
_MOST = 200_000


def seeds(folder: Path | None = None) -> dict[str, bytes]:
    """Name → content of valid files; those of at most 200 kB in `folder` too."""
    found = _texts() | _binaries()
    found |= {
        "packed.csv.gz": gzip.compress(found["comma.csv"], mtime=0),
        "packed.csv.zst": zstandard.compress(found["comma.csv"]),
        "packed.csv.bz2": bz2.compress(found["comma.csv"]),
        "packed.csv.xz": lzma.compress(found["comma.csv"]),
        "packed.ndjson.gz": gzip.compress(found["lines.ndjson"], mtime=0),
        "one.zip": _zipped({"folder/a.csv": found["comma.csv"]}),
        "packed.zip": _zipped({"a.csv": found["comma.csv"], "b/c.ndjson": found["lines.ndjson"]}),
    }
    for path in sorted(folder.rglob("*")) if folder else ():
        if path.is_file() and path.stat().st_size <= _MOST:
            found[f"given_{path.name}"] = path.read_bytes()
    return found


def _texts() -> dict[str, bytes]:
    def delimited(delimiter: str, end: str = "\n", quote: str = '"') -> str:
        def cell(text: str) -> str:
            return (
                quote + text.replace(quote, quote * 2) + quote if delimiter in text or quote in text else text
            )

        return "".join(delimiter.join(map(cell, row)) + end for row in _TABLE)

    comma = delimited(",")
    records = [dict(zip(_TABLE[0], row, strict=True)) | {"nested": {"a": [1, 2]}} for row in _TABLE[1:]]
    lines = "".join(json.dumps(record) + "\n" for record in records)
    return {
        "comma.csv": comma.encode(),
        "semicolon.csv": delimited(";", "\r\n").encode("cp1252"),
        "tab.tsv": delimited("\t", "\r").encode(),
        "single.txt": delimited("|", quote="'").encode(),
        "long.csv": delimited(", ").encode("utf-8-sig"),
        "wide16.csv": comma.encode("utf-16"),
        "wide32.csv": comma.encode("utf-32"),
        "japanese.csv": comma.replace("Größe", "大きさ").encode("cp932"),
        "preamble.csv": ("Report\nof today\n\n" + comma + "\nTotal,,99,\n").encode(),
        "tables.csv": (comma + "\n" + comma).encode(),
        "comments.csv": ("# one\n# two\n" + comma).encode(),
        "newlines.csv": b'a,b\n"x\ny",1\n"z ""q"" \r\n",2\n',
        "lines.ndjson": lines.encode(),
        "array.json": json.dumps(records, indent=1).encode(),
        "objects.json": "".join(json.dumps(record, indent=1) for record in records).encode(),
    }


def _binaries() -> dict[str, bytes]:
    frame = pl.DataFrame(_TABLE[1:], schema=_TABLE[0], orient="row").with_columns(
        pl.col("id").cast(pl.Int64), pl.col("day").str.to_date(), pl.col("amount").cast(pl.Float64)
    )
    parquet, arrow = io.BytesIO(), io.BytesIO()
    frame.write_parquet(parquet)
    frame.write_ipc(arrow)
    book = Workbook()
    for row in [["A title"], [], *_TABLE, [], ["a note below"]]:
        book.worksheets[0].append(row)
    book.create_sheet("second").append(["x", "y"])
    workbook = io.BytesIO()
    book.save(workbook)
    return {
        "table.parquet": parquet.getvalue(),
        "table.arrow": arrow.getvalue(),
        "book.xlsx": workbook.getvalue(),
    }


def _zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return out.getvalue()


def case(number: int, valid: dict[str, bytes]) -> tuple[str, bytes]:
    """(name, content) of a case: a valid file spoilt in one to eight places, sometimes under another extension, sometimes
    nothing but noise."""
    chance = random.Random(number)
    names = sorted(valid)
    name = chance.choice(names)
    if chance.random() < 0.05:
        data = chance.randbytes(chance.randrange(2_000))
    elif zipfile.is_zipfile(io.BytesIO(valid[name])) and chance.random() < 0.7:
        data = _spoil_inside(valid[name], chance)
    else:
        data = spoil(valid[name], chance, valid.values())
    if chance.random() < 0.1:
        name = name.split(".")[0] + chance.choice(_SUFFIXES)
    return name, data


def spoil(data: bytes, chance: random.Random, others: Iterable[bytes] = ()) -> bytes:
    """`data` with one to eight faults."""
    pool = list(others) or [data]
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        place = chance.randrange(len(data) + 1)
        size = chance.choice((1, 1, 2, 7, 60, len(data) // 2 + 1))
        what = chance.randrange(8)
        if what == 0:
            data = data[:place] + chance.randbytes(size % 64) + data[place:]
        elif what == 1:
            data = data[:place] + data[place + size :]
        elif what == 2:
            data = data[:place]
        elif what == 3:
            data = (
                data[:place] + data[place : place + size] * chance.choice((2, 3, 50)) + data[place + size :]
            )
        elif what == 4:
            other = chance.choice(pool)
            start = chance.randrange(len(other) + 1)
            data = data[:place] + other[start : start + size] + data[place + size :]
        elif what == 5 and data:
            place = min(place, len(data) - 1)
            data = data[:place] + bytes([data[place] ^ (1 << chance.randrange(8))]) + data[place + 1 :]
        else:
            data = data[:place] + chance.choice(_TOKENS) * chance.choice((1, 1, 1, 5)) + data[place:]
        data = data[:_MOST]
    return data


def _spoil_inside(data: bytes, chance: random.Random) -> bytes:
    """A zip file with one of its members spoilt, and its checksums right again."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()}
    chosen = chance.choice(sorted(members))
    if chance.random() < 0.1:
        del members[chosen]
    else:
        members[chosen] = spoil(members[chosen], chance, members.values())
    return _zipped(members)
