"""Who has a key: whatever took a place and goes gives it to the next in order, in the same transaction, and what is told is true."""

# ruff: noqa: DTZ001  (the warehouse keeps moments in UTC without zone)

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.contract import ContractError, Dataset, Session, Sliding, Total, Tumbling, agg
from pipeline.ingest import stage
from pipeline.ingest.manifest import Staged
from pipeline.settings import Settings
from pipeline.warehouse import DeliveryRefused, Warehouse
from pipeline_tests.cases.keys import Reference, Row
from pipeline_tests.warehouse.factory import stage_rows

MODES = ("first", "latest", "latest_by:version")


class Thing(pa.DataFrameModel):
    id: int
    code: str = pa.Field(nullable=True)
    version: int = pa.Field(nullable=True)
    at: datetime


class Coded(Thing):
    code: str = pa.Field(nullable=True, unique=True)


def things(mode: str = "first", *, codes: bool = False, **changes: Any) -> Dataset:
    windows: list[Any] = [Tumbling("daily", every="1d", measures={"things": agg.count()})]
    if changes.get("keep_rows") is None:
        windows.append(Total("all", measures={"things": agg.count()}))
    schema = Coded if codes else Thing
    declared: dict[str, Any] = {"key": ["id"], "event_time": "at", "on_conflict": mode, "windows": windows}
    return Dataset("things", schema=schema, **(declared | changes))


class House:
    """A warehouse of things, fed with rows made by hand."""

    def __init__(self, folder: Path, dataset: Dataset) -> None:
        self.folder, self.dataset = folder, dataset
        self.warehouse = Warehouse(folder / "w.duckdb", {"things": dataset})

    def staged(self, name: str, rows: tuple[Row, ...]) -> Staged:
        shape: dict[str, Any] = {c.name: c.dtype for c in self.dataset.columns}
        made = [(n, code, version, datetime(2025, 3, day, 10)) for n, code, version, day in rows]
        frame = pl.DataFrame(made, schema=shape, orient="row")
        return stage_rows(self.folder, self.dataset, name, frame, sha256=repr(rows))

    def drop(self, name: str, *rows: Row) -> Any:
        return self.warehouse.commit(self.staged(name, rows))

    def again(self, name: str, rows: tuple[Row, ...]) -> None:
        with self.warehouse.session() as session:
            session.commit(self.staged(name, rows), again=True)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        return self.warehouse.query(sql).rows()

    def owners(self) -> dict[int, str]:
        rows = self.query("SELECT id, _delivery FROM clean.things")
        assert len(rows) == len(dict(rows))
        return dict(rows)

    def told(self) -> list[tuple[str, int, str, str]]:
        return self.query(
            "SELECT _delivery, _row, status, message FROM errors.things WHERE (_delivery, _row) IN (SELECT _delivery, _row FROM waiting.things) "
            "AND detected_at IN (SELECT _since FROM waiting.things) ORDER BY ALL"
        )

    def check(self) -> None:
        """Everything that must hold of tables and ledger, whatever happened."""
        for name, read, clean, rejected, filtered, expired, superseded, violations, status in self.query(
            "SELECT delivery, rows_read, rows_clean, rows_rejected, rows_filtered, rows_expired, rows_superseded, violations, status "
            "FROM ops.deliveries WHERE status IN ('loaded', 'partial')"
        ):
            assert read == clean + rejected + filtered
            of = f"WHERE _delivery = '{name}'"
            assert [(clean - expired,)] == self.query(f"SELECT count(*) FROM clean.things {of}")
            open_rows = f"SELECT count(DISTINCT _row) FROM errors.things {of} AND status = 'open'"
            assert [(rejected - superseded,)] == self.query(open_rows)
            assert [(rejected,)] == self.query(f"SELECT count(*) FROM waiting.things {of}")
            assert violations == rejected - superseded
            assert status == ("partial" if rejected > superseded else "loaded")
            told = self.query(f"SELECT sum(violations)::INT FROM ops.columns WHERE entry_id = (SELECT id FROM ops.deliveries "
                              f"WHERE delivery = '{name}' AND status = '{status}')")  # fmt: skip
            assert told == [(violations,)]
        self._check_messages()
        self._check_windows()

    def _check_messages(self) -> None:
        """Every row that waits is told of once, and the row that is named is there, with its key, and before it in order."""
        clean = {
            (d, r): (i, c) for d, r, i, c in self.query("SELECT _delivery, _row, id, code FROM clean.things")
        }
        waits = {
            (d, r): (i, c)
            for d, r, i, c in self.query("SELECT _delivery, _row, id, code FROM waiting.things")
        }
        status = "open" if self.dataset.on_conflict == "first" else "superseded"
        told = [row for row in self.told() if row[2] == status]
        assert sorted((d, r) for d, r, _, _ in told) == sorted(waits)
        if status == "open":
            every = self.query(
                "SELECT _delivery, _row, status, message FROM errors.things WHERE status = 'open' ORDER BY ALL"
            )
            assert every == told
        for delivery, row, _, message in told:
            found = re.fullmatch(
                r"(id|code) (\w+) (?:is already in|is superseded by) (?:row (\d+) of this file|delivery '(.+)' \(row (\d+)\)(?:, which came first)?)",
                message,
            )
            assert found is not None, message
            column, value, here, other, number = found.groups()
            holder = (delivery, int(here)) if here else (other, int(number))
            known = clean if status == "open" or len(self.dataset.uniqueness) > 1 else clean | waits
            place = ("id", "code").index(column)
            assert str(known[holder][place]) == value == str(waits[delivery, row][place])

    def _check_windows(self) -> None:
        with self.warehouse.session() as session:
            for window in self.dataset.windows:
                session.recompute("things", window.name)
        counted = 'SELECT "at"::DATE, count(*) FROM clean.things GROUP BY 1 ORDER BY 1'
        if self.dataset.keep_rows is not None:
            return
        stored = "SELECT window_start::DATE, things FROM windows.things_daily ORDER BY 1"
        assert self.query(stored) == self.query(counted)
        total = "SELECT _delivery, things FROM windows.things_all WHERE _delivery IS NOT NULL ORDER BY 1"
        assert self.query(total) == self.query(
            "SELECT _delivery, count(*) FROM clean.things GROUP BY 1 ORDER BY 1"
        )


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path, things())


def test_a_key_goes_to_the_next_when_its_file_is_replaced(house: House) -> None:
    house.drop("a.csv", (1, None, None, 1))
    assert house.drop("b.csv", (1, None, None, 2)).status == "partial"
    house.drop("a.csv", (2, None, None, 1))
    assert house.owners() == {1: "b.csv", 2: "a.csv"}
    assert house.query("SELECT * FROM errors.things WHERE status = 'open'") == []
    counts = "SELECT delivery, rows_clean, rows_rejected, violations, status FROM ops.deliveries WHERE status IN ('loaded', 'partial') ORDER BY 1"
    assert house.query(counts) == [("a.csv", 1, 0, 0, "loaded"), ("b.csv", 1, 0, 0, "loaded")]
    house.check()


def test_those_that_wait_still_are_told_who_has_the_key_now(house: House) -> None:
    for name in ("a.csv", "b.csv", "c.csv"):
        house.drop(name, (1, name, None, 1))
    house.drop("a.csv", (2, None, None, 1))
    assert house.owners() == {1: "b.csv", 2: "a.csv"}
    assert house.told() == [("c.csv", 1, "open", "id 1 is already in delivery 'b.csv' (row 1)")]
    house.drop("b.csv", (3, None, None, 1))
    assert house.owners() == {1: "c.csv", 2: "a.csv", 3: "b.csv"}
    house.check()


def test_a_file_that_becomes_a_duplicate_leaves_its_keys(house: House) -> None:
    house.drop("a.csv", (1, None, None, 1))
    house.drop("b.csv", (1, "b", None, 2))
    house.drop("c.csv", (3, None, None, 2))
    assert house.drop("a.csv", (3, None, None, 2)).status == "duplicate"
    assert house.owners() == {1: "b.csv", 3: "c.csv"}
    house.check()


def test_a_duplicate_has_the_rows_when_its_original_holds_something_else(house: House) -> None:
    house.drop("a.csv", (1, None, None, 1), (1, "twice", None, 1))
    assert house.drop("b.csv", (1, None, None, 1), (1, "twice", None, 1)).status == "duplicate"
    house.drop("c.csv", (1, "c", None, 2))
    house.drop("a.csv", (2, None, None, 1))
    assert house.owners() == {1: "b.csv", 2: "a.csv"}
    assert [row[0] for row in house.told()] == ["b.csv", "c.csv"]
    house.check()


def test_keys_that_retention_frees_go_to_rows_that_are_kept(tmp_path: Path) -> None:
    house = House(tmp_path, things(keep_rows="1d"))
    house.drop("a.csv", (1, "a", None, 1), (2, "a", None, 1))
    house.drop("b.csv", (1, "b", None, 1), (1, "c", None, 9), (2, "b", None, 1))
    with house.warehouse.session() as session:
        session.retain("things", datetime(2025, 3, 6))
    assert house.query("SELECT id, code FROM clean.things") == [(1, "c")]
    counts = "SELECT delivery, rows_clean, rows_rejected, rows_expired FROM ops.deliveries ORDER BY 1"
    assert house.query(counts) == [("a.csv", 2, 0, 2), ("b.csv", 3, 0, 2)]
    house.check()


def test_the_latest_has_the_key_and_the_one_before_has_it_back(tmp_path: Path) -> None:
    house = House(tmp_path, things("latest"))
    house.drop("a.csv", (1, "a", None, 1))
    entry = house.drop("b.csv", (1, "b", None, 2), (1, "c", None, 3))
    assert (entry.status, entry.rows_clean, entry.rows_rejected, entry.rows_superseded) == ("loaded", 1, 1, 1)
    assert house.query("SELECT code, _delivery, _row FROM clean.things") == [("c", "b.csv", 2)]
    assert (
        house.told()
        == [
            ("a.csv", 1, "superseded", "id 1 is superseded by delivery 'b.csv' (row 1)"),
            ("b.csv", 1, "superseded", "id 1 is superseded by row 2 of this file"),
        ]
        or house.told()[0][3] == "id 1 is superseded by delivery 'b.csv' (row 2)"
    )
    house.check()
    house.drop("b.csv", (7, None, None, 2))
    assert house.owners() == {1: "a.csv", 7: "b.csv"}
    assert house.query("SELECT * FROM errors.things WHERE status = 'superseded'") == []
    house.check()


def test_the_larger_value_has_the_key_whenever_it_comes(tmp_path: Path) -> None:
    house = House(tmp_path, things("latest_by:version"))
    house.drop("a.csv", (1, "a", 5, 1), (2, "a", None, 1))
    house.drop("b.csv", (1, "b", 4, 2), (2, "b", 0, 2))
    house.drop("c.csv", (1, "c", 5, 3), (2, "c", None, 3))
    assert house.query("SELECT id, code FROM clean.things ORDER BY 1") == [(1, "c"), (2, "b")]
    house.check()
    house.drop("c.csv", (9, None, None, 3))
    assert house.query("SELECT id, code FROM clean.things ORDER BY 1") == [(1, "a"), (2, "b"), (9, None)]
    house.check()


def test_a_file_with_a_row_whose_key_is_taken_can_be_refused(tmp_path: Path) -> None:
    house = House(tmp_path, things("reject"))
    house.drop("a.csv", (1, "a", None, 1))
    for rows in [((1, "b", None, 2), (2, "b", None, 2)), ((3, "b", None, 2), (3, "c", None, 2))]:
        with pytest.raises(DeliveryRefused, match="is already in"):
            house.drop("b.csv", *rows)
    assert house.owners() == {1: "a.csv"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("last", "is 'last'"),
        ("latest_by:nothing", "names a column 'nothing'"),
        ("latest_by:", "names a column ''"),
    ],
)
def test_a_wrong_declaration_is_told(given: str, said: str) -> None:
    with pytest.raises(ContractError, match=re.escape(said)):
        things(given)


def test_only_what_is_declared_changes_the_fingerprint() -> None:
    assert things().fingerprint == things("first").fingerprint
    assert len({things(mode).fingerprint for mode in MODES}) == len(MODES)


ROWS = st.lists(
    st.tuples(
        st.integers(1, 4),
        st.sampled_from([None, "x", "y", "z"]),
        st.sampled_from([None, 1, 2]),
        st.integers(1, 4),
    ),
    min_size=1,
    max_size=4,
).map(tuple)
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("drop"), st.sampled_from("abc"), ROWS),
        st.tuples(st.just("copy"), st.sampled_from("abc"), st.sampled_from("abc")),
        st.tuples(st.just("again"), st.sampled_from("abc"), st.none()),
        st.tuples(st.just("retain"), st.integers(1, 4), st.none()),
    ),
    min_size=2,
    max_size=8,
)


# Files, in order, whose rows take keys of those before them, or lose their own to them.
COMING = {
    "again and again": (
        ("a.csv", "1,,1,2025-03-01 10:00\n2,,1,2025-03-02 10:00\n3,,2,2025-03-04 10:00\n"),
        ("b.csv", "2,,2,2025-03-05 10:00\n3,,1,2025-03-03 10:00\n"),
        ("c.csv", "1,,1,2025-03-01 12:00\n1,,3,2025-03-02 08:00\n4,,,2025-03-06 10:00\n"),
        ("d.csv", "4,,,2025-03-03 10:00\n2,,,2025-03-02 23:00\n"),
        ("d.csv", "4,,,2025-03-03 11:00\n2,,,2025-03-02 23:00\n"),
    ),
    "the last days of two": (
        ("a.csv", "9,,1,2025-03-03 10:00\n"),
        ("b.csv", "1,,1,2025-03-07 10:00\n"),
        ("c.csv", "2,,1,2025-03-09 10:00\n"),
        ("d.csv", "1,,2,2025-03-03 11:00\n2,,2,2025-03-03 12:00\n"),
    ),
    "the first days of two": (
        ("a.csv", "9,,1,2025-03-06 10:00\n"),
        ("b.csv", "1,,1,2025-03-01 10:00\n"),
        ("c.csv", "2,,1,2025-03-03 10:00\n"),
        ("d.csv", "1,,2,2025-03-06 11:00\n2,,2,2025-03-06 12:00\n"),
    ),
    "the beginning of a stay": (
        ("a.csv", "1,,1,2025-03-01 10:00\n2,,1,2025-03-03 09:00\n"),
        ("b.csv", "9,,1,2025-03-05 08:00\n"),
        ("d.csv", "1,,2,2025-03-15 11:00\n"),
    ),
}


@pytest.mark.parametrize("coming", COMING.values(), ids=COMING)
@pytest.mark.parametrize("mode", MODES)
def test_windows_follow_the_keys_before_and_after_the_commit(
    mode: str, coming: tuple[tuple[str, str], ...], home: Path
) -> None:
    measures = {"things": agg.count(), "newest": agg.max_by("id", "version")}
    windows: list[Any] = [
        Tumbling("daily", every="1d", measures=measures, fill="zero"),
        Sliding("two_days", size="2d", every="1d", measures=measures, fill="forward"),
        Session("stays", gap="50h", measures=measures),
        Total("all", measures=measures),
    ]
    dataset, where = things(mode, windows=windows), Settings(home=home, settle_seconds=0)
    warehouse = Warehouse(home / "w.duckdb", {"things": dataset}, staging=where.staging)
    with warehouse.session() as session:
        for name, rows in coming:
            (home / name).write_text(f"id,code,version,at\n{rows}")
            staged = stage(home / name, dataset, where)
            live = {window.name: session.windows("things", window.name) for window in windows}
            session.commit(staged)
            for window in windows:
                session.recompute("things", window.name)
                assert session.verify("things", window.name, sampled=None).differences == 0
                stored = session.window_rows("things", window.name)
                figures = [
                    one for one in stored.columns if one not in ("revision", "computed_at", "is_final")
                ]
                assert stored.select(figures).equals(live[window.name].select(figures)), (name, window.name)


@pytest.mark.parametrize("codes", [False, True])
@pytest.mark.parametrize("mode", MODES)
@settings(derandomize=True, deadline=None, max_examples=8, suppress_health_check=list(HealthCheck))
@given(first=ROWS, events=EVENTS)
def test_after_any_order_of_events_each_key_is_where_loading_afresh_would_put_it(
    mode: str,
    codes: bool,
    first: tuple[Row, ...],
    events: list[tuple[str, Any, Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    retained = any(event[0] == "retain" for event in events)
    folder = tmp_path_factory.mktemp("events")
    house = House(folder, things(mode, codes=codes, keep_rows="1d" if retained else None))
    reference = Reference(mode, codes)
    for event in _possible([("drop", "a", first), *events], reference):
        _happen(house, reference, event)
        found = house.query("SELECT _delivery, _row FROM clean.things ORDER BY ALL")
        assert found == sorted(reference.clean), event
    house.check()
    shutil.rmtree(folder)


def _possible(events: list[tuple[str, Any, Any]], reference: Reference) -> Iterator[tuple[str, Any, Any]]:
    """The events that can be: what is copied or loaded again is there."""
    for kind, one, other in events:
        if kind == "copy" and other in reference.now and one != other:
            yield "drop", one, reference.now[other].rows
        elif kind == "again" and one in reference.now and reference.now[one].loaded:
            yield kind, one, reference.now[one].rows
        elif kind in ("drop", "retain"):
            yield kind, one, other


def _happen(house: House, reference: Reference, event: tuple[str, Any, Any]) -> None:
    kind, one, other = event
    if kind == "drop":
        house.drop(one, *other)
        reference.drop(one, other)
    elif kind == "again":
        house.again(one, other)
    else:
        with house.warehouse.session() as session:
            session.retain("things", datetime(2025, 3, one + 1))
        reference.retain(one)
