"""By when a file is due: what may be written, and the moments that follow."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from pipeline.contract.due import Due, parse_due


@pytest.mark.parametrize(
    ("text", "due", "cron"),
    [
        ("08:00", Due(time(8), (0, 1, 2, 3, 4, 5, 6)), "0 8 * * *"),
        ("7:05 mon-fri", Due(time(7, 5), (0, 1, 2, 3, 4)), "5 7 * * 1,2,3,4,5"),
        ("23:59 sun", Due(time(23, 59), (6,)), "59 23 * * 0"),
        ("06:30 fri-mon,wed", Due(time(6, 30), (0, 2, 4, 5, 6)), "30 6 * * 1,3,5,6,0"),
    ],
)
def test_what_may_be_written(text: str, due: Due, cron: str) -> None:
    assert parse_due(text) == due
    assert due.cron == cron


@pytest.mark.parametrize(
    "text", ["", "8", "24:00", "08:60", "08:00 monday", "08:00 mon-", "mon", "08:00 mon fri", "-1:00"]
)
def test_what_may_not(text: str) -> None:
    with pytest.raises(ValueError, match="is no time of day"):
        parse_due(text)


@pytest.mark.parametrize(
    ("text", "now", "last"),
    [
        ("08:00", "2026-03-02 08:00", "2026-03-02 08:00"),
        ("08:00", "2026-03-02 07:59", "2026-03-01 08:00"),
        ("08:00 mon-fri", "2026-03-02 07:59", "2026-02-27 08:00"),
        ("08:00 wed", "2026-03-03 23:00", "2026-02-25 08:00"),
        ("08:00", "2026-03-29 09:00", "2026-03-29 08:00"),
    ],
)
def test_the_latest_moment_is_on_the_clock_of_the_zone(text: str, now: str, last: str) -> None:
    zone = ZoneInfo("Europe/Berlin")
    moment, wanted = (datetime.fromisoformat(one).replace(tzinfo=zone) for one in (now, last))
    assert parse_due(text).last(moment.astimezone(UTC), zone) == wanted
