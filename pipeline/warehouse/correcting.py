"""Moving corrected rows from the error table to the clean table.

What belongs here: the statements, over temporary tables in which a row goes by its place in the correction. What does not: deciding
what a correction is and what is told of it (`corrections`).

`sent` (see `open_rows`): every row of the correction with its state. `judged`: the open
ones with their verdict: clean, filtered, rejected, superseded. `found`: the error rows of these. `changed`: those of which something changes; a
row that fails for the very same reasons stays as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import duckdb

from pipeline.contract import Dataset
from pipeline.contract.severities import NOT_NULLABLE, UNIQUE
from pipeline.ingest.manifest import DaySpan, Staged
from pipeline.ingest.mapping import map_columns
from pipeline.warehouse import conflicts, ledger, waiting
from pipeline.warehouse.added import Room
from pipeline.warehouse.conflict_list import CONFLICTS, REJECTED, Conflicts, in_file
from pipeline.warehouse.contest import Side
from pipeline.warehouse.errors import ReconciliationError
from pipeline.warehouse.ledger import Entry
from pipeline.warehouse.loading import CONFLICT_SEVERITY, CONFLICT_STATUS, changed_rows, clean_source
from pipeline.warehouse.sql import ident, idents, parquet, table, text, timestamp
from pipeline.warehouse.tables import ERROR_COLUMNS, clean_columns
from pipeline.warehouse.windows import dirty

_TABLES = ("sent", "judged", "found", "changed", "moved")
_PLACES = "(SELECT place AS _row, _delivery, original_row FROM temp.sent)"
_OWN = "(SELECT place, _delivery, original_row FROM temp.sent)"

JOINED = "(_delivery, _row) IN (SELECT _delivery, original_row FROM temp.judged WHERE verdict = 'clean')"
"""SQL condition on clean rows: it joined them just now."""


@dataclass(frozen=True)
class Moved:
    """What became of the rows of one original delivery.

    Attributes:
        delivery: its key.
        entry_id: its row of the ledger.
        clean: rows that joined the clean table.
        filtered: rows that the contract leaves out.
        rejected: rows that stay open.
        superseded: rows with which nothing is wrong but that a later row has their key.
        skipped: rows that were not open any more, or that the correction names twice.
    """

    delivery: str
    entry_id: str
    clean: int
    filtered: int
    rejected: int
    skipped: int
    superseded: int


def move(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    staged: Staged,
    room: Room,
    place: int,
    *,
    behind: bool,
) -> list[Moved]:
    """Move the open rows that pass; note of the others why they do not. Originals' counts in the ledger follow.

    Args:
        place: their place in the order of arrival from now on.
        behind: whether that is behind all that are there, so that they can only lose their keys. Else `temp.seeds` are those whose keys are
            still to be given to those to whom they belong.
    """
    detected_at = ledger.now()
    source = _source(dataset, staged, room)
    found = Conflicts()
    _leave_waiting(connection, dataset)
    if source is not None:
        within = f"the correction {staged.delivery!r}" if staged.delivery else "the rows that are open"
        side = None if behind else Side("staged", _as_rows(source), place)
        found = conflicts.find_conflicts(
            connection, dataset, staged.clean_paths, source, within=within, places=_PLACES, staged=side
        )
    _judge(connection, staged, source, found)
    _find_errors(connection, dataset, staged, detected_at, found)
    if found and source is not None:
        waiting.put(connection, dataset, source, room, detected_at, _OWN)
    conflicts.forget(connection, found)
    _change_profile(connection, dataset, source)
    _change_errors(connection, dataset)
    if source is not None:
        _insert_clean(connection, dataset, source, room)
        joined = "SELECT _delivery, original_row AS _row FROM temp.judged WHERE state = 'open'"
        waiting.join_now(connection, dataset, joined, place)
    return _change_ledger(connection, dataset, source)


def _leave_waiting(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> None:
    """Rows that are looked at once more do not wait meanwhile."""
    connection.execute(
        f"DELETE FROM {table('waiting', dataset.name)} AS row USING temp.sent AS sent "
        "WHERE sent.state = 'open' AND row._delivery = sent._delivery AND row._row = sent.original_row"
    )


def _as_rows(source: str) -> str:
    """SQL in brackets of the rows under their own numbers; `_at` is the place."""
    return (
        "(SELECT sent._delivery, sent.original_row AS _row, staged._row AS _at, staged.* EXCLUDE (_row) "
        f"FROM {source} AS staged JOIN temp.sent AS sent ON sent.place = staged._row)"
    )


def _source(dataset: Dataset, staged: Staged, room: Room) -> str | None:
    """SQL in brackets: the clean rows that are open, typed as in the table; `_row` is the place."""
    if not staged.clean_paths:
        return None
    return (
        f"(SELECT * FROM {clean_source(dataset, staged, room)} AS staged "
        "WHERE staged._row IN (SELECT place FROM temp.sent WHERE state = 'open'))"
    )


def _judge(
    connection: duckdb.DuckDBPyConnection, staged: Staged, source: str | None, found: Conflicts
) -> None:
    failing = []
    if staged.error_paths:
        failing.append(f"SELECT _row FROM {parquet(staged.error_paths)} WHERE severity = 'reject'")
    lost = "false"
    if found:
        failing.append(REJECTED)
        lost = f"place IN (SELECT _row FROM {CONFLICTS} WHERE severity = 'superseded')"
    rejected = f"place IN ({' UNION ALL '.join(failing)})" if failing else "false"
    clean = f"place IN (SELECT _row FROM {source})" if source is not None else "false"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE judged AS SELECT *, CASE WHEN {lost} THEN 'superseded' WHEN {rejected} THEN 'rejected' WHEN {clean} THEN 'clean' "
        "ELSE 'filtered' END AS verdict FROM temp.sent WHERE state = 'open'"
    )


def _find_errors(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    staged: Staged,
    detected_at: datetime,
    conflicting: Conflicts,
) -> None:
    """`found`, in the shape of the error table. Where a row is in its own file is taken from what was open."""
    head = "SELECT row._delivery, row.original_row AS _row, row.sheet, row.line"
    parts = []
    if staged.error_paths:
        parts.append(
            f"{head}, found.column_name, found.check_name, found.value, found.message, found.record, found.severity, "
            "CASE found.severity WHEN 'reject' THEN 'open' ELSE 'noted' END AS status, "
            f"{timestamp(detected_at)} AS detected_at FROM {parquet(staged.error_paths)} AS found "
            "JOIN temp.judged AS row ON row.place = found._row"
        )
    if conflicting:
        told = in_file(dataset, "row.shown", "found.value").replace("column_name", "found.column_name", 1)
        parts.append(
            f"SELECT _delivery, original_row AS _row, sheet, line, column_name, check_name, told AS value, head || told || tail AS message, "
            f"record, {CONFLICT_SEVERITY} AS severity, {CONFLICT_STATUS} AS status, {timestamp(detected_at)} AS detected_at "
            f"FROM (SELECT row._delivery, row.original_row, row.sheet, row.line, row.record, found.*, {told} AS told "
            f"FROM {CONFLICTS} AS found JOIN temp.judged AS row ON row.place = found._row)"
        )
    names = idents(name for name, _ in ERROR_COLUMNS)
    columns = ", ".join(f"NULL::{kind} AS {ident(name)}" for name, kind in ERROR_COLUMNS)
    found = " UNION ALL ".join(parts) or f"SELECT {columns} WHERE false"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE found AS SELECT {names} FROM ({found})")


def _change_profile(connection: duckdb.DuckDBPyConnection, dataset: Dataset, source: str | None) -> None:
    """The profiles of the originals, and so their scores, as if the rows that join had been so at first: what was empty and is not any more,
    what is empty now, records that can be read now; rows that the contract leaves out are in no profile.

    What was empty is told by the open errors and by the record as text: a word that a cleaner takes for nothing counts as a value."""
    originals = connection.execute(
        "SELECT id, dialect FROM ops.deliveries WHERE id IN (SELECT entry_id FROM temp.judged WHERE verdict IN ('clean', 'filtered'))"
    ).fetchall()
    by_header: dict[tuple[str, ...], list[str]] = {}
    for entry_id, dialect in originals:
        by_header.setdefault(tuple(json.loads(dialect or "{}").get("columns", ())), []).append(entry_id)
    staged = (
        f" LEFT JOIN {source} AS staged ON staged._row = old.place AND old.verdict = 'clean'"
        if source
        else ""
    )
    for header, ids in by_header.items():
        names = [column.name for column in dataset.columns]
        deltas = ", ".join(_nulls_brought(dataset, header, source is not None))
        connection.execute(
            "UPDATE ops.columns AS profile SET row_count = profile.row_count + brought.rows, "
            "null_count = least(greatest(profile.null_count + brought.nulls, 0), profile.row_count + brought.rows) FROM ("
            f"WITH old AS (SELECT row.entry_id, row.place, row.verdict, any_value(error.record) AS record, "
            f"list(error.column_name) FILTER (error.check_name = {text(NOT_NULLABLE)}) AS lacking, "
            "coalesce(json_type(any_value(error.record), '$._fields') = 'ARRAY', false) AS unread "
            f"FROM temp.judged AS row JOIN {table('errors', dataset.name)} AS error ON row._delivery = error._delivery AND row.original_row = error._row "
            "WHERE row.verdict IN ('clean', 'filtered') AND error.status = 'open' AND error.severity = 'reject' "
            "AND list_contains($1, row.entry_id) GROUP BY row.entry_id, row.place, row.verdict) "
            f"SELECT entry_id, unnest($2) AS column_name, unnest([{deltas}])::BIGINT AS nulls, "
            "sum(CASE WHEN verdict = 'clean' THEN unread::INTEGER ELSE unread::INTEGER - 1 END)::BIGINT AS rows "
            f"FROM old{staged} GROUP BY entry_id"
            ") AS brought WHERE profile.entry_id = brought.entry_id AND profile.column_name = brought.column_name",
            [ids, names],
        )


def _nulls_brought(dataset: Dataset, header: tuple[str, ...], with_clean: bool) -> Iterator[str]:
    """SQL, for each column of the contract, of how many more nulls it has by the rows of files with this header."""
    sources = map_columns(dataset, header).sources
    for column in dataset.columns:
        now = f"(verdict = 'clean' AND staged.{ident(column.name)} IS NULL)" if with_clean else "false"
        was = f"coalesce(list_contains(lacking, {text(column.name)}), false)"
        origin = sources.get(column.name)
        if column.name in dataset.derived:
            was = f"({was} OR {now})"
        elif column.nullable and origin is None:
            was = "true"
        elif column.nullable and origin is not None:
            pointer = "/" + origin.replace("~", "~0").replace("/", "~1")
            was = f"(coalesce(json_extract_string(record, {text(pointer)}), '') = '')"
        yield f"sum({now}::INTEGER - (NOT unread AND {was})::INTEGER)"


def _change_errors(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> None:
    errors = table("errors", dataset.name)
    # The same reasons of the same record, in whatever order.
    reasons = (
        "SELECT _delivery, _row, count(*) AS n, sum(hash(column_name, check_name, value, message, record)) AS reasons FROM {} "
        "WHERE severity = 'reject' AND status = 'open' GROUP BY ALL"
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE changed AS SELECT row._delivery, row.original_row AS _row, row.verdict "
        "FROM temp.judged AS row "
        f"LEFT JOIN ({reasons.format(errors)}) AS old ON old._delivery = row._delivery AND old._row = row.original_row "
        f"LEFT JOIN ({reasons.format('temp.found')}) AS new ON new._delivery = row._delivery AND new._row = row.original_row "
        "WHERE row.verdict <> 'rejected' OR old.n <> new.n OR old.reasons <> new.reasons"
    )
    connection.execute(
        f"UPDATE {errors} AS error SET status = CASE WHEN error.status = 'open' AND changed.verdict IN ('clean', 'filtered') "
        "THEN 'replayed' ELSE 'superseded' END FROM temp.changed AS changed WHERE error._delivery = changed._delivery "
        "AND error._row = changed._row AND error.status IN ('open', 'noted')"
    )
    names = idents(name for name, _ in ERROR_COLUMNS)
    connection.execute(
        f"INSERT INTO {errors} ({names}) SELECT {names} FROM temp.found AS found "
        "WHERE (_delivery, _row) IN (SELECT _delivery, _row FROM temp.changed)"
    )
    # Error rows that stay as they are were found before.
    connection.execute(
        f"UPDATE {table('waiting', dataset.name)} AS row SET _since = error.detected_at FROM {errors} AS error JOIN temp.judged AS judged "
        "ON judged._delivery = error._delivery AND judged.original_row = error._row WHERE judged.verdict = 'rejected' "
        f"AND error.status = 'open' AND error.check_name = {text(UNIQUE)} AND row._delivery = error._delivery AND row._row = error._row"
    )


def _insert_clean(connection: duckdb.DuckDBPyConnection, dataset: Dataset, source: str, room: Room) -> None:
    names = [*(name for name, _ in clean_columns(dataset)), *room.columns.values()]
    own = {"_delivery": "row._delivery", "_row": "row.original_row"}
    picked = ", ".join(own.get(name, f"staged.{ident(name)}") for name in names)
    inserted = changed_rows(
        connection,
        f"INSERT INTO {table('clean', dataset.name)} ({idents(names)}) SELECT {picked} FROM {source} AS staged "
        "JOIN temp.judged AS row ON row.place = staged._row WHERE row.verdict = 'clean'",
    )
    passed = _count(connection, "SELECT count(*) FROM temp.judged WHERE verdict = 'clean'")
    if inserted != passed:
        figures = {"rows that pass": passed, "rows inserted": inserted}
        raise ReconciliationError(dataset.name, "", "the table does not hold the rows that pass", figures)


def _change_ledger(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, source: str | None
) -> list[Moved]:
    """Counts, status and event times of the originals."""
    first = last = "NULL::TIMESTAMP"
    times = ""
    if dataset.event_time is not None and source is not None:
        moment = f"staged.{ident(dataset.event_time)}"
        first, last = (
            f"{end}({moment}) FILTER (judged.verdict = 'clean')::TIMESTAMP" for end in ("min", "max")
        )
        times = f" LEFT JOIN {source} AS staged ON staged._row = sent.place"
    verdicts = ", ".join(
        f"count(*) FILTER (judged.verdict = '{name}') AS {name}"
        for name in ("clean", "filtered", "rejected", "superseded")
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE moved AS SELECT sent._delivery AS delivery, sent.entry_id, {verdicts}, "
        f"count(*) FILTER (sent.state = 'done') AS skipped, {first} AS first, {last} AS last FROM temp.sent AS sent "
        f"LEFT JOIN temp.judged AS judged ON judged.place = sent.place{times} WHERE sent.state IN ('open', 'done') GROUP BY ALL"
    )
    connection.execute(
        "UPDATE ops.deliveries AS entry SET rows_clean = entry.rows_clean + moved.clean, "
        "rows_filtered = entry.rows_filtered + moved.filtered, "
        "rows_rejected = entry.rows_rejected - moved.clean - moved.filtered, violations = coalesce(held.n, 0), "
        "rows_superseded = entry.rows_superseded + moved.superseded, "
        "status = CASE WHEN entry.rows_rejected > moved.clean + moved.filtered + entry.rows_superseded + moved.superseded THEN 'partial' ELSE 'loaded' END, "
        "event_time_min = least(entry.event_time_min, moved.first), "
        "event_time_max = greatest(entry.event_time_max, moved.last) FROM temp.moved AS moved "
        f"LEFT JOIN (SELECT _delivery, count(*) AS n FROM {table('errors', dataset.name)} WHERE status <> 'superseded' "
        "GROUP BY ALL) AS held ON held._delivery = moved.delivery WHERE entry.id = moved.entry_id"
    )
    rows = connection.execute(
        "SELECT delivery, entry_id, clean, filtered, rejected, skipped, superseded FROM temp.moved ORDER BY delivery"
    ).fetchall()
    return [Moved(*row) for row in rows]


def spans(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, staged: Staged, room: Room
) -> list[DaySpan]:
    """The days of the rows that joined the clean table."""
    source = _source(dataset, staged, room)
    if source is None:
        return []
    joined = "(SELECT place FROM temp.judged WHERE verdict = 'clean')"
    return dirty.spans_in(connection, dataset, f"{source} AS staged WHERE staged._row IN {joined}")


def reconcile(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> None:
    """Raise ReconciliationError unless the tables hold what the ledger says of every original."""
    rows = connection.execute(
        "SELECT entry.delivery, entry.rows_read, entry.rows_clean, entry.rows_rejected, entry.rows_filtered, entry.rows_superseded, "
        f"(SELECT count(*) FROM {table('clean', dataset.name)} AS clean WHERE clean._delivery = entry.delivery) + entry.rows_expired, "
        f"(SELECT count(DISTINCT _row) FROM {table('errors', dataset.name)} AS error WHERE error._delivery = entry.delivery "
        "AND error.status = 'open' AND error.severity = 'reject') "
        "FROM ops.deliveries AS entry JOIN temp.moved AS moved ON moved.entry_id = entry.id"
    ).fetchall()
    names = (
        "rows_read",
        "rows_clean",
        "rows_rejected",
        "rows_filtered",
        "rows_superseded",
        "rows in the table or expired",
        "rows with open errors",
    )
    for delivery, *values in rows:
        figures = dict(zip(names, values, strict=True))
        if (
            figures["rows_read"]
            != figures["rows_clean"] + figures["rows_rejected"] + figures["rows_filtered"]
        ):
            cause = "after its correction rows read are not clean + rejected + filtered"
        elif figures["rows_clean"] != figures["rows in the table or expired"]:
            cause = "after its correction the table does not hold the clean rows"
        elif figures["rows_rejected"] - figures["rows_superseded"] != figures["rows with open errors"]:
            cause = "after its correction the error table does not hold the rejected rows"
        else:
            continue
        raise ReconciliationError(dataset.name, delivery, cause, figures)


def note(connection: duckdb.DuckDBPyConnection, entry: Entry) -> None:
    """Keep which originals a correction was about, for whoever wants to know later."""
    connection.execute(
        "INSERT INTO ops.corrections SELECT $1, $2, delivery, entry_id, clean, filtered, rejected, skipped, "
        f"{timestamp(ledger.now())} FROM temp.moved",
        [entry.id, entry.dataset],
    )


def forget(connection: duckdb.DuckDBPyConnection) -> None:
    """Drop the temporary tables. A transaction that is rolled back takes them along."""
    for name in _TABLES:
        connection.execute(f"DROP TABLE IF EXISTS temp.{name}")


def _count(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    assert row is not None
    return int(row[0])
