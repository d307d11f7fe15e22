"""Which styles of a workbook show a number as a date, or with leading zeros.

What belongs here: number formats. What does not: the values.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from xml.etree import ElementTree

from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format, is_timedelta_format

from pipeline.files.workbook.text import Shown

_ZEROS = re.compile(r"(0{2,20})(?:;.*)?")
# What a format says in words, or of colour and place, is no part of a date.
_ASIDE = re.compile(r"\"[^\"]*\"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]", re.IGNORECASE)


@dataclass(frozen=True)
class Styles:
    """Numbers of styles, as cells refer to them.

    Attributes:
        shown: those that show a date, a time of day or a duration.
        codes: those that show nothing but digits, with leading zeros (`00000`): style → digits.
    """

    shown: Mapping[int, Shown] = field(default_factory=dict)
    codes: Mapping[int, int] = field(default_factory=dict)


def styles_of(xml: bytes) -> Styles:
    """The styles of a `styles.xml`. Raises ElementTree.ParseError."""
    root = ElementTree.fromstring(xml)
    formats = {
        whole_number(entry.get("numFmtId")): entry.get("formatCode", "")
        for entry in root.iterfind("{*}numFmts/{*}numFmt")
    }
    used = [whole_number(entry.get("numFmtId")) for entry in root.iterfind("{*}cellXfs/{*}xf")]
    return styles_from(formats, used)


def styles_from(formats: Mapping[int, str], used: Iterable[int]) -> Styles:
    """Styles from a workbook's own number formats, and the format of each style in their order."""
    shown: dict[int, Shown] = {}
    codes: dict[int, int] = {}
    for style, number in enumerate(used):
        code = formats.get(number) or BUILTIN_FORMATS.get(number, "General")
        if found := shown_as(code):
            shown[style] = found
        if zeros := _ZEROS.fullmatch(code.strip()):
            codes[style] = len(zeros.group(1))
    return Styles(shown, codes)


@cache
def shown_as(code: str) -> Shown | None:
    """What a number format shows, if that is more than a number."""
    if is_timedelta_format(code):
        return "duration"
    if not is_date_format(code):
        return None
    letters = _ASIDE.sub("", code.partition(";")[0]).lower()
    return "time" if re.search("[hs]", letters) and not re.search("[yd]", letters) else "date"


def whole_number(text: str | None) -> int:
    """The number in an attribute; 0 where it is missing, empty or no number."""
    return int(text) if text and text.isdecimal() and text.isascii() else 0
