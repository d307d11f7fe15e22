"""Rows that want the same keys: gathered from wherever they are, and decided which of them have them.

What belongs here: `temp.contested` and `temp.verdicts`, as sets. What does not: the order in which rows come to a key (`precedence`), moving
rows accordingly (`waiting`), rows that arrive last and can only lose (`uniqueness`).

Rows are gone through in that order, and each is taken whose keys no row has that was taken before. Where one set of columns is unique that is
the first of each key. Where several are, a row that loses one key leaves its others to those behind it, so it takes rounds: in each round those are
taken that are first for all their keys. Few rounds do, but for chains made on purpose: what they leave is gone through row by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import polars as pl

from pipeline.contract import Dataset
from pipeline.warehouse.precedence import LAST, measured, order_of, places
from pipeline.warehouse.sql import ident, idents, text

CONTESTED, VERDICTS, SEEDS = "temp.contested", "temp.verdicts", "temp.seeds"
MAKE_SEEDS = "CREATE TEMP TABLE IF NOT EXISTS seeds (_delivery VARCHAR, _row BIGINT)"
_ROUNDS, _BATCH = 12, 20_000


@dataclass(frozen=True)
class Side:
    """Some of the rows that take part.

    Attributes:
        state: clean, waiting or staged.
        rows: SQL relation with the columns of the clean table.
        place: their place; None: that of their deliveries.
        at: SQL of the number by which a staged row goes.
    """

    state: str
    rows: str
    place: int | None = None
    at: str = "NULL"


def gather(connection: duckdb.DuckDBPyConnection, dataset: Dataset, sides: Sequence[Side]) -> bool:
    """Make `temp.contested` of the rows `temp.seeds` (_delivery, _row), and all that share a key with one of these, or with one of those, and so
    on. False where there are none, and no table then."""
    sets = dataset.uniqueness
    connection.execute(MAKE_SEEDS)
    if not sets or not connection.execute(f"SELECT 1 FROM {SEEDS} LIMIT 1").fetchall():
        return False
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE contested AS SELECT * FROM ({_columns(dataset, sides[0])} FROM {sides[0].rows} AS row) WHERE false"
    )
    for side in sides:
        _add(connection, dataset, side, 0, f"SEMI JOIN {SEEDS} AS seed USING (_delivery, _row)")
    number = 1
    while _expand(connection, dataset, sides, number) and len(sets) > 1:
        number += 1
        if number == _ROUNDS:
            for side in sides:
                if side.state == "waiting":
                    _add(connection, dataset, side, number, _absent())
            _expand(connection, dataset, sides, number + 1, everything=True)
            break
    return True


def decide(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> None:
    """Make `temp.verdicts` of `temp.contested`: _state, _delivery, _row, _at, _wins; of a row that loses `_set` (the columns, joined by
    ", "), and `_holder`, `_holder_row`: a row before it that has its key. Where later rows win that may be one that lost to another."""
    ranked = (
        f"SELECT row.* EXCLUDE (_place), coalesce(row._place, joined.place, placed.place, {LAST}) AS _place FROM {CONTESTED} AS row "
        f"LEFT JOIN {places(dataset.name)} AS placed ON placed.delivery = row._delivery LEFT JOIN (SELECT delivery, _row, place "
        f"FROM ops.joined_rows WHERE dataset = {text(dataset.name)}) AS joined ON joined.delivery = row._delivery AND joined._row = row._row"
    )
    if len(dataset.uniqueness) == 1:
        (keys,) = dataset.uniqueness
        pick = "lag" if dataset.later_wins else "first_value"
        holder = f"CASE WHEN row_number() OVER turn > 1 THEN {pick}({{}}) OVER turn END"
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE verdicts AS SELECT _state, _delivery, _row, _at, row_number() OVER turn = 1 AS _wins, "
            f"{text(', '.join(keys))} AS _set, {holder.format('_delivery')} AS _holder, {holder.format('_row')} AS _holder_row "
            f"FROM ({ranked}) WINDOW turn AS (PARTITION BY {idents(keys)} ORDER BY {order_of(dataset)})"
        )
        return
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE undecided AS SELECT *, row_number() OVER (ORDER BY {order_of(dataset)}) AS _turn FROM ({ranked})"
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE verdicts (_state VARCHAR, _delivery VARCHAR, _row BIGINT, _at BIGINT, _wins BOOLEAN, _set VARCHAR, "
        "_holder VARCHAR, _holder_row BIGINT)"
    )
    for _ in range(_ROUNDS):
        if not _round(connection, dataset):
            break
    else:
        _one_by_one(connection, dataset)
    for name in ("undecided", "taken_now", "lost_now"):
        connection.execute(f"DROP TABLE IF EXISTS temp.{name}")


def forget(connection: duckdb.DuckDBPyConnection) -> None:
    """Drop the temporary tables."""
    for name in (CONTESTED, VERDICTS, SEEDS):
        connection.execute(f"DROP TABLE IF EXISTS {name}")


def key_columns(dataset: Dataset) -> list[str]:
    """All columns that belong to a unique set, each once."""
    return list(dict.fromkeys(name for names in dataset.uniqueness for name in names))


def _columns(dataset: Dataset, side: Side, number: int = 0) -> str:
    place = "NULL" if side.place is None else str(side.place)
    keys = ", ".join(f"row.{ident(name)}" for name in key_columns(dataset))
    return (
        f"SELECT {text(side.state)} AS _state, row._delivery, row._row, {side.at}::BIGINT AS _at, {measured(dataset)} AS _by, "
        f"{place}::BIGINT AS _place, {number} AS _round, {keys}"
    )


def _add(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, side: Side, number: int, condition: str
) -> int:
    row = connection.execute(
        f"INSERT INTO {CONTESTED} {_columns(dataset, side, number)} FROM {side.rows} AS row {condition}"
    ).fetchone()
    assert row is not None
    return int(row[0])


def _absent() -> str:
    return f"ANTI JOIN {CONTESTED} AS there ON there._delivery = row._delivery AND there._row = row._row"


def _expand(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    sides: Sequence[Side],
    number: int,
    *,
    everything: bool = False,
) -> int:
    """Add the rows that share a key with one of the last round, or of any; returns how many."""
    known = CONTESTED if everything else f"(SELECT * FROM {CONTESTED} WHERE _round = {number - 1})"
    return sum(
        _add(
            connection,
            dataset,
            _with_rows(
                side, f"(SELECT * FROM {side.rows} SEMI JOIN {known} AS known USING ({idents(keys)}))"
            ),
            number,
            _absent(),
        )
        for keys in dataset.uniqueness
        for side in sides
    )


def _with_rows(side: Side, rows: str) -> Side:
    """The side with other rows."""
    return Side(side.state, rows, side.place, side.at)


def _present(keys: Sequence[str]) -> str:
    return " AND ".join(f"{ident(name)} IS NOT NULL" for name in keys)


def _round(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> bool:
    """Take those that are first for all their keys, and strike those behind them; whether any are left."""
    first = " AND ".join(
        f"(NOT ({_present(keys)}) OR _turn = min(_turn) OVER (PARTITION BY {idents(keys)}))"
        for keys in dataset.uniqueness
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE taken_now AS SELECT * FROM temp.undecided QUALIFY {first}"
    )
    lost = " UNION ALL ".join(
        f"SELECT row._turn, {number} AS number, {text(', '.join(keys))} AS _set, taken._delivery AS _holder, taken._row AS _holder_row "
        f"FROM temp.undecided AS row JOIN temp.taken_now AS taken USING ({idents(keys)}) WHERE row._turn > taken._turn"
        for number, keys in enumerate(dataset.uniqueness)
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE lost_now AS SELECT * FROM ({lost}) QUALIFY row_number() OVER (PARTITION BY _turn ORDER BY number) = 1"
    )
    connection.execute(
        f"INSERT INTO {VERDICTS} SELECT _state, _delivery, _row, _at, true, NULL, NULL, NULL FROM temp.taken_now UNION ALL "
        "SELECT _state, _delivery, _row, _at, false, _set, _holder, _holder_row FROM temp.lost_now JOIN temp.undecided USING (_turn)"
    )
    connection.execute(
        "DELETE FROM temp.undecided WHERE _turn IN (SELECT _turn FROM temp.taken_now UNION ALL SELECT _turn FROM temp.lost_now)"
    )
    return bool(connection.execute("SELECT 1 FROM temp.undecided LIMIT 1").fetchall())


def _one_by_one(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> None:
    """What the rounds left; holds the keys of these rows."""
    taken: list[dict[tuple[object, ...], tuple[str, int]]] = [{} for _ in dataset.uniqueness]
    names = key_columns(dataset)
    places_of = [[names.index(name) for name in keys] for keys in dataset.uniqueness]
    # As text: a value is compared with itself as it is stored, whatever its type.
    keys = ", ".join(f"{ident(name)}::VARCHAR" for name in names)
    after = 0
    while True:
        rows = connection.execute(
            f"SELECT _turn, _state, _delivery, _row, _at, {keys} FROM temp.undecided WHERE _turn > ? ORDER BY _turn LIMIT {_BATCH}",
            [after],
        ).fetchall()
        if not rows:
            return
        after = rows[-1][0]
        found: list[tuple[object, ...]] = []
        for _, state, delivery, number, at, *values in rows:
            own = [tuple(values[place] for place in one) for one in places_of]
            hit = next((n for n, key in enumerate(own) if None not in key and key in taken[n]), None)
            if hit is None:
                for known, key in zip(taken, own, strict=True):
                    known[key] = (delivery, number)
                found.append((state, delivery, number, at, True, None, None, None))
            else:
                told = ", ".join(dataset.uniqueness[hit])
                found.append((state, delivery, number, at, False, told, *taken[hit][own[hit]]))
        frame = pl.DataFrame(
            found,
            schema={"_state": pl.String, "_delivery": pl.String, "_row": pl.Int64, "_at": pl.Int64, "_wins": pl.Boolean,
                    "_set": pl.String, "_holder": pl.String, "_holder_row": pl.Int64},
            orient="row",
        )  # fmt: skip
        connection.register("decided_rows", frame)
        try:
            connection.execute(f"INSERT INTO {VERDICTS} SELECT * FROM decided_rows")
        finally:
            connection.unregister("decided_rows")
