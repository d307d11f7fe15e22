"""One delivery, one transaction."""

# ruff: noqa: DTZ001  (the warehouse keeps moments in UTC without zone)

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from pipeline.ingest.manifest import Staged
from pipeline.warehouse import ReconciliationError, Warehouse
from pipeline_tests.warehouse.conftest import sale

Stage = Callable[..., Staged]
BAD = {"_row": 3, "line": 4, "column_name": "amount", "value": "x", "message": "no number", "record": "{}"}


def test_a_delivery_is_loaded_with_its_errors_profile_ledger_entry_and_dirty_windows(
    warehouse: Warehouse, stage: Stage
) -> None:
    entry = warehouse.commit(stage("monday.csv", [sale(1), sale(2)], errors=[BAD], filtered=1), run_id="r1")

    assert (entry.status, entry.rows_read, entry.rows_clean, entry.rows_rejected, entry.rows_filtered) == (
        "partial",
        4,
        2,
        1,
        1,
    )
    assert entry.run_id == "r1" and entry.event_time_max == datetime(2025, 3, 3, 10)
    clean = warehouse.query("SELECT * FROM clean.sales ORDER BY id")
    assert clean.columns == ["id", "shop", "amount", "sold_at", "code", "_delivery", "_row", "_rescued"]
    assert clean["_delivery"].to_list() == ["monday.csv"] * 2 and clean["_row"].to_list() == [1, 2]
    errors = warehouse.query("SELECT * FROM errors.sales")
    assert errors.select("_delivery", "_row", "line", "severity", "status").rows() == [
        ("monday.csv", 3, 4, "reject", "open")
    ]
    with warehouse.session(read_only=True) as session:
        assert [profile.name for profile in session.column_profile(entry.id)] == [
            "id",
            "shop",
            "amount",
            "sold_at",
            "code",
        ]
        assert session.column_profile(entry.id)[0].top_values == (("a", 2),)
        marks = {(mark.window, mark.day, mark.delivery) for mark in session.dirty()}
        assert session.current("sales", "monday.csv") == entry
    assert marks == {
        ("daily", date(2025, 3, 3), None), ("last_hour", date(2025, 3, 3), None), ("by_shop", None, "monday.csv"),
    }  # fmt: skip


def test_warnings_and_repairs_are_noted_and_reject_nothing(warehouse: Warehouse, stage: Stage) -> None:
    entry = warehouse.commit(stage("a.csv", [sale(1)], errors=[BAD | {"_row": 1, "severity": "warn"}]))

    assert (entry.status, entry.rows_rejected, entry.violations) == ("loaded", 0, 1)
    assert warehouse.query("SELECT status FROM errors.sales")["status"].to_list() == ["noted"]


def test_the_same_landing_is_recorded_once(warehouse: Warehouse, stage: Stage) -> None:
    staged = stage("a.csv", [sale(1)], landing="1-2-3")

    assert warehouse.commit(staged) == warehouse.commit(staged)
    assert warehouse.query("SELECT count(*) AS n FROM ops.deliveries")["n"][0] == 1


def test_the_same_bytes_again_are_a_duplicate_under_their_own_name(
    warehouse: Warehouse, stage: Stage
) -> None:
    staged = stage("a.csv", [sale(1)], landing="1")
    first = warehouse.commit(staged)

    again = warehouse.commit(replace(staged, landing="2"))
    other = warehouse.commit(replace(staged, delivery="copy of a.csv", landing="3"))

    assert (again.status, again.delivery, other.status, other.delivery) == (
        "duplicate",
        "a.csv",
        "duplicate",
        "copy of a.csv",
    )
    assert other.reason is not None and "'a.csv'" in other.reason and first.id in other.reason
    assert warehouse.query("SELECT count(*) AS n FROM clean.sales")["n"][0] == 1
    with warehouse.session() as session:
        assert session.current("sales", "a.csv") == first
        assert session.loaded_by_hash("sales", first.sha256 or "") == first


def test_committing_again_as_a_replay_changes_nothing(warehouse: Warehouse, stage: Stage) -> None:
    staged = stage("a.csv", [sale(1)])

    assert warehouse.commit(staged) == warehouse.commit(staged, replay=True)
    assert warehouse.query("SELECT count(*) AS n FROM ops.deliveries")["n"][0] == 1


def test_a_new_version_replaces_the_old_and_dirties_the_days_of_both(
    warehouse: Warehouse, stage: Stage
) -> None:
    warehouse.commit(stage("a.csv", [sale(1, at=datetime(2025, 3, 1, 12)), sale(2)], errors=[BAD]))
    with warehouse.session() as session:
        for window in ("daily", "last_hour", "by_shop"):
            session.recompute("sales", window)
        assert session.dirty() == []

    warehouse.commit(stage("a.csv", [sale(2, at=datetime(2025, 3, 5, 12), amount="9.00")]))

    assert warehouse.query("SELECT id, amount::VARCHAR FROM clean.sales").rows() == [(2, "9.00")]
    assert warehouse.query("SELECT status FROM errors.sales")["status"].to_list() == ["superseded"]
    assert warehouse.query("SELECT status FROM ops.deliveries ORDER BY seq")["status"].to_list() == [
        "replaced",
        "loaded",
    ]
    with warehouse.session() as session:
        days = [mark.day for mark in session.dirty() if mark.window == "daily"]
        assert days == [date(2025, 3, 1), date(2025, 3, 3), date(2025, 3, 5)]


def test_the_same_bytes_under_a_changed_contract_replace_what_the_old_one_gave(
    warehouse: Warehouse, stage: Stage
) -> None:
    first = warehouse.commit(stage("a.csv", [sale(1)], sha256="s", fingerprint="old"))
    second = warehouse.commit(stage("a.csv", [sale(1), sale(2)], sha256="s", fingerprint="new"))

    with warehouse.session() as session:
        assert [(e.id, e.status) for e in session.entries()] == [
            (first.id, "replaced"),
            (second.id, "loaded"),
        ]
    assert warehouse.query("SELECT count(*) AS n FROM clean.sales")["n"][0] == 2


def test_a_file_that_now_holds_what_another_holds_gives_its_old_rows_up(
    warehouse: Warehouse, stage: Stage
) -> None:
    warehouse.commit(stage("a.csv", [sale(1)], sha256="one"))
    warehouse.commit(stage("b.csv", [sale(2)], sha256="two"))

    entry = warehouse.commit(stage("b.csv", [sale(1)], sha256="one"))

    assert entry.status == "duplicate"
    assert warehouse.query("SELECT id FROM clean.sales")["id"].to_list() == [1]
    assert warehouse.query("SELECT status FROM ops.deliveries ORDER BY seq")["status"].to_list() == [
        "loaded",
        "replaced",
        "duplicate",
    ]


@pytest.mark.parametrize(
    ("wrong", "cause"),
    [
        ({"rows_read": 7}, "rows read are not clean"),
        ({"rows_clean": 3, "rows_read": 4}, "the table does not hold the clean rows"),
        ({"violations": 5}, "the error table does not hold the violations"),
    ],
)
def test_rows_that_do_not_add_up_are_refused_and_nothing_is_stored(
    warehouse: Warehouse, stage: Stage, wrong: dict[str, int], cause: str
) -> None:
    warehouse.commit(stage("a.csv", [sale(1)]))

    with pytest.raises(ReconciliationError, match=cause):
        warehouse.commit(stage("a.csv", [sale(2), sale(3)], errors=[BAD], **wrong))

    assert warehouse.query("SELECT id FROM clean.sales")["id"].to_list() == [1]
    assert warehouse.query("SELECT count(*) AS n FROM errors.sales")["n"][0] == 0
    assert warehouse.query("SELECT status FROM ops.deliveries")["status"].to_list() == ["loaded"]


def test_an_error_in_the_middle_leaves_the_session_usable_and_the_tables_as_they_were(
    warehouse: Warehouse, stage: Stage
) -> None:
    broken = stage("a.csv", [sale(1), sale(2)], parts=2)
    (broken.folder / "clean-00001.parquet").write_bytes(b"PAR1 no longer")
    with warehouse.session() as session:
        with pytest.raises(Exception, match=r"clean-00001|[Pp]arquet"):
            session.commit(broken)
        assert session.commit(stage("b.csv", [sale(3)])).status == "loaded"
    assert warehouse.query("SELECT id FROM clean.sales")["id"].to_list() == [3]


def test_a_delivery_without_clean_rows_is_partial(warehouse: Warehouse, stage: Stage) -> None:
    entry = warehouse.commit(stage("a.csv", [], errors=[BAD]))

    assert (entry.status, entry.rows_clean, entry.rows_rejected, entry.event_time_min) == (
        "partial",
        0,
        1,
        None,
    )


def test_columns_that_the_parquet_lacks_become_null(warehouse: Warehouse, stage: Stage) -> None:
    rows = pl.DataFrame([sale(1), sale(2)]).drop("code")
    staged = stage("a.csv", rows, parts=2)
    second = staged.folder / "clean-00001.parquet"
    pl.read_parquet(second).with_columns(code=pl.lit("x")).write_parquet(second)

    warehouse.commit(staged)

    assert warehouse.query("SELECT id, code FROM clean.sales ORDER BY id").rows() == [(1, None), (2, "x")]


def test_names_with_quotes_and_other_letters_are_only_names(
    warehouse: Warehouse, stage: Stage, tmp_path: Path
) -> None:
    name = 'sub/it\'s "März" 東.csv'
    entry = warehouse.commit(stage(name, [sale(1)]))

    assert (entry.delivery, entry.file_name) == (name, 'it\'s "März" 東.csv')
    warehouse.commit(stage(name, [sale(2)]))
    assert warehouse.query("SELECT id, _delivery FROM clean.sales").rows() == [(2, name)]


def test_a_quarantined_file_is_in_the_ledger_and_leaves_the_rows_of_its_earlier_version(
    warehouse: Warehouse, stage: Stage
) -> None:
    warehouse.commit(stage("a.csv", [sale(1)]))
    with warehouse.session() as session:
        entry = session.record_quarantine("sales", "a.csv", "a.csv", "empty", bytes=0, landing="7")
        assert session.record_quarantine("sales", "a.csv", "a.csv", "empty", bytes=0, landing="7") == entry
        assert session.entry_by_landing("sales", "a.csv", "7") == entry
        session.record_quarantine("unknown", "b.csv", "b.csv", "no such dataset", bytes=3)
        assert [e.status for e in session.entries()] == ["loaded", "quarantined", "quarantined"]
        assert [e.seq for e in session.entries(after_seq=1, limit=1)] == [2]
        assert [e.dataset for e in session.entries(statuses=["quarantined"])] == ["sales", "unknown"]
    assert warehouse.query("SELECT id FROM clean.sales")["id"].to_list() == [1]


def test_later_ids_sort_after_earlier_ones(warehouse: Warehouse, stage: Stage) -> None:
    with warehouse.session() as session:
        ids = [session.commit(stage(f"{n}.csv", [sale(n)])).id for n in range(5)]
    assert ids == sorted(ids) and all(len(one) == 32 for one in ids)


def test_a_day_that_a_session_marked_is_marked_again_once_it_was_recomputed(
    warehouse: Warehouse, stage: Stage
) -> None:
    with warehouse.session() as session:
        session.commit(stage("a.csv", [sale(1)]))
        session.commit(stage("b.csv", [sale(2)]))
        assert session.recompute("sales", "daily")[0].changed == 1
        session.commit(stage("c.csv", [sale(3)]))
        before = next(mark for mark in session.dirty() if mark.window == "daily")
        session.commit(stage("d.csv", [sale(4)]))
        after = next(mark for mark in session.dirty() if mark.window == "daily")
        assert after.day == before.day and after.generation > before.generation
        session.recompute("sales", "daily")
    assert warehouse.query("SELECT row_count, revision FROM windows.sales_daily").rows() == [(4, 2)]


def test_errors_are_counted_by_column_and_check_the_most_frequent_first(
    warehouse: Warehouse, stage: Stage
) -> None:
    warehouse.commit(stage("a.csv", [sale(1)]))
    warehouse.commit(stage("b.csv", [sale(1), sale(2)]))
    with warehouse.session() as session:
        counts = session.error_counts("sales")
        assert counts.select("column_name", "check_name", "severity", "violations").rows() == [
            ("id", "unique", "reject", 1)
        ]
        assert session.error_counts("sales", "a.csv").is_empty()
