"""Query results as polars frames, the same on every DuckDB line. What does not belong here: queries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import polars as pl


def frame(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[Any] = ()) -> pl.DataFrame:
    """The result of `sql` as a polars frame; HUGEINT comes as Decimal(38, 0), MAP as a list of key-value structs.

    A statement that gives no rows gives an empty frame.
    """
    relation = connection.sql(sql, params=list(parameters) or None)
    if relation is None:
        return pl.DataFrame()
    result = pl.from_arrow(relation.to_arrow_table())
    assert isinstance(result, pl.DataFrame)
    return result
