"""Answers to SQL that people type: rows of any type, as text or as plain values.

What belongs here: carrying every type of DuckDB into Python with nothing lost. What does not: opening the warehouse, printing.

DuckDB's own client turns an INTERVAL into a number of days, cuts TIMESTAMP_NS, and has no date before Christ. So the types that Python
has no counterpart for are carried as the text that DuckDB writes for them, inside of lists and structs too.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import duckdb
from duckdb.sqltypes import DuckDBPyType

from pipeline.warehouse.errors import QueryError
from pipeline.warehouse.sql import ident

_BATCH = 10_000
_DIGITS = 4_000
_WHOLE = frozenset(
    f"{sign}{size}" for sign in ("", "u") for size in ("tinyint", "smallint", "integer", "bigint", "hugeint")
)
_NUMBERS = _WHOLE | {"bignum", "varint", "float", "double", "decimal"}
_AS_THEY_ARE = _WHOLE | {"boolean", "double", "decimal", "blob"}
_INTERVAL = re.compile(
    r"(?:(-?\d+) years? ?)?(?:(-?\d+) months? ?)?(?:(-?\d+) days? ?)?(?:(-?)(\d+):(\d\d):(\d\d(?:\.\d+)?))?"
)


@dataclass(frozen=True)
class Answer:
    """The answer to a statement.

    Attributes:
        columns: their names; two may be alike.
        numbers: of them, those of numbers.
        rows: the rows, in their order; read while the warehouse is open.
        is_plan: the rows are the text of an EXPLAIN: a name and a drawing each.
    """

    columns: tuple[str, ...]
    numbers: tuple[str, ...]
    rows: Iterator[tuple[Any, ...]]
    is_plan: bool = False


def ask(connection: duckdb.DuckDBPyConnection, sql: str, *, plain: bool) -> Answer | None:
    """Run one statement; None where it has no answer.

    Args:
        plain: values are those of JSON: numbers and booleans, lists, dicts of structs and maps (other keys than texts as text), and texts:
            decimals, NaN and Infinity, timestamps and intervals in ISO 8601, blobs in Base64; of a union the value alone; of a JSON column what
            it holds.
            Otherwise each value is the text that DuckDB writes for it. None is a null, both ways.

    Raises:
        QueryError: there is none, or one that is not the last has an answer too. duckdb.Error: the statement is wrong.
    """
    statements = connection.extract_statements(sql)
    if not statements:
        raise QueryError("There is no statement: write one, such as SELECT * FROM ops.deliveries.")
    # PIVOT is one statement to people, and several to DuckDB: only its last has an answer.
    if any(
        statement.expected_result_type == [duckdb.ExpectedResultType.QUERY_RESULT]
        for statement in statements[:-1]
    ):
        raise QueryError(
            f"These are {len(statements)} statements, and only one answer can be shown: none was run. Ask them one by one."
        )
    found = connection.sql(sql)
    if found is None:
        return None
    columns, types = tuple(found.columns), list(found.types)
    carried = (f"CAST(#{n} AS {_carried(kind) if plain else 'VARCHAR'})" for n, kind in enumerate(types, 1))
    readers = [_reader(kind) for kind in types] if plain else None
    return Answer(
        columns,
        tuple(name for name, kind in zip(columns, types, strict=True) if kind.id in _NUMBERS),
        _rows(found.project(", ".join(carried)), readers),
        statements[-1].type == duckdb.StatementType.EXPLAIN,
    )


Reader = Callable[[Any], Any]


def _rows(found: duckdb.DuckDBPyRelation, readers: list[Reader | None] | None) -> Iterator[tuple[Any, ...]]:
    changing = [(n, read) for n, read in enumerate(readers or ()) if read is not None]
    while batch := found.fetchmany(_BATCH):
        if not changing:
            yield from batch
            continue
        for row in batch:
            values = list(row)
            for n, read in changing:
                if values[n] is not None:
                    values[n] = read(values[n])
            yield tuple(values)


def _carried(kind: DuckDBPyType) -> str:
    """The type that Python gets a column in."""
    match kind.id:
        case "list":
            return f"{_carried(_kinds(kind)[0][1])}[]"
        case "array":
            return f"{_carried(_kinds(kind)[0][1])}[{dict(kind.children)['size']}]"
        case "struct":
            return f"STRUCT({_members(_kinds(kind))})"
        case "union":
            return f"UNION({_members(_kinds(kind)[1:])})"
        case "map":
            return f"MAP(VARCHAR, {_carried(_kinds(kind)[1][1])})"
        case _:
            return str(kind) if kind.id in _AS_THEY_ARE else "VARCHAR"


def _kinds(kind: DuckDBPyType) -> list[tuple[str, DuckDBPyType]]:
    """The types that a type is made of, by name; the first of a union is that of its tags."""
    return [(name, child) for name, child in kind.children if isinstance(child, DuckDBPyType)]


def _members(children: list[tuple[str, DuckDBPyType]]) -> str:
    # The members of row(1, 2) have no names.
    return ", ".join(f"{ident(name or f'v{n}')} {_carried(kind)}" for n, (name, kind) in enumerate(children))


def _within(kind: DuckDBPyType) -> Reader:
    """The same for values in a list or a struct, null among them."""
    read = _reader(kind)
    if read is None:
        return lambda value: value
    return lambda value: None if value is None else read(value)


def _reader(kind: DuckDBPyType) -> Reader | None:
    """From a carried value, which is not null, to a plain one; None where they are the same."""
    match kind.id:
        case "list" | "array":
            one = _within(_kinds(kind)[0][1])
            return lambda values: [one(value) for value in values]
        case "struct":
            members = [(name, _within(child)) for name, child in _kinds(kind)]
            if not members[0][0]:
                return lambda values: [
                    read(one) for (_, read), one in zip(members, values.values(), strict=True)
                ]
            return lambda values: {name: read(values[name]) for name, read in members}
        case "map":
            of_value = _within(_kinds(kind)[1][1])
            return lambda values: {key: of_value(value) for key, value in values.items()}
        case "varchar" if str(kind) == "JSON":
            return _json
        case name:
            return _SIMPLE.get(name)


def _interval(text: str) -> str:
    """ISO 8601 of an interval: `P1Y2M3DT4H5M6.5S`."""
    found = _INTERVAL.fullmatch(text)
    if found is None:
        return text
    years, months, days, sign, hours, minutes, seconds = found.groups()
    date = "".join(f"{amount}{unit}" for amount, unit in ((years, "Y"), (months, "M"), (days, "D")) if amount)
    if hours is None:
        return f"P{date}"
    parts = [(hours.lstrip("0"), "H"), (minutes.lstrip("0"), "M"), (seconds.removeprefix("0"), "S")]
    clock = "".join(f"{sign}{amount}{unit}" for amount, unit in parts if amount.strip("0"))
    return f"P{date}T{clock}" if clock else f"P{date}" if date else "PT0S"


def _timestamp(text: str) -> str:
    return text.replace(" ", "T", 1) if text[:1].isdigit() and "(BC)" not in text else text


def _with_offset(text: str) -> str:
    """DuckDB writes an offset of whole hours without minutes."""
    return f"{text}:00" if re.search(r":\d\d(?:\.\d+)?[+-]\d\d$", text) else text


def _double(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _json(text: str) -> Any:
    """What a JSON column holds; a number that a double would change stays as it is written."""
    return json.loads(text, parse_float=_number, parse_int=_whole)


def _number(written: str) -> float | str:
    near = float(written)
    return near if Decimal(repr(near)) == Decimal(written) else written


def _whole(written: str) -> int | str:
    """Python reads no longer numbers."""
    return int(written) if len(written) <= _DIGITS else written


_SIMPLE: dict[str, Reader] = {
    "float": lambda text: _double(float(text)),
    "double": _double,
    "decimal": str,
    "blob": lambda value: base64.b64encode(value).decode(),
    "bignum": _whole,
    "varint": _whole,
    "interval": _interval,
    "timestamp": _timestamp,
    "timestamp_s": _timestamp,
    "timestamp_ms": _timestamp,
    "timestamp_ns": _timestamp,
    "timestamp with time zone": lambda text: _timestamp(_with_offset(text)),
    "time with time zone": _with_offset,
}
