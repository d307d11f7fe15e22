"""Keys are unique within a delivery and over the table; the first committed row stays."""

# ruff: noqa: DTZ001  (the warehouse keeps moments in UTC without zone)

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from pipeline.ingest.manifest import Staged
from pipeline.warehouse import Warehouse
from pipeline_tests.warehouse.conftest import make_sales, sale
from pipeline_tests.warehouse.factory import stage_rows

Stage = Callable[..., Staged]


def error_rows(warehouse: Warehouse) -> list[tuple[object, ...]]:
    return warehouse.query(
        "SELECT _delivery, _row, column_name, check_name, value, message FROM errors.sales ORDER BY _delivery, _row"
    ).rows()


def test_of_two_rows_with_one_key_in_a_file_the_earlier_stays(warehouse: Warehouse, stage: Stage) -> None:
    entry = warehouse.commit(stage("a.csv", [sale(5, shop="first"), sale(6), sale(5), sale(5)], landing="1"))

    assert (entry.status, entry.rows_clean, entry.rows_rejected, entry.violations) == ("partial", 2, 2, 2)
    assert warehouse.query("SELECT id, shop FROM clean.sales ORDER BY id").rows() == [(5, "first"), (6, "A")]
    assert error_rows(warehouse) == [
        ("a.csv", row, "id", "unique", "5", "id 5 is already in row 1 of this file") for row in (3, 4)
    ]
    record = json.loads(warehouse.query("SELECT record FROM errors.sales LIMIT 1")["record"][0])
    assert record["id"] == 5 and record["shop"] == "A"
    with warehouse.session() as session:
        assert session.column_profile(entry.id)[0].violations == 2


def test_a_key_that_another_delivery_holds_is_rejected_naming_it(warehouse: Warehouse, stage: Stage) -> None:
    warehouse.commit(stage("it's monday.csv", [sale(1), sale(2)]))
    entry = warehouse.commit(stage("b.csv", [sale(3), sale(2), sale(2)]))

    assert (entry.rows_clean, entry.rows_rejected) == (1, 2)
    assert error_rows(warehouse) == [
        ("b.csv", row, "id", "unique", "2", "id 2 is already in delivery 'it's monday.csv' (row 2)")
        for row in (2, 3)
    ]


def test_a_new_version_may_keep_its_own_keys(warehouse: Warehouse, stage: Stage) -> None:
    warehouse.commit(stage("a.csv", [sale(1), sale(2)]))
    assert warehouse.commit(stage("a.csv", [sale(2), sale(1), sale(3)])).status == "loaded"


def test_nulls_of_a_unique_column_never_conflict_and_its_values_do(
    warehouse: Warehouse, stage: Stage
) -> None:
    rows = [sale(1), sale(2), sale(3, code="x"), sale(4, code="x"), sale(5, code="y")]
    warehouse.commit(stage("a.csv", rows))
    entry = warehouse.commit(stage("b.csv", [sale(6), sale(7, code="y")]))

    assert entry.rows_clean == 1
    assert [(row[1], row[2]) for row in error_rows(warehouse)] == [(4, "code"), (2, "code")]


def test_a_row_that_one_set_rejected_holds_no_key_of_a_later_set(warehouse: Warehouse, stage: Stage) -> None:
    entry = warehouse.commit(
        stage("a.csv", [sale(1, code="x"), sale(1, code="y"), sale(2, code="y"), sale(3, code="x")])
    )

    assert entry.rows_clean == 2
    assert [row[1:3] for row in error_rows(warehouse)] == [(2, "id"), (4, "code")]


def test_event_times_of_the_ledger_are_those_of_the_rows_that_were_loaded(
    warehouse: Warehouse, stage: Stage
) -> None:
    entry = warehouse.commit(stage("a.csv", [sale(1), sale(1, at=datetime(2030, 1, 1))]))
    assert entry.event_time_max == datetime(2025, 3, 3, 10)


def test_a_key_of_several_columns_conflicts_only_as_a_whole(tmp_path: Path) -> None:
    dataset = make_sales(key=["id", "sold_at"])
    warehouse = Warehouse(tmp_path / "w.duckdb", {"sales": dataset})
    warehouse.commit(stage_rows(tmp_path, dataset, "a.csv", [sale(1), sale(1, at=datetime(2025, 3, 4))]))
    warehouse.commit(stage_rows(tmp_path, dataset, "b.csv", [sale(1, at=datetime(2025, 3, 4)), sale(2)]))

    assert [row[1:5] for row in error_rows(warehouse)] == [
        (1, "id, sold_at", "unique", "1, 2025-03-04 00:00:00")
    ]


@pytest.mark.parametrize("parts", [1, 7])
@pytest.mark.parametrize("seed", range(4))
def test_what_stays_is_what_a_plain_loop_would_keep(
    warehouse: Warehouse, stage: Stage, seed: int, parts: int
) -> None:
    rng = random.Random(seed)
    known: set[int] = set()
    for delivery in range(4):
        keys = [rng.randrange(300) for _ in range(60)]
        if delivery == 0:
            keys = sorted(set(keys))  # ascending: proved without a query
        kept = []
        for key in keys:
            if key not in known:
                known.add(key)
                kept.append(key)
        entry = warehouse.commit(stage(f"{delivery}.csv", [sale(key) for key in keys], parts=parts))
        assert (entry.rows_clean, entry.rows_rejected) == (len(kept), len(keys) - len(kept))
    assert warehouse.query("SELECT id FROM clean.sales ORDER BY id")["id"].to_list() == sorted(known)


def test_source_records_come_from_whoever_can_read_the_source(warehouse: Warehouse, stage: Stage) -> None:
    asked: list[int] = []

    def records(staged: Staged, rows: pl.Series) -> Iterator[pl.DataFrame]:
        asked.extend(rows.to_list())
        for row in rows:
            yield pl.DataFrame({"_row": [row], "line": [row + 1], "sheet": ["S"], "record": ['{"id": "05"}']})

    with warehouse.session() as session:
        session.commit(stage("a.csv", [sale(5), sale(5), sale(5)]), records=records)

    assert asked == [2, 3]
    assert warehouse.query("SELECT line, sheet, record FROM errors.sales ORDER BY _row").rows() == [
        (3, "S", '{"id": "05"}'), (4, "S", '{"id": "05"}'),
    ]  # fmt: skip


def test_two_deliveries_with_conflicts_can_follow_each_other_in_one_session(
    warehouse: Warehouse, stage: Stage
) -> None:
    with warehouse.session() as session:
        first = session.commit(stage("a.csv", [sale(1), sale(1)]))
        second = session.commit(stage("b.csv", [sale(1), sale(2), sale(2)]))
    assert (first.rows_rejected, second.rows_rejected) == (1, 2)
