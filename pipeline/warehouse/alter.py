"""Bringing clean tables in line with contracts that changed, as `evolution` finds.

What belongs here: the statements, and which windows must be computed anew. What does not: which steps there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import duckdb

from pipeline.contract import Dataset
from pipeline.published import CLEAN
from pipeline.warehouse.connection import transaction
from pipeline.warehouse.evolution import Change, Step, plan
from pipeline.warehouse.ledger import HAS_ROWS
from pipeline.warehouse.publish import marks
from pipeline.warehouse.sql import ident, table
from pipeline.warehouse.tables import Layout, ensure, is_empty, layout
from pipeline.warehouse.widening import conversion
from pipeline.warehouse.windows import dirty
from pipeline.warehouse.windows import tables as window_tables


def changes(
    connection: duckdb.DuckDBPyConnection, datasets: Iterable[Dataset], there: Layout
) -> list[Change]:
    """What each dataset's contract does to its table; changes nothing."""
    stale = _stale(connection, there)
    found = []
    for dataset in datasets:
        current = (dataset.fingerprint, dataset.former_fingerprint)
        count = sum(n for name, mark, n in stale if name == dataset.name and mark not in current)
        existing = there.get(("clean", dataset.name))
        steps = () if existing is None else tuple(plan(dataset, existing, count))
        if any(step.changes for step in steps) and is_empty(connection, dataset, there):
            steps = tuple(replace(one, again=False, quiet=True) if one.changes else one for one in steps)
        found.append(Change(dataset.name, steps, count))
    return found


def apply(connection: duckdb.DuckDBPyConnection, dataset: Dataset, *, convert: bool) -> Change:
    """Make a dataset's tables fit its contract, all in one transaction.

    Args:
        dataset: the contract.
        convert: also do what leaves rows wrong until their files are loaded again; without it those steps stay undone.
    """
    with transaction(connection):
        there = layout(connection)
        (change,) = changes(connection, [dataset], there)
        todo = [step for step in change.steps if step.changes and (convert or not step.again)]
        if is_empty(connection, dataset, there):
            pass  # it becomes what is declared
        elif all(step.kind in ("add", "rename") and step.fill is None for step in todo):
            for step in todo:
                _alter(connection, dataset, step, there)
        else:
            for schema in _schemas(dataset, there):
                _rebuild(connection, dataset, schema, list(there[schema, dataset.name]), todo)
        if change.blocked and not convert:
            return replace(change, done=False)
        ensure(connection, dataset, layout(connection))
        window_tables.ensure(connection, dataset, window_tables.comments(connection))
        _mark(connection, dataset, todo)
    return replace(change, done=True)


def _schemas(dataset: Dataset, there: Layout) -> list[str]:
    """Where the rows of the dataset lie: the clean ones, and those that wait for their key."""
    return [schema for schema in ("clean", "waiting") if (schema, dataset.name) in there]


def _alter(connection: duckdb.DuckDBPyConnection, dataset: Dataset, step: Step, there: Layout) -> None:
    """A step that needs no row to be written."""
    assert step.column is not None
    column = ident(step.column)
    for name in (table(schema, dataset.name) for schema in _schemas(dataset, there)):
        if step.found is None:
            connection.execute(f"ALTER TABLE {name} ADD COLUMN {column} {step.after}")
        else:
            connection.execute(f"ALTER TABLE {name} RENAME COLUMN {ident(step.found)} TO {column}")


def _rebuild(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    schema: str,
    existing: Sequence[str],
    steps: Sequence[Step],
) -> None:
    """All steps at once, into a new table that takes the old one's place: of several ALTERs in one transaction that write rows, DuckDB
    commits some combinations only."""
    name, fresh = table(schema, dataset.name), table(schema, f"{dataset.name}~new")
    renamed = {step.found: step.column for step in steps if step.kind == "rename"}
    values = {renamed.get(column) or column: ident(column) for column in existing}
    for step in steps:
        assert step.column is not None and step.after is not None
        if step.kind == "add":
            values[step.column] = f"CAST({step.fill or 'NULL'} AS {step.after})"
        elif step.kind != "rename":
            assert step.before is not None
            values[step.column] = conversion(values[step.column], step.before, step.after, dataset.timezone)
    picked = ", ".join(f"{value} AS {ident(column)}" for column, value in values.items())
    connection.execute(f"CREATE TABLE {fresh} AS SELECT {picked} FROM {name}")
    connection.execute(f"DROP TABLE {name}")
    connection.execute(f"ALTER TABLE {fresh} RENAME TO {ident(dataset.name)}")


def _mark(connection: duckdb.DuckDBPyConnection, dataset: Dataset, done: Sequence[Step]) -> None:
    """Mark the windows that look at a column that was changed, and the clean table as not published."""
    if done:
        marks.mark_whole(connection, dataset, [CLEAN])
    changed = {step.column for step in done}
    for window in dataset.windows:
        looks_at = {*window.by, *(name for one in window.measures.values() for name in (one.column, one.by))}
        if dataset.event_time in changed or looks_at & changed:
            dirty.mark_all(connection, dataset, window)


def _stale(
    connection: duckdb.DuckDBPyConnection, there: Mapping[tuple[str, str], object]
) -> list[tuple[str, str | None, int]]:
    """Dataset, contract fingerprint, deliveries in the clean table that were staged under it."""
    if ("ops", "deliveries") not in there:
        return []
    return connection.execute(
        f"SELECT dataset, contract_fingerprint, count(*) FROM ops.deliveries WHERE {HAS_ROWS} GROUP BY ALL"
    ).fetchall()
