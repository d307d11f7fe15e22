"""Orders of a shop: one row per order, keyed, with revenue by day and department."""

from datetime import datetime
from typing import Annotated

import pandera.polars as pa
import polars as pl

from pipeline.contract import Dataset, Sliding, Tumbling, agg, clean


class Order(pa.DataFrameModel):
    order_id: int = pa.Field(unique=True)
    customer_email: str = pa.Field(email=True)
    amount: Annotated[pl.Decimal, 18, 2] = pa.Field(ge=0)
    ordered_at: datetime
    status: str = pa.Field(isin=["pending", "completed", "cancelled"])
    department: str
    customer_name: str = pa.Field(nullable=True)


orders = Dataset(
    "orders",
    schema=Order,
    aliases={"ordered_at": ["order_date", "Order Date"]},
    clean={
        "customer_email": [clean.strip, clean.lower],
        "customer_name": clean.strip,
        "amount": clean.number(),
    },
    key=["order_id"],
    event_time="ordered_at",
    windows=[
        Tumbling(
            "daily_by_department",
            every="1d",
            by=["department"],
            measures={"revenue": agg.sum("amount"), "p95": agg.quantile("amount", 0.95)},
        ),
        Sliding("last_hour", size="1h", every="5m", measures={"orders": agg.count()}),
    ],
    description="Orders of a shop, one row each.",
)
