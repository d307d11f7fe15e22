"""Rules over several columns, on the way of a file."""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from pipeline.contract import ContractError, Dataset, Rule, either, required_when
from pipeline.files import UnreadableFile
from pipeline.settings import Settings
from pipeline_tests.ingest.support import as_csv, counts, error_rows, stage_text, violations


class Parcel(pa.DataFrameModel):
    id: int
    ordered: date = pa.Field(nullable=True)
    shipped: date = pa.Field(nullable=True)
    status: str = pa.Field(nullable=True)
    reason: str = pa.Field(nullable=True)


SHIPPED = Rule(
    "ship_after_order", pl.col("shipped") >= pl.col("ordered"), message="shipped before it was ordered"
)
GOOD = {"id": "1", "ordered": "2024-01-01", "shipped": "2024-01-02", "status": "open", "reason": ""}
EARLY = {"shipped": "2023-01-01"}


def _parcels(*rules: Rule, **declared: Any) -> Dataset:
    return Dataset("parcels", schema=Parcel, rules=rules, **declared)


def _file(*changes: dict[str, str]) -> str:
    return as_csv([GOOD | {"id": str(number)} | change for number, change in enumerate(changes, 1)])


def _severely(severity: Any) -> Rule:
    return Rule(SHIPPED.name, SHIPPED.good, SHIPPED.message, severity)


def test_a_broken_rule_rejects_its_row_and_says_so(settings: Settings) -> None:
    staged = stage_text(settings, _file({}, EARLY, {"shipped": ""}), _parcels(SHIPPED))
    (row,) = error_rows(staged)
    assert counts(staged) == (3, 2, 1, 0)
    assert (row["_row"], row["line"], row["column_name"], row["check_name"], row["value"]) == (
        2,
        3,
        None,
        "ship_after_order",
        None,
    )
    assert (row["message"], row["severity"]) == ("shipped before it was ordered", "reject")
    assert row["record"]["shipped"] == "2023-01-01"


def test_all_broken_rules_of_a_row_are_told(settings: Settings) -> None:
    late = required_when("reason", pl.col("status") == "late")
    staged = stage_text(
        settings,
        _file(EARLY | {"status": "late"}, {"status": ""}),
        _parcels(SHIPPED, late, either("status", "reason")),
    )
    assert violations(staged) == [
        (1, None, "ship_after_order"),
        (1, None, "reason_required"),
        (2, None, "status_or_reason"),
    ]


def test_a_rule_that_warns_keeps_the_row(settings: Settings) -> None:
    staged = stage_text(settings, _file(EARLY), _parcels(_severely("warn")))
    assert counts(staged) == (1, 1, 0, 0)
    assert [(row["check_name"], row["severity"]) for row in error_rows(staged)] == [
        ("ship_after_order", "warn")
    ]


def test_a_rule_says_nothing_of_a_value_that_could_not_be_read(settings: Settings) -> None:
    rule = either("ordered", "reason")
    staged = stage_text(
        settings,
        _file({"ordered": "soon"}, {"ordered": ""}, {"shipped": "soon", "ordered": ""}),
        _parcels(rule),
    )
    assert violations(staged) == [
        (1, "ordered", "cast"),
        (2, None, "ordered_or_reason"),
        (3, "shipped", "cast"),
        (3, None, "ordered_or_reason"),
    ]


def test_filtered_rows_are_not_held_to_rules(settings: Settings) -> None:
    dataset = _parcels(SHIPPED, keep=pl.col("status") == "open")
    staged = stage_text(settings, _file(EARLY | {"status": "x"}, {}, EARLY), dataset)
    assert (violations(staged), counts(staged)) == ([(3, None, "ship_after_order")], (3, 1, 1, 1))


def test_a_rule_in_pandas_judges_every_chunk(settings: Settings) -> None:
    def judge(rows: pd.DataFrame) -> Any:
        return rows["status"] != "lost"

    rule = Rule.in_pandas("found", ["status"], judge, "it is lost")
    small = settings.model_copy(update={"chunk_rows": 2})
    staged = stage_text(small, _file({}, {"status": "lost"}, {}, {}, {"status": "lost"}), _parcels(rule))
    assert violations(staged) == [(2, None, "found"), (5, None, "found")]


@pytest.mark.parametrize("chunk_rows", [1, 100])
def test_a_rule_of_severity_quarantine_refuses_the_file(settings: Settings, chunk_rows: int) -> None:
    small = settings.model_copy(update={"chunk_rows": chunk_rows})
    with pytest.raises(UnreadableFile) as caught:
        stage_text(small, _file({}, EARLY, {}, EARLY), _parcels(_severely("quarantine")))
    assert caught.value.code == "refused_by_rule"
    assert caught.value.cause == (
        "shipped before it was ordered (rule 'ship_after_order'), first in row 2 (line 3), in 2 rows"
    )
    assert list(settings.staging.iterdir()) == []


def test_a_file_that_keeps_such_a_rule_is_staged(settings: Settings) -> None:
    assert counts(stage_text(settings, _file({}, {}), _parcels(_severely("quarantine")))) == (2, 2, 0, 0)


@pytest.mark.parametrize(
    ("rule", "cause"),
    [
        (Rule.in_pandas("sized", ["status"], lambda rows: rows["size"] > 0), "size"),
        (Rule.in_pandas("short", ["status"], lambda rows: [True]), "returned 1"),
    ],
    ids=["a column it does not have", "too few answers"],
)
def test_a_rule_that_breaks_is_an_error_of_the_contract_and_is_named(
    settings: Settings, rule: Rule, cause: str
) -> None:
    with pytest.raises(ContractError, match=cause) as caught:
        stage_text(settings, _file({}, {}), _parcels(SHIPPED, rule))
    assert caught.value.field == f"rule {rule.name!r}"


DAYS = st.sampled_from(["", "soon", "2024-01-01", "2024-01-02", "2024-01-03"])


@given(st.lists(st.tuples(DAYS, DAYS), min_size=1, max_size=12), st.integers(1, 5))
@examples(max_examples=60)
def test_a_rule_is_broken_by_exactly_the_rows_that_break_it(
    pairs: list[tuple[str, str]], chunk_rows: int
) -> None:
    rows = [{"ordered": ordered, "shipped": shipped} for ordered, shipped in pairs]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        staged = stage_text(Settings(home=home, chunk_rows=chunk_rows), _file(*rows), _parcels(SHIPPED))
        found = violations(staged)
        read, kept, rejected, _ = counts(staged)
    expected: list[tuple[int, str | None, str]] = []
    for number, (ordered, shipped) in enumerate(pairs, 1):
        expected += [
            (number, name, "cast")
            for name, value in (("ordered", ordered), ("shipped", shipped))
            if value == "soon"
        ]
        if "soon" not in (ordered, shipped) and ordered and shipped and shipped < ordered:
            expected.append((number, None, "ship_after_order"))
    assert found == expected
    assert (read, rejected, kept) == (
        len(pairs),
        len({row for row, _, _ in expected}),
        len(pairs) - len({row for row, _, _ in expected}),
    )
