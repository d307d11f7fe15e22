"""Lengths of time as people write them ("5s", "1h", "7d", "1mo"). What does not belong here: points in time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_MONTHS = {"mo": 1, "q": 3, "y": 12}
_DURATION = re.compile(r"(\d+)(ms|mo|s|m|h|d|w|q|y)")
_LONGEST_MONTH = timedelta(days=31)


@dataclass(frozen=True)
class Months:
    """A number of calendar months: a quarter is three, a year twelve."""

    count: int

    @property
    def longest(self) -> timedelta:
        """The longest time that so many months can last."""
        return self.count * _LONGEST_MONTH


Period = timedelta | Months


def parse_duration(text: str) -> timedelta:
    """`"90s"` → 90 seconds; units ms, s, m, h, d, w, one per text.

    Raises:
        ValueError: the text is not a positive whole number followed by a unit.
    """
    found = _parse(text)
    if not isinstance(found, timedelta):
        raise ValueError(
            f"{text!r} is not a length of time; write a positive number and one of ms, s, m, h, d, w: 5m"
        )
    return found


def parse_period(text: str) -> Period:
    """As `parse_duration`, and calendar units: `"1mo"`, `"1q"` (a quarter), `"1y"`.

    Raises:
        ValueError: the text is not a positive whole number followed by a unit.
    """
    found = _parse(text)
    if found is None:
        raise ValueError(
            f"{text!r} is not a length of time; write a positive number and one of ms, s, m, h, d, w, mo, q, y: 5m"
        )
    return found


def longest(period: Period) -> timedelta:
    """The longest time that a period can last, clock changes apart."""
    return period.longest if isinstance(period, Months) else period


def _parse(text: str) -> Period | None:
    match = _DURATION.fullmatch(text.strip())
    if match is None or int(match[1]) == 0:
        return None
    number, unit = int(match[1]), match[2]
    return Months(number * _MONTHS[unit]) if unit in _MONTHS else timedelta(**{_UNITS[unit]: number})
