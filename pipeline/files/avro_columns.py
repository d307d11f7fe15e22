"""Columns of Avro records: names and dtypes by the schema, values by the path.

What belongs here: laying the fields of nested records out flat, and which dtype a field has. What does not: bytes (`avro`).

A union of one type and null is that type; one of several numbers is the type that holds them all, Int64 or Float64; any other union, arrays
and maps are text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from pipeline.files.canonical import value_as_text

_PRIMITIVE: dict[str, pl.DataType] = {
    "boolean": pl.Boolean(),
    "int": pl.Int32(),
    "long": pl.Int64(),
    "float": pl.Float32(),
    "double": pl.Float64(),
    "string": pl.String(),
    "enum": pl.String(),
    "bytes": pl.Binary(),
    "fixed": pl.Binary(),
}
_LOGICAL: dict[str, pl.DataType] = {
    "date": pl.Date(),
    "time-millis": pl.Time(),
    "time-micros": pl.Time(),
    "timestamp-millis": pl.Datetime("ms", "UTC"),
    "timestamp-micros": pl.Datetime("us", "UTC"),
    "local-timestamp-millis": pl.Datetime("ms"),
    "local-timestamp-micros": pl.Datetime("us"),
    "uuid": pl.String(),
}
_NUMBERS = ("int", "long", "float", "double")


@dataclass(frozen=True)
class Column:
    """A field that is no record itself.

    Attributes:
        path: names of the fields that lead to it.
        dtype: of its values.
        as_text: whether values are turned into text first.
    """

    path: tuple[str, ...]
    dtype: pl.DataType
    as_text: bool

    @property
    def name(self) -> str:
        """The path with dots."""
        return ".".join(self.path)


def columns_of(schema: Any) -> list[Column] | None:
    """The columns of a schema as the library gives it; None where its values are not records."""
    named: dict[str, Any] = {}
    columns = _laid_out(schema, (), named, ())
    return columns if columns and columns[0].path else None


def frame_of(
    records: Sequence[dict[str, Any]], columns: Sequence[Column], names: Sequence[str]
) -> pl.DataFrame:
    """Records as a frame. Raises polars.exceptions.PolarsError, TypeError, OverflowError: a value does not fit its schema."""
    series = []
    for column, name in zip(columns, names, strict=True):
        values = [_at(record, column.path) for record in records]
        if column.as_text:
            values = [None if value is None else value_as_text(value) for value in values]
        series.append(pl.Series(name, values, column.dtype))
    return pl.DataFrame(series)


def _laid_out(
    schema: Any, path: tuple[str, ...], named: dict[str, Any], inside: tuple[str, ...]
) -> list[Column]:
    schema = named.get(schema, schema) if isinstance(schema, str) else schema
    if isinstance(schema, list):
        kinds = [part for part in schema if part != "null"]
        if len(kinds) == 1:
            return _laid_out(kinds[0], path, named, inside)
        names = [_kind(part) for part in kinds]
        if kinds and all(name in _NUMBERS for name in names):
            if not {"float", "double"} & set(names):
                return [Column(path, pl.Int64(), False)]
            # A double does not hold every long: beyond 2^53 a number would be turned into its neighbour.
            return [Column(path, pl.String() if "long" in names else pl.Float64(), "long" in names)]
        return [Column(path, pl.String(), True)]
    kind = _kind(schema)
    if isinstance(schema, dict) and "name" in schema:
        named[schema["name"]] = schema
        if kind == "record" and schema["name"] not in inside:
            within = (*inside, schema["name"])
            fields = schema["fields"]
            laid_out = [_laid_out(field["type"], (*path, field["name"]), named, within) for field in fields]
            return [column for of_field in laid_out for column in of_field]
    dtype = _dtype(schema, kind)
    return [Column(path, dtype or pl.String(), dtype is None)]


def _kind(schema: Any) -> str:
    while isinstance(schema, dict):
        schema = schema["type"]
    return schema if isinstance(schema, str) else "union"


def _dtype(schema: Any, kind: str) -> pl.DataType | None:
    """None where values become text."""
    logical = schema.get("logicalType") if isinstance(schema, dict) else None
    if logical == "decimal":
        return (
            pl.Decimal(schema.get("precision"), schema.get("scale", 0)) if schema["precision"] <= 38 else None
        )
    if logical == "uuid":
        return None
    return _LOGICAL.get(str(logical)) or _PRIMITIVE.get(kind)


def _at(record: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        if record is None:
            return None
        record = record[name]
    return record
