"""A wide table: 41 columns of several types, a check on each."""

from __future__ import annotations

from datetime import datetime

import pandera.polars as pa

from pipeline.contract import Dataset

NUMBERS = [f"number_{n:02d}" for n in range(16)]
SHARES = [f"share_{n:02d}" for n in range(12)]
CODES = [f"code_{n:02d}" for n in range(12)]

Reading = type(
    "Reading",
    (pa.DataFrameModel,),
    {
        "__annotations__": {
            "taken_at": datetime,
            **dict.fromkeys(NUMBERS, int),
            **dict.fromkeys(SHARES, float),
            **dict.fromkeys(CODES, str),
        },
        "taken_at": pa.Field(ge=datetime(2020, 1, 1)),  # noqa: DTZ001
        **{name: pa.Field(ge=0) for name in NUMBERS},
        **{name: pa.Field(in_range={"min_value": 0.0, "max_value": 1.0}) for name in SHARES},
        **{name: pa.Field(str_matches=r"^[A-Z]{2}[0-9]{2}$") for name in CODES},
        "__module__": __name__,
    },
)

readings = Dataset("readings", schema=Reading, event_time="taken_at")
