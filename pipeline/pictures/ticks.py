"""Where axes have their marks, and what is written there. What does not belong here: drawing them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from pipeline.warehouse.windows import clock

_HOURS = (
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(minutes=30),
    *(timedelta(hours=n) for n in (1, 2, 3, 6, 12)),
)
_DAYS = (1, 2, 5, 7, 14)
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120)
_MONTH = timedelta(days=30.4)


def values(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers from at or below `low` to at or above `high`, ascending."""
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        low, high = (low, low + 1) if low == 0 else sorted((0.0, 2 * low))
    rough = (high - low) / max(1, most - 1)
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * n for n in (1, 2, 2.5, 5, 10) if size * n >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [n * step for n in range(first, last + 1)]


def number(value: float) -> str:
    """A figure for people: `1,234`, `0.25`, `1.2 M`."""
    for size, sign in ((1e12, "T"), (1e9, "G"), (1e6, "M")):
        if abs(value) >= size:
            return f"{value / size:,.4g} {sign}"
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"


def times(lower: datetime, upper: datetime, zone: ZoneInfo, most: int = 7) -> list[tuple[datetime, str]]:
    """(moment in UTC, label) within [lower, upper] (UTC), at round times of the zone's clock; a label holds no more than the last
    one does not say: hours, days, months."""
    span, local = upper - lower, clock.to_local(zone, lower)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    step = next((step for step in _HOURS if span / step <= most), None)
    if step is not None:
        shown = [midnight + n * step for n in range(int((span + clock.DAY) / step) + 2)]
        return _within(shown, lower, upper, zone, _clock)
    days = next((n for n in _DAYS if span / timedelta(days=n) <= most), None)
    if days is not None:
        shown = [midnight + timedelta(days=n) for n in range(0, span.days + 2 * days, days)]
        return _within(shown, lower, upper, zone, _day)
    months = next((n for n in _MONTHS if span / (_MONTH * n) <= most), _MONTHS[-1])
    first = midnight.replace(day=1)
    first = clock.plus_months(first, -((first.year * 12 + first.month - 1) % months))
    count = int(span / (_MONTH * months)) + 3
    return _within([clock.plus_months(first, n * months) for n in range(count)], lower, upper, zone, _month)


def moment(at: datetime, zone: ZoneInfo, step: timedelta) -> str:
    """A moment (UTC) on the zone's clock, no finer than the step asks for."""
    shown = clock.to_local(zone, at)
    return (
        f"{shown:%Y-%m-%d}"
        if step >= clock.DAY and not (shown.hour or shown.minute)
        else f"{shown:%Y-%m-%d %H:%M:%S}".removesuffix(":00")
    )


def _within(
    shown: Sequence[datetime],
    lower: datetime,
    upper: datetime,
    zone: ZoneInfo,
    label: Callable[[datetime], str],
) -> list[tuple[datetime, str]]:
    found = [(clock.to_utc(zone, at), at) for at in shown]
    return [(at, label(local)) for at, local in found if lower <= at <= upper]


def _clock(at: datetime) -> str:
    return _day(at) if not at.hour and not at.minute else f"{at:%H:%M}"


def _day(at: datetime) -> str:
    return f"{at.day} {at:%b}"


def _month(at: datetime) -> str:
    return f"{at:%b %Y}"
