"""What a contract says of each column, read once from its Pandera model.

What belongs here: the typed description of a column. What does not: Pandera beyond reading the model, and SQL types
(`warehouse.types`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandera.polars as pa
import polars as pl

from pipeline.contract.errors import ContractError

RESERVED = frozenset({"_delivery", "_row", "_rescued", "_sheet"})
_NOT_STORED = (pl.List, pl.Struct, pl.Array, pl.Object, pl.Duration, pl.Null, pl.Unknown, pl.Int128)


@dataclass(frozen=True)
class Column:
    """One column of a contract.

    Attributes:
        name: its name in the clean table.
        dtype: its polars type there.
        nullable: whether it may be null, and so whether a file may lack it.
        unique: whether its values are unique over the table (checked at the commit).
        default: what stands in for a null, or None.
        title: its name for people, or None.
        description: what it means, or None.
        checks: the checks in words, as ("isin", {"allowed_values": [...]}) pairs.
    """

    name: str
    dtype: pl.DataType
    nullable: bool
    unique: bool
    default: Any
    title: str | None
    description: str | None
    checks: tuple[tuple[str, dict[str, Any]], ...]

    @property
    def required(self) -> bool:
        """Whether a file without this column cannot be loaded."""
        return not self.nullable and self.default is None


def columns_of(dataset: str, schema: pa.DataFrameSchema) -> tuple[Column, ...]:
    """The columns of a Pandera schema, in its order.

    Raises:
        ContractError: a column has no type, a reserved name, or is a pattern rather than a name.
    """
    columns = []
    for name, column in schema.columns.items():
        if column.regex or name == "*":
            raise ContractError(
                dataset, name, "is a pattern for column names", "Name each column: a table needs names."
            )
        if name in RESERVED or not name:
            raise ContractError(
                dataset, name, "is a name that Windrow uses itself", "Call the column something else."
            )
        if not column.required:
            raise ContractError(
                dataset,
                name,
                "is Optional, which to Pandera means a column that may be absent",
                "Declare it `pa.Field(nullable=True)`: such a column may be absent, too.",
            )
        if column.dtype is None:
            raise ContractError(
                dataset, name, "has no type", "Give it one: `name: str`, `int`, `datetime`, …"
            )
        dtype = _dtype(dataset, name, column.dtype.type)
        _check_default(dataset, name, dtype, column.default)
        columns.append(
            Column(
                name=name,
                dtype=dtype,
                nullable=bool(column.nullable),
                unique=bool(column.unique),
                default=column.default,
                title=column.title,
                description=column.description,
                checks=tuple(
                    (check.name or "check", dict(check.statistics or {})) for check in column.checks
                ),
            )
        )
    if not columns:
        raise ContractError(dataset, "schema", "has no columns", "Declare at least one.")
    return tuple(columns)


def _dtype(dataset: str, name: str, declared: Any) -> pl.DataType:
    try:
        dtype = declared if isinstance(declared, pl.DataType) else declared()
    except TypeError as error:
        raise ContractError(
            dataset,
            name,
            f"has an incomplete type: {error}",
            'Write it with its parameters: `pl.Enum(["a", "b"])`.',
        ) from error
    if isinstance(dtype, _NOT_STORED):
        raise ContractError(
            dataset,
            name,
            f"has the type {dtype}, which cannot be checked and stored",
            "Declare another, such as `str`: nested values become JSON.",
        )
    assert isinstance(dtype, pl.DataType)
    return dtype


def _check_default(dataset: str, name: str, dtype: pl.DataType, default: Any) -> None:
    if default is None:
        return
    try:
        pl.select(pl.lit(default, dtype))
    except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError) as error:
        raise ContractError(
            dataset,
            name,
            f"has the default {default!r}, which is no {dtype}",
            "Give it a default of the column's type.",
        ) from error
