"""The warehouse's own tables, and those that follow from contracts."""

# ruff: noqa: DTZ001  (the warehouse keeps moments in UTC without zone)

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import duckdb
import pandera.polars as pa
import polars as pl
import pytest

from pipeline.contract import Dataset
from pipeline.ingest.manifest import Staged
from pipeline.warehouse import ContractChanged, MigrationError, Warehouse
from pipeline.warehouse.migrations import FOLDER, available, migrate
from pipeline.warehouse.sql import ident, interval, parquet, text, timestamp
from pipeline.warehouse.types import duckdb_type
from pipeline_tests.warehouse.conftest import make_sales, sale
from pipeline_tests.warehouse.factory import stage_rows

Stage = Callable[..., Staged]


def test_the_tables_are_those_that_the_design_names(warehouse: Warehouse) -> None:
    with warehouse.session() as session:
        assert session.table_schema("windows", "sales_daily") == [
            ("window_start", "TIMESTAMP"), ("window_end", "TIMESTAMP"), ("shop", "VARCHAR"), ("revenue", "DECIMAL(38,2)"),
            ("row_count", "BIGINT"), ("revision", "INTEGER"), ("computed_at", "TIMESTAMP"), ("is_final", "BOOLEAN"),
            ("local_start", "TIMESTAMP"), ("local_end", "TIMESTAMP"), ("day", "DATE"),
        ]  # fmt: skip
        assert [name for name, _ in session.table_schema("windows", "sales_by_shop")][:4] == [
            "window_start", "window_end", "_delivery", "shop",
        ]  # fmt: skip
        assert session.table_schema("clean", "sales")[:3] == [
            ("id", "BIGINT"),
            ("shop", "VARCHAR"),
            ("amount", "DECIMAL(18,2)"),
        ]
        assert session.table_schema("clean", "nothing") == []


class Wider(pa.DataFrameModel):
    id: int
    shop: str = pa.Field(nullable=True)
    amount: Annotated[pl.Decimal, 18, 2] = pa.Field(nullable=True)
    sold_at: datetime
    code: str = pa.Field(nullable=True)
    colour: str = pa.Field(nullable=True)


class Other(pa.DataFrameModel):
    id: str
    sold_at: datetime
    amount: Annotated[pl.Decimal, 18, 2]
    shop: str
    needed: int


def test_a_new_nullable_column_is_added(warehouse: Warehouse, stage: Stage, tmp_path: Path) -> None:
    warehouse.commit(stage("a.csv", [sale(1)]))
    wider = make_sales(schema=Wider)
    later = Warehouse(warehouse.path, {"sales": wider})
    later.commit(stage_rows(tmp_path, wider, "b.csv", [sale(2, colour="red")]))

    assert later.query("SELECT id, colour FROM clean.sales ORDER BY id").rows() == [(1, None), (2, "red")]
    warehouse.commit(stage("c.csv", [sale(3)]))  # a program with the older contract still fits


def test_a_contract_that_no_longer_fits_stops_that_dataset_and_no_other(
    warehouse: Warehouse, stage: Stage, tmp_path: Path
) -> None:
    warehouse.commit(stage("a.csv", [sale(1)]))
    changed, other = make_sales(schema=Other), Dataset("others", schema=Wider)
    later = Warehouse(warehouse.path, {"sales": changed, "others": other})

    with pytest.raises(ContractChanged) as raised:
        later.commit(stage("b.csv", [sale(2)]))
    assert "'id' is BIGINT in the table and VARCHAR in the contract" in str(raised.value)
    assert "'needed' (BIGINT) is not in the table and not nullable" in str(raised.value)
    assert later.commit(stage_rows(tmp_path, other, "c.csv", [sale(3)])).status == "loaded"


def test_moments_with_a_zone_are_stored_in_utc(tmp_path: Path) -> None:
    class Zoned(pa.DataFrameModel):
        moment: Annotated[pl.Datetime, "us", "Europe/Berlin"]
        status: Annotated[pl.Enum, ["b", "a"]] = pa.Field(unique=True)

    dataset = Dataset("zoned", schema=Zoned)
    rows = pl.DataFrame({"moment": [datetime(2025, 7, 1, 12)], "status": ["a"]}).with_columns(
        pl.col("moment").dt.replace_time_zone("Europe/Berlin"), pl.col("status").cast(pl.Enum(["b", "a"]))
    )
    warehouse = Warehouse(tmp_path / "w.duckdb", {"zoned": dataset})
    warehouse.commit(stage_rows(tmp_path, dataset, "a", rows))
    assert warehouse.query("SELECT moment, status FROM clean.zoned").rows() == [
        (datetime(2025, 7, 1, 10), "a")
    ]
    assert warehouse.commit(stage_rows(tmp_path, dataset, "b", rows, sha256="b")).rows_rejected == 1


def test_migrations_are_applied_once_and_remembered() -> None:
    connection = duckdb.connect()
    assert migrate(connection) == [migration.version for migration in available()]
    assert migrate(connection) == []
    row = connection.execute("SELECT version, name, length(checksum) FROM ops.migrations").fetchone()
    assert row == (1, "core", 64)


def test_a_migration_that_was_changed_after_it_had_been_applied_is_refused(tmp_path: Path) -> None:
    connection, path = duckdb.connect(), tmp_path / "0001_core.sql"
    path.write_text((FOLDER / "0001_core.sql").read_text())
    migrate(connection, tmp_path)
    path.write_text("-- changed")
    with pytest.raises(MigrationError, match=r"0001_core\.sql was changed.*new migration"):
        migrate(connection, tmp_path)


def test_a_migration_that_fails_leaves_nothing_of_its_own(tmp_path: Path) -> None:
    connection = duckdb.connect()
    (tmp_path / "0001_half.sql").write_text("CREATE TABLE half (n INTEGER); SELECT * FROM nowhere;")
    with pytest.raises(duckdb.Error):
        migrate(connection, tmp_path)
    assert connection.execute("SELECT count(*) FROM duckdb_tables()").fetchone() == (0,)


def test_a_warehouse_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    connection = duckdb.connect()
    migrate(connection)
    with pytest.raises(MigrationError, match="newer version"):
        migrate(connection, tmp_path)


@pytest.mark.parametrize("names", [["first.sql"], ["0002_b.sql"], ["0001_a.sql", "0001_b.sql"]])
def test_migrations_named_wrongly_are_refused(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).write_text("SELECT 1")
    with pytest.raises(MigrationError):
        available(tmp_path)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (pl.Int64(), "BIGINT"), (pl.UInt8(), "UTINYINT"), (pl.Decimal(18, 2), "DECIMAL(18,2)"), (pl.Datetime("ns"), "TIMESTAMP"),
        (pl.Datetime("us", "UTC"), "TIMESTAMP"), (pl.Enum(["a"]), "VARCHAR"), (pl.Categorical(), "VARCHAR"),
        (pl.List(pl.Int8), "TINYINT[]"), (pl.Time(), "TIME"), (pl.Float32(), "FLOAT"),
    ],
)  # fmt: skip
def test_every_dtype_has_one_duckdb_type(dtype: Any, expected: str) -> None:
    assert duckdb_type(dtype) == expected


def test_a_dtype_that_is_not_stored_is_named() -> None:
    with pytest.raises(TypeError, match="Duration"):
        duckdb_type(pl.Duration())


def test_quotes_are_doubled_and_lengths_of_time_are_readable() -> None:
    from datetime import timedelta

    assert ident('a"b') == '"a""b"' and text("it's") == "'it''s'"
    assert parquet(["a'b"]) == "read_parquet(['a''b'])"
    assert timestamp(datetime(2025, 1, 1)) == "TIMESTAMP '2025-01-01 00:00:00'"
    assert [interval(timedelta(**{unit: 90})) for unit in ("days", "hours", "seconds", "milliseconds", "microseconds")] == [
        "INTERVAL '90' DAY", "INTERVAL '90' HOUR", "INTERVAL '90' SECOND", "INTERVAL '90' MILLISECOND", "INTERVAL '90' MICROSECOND",
    ]  # fmt: skip
