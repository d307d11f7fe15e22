"""Lengths of time as people write them ("5s", "1h", "7d"). What does not belong here: points in time."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION = re.compile(r"(\d+)(ms|s|m|h|d|w)")


def parse_duration(text: str) -> timedelta:
    """`"90s"` → 90 seconds; units ms, s, m, h, d, w, one per text.

    Raises:
        ValueError: the text is not a positive whole number followed by a unit.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None or int(match[1]) == 0:
        raise ValueError(
            f"{text!r} is not a length of time; write a positive number and one of ms, s, m, h, d, w: 5m"
        )
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
