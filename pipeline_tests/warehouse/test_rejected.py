"""Rejected rows, copied out of the error table."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from pipeline.warehouse import Warehouse, WarehouseError
from pipeline.warehouse.rejected import (
    deliveries_of,
    first_rejected,
    rejected_counts,
    rejected_rows,
    save_rejected,
)
from pipeline_tests.warehouse.conftest import sale

COLUMNS = {"dialect": {"columns": ["id", "shop"]}}


def error(row, check="email", column="code", **more):
    return {
        "_row": row,
        "column_name": column,
        "check_name": check,
        "message": "bad",
        "record": '{"id":"1"}',
        **more,
    }


def test_they_are_in_order_with_where_they_come_from(warehouse: Warehouse, stage, tmp_path: Path) -> None:
    rows = 30_000
    errors = [error(row) for row in range(rows, 0, -1)]
    warehouse.commit(stage("b.csv", [], errors=errors, **COLUMNS))
    warehouse.commit(
        stage("a.csv", [], errors=[error(2, column=None), error(2), error(1)], sha256="ab" * 32, **COLUMNS)
    )
    with warehouse.session() as session:
        threads = session.query("SELECT current_setting('threads') AS threads").item()
        found = save_rejected(session, "sales", tmp_path / "rows")
        assert session.query("SELECT current_setting('threads') AS threads").item() == threads
    assert found is not None
    assert (found.violations, found.unsplit, found.more) == (rows + 3, False, ())
    assert list(found.sources) == ["a.csv", "b.csv"]
    assert found.sources["a.csv"].sha256 == "ab" * 32 and found.sources["a.csv"].columns == ("id", "shop")
    saved = pl.read_parquet(tmp_path / "rows")
    assert saved["_row"].to_list() == [1, 2, 2, *range(1, rows + 1)]
    assert saved["column_name"].to_list()[1:3] == ["code", None]


def test_what_is_not_open_or_does_not_reject_is_not_among_them(
    warehouse: Warehouse, stage, tmp_path: Path
) -> None:
    warehouse.commit(
        stage("a.csv", [sale(1)], errors=[error(2), error(1, severity="warn")], rows_read=2, rows_clean=1)
    )
    with warehouse.session() as session:
        assert rejected_rows(session, "sales") == 1
        assert rejected_counts(session, "sales").rows() == [("code", "email", 1)]
        assert first_rejected(session, "sales", 5)["_row"].to_list() == [2]
        assert deliveries_of(session, "sales") == ["a.csv"]
        assert rejected_rows(session, "sales", ["b.csv"]) == 0
        session.connection.execute("UPDATE errors.sales SET status = 'replayed' WHERE status = 'open'")
        assert save_rejected(session, "sales", tmp_path / "rows") is None
    assert not (tmp_path / "rows").exists()


def test_records_that_were_not_split_and_columns_that_no_file_names_are_told(
    warehouse: Warehouse, stage, tmp_path: Path
) -> None:
    errors = [
        error(1, record='{"id":"1","late":"x","*":null}'),
        error(2, column=None, record='{"_raw":"1;2","_fields":["1","2"]}'),
        error(3, record='{"_raw":"a column","_fields":"another"}'),
    ]
    warehouse.commit(stage("a.csv", [], errors=errors, **COLUMNS))
    with warehouse.session() as session:
        found = save_rejected(session, "sales", tmp_path / "rows")
    assert found is not None and found.unsplit
    assert found.more == ("late", "*", "_raw", "_fields")
    assert pl.read_parquet(tmp_path / "rows")["unsplit"].to_list() == [False, True, False]


def test_rows_of_a_delivery_that_the_ledger_does_not_know_are_a_fault(
    warehouse: Warehouse, stage, tmp_path: Path
) -> None:
    warehouse.commit(stage("a.csv", [], errors=[error(1)]))
    with warehouse.session() as session:
        session.connection.execute("UPDATE ops.deliveries SET status = 'removed'")
        with pytest.raises(WarehouseError, match=r"'a\.csv'.*ledger"):
            save_rejected(session, "sales", tmp_path / "rows")
