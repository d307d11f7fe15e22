"""More invented tables to pollute, as unlike the source table as real files are: a reader must not be fitted to one.

What belongs here: the tables. What does not: polluting them (`pollution`).
"""

from __future__ import annotations

import random
from collections.abc import Callable

from benchmarks.generate import FIRST, LAST
from benchmarks.source_table import Cell, Row

_TOWNS = ["New York", "Berlin", "São Paulo", "Rome"]
_REMARKS = ["likes tea, and cake", "none", "", 'says "hi"']


def _row(*texts: object) -> Row:
    return [Cell(str(text), quoted=any(mark in str(text) for mark in ',"')) for text in texts]


def _numbers(chance: random.Random) -> list[Row]:
    rows = [
        _row(
            f"S{n % 7}",
            1990 + n % 30,
            f"{chance.uniform(-10, 35):.1f}",
            chance.randint(0, 99),
            f"{n * 37 % 1000:03d}",
        )
        for n in range(60)
    ]
    return [_row("station", "year", "temp", "rain", "code"), *rows]


def _words(chance: random.Random) -> list[Row]:
    rows = [
        _row(
            chance.choice(FIRST),
            chance.choice(LAST),
            chance.choice(_TOWNS),
            chance.choice(_REMARKS),
        )
        for _ in range(50)
    ]
    return [_row("First name", "Last name", "City", "Remark"), *rows]


def _gaps(chance: random.Random) -> list[Row]:
    rows = []
    for n in range(70):
        name, flag = chance.choice(["a b", "c", "d-e", ""]), chance.choice(["Y", "N", ""])
        amount, day = chance.choice([f"{n}.50", ""]), chance.choice([f"2024-01-{1 + n % 28:02d}", ""])
        rows.append(_row(n + 1, name, amount, day, flag, ""))
    return [_row("id", "name", "amount", "date", "flag", "note"), *rows]


def _decimal_commas(chance: random.Random) -> list[Row]:
    texts = ["Miete", "Strom, Gas", "Brot & Käse"]
    rows = [
        _row(f"{1 + n % 28:02d}.03.2024", f"{n},{n % 100:02d}", 1000 + n, chance.choice(texts))
        for n in range(40)
    ]
    return [_row("Datum", "Betrag", "Konto", "Text"), *rows]


def _years(chance: random.Random) -> list[Row]:
    rows = [
        _row(
            f"Land {chr(65 + n % 26)}{n}",
            *[chance.choice([chance.randint(1, 10**6), "", "n/a"]) for _ in range(12)],
        )
        for n in range(40)
    ]
    return [_row("Country", *range(2000, 2012)), *rows]


_MAKERS: dict[str, Callable[[random.Random], list[Row]]] = {
    "numbers": _numbers,
    "words": _words,
    "many empty cells": _gaps,
    "decimal commas": _decimal_commas,
    "years as column names": _years,
}


def other_tables() -> dict[str, list[Row]]:
    """Name → header and records, the same at every call."""
    return {name: make(random.Random(1)) for name, make in _MAKERS.items()}
