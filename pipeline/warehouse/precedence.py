"""Which delivery came first, when one is loaded again.

What belongs here: the order of first commits, and rows that give way to a delivery before theirs. What does not: keys that are taken
(`uniqueness`), choosing what is loaded again (`intake.again`).

Of two rows with one key the first committed stays. A delivery that is loaded again has its first place in that order still: what came
after it holds no key against it. So loading all deliveries again, in order, gives what loading them into an empty table would.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import duckdb

from pipeline.contract import Dataset
from pipeline.warehouse.conflict_list import Conflicts, exclude
from pipeline.warehouse.ledger import OF_A_FILE, Entry, current
from pipeline.warehouse.sql import ident, idents, table, text, timestamp
from pipeline.warehouse.tables import ERROR_COLUMNS
from pipeline.warehouse.uniqueness import key_text, reached, severity_of
from pipeline.warehouse.windows import dirty, late

LATER = "temp.later"
_YIELDED = "temp.yielded"
# A version's first commit: what was loaded since the delivery last had other bytes, or none.
_FIRST = f"""(
    WITH landed AS (SELECT delivery, seq, sha256, status FROM ops.deliveries WHERE dataset = $1 AND {OF_A_FILE}
        AND status IN ('loaded', 'partial', 'replaced', 'removed')
    ), turn AS (
        SELECT past.delivery, max(past.seq) FILTER (past.sha256 <> now.sha256 OR past.status = 'removed') AS other
        FROM landed AS past JOIN landed AS now USING (delivery) WHERE now.status IN ('loaded', 'partial') GROUP BY 1
    )
    SELECT delivery, min(seq) AS first FROM landed JOIN turn USING (delivery)
    WHERE status <> 'removed' AND seq > coalesce(other, 0) GROUP BY 1
)"""


def in_order(connection: duckdb.DuckDBPyConnection, dataset: str) -> list[str]:
    """Keys of the deliveries that are in the clean table, in order of their first commit."""
    rows = connection.execute(f"SELECT delivery FROM {_FIRST} ORDER BY first", [dataset]).fetchall()
    return [row[0] for row in rows]


def list_later(connection: duckdb.DuckDBPyConnection, dataset: Dataset, delivery: str) -> None:
    """List in `temp.later` the deliveries that first came after this one."""
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {LATER.split('.')[1]} AS WITH placed AS {_FIRST} SELECT delivery FROM placed "
        "WHERE first > (SELECT first FROM placed WHERE delivery = $2)",
        [dataset.name, delivery],
    )


def known_before(dataset: Dataset) -> str:
    """SQL of the clean rows whose keys count for a delivery whose later ones are listed."""
    return f"(SELECT * FROM {table('clean', dataset.name)} WHERE _delivery NOT IN (SELECT delivery FROM {LATER}))"


def give_way(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    delivery: str,
    paths: Sequence[str],
    source: str,
    conflicts: Conflicts,
    detected_at: datetime,
) -> None:
    """Reject the rows of listed later deliveries whose keys the staged rows have; their ledger rows and windows follow.

    Args:
        connection: inside the transaction, before the staged rows are inserted.
        dataset: whose uniqueness holds.
        delivery: whose rows are staged.
        paths: the clean Parquet files.
        source: SQL that reads them.
        conflicts: staged rows that are not loaded themselves are listed, see `conflicts.find_conflicts`.
        detected_at: UTC without zone.
    """
    for columns in dataset.uniqueness:
        if severity_of(dataset, columns) == "warn" or not reached(connection, dataset, paths, columns):
            continue
        on = " AND ".join(f"known.{ident(column)} = staged.{ident(column)}" for column in columns)
        name = text(", ".join(columns))
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {_YIELDED.split('.')[1]} AS SELECT known._delivery, known._row, {name} AS column_name, "
            f"{key_text('known', columns)} AS value, {name} || ' ' || {key_text('known', columns)} || ' is already in delivery ' "
            f"|| {text(repr(delivery))} || ' (row ' || staged._row || '), which came first' AS message, "
            f"to_json(known)::VARCHAR AS record FROM {table('clean', dataset.name)} AS known "
            f"JOIN (SELECT _row, {idents(columns)} FROM {source}{exclude(conflicts)}) AS staged ON {on} "
            f"WHERE known._delivery IN (SELECT delivery FROM {LATER})"
        )
        _reject(connection, dataset, detected_at)
        connection.execute(f"DROP TABLE {_YIELDED}")


def _reject(connection: duckdb.DuckDBPyConnection, dataset: Dataset, detected_at: datetime) -> None:
    counts = connection.execute(
        f"SELECT _delivery, count(*) FROM {_YIELDED} GROUP BY 1 ORDER BY 1"
    ).fetchall()
    if not counts:
        return
    found = [current(connection, dataset.name, delivery) for delivery, _ in counts]
    entries = [entry for entry in found if entry is not None]
    for entry in entries:
        dirty.mark(connection, dataset, entry.delivery, dirty.spans_of(connection, dataset, entry))
    names = [name for name, _ in ERROR_COLUMNS]
    connection.execute(
        f"INSERT INTO {table('errors', dataset.name)} ({idents(names)}) SELECT _delivery, _row, NULL, NULL, column_name, 'unique', "
        f"value, message, record, 'reject', 'open', {timestamp(detected_at)} FROM {_YIELDED}"
    )
    connection.execute(
        f"DELETE FROM {table('clean', dataset.name)} AS known USING {_YIELDED} AS gone "
        "WHERE known._delivery = gone._delivery AND known._row = gone._row"
    )
    for entry in entries:
        gone = f"SELECT _row FROM {_YIELDED} WHERE _delivery = {text(entry.delivery)}"
        late.forget(connection, dataset, entry.delivery, gone)
    lost = dict(counts)
    for entry in entries:
        _recount(connection, entry, lost[entry.delivery])


def _recount(connection: duckdb.DuckDBPyConnection, entry: Entry, lost: int) -> None:
    """Its rows read stay what they were: some of the clean ones are rejected ones now."""
    connection.execute(
        "UPDATE ops.deliveries SET rows_clean = rows_clean - $2, rows_rejected = rows_rejected + $2, "
        "violations = violations + $2, status = 'partial' WHERE id = $1",
        [entry.id, lost],
    )
