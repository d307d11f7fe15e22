"""Columns of Arrow data (Parquet files, Arrow files) as flat columns with dtypes that everything downstream knows.

What belongs here: laying nested columns out flat, and types that polars does not know or gets wrong. What does not: batches and files
(`parquet`, `arrow`), what the values mean.

The fields of a struct are columns by their path; lists, maps and unions are JSON text, bytes in them base64. Moments in a zone that
the tz database does not name (`+05:30`) are the same moments in UTC. Numbers and times without a dtype of ours are text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.files.canonical import nested_as_text, value_as_text
from pipeline.files.names import column_names

_LONGEST_DECIMAL = 38


class UnknownType(ValueError):
    """A column that has no counterpart here, named with its type."""


def flat_frame(table: pa.Table) -> pl.DataFrame:
    """An Arrow table without nesting.

    Raises:
        UnknownType: a column cannot be had as one of ours.
    """
    flat = [
        field
        for name, column in zip(table.column_names, table.columns, strict=True)
        for field in _fields(name, column)
    ]
    names = column_names([name for name, _ in flat])
    return pl.DataFrame([_series(column, name) for (_, column), name in zip(flat, names, strict=True)])


def _fields(name: str, column: pa.ChunkedArray) -> Iterator[tuple[str, pa.ChunkedArray]]:
    """The column by its name, or the fields of a struct by their paths."""
    if pa.types.is_struct(column.type) and column.type.num_fields:
        for index in range(column.type.num_fields):
            field = pc.struct_field(column, [index])
            yield from _fields(f"{name}.{column.type.field(index).name}", field)
    else:
        yield name, column


def _series(column: pa.ChunkedArray, name: str) -> pl.Series:
    try:
        return _converted(column).alias(name)
    except (
        pa.ArrowException,
        pl.exceptions.PolarsError,
        pl.exceptions.PanicException,
        ValueError,  # Python's dates end with the year 9999
        OverflowError,
    ) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise UnknownType(f"column {name!r} of type {column.type}: {said}") from error


def _converted(column: pa.ChunkedArray) -> pl.Series:
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return _extension(column)
    if pa.types.is_dictionary(kind):
        return _polars(column) if _is_text(kind.value_type) else _converted(column.cast(kind.value_type))
    if pa.types.is_run_end_encoded(kind):
        return _converted(
            pa.chunked_array([pc.run_end_decode(chunk) for chunk in column.chunks], kind.value_type)
        )
    if pa.types.is_nested(kind) or pa.types.is_union(kind):
        return _as_json(column)
    if pa.types.is_interval(kind):
        return _by_value(column, _interval)
    known = _known(kind)
    return _polars(column if known == kind else _cast(column, known))


def _polars(column: pa.ChunkedArray) -> pl.Series:
    converted = pl.from_arrow(column)
    assert isinstance(converted, pl.Series)
    return converted


def _known(kind: pa.DataType) -> pa.DataType:
    """The type that a value of this one is given as; also inside of lists, maps and structs."""
    if pa.types.is_timestamp(kind):
        zone = kind.tz if kind.tz is None or kind.tz in _zones() else "UTC"
        return pa.timestamp("ms" if kind.unit == "s" else kind.unit, zone)
    if pa.types.is_decimal(kind):
        digits, scale = kind.precision - min(kind.scale, 0), max(kind.scale, 0)
        return pa.decimal128(digits, scale) if scale <= digits <= _LONGEST_DECIMAL else pa.string()
    if pa.types.is_map(kind):
        return pa.map_(_known(kind.key_type), _known(kind.item_type))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_known(field.type)) for field in kind])
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(_known(kind.value_type), kind.list_size)
    if pa.types.is_list(kind):
        return pa.list_(_known(kind.value_type))
    if pa.types.is_large_list(kind):
        return pa.large_list(_known(kind.value_type))
    if pa.types.is_dictionary(kind):
        return _known(kind.value_type)
    return kind


def _zones() -> set[str]:
    global _ZONES
    if not _ZONES:
        _ZONES = available_timezones()
    return _ZONES


_ZONES: set[str] = set()


def _cast(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """The same values in another type; as text where one of them lies outside of it (seconds beyond the years of milliseconds)."""
    try:
        return column.cast(kind)
    except pa.ArrowInvalid:
        return column.cast(pa.string())


def _extension(column: pa.ChunkedArray) -> pl.Series:
    """A type that another one stores: a UUID is text, a byte of truth is a truth, any other what stores it."""
    kind = column.type
    stored = pa.chunked_array([chunk.storage for chunk in column.chunks], kind.storage_type)
    if kind.extension_name == "arrow.uuid":
        return _by_value(stored, lambda value: str(UUID(bytes=value)))
    if kind.extension_name == "arrow.bool8":
        return _polars(stored.cast(pa.bool_()))
    return _converted(stored)


def _as_json(column: pa.ChunkedArray) -> pl.Series:
    kind = _known(column.type)
    if kind != column.type:
        column = column.cast(kind)
    if _is_plain(kind):
        return nested_as_text(_polars(column))
    return _by_value(column, lambda value: value_as_text(_plain_value(value, kind)))


def _by_value(column: pa.ChunkedArray, text: Callable[[Any], str]) -> pl.Series:
    """Text of each value, made in Python: for what no library writes."""
    return pl.Series(
        [None if value is None else text(value) for value in column.to_pylist()], dtype=pl.String
    )


def _plain_value(value: Any, kind: pa.DataType) -> Any:
    """A Python value of a type as what JSON knows: maps with texts as keys are objects, other maps pairs."""
    if value is None:
        return None
    if pa.types.is_map(kind):
        pairs = [
            (_plain_value(key, kind.key_type), _plain_value(item, kind.item_type)) for key, item in value
        ]
        if _is_text(kind.key_type) and len({key for key, _ in pairs}) == len(pairs):
            return dict(pairs)
        return [list(pair) for pair in pairs]
    if pa.types.is_struct(kind):
        return {field.name: _plain_value(value[field.name], field.type) for field in kind}
    if _is_list(kind) or _is_list_view(kind):
        return [_plain_value(item, kind.value_type) for item in value]
    return _interval(value) if pa.types.is_interval(kind) else value


def _interval(value: pa.MonthDayNano) -> str:
    """Months, days and nanoseconds as an ISO duration; one has no length, for months have none."""
    seconds = f"{value.nanoseconds // 10**9}.{value.nanoseconds % 10**9:09d}".rstrip("0").rstrip(".")
    return f"P{value.months}M{value.days}DT{seconds}S"


def _is_plain(kind: pa.DataType) -> bool:
    """Whether polars can write values of this type as JSON."""
    if pa.types.is_map(kind):
        return _is_text(kind.key_type) and _is_plain(kind.item_type)
    if pa.types.is_struct(kind):
        names = [field.name for field in kind]
        return len(set(names)) == len(names) and all(_is_plain(field.type) for field in kind)
    if _is_list(kind):
        return _is_plain(kind.value_type)
    return not (
        _is_bytes(kind)
        or _is_list_view(kind)  # a cast to a list loses the values
        or pa.types.is_interval(kind)
        or pa.types.is_union(kind)
        or isinstance(kind, pa.BaseExtensionType)
    )


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _is_list_view(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_binary_view(kind)
        or pa.types.is_fixed_size_binary(kind)
    )
