"""What a contract that changed does to its clean table: the steps from the table as it is to the table as it is declared.

What belongs here: finding the steps, from the table's layout and the contract alone. What does not: doing them (`alter`), loading
deliveries again (`intake.again`), the warehouse's own tables (`migrations`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from pipeline.contract import Column, Dataset
from pipeline.contract.headers import normalise
from pipeline.counts import counted
from pipeline.warehouse.errors import ContractChanged
from pipeline.warehouse.sql import text
from pipeline.warehouse.types import duckdb_type
from pipeline.warehouse.widening import widens

OWN_COLUMNS = (("_delivery", "VARCHAR"), ("_row", "BIGINT"), ("_rescued", "VARCHAR"))
"""Windrow's own columns of every clean table."""
Kind = Literal["add", "rename", "widen", "convert", "keep", "load again"]


@dataclass(frozen=True)
class Step:
    """One difference between a table and its contract, and what is done about it.

    Attributes:
        kind: add (a column), rename, widen (a type, nothing is lost), convert (a type, what does not fit is null until it is
            loaded again), keep (a column that the contract does not have stays), load again (deliveries staged under
            another contract).
        column: its name in the contract; in the table, where the contract has none; None for "load again".
        found: its name in the table, None where it has none.
        before: its type in the table, None where it has none.
        after: its type in the contract, None where it has none.
        fill: SQL of what old rows get, None for null.
        text: all that in words.
        again: whether the rows are right only once their files are loaded again.
        quiet: whether loading a file may do it unasked.
    """

    kind: Kind
    column: str | None
    text: str
    found: str | None = None
    before: str | None = None
    after: str | None = None
    fill: str | None = None
    again: bool = False
    quiet: bool = False

    @property
    def changes(self) -> bool:
        """Whether it alters the table."""
        return self.kind not in ("keep", "load again")


@dataclass(frozen=True)
class Change:
    """What one dataset's contract does to its table.

    Attributes:
        dataset: its name.
        steps: in the contract's order; none when the table is as declared, or not made yet.
        stale: deliveries in the table that were staged under another contract.
        done: whether the steps that change the table were done.
    """

    dataset: str
    steps: tuple[Step, ...]
    stale: int = 0
    done: bool = False

    @property
    def blocked(self) -> bool:
        """Whether a step that changes the table needs files to be loaded again."""
        return any(step.changes and step.again for step in self.steps)


@dataclass(frozen=True)
class Evolution:
    """What `pipeline migrate` has to do, or did: names of the warehouse's own migrations, changes of the datasets."""

    migrations: tuple[str, ...]
    changes: tuple[Change, ...]


def plan(dataset: Dataset, existing: Mapping[str, str], stale: int = 0) -> list[Step]:
    """The steps that make the clean table fit the contract.

    Args:
        dataset: the contract.
        existing: the table's columns, in order → their DuckDB types.
        stale: deliveries in the table that were staged under another contract.
    """
    steps: list[Step] = []
    left = {name.casefold(): name for name in existing}
    homes = {column.name: left.pop(column.name.casefold(), None) for column in dataset.columns}
    own = {name for name, _ in OWN_COLUMNS}
    by_name = {normalise(name): name for name in left.values() if name not in own}
    for column in dataset.columns:
        found = homes[column.name]
        if found is None:
            names = (column.name, *dataset.aliases.get(column.name, ()))
            found = next((by_name.pop(n) for n in map(normalise, names) if n in by_name), None)
            left.pop("" if found is None else found.casefold(), None)
        steps += _steps_of(dataset, column, found, None if found is None else existing[found])
    for name, kind in OWN_COLUMNS:
        if left.pop(name, None) is None:
            steps.append(Step("add", name, f"Windrow's own column {name} is added", after=kind, quiet=True))
    for name in left.values():
        said = f"{name!r} is not in the contract: it stays, null in new rows unless files fill it"
        steps.append(Step("keep", name, said, found=name, before=existing[name]))
    if stale:
        some = counted(stale, "delivery was", "deliveries were")
        said = f"{some} staged under another version of the contract"
        steps.append(Step("load again", None, said, again=True))
    return steps


def differences(dataset: Dataset, existing: Mapping[str, str]) -> tuple[list[Step], list[Step]]:
    """The steps that loading a file must not do unasked, and those that it may do."""
    steps = [step for step in plan(dataset, existing) if step.changes]
    return [step for step in steps if not step.quiet], [step for step in steps if step.quiet]


def refusal(dataset: Dataset, steps: Sequence[Step]) -> ContractChanged:
    """What is raised where these steps have to be done first."""
    return ContractChanged(
        dataset.name, [step.text for step in steps], again=any(step.again for step in steps)
    )


def _steps_of(dataset: Dataset, column: Column, found: str | None, before: str | None) -> list[Step]:
    name, after = column.name, duckdb_type(column.dtype)
    if found is None or before is None:
        return [_added(dataset, column, after)]
    steps = []
    if found != name:
        steps.append(
            Step("rename", name, f"{found!r} of the table is {name!r} of the contract", found, before, before)
        )
    if before != after:
        change = f"column {name!r} is {before} in the table and {after} in the contract"
        if widens(before, after):
            how = "as canonical text" if after == "VARCHAR" else "nothing is lost"
            if (before, after) == ("DATE", "TIMESTAMP"):
                how = f"midnight in {dataset.timezone}"
            steps.append(Step("widen", name, f"{change}: {how}", name, before, after))
        else:
            said = f"{change}: what does not fit is null until its file is loaded again"
            steps.append(Step("convert", name, said, name, before, after, again=True))
    return steps


def _added(dataset: Dataset, column: Column, after: str) -> Step:
    said = f"column {column.name!r} ({after}) is not in the table"
    if column.nullable:
        return Step("add", column.name, f"{said}: null in old rows", after=after, quiet=True)
    if column.default is not None:
        fill = f"CAST({text(_as_text(column.default))} AS {after})"
        return Step("add", column.name, f"{said}: {column.default!r} in old rows", after=after, fill=fill)
    return Step(
        "add", column.name, f"{said} and not nullable: null in old rows until their files are loaded again", after=after, again=True
    )  # fmt: skip


def _as_text(value: Any) -> str:
    """A default as a text that DuckDB casts; moments in UTC without zone."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        value = value.astimezone(UTC).replace(tzinfo=None)
    return str(value)
