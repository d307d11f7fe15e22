"""What a contract that changed does to its table, shown and done."""

# ruff: noqa: DTZ001  (the warehouse keeps moments in UTC without zone)

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import duckdb
import polars as pl
import pytest

from pipeline.contract import Dataset, Tumbling, agg
from pipeline.warehouse import ContractChanged, Evolution, Step, Warehouse
from pipeline.warehouse.evolution import plan
from pipeline.warehouse.migrations import FOLDER, available, migrate
from pipeline.warehouse.widening import conversion, widens
from pipeline_tests.ingest.support import model
from pipeline_tests.warehouse.factory import stage_rows

OWN = {"_delivery": "VARCHAR", "_row": "BIGINT", "_rescued": "VARCHAR"}
NULLABLE = {"nullable": True}


def things(_more: dict[str, Any] | None = None, **columns: Any) -> Dataset:
    return Dataset("things", schema=model(**columns), **(_more or {}))


def kinds(dataset: Dataset, **table: str) -> list[tuple[str, str | None, bool]]:
    """Kind, column and whether files must be loaded again, of each step."""
    return [(step.kind, step.column, step.again) for step in plan(dataset, table | OWN)]


# The plan


def test_a_table_as_declared_needs_nothing() -> None:
    assert kinds(things(a=int, b=str), a="BIGINT", b="VARCHAR") == []


def test_a_nullable_column_is_added_without_being_asked_for() -> None:
    (step,) = plan(things(a=int, b=(str, NULLABLE)), {"a": "BIGINT"} | OWN)
    assert (step.kind, step.column, step.again, step.quiet) == ("add", "b", False, True)
    assert step.text == "column 'b' (VARCHAR) is not in the table: null in old rows"


def test_a_column_with_a_default_gets_it_in_old_rows() -> None:
    (step,) = plan(things(a=int, b=(int, {"default": 7})), {"a": "BIGINT"} | OWN)
    assert (step.kind, step.again, step.quiet, step.fill) == ("add", False, False, "CAST('7' AS BIGINT)")


def test_a_column_that_must_not_be_null_needs_the_files() -> None:
    assert kinds(things(a=int, b=str), a="BIGINT") == [("add", "b", True)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("TINYINT", "BIGINT"), ("UTINYINT", "SMALLINT"), ("INTEGER", "DOUBLE"), ("SMALLINT", "FLOAT"), ("BIGINT", "DECIMAL(38,2)"),
        ("INTEGER", "DECIMAL(12,2)"), ("DECIMAL(10,2)", "DECIMAL(18,4)"), ("FLOAT", "DOUBLE"), ("DATE", "TIMESTAMP"),
        ("DOUBLE", "VARCHAR"), ("BOOLEAN", "VARCHAR"),
    ],
)  # fmt: skip
def test_types_that_lose_nothing_are_widened(before: str, after: str) -> None:
    assert widens(before, after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("BIGINT", "INTEGER"), ("BIGINT", "DOUBLE"), ("INTEGER", "FLOAT"), ("INTEGER", "UINTEGER"), ("UBIGINT", "BIGINT"),
        ("BIGINT", "DECIMAL(18,2)"), ("DECIMAL(18,4)", "DECIMAL(18,2)"), ("DECIMAL(18,2)", "DECIMAL(18,4)"), ("DECIMAL(18,2)", "DOUBLE"),
        ("DOUBLE", "FLOAT"), ("TIMESTAMP", "DATE"), ("VARCHAR", "BIGINT"), ("BOOLEAN", "BIGINT"),
    ],
)  # fmt: skip
def test_types_that_may_lose_something_are_not(before: str, after: str) -> None:
    assert not widens(before, after)


EXTREMES = {
    "TINYINT": ("-128", "127"), "SMALLINT": ("-32768", "32767"), "INTEGER": ("-2147483648", "2147483647"),
    "BIGINT": ("-9223372036854775808", "9223372036854775807"), "UTINYINT": ("0", "255"), "USMALLINT": ("0", "65535"),
    "UINTEGER": ("0", "4294967295"), "UBIGINT": ("0", "18446744073709551615"), "FLOAT": ("0.1", "3.4e38"),
    "DOUBLE": ("0.1", "1e300"), "DECIMAL(10,2)": ("-99999999.99", "0.01"), "DECIMAL(38,0)": ("-1", "9" * 38), "DATE": ("0001-01-01", "9999-12-31"),
}  # fmt: skip


@pytest.mark.parametrize("before", EXTREMES)
def test_what_is_called_wider_gives_every_extreme_back(before: str) -> None:
    connection = duckdb.connect()
    connection.execute(f"CREATE TABLE t AS SELECT CAST(unnest(?) AS {before}) AS c", [list(EXTREMES[before])])
    wider = [*EXTREMES, "TIMESTAMP", "VARCHAR", "DECIMAL(12,2)", "DECIMAL(38,10)", "DECIMAL(38,18)"]
    for after in filter(lambda after: widens(before, after), wider):
        there = conversion("c", before, after, "UTC")
        back = connection.execute(f"SELECT count(*) FROM t WHERE CAST({there} AS {before}) = c").fetchone()
        assert back == (2,), after


def test_other_changes_of_type_need_the_files() -> None:
    assert kinds(things(a=int, b=pl.Float64), a="VARCHAR", b="BIGINT") == [
        ("convert", "a", True),
        ("convert", "b", True),
    ]


def test_what_the_contract_no_longer_has_is_kept() -> None:
    (step,) = plan(things(a=int), {"a": "BIGINT", "old": "DOUBLE"} | OWN)
    assert (step.kind, step.column, step.before, step.changes) == ("keep", "old", "DOUBLE", False)


def test_a_column_that_files_added_becomes_the_contracts_by_name_or_alias() -> None:
    assert kinds(things(shop_code=(int, NULLABLE)), **{"Shop Code": "VARCHAR"}) == [
        ("rename", "shop_code", False),
        ("convert", "shop_code", True),
    ]
    aliased = things({"aliases": {"shop": ["Shop Code"]}}, shop=(str, NULLABLE))
    assert kinds(aliased, **{"Shop Code": "VARCHAR"}) == [("rename", "shop", False)]
    assert kinds(things(shop=str), Shop="VARCHAR") == [("rename", "shop", False)]


def test_windrows_own_columns_are_never_taken_for_the_contracts() -> None:
    assert kinds(things(delivery=(str, NULLABLE), row=(int, NULLABLE))) == [
        ("add", "delivery", False),
        ("add", "row", False),
    ]


def test_rows_of_an_older_contract_are_counted() -> None:
    (step,) = plan(things(a=int), {"a": "BIGINT"} | OWN, stale=3)
    assert (step.kind, step.again, step.changes) == ("load again", True, False)
    assert step.text == "3 deliveries were staged under another version of the contract"


# The warehouse


def warehouse_of(folder: Path, dataset: Dataset) -> Warehouse:
    return Warehouse(folder / "w.duckdb", {dataset.name: dataset}, busy_timeout=20)


def load(folder: Path, dataset: Dataset, *rows: dict[str, Any]) -> Warehouse:
    """A warehouse with one delivery of these rows."""
    warehouse = warehouse_of(folder, dataset)
    warehouse.commit(stage_rows(folder, dataset, "a.csv", list(rows)))
    return warehouse


def steps(found: Evolution) -> list[tuple[str, str | None]]:
    return [(step.kind, step.column) for change in found.changes for step in change.steps if step.changes]


def clean_of(warehouse: Warehouse, columns: str) -> list[tuple[Any, ...]]:
    return warehouse.query(f"SELECT {columns} FROM clean.things ORDER BY _row").rows()


def test_the_plan_is_shown_without_changing_anything(tmp_path: Path) -> None:
    load(tmp_path, things(a=pl.Int32), {"a": 1})
    later = warehouse_of(tmp_path, things(a=int, b=(str, NULLABLE)))
    assert steps(later.planned()) == [("widen", "a"), ("add", "b")]
    assert later.planned().changes[0].stale == 1
    assert later.query("SELECT * FROM clean.things").columns == ["a", *OWN]


def test_what_loses_nothing_is_done_and_files_are_taken_again(tmp_path: Path) -> None:
    before = things(
        n=pl.Int32, m=pl.Float32, d=(Annotated[pl.Decimal, 10, 2]), day=date, code=int, gone=(str, NULLABLE)
    )
    row = {"n": 2**31 - 1, "m": 0.5, "d": Decimal("1.25"), "day": date(2025, 7, 1), "code": 7, "gone": "x"}
    load(tmp_path, before, row)
    after = things(
        {"timezone": "Europe/Berlin"},
        n=int, m=float, d=(Annotated[pl.Decimal, 18, 4]), day=datetime, code=str, rank=(int, {"default": 3}),
        flag=(bool, NULLABLE),
    )  # fmt: skip
    later = warehouse_of(tmp_path, after)
    with pytest.raises(ContractChanged, match="pipeline migrate things"):
        later.commit(stage_rows(tmp_path, after, "b.csv", []))

    found = later.migrate()
    assert steps(found) == [
        (k, c)
        for k, c in [
            *(("widen", c) for c in ("n", "m", "d", "day", "code")),
            ("add", "rank"),
            ("add", "flag"),
        ]
    ]
    assert found.changes[0].done
    assert clean_of(later, "n, m, d, day, code, rank, flag, gone") == [
        (2**31 - 1, 0.5, Decimal("1.2500"), datetime(2025, 6, 30, 22), "7", 3, None, "x")
    ]
    fresh = {
        "n": 1,
        "m": 0.1,
        "d": Decimal(1),
        "day": datetime(2025, 1, 1),
        "code": "x",
        "rank": 1,
        "flag": True,
    }
    assert later.commit(stage_rows(tmp_path, after, "b.csv", [fresh])).status == "loaded"
    assert steps(later.migrate()) == []


def test_what_needs_the_files_is_left_undone_until_that_is_allowed(tmp_path: Path) -> None:
    load(
        tmp_path,
        things(a=(str, NULLABLE), n=pl.Int32),
        {"a": "5", "n": 1},
        {"a": "5.5", "n": 2},
        {"a": "x", "n": 3},
    )
    after = things(a=(int, NULLABLE), n=int, needed=str)
    later = warehouse_of(tmp_path, after)
    found = later.migrate()
    assert (found.changes[0].done, found.changes[0].blocked) == (False, True)
    with later.session() as session:
        assert dict(session.table_schema("clean", "things")) == {"a": "VARCHAR", "n": "BIGINT"} | OWN

    assert later.migrate(convert=True).changes[0].done
    assert clean_of(later, "a, n, needed") == [(5, 1, None), (None, 2, None), (None, 3, None)]
    assert (
        later.commit(stage_rows(tmp_path, after, "b.csv", [{"a": 1, "n": 1, "needed": "x"}])).status
        == "loaded"
    )


@pytest.mark.parametrize(
    ("before", "after", "values", "wanted"),
    [
        ("VARCHAR", "BIGINT", ["7", " 8 ", "5.5", "x", None], [7, 8, None, None, None]),
        ("VARCHAR", "DECIMAL(18,2)", ["1.5", "1.505", "-3"], [Decimal("1.50"), None, Decimal("-3.00")]),
        ("DOUBLE", "BIGINT", ["5.0", "5.5", "1e30"], [5, None, None]),
        ("DECIMAL(18,4)", "DECIMAL(18,2)", ["1.2500", "1.2550"], [Decimal("1.25"), None]),
        ("TIMESTAMP", "DATE", ["2025-01-01 00:00:00", "2025-01-01 10:00:00"], [date(2025, 1, 1), None]),
        ("BIGINT", "TINYINT", ["127", "128"], [127, None]),
        ("VARCHAR", "BOOLEAN", ["true", "maybe"], [True, None]),
    ],
)
def test_a_conversion_is_exact_or_null(before: str, after: str, values: list[Any], wanted: list[Any]) -> None:
    connection = duckdb.connect()
    connection.execute(
        f"CREATE TABLE t AS SELECT CAST(v AS {before}) AS c FROM (SELECT unnest(?) AS v)", [values]
    )
    found = connection.execute(f"SELECT {conversion('c', before, after, 'UTC')} FROM t").fetchall()
    assert [row[0] for row in found] == wanted


def test_a_column_that_a_file_added_is_renamed_and_converted(tmp_path: Path) -> None:
    before = things({"drift": "evolve"}, a=int)
    warehouse = warehouse_of(tmp_path, before)
    frame = pl.DataFrame({"a": [1, 2], "Shop No": ["7", "x"]})
    warehouse.commit(stage_rows(tmp_path, before, "a.csv", frame, added=("Shop No",)))
    later = warehouse_of(tmp_path, things({"drift": "evolve"}, a=int, shop_no=(int, NULLABLE)))
    with pytest.raises(ContractChanged, match="'Shop No' of the table is 'shop_no' of the contract"):
        later.commit(stage_rows(tmp_path, before, "b.csv", frame))
    later.migrate(convert=True)
    assert clean_of(later, "a, shop_no") == [(1, 7), (2, None)]
    assert later.query("SELECT * FROM clean.things").columns == ["a", *OWN, "shop_no"]


def test_windows_that_look_at_a_changed_column_are_dirty_and_others_are_not(tmp_path: Path) -> None:
    def dataset(kind: Any) -> Dataset:
        windows = [
            Tumbling("codes", every="1d", measures={"codes": agg.count_distinct("code")}),
            Tumbling("rows", every="1d", measures={"rows": agg.count()}),
        ]
        return things({"event_time": "at", "windows": windows}, code=(kind, NULLABLE), at=datetime)

    warehouse = load(
        tmp_path,
        dataset(str),
        {"code": "x", "at": datetime(2025, 3, 3)},
        {"code": "1", "at": datetime(2025, 3, 3)},
    )
    for window in ("codes", "rows"):
        warehouse.recompute("things", window)
    later = warehouse_of(tmp_path, dataset(int))
    later.migrate(convert=True)
    with later.session() as session:
        assert [(mark.window, mark.day) for mark in session.dirty()] == [("codes", date(2025, 3, 3))]
    later.recompute("things", "codes")
    assert later.query("SELECT codes FROM windows.things_codes")["codes"].to_list() == [1]


def test_a_migration_that_fails_half_way_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(tmp_path, things(a=pl.Int32, b=pl.Int32), {"a": 1, "b": 2})
    later = warehouse_of(tmp_path, things(a=int, b=int))
    wrong = Step("widen", "b", "", "b", "INTEGER", "NO_SUCH_TYPE")
    found = plan(later.datasets["things"], {"a": "INTEGER", "b": "INTEGER"} | OWN)
    monkeypatch.setattr("pipeline.warehouse.alter.plan", lambda *_: [found[0], wrong])
    with pytest.raises(duckdb.Error):
        later.migrate()
    monkeypatch.undo()
    assert steps(later.migrate()) == [("widen", "a"), ("widen", "b")]


def test_the_warehouses_own_migrations_are_listed_and_applied(tmp_path: Path) -> None:
    names = tuple(one.name for one in available())
    earlier, first = tmp_path / "earlier", min(FOLDER.glob("*.sql"))
    earlier.mkdir()
    (earlier / first.name).write_text(first.read_text())
    later = warehouse_of(tmp_path, things(a=int))
    with duckdb.connect(str(later.path)) as connection:
        migrate(connection, earlier)
    assert later.planned().migrations == names[1:]
    assert later.migrate().migrations == names[1:]
    assert later.migrate().migrations == ()


def test_a_new_warehouse_is_made(tmp_path: Path) -> None:
    warehouse = warehouse_of(tmp_path, things(a=int))
    found = warehouse.migrate()
    assert (found.migrations, found.changes[0].steps) == (tuple(one.name for one in available()), ())
    assert warehouse.query("SELECT * FROM clean.things").columns == ["a", *OWN]


def test_a_program_that_waited_for_the_migration_goes_on_without_a_restart(tmp_path: Path) -> None:
    load(tmp_path, things(a=pl.Int32), {"a": 1})
    after = things(a=int)
    running, migrating = warehouse_of(tmp_path, after), warehouse_of(tmp_path, after)
    staged = stage_rows(tmp_path, after, "b.csv", [{"a": 2}])
    with pytest.raises(ContractChanged):
        running.commit(staged)
    migrating.migrate()
    assert running.commit(staged).status == "loaded"


# Tables without rows

EMPTY_BEFORE = things({"event_time": "at", "windows": [Tumbling("daily", every="1d", measures={"s": agg.sum("n")})]},
                      n=int, at=datetime, gone=str)  # fmt: skip


def never_loaded(folder: Path) -> None:
    with warehouse_of(folder, EMPTY_BEFORE).session():
        pass


def all_rejected(folder: Path) -> None:
    error = {"_row": 1, "column_name": "n", "value": "x", "message": "no number", "record": '{"n":"x"}'}
    warehouse_of(folder, EMPTY_BEFORE).commit(stage_rows(folder, EMPTY_BEFORE, "a.csv", [], errors=[error]))


def corrected_away(folder: Path) -> None:
    row = {"n": 1, "at": datetime(2025, 7, 1), "gone": "x"}
    warehouse = load(folder, EMPTY_BEFORE, row)
    warehouse.recompute("things", "daily")
    warehouse.commit(stage_rows(folder, EMPTY_BEFORE, "a.csv", []))  # a new version of the file, without rows


@pytest.mark.parametrize("emptied", [never_loaded, all_rejected, corrected_away])
@pytest.mark.parametrize(
    "columns",
    [
        {"n": str, "at": datetime, "gone": str},
        {"n": float, "at": str, "needed": str},
        {"n": int, "at": date},
        {"number": int, "at": datetime, "gone": (bool, NULLABLE)},
        {"n": (int, {"default": 7}), "more": (int, {"default": 7})},
    ],
    ids=lambda columns: ",".join(columns),
)
def test_a_table_without_rows_becomes_what_is_declared(
    tmp_path: Path, columns: dict[str, Any], emptied: Callable[[Path], None]
) -> None:
    emptied(tmp_path)
    after = things(**columns)
    later = warehouse_of(tmp_path, after)
    assert [change.blocked for change in later.planned().changes] == [False]
    values: dict[Any, Any] = {
        int: 5,
        float: 0.5,
        str: "x",
        bool: True,
        date: date(2025, 1, 1),
        datetime: datetime(2025, 1, 1),
    }
    row = {name: values[kind[0] if isinstance(kind, tuple) else kind] for name, kind in columns.items()}
    assert later.commit(stage_rows(tmp_path, after, "b.csv", [row])).status == "loaded"
    assert later.query("SELECT * FROM clean.things").columns == [*columns, *OWN]
    assert clean_of(later, "*")[0][: len(row)] == tuple(row.values())
    assert steps(later.planned()) == []


def test_migrate_needs_no_files_for_a_table_without_rows(tmp_path: Path) -> None:
    all_rejected(tmp_path)
    later = warehouse_of(tmp_path, things(n=str, needed=str))
    assert [change.done for change in later.migrate().changes] == [True]
    assert later.query("SELECT * FROM clean.things").columns == ["n", "needed", *OWN]
    with later.session() as session:  # what was rejected stays rejected
        assert session.error_counts("things")["violations"].to_list() == [1]


def test_the_windows_of_a_table_without_rows_are_made_anew(tmp_path: Path) -> None:
    corrected_away(tmp_path)
    window = Tumbling("daily", every="1d", measures={"s": agg.max("name")})
    after = things({"event_time": "moment", "windows": [window]}, name=str, moment=datetime)
    later = warehouse_of(tmp_path, after)
    later.commit(stage_rows(tmp_path, after, "b.csv", [{"name": "x", "moment": datetime(2025, 7, 2)}]))
    later.recompute("things", "daily")
    assert later.query("SELECT day, s FROM windows.things_daily").rows() == [(date(2025, 7, 2), "x")]


def test_a_table_with_one_row_is_asked_about(tmp_path: Path) -> None:
    load(tmp_path, EMPTY_BEFORE, {"n": 1, "at": datetime(2025, 7, 1), "gone": "x"})
    later = warehouse_of(tmp_path, things(n=str, at=datetime, gone=str))
    with pytest.raises(ContractChanged):
        later.commit(stage_rows(tmp_path, things(n=str), "b.csv", []))
