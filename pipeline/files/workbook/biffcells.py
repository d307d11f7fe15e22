"""Values of the cells of .xls (Excel 5 to 2003), from the records of its stream.

What belongs here: texts, styles and cells → canonical text, for sheets that the library does not read as they are meant. What does
not: which rows there are (`biff8`), and the container (`compound`).

Since Excel 97 (BIFF8) texts are UTF-16 or its lower bytes, whatever code page the workbook names; before, they are in that page.
Number formats of codes (`00000`) are not kept.
"""

from __future__ import annotations

import codecs
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from pipeline.files.workbook.styles import Styles, styles_from
from pipeline.files.workbook.tally import ERRORS, Value, rk_number

BOF, EOF, CONTINUE, CODEPAGE, DATE_MODE = 0x0809, 0x000A, 0x003C, 0x0042, 0x0022
_FORMAT, _STYLE, _TEXTS = 0x041E, 0x00E0, 0x00FC
_FORMULA, _STRING, _NUMBER, _RK, _MANY_RK = 0x0006, 0x0207, 0x0203, 0x027E, 0x00BD
_SHARED_TEXT, _LABEL, _RICH_LABEL, _TRUTH = 0x00FD, 0x0204, 0x00D6, 0x0205
_OTHER_PAGES = {367: "ascii", 1200: "utf-16-le", 10000: "mac_roman", 32768: "mac_roman", 32769: "cp1252"}


@dataclass
class Globals:
    """What holds for all sheets of a workbook.

    Attributes:
        wide: it is BIFF8.
        page: the number of its code page; 0 if it names none.
        from_1904: its dates count from 1904.
        styles: what cells show.
        texts: those that cells refer to.
    """

    wide: bool = True
    page: int = 0
    from_1904: bool = False
    styles: Styles = field(default_factory=Styles)
    texts: list[str] = field(default_factory=list)

    @property
    def codec(self) -> str:
        """The codec of texts before BIFF8; one that is not known is taken for cp1252."""
        name = _OTHER_PAGES.get(self.page, f"cp{self.page}")
        try:
            return codecs.lookup(name).name
        except LookupError:
            return "cp1252"


def records(stream: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """(kind, content) of each record of the substream that begins here; those of others within it are left out, with their bounds.
    Raises IndexError: it does not end."""
    depth, header = 0, struct.Struct("<HH")
    while at + 4 <= len(stream):
        kind, length = header.unpack_from(stream, at)
        if kind == BOF:
            depth += 1
        if depth <= 1:
            yield kind, stream[at + 4 : at + 4 + length]
        if kind == EOF:
            depth -= 1
            if depth <= 0:
                return
        at += 4 + length
    raise IndexError("its records break off")


def read_globals(stream: bytes) -> Globals:
    """What stands before the sheets. Raises struct.error, IndexError, ValueError: it is garbled."""
    found, formats, used = Globals(), dict[int, str](), list[int]()
    texts: list[bytes] | None = None
    for kind, body in records(stream, 0):
        if kind == BOF:
            found.wide = struct.unpack_from("<H", body)[0] >= 0x0600
        elif kind == CODEPAGE:
            found.page = struct.unpack_from("<H", body)[0]
        elif kind == DATE_MODE:
            found.from_1904 = body[:1] == b"\1"
        elif kind == _STYLE:
            used.append(struct.unpack_from("<H", body, 2)[0])
        elif kind == _FORMAT:
            number = struct.unpack_from("<H", body)[0]
            formats[number] = _Text(found, [body], 2).counted(long=found.wide)
        elif kind == _TEXTS:
            texts = [body]
        elif kind == CONTINUE and texts is not None:
            texts.append(body)
        if kind not in (_TEXTS, CONTINUE) and texts is not None:
            found.texts, texts = _Text(found, texts, 8).shared(), None
    found.styles = styles_from(formats, used)
    return found


def cells(stream: bytes, start: int, book: Globals) -> Iterator[tuple[int, int, Value]]:
    """(row, column, value) of each cell of a sheet that holds something, rows and columns from 0. Raises as `read_globals`."""
    place, waiting = struct.Struct("<HHH"), (-1, 0)
    parts: list[bytes] = []
    for kind, body in records(stream, start):
        if parts:
            # A long text goes on in the following records.
            if kind == CONTINUE:
                parts.append(body)
                continue
            if text := _Text(book, parts, 0).counted(long=True):
                yield *waiting, Value(text)
            parts = []
        if kind == _STRING and waiting[0] >= 0:
            parts = [body]
        elif kind in (_LABEL, _RICH_LABEL):
            waiting, parts = place.unpack_from(body)[:2], [body[6:]]
        elif kind == _MANY_RK:
            row, first = struct.unpack_from("<HH", body)
            for offset, (style, raw) in enumerate(struct.iter_unpack("<HI", body[4:-2])):
                yield row, first + offset, Value(rk_number(raw), style)
        elif kind in (_FORMULA, _NUMBER, _RK, _SHARED_TEXT, _TRUTH):
            row, column, style = place.unpack_from(body)
            waiting = (row, column)
            if (value := _value(kind, body, style, book)) is not None:
                yield row, column, value


def _value(kind: int, body: bytes, style: int, book: Globals) -> Value | None:
    """What a cell holds; None if that is nothing, or a text that follows."""
    if kind == _SHARED_TEXT:
        text = book.texts[struct.unpack_from("<I", body, 6)[0]]
        return Value(text) if text else None
    if kind == _RK:
        return Value(rk_number(struct.unpack_from("<I", body, 6)[0]), style)
    if kind == _TRUTH:
        return Value(ERRORS.get(body[6], "#UNKNOWN!")) if body[7] else Value(bool(body[6]))
    if kind == _FORMULA and body[12:14] == b"\xff\xff":
        if body[6] == 1:
            return Value(bool(body[8]))
        return Value(ERRORS.get(body[8], "#UNKNOWN!")) if body[6] == 2 else None
    return Value(struct.unpack_from("<d", body, 6)[0], style)


class _Text:
    """Texts in records, which may be cut anywhere and go on in the next one."""

    def __init__(self, book: Globals, parts: list[bytes], at: int) -> None:
        self._book, self._parts, self._part, self._at = book, parts, 0, at

    def counted(self, *, long: bool) -> str:
        """A text behind its length, in two bytes or in one."""
        length = int.from_bytes(self._take(2 if long else 1), "little")
        if not self._book.wide:
            return self._take(length).decode(self._book.codec, "replace")
        return self._characters(length, self._take(1)[0] & 1)

    def shared(self) -> list[str]:
        """All shared texts, each with its runs of fonts and its phonetic text passed over."""
        found = []
        while self._left():
            length, flags = struct.unpack("<HB", self._take(3))
            runs = struct.unpack("<H", self._take(2))[0] if flags & 8 else 0
            phonetic = struct.unpack("<I", self._take(4))[0] if flags & 4 else 0
            found.append(self._characters(length, flags & 1))
            self._take(4 * runs + phonetic)
        return found

    def _left(self) -> int:
        """Bytes left in this record, or in the next that has some."""
        while self._part < len(self._parts) and self._at >= len(self._parts[self._part]):
            self._part, self._at = self._part + 1, 0
        return len(self._parts[self._part]) - self._at if self._part < len(self._parts) else 0

    def _take(self, size: int) -> bytes:
        taken = b""
        while len(taken) < size:
            if not self._left():
                raise IndexError("a text breaks off")
            some = self._parts[self._part][self._at : self._at + size - len(taken)]
            taken, self._at = taken + some, self._at + len(some)
        return taken

    def _characters(self, length: int, wide: int) -> str:
        """So many characters; the next record says anew whether they have two bytes."""
        found: list[str] = []
        while length:
            if self._at >= len(self._parts[self._part]):
                if not self._left():
                    raise IndexError("a text breaks off")
                wide = self._take(1)[0] & 1
            count = min(length, self._left() // (1 + wide))
            if not count:
                raise IndexError("a text breaks off")
            raw = self._take(count * (1 + wide))
            found.append(raw.decode("utf-16-le", "surrogatepass") if wide else raw.decode("latin-1"))
            length -= count
        text = "".join(found)
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
