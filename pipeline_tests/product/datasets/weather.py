"""Hourly weather at the airports of New York in 2013, keyed by place and hour."""

from datetime import datetime

import pandera.polars as pa

from pipeline.contract import Dataset, Tumbling, agg, clean

UNKNOWN = clean.nulls("NA")
MEASURED = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "pressure")


class Weather(pa.DataFrameModel):
    origin: str
    time_hour: datetime
    temp: float = pa.Field(nullable=True)
    dewp: float = pa.Field(nullable=True)
    humid: float = pa.Field(nullable=True, in_range={"min_value": 0, "max_value": 100})
    wind_dir: float = pa.Field(nullable=True)
    wind_speed: float = pa.Field(nullable=True, lt=500)
    wind_gust: float = pa.Field(nullable=True)
    precip: float
    pressure: float = pa.Field(nullable=True)
    visib: float


weather = Dataset(
    "weather",
    schema=Weather,
    clean=dict.fromkeys(MEASURED, UNKNOWN),
    key=["origin", "time_hour"],
    event_time="time_hour",
    windows=[
        Tumbling(
            "daily",
            every="1d",
            by=["origin"],
            measures={"mean_temp": agg.avg("temp"), "rain": agg.sum("precip")},
        ),
    ],
)
