from datetime import datetime

import pandera.polars as pa

from pipeline.contract import Cumulative, Dataset, Sliding, Tumbling, agg


class Visit(pa.DataFrameModel):
    t: datetime


visits = Dataset(
    "visits",
    schema=Visit,
    event_time="t",
    timezone="Asia/Beirut",
    windows=[
        Tumbling("daily", every="1d", measures={"n": agg.count()}),
        Cumulative("so_far", period="1d", every="6h", measures={"n": agg.count()}),
        Tumbling("six_hours", every="6h", measures={"n": agg.count()}),
        Sliding("two_days", size="2d", every="1d", measures={"n": agg.count()}),
    ],
)
