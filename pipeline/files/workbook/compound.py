"""Streams in a compound file (OLE2), the container of .xls.

What belongs here: following the chains of sectors to one stream. What does not: what is in the stream.
"""

from __future__ import annotations

import struct
from array import array

from pipeline.counts import counted

_HEADER, _ENTRY = 512, 128
_END, _FREE = 0xFFFFFFFA, 0xFFFFFFFF


class BadCompound(Exception):
    """The container is garbled."""


def read_stream(data: bytes, names: tuple[str, ...]) -> bytes | None:
    """The stream that has the first of these names that there is, compared without case; None if there is none. Raises BadCompound."""
    found = find_stream(data, names)
    return None if found is None else found[1]


def find_stream(data: bytes, names: tuple[str, ...]) -> tuple[str, bytes] | None:
    """(name as it is written, content) of that stream; None if there is none. Raises BadCompound."""
    try:
        return _read(data, tuple(name.casefold() for name in names))
    except (struct.error, IndexError, ValueError) as error:
        raise BadCompound(str(error) or "a chain of sectors leads nowhere") from error


def refuse_cut(data: bytes) -> None:
    """Raises BadCompound: the file ends before the last sector that it uses."""
    try:
        sector = 1 << struct.unpack_from("<H", data, 30)[0]
        used = list(_table(data, sector))
    except (struct.error, IndexError, ValueError) as error:
        raise BadCompound(str(error)) from error
    while used and used[-1] == _FREE:
        used.pop()
    # The last sector need not be full.
    if len(data) <= len(used) * sector:
        raise BadCompound("it ends before its last sector")


def is_sound(data: bytes) -> bool:
    """Whether every sector that a reader may follow lies in the file, and no table claims to be longer than that: else the library
    makes room for it, and ends the process when there is none."""
    try:
        sector = 1 << struct.unpack_from("<H", data, 30)[0]
        base = _HEADER if sector == 512 else sector
        count = -(-(len(data) - base) // sector)
        directory, cutoff, first_mini = struct.unpack_from("<I4xI I", data, 48)
        lengths = [struct.unpack_from("<I", data, at)[0] for at in (40, 44, 64, 72)]
        if max(lengths) > count or any(number >= count for number in _tables(data, sector)):
            return False
        table = _table(data, sector)
        if not (_within(table, directory, count) and _within(table, first_mini, count)):
            return False
        minis = array("I", _chain(data, table, first_mini, sector, base))
        entries = _chain(data, table, directory, sector, base)
        kept, inside = 0, True
        for at in range(0, len(entries) - _ENTRY + 1, _ENTRY):
            kind, (start, size) = entries[at + 66], struct.unpack_from("<II", entries, at + 116)
            if kind == 5:
                kept = size
                inside = inside and _within(table, start, count)
            elif kind == 2 and size >= cutoff:
                inside = inside and _within(table, start, count)
            elif kind == 2 and size:
                inside = inside and _within(minis, start, -(-kept // 64))
    except (BadCompound, struct.error, IndexError, ValueError):
        return False
    return inside


def _within(table: array[int], start: int, count: int) -> bool:
    """Whether a chain of sectors lies in the file, and ends."""
    number, left = start, count
    while number < _END:
        if number >= min(count, len(table)) or left < 0:
            return False
        number, left = table[number], left - 1
    return True


def _read(data: bytes, names: tuple[str, ...]) -> tuple[str, bytes] | None:
    sector = 1 << struct.unpack_from("<H", data, 30)[0]
    mini = 1 << struct.unpack_from("<H", data, 32)[0]
    if sector not in (512, 4096) or mini != 64:
        raise BadCompound("its sectors have no possible size")
    directory, cutoff, first_mini = struct.unpack_from("<I4xI I", data, 48)
    table = _table(data, sector)
    entries = _chain(data, table, directory, sector, _HEADER if sector == 512 else sector)
    base = _HEADER if sector == 512 else sector
    found: dict[str, tuple[str, int, int]] = {}
    root = None
    for at in range(0, len(entries) - _ENTRY + 1, _ENTRY):
        length, kind = struct.unpack_from("<HB", entries, at + 64)
        name = entries[at : at + max(0, min(length, 64) - 2)].decode("utf-16-le", "replace")
        start, size = struct.unpack_from("<II", entries, at + 116)
        if kind == 5:
            root = start
        elif kind == 2 and name.casefold() in names:
            found.setdefault(name.casefold(), (name, start, size))
    if not found:
        return None
    written, start, size = next(found[name] for name in names if name in found)
    if size >= cutoff or root is None:
        return written, _whole(_chain(data, table, start, sector, base), size)
    minis = array("I", _chain(data, table, first_mini, sector, base))
    return written, _whole(_chain(_chain(data, table, root, sector, base), minis, start, mini, 0), size)


def _whole(content: bytes, size: int) -> bytes:
    if len(content) < size:
        raise BadCompound(
            f"{counted(size - len(content), 'byte of its stream is', 'bytes of its stream are')} missing"
        )
    return content[:size]


def _tables(data: bytes, sector: int) -> list[int]:
    """The sectors of the allocation table."""
    base = _HEADER if sector == 512 else sector
    sectors = [number for number in struct.unpack_from("<109I", data, 76) if number < _END]
    following, count = struct.unpack_from("<II", data, 68)
    per = sector // 4 - 1
    for _ in range(count):
        if following >= _END:
            break
        entries = struct.unpack_from(f"<{per + 1}I", data, base + following * sector)
        sectors += [number for number in entries[:per] if number < _END]
        following = entries[per]
    return sectors


def _table(data: bytes, sector: int) -> array[int]:
    """The allocation table: sector → the next one of its chain."""
    base = _HEADER if sector == 512 else sector
    table = array("I")
    for number in _tables(data, sector):
        part = data[base + number * sector : base + (number + 1) * sector]
        table.frombytes(part[: len(part) // 4 * 4])
    return table


def _chain(data: bytes, table: array[int], start: int, sector: int, base: int) -> bytes:
    parts, number, left = [], start, len(table)
    while number < _END:
        if left <= 0:
            raise BadCompound("a chain of sectors is a ring")
        parts.append(data[base + number * sector : base + (number + 1) * sector])
        number, left = table[number], left - 1
    return b"".join(parts)
