"""The benchmark's orders under a demanding contract: twelve checks and eight cleaners."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import pandera.polars as pa
import polars as pl

from pipeline.contract import Dataset, Rule, Sliding, Tumbling, agg, clean


class RichOrder(pa.DataFrameModel):
    order_id: int = pa.Field(unique=True, gt=0)
    customer_email: str = pa.Field(email=True, str_length=(6, 80))
    amount: Annotated[pl.Decimal, 18, 2] = pa.Field(ge=0, lt=1_000_000)
    ordered_at: datetime = pa.Field(ge=datetime(2020, 1, 1), lt=datetime(2100, 1, 1))  # noqa: DTZ001
    status: str = pa.Field(isin=["pending", "completed", "cancelled"])
    department: str = pa.Field(str_matches=r"^[A-Z][a-z]+$")
    customer_name: str = pa.Field(nullable=True, str_length=(1, 60))


rich_orders = Dataset(
    "rich_orders",
    schema=RichOrder,
    clean={
        "customer_email": [clean.strip, clean.lower],
        "customer_name": [clean.control(), clean.spaces],
        "amount": clean.number(),
        "status": [clean.strip, clean.lower],
        "department": clean.nulls(),
    },
    rules=[
        Rule(
            "completed_is_paid",
            (pl.col("status") != "completed") | (pl.col("amount") > 0),
            "a completed order costs something",
        ),
        Rule(
            "known_customer",
            pl.col("customer_name").is_not_null() | pl.col("customer_email").is_not_null(),
            "an order has a customer",
        ),
    ],
    key=["order_id"],
    event_time="ordered_at",
    windows=[
        Tumbling(
            "daily_by_department", every="1d", by=["department"], measures={"revenue": agg.sum("amount")}
        ),
        Sliding("last_hour", size="1h", every="5m", measures={"orders": agg.count()}),
    ],
)
