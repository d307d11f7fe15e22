"""The days that exist for windows: stored or dirty."""

from __future__ import annotations

from datetime import date, datetime

from pipeline.contract import Dataset, Total, Tumbling, agg
from pipeline.intake import Intake, recompute_dirty, take_inbox
from pipeline.settings import Settings
from pipeline.warehouse import Warehouse
from pipeline_tests.ingest.support import model

VISITS = Dataset(
    "visits",
    schema=model(at=datetime, day=str),
    event_time="at",
    timezone="Asia/Tokyo",
    windows=[
        Tumbling("daily", every="1d", measures={"n": agg.count()}),
        Tumbling("grouped", every="1d", by=["day"], measures={"n": agg.count()}),
        Tumbling("quarters", every="6h", offset="3h", measures={"n": agg.count()}),
        Total("overall", measures={"n": agg.count()}),
    ],
)


def test_stored_and_dirty_days_are_those_of_the_clock_of_the_dataset(settings: Settings) -> None:
    named = {"visits": VISITS}
    intake = Intake(settings, named, Warehouse.from_settings(settings, named))
    intake.make_folders()
    with intake.warehouse.session() as session:
        assert session.days("visits") == {"daily": set(), "grouped": set(), "quarters": set()}
    box = intake.settings.inbox / "visits"
    (box / "a.csv").write_text("at,day\n1987-06-01 01:00:00,x\n2031-01-01 23:00:00,y\n")
    list(take_inbox(intake))
    given = {date(1987, 6, 1), date(2031, 1, 1)}
    found = {"daily": given, "grouped": given, "quarters": {date(1987, 5, 31), date(2031, 1, 1)}}
    for _ in range(2):  # dirty, then stored
        with intake.warehouse.session(read_only=True) as session:
            assert session.days("visits") == found
        list(recompute_dirty(intake))


def test_a_window_that_is_new_has_no_days_before_the_warehouse_was_opened_for_writing(
    settings: Settings,
) -> None:
    first = {"visits": Dataset("visits", schema=model(at=datetime, day=str), event_time="at")}
    with Warehouse.from_settings(settings, first).session() as session:
        assert session.days("visits") == {}
    with Warehouse.from_settings(settings, {"visits": VISITS}).session(read_only=True) as session:
        assert session.days("visits") == {"daily": set(), "grouped": set(), "quarters": set()}
