"""`pipeline windows recompute` and `pipeline windows verify`."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from pipeline_tests.product.support import SAMPLES, drop, pipeline, value


@pytest.fixture
def filled(home: Path) -> Path:
    """A home with the sample orders and sales of one file each."""
    drop(SAMPLES / "orders" / "2026-11-16.csv", home, "orders")
    drop(SAMPLES / "sales" / "week 47.csv", home, "sales")
    assert pipeline(home, "ingest").returncode == 0
    return home


def spoil(home: Path, statement: str) -> None:
    with duckdb.connect(str(home / "warehouse.duckdb")) as connection:
        connection.execute(statement)


def test_a_figure_that_was_changed_is_found_and_mended(filled: Path) -> None:
    assert pipeline(filled, "windows", "verify").returncode == 0
    spoil(filled, "UPDATE windows.orders_daily_by_department SET revenue = 1 WHERE department = 'Toys'")
    day = str(value(filled, "SELECT max(window_start)::DATE FROM windows.orders_daily_by_department"))

    found = pipeline(filled, "windows", "verify", "orders/daily_by_department", "--json")
    assert found.returncode == 1
    [window] = json.loads(found.stdout)
    [looked_at] = [one for one in window["days"] if one["day"] == day]
    assert (looked_at["other"], looked_at["examples"][0]["figures"]["revenue"]["stored"]) == (1, "1.00")
    told = pipeline(filled, "windows", "verify", "orders", "--from", day)
    assert (told.returncode, "1 window differs" in told.stdout, "revenue" in told.stdout) == (1, True, True)

    done = pipeline(filled, "windows", "recompute", "orders/daily_by_department", "--from", day, "--json")
    assert [(one["window"], one["day"], one["changed"]) for one in json.loads(done.stdout)] == [
        ("orders/daily_by_department", day, 1)
    ]
    assert pipeline(filled, "windows", "verify", "--all").returncode == 0
    revisions = "SELECT DISTINCT revision FROM windows.orders_daily_by_department WHERE department = 'Toys'"
    assert value(filled, f"{revisions} AND window_start::DATE = '{day}'") == 2


def test_a_total_is_mended_as_a_whole(filled: Path) -> None:
    spoil(filled, "UPDATE windows.sales_by_department SET units = 0 WHERE _delivery IS NULL")
    assert pipeline(filled, "windows", "verify", "sales").returncode == 1
    done = pipeline(filled, "windows", "recompute", "sales", "--all")
    assert done.returncode == 0 and "sales/by_department" in done.stdout
    assert pipeline(filled, "windows", "verify", "sales").returncode == 0


def test_a_range_of_days_is_computed_over_all_windows_of_a_dataset(filled: Path) -> None:
    done = json.loads(
        pipeline(
            filled, "windows", "recompute", "orders", "--from", "2026-11-01", "--to", "2026-12-31", "--json"
        ).stdout
    )
    assert {one["window"] for one in done} == {"orders/daily_by_department", "orders/last_hour"}
    assert len(done) == 2 * 61 and {one["changed"] for one in done} == {0}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["recompute", "orders/hourly"], "orders/daily_by_department"),
        (["recompute", "invoices"], "'invoices'"),
        (["recompute", "orders", "--from", "2026-02-02", "--to", "2026-02-01"], "lies before"),
        (["recompute", "orders", "--to", "2026-02-01"], "--from"),
        (["recompute", "orders", "--from", "2026-02-01", "--all"], "--all"),
        (["verify", "--all", "--days", "3"], "one of --days"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_would(home: Path, arguments: list[str], message: str) -> None:
    done = pipeline(home, "windows", *arguments)
    assert done.returncode == 2 and message in done.stderr


def test_nothing_dirty_is_said_and_no_warehouse_is_an_error(filled: Path, tmp_path: Path) -> None:
    assert "Nothing of these was dirty" in pipeline(filled, "windows", "recompute", "orders").stdout
    assert pipeline(tmp_path / "other", "windows", "verify").returncode == 2


@pytest.mark.parametrize("command", ["recompute", "verify"])
def test_each_has_help_with_an_example(home: Path, command: str) -> None:
    done = pipeline(home, "windows", command, "--help")
    assert done.returncode == 0 and "Example" in done.stdout


def test_an_ingest_says_what_it_loaded_though_a_window_fails(tmp_path: Path) -> None:
    folder = tmp_path / "datasets"
    folder.mkdir()
    (folder / "codes.py").write_text(
        "from datetime import datetime\n"
        "import pandera.polars as pa\n"
        "from pipeline.contract import Dataset, Tumbling, agg\n"
        "class Code(pa.DataFrameModel):\n    seen: datetime\n    code: str\n"
        'codes = Dataset("codes", schema=Code, event_time="seen", windows=[\n'
        '    Tumbling("failing", every="1d", measures={"top": agg.sql("max(code::INTEGER)", "INTEGER")}),\n'
        '    Tumbling("daily", every="1d", measures={"n": agg.count()})])\n',
        encoding="utf-8",
    )
    home = tmp_path / "home"
    (home / "inbox" / "codes").mkdir(parents=True)
    (home / "inbox" / "codes" / "a.csv").write_text("seen,code\n2025-01-01 10:00:00,x\n", encoding="utf-8")
    done = pipeline(home, "ingest", "codes", PIPELINE_DATASETS=str(folder))
    assert done.returncode == 2 and "a.csv" in done.stdout
    assert (
        "window codes/failing on 2025-01-01 cannot be computed" in done.stderr
        and "max(code::INTEGER)" in done.stderr
    )
    again = pipeline(home, "replay", "codes", PIPELINE_DATASETS=str(folder))
    assert again.returncode == 2 and "No row of codes is rejected and open." in again.stdout
    assert "window codes/failing on 2025-01-01 cannot be computed" in again.stderr
    told = pipeline(
        home, "query", "SELECT n FROM windows.codes_daily", "--json", PIPELINE_DATASETS=str(folder)
    )
    assert json.loads(told.stdout) == [{"n": 1}]
