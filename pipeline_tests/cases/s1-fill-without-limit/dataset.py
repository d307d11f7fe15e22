from datetime import datetime

import pandera.polars as pa

from pipeline.contract import Dataset, Tumbling, agg


class R(pa.DataFrameModel):
    at: datetime
    k: str
    v: float


fz = Dataset(
    "fz",
    schema=R,
    event_time="at",
    windows=[Tumbling("hourly", every="1h", by=["k"], fill="zero", measures={"n": agg.count()})],
)
