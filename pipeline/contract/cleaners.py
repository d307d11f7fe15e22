"""Cleaners: what may be done to a source text before it is cast.

What belongs here: the name `clean` under which datasets find them. What does not: how each works (`cleaning`, a module per
family), casts and checks.

Text in, text out, row by row; a value that a cleaner cannot make sense of is left as it was, so that the cast or a check can
name it. A cleaner takes a whole chunk's column. The rare work is done on the rows that need it only: on clean data a cleaner
costs one scan. docs/cleaners.md shows each with examples.
"""

from __future__ import annotations

from collections.abc import Collection

from pipeline.contract.cleaning import dates, mapping, markup, numbers, personal, serial, text, truth
from pipeline.contract.cleaning.cleaner import Change, Cleaner, KeyProvider, MissingKey

__all__ = ["Change", "Cleaner", "KeyProvider", "MissingKey", "as_cleaners", "clean"]


class clean:
    """Cleaners for `clean=`: one, or a list applied in order. Names without parentheses are cleaners as they stand."""

    # Texts.
    strip = text.strip
    spaces = text.spaces
    lower = text.lower
    upper = text.upper
    title = text.title
    capitalise = text.capitalise
    digits = text.digits
    unicode = staticmethod(text.unicode)
    control = staticmethod(text.control)
    nulls = staticmethod(text.nulls)
    default = staticmethod(text.default)
    replace = staticmethod(text.replace)
    regex = staticmethod(text.regex)
    pad = staticmethod(text.pad)
    custom = staticmethod(text.custom)
    # Markup.
    html = markup.html
    sanitise = staticmethod(markup.sanitise)
    # Numbers, truth values, times.
    number = staticmethod(numbers.number)
    round = staticmethod(numbers.rounded)
    boolean = staticmethod(truth.boolean)
    date = staticmethod(dates.date)
    datetime = staticmethod(dates.moments)
    excel_date = staticmethod(serial.excel_date)
    epoch = staticmethod(serial.epoch)
    # Tables.
    map = staticmethod(mapping.mapped)
    # Personal data.
    mask = staticmethod(personal.mask)
    hash = staticmethod(personal.hashed)
    redact = staticmethod(personal.redact)


def as_cleaners(given: Cleaner | Collection[Cleaner]) -> tuple[Cleaner, ...]:
    """One cleaner or several → a tuple."""
    return (given,) if isinstance(given, Cleaner) else tuple(given)
