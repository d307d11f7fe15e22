"""Who comes first to a key: the order in which rows arrived, and what of it decides.

What belongs here: the order of first commits, the place of a row in it, `on_conflict` as an order. What does not: finding rows with one key
and giving it to one of them (`contest`), choosing what is loaded again (`intake.again`).

A delivery that is loaded again has the place of its first commit still; one with other bytes gets a place of its own. So loading all
deliveries again, in order, gives what loading them into an empty table would. A row that joined its delivery later, by a correction or a
replay, has the place of that.
"""

from __future__ import annotations

import duckdb

from pipeline.contract import Dataset
from pipeline.warehouse.ledger import OF_A_FILE
from pipeline.warehouse.sql import ident, text

LAST = 2**62
"""Place of what arrives now."""
# A version's first commit: what was loaded since the delivery last had other bytes, or none.
_FIRST = f"""(
    WITH landed AS (SELECT delivery, seq, sha256, status FROM ops.deliveries WHERE dataset = {{}} AND {OF_A_FILE}
        AND status IN ('loaded', 'partial', 'replaced', 'removed', 'duplicate')
    ), turn AS (
        SELECT past.delivery, max(past.seq) FILTER (past.sha256 <> now.sha256 OR past.status = 'removed') AS other
        FROM landed AS past JOIN landed AS now USING (delivery) WHERE now.status IN ('loaded', 'partial') GROUP BY 1
    )
    SELECT delivery, min(seq) AS place FROM landed JOIN turn USING (delivery)
    WHERE status NOT IN ('removed', 'duplicate') AND seq > coalesce(other, 0) GROUP BY 1
)"""


def places(dataset: str) -> str:
    """SQL in brackets: `delivery` and `place` of each delivery that is in the clean table."""
    return _FIRST.format(text(dataset))


def in_order(connection: duckdb.DuckDBPyConnection, dataset: str) -> list[str]:
    """Keys of the deliveries that are in the clean table, in order of their first commit."""
    rows = connection.execute(f"SELECT delivery FROM {places(dataset)} ORDER BY place").fetchall()
    return [row[0] for row in rows]


def place_of(connection: duckdb.DuckDBPyConnection, dataset: str, delivery: str) -> int:
    """The place of a delivery that is in the clean table."""
    row = connection.execute(f"SELECT place FROM {places(dataset)} WHERE delivery = ?", [delivery]).fetchone()
    return LAST if row is None else int(row[0])


def next_place(connection: duckdb.DuckDBPyConnection) -> int:
    """A place behind all that there are."""
    row = connection.execute("SELECT nextval('ops.delivery_seq')").fetchone()
    assert row is not None
    return int(row[0])


def measured(dataset: Dataset) -> str:
    """SQL over a clean row: what decides before its arrival does; NULL where nothing does. NaN is no value."""
    name = dataset.latest_by
    if name is None:
        return "NULL::BIGINT"
    dtype = next(column.dtype for column in dataset.columns if column.name == name)
    return f"CASE WHEN NOT isnan({ident(name)}) THEN {ident(name)} END" if dtype.is_float() else ident(name)


def order_of(dataset: Dataset) -> str:
    """ORDER BY terms over `_by` (`measured`), `_place`, `_delivery` and `_row`: of rows with one key the first in this order has it."""
    if not dataset.later_wins:
        return "_place, _row, _delivery"
    return "_by DESC NULLS LAST, _place DESC, _row DESC, _delivery DESC"
