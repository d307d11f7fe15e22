"""Lengths of time as they are written."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pipeline.contract import Cumulative, Session, Sliding, Tumbling
from pipeline.contract.durations import Months, Period, longest, parse_duration, parse_period

FIXED = {
    "1ms": timedelta(milliseconds=1), "90s": timedelta(seconds=90), "5m": timedelta(minutes=5), "36h": timedelta(hours=36),
    "7d": timedelta(days=7), "2w": timedelta(weeks=2), " 5m ": timedelta(minutes=5), "007d": timedelta(days=7),
}  # fmt: skip
CALENDAR = {
    "1mo": Months(1),
    "18mo": Months(18),
    "1q": Months(3),
    "2q": Months(6),
    "1y": Months(12),
    "5y": Months(60),
}
NONE = [
    "",
    "5",
    "m",
    "0m",
    "0mo",
    "00y",
    "-5m",
    "+5m",
    "1.5h",
    "5 m",
    "5M",
    "1h30m",
    "5min",
    "1month",
    "1e3s",
]


@pytest.mark.parametrize("text", FIXED)
def test_a_fixed_length_is_a_duration_and_a_period(text: str) -> None:
    assert parse_duration(text) == parse_period(text) == FIXED[text]


@pytest.mark.parametrize("text", CALENDAR)
def test_calendar_units_are_periods_of_so_many_months_and_no_durations(text: str) -> None:
    assert parse_period(text) == CALENDAR[text]
    with pytest.raises(
        ValueError, match=rf"{text!r} is not a length of time; .* one of ms, s, m, h, d, w: 5m"
    ):
        parse_duration(text)


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_length_is_answered_with_what_one_is(text: str) -> None:
    with pytest.raises(ValueError, match="is not a length of time; write a positive number and one of"):
        parse_duration(text)
    with pytest.raises(ValueError, match=r"is not a length of time; .* mo, q, y: 5m"):
        parse_period(text)


@pytest.mark.parametrize(
    ("period", "days"), [(Months(1), 31), (Months(3), 93), (Months(12), 372), (timedelta(days=2), 2)]
)
def test_the_longest_that_a_period_can_last_is_never_short(period: Period, days: int) -> None:
    assert longest(period) == timedelta(days=days)


def test_windows_know_their_lengths() -> None:
    assert (Tumbling("w", every="1q").unit, Tumbling("w", every="1q").length) == (
        Months(3),
        timedelta(days=93),
    )
    assert Tumbling("w", every="1w").unit == timedelta(weeks=1)
    growing = Cumulative("w", period="1mo", every="6h")
    assert (growing.unit, growing.length, growing.step) == (Months(1), timedelta(days=31), timedelta(hours=6))
    sliding = Sliding("w", size="50m", every="20m")
    assert (sliding.length, sliding.step, sliding.pane) == (
        timedelta(minutes=50), timedelta(minutes=20), timedelta(minutes=10)
    )  # fmt: skip
    assert Session("w", gap="30m").pause == timedelta(minutes=30)
