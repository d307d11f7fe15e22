"""Files of one kind looked at as one table.

What belongs here: one run of pieces over several files, under one name for each column; what they write in different ways. What does
not: going through pieces (`scan`), what is declared of a column (`fields`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import polars as pl

from pipeline.contract.headers import normalise
from pipeline.files import Parsed, Piece, Table
from pipeline.infer.fields import settled
from pipeline.infer.found import Found
from pipeline.infer.readings import TEXT, Reading

_NAMED = 3
_SIGNS = {".": "point", ",": "comma"}


class NotOneKind(ValueError):
    """Files that cannot be one dataset; the message says which and why."""


@dataclass(frozen=True)
class Tables:
    """Tables as one.

    Attributes:
        tables: in the order given.
        names: for each, its header → the name that the column has in all of them.
        columns: those names, in the order in which they appear.
    """

    tables: tuple[Table, ...]
    names: tuple[Mapping[str, str], ...]
    columns: tuple[str, ...]

    def pieces(self) -> Iterator[Piece]:
        """All pieces of all tables, with the columns renamed."""
        for table, names in zip(self.tables, self.names, strict=True):
            for piece in table.pieces():
                yield replace(piece, parse=partial(_renamed, piece.parse, names))

    def first_frames(self) -> list[pl.DataFrame]:
        """The first chunk of each table that has one."""
        firsts = (next(one.pieces(), None) for one in self.each())
        return [piece.parse().frame for piece in firsts if piece is not None]

    def each(self) -> list[Tables]:
        """Each table for itself, under the names of all."""
        return [
            Tables((table,), (names,), tuple(names.values()))
            for table, names in zip(self.tables, self.names, strict=True)
        ]

    def lacking(self, column: str) -> list[int]:
        """Places of the tables that have no such column."""
        return [place for place, names in enumerate(self.names) if column not in names.values()]


def as_one(files: Sequence[str], tables: Sequence[Table], besides: str) -> Tables:
    """The tables of files as one; headers that a contract cannot tell apart are one column.

    Args:
        files: their names.
        besides: a column that readers add.

    Raises:
        NotOneKind: a file has no column in common with those before it.
    """
    columns: dict[str, str] = {}  # as a contract knows it → as it is written first
    names: list[dict[str, str]] = []
    for place, table in enumerate(tables):
        headers = [header for header in table.columns if header != besides]
        if place and not any(normalise(header) in columns for header in headers):
            raise NotOneKind(f"{files[place]} has no column in common with {files[0]}")
        known = set(columns.values())
        own = {header: header for header in headers if header in known}
        for header in headers:
            first = columns.setdefault(normalise(header), header)
            if header not in own:
                own[header] = header if first in own.values() else first
        names.append({header: own[header] for header in headers})
    every = tuple(dict.fromkeys(name for one in names for name in one.values()))
    return Tables(tuple(tables), tuple(names), every)


def _renamed(parse: Callable[[], Parsed], names: Mapping[str, str]) -> Parsed:
    parsed = parse()
    changed = {header: name for header, name in names.items() if header != name}
    if not changed:
        return parsed
    back = {name: header for header, name in names.items()}
    typed = parsed.typed
    frame = parsed.frame.rename(changed, strict=False)
    return replace(
        parsed, frame=frame, typed=None if typed is None else lambda name: typed(back.get(name, name))
    )


def told_apart(
    together: Sequence[Found],
    signs: set[str],
    apart: Sequence[tuple[Sequence[Found], set[str]]],
    files: Sequence[str],
) -> dict[str, str]:
    """Columns that the files write in different ways, each with what is to be said of it.

    Args:
        together: columns as found over all files. signs: how decimals are written in those.
        apart: the same of each file.
        files: their names.
    """
    by_file = [({column.header: column for column in columns}, own) for columns, own in apart]
    found: dict[str, str] = {}
    for column in together:
        readings = [
            (name, one, settled(one, own)[0])
            for name, (columns, own) in zip(files, by_file, strict=True)
            if (one := columns.get(column.header)) is not None and one.alive and _has_values(one)
        ]
        decimals = {name: sign for name, one, reading in readings if (sign := _sign(one, reading))}
        reading = settled(column, signs)[0]
        if len({*decimals.values(), _sign(column, reading)} - {""}) > 1 and decimals:
            said = _by(decimals, lambda sign: f"a decimal {_SIGNS[sign]}")
            found[column.header] = f"Numbers are written in two ways: {said}. Text until the files agree."
        elif reading == TEXT and len(readings) > 1 and all(one != TEXT for _, _, one in readings):
            ways = {name: _way(one) for name, _, one in readings}
            if len(set(ways.values())) > 1:
                said = _by(ways, str)
                found[column.header] = (
                    f"Each file can be read, but not in one way: {said}. Text until they agree."
                )
    return found


def _has_values(column: Found) -> bool:
    return any(column.facts[one].values for one in column.alive if one in column.facts)


def _sign(column: Found, reading: Reading) -> str:
    """How a column writes decimals, where its numbers show it; else ""."""
    if reading.kind != "number" or reading.native or (len(column.alive) > 1 and column.agree):
        return ""
    facts = column.facts[reading]
    return reading.decimal or ("." if facts.pointed and not reading.steps else "")


def _way(reading: Reading) -> str:
    return " and ".join(step.code for step in reading.steps) or f"{reading.kind} as it stands"


def _by(ways: Mapping[str, str], word: Callable[[str], str]) -> str:
    """Ways with the files that have them."""
    files: dict[str, list[str]] = {}
    for name, way in ways.items():
        files.setdefault(way, []).append(name)
    return ", ".join(f"{word(way)} in {listed_names(names)}" for way, names in files.items())


def listed_names(names: Sequence[str]) -> str:
    """Names of files, of many the first few."""
    if len(names) <= _NAMED:
        return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"
