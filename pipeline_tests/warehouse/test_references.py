"""References are looked up at the commit, in the tables as they are then."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from pipeline.contract import ContractError, Dataset, Reference
from pipeline.warehouse import DeliveryRefused, Entry, Warehouse
from pipeline_tests.ingest.support import model
from pipeline_tests.warehouse.factory import stage_rows

CUSTOMERS = Dataset("customers", schema=model(id=int, name=str), key=["id"])
ORDER = model(order=int, customer_id=(int, {"nullable": True}))


def _orders(*references: Reference, **declared: Any) -> Dataset:
    given = references or (Reference("customer_id", "customers", "id"),)
    return Dataset("orders", schema=ORDER, references=list(given), **declared)


def _house(folder: Path, *datasets: Dataset) -> Warehouse:
    return Warehouse(folder / "warehouse.duckdb", {one.name: one for one in datasets})


def _commit(
    warehouse: Warehouse, dataset: str, rows: Sequence[dict[str, Any]], name: str = "a.csv", **more: Any
) -> Entry:
    folder = warehouse.path.parent / "staging"
    return warehouse.commit(stage_rows(folder, warehouse.datasets[dataset], name, rows, **more))


def _customers(*numbers: int) -> list[dict[str, Any]]:
    return [{"id": number, "name": "x"} for number in numbers]


def _refer(*to: int | None) -> list[dict[str, Any]]:
    return [{"order": number, "customer_id": customer} for number, customer in enumerate(to, 1)]


def _errors(warehouse: Warehouse, dataset: str = "orders") -> list[tuple[Any, ...]]:
    return warehouse.query(
        f"SELECT _row, column_name, check_name, value, message, severity, status FROM errors.{dataset} ORDER BY ALL"
    ).rows()


def test_a_key_that_is_not_there_is_rejected_and_a_missing_one_passes(tmp_path: Path) -> None:
    warehouse = _house(tmp_path, CUSTOMERS, _orders())
    _commit(warehouse, "customers", _customers(1, 2))
    entry = _commit(warehouse, "orders", _refer(1, 17, None, 2, 17))
    assert (entry.status, entry.rows_clean, entry.rows_rejected, entry.violations) == ("partial", 3, 2, 2)
    message = "customer_id 17 is not in customers.id"
    assert _errors(warehouse) == [
        (row, "customer_id", "reference", "17", message, "reject", "open") for row in (2, 5)
    ]
    with warehouse.session() as session:
        assert session.column_profile(entry.id)[1].violations == 2


def test_a_table_without_rows_says_so(tmp_path: Path) -> None:
    warehouse = _house(tmp_path, CUSTOMERS, _orders())
    _commit(warehouse, "orders", _refer(1))
    assert _errors(warehouse)[0][4] == "customer_id 1 is not in customers.id: customers has no rows yet"


def test_a_table_that_is_not_there_counts_as_empty(tmp_path: Path) -> None:
    warehouse = _house(tmp_path, _orders())
    entry = _commit(warehouse, "orders", _refer(1, None))
    assert (entry.rows_clean, entry.rows_rejected) == (1, 1)
    assert _errors(warehouse)[0][4].endswith("customers has no rows yet")


def test_a_reference_that_warns_keeps_the_row(tmp_path: Path) -> None:
    warehouse = _house(tmp_path, CUSTOMERS, _orders(Reference("customer_id", "customers", "id", "warn")))
    entry = _commit(warehouse, "orders", _refer(1, 2))
    assert (entry.status, entry.rows_clean, entry.rows_rejected, entry.violations) == ("loaded", 2, 0, 2)
    assert {row[5:] for row in _errors(warehouse)} == {("warn", "noted")}


def test_a_reference_that_quarantines_refuses_the_file_and_the_old_version_stays(tmp_path: Path) -> None:
    warehouse = _house(
        tmp_path, CUSTOMERS, _orders(Reference("customer_id", "customers", "id", "quarantine"))
    )
    _commit(warehouse, "customers", _customers(1))
    _commit(warehouse, "orders", _refer(1))
    with pytest.raises(DeliveryRefused) as caught:
        _commit(warehouse, "orders", _refer(1, 5, 6))
    assert caught.value.code == "refused_by_rule"
    assert caught.value.cause == (
        "customer_id 5 is not in customers.id (check 'reference' of 'customer_id'), first in row 2, in 2 rows"
    )
    assert warehouse.query("SELECT count(*) FROM clean.orders").item() == 1
    assert _errors(warehouse) == []


def test_several_columns_refer_together(tmp_path: Path) -> None:
    prices = Dataset("prices", schema=model(article=str, day=int))
    sales = Dataset(
        "sales",
        schema=model(a=(str, {"nullable": True}), d=int),
        references=[Reference(("a", "d"), "prices", ("article", "day"))],
    )
    warehouse = _house(tmp_path, prices, sales)
    _commit(warehouse, "prices", [{"article": "x", "day": 1}, {"article": "y", "day": 2}])
    entry = _commit(
        warehouse, "sales", [{"a": "x", "d": 1}, {"a": "x", "d": 2}, {"a": None, "d": 2}, {"a": "y", "d": 2}]
    )
    assert (entry.rows_clean, entry.rows_rejected) == (3, 1)
    assert _errors(warehouse, "sales")[0][1:5] == (
        "a, d", "reference", "x, 2", "a, d x, 2 is not in prices.(article, day)",
    )  # fmt: skip


def test_two_references_that_fail_are_both_told_and_the_row_counts_once(tmp_path: Path) -> None:
    both = [Reference("customer_id", "customers", "id"), Reference("order", "customers", "id")]
    warehouse = _house(tmp_path, CUSTOMERS, _orders(*both))
    entry = _commit(warehouse, "orders", _refer(9))
    assert (entry.rows_rejected, entry.violations) == (1, 2)
    assert [row[1] for row in _errors(warehouse)] == ["customer_id", "order"]


def test_a_row_that_refers_to_nothing_holds_no_key(tmp_path: Path) -> None:
    warehouse = _house(tmp_path, CUSTOMERS, _orders(key=["order"]))
    _commit(warehouse, "customers", _customers(1))
    rows = [{"order": 1, "customer_id": 9}, {"order": 1, "customer_id": 1}, {"order": 1, "customer_id": 1}]
    entry = _commit(warehouse, "orders", rows)
    assert (entry.rows_clean, entry.rows_rejected) == (1, 2)
    assert [row[:3] for row in _errors(warehouse)] == [
        (1, "customer_id", "reference"),
        (3, "order", "unique"),
    ]


def test_a_table_of_another_type_is_an_error_of_the_contract(tmp_path: Path) -> None:
    other = Dataset("customers", schema=model(id=str))
    with pytest.raises(ContractError, match=r"'customer_id' is BIGINT and 'id' is VARCHAR"):
        _commit(_house(tmp_path, other, _orders()), "orders", _refer(1))
    other = Dataset("people", schema=model(nr=int))
    orders = _orders(Reference("customer_id", "people", "id"))
    with pytest.raises(ContractError, match="has no column 'id'"):
        _commit(_house(tmp_path, other, orders), "orders", _refer(1))


def _tree(**declared: Any) -> Dataset:
    schema = model(id=int, parent=(int, {"nullable": True}))
    return Dataset(
        "tree", schema=schema, key=["id"], references=[Reference("parent", "tree", "id")], **declared
    )


def _nodes(*pairs: tuple[int, int | None]) -> list[dict[str, Any]]:
    return [{"id": node, "parent": parent} for node, parent in pairs]


def test_a_dataset_that_refers_to_itself_looks_in_the_table_and_in_the_file(tmp_path: Path) -> None:
    warehouse = _house(tmp_path, _tree())
    _commit(warehouse, "tree", _nodes((1, None)))
    entry = _commit(warehouse, "tree", _nodes((3, 2), (2, 1), (4, 4), (5, 9)), "b.csv")
    assert (entry.rows_clean, entry.rows_rejected) == (3, 1)
    assert [row[3] for row in _errors(warehouse, "tree")] == ["9"]


def test_a_row_that_is_rejected_takes_those_along_that_refer_to_it(tmp_path: Path) -> None:
    warehouse = _house(tmp_path, _tree())
    entry = _commit(warehouse, "tree", _nodes((4, 3), (3, 2), (2, 9), (5, None), (6, 5)))
    assert (entry.rows_clean, entry.rows_rejected) == (2, 3)


def test_a_long_chain_goes_with_its_first_row(tmp_path: Path) -> None:
    warehouse = _house(tmp_path, _tree())
    chain = [(1, 0), *((node, node - 1) for node in range(2, 3_001)), (9_001, None), (9_002, 9_001)]
    entry = _commit(warehouse, "tree", _nodes(*chain), parts=3)
    assert (entry.rows_clean, entry.rows_rejected, entry.violations) == (2, 3_000, 3_000)


_NODE = st.tuples(st.integers(0, 9), st.none() | st.integers(0, 9), st.none() | st.integers(0, 9))


def _stays(
    table: set[int], nodes: list[tuple[int, int | None, int | None]], keyed: bool
) -> list[tuple[int, int | None, int | None]]:
    """What a plain loop would keep."""
    kept, held = [], set(table)
    for node in nodes:
        if not keyed or node[0] not in held:
            kept.append(node)
        held.add(node[0])
    while True:
        there = table | {node[0] for node in kept}
        left = [node for node in kept if all(to is None or to in there for to in node[1:])]
        if left == kept:
            return kept
        kept = left


@examples(max_examples=40)
@given(
    table=st.sets(st.integers(0, 4), max_size=2),
    nodes=st.lists(_NODE, max_size=14),
    keyed=st.booleans(),
    parts=st.integers(1, 3),
)
def test_what_stays_of_a_table_that_refers_to_itself_is_what_a_plain_loop_would_keep(
    tmp_path_factory: pytest.TempPathFactory,
    table: set[int],
    nodes: list[tuple[int, int | None, int | None]],
    keyed: bool,
    parts: int,
) -> None:
    nullable = (int, {"nullable": True})
    dataset = Dataset(
        "tree",
        schema=model(id=int, parent=nullable, mentor=nullable),
        key=["id"] if keyed else [],
        references=[Reference("parent", "tree", "id"), Reference("mentor", "tree", "id")],
    )
    warehouse = _house(tmp_path_factory.mktemp("tree"), dataset)
    _commit(warehouse, "tree", [{"id": node, "parent": None, "mentor": None} for node in sorted(table)])
    rows = [dict(zip(("id", "parent", "mentor"), node, strict=True)) for node in nodes]
    entry = _commit(warehouse, "tree", rows, "b.csv", parts=parts, sha256="b")
    stays = _stays(table, nodes, keyed)
    found = warehouse.query(
        "SELECT id, parent, mentor FROM clean.tree WHERE _delivery = 'b.csv' ORDER BY _row"
    )
    assert found.rows() == stays
    assert (entry.rows_clean, entry.rows_rejected) == (len(stays), len(nodes) - len(stays))
