"""What only the whole file and the warehouse can tell of staged rows: keys that are taken, references to nothing, order.

What belongs here: which kinds there are, in which order, and leaving the rows out that must not be loaded. What does not: each kind's
own work (`uniqueness`, `lookups`, `order`), the list (`conflict_list`), the error rows (`loading`).

A row may be listed several times, once for each thing that is wrong with it. Uniqueness and order leave aside what is rejected by then:
such a row holds no key and no place in the order. References within the dataset come last, since they need to know what will be there.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from pipeline.contract import Dataset
from pipeline.warehouse import lookups, order, uniqueness
from pipeline.warehouse.conflict_list import CONFLICTS, ConflictList, Conflicts, exclude, forget
from pipeline.warehouse.contest import Side
from pipeline.warehouse.sql import table

__all__ = ["CONFLICTS", "Conflicts", "exclude", "find_conflicts", "forget"]


def find_conflicts(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    paths: Sequence[str],
    source: str,
    known: str | None = None,
    within: str = "this file",
    places: str | None = None,
    there: str | None = None,
    staged: Side | None = None,
) -> Conflicts:
    """List in `temp.conflicts` (see `conflict_list`) what is wrong with staged rows.

    Args:
        connection: inside the transaction; the delivery's earlier version is deleted already.
        dataset: whose uniqueness, references and order hold.
        paths: the clean Parquet files, in row order.
        source: SQL that reads them.
        known: SQL of the rows whose keys are taken; the clean table when not given.
        within: what the rows are, for the messages.
        places: where the rows are not one file, SQL in brackets that gives `_row`, `_delivery` and `original_row` of each: they take
            their places among the rows of those deliveries in the table.
        there: SQL in brackets of the rows of the dataset that references within it may be to; the clean table when not given.
        staged: the rows as they take part in the contest for keys, where they do not come behind all that are there.

    Returns:
        What was found. `refused` is for the caller to act on: where it is not, those rows are left out like any others.

    Raises:
        ContractError: a reference does not fit the table that it refers to.
    """
    listed = ConflictList(connection)
    for reference in dataset.references:
        if reference.dataset != dataset.name:
            lookups.list_missing(listed, dataset, reference, source)
    if staged is None:
        uniqueness.list_taken(listed, dataset, paths, source, known, within)
    else:
        rivals = [Side("clean", known or table("clean", dataset.name))]
        if len(dataset.uniqueness) > 1:  # a row that loses one key may free another for one that waits
            rivals.append(Side("waiting", table("waiting", dataset.name)))
        uniqueness.list_losing(listed, dataset, paths, staged, rivals)
    for column in dataset.increasing:
        if places is None:
            order.list_not_above(listed, dataset, column, paths, source)
        else:
            order.list_out_of_place(listed, dataset, column, source, places)
    lookups.list_missing_here(listed, dataset, source, there)
    return listed.summary()
