"""References to other datasets: `Dataset(references=[Reference("customer_id", "customers", "id")])`.

What belongs here: the declaration, what it may say (of its own dataset, and of all datasets together), and the order in which
datasets that refer to each other are taken in. What does not: looking the keys up, which is the commit's work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from pipeline.contract.errors import ContractError
from pipeline.contract.rules import SEVERITIES, Severity
from pipeline.counts import counted

if TYPE_CHECKING:
    from pipeline.contract.columns import Column
    from pipeline.contract.dataset import Dataset


@dataclass(frozen=True)
class Reference:
    """Values that must be in a column of another dataset's clean table (or of the same dataset's) when a delivery is committed.

    Args:
        columns: the column that refers, or several that do so together; a row in which one of them is null passes.
        dataset: the dataset that is referred to.
        to: the column there, or as many as `columns`, in the same order.
        severity: "reject" (the row goes to the error table), "warn" (it stays, and is noted), "quarantine" (the whole file).
    """

    columns: str | Sequence[str]
    dataset: str
    to: str | Sequence[str]
    severity: Severity = "reject"

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that refer."""
        return (self.columns,) if isinstance(self.columns, str) else tuple(self.columns)

    @property
    def targets(self) -> tuple[str, ...]:
        """The columns referred to, in the order of `names`."""
        return (self.to,) if isinstance(self.to, str) else tuple(self.to)

    @property
    def target(self) -> str:
        """What is referred to, in words: `customers.id`, `prices.(article, day)`."""
        names = ", ".join(self.targets)
        return f"{self.dataset}.{names}" if len(self.targets) == 1 else f"{self.dataset}.({names})"

    @property
    def fingerprint(self) -> list[Any]:
        """What is compared to tell whether a delivery was judged by this reference."""
        return [list(self.names), self.dataset, list(self.targets), self.severity]


def check_references(dataset: Dataset) -> None:
    """Raise ContractError for the first reference that is wrong in itself, or whose own columns are not there."""
    for given in dataset.references:
        one: Any = given
        if not isinstance(one, Reference):
            remedy = 'Write Reference("customer_id", "customers", "id").'
            raise ContractError(dataset.name, "references", f"hold {one!r}", remedy)
        parts = (*one.names, *one.targets, one.dataset)
        if not all(isinstance(part, str) and part for part in parts) or not one.names:
            raise _wrong(dataset, one, "holds what is no name", "Name columns and the dataset as text.")
        if len(one.names) != len(one.targets):
            cause = f"has {counted(len(one.names), 'column')} and refers to {len(one.targets)}"
            raise _wrong(dataset, one, cause, "Name as many columns on both sides, in the same order.")
        if one.severity not in SEVERITIES:
            remedy = f"It is one of {', '.join(SEVERITIES)}."
            raise _wrong(dataset, one, f"has the severity {one.severity!r}", remedy)
        for name in one.names:
            if name not in dataset.column_names:
                remedy = f"It has: {', '.join(dataset.column_names)}."
                raise _wrong(dataset, one, f"names a column {name!r} that the schema does not have", remedy)
    seen = [(one.names, one.dataset, one.targets) for one in dataset.references]
    for one in dataset.references:
        if seen.count((one.names, one.dataset, one.targets)) > 1:
            raise _wrong(dataset, one, "is declared twice", "Take one of them away.")


def check_all_references(datasets: Mapping[str, Dataset]) -> None:
    """Raise ContractError for the first reference to a dataset or column that is not there, or of another kind."""
    for dataset in datasets.values():
        check_references_to(dataset, datasets)


def check_references_to(dataset: Dataset, datasets: Mapping[str, Dataset]) -> None:
    """The same, of one dataset's references."""
    own = {column.name: column for column in dataset.columns}
    for one in dataset.references:
        other = datasets.get(one.dataset)
        if other is None:
            remedy = f"There is: {', '.join(datasets)}; PIPELINE_DATASETS says where else to look."
            raise _wrong(dataset, one, f"refers to a dataset {one.dataset!r} that is not declared", remedy)
        theirs = {column.name: column for column in other.columns}
        for name, target in zip(one.names, one.targets, strict=True):
            if target not in theirs:
                remedy = f"It has: {', '.join(theirs)}."
                cause = f"refers to a column {target!r} that dataset {one.dataset!r} does not have"
                raise _wrong(dataset, one, cause, remedy)
            _compare(dataset, one, own[name], theirs[target])


def _compare(dataset: Dataset, one: Reference, mine: Column, theirs: Column) -> None:
    if _kind(mine.dtype) != _kind(theirs.dtype):
        cause = f"compares {mine.name!r} ({mine.dtype}) with {one.dataset}.{theirs.name} ({theirs.dtype})"
        raise _wrong(dataset, one, cause, "Declare both with the same type.")


def _kind(dtype: pl.DataType) -> str:
    """Types of one kind compare by value."""
    if dtype.is_numeric():
        return "number"
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return "text"
    return str(dtype.base_type())


def _wrong(dataset: Dataset, one: Reference, cause: str, remedy: str) -> ContractError:
    named = ", ".join(map(str, one.names))
    return ContractError(dataset.name, f"reference of {named!r}", cause, remedy)


def reference_ranks(datasets: Mapping[str, Dataset]) -> dict[str, int]:
    """Dataset → its place in the order in which files that wait together are taken: what is referred to comes before what refers
    to it, else by name. Where datasets refer to each other in a circle, the first by name begins."""
    needs = {
        name: {one.dataset for one in dataset.references if one.dataset in datasets} - {name}
        for name, dataset in datasets.items()
    }
    ranks: dict[str, int] = {}
    while len(ranks) < len(needs):
        left = [name for name in sorted(needs) if name not in ranks]
        free = [name for name in left if needs[name] <= set(ranks)]
        in_circle = (name for name in left if name in _reached(name, needs, ranks))
        ranks[free[0] if free else next(in_circle)] = len(ranks)
    return ranks


def taken_before(dataset: Dataset, datasets: Mapping[str, Dataset]) -> set[str]:
    """The datasets that this one refers to and whose files are taken before its own."""
    ranks = reference_ranks(datasets)
    return {
        one.dataset
        for one in dataset.references
        if one.dataset in ranks and ranks[one.dataset] < ranks[dataset.name]
    }


def _reached(start: str, needs: Mapping[str, set[str]], done: Mapping[str, int]) -> set[str]:
    """What `start` refers to, directly or through others that are not done."""
    found: set[str] = set()
    ahead = [start]
    while ahead:
        new = {name for name in needs[ahead.pop()] if name not in done} - found
        found |= new
        ahead += new
    return found
