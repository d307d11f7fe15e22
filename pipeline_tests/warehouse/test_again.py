"""Loading a delivery again in its place among the others: of two rows with one key the first committed stays."""

# ruff: noqa: DTZ001  (the warehouse keeps moments in UTC without zone)

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.contract import Dataset
from pipeline.ingest.manifest import Staged
from pipeline.warehouse import Warehouse, WarehouseError
from pipeline_tests.warehouse.conftest import make_sales, sale
from pipeline_tests.warehouse.factory import stage_rows

Stage = Callable[..., Staged]


def again(warehouse: Warehouse, staged: Staged) -> Any:
    with warehouse.session() as session:
        return session.commit(staged, again=True)


def owners(warehouse: Warehouse) -> dict[int, str]:
    """Key → the delivery that has it; fails where two have it."""
    rows = warehouse.query("SELECT id, _delivery FROM clean.sales ORDER BY id").rows()
    assert len(rows) == len(dict(rows))
    return dict(rows)


def test_an_unchanged_delivery_is_loaded_again_when_that_is_asked_for(
    warehouse: Warehouse, stage: Stage
) -> None:
    staged = stage("a.csv", [sale(1)], landing="L")
    first = warehouse.commit(staged)
    second = again(warehouse, staged)
    third = again(warehouse, staged)
    assert len({first.id, second.id, third.id}) == 3
    assert warehouse.query("SELECT status FROM ops.deliveries ORDER BY seq")["status"].to_list() == [
        "replaced",
        "replaced",
        "loaded",
    ]
    assert owners(warehouse) == {1: "a.csv"}


def test_what_is_not_in_the_table_is_not_loaded_again(warehouse: Warehouse, stage: Stage) -> None:
    with pytest.raises(WarehouseError, match="does not hold it"):
        again(warehouse, stage("a.csv", [sale(1)]))
    warehouse.commit(stage("a.csv", [sale(1)]))
    with pytest.raises(WarehouseError, match="another version"):
        again(warehouse, stage("a.csv", [sale(2)]))
    assert owners(warehouse) == {1: "a.csv"}


def test_a_row_of_an_early_file_that_was_rejected_at_first_takes_its_key_back(
    warehouse: Warehouse, stage: Stage
) -> None:
    bad = [{"_row": 2, "check_name": "cast", "value": "x"}]
    warehouse.commit(stage("a.csv", [sale(1)], errors=bad, sha256="a"))
    warehouse.commit(stage("b.csv", [sale(2), sale(3)], sha256="b"))
    assert owners(warehouse) == {1: "a.csv", 2: "b.csv", 3: "b.csv"}

    entry = again(warehouse, stage("a.csv", [sale(1), sale(2)], sha256="a"))
    assert (entry.rows_clean, entry.rows_rejected) == (2, 0)
    assert owners(warehouse) == {1: "a.csv", 2: "a.csv", 3: "b.csv"}
    with warehouse.session() as session:
        later = session.current("sales", "b.csv")
        assert later is not None
        assert (later.status, later.rows_read, later.rows_clean, later.rows_rejected, later.violations) == (
            "partial", 2, 1, 1, 1,
        )  # fmt: skip
        (error,) = session.error_sample("sales", "b.csv").to_dicts()
    assert error["message"] == "id 2 is already in delivery 'a.csv' (row 2), which came first"
    assert (error["_row"], error["check_name"], error["status"], json.loads(error["record"])["id"]) == (
        1, "unique", "open", 2,
    )  # fmt: skip

    again(warehouse, stage("b.csv", [sale(2), sale(3)], sha256="b"))
    assert owners(warehouse) == {1: "a.csv", 2: "a.csv", 3: "b.csv"}
    with warehouse.session() as session:
        assert session.error_sample("sales", "b.csv").height == 1


def test_a_key_of_an_earlier_file_stays_there(warehouse: Warehouse, stage: Stage) -> None:
    warehouse.commit(stage("b.csv", [sale(1)], sha256="b"))
    warehouse.commit(stage("a.csv", [sale(1), sale(2)], sha256="a"))
    entry = again(warehouse, stage("a.csv", [sale(1), sale(2)], sha256="a"))
    assert (entry.status, owners(warehouse)) == ("partial", {1: "b.csv", 2: "a.csv"})


def test_windows_of_the_rows_that_gave_way_are_dirty(warehouse: Warehouse, stage: Stage) -> None:
    may, june = datetime(2025, 5, 5, 10), datetime(2025, 6, 6, 10)
    bad = [{"_row": 2, "check_name": "cast", "value": "x"}]
    warehouse.commit(stage("a.csv", [sale(1, at=may)], errors=bad, sha256="a"))
    warehouse.commit(stage("b.csv", [sale(2, at=june)], sha256="b"))
    for window in ("daily", "last_hour", "by_shop"):
        warehouse.recompute("sales", window)
    again(warehouse, stage("a.csv", [sale(1, at=may), sale(2, at=may)], sha256="a"))
    warehouse.recompute("sales", "daily")
    warehouse.recompute("sales", "by_shop")
    assert warehouse.query("SELECT window_start, row_count FROM windows.sales_daily").rows() == [
        (datetime(2025, 5, 5), 2)
    ]
    assert warehouse.query(
        "SELECT _delivery, row_count FROM windows.sales_by_shop ORDER BY 1 NULLS FIRST"
    ).rows() == [(None, 2), ("a.csv", 2)]


def test_a_new_version_takes_its_place_from_its_own_first_commit(warehouse: Warehouse, stage: Stage) -> None:
    warehouse.commit(stage("a.csv", [sale(1)], sha256="a1"))
    warehouse.commit(stage("b.csv", [sale(2)], sha256="b"))
    warehouse.commit(stage("a.csv", [sale(1), sale(2)], sha256="a2"))  # 2 is taken
    for _ in range(2):
        again(warehouse, stage("a.csv", [sale(1), sale(2)], sha256="a2"))
        again(warehouse, stage("b.csv", [sale(2)], sha256="b"))
    with warehouse.session() as session:
        assert [entry.delivery for entry in session.in_order("sales")] == ["b.csv", "a.csv"]
    assert owners(warehouse) == {1: "a.csv", 2: "b.csv"}


FILES = st.lists(
    st.lists(st.tuples(st.integers(1, 5), st.sampled_from([None, "x", "y"])), min_size=1, max_size=4),
    min_size=1,
    max_size=4,
)


def _commit_all(
    folder: Path, files: list[list[tuple[int, str | None]]], hidden: set[tuple[int, int]]
) -> Warehouse:
    """Commit files in order; the rows (file, row) in `hidden` are rejected by a check, as an older contract would have it."""
    dataset = make_sales(windows=[])
    warehouse = Warehouse(folder / "w.duckdb", {"sales": dataset})
    for number in range(len(files)):
        warehouse.commit(_staged(folder, dataset, files, number, hidden))
    return warehouse


def _staged(
    folder: Path,
    dataset: Dataset,
    files: list[list[tuple[int, str | None]]],
    number: int,
    hidden: set[tuple[int, int]],
) -> Staged:
    rows = [(row, key, code) for row, (key, code) in enumerate(files[number], 1)]
    good = [sale(key, code=code, _row=row) for row, key, code in rows if (number, row) not in hidden]
    bad = [{"_row": row, "check_name": "cast"} for row, _, _ in rows if (number, row) in hidden]
    frame = None if not good else _frame(good, dataset)
    return stage_rows(
        folder, dataset, f"{number}.csv", [] if frame is None else frame, errors=bad, sha256=str(number)
    )


def _frame(rows: list[dict[str, Any]], dataset: Dataset) -> Any:
    return pl.DataFrame(rows, schema={c.name: c.dtype for c in dataset.columns} | {"_row": pl.Int64()})


@settings(
    derandomize=True,
    deadline=None,
    max_examples=12,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(files=FILES, data=st.data())
def test_loading_all_again_in_order_gives_what_an_empty_table_would_get(
    files: list[list[tuple[int, str | None]]], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    every = [(number, row) for number, rows in enumerate(files) for row in range(1, len(rows) + 1)]
    hidden = set(data.draw(st.lists(st.sampled_from(every), unique=True)))
    wanted = _commit_all(tmp_path_factory.mktemp("new"), files, set())
    folder = tmp_path_factory.mktemp("old")
    warehouse = _commit_all(folder, files, hidden)
    (dataset,) = warehouse.datasets.values()
    query = "SELECT id, code, _delivery, _row FROM clean.sales ORDER BY ALL"
    counts = (
        "SELECT delivery, rows_read, rows_clean, rows_rejected, violations, status FROM ops.deliveries "
        "WHERE status IN ('loaded', 'partial') ORDER BY 1"
    )
    for number in range(len(files)):
        again(warehouse, _staged(folder, dataset, files, number, set()))
        doubles = "SELECT id FROM clean.sales GROUP BY 1 HAVING count(*) > 1"
        assert warehouse.query(doubles).height == 0
    assert warehouse.query(query).rows() == wanted.query(query).rows()
    assert warehouse.query(counts).rows() == wanted.query(counts).rows()
    problems = "SELECT _delivery, _row, check_name FROM errors.sales WHERE status = 'open' ORDER BY ALL"
    assert warehouse.query(problems).rows() == wanted.query(problems).rows()
