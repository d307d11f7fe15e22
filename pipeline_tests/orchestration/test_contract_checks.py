"""An asset check for each thing that a contract demands."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pandera.polars as pa
import polars as pl
from dagster import AssetCheckKey, AssetKey, DagsterInstance, Definitions
from openpyxl import load_workbook

from pipeline.contract import Dataset, clean
from pipeline.contract.rules import Rule
from pipeline.datasets.orders import orders
from pipeline.orchestration.checks.contract import MENDED, OTHER, READABLE, contract_checks, judge_contract
from pipeline.warehouse.violations import CheckTotal
from pipeline_tests.orchestration.conftest import Drop, Run, order

CLEAN = AssetKey(["orders", "clean"])


class Shipment(pa.DataFrameModel):
    id: int = pa.Field(unique=True, gt=0)
    größe: float = pa.Field(in_range={"min_value": 0, "max_value": 9})
    gr_ße: str
    ordered: date
    shipped: date = pa.Field(nullable=True)

    class Config:
        unique = ["ordered", "shipped"]

    @pa.dataframe_check
    def plausible(cls, data: Any) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col("id") > 0)


shipments = Dataset(
    "shipments",
    schema=Shipment,
    clean={"ordered": clean.date("%d.%m.%Y")},
    rules=[
        Rule("ship_after_order", pl.col("shipped") >= pl.col("ordered")),
        Rule("no_test", pl.col("id") != 13, severity="quarantine"),
    ],
)


def state(instance: DagsterInstance, check: str) -> tuple[str, dict[str, object]]:
    [latest] = instance.event_log_storage.get_asset_check_execution_history(
        AssetCheckKey(CLEAN, check), limit=1
    )
    assert latest.event is not None and latest.event.dagster_event is not None
    told = latest.event.dagster_event.asset_check_evaluation_data
    return latest.status.value, {name: value.value for name, value in told.metadata.items()}


def test_names_are_valid_different_and_those_of_the_declaration() -> None:
    names = [check.name for check in contract_checks(shipments)]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_]+", name) for name in names)
    expected = {
        "id__type", "id__not_null", "id__gt", "id__unique", "ordered__shipped__unique", "rule__plausible",
        "rule__ship_after_order", "rule__no_test", READABLE, MENDED, OTHER,
    }  # fmt: skip
    assert expected <= set(names)
    assert {"gr_e__not_null", "gr__e__not_null"} <= set(names)
    assert "shipped__not_null" not in names and "gr__e__type" not in names


def test_every_violation_is_counted_by_exactly_one_check() -> None:
    checks = contract_checks(shipments)
    totals = [
        CheckTotal(*kind, 2, 1, (("a.csv", 2),))
        for kind in (
            ("id", "cast", "reject"), ("id", "unique", "reject"), ("ordered, shipped", "unique", "reject"), ("id", "odd", "warn"),
            (None, "ship_after_order", "reject"), (None, "too_few_fields", "reject"), (None, "stray_quote", "repair"),
            (None, "new_rule", "warn"),
        )
    ]  # fmt: skip
    verdicts = judge_contract(checks, [], totals)
    assert [verdict.check for verdict in verdicts] == [check.name for check in checks]
    counted = {v.check: v.metadata["violations"] for v in verdicts if v.metadata["violations"]}
    assert counted == {
        "id__type": 2, "id__unique": 2, "ordered__shipped__unique": 2, "rule__ship_after_order": 2, READABLE: 2, MENDED: 2, OTHER: 4,
    }  # fmt: skip
    assert all(verdict.passed == (verdict.check not in counted) for verdict in verdicts)


def test_each_check_of_a_run_has_its_own_count_and_the_run_succeeds(
    drop: Drop, run: Run, instance: DagsterInstance
) -> None:
    drop("a.csv", order(1), order(2, amount="oops"), order(3, amount="-1"), order(4, amount="-2"))
    drop("b.csv", order(1), order(5, amount="-3"))
    assert run("ingest").success
    assert state(instance, "amount__type") == (
        "FAILED",
        {"violations": 1, "share_of_rows": 0.166667, "worst": "a.csv: 1"},
    )
    assert state(instance, "amount__ge")[1]["worst"] == "a.csv: 2; b.csv: 1"
    assert state(instance, "order_id__unique")[1]["violations"] == 1
    assert state(instance, "status__isin")[0] == "SUCCEEDED"


def test_a_later_run_and_one_by_hand_say_the_same_of_all_that_is_loaded(
    drop: Drop, run: Run, instance: DagsterInstance, definitions: Definitions
) -> None:
    drop("a.csv", order(1, amount="oops"))
    run("ingest")
    drop("b.csv", order(2))
    run("ingest")
    assert state(instance, "amount__type") == (
        "FAILED",
        {"violations": 1, "share_of_rows": 0.5, "worst": "a.csv: 1"},
    )
    job = definitions.resolve_implicit_global_asset_job_def()
    done = job.get_subset(asset_check_selection={AssetCheckKey(CLEAN, "amount__type")}, asset_selection=set())
    assert done.execute_in_process(instance=instance).success
    assert state(instance, "amount__type") == (
        "FAILED",
        {"violations": 1, "share_of_rows": 0.5, "worst": "a.csv: 1"},
    )


def test_a_delivery_shows_its_report_its_score_and_what_is_wrong(
    drop: Drop, run: Run, instance: DagsterInstance
) -> None:
    drop("a.csv", order(1), order(2, amount="<oops>"), order(3).replace("Bob", " Bob"))
    run("ingest")
    event = instance.get_latest_materialization_event(CLEAN)
    assert event is not None and event.asset_materialization is not None
    shown = {name: value.value for name, value in event.asset_materialization.metadata.items()}
    assert str(shown["report"]).endswith("/reports/orders/a.csv.html")
    assert 0 < float(str(shown["quality"])) < 100
    assert "--delivery a.csv" in str(shown["how_to_get_the_errors"])
    assert load_workbook(str(shown["errors_workbook"]))["Rejected rows"].max_row > 1
    assert "| amount | cast | reject | 1 |" in str(shown["errors_by_check"])
    assert "<oops>" not in str(shown["errors_by_check"])
    assert str(shown["errors_by_check_chart"]).startswith("![violations by check](data:image/svg+xml;base64,")
    assert "| customer_name | strip | 1 |" in str(shown["changed_by_cleaners"])


def test_the_checks_of_orders_are_listed(definitions: Definitions) -> None:
    graph = definitions.get_repository_def().asset_graph
    listed = {key.name for key in graph.asset_check_keys if key.asset_key == CLEAN}
    assert {check.name for check in contract_checks(orders)} < listed
