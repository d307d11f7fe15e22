"""Workbooks of Excel 97-2003, byte by byte, for the tests of this room: a compound file of one stream."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

_SECTOR = 512


def record(kind: int, body: bytes = b"") -> bytes:
    """A record of the stream, with what goes beyond its size in further ones."""
    first, rest = body[:8224], body[8224:]
    more = b"".join(
        struct.pack("<HH", 0x3C, len(part)) + part
        for at in range(0, len(rest), 8224)
        if (part := rest[at : at + 8224])
    )
    return struct.pack("<HH", kind, len(first)) + first + more


def bof(kind: int, version: int = 0x0600) -> bytes:
    """The beginning of a substream: 5 the workbook, 16 a sheet, 32 a chart."""
    return record(0x0809, struct.pack("<HHHHII", version, kind, 0x0DBB, 0x07CC, 0, 6))


def number(row: int, column: int, value: float, style: int = 0) -> bytes:
    return record(0x0203, struct.pack("<HHHd", row, column, style, value))


def label(row: int, column: int, text: str, codec: str = "utf-16-le") -> bytes:
    """A text in the cell itself."""
    wide = b"\1" if codec == "utf-16-le" else b""
    return record(0x0204, struct.pack("<HHHH", row, column, 0, len(text)) + wide + text.encode(codec))


def shared(row: int, column: int, place: int) -> bytes:
    return record(0x00FD, struct.pack("<HHHI", row, column, 0, place))


def error(row: int, column: int, code: int) -> bytes:
    return record(0x0205, struct.pack("<HHHBB", row, column, 0, code, 1))


def chart(*inside: bytes) -> bytes:
    """A chart within a sheet."""
    return bof(32) + b"".join(inside) + record(0x0A)


def xls(
    path: Path,
    sheets: dict[str, Sequence[bytes]],
    *,
    page: int = 1200,
    formats: Sequence[str] = (),
    texts: bytes = b"",
    from_1904: bool = False,
    version: int = 0x0600,
    stream: str = "Workbook",
) -> Path:
    """A workbook of these records.

    Args:
        sheets: the cells of each.
        page: code page.
        formats: number formats of the styles from 1 on.
        texts: records of the shared texts.
        version: 0x0600 is Excel 97, 0x0500 is Excel 5.
        stream: its name in the compound file.
    """
    wide = version >= 0x0600
    flag = b"\0" if wide else b""
    head = bof(5, version) + record(0x42, struct.pack("<H", page)) + record(0x22, bytes([from_1904, 0]))
    for place, code in enumerate(formats):
        size = struct.pack("<H", len(code)) if wide else bytes([len(code)])
        head += record(0x041E, struct.pack("<H", 164 + place) + size + flag + code.encode("latin-1"))
    for used in (0, *range(164, 164 + len(formats))):
        head += record(0xE0, struct.pack("<HH", 0, used) + bytes(16))
    bodies = [bof(16, version) + b"".join(cells) + record(0x0A) for cells in sheets.values()]
    size = len(head) + len(texts) + 4
    size += sum(4 + 7 + len(flag) + len(name) for name in sheets)
    bounds = b""
    for name, body in zip(sheets, bodies, strict=True):
        bounds += record(
            0x85, struct.pack("<IBB", size, 0, 0) + bytes([len(name)]) + flag + name.encode("latin-1")
        )
        size += len(body)
    path.write_bytes(compound(stream, head + bounds + texts + record(0x0A) + b"".join(bodies)))
    return path


def compound(name: str, content: bytes) -> bytes:
    """A compound file of one stream."""
    content = content.ljust(4096, b"\0")
    sectors = -(-len(content) // _SECTOR)
    tables = -(-(sectors + 2) // 127)
    chain = [0xFFFFFFFD] * tables + [0xFFFFFFFE]
    begin = len(chain)
    chain += [*range(begin + 1, begin + sectors), 0xFFFFFFFE]
    chain += [0xFFFFFFFF] * (tables * 128 - len(chain))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<IIIIIIIII", 0, tables, tables, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    header += struct.pack("<109I", *range(tables), *([0xFFFFFFFF] * (109 - tables)))
    directory = _entry("Root Entry", 5, 0xFFFFFFFE, 0, child=1) + _entry(name, 2, begin, len(content))
    return (
        header
        + struct.pack(f"<{len(chain)}I", *chain)
        + directory.ljust(_SECTOR, b"\0")
        + content.ljust(sectors * _SECTOR, b"\0")
    )


def _entry(name: str, kind: int, start: int, size: int, child: int = 0xFFFFFFFF) -> bytes:
    written = name.encode("utf-16-le").ljust(64, b"\0")
    links = struct.pack("<HBBIII", 2 * len(name) + 2, kind, 1, 0xFFFFFFFF, 0xFFFFFFFF, child)
    return written + links + bytes(36) + struct.pack("<IQ", start, size)
