"""SQL that a declaration brings along: conditions (`where=`) and expressions (`agg.sql`).

What belongs here: finding out whether it works on the dataset's columns, and saying so where it does not. What does not: running it.
"""

from __future__ import annotations

import duckdb

from pipeline.contract import ContractError, Dataset, Window
from pipeline.warehouse.failures import first_words
from pipeline.warehouse.sql import table

_OF_SQL = (
    duckdb.ProgrammingError,
    duckdb.DataError,
    duckdb.NotSupportedError,
    duckdb.InvalidInputException,
)
"""What DuckDB raises for a statement that is wrong, or for values that it cannot work on; not for want of memory or disk."""


def check(connection: duckdb.DuckDBPyConnection, dataset: Dataset, window: Window) -> None:
    """Raise ContractError for the first condition or expression that does not work on the columns of the clean table."""
    for name, measure in window.measures.items():
        if measure.where is not None:
            _try(
                connection,
                dataset,
                window,
                name,
                "where",
                measure.where,
                f"count(*) FILTER (WHERE {measure.where})",
            )
        if measure.kind == "sql":
            said = f"{measure.expression} :: {measure.sql_type}"
            expression = f"count(*), ({measure.expression})::{measure.sql_type}"
            _try(connection, dataset, window, name, "sql", said, expression)


def remedy(dataset: Dataset, window: Window, error: Exception) -> str | None:
    """What helps where the computation of a window failed with `error` and its own SQL may be the cause; None where it is not."""
    own = [
        measure.expression or measure.where
        for measure in window.measures.values()
        if measure.kind == "sql" or measure.where is not None
    ]
    if not own or not isinstance(error, _OF_SQL):
        return None
    return (
        f"Its declaration has SQL of its own: {'; '.join(text for text in own if text)}. Mend it there, for example with try_cast or "
        f"nullif, then `pipeline windows recompute {dataset.name}/{window.name}`."
    )


def _try(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    window: Window,
    measure: str,
    field: str,
    said: str,
    sql: str,
) -> None:
    try:
        connection.execute(f"EXPLAIN SELECT {sql} FROM {table('clean', dataset.name)}")
    except duckdb.Error as error:
        cause = first_words(error)
        raise ContractError(
            dataset.name,
            f"window {window.name!r}, measure {measure!r}",
            f"its SQL does not work: {field} {said!r}: {cause}",
            f"The columns are: {', '.join(dataset.column_names)}.",
        ) from error
