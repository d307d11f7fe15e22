"""Columns that files add to a clean table."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.contract import Dataset
from pipeline.ingest.manifest import Staged
from pipeline.warehouse import Warehouse, added
from pipeline_tests.warehouse.conftest import make_sales, sale
from pipeline_tests.warehouse.factory import stage_rows

Stage = Callable[..., Staged]


def grown(
    folder: Path, dataset: Dataset, delivery: str, rows: list[dict[str, Any]], *extra: str, **more: Any
) -> Staged:
    """Stage rows with columns that their file adds."""
    plain = {column.name: column.dtype for column in dataset.columns}
    schema = plain | dict.fromkeys(extra, pl.String())
    frame = pl.DataFrame(rows, schema=schema)
    return stage_rows(folder, dataset, delivery, frame, added=extra, **more)


def test_a_new_column_is_added_filled_for_its_delivery_and_named_in_the_ledger(
    warehouse: Warehouse, sales: Dataset, stage: Stage, tmp_path: Path
) -> None:
    warehouse.commit(stage("a.csv", [sale(1)]))
    entry = warehouse.commit(grown(tmp_path, sales, "b.csv", [sale(2, Till="7")], "Till"))
    assert entry.reason == "new columns added to the table: 'Till'"
    assert warehouse.query("SELECT id, Till FROM clean.sales ORDER BY id").rows() == [(1, None), (2, "7")]
    assert warehouse.query("SELECT reason FROM ops.deliveries ORDER BY seq")["reason"].to_list() == [
        None,
        entry.reason,
    ]


def test_a_later_file_fills_the_same_column_however_it_spells_it(
    warehouse: Warehouse, sales: Dataset, tmp_path: Path
) -> None:
    warehouse.commit(grown(tmp_path, sales, "a.csv", [sale(1, **{"Till no": "7"})], "Till no"))
    entry = warehouse.commit(grown(tmp_path, sales, "b.csv", [sale(2, TILL_NO="8")], "TILL_NO"))
    assert entry.reason is None
    assert warehouse.query('SELECT id, "Till no" FROM clean.sales ORDER BY id').rows() == [(1, "7"), (2, "8")]


def test_a_new_version_of_the_file_takes_its_added_values_with_it(
    warehouse: Warehouse, sales: Dataset, stage: Stage, tmp_path: Path
) -> None:
    warehouse.commit(grown(tmp_path, sales, "a.csv", [sale(1, till="7")], "till"))
    entry = warehouse.commit(grown(tmp_path, sales, "a.csv", [sale(1, till="8", bin="x")], "till", "bin"))
    assert (entry.status, entry.reason) == ("loaded", "new columns added to the table: 'bin'")
    assert warehouse.query("SELECT till, bin FROM clean.sales").rows() == [("8", "x")]
    warehouse.commit(stage("a.csv", [sale(1)]))
    assert warehouse.query("SELECT till, bin FROM clean.sales").rows() == [(None, None)]


def test_the_same_bytes_again_are_a_duplicate_and_add_nothing(
    warehouse: Warehouse, sales: Dataset, tmp_path: Path
) -> None:
    staged = grown(tmp_path, sales, "a.csv", [sale(1, till="7")], "till")
    warehouse.commit(staged)
    again = warehouse.commit(Staged(staged.folder, staged.manifest, staged.source, "b.csv"))
    assert again.status == "duplicate"
    assert warehouse.query("SELECT till FROM clean.sales")["till"].to_list() == ["7"]


def test_keys_samples_and_windows_work_on_a_table_with_added_columns(
    warehouse: Warehouse, sales: Dataset, stage: Stage, tmp_path: Path
) -> None:
    warehouse.commit(
        grown(tmp_path, sales, "a.csv", [sale(1, till="7"), sale(2, till=None)], "till", parts=2)
    )
    entry = warehouse.commit(grown(tmp_path, sales, "b.csv", [sale(2, till="9"), sale(3, till="8")], "till"))
    assert (entry.status, entry.rows_clean, entry.rows_rejected) == ("partial", 1, 1)
    warehouse.commit(stage("c.csv", [sale(4)]))
    with warehouse.session() as session:
        assert session.clean_sample("sales", "b.csv")["till"].to_list() == ["8"]
        (record,) = session.error_sample("sales", "b.csv")["record"]
        assert json.loads(record)["till"] == "9"
    for window in ("daily", "last_hour", "by_shop"):
        assert warehouse.recompute("sales", window)
    assert warehouse.query("SELECT row_count FROM windows.sales_daily")["row_count"].to_list() == [4]


def test_a_file_that_fails_to_commit_adds_no_column(
    warehouse: Warehouse, sales: Dataset, stage: Stage, tmp_path: Path
) -> None:
    warehouse.commit(stage("a.csv", [sale(1)]))
    wrong = grown(tmp_path, sales, "b.csv", [sale(2, till="7")], "till", rows_clean=5, rows_read=5)
    with pytest.raises(Exception, match="does not reconcile"):
        warehouse.commit(wrong)
    with warehouse.session() as session:
        assert "till" not in dict(session.table_schema("clean", "sales"))


def test_values_that_no_column_of_text_takes_are_rescued(
    warehouse: Warehouse, sales: Dataset, stage: Stage, tmp_path: Path
) -> None:
    warehouse.commit(stage("a.csv", [sale(1)]))
    with warehouse.session() as session:
        session.query("ALTER TABLE clean.sales ADD COLUMN till INTEGER")  # a contract of old had it
    rows = [sale(2, till="x", bin="y"), sale(3, till=None, bin=None), sale(4, till="z", bin=None)]
    staged = grown(tmp_path, sales, "b.csv", rows, "till", "bin")
    entry = warehouse.commit(staged)
    assert entry.reason is not None and "kept in _rescued" in entry.reason and "'till'" in entry.reason
    found = warehouse.query("SELECT till, bin, _rescued FROM clean.sales WHERE id > 1 ORDER BY id").rows()
    assert [row[:2] for row in found] == [(None, "y"), (None, None), (None, None)]
    assert [row[2] and json.loads(row[2]) for row in found] == [{"till": "x"}, None, {"till": "z"}]


def test_a_table_grows_only_so_wide(
    warehouse: Warehouse, sales: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(added, "MOST", 2)
    row = sale(1, a="1", b="2", c="3")
    frame = pl.DataFrame(
        [row | {"_rescued": '{"d":null,"e":"ü"}'}],
        schema={c.name: c.dtype for c in sales.columns}
        | dict.fromkeys(("a", "b", "c", "_rescued"), pl.String()),
    )
    warehouse.commit(stage_rows(tmp_path, sales, "a.csv", frame, added=("a", "b", "c")))
    (found,) = warehouse.query("SELECT a, b, _rescued FROM clean.sales").rows()
    assert (found[0], found[1], json.loads(found[2])) == ("1", "2", {"d": None, "e": "ü", "c": "3"})


def test_an_added_column_called_like_one_of_windrows_own_but_for_its_mark_is_another(
    warehouse: Warehouse, sales: Dataset, tmp_path: Path
) -> None:
    warehouse.commit(grown(tmp_path, sales, "a.csv", [sale(1, delivery="van", row="x")], "delivery", "row"))
    assert warehouse.query("SELECT delivery, _delivery, row, _row FROM clean.sales").rows() == [
        ("van", "a.csv", "x", 1)
    ]


def test_left_out_columns_are_in_the_reason_of_a_loaded_delivery(warehouse: Warehouse, stage: Stage) -> None:
    said = "columns left out by drift='ignore': 'x', 'y'"
    assert warehouse.commit(stage("a.csv", [sale(1)], remarks=(said,))).reason == said


def test_programs_that_do_not_know_of_added_columns_go_on(
    warehouse: Warehouse, sales: Dataset, stage: Stage, tmp_path: Path
) -> None:
    other = Warehouse(warehouse.path, {"sales": make_sales()}, busy_timeout=20)
    other.commit(stage("a.csv", [sale(1)]))
    warehouse.commit(grown(tmp_path, sales, "b.csv", [sale(2, till="7")], "till"))
    assert other.commit(stage("c.csv", [sale(3)])).status == "loaded"
