"""Every mistake in the declaration of a window or its measures is found when it is loaded, and named with dataset, field and remedy.
What is wrong elsewhere in a declaration: `test_wrong_declarations`, `test_wrong_lifetimes`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any

import pandera.polars as pa
import polars as pl
import pytest

from pipeline.contract import (
    Aggregate,
    ContractError,
    Cumulative,
    Dataset,
    Session,
    Sliding,
    Total,
    Tumbling,
    Window,
    agg,
)


class Row(pa.DataFrameModel):
    id: int
    name: str
    at: datetime
    day: date
    amount: float
    price: Annotated[pl.Decimal, 18, 2]


def _error(**fields: Any) -> ContractError:
    with pytest.raises(ContractError) as caught:
        Dataset(**{"name": "rows", "schema": Row, "event_time": "at"} | fields)
    return caught.value


def _of(kind: Callable[..., Window], **lengths: Any) -> Window:
    return kind("w", **lengths)


def _measured(measure: Any, kind: Callable[..., Window] = Tumbling, **lengths: Any) -> Window:
    return kind("w", measures={"figure": measure}, **(lengths or {"every": "1d"}))


W, FIGURE = "window 'w'", "measure 'figure'"
WRONG: dict[str, tuple[Window, str, str, str]] = {
    # what is wrong: (window, field named, cause holds, remedy holds)
    "a sliding step in months": (_of(Sliding, size="1d", every="1mo"), W, "'1mo'", '"5m"'),
    "a sliding size in months": (_of(Sliding, size="1q", every="1d"), W, "'1q'", '"5m"'),
    "a sliding size that is a number": (_of(Sliding, size=60, every="5m"), W, "`size` is 60", '"1h"'),
    "sliding windows with gaps": (_of(Sliding, size="1m", every="5m"), W, "gaps", "at most `size`"),
    "a sliding step that does not fit into days": (
        _of(Sliding, size="1h", every="7m"),
        W,
        "do not fit",
        "divides a day",
    ),
    "a length below a millisecond": (_of(Tumbling, every="0ms"), W, "'0ms'", '"5m"'),
    "no months": (_of(Tumbling, every="0mo"), W, "'0mo'", '"5m"'),
    "half a month": (_of(Tumbling, every="0.5mo"), W, "'0.5mo'", '"5m"'),
    "two units in one text": (_of(Tumbling, every="1h30m"), W, "'1h30m'", '"5m"'),
    "an offset as long as the step": (_of(Tumbling, every="6h", offset="6h"), W, "`offset`", "shorter"),
    "an offset as long as the shortest month": (
        _of(Tumbling, every="1mo", offset="28d"),
        W,
        "`offset`",
        "shorter",
    ),
    "an offset in months": (_of(Tumbling, every="1y", offset="1mo"), W, "'1mo'", '"5m"'),
    "an offset below zero": (_of(Tumbling, every="1d", offset="-6h"), W, "'-6h'", '"5m"'),
    "an offset that is a number": (_of(Tumbling, every="1d", offset=6), W, "`offset` is 6", '"6h"'),
    "a sliding offset as long as the step": (
        _of(Sliding, size="1h", every="5m", offset="5m"),
        W,
        "`offset`",
        "shorter",
    ),
    "an offset as long as the period": (
        _of(Cumulative, period="1d", every="1h", offset="1d"),
        W,
        "`offset`",
        "shorter",
    ),
    "a fill that there is not": (_of(Tumbling, every="1d", fill="last"), W, "`fill` is 'last'", '"zero"'),
    "a fill that is a number": (_of(Tumbling, every="1d", fill=0), W, "`fill` is 0", '"null"'),
    "a sliding fill that there is not": (
        _of(Sliding, size="1h", every="5m", fill="none"),
        W,
        "`fill` is 'none'",
        '"null"',
    ),
    "steps that do not divide the period": (
        _of(Cumulative, period="1d", every="5h"),
        W,
        "do not divide",
        "divides `period`",
    ),
    "steps longer than the period": (
        _of(Cumulative, period="1h", every="1d"),
        W,
        "do not divide",
        "divides `period`",
    ),
    "steps longer than a month": (
        _of(Cumulative, period="1mo", every="32d"),
        W,
        "do not divide",
        "divides `period`",
    ),
    "steps that do not fit into the days of months": (
        _of(Cumulative, period="1mo", every="7h"),
        W,
        "do not fit",
        "whole days",
    ),
    "more steps than anyone reads": (
        _of(Cumulative, period="1d", every="1s"),
        W,
        "more than 1,500 steps",
        "longer",
    ),
    "a period that does not fit into days": (
        _of(Cumulative, period="36h", every="1h"),
        W,
        "do not fit",
        "whole days",
    ),
    "steps in months": (_of(Cumulative, period="1y", every="1mo"), W, "'1mo'", '"5m"'),
    "a period that is a number": (_of(Cumulative, period=1, every="1h"), W, "`period` is 1", '"1d"'),
    "a gap that is no length": (_of(Session, gap="a while"), W, "'a while'", '"5m"'),
    "a gap in months": (_of(Session, gap="1mo"), W, "'1mo'", '"5m"'),
    "a gap that is a number": (_of(Session, gap=30), W, "`gap` is 30", '"30m"'),
    "a session that groups by an unknown column": (
        _of(Session, gap="30m", by=["shop"]),
        W,
        "'shop'",
        "id, name",
    ),
    "a share of sessions": (
        _measured(agg.share(), Session, gap="30m"),
        FIGURE,
        "share of a Session",
        "another",
    ),
    "a rate of a total": (
        Total("w", measures={"figure": agg.rate()}),
        FIGURE,
        "rate of a Total",
        "window over time",
    ),
    "the first of a total": (
        Total("w", measures={"figure": agg.first("id")}),
        FIGURE,
        "first of a Total",
        "window over time",
    ),
    "the last of a total": (
        Total("w", measures={"figure": agg.last("id")}),
        FIGURE,
        "last of a Total",
        "window over time",
    ),
    "the deviation of text": (_measured(agg.stddev("name")), FIGURE, "stddev of 'name'", "Measure a number"),
    "the median of a date": (_measured(agg.median("day")), FIGURE, "Date", "Measure a number"),
    "the rate of text": (_measured(agg.rate("name")), FIGURE, "rate of 'name'", "Measure a number"),
    "the share of text": (_measured(agg.share("name")), FIGURE, "share of 'name'", "Measure a number"),
    "the rate of an unknown column": (_measured(agg.rate("cost")), FIGURE, "'cost'", "id, name"),
    "the first of nothing": (_measured(agg.first(None)), FIGURE, "None", "id, name"),  # type: ignore[arg-type]
    "the top of an unknown column": (_measured(agg.top("shop")), FIGURE, "'shop'", "id, name"),
    "the top none": (_measured(agg.top("name", 0)), FIGURE, "lists 0 values", "1 to 1,000"),
    "the top of too many": (_measured(agg.top("name", 1_001)), FIGURE, "lists 1001 values", "1 to 1,000"),
    "the top two and a half": (_measured(agg.top("name", 2.5)), FIGURE, "lists 2.5 values", "whole number"),  # type: ignore[arg-type]
    "a condition that is empty": (_measured(agg.count(where=" ")), FIGURE, "`where` is ' '", '"amount > 0"'),
    "a condition that is polars": (
        _measured(agg.count(where=pl.col("amount") > 0)),  # type: ignore[arg-type]
        FIGURE,
        "`where`",
        '"amount > 0"',
    ),
    "an expression that is empty": (_measured(agg.sql("")), FIGURE, "`expression` is ''", "SQL"),
    "a type that is empty": (_measured(agg.sql("sum(amount)", "")), FIGURE, "`sql_type` is ''", "SQL"),
    "a measure called like bookkeeping": (
        Tumbling("w", every="1d", measures={"is_final": agg.count()}),
        "measure 'is_final'",
        "not a free",
        "revision",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_window_is_refused_by_name_field_cause_and_remedy(what: str) -> None:
    window, field, cause, remedy = WRONG[what]
    error = _error(windows=[window])
    assert (error.dataset, error.field.endswith(field)) == ("rows", True)
    assert cause in error.cause
    assert remedy in error.remedy


def test_windows_of_all_kinds_need_an_event_time_but_totals() -> None:
    for window in (_of(Cumulative, period="1d", every="1h"), _of(Session, gap="1h")):
        error = _error(windows=[window], event_time=None)
        assert (error.field, error.cause) == (W, "needs an event time")
        assert "Total" in error.remedy
    assert Dataset("rows", schema=Row, windows=[Total("w")]).totals


def test_what_is_no_window_is_answered_with_the_kinds_that_there_are() -> None:
    assert "Cumulative, Session or Total" in _error(windows=[agg.count()]).remedy


def test_a_rate_per_no_length_is_refused_where_it_is_written() -> None:
    with pytest.raises(ValueError, match="'a second' is not a length of time"):
        agg.rate(per="a second")


def test_a_measure_of_a_kind_that_there_is_not_is_refused() -> None:
    error = _error(windows=[_measured(Aggregate("mode", "name"))])
    assert (error.field, error.cause) == (f"{W}, {FIGURE}", "there is no aggregate 'mode'")
    assert "agg.stddev" in error.remedy


@pytest.mark.parametrize(
    "window",
    [
        _of(Tumbling, every="1mo"), _of(Tumbling, every="5mo", offset="27d"), _of(Tumbling, every="1q", fill="null"),
        _of(Tumbling, every="1y"), _of(Tumbling, every="1w", offset="1d"), _of(Tumbling, every="1ms"),
        _of(Sliding, size="1h", every="1h"), _of(Sliding, size="90s", every="1m", offset="59s", fill="zero"),
        _of(Cumulative, period="1d", every="1m"), _of(Cumulative, period="1mo", every="1w"), _of(Cumulative, period="1h", every="1h"),
        _of(Cumulative, period="1y", every="6h", offset="1d"), _of(Session, gap="1ms"), _of(Session, gap="2w"),
        _measured(agg.share("price"), Cumulative, period="1d", every="1h"), _measured(agg.share(), Total, by=["name"]),
        _measured(agg.top("day", 1_000)), _measured(agg.quantile("price", 1)), _measured(agg.rate("price", per="1h")),
        _measured(agg.sql("sum(price * amount)", "DECIMAL(38, 4)"), Session, gap="1h"),
    ],
    ids=repr,
)  # fmt: skip
def test_what_can_be_declared_is_accepted(window: Window) -> None:
    assert Dataset("rows", schema=Row, event_time="at", windows=[window]).window("w") is window
