"""Rejected rows that become clean when their windows are final, or when retention has taken the rows beside them."""

# ruff: noqa: DTZ001  (the warehouse keeps moments in UTC without zone)

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline.contract import Dataset, Tumbling, agg
from pipeline.intake import Intake, recompute_dirty, replay
from pipeline.settings import Settings
from pipeline_tests.intake.test_replay import Looser, drop, house, line, readings, take

HOURLY = Tumbling("hourly", every="1h", measures={"total": agg.sum("amount")})
EARLY, LATER = "2024-03-01 10:00:00", "2024-03-01 20:00:00"


def declared(**more: Any) -> Dataset:
    return readings(**({"windows": [HOURLY]} | more))


def loaded(settings: Settings, **more: Any) -> Intake:
    """Two good rows and one that is rejected, of an hour that is over; the house under a contract that lets it pass."""
    intake = house(settings, declared(**more))
    drop(intake, "a.csv", line(1, "1", EARLY), line(2, "-5", EARLY))
    drop(intake, "b.csv", line(3, "1", LATER))
    take(intake)
    return house(settings, declared(schema=Looser, **more))


def totals(intake: Intake) -> list[Any]:
    found = intake.warehouse.query("SELECT total FROM windows.readings_hourly ORDER BY window_start")
    return found["total"].to_list()


def late(intake: Intake) -> list[tuple[Any, ...]]:
    return intake.warehouse.query("SELECT delivery, _row, status FROM ops.late_rows").rows()


@pytest.mark.parametrize(("policy", "status", "total"), [("repair", "applied", -4), ("hold", "held", 1)])
def test_a_corrected_row_of_a_final_window_is_late(
    settings: Settings, policy: str, status: str, total: float
) -> None:
    intake = loaded(settings, lateness="1h", late=policy)
    assert totals(intake) == [1, 1]
    (done,) = replay(intake, "readings")
    assert (done.passed, done.still_rejected) == (1, 0)
    list(recompute_dirty(intake))
    assert late(intake) == [("a.csv", 2, status)]
    assert totals(intake) == [total, 1]
    with intake.warehouse.session() as session:
        assert [one.rows for one in session.release("readings")] == ([1] if policy == "hold" else [])
    list(recompute_dirty(intake))
    assert totals(intake) == [-4, 1]


def test_a_corrected_row_of_a_window_that_is_open_is_not_late(settings: Settings) -> None:
    intake = loaded(settings, lateness="10h", late="hold")
    replay(intake, "readings")
    list(recompute_dirty(intake))
    assert (late(intake), totals(intake)) == ([], [-4, 1])


def test_a_delivery_whose_other_rows_are_gone_can_be_corrected(settings: Settings) -> None:
    intake = loaded(settings, keep_rows="2d")
    with intake.warehouse.session() as session:
        assert session.retain("readings", datetime(2024, 3, 9)).rows == 2
    (done,) = replay(intake, "readings")
    assert done.passed == 1
    (window,) = recompute_dirty(intake)
    assert window.kept
    assert totals(intake) == [1, 1]
    assert late(intake) == [("a.csv", 2, "frozen")]
    with intake.warehouse.session() as session:
        entry = session.current("readings", "a.csv")
        assert entry is not None
        assert (entry.rows_clean, entry.rows_rejected, entry.rows_expired) == (2, 0, 1)
        assert session.retain("readings", datetime(2024, 3, 9)).rows == 1


def test_windows_of_an_idle_source_become_final_by_the_clock(settings: Settings, tmp_path: Path) -> None:
    intake = house(settings, declared(idle_after="1ms"))
    drop(intake, "a.csv", line(1, "1", EARLY))
    take(intake)
    list(recompute_dirty(intake))
    assert intake.warehouse.query("SELECT is_final FROM windows.readings_hourly").rows() == [(True,)]
