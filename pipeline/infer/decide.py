"""From what was found in a file to what a module declares.

What belongs here: what several columns decide together, such as the key and the event time. What does not: one column (`fields`),
looking at the file (`scan`), windows (`windows`), how it is written down (`write`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pipeline.counts import counted
from pipeline.infer import hints
from pipeline.infer.candidates import NUMBER
from pipeline.infer.fields import Field, field_of, stands_for_nothing
from pipeline.infer.found import Found
from pipeline.infer.layout import number
from pipeline.infer.names import Named
from pipeline.infer.scan import Scanned

_MANY = 100
_NUMBERS = ("int", "float", "decimal")


@dataclass(frozen=True)
class Decided:
    """What the module says.

    Attributes:
        fields: in the file's order.
        key: names of fields; key_comment: why.
        event_time: name of a field, or None.
    """

    fields: tuple[Field, ...]
    key: tuple[str, ...]
    key_comment: str
    event_time: str | None


def decide(
    scanned: Scanned,
    named: Sequence[Named],
    apart: Mapping[str, str] | None = None,
    lacking: Mapping[str, str] | None = None,
) -> Decided:
    """The declaration for a file.

    Args:
        named: the field of each column of `scanned`, in the same order.
        apart: columns that several files write in different ways → what is to be said of it.
        lacking: columns that not every file has → what is to be said of it.
    """
    apart, lacking = apart or {}, lacking or {}
    signs = decimal_signs(scanned.columns)
    fields = [
        field_of(column, name, signs, apart.get(column.header, ""))
        for column, name in zip(scanned.columns, named, strict=True)
    ]
    fields = [
        replace(field, nullable=True, comments=(*field.comments, lacking[field.header]))
        if field.header in lacking
        else field
        for field in fields
    ]
    fields = _with_stand_ins(fields)
    key, comment = _key(scanned, fields)
    event_time = _event_time(fields)
    if event_time is not None:
        fields = [
            replace(field, kind="datetime", annotation="datetime") if field.name == event_time else field
            for field in fields
        ]
    return Decided(tuple(fields), key, comment, event_time)


def decimal_signs(columns: Sequence[Found]) -> set[str]:
    """How the columns without doubt write decimals: the sign of readings that have no rival left, and the points of texts that can
    part no thousands. Places on the globe have points in files of every notation."""
    signs = {column.alive[0].decimal for column in columns if len(column.alive) == 1} - {""}
    pointed = any(
        column.alive == [NUMBER] and column.facts[NUMBER].proves and not hints.is_coordinate(column.header)
        for column in columns
    )
    return signs | {"."} if pointed else signs


def _with_stand_ins(fields: Sequence[Field]) -> list[Field]:
    """A question at the first column that has a number which may stand for a missing value."""
    suspects = [field for field in fields if field.kind in _NUMBERS and stands_for_nothing(field.facts)]
    asked: dict[float, Field] = {}
    for field in suspects:
        asked.setdefault(field.facts.least, field)
    told = {}
    for least, field in asked.items():
        others = sum(one.facts.least == least for one in suspects) - 1
        where = counted(field.facts.least_count, "time") + (
            f", and in {counted(others, 'more column')}" if others else ""
        )
        told[field.name] = f"{number(least)} stands there {where}: does it mean that a value is missing?"
    return [
        replace(field, comments=(*field.comments, told[field.name])) if field.name in told else field
        for field in fields
    ]


def _key(scanned: Scanned, fields: Sequence[Field]) -> tuple[tuple[str, ...], str]:
    """The likely key, and why."""
    by_header = {field.header: field for field in fields}
    for headers in scanned.keys:
        parts = [by_header[header] for header in headers]
        if any(part.nullable or part.kind in ("float", "decimal", "bool") for part in parts):
            continue
        named = any(hints.identifies(part.header) for part in parts)
        timed = any(part.kind in ("datetime", "date") for part in parts)
        first = parts[0] is fields[0] and len(parts) == 1 and _is_number_of_row(parts[0], scanned.rows)
        timed &= len(parts) > 1 or not any(hints.identifies(field.header) for field in fields)
        if scanned.rows < 2 or not (named or (scanned.rows >= _MANY and (timed or first))):
            continue
        what = "every value differs" if len(parts) == 1 else "together they differ in every row"
        return tuple(part.name for part in parts), f"Looks like the key: {what}."
    return (), ""


def _is_number_of_row(field: Field, rows: int) -> bool:
    """Whether a column's values are made to tell rows apart, whatever it is called: numbers without a gap, or UUIDs. That codes or
    names differ in one file says nothing about the next."""
    if field.kind == "int":
        return bool(field.facts.most - field.facts.least + 1 == rows)
    return "uuid=True" in field.checks


def _event_time(fields: Sequence[Field]) -> str | None:
    """The column that tells when a row's event was."""
    times = [
        field
        for field in fields
        if field.kind in ("datetime", "date") and not field.nullable and not hints.is_other_time(field.header)
    ]
    times.sort(key=lambda field: (not hints.is_time(field.header), field.kind != "datetime"))
    return times[0].name if times else None
