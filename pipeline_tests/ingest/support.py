"""What the tests of this room share: files to stage, and reading what was staged."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import pandera.polars as pa
import polars as pl

from pipeline.contract import Dataset, clean
from pipeline.ingest import Staged, stage
from pipeline.settings import Settings


class Order(pa.DataFrameModel):
    order_id: int = pa.Field(ge=1)
    email: str = pa.Field(email=True)
    amount: Annotated[pl.Decimal, 18, 2] = pa.Field(ge=0)
    ordered_at: datetime
    status: str = pa.Field(isin=["open", "done"])
    note: str = pa.Field(nullable=True)


ORDERS = Dataset(
    "orders",
    schema=Order,
    aliases={"ordered_at": ["Order Date"]},
    clean={"email": [clean.strip, clean.lower], "amount": clean.number(), "note": clean.strip},
    event_time="ordered_at",
)
GOOD = {
    "order_id": "1",
    "email": "a@b.de",
    "amount": "12.50",
    "ordered_at": "2024-01-31 10:00:00",
    "status": "open",
    "note": "",
}


def model(**columns: Any) -> type[pa.DataFrameModel]:
    """A model of the columns given: name → annotation, or (annotation, Field)."""
    body: dict[str, Any] = {"__annotations__": {}}
    for number, (name, given) in enumerate(columns.items()):
        annotation, field = given if isinstance(given, tuple) else (given, {})
        body["__annotations__"][f"c{number}"] = annotation
        body[f"c{number}"] = pa.Field(alias=name, **field)
    return type("Made", (pa.DataFrameModel,), body)


def as_csv(rows: Iterable[Mapping[str, str]]) -> str:
    """Rows as CSV text with the header of the first."""
    rows = list(rows)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def orders(*changes: Mapping[str, str]) -> str:
    """Orders as CSV text: good ones, each with the changes given."""
    return as_csv(
        [GOOD | {"order_id": str(number)} | dict(change) for number, change in enumerate(changes, 1)]
    )


def stage_text(settings: Settings, text: str, dataset: Dataset = ORDERS, name: str = "rows.csv") -> Staged:
    """Write a file and stage it."""
    path = settings.home / name
    path.write_text(text, encoding="utf-8", newline="")
    return stage(path, dataset, settings)


def clean_rows(staged: Staged) -> pl.DataFrame:
    """The clean rows, in order; an empty frame where there are none."""
    return (
        pl.concat([pl.read_parquet(path) for path in staged.clean_paths])
        if staged.clean_paths
        else pl.DataFrame()
    )


def error_rows(staged: Staged) -> list[dict[str, Any]]:
    """The error rows, in order, with the record read from its JSON."""
    rows: list[dict[str, Any]] = []
    for path in staged.error_paths:
        rows += pl.read_parquet(path).to_dicts()
    return [row | {"record": json.loads(row["record"])} for row in rows]


def violations(staged: Staged) -> list[tuple[int, str | None, str]]:
    """Row, column and check of every error row, in order."""
    return [(row["_row"], row["column_name"], row["check_name"]) for row in error_rows(staged)]


def counts(staged: Staged) -> tuple[int, int, int, int]:
    """Rows read, clean, rejected, filtered."""
    m = staged.manifest
    return m.rows_read, m.rows_clean, m.rows_rejected, m.rows_filtered


def write_parquet(settings: Settings, frame: pl.DataFrame, name: str = "rows.parquet") -> Path:
    """A Parquet file."""
    path = settings.home / name
    frame.write_parquet(path)
    return path
