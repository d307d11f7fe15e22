"""For any table and any broken cells: exactly those are reported, and no row is lost."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.contract import Dataset
from pipeline.ingest import stage
from pipeline.settings import Settings
from pipeline_tests.ingest.support import ORDERS, Order, as_csv, clean_rows, counts, error_rows

BROKEN = {
    # column → broken text → the check that must say so
    "order_id": {"": "not_nullable", "5.5": "cast", "x": "cast", "0": "greater_than_or_equal_to"},
    "email": {"": "not_nullable", "nobody": "email", "a@b@c.de": "email"},
    "amount": {"": "not_nullable", "1.005": "cast", "1,5": "cast", "-0.01": "greater_than_or_equal_to"},
    "ordered_at": {"": "not_nullable", "2024-02-30 10:00:00": "cast", "12/01/24": "cast"},
    "status": {"": "not_nullable", "lost": "isin", "OPEN": "isin"},
}
WHOLE = {
    "order_id": st.sampled_from(["1", "2.0", " 3 ", "17850"]),
    "email": st.sampled_from(["a@b.de", " X@Y.ORG "]),
    "amount": st.sampled_from(["0", "12.5", "1,234.50", "€ 3"]),
    "ordered_at": st.sampled_from(["2024-01-31 10:00:00", "2024-01-31T10:00:00Z", "2024-01-31"]),
    "status": st.sampled_from(["open", "done"]),
    "note": st.sampled_from(["", "plain", 'say "no"', "two\nlines", "a,b", "größe", "{value}"]),
    "shop": st.sampled_from(["", "x"]),
}
BREAK = st.one_of(
    st.just({}),
    st.dictionaries(st.sampled_from(sorted(BROKEN)), st.integers(0, 3), min_size=1, max_size=4),
)
TABLE = st.lists(st.tuples(st.fixed_dictionaries(WHOLE), BREAK), min_size=1, max_size=30)


def _with_breaks(
    table: list[tuple[dict[str, str], dict[str, int]]],
) -> tuple[list[dict[str, str]], set[tuple[int, str, str]]]:
    rows, wanted = [], set()
    for number, (row, breaks) in enumerate(table, 1):
        for column, choice in breaks.items():
            texts = list(BROKEN[column])
            text = texts[choice % len(texts)]
            row = row | {column: text}
            wanted.add((number, column, BROKEN[column][text]))
        rows.append(row)
    return rows, wanted


def _staged(rows: list[dict[str, str]], chunk_rows: int, dataset: Dataset) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "orders.csv")
        path.write_text(as_csv(rows), encoding="utf-8", newline="")
        staged = stage(path, dataset, Settings(home=Path(folder), chunk_rows=chunk_rows))
        return counts(staged), clean_rows(staged), error_rows(staged)


@settings(derandomize=True, deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(table=TABLE, chunk_rows=st.sampled_from([3, 100]))
def test_the_violations_are_exactly_the_broken_cells(table: Any, chunk_rows: int) -> None:
    rows, wanted = _with_breaks(table)
    _, _, errors = _staged(rows, chunk_rows, ORDERS)
    found = [(row["_row"], row["column_name"], row["check_name"]) for row in errors]
    assert len(found) == len(set(found))
    assert set(found) == wanted


@settings(derandomize=True, deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(table=TABLE, chunk_rows=st.sampled_from([3, 100]))
def test_clean_and_rejected_rows_together_are_the_source_rows(table: Any, chunk_rows: int) -> None:
    rows, wanted = _with_breaks(table)
    (read, clean, rejected, filtered), kept, errors = _staged(rows, chunk_rows, ORDERS)
    bad = {number for number, _, _ in wanted}
    kept_rows = kept["_row"].to_list() if clean else []
    assert (read, clean, rejected, filtered) == (len(rows), len(rows) - len(bad), len(bad), 0)
    assert sorted([*kept_rows, *{row["_row"] for row in errors}]) == list(range(1, len(rows) + 1))
    for row in errors:
        source = {name: text or None for name, text in rows[row["_row"] - 1].items()}
        assert row["record"] == source
        assert row["value"] == source[row["column_name"]]
    for number, rescued in zip(kept_rows, kept["_rescued"] if clean else [], strict=True):
        shop = rows[number - 1]["shop"]
        assert (json.loads(rescued) if rescued else None) == ({"shop": shop} if shop else None)


@settings(derandomize=True, deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(table=TABLE, chunk_rows=st.sampled_from([3, 100]))
def test_rows_reconcile_when_some_are_filtered(table: Any, chunk_rows: int) -> None:
    dataset = Dataset("orders", schema=Order, clean=ORDERS.clean, keep=pl.col("status") == "open")
    rows, wanted = _with_breaks(table)
    stays = {n for n, row in enumerate(rows, 1) if row["status"] == "open"}
    bad = {number for number, _, _ in wanted}
    found, _, errors = _staged(rows, chunk_rows, dataset)
    assert found == (len(rows), len(stays - bad), len(stays & bad), len(rows) - len(stays))
    assert {row["_row"] for row in errors} == stays & bad
