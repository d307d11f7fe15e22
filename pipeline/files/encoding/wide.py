"""Encodings that show in the bytes themselves: byte order marks, UTF-16 and UTF-32 by their NUL bytes, ISO 2022 by its escapes;
and what is no text.

What belongs here: telling these. What does not: encodings that only their language gives away (`guess`).
"""

from __future__ import annotations

import re

from pipeline.files.encoding.decode import count_marked, is_utf8, marked

BOMS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\0\0", "utf-32-le"),
    (b"\0\0\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_MOST_NUL = 3
_CONTROLS = bytes([*range(1, 8), *range(14, 27), 28, 29, 30, 31])
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f]")
_HEAD = 64 * 1024
_ESCAPES = (b"\x1b$@", b"\x1b$B", b"\x1b$(", b"\x1b(I", b"\x1b(J", b"\x1b$)C")
_ISO_2022 = ("iso-2022-jp", "iso2022_jp_ext", "iso2022_jp_2", "iso2022_kr")


def byte_order_mark(sample: bytes) -> tuple[str, int] | None:
    """(encoding, bytes of the mark), or None."""
    for mark, encoding in BOMS:
        if sample.startswith(mark):
            return encoding, len(mark)
    return None


def wide(sample: bytes) -> str | None:
    """UTF-16 or UTF-32 without a byte order mark, or None.

    Text with NUL bytes in it is neither: there the bytes of a line break do not stand at one parity beside a NUL.
    """
    head = sample[: min(len(sample), _HEAD) // 4 * 4] or sample[: len(sample) // 2 * 2]
    if b"\0" not in head:
        return None
    nul = [head[place::4].count(0) for place in range(4)]
    quarter = max(len(head) // 4, 1)
    if nul[3] == quarter and nul[2] * 10 >= quarter * 9 and nul[0] * 20 < quarter:
        return _decodable(head, "utf-32-le")
    if nul[0] == quarter and nul[1] * 10 >= quarter * 9 and nul[3] * 20 < quarter:
        return _decodable(head, "utf-32-be")
    even, odd = head[0::2], head[1::2]
    for encoding, low, high in (("utf-16-le", even, odd), ("utf-16-be", odd, even)):
        ours, others = high.count(0), low.count(0)
        if (ours * 10 > len(high) * 4 and others * 20 < len(low)) or (
            ours > 1 and ours > 8 * others and _lines_are_wide(head, encoding)
        ):
            return _decodable(head, encoding)
    return None


def _lines_are_wide(head: bytes, encoding: str) -> bool:
    """Whether most bytes that could be a line break are half of one."""
    found = head.count(b"\n") or head.count(b"\r")
    text = head.decode(encoding, "replace")
    return 0 < found <= 2 * (text.count("\n") or text.count("\r"))


def _decodable(head: bytes, encoding: str) -> str | None:
    text = marked(head, encoding)
    bad = count_marked(text)[1] + len(_CONTROL.findall(text))
    return encoding if bad * 20 <= len(text) else None


def escaped(sample: bytes) -> str | None:
    """ISO 2022, if 7-bit text switches character sets as that does, or None: no other text has such escapes."""
    if b"\x1b" not in sample or not sample.isascii() or not any(escape in sample for escape in _ESCAPES):
        return None
    lines = sample[: sample.rfind(b"\n") + 1] or sample
    for encoding in _ISO_2022:
        good, bad = count_marked(marked(lines, encoding))
        if good and bad * 20 <= good:
            return encoding
    return None


def is_binary(sample: bytes) -> bool:
    """Whether it is no text: too many control characters; NUL bytes alone may stand amid text that is else valid UTF-8."""
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    nul = sample.count(0)
    if (controls + nul) * 100 <= len(sample):
        return False
    return controls > 0 or nul * _MOST_NUL > len(sample) or not is_utf8(sample)
