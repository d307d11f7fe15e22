"""References between datasets: what may be declared, and in which order their files are taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.contract import ContractError, Dataset, Reference
from pipeline.contract.references import check_all_references, reference_ranks, taken_before
from pipeline.contract.registry import load_datasets
from pipeline_tests.ingest.support import model


def _datasets(**refers: list[str]) -> dict[str, Dataset]:
    """Datasets that refer to others: name → names of those."""
    schema = model(id=int)
    return {
        name: Dataset(name, schema=schema, references=[Reference("id", other, "id") for other in others])
        for name, others in refers.items()
    }


def _order(**refers: list[str]) -> list[str]:
    ranks = reference_ranks(_datasets(**refers))
    return sorted(ranks, key=lambda name: ranks[name])


def test_what_is_referred_to_is_taken_first() -> None:
    assert _order(a=["c"], b=[], c=["d"], d=[]) == ["b", "d", "c", "a"]


def test_datasets_without_references_are_taken_by_name() -> None:
    assert _order(b=[], a=[], c=["c"]) == ["a", "b", "c"]


def test_a_circle_begins_with_the_first_by_name_of_those_in_it() -> None:
    assert _order(a=["c"], b=["c"], c=["d"], d=["c"]) == ["c", "a", "b", "d"]


def test_what_comes_before_a_dataset_is_what_it_refers_to() -> None:
    datasets = _datasets(a=["c", "a"], b=[], c=["d"], d=["c"])
    assert {name: taken_before(one, datasets) for name, one in datasets.items()} == {
        "a": {"c"},
        "b": set(),
        "c": set(),
        "d": {"c"},
    }


COLUMNS: dict[str, Any] = {
    "id": int,
    "code": (str, {"nullable": True}),
    "kind": pl.Categorical,
    "day": pl.Date,
}


@pytest.mark.parametrize(
    ("reference", "cause", "remedy"),
    [
        (
            Reference("id", "others", "id"),
            "refers to a dataset 'others' that is not declared",
            "There is: customers",
        ),
        (Reference("id", "customers", "nr"), "'nr' that dataset 'customers' does not have", "It has: id"),
        (
            Reference("id", "customers", "code"),
            "compares 'id' (Int64) with customers.code (String)",
            "same type",
        ),
        (Reference("day", "customers", "code"), "compares 'day' (Date)", "same type"),
    ],
    ids=["no such dataset", "no such column", "a number and a text", "a day and a text"],
)
def test_a_reference_that_cannot_be_looked_up_is_refused(
    reference: Reference, cause: str, remedy: str
) -> None:
    datasets = {
        "customers": Dataset("customers", schema=model(**COLUMNS)),
        "orders": Dataset("orders", schema=model(**COLUMNS), references=[reference]),
    }
    with pytest.raises(ContractError) as caught:
        check_all_references(datasets)
    assert caught.value.dataset == "orders" and caught.value.field.startswith("reference of")
    assert cause in caught.value.cause and remedy in caught.value.remedy


def test_values_of_one_kind_are_compared() -> None:
    schema = model(id=int, number=float, code=str, kind=pl.Categorical)
    references = [Reference("number", "rows", "id"), Reference(("code", "id"), "rows", ("kind", "number"))]
    check_all_references({"rows": Dataset("rows", schema=schema, references=references)})


def test_the_loader_of_datasets_looks_at_references(tmp_path: Path) -> None:
    (tmp_path / "rows.py").write_text(
        "import pandera.polars as pa\nfrom pipeline.contract import Dataset, Reference\n\n\n"
        "class Row(pa.DataFrameModel):\n    order: int\n\n\n"
        'rows = Dataset("rows", schema=Row, references=[Reference("order", "orders", "order_nr")])\n'
    )
    with pytest.raises(ContractError, match="order_nr"):
        load_datasets([str(tmp_path)])
