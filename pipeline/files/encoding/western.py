"""Western text told by its few letters and signs, without asking a detector.

What belongs here: what is unmistakable of cp1252, latin-1, latin-9 and Mac Roman, and telling these apart. What does not:
other scripts.

Most tables that are not UTF-8 are of this kind, and many hold no more than an apostrophe, a degree sign or a currency sign
beyond ASCII: too little for any detector, and enough for this.
"""

from __future__ import annotations

import re

_END = rb"(?![A-Za-z\x80-\xff])"
_START = rb"(?<![A-Za-z\x80-\xff])"
_SUFFIX = rb"(?=(?:s|t|re|ll|ve|d|m)(?![A-Za-z]))"
# Letters stand where cp1250, cp1254 and latin-9 have the same ones, between letters of ASCII in their own case.
_PLAIN = re.compile(
    b"(?:"
    + b"|".join(
        (
            rb"[\x00-\x7f]",
            rb"(?<=[a-z])[\xe4\xf6\xfc\xe9\xe1\xed\xf3\xfa\xe7\xeb\xf4]\xdf?(?![\x80-\xffA-Z])",
            _START + rb"[\xc4\xd6\xdc\xc9\xe4\xf6\xfc](?=[a-z])",
            rb"(?<=[A-Z])[\xe4\xf6\xfc\xe9\xe1\xf3](?=[a-z])",
            rb"(?<=[A-Z])[\xc4\xd6\xdc\xc9\xc1\xcd\xd3\xda\xc7](?![\x80-\xffa-z])",
            rb"(?<=[a-z])\xdf" + rb"(?![\x80-\xffA-Z])",
            rb"(?<=[A-Za-z])\x92" + _SUFFIX,
            rb"(?<![A-Za-z\x80-\xff][A-Za-z])(?<=[A-Za-z])\x92(?=[A-Za-z])",
            rb"(?<=[\d ])[\x80\xa4]" + _END,
            rb"[\x80\xa3\xa4\xb1](?= ?\d)",
            _START + rb"\xa3(?=[kKmMbB]" + _END + rb")",
            _START + rb"[\xa3\xa9\xbc\xbd\xbe]" + _END,
            rb"(?<=\d)[\xaa\xba\xbc\xbd\xbe]" + _END,
            _START + rb"\x91(?=[A-Za-z\d][\x00-\x7f]{1,80}?\x92(?![A-Za-z\x80-\xff]))",
            rb"(?<=[A-Za-z\d.!?%)])\x92" + _END,
            rb"(?<=[a-z.])\x85" + _END,
            _START + rb"\x95(?= )",
            rb"(?<=[\d %])\xa0(?=[\d %A-Za-z])",
            rb"(?<=[\d ])\xb0(?=[CFK]?(?![A-Za-z\x80-\xff]))",
            _START + rb"\xb5(?=[A-Za-z])",
            rb"(?<=m)[\xb2\xb3]" + _END,
            rb"(?<=[A-Za-z])[\xae\x99]" + _END,
            _START + rb"\x93(?=[A-Za-z\d])",
            rb"(?<=[A-Za-z\d.!?])\x94" + _END,
            rb"(?<=[ \d])[\x96\x97](?=[ \d])",
        )
    )
    + b")*"
)
_MAC = re.compile(rb"(?:[\x00-\x7f]|(?<=[A-Za-z])\xd5" + _SUFFIX + rb")*")
_LACKS_CP1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_ONLY_CP1252 = re.compile(rb"[\x80-\x9f]")
# Where latin-9 has letters and the euro sign, cp1252 has fractions and accents without a letter.
_ONLY_LATIN_9 = re.compile("[€ŠšŽžŒœŸ]")
_FITS_LATIN_9 = re.compile("€|(?<=[A-Za-zÀ-ÿ])[ŠšŽžœŸ]|[ŠšŽžŒœ](?=[a-zà-ÿ])")


def unmistakable(text: bytes) -> str | None:
    """The Western encoding of `text`, if nothing in it speaks for another one; or None."""
    if _PLAIN.fullmatch(text):
        return which_latin(text)
    return "mac-roman" if _MAC.fullmatch(text) else None


def which_latin(text: bytes) -> str:
    """Which of cp1252, latin-1 and latin-9, given that it is one of them."""
    if _LACKS_CP1252.search(text):
        return "latin-1"
    if _ONLY_CP1252.search(text):
        return "cp1252"
    as_9 = text.decode("iso8859-15")
    fitting = len(_FITS_LATIN_9.findall(as_9))
    return "iso8859-15" if fitting * 2 > len(_ONLY_LATIN_9.findall(as_9)) else "cp1252"
