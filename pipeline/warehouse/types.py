"""polars dtype → DuckDB type. What does not belong here: types of measures (`windows.measures`)."""

from __future__ import annotations

import polars as pl

_PLAIN: dict[type[pl.DataType], str] = {
    pl.Int8: "TINYINT", pl.Int16: "SMALLINT", pl.Int32: "INTEGER", pl.Int64: "BIGINT", pl.Int128: "HUGEINT",
    pl.UInt8: "UTINYINT", pl.UInt16: "USMALLINT", pl.UInt32: "UINTEGER", pl.UInt64: "UBIGINT",
    pl.Float32: "FLOAT", pl.Float64: "DOUBLE", pl.Boolean: "BOOLEAN", pl.String: "VARCHAR", pl.Categorical: "VARCHAR",
    pl.Enum: "VARCHAR", pl.Null: "VARCHAR", pl.Date: "DATE", pl.Datetime: "TIMESTAMP", pl.Time: "TIME", pl.Binary: "BLOB",
}  # fmt: skip


def duckdb_type(dtype: pl.DataType) -> str:
    """The DuckDB type that stores `dtype`, spelled as DuckDB spells it; moments with a zone are stored in UTC without.

    Raises:
        TypeError: the warehouse does not store this dtype.
    """
    if isinstance(dtype, pl.Decimal):
        return f"DECIMAL({dtype.precision or 38},{dtype.scale})"
    if isinstance(dtype, pl.List):
        inner = dtype.inner
        return f"{duckdb_type(inner if isinstance(inner, pl.DataType) else inner())}[]"
    found = _PLAIN.get(type(dtype))
    if found is None:
        raise TypeError(
            f"the warehouse does not store {dtype}: declare another type, or clean the column to text"
        )
    return found
