"""SQL of a declaration that does not work: found when the tables are made, or named when it fails on rows; nothing else suffers."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from pipeline.contract import Aggregate, ContractError, Tumbling, agg
from pipeline.intake import Intake, recompute_dirty
from pipeline.settings import Settings
from pipeline.warehouse import PartsFailed, Warehouse
from pipeline_tests.warehouse.conftest import make_sales, sale
from pipeline_tests.warehouse.factory import stage_rows

GOOD = Tumbling("good", every="1d", measures={"sales": agg.count()})


@pytest.mark.parametrize(
    ("measure", "told"),
    [
        (agg.count(where="amuont > 1"), "where 'amuont > 1': Binder Error"),
        (agg.sum("amount", where="amount >"), "where 'amount >': Parser Error"),
        (agg.sql("sum(amount) / nothing"), "sql 'sum(amount) / nothing :: DOUBLE': Binder Error"),
        (agg.sql("amount * 2"), "must appear in the GROUP BY clause"),
        (agg.sql("sum(amount)", "DOUBEL"), "Type with name DOUBEL does not exist"),
    ],
)
def test_sql_that_does_not_fit_the_columns_is_refused_by_name(
    tmp_path: Path, measure: Aggregate, told: str
) -> None:
    wrong = make_sales(windows=[Tumbling("wrong", every="1d", measures={"figure": measure})])
    other = replace(make_sales(windows=[GOOD]), name="returns")
    warehouse = Warehouse(tmp_path / "w.duckdb", {"sales": wrong, "returns": other})
    with pytest.raises(ContractError) as caught:
        warehouse.commit(stage_rows(tmp_path / "staging", wrong, "a.csv", [sale(1)]))
    message = str(caught.value)
    assert message.startswith("dataset 'sales', window 'wrong', measure 'figure': its SQL does not work")
    assert told in message and "The columns are: " in message
    assert warehouse.commit(stage_rows(tmp_path / "staging", other, "b.csv", [sale(1)])).status == "loaded"


def test_sql_that_fails_on_rows_leaves_all_other_windows_right(tmp_path: Path) -> None:
    failing = Tumbling("failing", every="1d", measures={"codes": agg.sql("max(code::INTEGER)", "INTEGER")})
    dataset = make_sales(windows=[failing, GOOD])
    settings = Settings(home=tmp_path)
    warehouse = Warehouse(settings.warehouse, {"sales": dataset})
    intake = Intake(settings, {"sales": dataset}, warehouse)
    warehouse.commit(stage_rows(tmp_path / "made", dataset, "a.csv", [sale(1, code="x")]))
    with pytest.raises(PartsFailed) as caught:
        list(recompute_dirty(intake))
    (failure,) = caught.value.failures
    assert str(failure).startswith(
        "window sales/failing on 2025-03-03 cannot be computed: Conversion Error"
    ) and "max(code::INTEGER)" in str(failure)
    assert warehouse.query("SELECT sales FROM windows.sales_good").rows() == [(1,)]
    with warehouse.session(read_only=True) as session:
        assert {mark.window for mark in session.dirty()} == {"failing"}


def test_a_division_by_zero_is_no_failure(tmp_path: Path) -> None:
    divided = Tumbling("divided", every="1d", measures={"rate": agg.sql("sum(amount) / (count(*) - 1)")})
    dataset = make_sales(windows=[divided])
    warehouse = Warehouse(tmp_path / "w.duckdb", {"sales": dataset})
    warehouse.commit(stage_rows(tmp_path / "made", dataset, "a.csv", [sale(1, at=datetime(2025, 1, 1))]))  # noqa: DTZ001
    assert warehouse.recompute("sales", "divided")[0].rows == 1
    assert warehouse.query("SELECT rate FROM windows.sales_divided").rows() == [(math.inf,)]


@pytest.mark.parametrize(
    ("expression", "sql_type", "first", "second"),
    [
        ("max(shop)", "VARCHAR", "A", "B"),
        ("max(sold_at)", "TIMESTAMP", datetime(2025, 1, 1), datetime(2025, 1, 1, 5)),  # noqa: DTZ001
        ("list(id ORDER BY id)", "BIGINT[]", [1], [1, 2]),
        ("count(*) > 1", "BOOLEAN", False, True),
        ("max(CASE WHEN id = 2 THEN 'inf'::DOUBLE ELSE id END)", "DOUBLE", 1.0, math.inf),
    ],
)
def test_figures_of_any_type_are_told_apart(
    tmp_path: Path, expression: str, sql_type: str, first: object, second: object
) -> None:
    made = Tumbling("made", every="1d", measures={"figure": agg.sql(expression, sql_type)})
    dataset = make_sales(windows=[made])
    warehouse = Warehouse(tmp_path / "w.duckdb", {"sales": dataset})
    rows = [sale(1, at=datetime(2025, 1, 1)), sale(2, at=datetime(2025, 1, 1, 5), shop="B")]  # noqa: DTZ001
    for row, figure, revision in zip(rows, (first, second), (1, 2), strict=True):
        warehouse.commit(stage_rows(tmp_path / "made", dataset, f"{row['id']}.csv", [row]))
        warehouse.recompute("sales", "made")
        stored = warehouse.query("SELECT figure, revision FROM windows.sales_made").rows()
        assert stored == [(figure, revision)]
