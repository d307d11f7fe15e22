"""Sales lines without a key or a time: totals by department, over the table and per delivery."""

from typing import Annotated

import pandera.polars as pa
import polars as pl

from pipeline.contract import Dataset, Total, agg, clean


class Sale(pa.DataFrameModel):
    department: str
    product: str = pa.Field(nullable=True)
    quantity: int = pa.Field(ge=0)
    amount: Annotated[pl.Decimal, 18, 2]


sales = Dataset(
    "sales",
    schema=Sale,
    aliases={
        "department": ["Department Name", "dept"],
        "quantity": ["qty", "Number of sales"],
        "amount": ["total"],
    },
    clean={"department": clean.spaces, "quantity": clean.number(), "amount": clean.number()},
    windows=[
        Total(
            "by_department",
            by=["department"],
            measures={
                "units": agg.sum("quantity"),
                "revenue": agg.sum("amount"),
                "largest": agg.max("amount"),
            },
        ),
    ],
    description="Sales lines; no key, no event time.",
)
