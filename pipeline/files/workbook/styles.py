"""Which styles of a workbook show a number as a date, or with leading zeros.

What belongs here: number formats. What does not: the values.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree import ElementTree

from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format

_ZEROS = re.compile(r"(0{2,20})(?:;.*)?")


@dataclass(frozen=True)
class Styles:
    """Numbers of styles, as cells refer to them.

    Attributes:
        dates: those that show a date, a time or a duration.
        codes: those that show nothing but digits, with leading zeros (`00000`): style → digits.
    """

    dates: frozenset[int] = frozenset()
    codes: tuple[tuple[int, int], ...] = ()


def styles_of(xml: bytes) -> Styles:
    """The styles of a `styles.xml`. Raises ElementTree.ParseError, ValueError."""
    root = ElementTree.fromstring(xml)
    formats = dict(BUILTIN_FORMATS)
    for entry in root.iterfind("{*}numFmts/{*}numFmt"):
        formats[int(entry.get("numFmtId", "0"))] = entry.get("formatCode", "")
    dates, codes = set(), {}
    for style, entry in enumerate(root.iterfind("{*}cellXfs/{*}xf")):
        code = formats.get(int(entry.get("numFmtId", "0")), "General")
        if is_date_format(code):
            dates.add(style)
        if found := _ZEROS.fullmatch(code.strip()):
            codes[style] = len(found.group(1))
    return Styles(frozenset(dates), tuple(codes.items()))
