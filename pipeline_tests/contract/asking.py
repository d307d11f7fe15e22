"""What the tests of checks share: asking a check as a dataset's validation does."""

from __future__ import annotations

from typing import Any

import polars as pl
from pandera.api.checks import Check


def answers(name: str, parameter: Any, values: list[Any], dtype: Any = pl.String) -> list[bool]:
    """What the check says of each value, as a dataset's validation asks it."""
    check = getattr(Check, name)(parameter)
    result = check(pl.DataFrame({"x": pl.Series(values, dtype=dtype)}).lazy(), "x")
    found: list[bool] = result.check_output.collect().to_series().to_list()
    return found
