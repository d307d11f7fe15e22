"""Limits of numbers, with room and in figures that a person would choose.

What belongs here: smallest and largest value → the checks of a field. What does not: which columns are numbers.
"""

from __future__ import annotations

import math

from pipeline.infer import hints
from pipeline.infer.facts import Facts
from pipeline.infer.layout import number
from pipeline.infer.names import words

_ROOM = 2
_LARGEST = 1e15
_FEW, _ENOUGH = 10, 100
_PARTS = {"month": (1, 12), "day": (1, 31), "hour": (0, 23), "minute": (0, 59), "weekday": (0, 7)}
_SHARES = frozenset({"share", "ratio", "fraction", "probability", "anteil"})
_PERCENT = frozenset({"percent", "percentage", "pct", "prozent"})


def limits(header: str, facts: Facts, whole_steps: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Checks of a column of numbers, as `pa.Field` takes them, and what is to be said of them: nothing where they follow from the name, or
    say only that nothing is below zero.

    Args:
        whole_steps: whether a limit must be a whole number.
    """
    if facts.values < _FEW or hints.identifies(header):
        return (), ()
    least, most = float(facts.least), float(facts.most)
    if not (least > -_LARGEST and most < _LARGEST):
        return (), ()
    named = _by_name(header, least, most)
    if named is not None:
        return tuple(named), ()
    enough = facts.values >= _ENOUGH and least < most
    guess = (f"The limits are a guess: here it is {least:,.12g} to {most:,.12g}.",)
    if least >= 0:
        if not enough or most <= 0:
            return ("ge=0",), ()
        return ("ge=0", f"le={number(_round_up(most * _ROOM, whole_steps))}"), guess
    if not enough:
        return (), ()
    reach = _round_up(max(-least, most) * _ROOM, whole_steps)
    return (f"ge={number(-reach)}", f"le={number(reach)}" if most > 0 else "le=0"), guess


def _by_name(header: str, least: float, most: float) -> list[str] | None:
    """Limits that follow from what the column is called; None where nothing does."""
    found = words(header)
    if found & {"lat", "latitude"} and least >= -90 and most <= 90:
        return ["latitude=True"]
    if found & {"lon", "lng", "long", "longitude"} and least >= -180 and most <= 180:
        return ["longitude=True"]
    ranges = [(0, 1)] if found & _SHARES else [(0, 100)] if found & _PERCENT else []
    ranges += [_PARTS[word] for word in found if word in _PARTS]
    for low, high in ranges:
        if low <= least and most <= high:
            return [f"in_range=({low}, {high})"]
    return [] if hints.is_calendar(header) else None


def _round_up(value: float, whole: bool) -> float:
    """The next 1, 2 or 5 with zeros behind or before it."""
    power = math.floor(math.log10(value))
    for digit in (1, 2, 5, 10):
        limit = digit * 10.0**power if power < 0 else float(digit * 10**power)
        if limit >= value:
            break
    return max(limit, 1.0) if whole else limit
