from datetime import datetime

import pandera.polars as pa

from pipeline.contract import Dataset, Session, Tumbling, agg


class Member(pa.DataFrameModel):
    member: str
    until: datetime
    paid: float


members = Dataset(
    "members",
    schema=Member,
    event_time="until",
    windows=[
        Tumbling(
            "daily",
            every="1d",
            measures={
                "people": agg.count_distinct("member"),
                "spread": agg.stddev("paid"),
                "total": agg.sum("paid"),
                "mean": agg.avg("paid"),
            },
        ),
        Session("stays", gap="1h", by=["member"], measures={"n": agg.count()}),
    ],
)
zebras = Dataset(
    "zebras",
    schema=Member,
    event_time="until",
    windows=[Tumbling("daily", every="1d", measures={"n": agg.count()})],
)
