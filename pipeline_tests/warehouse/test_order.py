"""Columns that rise over the whole file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from pipeline.contract import Dataset
from pipeline.warehouse import DeliveryRefused, Entry, Warehouse
from pipeline_tests.ingest.support import model
from pipeline_tests.warehouse.factory import stage_rows


def _readings(kind: Any = int, **declared: Any) -> Dataset:
    schema = model(id=int, seq=(kind, {"nullable": True}))
    return Dataset("readings", schema=schema, increasing=["seq"], **declared)


def _commit(
    folder: Path, dataset: Dataset, values: list[Any], name: str = "a.csv", **more: Any
) -> tuple[Warehouse, Entry]:
    warehouse = Warehouse(folder / "warehouse.duckdb", {"readings": dataset})
    rows = [{"id": number, "seq": value} for number, value in enumerate(values, 1)]
    return warehouse, warehouse.commit(stage_rows(folder / "staging", dataset, name, rows, **more))


def _rejected(warehouse: Warehouse) -> list[int]:
    return warehouse.query("SELECT _row FROM errors.readings WHERE check_name = 'increasing' ORDER BY 1")[
        "_row"
    ].to_list()


def test_a_value_that_is_not_above_the_one_before_is_rejected(tmp_path: Path) -> None:
    warehouse, entry = _commit(tmp_path, _readings(), [1, 5, 5, None, 3, 6])
    assert (entry.rows_clean, entry.rows_rejected) == (4, 2)
    assert warehouse.query(
        "SELECT _row, column_name, value, message, severity FROM errors.readings ORDER BY 1"
    ).rows() == [
        (3, "seq", "5", "seq 5 is not above 5, which comes before it", "reject"),
        (5, "seq", "3", "seq 3 is not above 5, which comes before it", "reject"),
    ]


def test_order_is_judged_within_a_file(tmp_path: Path) -> None:
    _commit(tmp_path, _readings(), [5, 6])
    _, entry = _commit(tmp_path, _readings(), [1, 2], "b.csv")
    assert entry.rows_rejected == 0


def test_rows_that_are_rejected_otherwise_do_not_count(tmp_path: Path) -> None:
    dataset = _readings(key=["id"])
    warehouse = Warehouse(tmp_path / "warehouse.duckdb", {"readings": dataset})
    rows = [{"id": 1, "seq": 1}, {"id": 1, "seq": 99}, {"id": 2, "seq": 2}]
    entry = warehouse.commit(stage_rows(tmp_path, dataset, "a.csv", rows))
    assert (entry.rows_clean, _rejected(warehouse)) == (2, [])


def test_the_severity_is_told_like_that_of_any_check(tmp_path: Path) -> None:
    _, entry = _commit(tmp_path, _readings(severity={"seq": {"increasing": "warn"}}), [2, 1])
    assert (entry.rows_clean, entry.violations) == (2, 1)
    with pytest.raises(DeliveryRefused, match="seq 2 is not above 3"):
        _commit(tmp_path, _readings(severity={"seq": "quarantine"}), [3, 2], "b.csv")


def test_categories_rise_as_texts_and_nan_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    _, entry = _commit(tmp_path / "texts", _readings(pl.Categorical), ["b", "a", "c"], parts=2)
    assert entry.rows_rejected == 1
    _, entry = _commit(tmp_path, _readings(float), [1.0, float("nan"), 2.0])
    assert entry.rows_rejected == 0


@examples(max_examples=40)
@given(
    values=st.lists(st.none() | st.integers(0, 12), max_size=20)
    | st.lists(st.integers(0, 99), unique=True).map(sorted),
    parts=st.integers(1, 4),
)
def test_what_stays_is_what_a_plain_loop_would_keep(
    tmp_path_factory: pytest.TempPathFactory, values: list[int | None], parts: int
) -> None:
    wrong, last = [], None
    for row, value in enumerate(values, 1):
        if value is not None and last is not None and value <= last:
            wrong.append(row)
        elif value is not None:
            last = value
    warehouse, _ = _commit(tmp_path_factory.mktemp("order"), _readings(), values, parts=parts)
    assert _rejected(warehouse) == wrong
