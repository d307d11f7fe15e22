"""Cleaners of texts as such: blanks, case, Unicode, words that mean nothing.

What belongs here: text to text without any meaning. What does not: numbers, times, markup, personal data.
"""

from __future__ import annotations

import hashlib
import re
from decimal import Decimal
from typing import Literal, get_args

import numpy as np
import polars as pl
import pyarrow.compute as pc

from pipeline.contract.cleaning.cleaner import Change, Cleaner, fingerprint, require_text, words_of, wrong
from pipeline.contract.stable import stable_text

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]
Breaks = Literal["blank", "keep"]
NULL_WORDS = (
    *(
        "NA",
        "N/A",
        "#N/A",
        "n.a.",
        "n.v.",
        "NaN",
        "NaT",
        "<NA>",
        "null",
        "(null)",
        "[null]",
        "<null>",
        "#NULL!",
    ),
    *("#NV", "#N/D", "none", "nil", "-", "--", "—", "?", r"\N"),
)
# Beside the control characters proper, what nobody sees and no rule expects: soft hyphen, spaces without width, marks of writing
# direction, invisible signs, byte order mark.
_UNSEEN = "\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
# Joiners are spelling between letters of many scripts and within emoji, but not behind Latin letters, digits and signs.
_JOINERS = "\u200c\u200d"
_STRAY_JOINERS = rf"(^|[\x00-\x7F\p{{Latin}}])[{_JOINERS}]+"
UNSEEN = f"[{_UNSEEN}{_JOINERS}]"
"""Regular expression of a character that is not seen and has no width; control characters are others."""
_BREAKS = "\\t\\n\\r\\x0b\\x0c\\x85\u2028\u2029"
# Words without digits that a cast reads as a value. (NaN is none: it becomes null.)
_READ = {
    "true",
    "t",
    "yes",
    "y",
    "false",
    "f",
    "no",
    "n",
    "inf",
    "infinity",
    "+inf",
    "-inf",
    "+infinity",
    "-infinity",
}
_GROUP = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


def _plain_ascii(column: pl.Series) -> bool:
    """Whether no byte of the column is above 127; ten times faster than asking each text."""
    data = column.to_arrow().buffers()[2]
    return data is None or not len(data) or int(np.frombuffer(data, np.uint8).max()) < 128


def _lowered(column: pl.Series) -> pl.Series:
    """Lower case; Arrow does plain ASCII several times faster."""
    if _plain_ascii(column):
        return pl.Series(column.name, pc.ascii_lower(column.to_arrow()))
    return column.str.to_lowercase()


def _beyond(column: pl.Series, plain: str) -> pl.Series:
    """Whether a text has a character after `plain`."""
    if _plain_ascii(column):
        return pl.Series(column.name, [False]).new_from_index(0, len(column))
    return column.str.contains(rf"[^\x00-{plain}]")


strip = Cleaner("strip", lambda value: value.str.strip_chars(), None, fingerprint("strip"), mends=True)
lower = Cleaner(
    "lower", lambda value: value.map_batches(_lowered, return_dtype=pl.String), None, fingerprint("lower")
)
upper = Cleaner("upper", lambda value: value.str.to_uppercase(), None, fingerprint("upper"))
spaces = Cleaner(
    "spaces",
    lambda value: value.str.replace_all(r"\s+", " ").str.strip_chars(),
    lambda value: value.str.contains(r"\s\s|[^\S ]|^\s|\s$"),
    fingerprint("spaces"),
    mends=True,
)
title = Cleaner("title", lambda value: value.str.to_titlecase(), None, fingerprint("title"))


def _capitalised(value: pl.Expr) -> pl.Expr:
    head = value.str.head(1).str.to_uppercase()  # may be two letters: ß, ﬀ
    return pl.concat_str(
        head.str.head(1), head.str.slice(1).str.to_lowercase(), value.str.slice(1).str.to_lowercase()
    )


# Letters newer than the library that looks for them are \p{Cn} to it.
capitalise = Cleaner(
    "capitalise",
    _capitalised,
    lambda value: value.str.contains(r"(?s)^[\p{Lowercase}\p{Lt}\p{Cn}]|.[\p{Uppercase}\p{Lt}\p{Cn}]"),
    fingerprint("capitalise"),
)
# What has no digit at all is left as it was: nothing would be left of it for a check to name.
digits = Cleaner(
    "digits",
    lambda value: pl.when(value.str.contains(r"\d")).then(value.str.replace_all(r"\D", "")).otherwise(value),
    lambda value: value.str.contains(r"\D"),
    fingerprint("digits"),
)


def unicode(form: Form = "NFC") -> Cleaner:
    """One spelling for each character: `e` + accent → `é`. NFKC also makes full-width letters and ligatures plain."""
    if form not in get_args(Form):
        raise wrong("unicode", f"form is {form!r}", f"take one of {', '.join(get_args(Form))}")
    # Below U+0300 all characters are composed already; the other forms may change anything but ASCII.
    plain = "\u02ff" if form == "NFC" else r"\x7F"
    return Cleaner(
        "unicode",
        lambda value: value.str.normalize(form),
        lambda value: value.map_batches(lambda column: _beyond(column, plain), return_dtype=pl.Boolean),
        fingerprint("unicode", form),
        mends=True,
    )


def control(breaks: Breaks = "blank") -> Cleaner:
    """Control characters, spaces without width, marks of writing direction, soft hyphens and byte order marks out; joiners, too,
    where they are no spelling.

    Args:
        breaks: tabs and line ends (each run of them) become one `"blank"`, or `"keep"` their place.
    """
    if breaks not in get_args(Breaks):
        raise wrong("control", f"breaks is {breaks!r}", 'take "blank" or "keep"')
    unseen = rf"[\p{{Cc}}{_UNSEEN}\u2028\u2029--[{_BREAKS}]]"

    def change(value: pl.Expr) -> pl.Expr:
        bare = value.str.replace_all(unseen, "")
        bare = bare if breaks == "keep" else bare.str.replace_all(f"[{_BREAKS}]+", " ")
        return bare.str.replace_all(_STRAY_JOINERS, "$1")

    def touches(value: pl.Expr) -> pl.Expr:
        every = rf"[\p{{Cc}}{_UNSEEN}{_JOINERS}\u2028\u2029]"
        return value.str.contains(f"[{unseen}{_JOINERS}]" if breaks == "keep" else every)

    return Cleaner("control", change, touches, fingerprint("control", breaks), mends=True)


def nulls(*words: str | int | float | Decimal) -> Cleaner:
    """The given words (whole value, any case, blanks round it) become null; without any: those of `NULL_WORDS`.

    A number among them is compared by value, after the cast: -200 is `-200`, `-200.0` and `-2E2`. It is for columns of numbers.
    """
    texts = [word for word in words if isinstance(word, str)]
    numbers = tuple(_number(word) for word in words if not isinstance(word, str))
    given = texts or (() if numbers else NULL_WORDS)
    lowered = sorted({word.strip().lower() for word in words_of("nulls", "words", given)})
    # One pattern: to strip and to lower all texts takes twice as long.
    any_of = rf"(?i)^\s*(?:{'|'.join(map(re.escape, lowered))})\s*$"
    return Cleaner(
        "nulls",
        lambda value: pl.when(value.is_null()).then(value),
        (lambda value: value.str.contains(any_of)) if lowered else lambda value: value.is_null() & False,
        fingerprint("nulls", *lowered, *(f"number {number.normalize()}" for number in sorted(set(numbers)))),
        mends=not any(word in _READ or re.search(r"\d", word) for word in lowered),
        empty=numbers,
    )


def _number(word: object) -> Decimal:
    """A number that a declaration names, as it is written there; raises ValueError for what is none."""
    if isinstance(word, bool) or not isinstance(word, int | float | Decimal) or word != word:
        raise wrong("nulls", f"words are {word!r}", 'give texts and numbers: clean.nulls("n/a", -9999)')
    return Decimal(repr(word)) if isinstance(word, float) else Decimal(word)


def default(value: str) -> Cleaner:
    """What stands in for an empty value. A column that the file lacks altogether has the default of `pa.Field`."""
    text = require_text("default", "value", value)
    return Cleaner(
        "default",
        lambda column: pl.when(column.is_null() | (column == "")).then(pl.lit(text)).otherwise(column),
        lambda column: column.is_null() | (column == ""),
        fingerprint("default", text),
    )


def replace(old: str, new: str) -> Cleaner:
    """Every `old` in the text becomes `new`, character for character."""
    require_text("replace", "old", old)
    require_text("replace", "new", new, empty=True)
    return Cleaner(
        "replace",
        lambda value: value.str.replace_all(old, new, literal=True),
        lambda value: value.str.contains(old, literal=True),
        fingerprint("replace", old, new),
    )


def regex(pattern: str, replacement: str) -> Cleaner:
    """Every match of `pattern` (Rust's regular expressions: no look-around) becomes `replacement`; `$1` or `${name}` is a
    group of it, `$$` a dollar."""
    require_text("regex", "pattern", pattern)
    require_text("regex", "replacement", replacement, empty=True)
    try:
        pl.Series(["a"]).str.replace_all(pattern, "")
        groups = [str(name) for name in pl.Series(["a"]).str.extract_groups(pattern).struct.fields]
    except pl.exceptions.PolarsError as error:
        what = " ".join(str(error).partition("\n\nThis error")[0].split())
        raise wrong("regex", f"pattern {pattern!r} cannot be used: {what}", "correct it") from error
    known = {"0", *groups, *(str(number) for number in range(1, len(groups) + 1))}
    for braced, bare in _GROUP.findall(replacement.replace("$$", "")):
        if (braced or bare) not in known:
            raise wrong(
                "regex",
                f"replacement {replacement!r} names a group {braced or bare!r} that the pattern does not have",
                "write ${1} where letters or digits follow, $$ for a dollar",
            )
    return Cleaner(
        "regex",
        lambda value: value.str.replace_all(pattern, replacement),
        lambda value: value.str.contains(pattern),
        fingerprint("regex", pattern, replacement),
    )


def pad(width: int, char: str = "0") -> Cleaner:
    """Shorter texts are filled up on the left: `"1234"` → `"01234"`. With `"0"` only those of digits alone."""
    if not isinstance(width, int) or isinstance(width, bool) or width < 1:
        raise wrong("pad", f"width is {width!r}", "give a whole number from 1")
    if not isinstance(char, str) or len(char) != 1:
        raise wrong("pad", f"char is {char!r}", "give one character")

    def touches(value: pl.Expr) -> pl.Expr:
        short = value.str.len_chars().is_between(1, width - 1)
        return short & value.str.contains(r"^[0-9]+$") if char == "0" else short

    return Cleaner(
        "pad", lambda value: value.str.pad_start(width, char), touches, fingerprint("pad", width, char)
    )


def custom(name: str, change: Change) -> Cleaner:
    """Any polars expression from text to text: `clean.custom("no_dots", lambda v: v.str.replace_all(".", "", literal=True))`."""
    digest = hashlib.sha256(stable_text(change).encode()).hexdigest()[:16]
    return Cleaner(name, change, None, fingerprint(name, digest), own=True)
