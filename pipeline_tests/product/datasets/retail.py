"""Lines of the invoices of a shop, a file a day."""

from datetime import datetime

import pandera.polars as pa

from pipeline.contract import Dataset


class Retail(pa.DataFrameModel):
    InvoiceNo: str
    StockCode: str
    Description: str = pa.Field(nullable=True)
    Quantity: int
    InvoiceDate: datetime
    UnitPrice: float
    CustomerID: str = pa.Field(nullable=True)
    Country: str


retail = Dataset("retail", schema=Retail, event_time="InvoiceDate")
