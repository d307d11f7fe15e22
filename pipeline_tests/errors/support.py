"""What the tests of this room share: rejected rows in a real warehouse, and reading what was exported."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import pandera.polars as pa
import polars as pl

from pipeline.contract import Dataset, Rule, clean
from pipeline.files import open_table
from pipeline.files.table import ROW, ReadOptions
from pipeline.ingest import source_records, stage
from pipeline.ingest.guard import unguard
from pipeline.ingest.keys import LAYOUT, SHEET
from pipeline.settings import Settings
from pipeline.warehouse import Warehouse


class Order(pa.DataFrameModel):
    order_id: int = pa.Field(unique=True)
    email: str = pa.Field(email=True)
    amount: Annotated[pl.Decimal, 18, 2] = pa.Field(ge=0)
    ordered_at: datetime
    shipped_at: datetime = pa.Field(nullable=True)
    zip: str = pa.Field(nullable=True)


def orders(**changes: Any) -> Dataset:
    """Orders with an alias, a rule over two columns and a unique column."""
    declared: dict[str, Any] = {
        "schema": Order,
        "aliases": {"ordered_at": ["Order Date"]},
        "clean": {"amount": clean.number()},
        "rules": [
            Rule(
                "shipped_after_order",
                pl.col("shipped_at") >= pl.col("ordered_at"),
                message="shipped before it was ordered",
            )
        ],
    }
    return Dataset("orders", **(declared | changes))


HEADER = "order_id,email,amount,Order Date,shipped_at,zip\n"
GOOD = "1,a@b.de,5,2026-01-01,,01234\n"


def load(settings: Settings, dataset: Dataset, files: Mapping[str, str | bytes]) -> Warehouse:
    """A warehouse with these files as deliveries, in their order."""
    warehouse = Warehouse.from_settings(settings, {dataset.name: dataset})
    for name, content in files.items():
        path = settings.home / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        load_file(settings, dataset, warehouse, path)
    return warehouse


def load_file(settings: Settings, dataset: Dataset, warehouse: Warehouse, path: Path) -> None:
    """Stage and commit a file."""
    staged = stage(path, dataset, settings)
    warehouse.commit(staged, records=partial(source_records, dataset=dataset, settings=settings))


def read_back(path: Path, sheets: int = 1) -> pl.DataFrame:
    """An exported file as the way in reads it, the guard taken off; an empty value is null."""
    if path.suffix == ".parquet":
        return pl.read_parquet(path)
    titles = (SHEET, *(f"{SHEET} {number}" for number in range(2, sheets + 1)))
    options = ReadOptions(read=LAYOUT, sheets=titles if path.suffix == ".xlsx" else ())
    frame = pl.concat(open_table(path, options).chunks()).drop(ROW, "_sheet", strict=False)
    names = pl.DataFrame({"name": frame.columns}).select(unguard(pl.col("name"))).to_series()
    return pl.DataFrame(
        [
            frame.to_series(place).alias("x").to_frame().select(unguard(pl.col("x"))).to_series().alias(name)
            for place, name in enumerate(names)
        ]
    )
