"""Events of devices and services: a type, a source, a time, a nested value; NDJSON or CSV."""

from datetime import datetime

import pandera.polars as pa

from pipeline.contract import Dataset, Sliding, agg, clean


class Event(pa.DataFrameModel):
    id: str
    type: str
    source: str
    timestamp: datetime
    value: float = pa.Field(nullable=True)


events = Dataset(
    "events",
    schema=Event,
    aliases={"id": ["event_id"], "value": ["data.value"]},
    clean={"id": clean.strip, "type": clean.strip, "timestamp": clean.epoch("ms")},
    key=["id"],
    event_time="timestamp",
    windows=[
        Sliding(
            "last_minute",
            size="60s",
            every="5s",
            by=["source"],
            measures={
                "average": agg.avg("value"),
                "lowest": agg.min("value"),
                "highest": agg.max("value"),
                "types": agg.distribution("type"),
            },
        ),
    ],
    description="Events with a time, a source and a value.",
)
