"""The live query gives before commit and recomputation what the table holds after them."""

# ruff: noqa: DTZ001  (the warehouse keeps moments in UTC without zone)

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from pipeline.contract import Dataset, Reference, Sliding, Total, Tumbling, agg
from pipeline.contract import Session as WindowSession
from pipeline.ingest import stage as stage_file
from pipeline.ingest.manifest import CorrectionAccount, Staged, write_manifest
from pipeline.ingest.waiting import note_delivery
from pipeline.settings import Settings
from pipeline.warehouse import DeliveryRefused, Session, Warehouse
from pipeline.warehouse.windows import live
from pipeline_tests.warehouse.conftest import make_sales, sale
from pipeline_tests.warehouse.factory import stage_rows

MONDAY = datetime(2025, 3, 3, 10)
WINDOWS = [
    Tumbling("daily", every="1d", by=["shop"],
             measures={"revenue": agg.sum("amount"), "codes": agg.count_distinct("code")}),
    Sliding("last_hours", size="30h", every="4h", measures={"sales": agg.count(), "p90": agg.quantile("amount", 0.9)}),
    Total("by_shop", by=["shop"], measures={"revenue": agg.sum("amount")}),
    WindowSession("visits", gap="7h", by=["shop"], measures={"sales": agg.count()}),
    Tumbling("filled", every="6h", by=["shop"], fill="zero", measures={"sales": agg.count()}),
]  # fmt: skip
FIGURES = pl.exclude("revision", "computed_at", "is_final")


class House:
    """A warehouse with a staging folder."""

    def __init__(self, folder: Path, dataset: Dataset | None = None) -> None:
        self.dataset = dataset or make_sales(windows=WINDOWS)
        self.staging = folder / "staging"
        self.warehouse = Warehouse(
            folder / "w.duckdb", {self.dataset.name: self.dataset}, staging=self.staging
        )
        self._made = folder / "made"
        with self.warehouse.session():
            pass

    def stage(self, delivery: str, rows: list[dict[str, Any]], **options: Any) -> Staged:
        """Rows in the staging folder, as staging leaves them."""
        made = stage_rows(self._made, self.dataset, delivery, rows, **options)
        write_manifest(made.folder, made.manifest)
        folder = self.staging / f"{made.manifest.sha256}-{made.manifest.fingerprint}"
        self.staging.mkdir(exist_ok=True)
        if not folder.exists():
            made.folder.rename(folder)
        staged = replace(made, folder=folder)
        note_delivery(staged)
        return staged

    def commit(self, session: Session, staged: Staged) -> None:
        """Commit, and put the staged folder away."""
        with suppress(DeliveryRefused):
            session.commit(staged)
        shutil.rmtree(staged.folder, ignore_errors=True)

    def rows_of_others(self, session: Session, staged: Staged) -> set[tuple[str, int]]:
        """Clean rows of all deliveries but one."""
        found = session.query(
            f"SELECT _delivery, _row FROM clean.{self.dataset.name} WHERE _delivery <> '{staged.delivery}'"
        )
        return set(found.rows())

    def recompute(self, session: Session) -> None:
        for window in self.dataset.windows:
            session.recompute(self.dataset.name, window.name)

    def live(self, window: str, *span: datetime | None) -> pl.DataFrame:
        return self.warehouse.windows(self.dataset.name, window, *span)

    def stored(self, window: str) -> pl.DataFrame:
        with self.warehouse.session(read_only=True) as session:
            return session.window_rows(self.dataset.name, window)


@contextmanager
def new_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


SALE = st.builds(
    lambda number, hours, shop, code, amount: sale(
        number, at=MONDAY + timedelta(hours=hours), shop=shop, code=code, amount=amount
    ),
    st.integers(1, 25),
    st.integers(0, 90),
    st.sampled_from(["A", "B", None]),
    st.sampled_from(["x", "y", "z", None, None, None]),
    st.sampled_from(["1.50", "2.25", "9.99"]),
)
DELIVERY = st.tuples(st.sampled_from("abcd"), st.lists(SALE, max_size=6))


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(
    recomputed=st.lists(DELIVERY, max_size=3),
    dirty=st.lists(DELIVERY, max_size=3),
    staged=st.lists(DELIVERY, max_size=4),
    zone=st.sampled_from(["UTC", "America/New_York"]),
    max_errors=st.sampled_from([None, 1]),
    hours=st.tuples(st.integers(-10, 100), st.integers(-10, 100)),
)
def test_what_is_committed_dirty_or_staged_ends_in_the_windows_that_were_told_before(
    recomputed: list[tuple[str, list[dict[str, Any]]]],
    dirty: list[tuple[str, list[dict[str, Any]]]],
    staged: list[tuple[str, list[dict[str, Any]]]],
    zone: str,
    max_errors: int | None,
    hours: tuple[int, int],
) -> None:
    dataset = make_sales(windows=WINDOWS, timezone=zone, max_errors=max_errors)
    since, until = (MONDAY + timedelta(hours=number) for number in hours)
    with new_folder() as folder:
        house = House(folder, dataset)
        with house.warehouse.session() as session:
            for deliveries in (recomputed, dirty):
                for delivery, rows in deliveries:
                    house.commit(session, house.stage(delivery, rows))
                if deliveries is recomputed:
                    house.recompute(session)
        waiting = [house.stage(delivery, rows) for delivery, rows in dict(staged).items()]

        before = {window.name: house.live(window.name) for window in dataset.windows}
        spans = {window.name: house.live(window.name, since, until) for window in dataset.time_windows}

        with house.warehouse.session() as session:
            for one in sorted(waiting, key=lambda one: one.delivery):
                of_others = house.rows_of_others(session, one)
                if one.folder.exists():
                    house.commit(session, one)
                else:  # the same bytes as one before it
                    session.commit(one)
                # What a replaced delivery leaves (a key, its bytes) is given to others at the commit only: `arriving` says so.
                assume(house.rows_of_others(session, one) <= of_others)
            house.recompute(session)
        for window in dataset.windows:
            stored = house.stored(window.name)
            assert before[window.name].columns == stored.columns
            assert before[window.name].schema == stored.schema
            assert before[window.name].select(FIGURES).equals(stored.select(FIGURES)), window.name
        for name, given in spans.items():
            asked = (pl.col("window_start") >= since) & (pl.col("window_start") < until)
            assert given.select(FIGURES).equals(house.stored(name).filter(asked).select(FIGURES))


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_what_is_finished_is_given_as_the_table_has_it(house: House) -> None:
    with house.warehouse.session() as session:
        house.commit(session, house.stage("a.csv", [sale(1), sale(2, at=MONDAY + timedelta(days=1))]))
        house.recompute(session)
        for window in WINDOWS:
            stored = session.window_rows("sales", window.name)
            assert session.windows("sales", window.name).equals(stored) and stored.height > 0


def test_days_computed_live_are_not_final_and_keep_their_revision(house: House) -> None:
    with house.warehouse.session() as session:
        house.commit(session, house.stage("a.csv", [sale(1), sale(2, at=MONDAY + timedelta(days=3))]))
        house.recompute(session)
    house.stage("b.csv", [sale(3), sale(4, shop="Z")])

    rows = house.live("daily").select("window_start", "shop", "row_count", "revision", "is_final").rows()

    assert rows == [
        (datetime(2025, 3, 3), "A", 2, 1, False),
        (datetime(2025, 3, 3), "Z", 1, 0, False),
        (datetime(2025, 3, 6), "A", 1, 1, False),
    ]
    live = house.live("daily").filter(pl.col("shop") == "Z")
    assert live["computed_at"].to_list() == [None]


def test_rows_that_the_commit_would_reject_do_not_count(house: House) -> None:
    with house.warehouse.session() as session:
        house.commit(session, house.stage("a.csv", [sale(1, code="x")]))
        house.recompute(session)
    house.stage("b.csv", [sale(1), sale(2, code="x"), sale(3), sale(3)])
    house.stage("c.csv", [sale(3), sale(4)])

    assert house.live("daily")["row_count"].to_list() == [3]
    assert house.live("by_shop").select("_delivery", "row_count").rows() == [
        (None, 3),
        ("a.csv", 1),
        ("b.csv", 1),
        ("c.csv", 1),
    ]


class Part(pa.DataFrameModel):
    part: str
    made_of: str = pa.Field(nullable=True)
    at: datetime


def test_references_within_the_dataset_look_at_what_will_be_there(tmp_path: Path) -> None:
    parts = Dataset(
        "parts", schema=Part, key=["part"], event_time="at", windows=[Tumbling("daily", every="1d")],
        references=[Reference("made_of", "parts", "part")],
    )  # fmt: skip
    house = House(tmp_path, parts)

    def part(name: str, of: str | None = None) -> dict[str, Any]:
        return {"part": name, "made_of": of, "at": MONDAY}

    with house.warehouse.session() as session:
        house.commit(session, house.stage("a.csv", [part("wheel")]))
    house.stage("a.csv", [part("frame")])  # the wheel goes with it
    house.stage("b.csv", [part("bike", "frame")])
    house.stage("c.csv", [part("cart", "wheel")])
    assert house.live("daily")["row_count"].to_list() == [2]


def test_what_is_committed_already_counts_once(house: House) -> None:
    staged = house.stage("a.csv", [sale(1)], landing="1:2:3")
    with house.warehouse.session() as session:
        session.commit(staged)
        assert session.windows("sales", "daily")["row_count"].to_list() == [1]
        house.recompute(session)
        assert session.windows("sales", "daily").equals(session.window_rows("sales", "daily"))


def test_folders_that_are_half_there_are_passed_over(house: House) -> None:
    whole = house.stage("a.csv", [sale(1)])
    for number, missing in enumerate(["manifest.json", "clean-00000.parquet"]):
        half = house.stage(f"{number}.csv", [sale(10 + number)])
        if missing == "manifest.json":
            (half.folder / missing).unlink()
        else:
            shutil.rmtree(half.folder)
    (house.staging / f"{'0' * 64}-{house.dataset.fingerprint}").mkdir()
    (house.staging / f"{'1' * 64}-{house.dataset.fingerprint}").write_text("a file")
    assert house.live("daily")["row_count"].to_list() == [1]
    assert whole.folder.exists()


def test_a_folder_that_goes_while_it_is_read_is_looked_for_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.stage("a.csv", [sale(1)])
    going = house.stage("b.csv", [sale(2)])
    before = live.arriving
    calls = []

    def gone_meanwhile(*arguments: Any) -> Any:
        found = before(*arguments)
        calls.append(found)
        shutil.rmtree(going.folder, ignore_errors=True)
        return found

    monkeypatch.setattr(live, "arriving", gone_meanwhile)
    assert house.live("daily")["row_count"].to_list() == [1]
    assert len(calls) == 2


def test_a_folder_that_stays_broken_is_told(house: House) -> None:
    broken = house.stage("a.csv", [sale(1)])
    (broken.folder / "clean-00000.parquet").unlink()
    with pytest.raises(FileNotFoundError):
        house.live("daily")


def test_staging_leaves_what_the_live_query_needs(tmp_path: Path) -> None:
    dataset = make_sales(windows=WINDOWS)
    chosen = Settings(home=tmp_path)
    warehouse = Warehouse.from_settings(chosen, {"sales": dataset})
    with warehouse.session():
        pass
    source = tmp_path / "a.csv"
    source.write_text("id,shop,amount,sold_at,code\n1,A,1.50,2025-03-03 10:00:00,\n")
    staged = stage_file(source, dataset, chosen, landing="1:2:3")
    assert warehouse.windows("sales", "daily")["revenue"].cast(pl.Float64).to_list() == [1.5]
    warehouse.commit(staged)
    assert warehouse.windows("sales", "daily")["row_count"].to_list() == [1]


def test_days_apart_are_computed_and_those_between_come_from_the_table(house: House) -> None:
    every_day = [sale(n, at=MONDAY + timedelta(days=n)) for n in range(9)]
    with house.warehouse.session() as session:
        house.commit(session, house.stage("a.csv", every_day))
        house.recompute(session)
        # What only the table has, the live query cannot have computed.
        session.connection.execute("UPDATE windows.sales_daily SET row_count = 1000")
        house.commit(session, house.stage("b.csv", [sale(50, at=MONDAY + timedelta(days=2))]))
    house.stage("c.csv", [sale(51, at=MONDAY + timedelta(days=6))])

    counts = {
        start.date(): count for start, count in house.live("daily").select("window_start", "row_count").rows()
    }
    assert {day for day, count in counts.items() if count == 2} == {date(2025, 3, 5), date(2025, 3, 9)}
    assert sum(count == 1000 for count in counts.values()) == 7


def test_a_staged_row_prolongs_a_session_that_began_days_before(tmp_path: Path) -> None:
    visits = WindowSession("visits", gap="5h", measures={"sales": agg.count()})
    house = House(tmp_path, make_sales(windows=[visits]))
    with house.warehouse.session() as session:
        house.commit(
            session, house.stage("a.csv", [sale(n, at=MONDAY + timedelta(hours=4 * n)) for n in range(15)])
        )
        house.recompute(session)
    house.stage("b.csv", [sale(20, at=MONDAY + timedelta(hours=60))])
    end = MONDAY + timedelta(hours=65)
    assert house.live("visits").select("window_start", "window_end", "sales").rows() == [(MONDAY, end, 16)]


def test_a_staged_version_takes_the_place_of_the_one_that_is_loaded(house: House) -> None:
    with house.warehouse.session() as session:
        house.commit(session, house.stage("a.csv", [sale(1), sale(2, at=MONDAY + timedelta(days=1))]))
        house.recompute(session)
    house.stage("a.csv", [sale(1), sale(3), sale(4)])
    assert house.live("daily").select("window_start", "row_count").rows() == [(datetime(2025, 3, 3), 3)]


def test_of_a_delivery_that_was_staged_twice_the_later_counts(house: House) -> None:
    house.stage("a.csv", [sale(1)])
    house.stage("a.csv", [sale(1), sale(2)])
    assert house.live("daily")["row_count"].to_list() == [2]


def test_the_same_bytes_under_two_names_count_once(house: House) -> None:
    with house.warehouse.session() as session:
        house.commit(session, house.stage("b.csv", [sale(5), sale(6)]))
        house.recompute(session)
    house.stage("a.csv", [sale(1)])
    house.stage("b.csv", [sale(1)])  # a duplicate, and what b.csv held before goes
    assert house.live("by_shop").select("_delivery", "row_count").rows() == [(None, 1), ("a.csv", 1)]


def test_a_delivery_that_would_be_refused_changes_nothing(tmp_path: Path) -> None:
    house = House(tmp_path, make_sales(windows=WINDOWS, max_errors=0))
    with house.warehouse.session() as session:
        house.commit(session, house.stage("a.csv", [sale(1)]))
        house.recompute(session)
    house.stage("b.csv", [sale(1), sale(2)])
    house.stage("c.csv", [sale(2), sale(3)])
    assert house.live("daily")["row_count"].to_list() == [3]


def test_a_correction_counts_once_it_is_committed(house: House) -> None:
    account = CorrectionAccount(key_files=())
    house.stage("a.csv", [sale(1)], correction=account)
    assert house.live("daily").is_empty()
