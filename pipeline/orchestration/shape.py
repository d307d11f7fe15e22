"""What a contract says of its tables, in Dagster's words: column schema and column lineage.

What belongs here: a pure translation from `Dataset`. What does not: anything known only from data.
"""

from __future__ import annotations

from typing import Any

import polars as pl
from dagster import (
    TableColumn,
    TableColumnConstraints,
    TableColumnDep,
    TableColumnLineage,
    TableConstraints,
    TableSchema,
)

from pipeline.contract import Column, Dataset, Window
from pipeline.orchestration.names import clean_key, inbox_key
from pipeline.warehouse.windows.compiler import figure_columns

_ERROR_COLUMNS = {
    "_delivery": "delivery that the row came from",
    "_row": "record of the delivery, counted from 1",
    "sheet": "sheet of the workbook",
    "line": "physical line of the file, or row of the sheet",
    "column_name": "column at fault",
    "check_name": "check that failed",
    "value": "value as it stands in the file",
    "message": "what is wrong, in words",
    "record": "the source row, as JSON",
    "severity": "reject, warn or repair",
    "status": "open, replayed, superseded or noted",
    "detected_at": "when it was found, UTC",
}


def clean_metadata(dataset: Dataset) -> dict[str, Any]:
    """Column schema and lineage of `<dataset>/clean`."""
    lineage = {name: [TableColumnDep(inbox_key(dataset.name), name)] for name in dataset.column_names}
    columns = [_column(column) for column in dataset.columns]
    columns += [
        TableColumn("_delivery", "varchar"),
        TableColumn("_row", "bigint"),
        TableColumn("_rescued", "varchar"),
    ]
    rules = [f"unique: {', '.join(names)}" for names in dataset.uniqueness]
    return {
        "dagster/column_schema": TableSchema(columns=columns, constraints=TableConstraints(other=rules)),
        "dagster/column_lineage": TableColumnLineage(lineage),
        "dagster/table_name": f"clean.{dataset.name}",
    }


def errors_metadata(dataset: Dataset) -> dict[str, Any]:
    """Column schema of `<dataset>/errors`."""
    columns = [
        TableColumn(name, _error_type(name), description=text) for name, text in _ERROR_COLUMNS.items()
    ]
    return {
        "dagster/column_schema": TableSchema(columns=columns),
        "dagster/table_name": f"errors.{dataset.name}",
    }


def window_metadata(dataset: Dataset, window: Window) -> dict[str, Any]:
    """Column schema and lineage of `<dataset>/<window>`."""
    kinds = {name: measure.kind for name, measure in window.measures.items()}
    columns = [
        TableColumn(name, spelled.lower(), description=kinds.get(name))
        for name, spelled in figure_columns(dataset, window)
    ]
    sources = {name: name for name in window.by}
    sources |= {name: m.column for name, m in window.measures.items() if m.column is not None}
    lineage = {name: [TableColumnDep(clean_key(dataset.name), source)] for name, source in sources.items()}
    return {
        "dagster/column_schema": TableSchema(columns=columns),
        "dagster/column_lineage": TableColumnLineage(lineage),
        "dagster/table_name": f"windows.{dataset.name}_{window.name}",
    }


def _column(column: Column) -> TableColumn:
    return TableColumn(
        column.name,
        _type(column.dtype),
        description=column.description or column.title,
        constraints=TableColumnConstraints(
            nullable=column.nullable,
            unique=column.unique,
            other=[name if not given else f"{name} {_plain(given)}" for name, given in column.checks],
        ),
    )


def _plain(given: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in given.items())


def _type(dtype: pl.DataType) -> str:
    return str(dtype).lower()


def _error_type(name: str) -> str:
    return {"_row": "bigint", "line": "bigint", "detected_at": "timestamp"}.get(name, "varchar")
