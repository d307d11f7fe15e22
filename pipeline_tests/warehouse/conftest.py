"""Datasets and an empty warehouse for the tests of this room."""

# ruff: noqa: DTZ001  (the warehouse keeps moments in UTC without zone)

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import pandera.polars as pa
import polars as pl
import pytest

from pipeline.contract import Dataset, Sliding, Total, Tumbling, agg
from pipeline.ingest.manifest import Staged
from pipeline.warehouse import Warehouse
from pipeline_tests.warehouse.factory import stage_rows


class Sale(pa.DataFrameModel):
    id: int
    shop: str = pa.Field(nullable=True)
    amount: Annotated[pl.Decimal, 18, 2] = pa.Field(nullable=True)
    sold_at: datetime
    code: str = pa.Field(nullable=True, unique=True)


def make_sales(**changes: Any) -> Dataset:
    """A keyed dataset with a day window, a sliding window and a total."""
    declared: dict[str, Any] = {
        "schema": Sale,
        "key": ["id"],
        "event_time": "sold_at",
        "windows": [
            Tumbling("daily", every="1d", by=["shop"], measures={"revenue": agg.sum("amount")}),
            Sliding("last_hour", size="1h", every="15m", measures={"sales": agg.count()}),
            Total("by_shop", by=["shop"], measures={"revenue": agg.sum("amount")}),
        ],
    }
    return Dataset("sales", **(declared | changes))


@pytest.fixture
def sales() -> Dataset:
    return make_sales()


@pytest.fixture
def warehouse(tmp_path: Path, sales: Dataset) -> Warehouse:
    return Warehouse(tmp_path / "warehouse.duckdb", {sales.name: sales}, busy_timeout=20)


@pytest.fixture
def stage(tmp_path: Path, sales: Dataset) -> Callable[..., Staged]:
    """Stage rows of `sales`: stage("monday.csv", [sale(1), sale(2)])."""

    def _stage(delivery: str, rows: Any, **options: Any) -> Staged:
        return stage_rows(tmp_path / "staging", options.pop("dataset", sales), delivery, rows, **options)

    return _stage


def sale(
    number: int,
    *,
    at: datetime = datetime(2025, 3, 3, 10),
    shop: str | None = "A",
    amount: str = "1.50",
    **more: Any,
) -> dict[str, Any]:
    """One clean row of `sales`."""
    return {
        "id": number,
        "shop": shop,
        "amount": pl.Series([amount]).cast(pl.Decimal(18, 2))[0],
        "sold_at": at,
        "code": None,
    } | more
