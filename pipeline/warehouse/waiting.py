"""Rows that are valid and lost only their key: `waiting.<dataset>`, and giving a key to the next in order when it is free.

What belongs here: the statements that put rows there, and `settle`, which makes the clean table, the error table and the ledger say again what the
order of arrival says. What does not: that order (`precedence`), deciding by it (`contest`).

The table has the columns of the clean table, so that a row joins it without its file. `_set` are the columns of the key that it lost,
`_holder` and `_holder_row` a row that has it; `_status` and `_since` are those of its error row: `open`, or `superseded` where later rows
win. Whatever takes rows out of the clean table names those that waited for them (`temp.seeds`), and settles in its own transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import duckdb

from pipeline.contract import Dataset
from pipeline.contract.severities import UNIQUE
from pipeline.ingest.manifest import DaySpan, Staged
from pipeline.warehouse import conflicts, contest, ledger, lookups, order
from pipeline.warehouse.added import Room
from pipeline.warehouse.conflict_list import CONFLICTS, ConflictList
from pipeline.warehouse.contest import SEEDS, VERDICTS, Side
from pipeline.warehouse.errors import ReconciliationError
from pipeline.warehouse.ledger import HAS_ROWS
from pipeline.warehouse.loading import changed_rows, count_of
from pipeline.warehouse.publish import marks
from pipeline.warehouse.sql import ident, idents, table, text, timestamp
from pipeline.warehouse.tables import ERROR_COLUMNS, WAITING_COLUMNS, clean_columns
from pipeline.warehouse.uniqueness import key_text, lost_to
from pipeline.warehouse.windows import dirty, late
from pipeline.warehouse.windows.late import Reached

_OWN = [name for name, _ in WAITING_COLUMNS]
_ERRORS = idents(name for name, _ in ERROR_COLUMNS)


def put(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    source: str,
    room: Room,
    since: datetime,
    own: str,
) -> int:
    """Keep the listed rows that lost only a key (`temp.conflicts`); returns how many.

    Args:
        source: SQL of the staged rows, by the number that they are listed by.
        room: where their added columns go.
        since: `detected_at` of their error rows.
        own: SQL in brackets: which row of which delivery each is (`place`: that number, `_delivery`, `original_row`).
    """
    names = [*(name for name, _ in clean_columns(dataset)), *room.columns.values()]
    given = {"_delivery": "lost._delivery", "_row": "lost.original_row"}
    picked = ", ".join(given.get(name, f"staged.{ident(name)}") for name in names)
    # A holder among these rows goes by its number, too.
    lost = (
        "SELECT found._row, found.column_name, found.severity, own._delivery, own.original_row, coalesce(found.holder, rival._delivery) AS holder, "
        f"CASE WHEN found.holder IS NULL THEN rival.original_row ELSE found.holder_row END AS holder_row FROM {CONFLICTS} AS found "
        f"JOIN {own} AS own ON own.place = found._row LEFT JOIN {own} AS rival ON rival.place = found.holder_row AND found.holder IS NULL "
        f"LEFT JOIN {own} AS named ON named._delivery = found.holder AND named.original_row = found.holder_row "
        f"WHERE found.check_name = {text(UNIQUE)}"
    )
    if not dataset.later_wins:
        # Within a file a row holds its key also where it is rejected for its order or a reference: those behind it do not wait.
        lost += (
            f" AND NOT EXISTS (SELECT 1 FROM {CONFLICTS} AS other WHERE other._row = coalesce(rival.place, named.place) AND other.check_name <> {text(UNIQUE)} "
            "AND other.severity <> 'warn')"
        )
    return changed_rows(
        connection,
        f"INSERT INTO {table('waiting', dataset.name)} ({idents(names)}, {idents(_OWN)}) SELECT {picked}, lost.column_name, lost.holder, "
        f"lost.holder_row, CASE lost.severity WHEN 'superseded' THEN 'superseded' ELSE 'open' END, {timestamp(since)} "
        f"FROM ({lost}) AS lost JOIN {source} AS staged ON staged._row = lost._row",
    )


def forget(connection: duckdb.DuckDBPyConnection, dataset: Dataset, delivery: str) -> None:
    """Take out what waits of a delivery whose rows are taken out of the clean table. Those that waited for it are seeds (see `settle`)."""
    waits = table("waiting", dataset.name)
    gone = f"(SELECT _row, _since FROM {waits} WHERE _delivery = {text(delivery)} AND _status = 'superseded')"
    connection.execute(
        f"DELETE FROM {table('errors', dataset.name)} WHERE _delivery = ? AND status = 'superseded' AND check_name = ? "
        f"AND (_row, detected_at) IN {gone}",
        [delivery, UNIQUE],
    )
    connection.execute(f"DELETE FROM {waits} WHERE _delivery = ?", [delivery])
    connection.execute(
        "DELETE FROM ops.joined_rows WHERE dataset = ? AND delivery = ?", [dataset.name, delivery]
    )
    seed(connection, f"SELECT _delivery, _row FROM {waits} WHERE _holder = {text(delivery)}")


def hand_over(connection: duckdb.DuckDBPyConnection, dataset: Dataset, old: str, new: str) -> None:
    """Give the rows of a delivery, and all that is told of them, to another with the same bytes. It came later: what that may change are seeds."""
    waits, names = table("waiting", dataset.name), [new, old]
    for target in (table("clean", dataset.name), waits):
        connection.execute(f"UPDATE {target} SET _delivery = ? WHERE _delivery = ?", names)
    superseded = f"SELECT _row, _since FROM {waits} WHERE _delivery = {text(new)} AND _status = 'superseded'"
    connection.execute(
        f"UPDATE {table('errors', dataset.name)} SET _delivery = ? WHERE _delivery = ? AND (status IN ('open', 'noted', 'replayed') "
        f"OR (_row, detected_at) IN ({superseded}))",
        names,
    )
    for target in ("ops.late_rows", "ops.joined_rows"):
        connection.execute(
            f"UPDATE {target} SET delivery = ? WHERE delivery = ? AND dataset = ?", [*names, dataset.name]
        )
    seed(
        connection,
        f"SELECT _delivery, _row FROM {waits} WHERE _delivery = {text(new)} OR _holder = {text(old)}",
    )


def seed(connection: duckdb.DuckDBPyConnection, rows: str) -> None:
    """Add rows to `temp.seeds`: SELECT of `_delivery` and `_row`."""
    connection.execute(contest.MAKE_SEEDS)
    connection.execute(f"INSERT INTO {SEEDS} {rows}")


def may_orphan(dataset: Dataset) -> bool:
    """Whether a row can lose its key to one that is not loaded in the end, for it has lost another."""
    return len(dataset.uniqueness) > 1


def orphans(dataset: Dataset, deliveries: str | None = None) -> str:
    """SELECT of the rows whose holder is not there any more; of those with a holder of some deliveries (SQL of a list), or of all."""
    waits = table("waiting", dataset.name)
    there = f"SELECT _delivery, _row FROM {table('clean', dataset.name)}"
    if dataset.later_wins:
        there += f" UNION ALL SELECT _delivery, _row FROM {waits}"
    some = "" if deliveries is None else f" WHERE row._holder IN {deliveries}"
    return (
        f"SELECT row._delivery, row._row FROM {waits} AS row ANTI JOIN ({there}) AS holder ON holder._delivery = row._holder "
        f"AND holder._row = row._holder_row{some}"
    )


def settle(connection: duckdb.DuckDBPyConnection, dataset: Dataset, before: Reached | None) -> bool:
    """Give the keys of `temp.seeds` (rows of the clean table, or that wait), and all that hangs on them, to those to whom they belong. Rows, error
    rows, counts, late rows and windows follow. False where there is nothing to decide.

    Args:
        before: how far things had gone before what is the reason.

    Raises:
        ReconciliationError: the rows do not add up.
    """
    sides = [Side("clean", table("clean", dataset.name)), Side("waiting", table("waiting", dataset.name))]
    if not contest.gather(connection, dataset, sides):
        contest.forget(connection)
        return False
    now = ledger.now()
    contest.decide(connection, dataset)
    while _refuse_out_of_place(connection, dataset, now):
        contest.decide(connection, dataset)
    _list(connection, dataset, before)
    _demote(connection, dataset, now)
    _promote(connection, dataset, before)
    _renew(connection, dataset)
    _count(connection, dataset)
    _reconcile(connection, dataset)
    contest.forget(connection)
    gone = count_of(connection, "temp.came WHERE _gone")
    if gone:  # they leave their keys to others
        seed(connection, orphans(dataset, "(SELECT _delivery FROM temp.came WHERE _gone)"))
    for name in ("went", "came", "recount"):
        connection.execute(f"DROP TABLE IF EXISTS temp.{name}")
    if gone:
        settle(connection, dataset, before)
    return True


def _list(connection: duckdb.DuckDBPyConnection, dataset: Dataset, before: Reached | None) -> None:
    """`temp.went`: clean rows that lose their key. `temp.came`: rows that get theirs; `_gone`: so old that retention has deleted their like."""
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE went AS SELECT _delivery, _row, _set, _holder, _holder_row FROM {VERDICTS} "
        "WHERE _state = 'clean' AND NOT _wins"
    )
    old = "false"
    if before is not None and before.limits.rows is not None and dataset.event_time is not None:
        old = f"{ident(dataset.event_time)} < {timestamp(before.limits.rows)}"
    moment = f"{ident(dataset.event_time)}" if dataset.event_time else "NULL::TIMESTAMP"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE came AS SELECT _delivery, _row, {old} AS _gone, {moment} AS _moment, row._set, row._status, row._since "
        f"FROM {table('waiting', dataset.name)} AS row SEMI JOIN (SELECT * FROM {VERDICTS} WHERE _state = 'waiting' AND _wins) AS won "
        "USING (_delivery, _row)"
    )


def _demote(connection: duckdb.DuckDBPyConnection, dataset: Dataset, now: datetime) -> None:
    """Move rows from the clean table to those that wait, and say why."""
    if not count_of(connection, "temp.went"):
        return
    clean, errors = table("clean", dataset.name), table("errors", dataset.name)
    moved = f"{clean} AS row JOIN temp.went AS went USING (_delivery, _row)"
    _mark(connection, dataset, f"(SELECT row.* FROM {moved})", "temp.went")
    status = "superseded" if dataset.later_wins else "open"
    names = _clean_names(connection, dataset)
    connection.execute(
        f"INSERT INTO {table('waiting', dataset.name)} ({idents(names)}, {idents(_OWN)}) SELECT {_of('row', names)}, went._set, went._holder, "
        f"went._holder_row, {text(status)}, {timestamp(now)} FROM {moved}"
    )
    last = "" if dataset.later_wins else " || ', which came first'"
    key = _key(dataset, "row", "went._set")
    # A row that lost its key before has its source record there still.
    known = (
        "(SELECT _delivery, _row, arg_max({sheet: sheet, line: line, value: value, record: record, of: column_name}, detected_at) AS told "
        f"FROM {errors} SEMI JOIN temp.went USING (_delivery, _row) WHERE check_name = {text(UNIQUE)} GROUP BY ALL)"
    )
    value = f"CASE WHEN known.told.of = went._set THEN known.told.value ELSE {key} END"
    connection.execute(
        f"INSERT INTO {errors} ({_ERRORS}) SELECT _delivery, _row, known.told.sheet, known.told.line, went._set, {text(UNIQUE)}, {value}, "
        f"went._set || ' ' || {value} || {lost_to(dataset, '_delivery', 'went._holder', 'went._holder_row')}{last}, "
        f"coalesce(known.told.record, to_json(row)::VARCHAR), 'reject', {text(status)}, {timestamp(now)} FROM {moved} "
        f"LEFT JOIN {known} AS known USING (_delivery, _row)"
    )
    connection.execute(
        f"DELETE FROM {clean} AS row USING temp.went AS went WHERE row._delivery = went._delivery AND row._row = went._row"
    )
    for delivery in _deliveries(connection, "temp.went"):
        late.forget(
            connection, dataset, delivery, f"SELECT _row FROM temp.went WHERE _delivery = {text(delivery)}"
        )


def _promote(connection: duckdb.DuckDBPyConnection, dataset: Dataset, before: Reached | None) -> None:
    """Move rows that wait to the clean table; their error rows have nothing to say any more."""
    if not count_of(connection, "temp.came"):
        return
    errors, waits = table("errors", dataset.name), table("waiting", dataset.name)
    names = _clean_names(connection, dataset)
    connection.execute(
        f"INSERT INTO {table('clean', dataset.name)} ({idents(names)}) SELECT {_of('row', names)} FROM {waits} AS row "
        "JOIN temp.came AS came USING (_delivery, _row) WHERE NOT came._gone"
    )
    same = (
        "error._delivery = came._delivery AND error._row = came._row AND error.detected_at = came._since "
        f"AND error.check_name = {text(UNIQUE)} AND error.column_name = came._set AND error.status = came._status"
    )
    # That a row is superseded is no fault of it that anybody would look up later.
    connection.execute(
        f"DELETE FROM {errors} AS error USING temp.came AS came WHERE {same} AND came._status = 'superseded'"
    )
    connection.execute(
        f"UPDATE {errors} AS error SET status = 'superseded' FROM temp.came AS came WHERE {same} AND came._status = 'open'"
    )
    connection.execute(
        f"DELETE FROM {waits} AS row USING temp.came AS came WHERE row._delivery = came._delivery AND row._row = came._row"
    )
    fresh = "(_delivery, _row) IN (SELECT _delivery, _row FROM temp.came WHERE NOT _gone)"
    _mark(connection, dataset, f"{table('clean', dataset.name)} WHERE {fresh}", "temp.came WHERE NOT _gone")
    row = connection.execute("SELECT min(_moment) FROM temp.came WHERE NOT _gone").fetchone()
    if before is not None and row is not None:
        late.note(connection, dataset, fresh, before, row[0])


def _renew(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> None:
    """Name the row that has the key now, in the error rows of those that wait still."""
    waits, key = table("waiting", dataset.name), _key(dataset, "row", "lost._set")
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE renewed AS SELECT row._delivery, row._row, row._set AS before, row._since, row._status, lost._set, "
        f"lost._holder, lost._holder_row, {key} AS value, {lost_to(dataset, 'row._delivery', 'lost._holder', 'lost._holder_row')} AS tail "
        f"FROM {waits} AS row JOIN {VERDICTS} AS lost USING (_delivery, _row) WHERE lost._state = 'waiting' AND NOT lost._wins "
        "AND (row._set, row._holder, row._holder_row) IS DISTINCT FROM (lost._set, lost._holder, lost._holder_row)"
    )
    connection.execute(
        f"UPDATE {table('errors', dataset.name)} AS error SET column_name = now._set, "
        "value = CASE WHEN now._set = now.before THEN error.value ELSE now.value END, "
        "message = now._set || ' ' || CASE WHEN now._set = now.before THEN error.value ELSE now.value END || now.tail FROM temp.renewed AS now "
        "WHERE error._delivery = now._delivery AND error._row = now._row AND error.detected_at = now._since "
        f"AND error.check_name = {text(UNIQUE)} AND error.column_name = now.before AND error.status = now._status"
    )
    connection.execute(
        f"UPDATE {waits} AS row SET _set = now._set, _holder = now._holder, _holder_row = now._holder_row FROM temp.renewed AS now "
        "WHERE row._delivery = now._delivery AND row._row = now._row"
    )
    connection.execute("DROP TABLE temp.renewed")


def _refuse_out_of_place(connection: duckdb.DuckDBPyConnection, dataset: Dataset, now: datetime) -> bool:
    """Reject for another reason the rows that would get their key and do not fit between the rows of their file, or refer to nothing; whether
    there are any. They want no key any more."""
    own = [one for one in dataset.references if one.dataset == dataset.name]
    if not dataset.increasing and not own:
        return False
    waits, errors = table("waiting", dataset.name), table("errors", dataset.name)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE joining AS SELECT row_number() OVER (ORDER BY _delivery, _row) AS _row, _delivery, _row AS original_row "
        f"FROM {VERDICTS} WHERE _state = 'waiting' AND _wins"
    )
    source = (
        f"(SELECT joining._row, row.* EXCLUDE (_row) FROM {waits} AS row JOIN temp.joining AS joining "
        "ON joining._delivery = row._delivery AND joining.original_row = row._row)"
    )
    listed = ConflictList(connection)
    for column in dataset.increasing:
        order.list_out_of_place(listed, dataset, column, source, "temp.joining")
    lookups.list_missing_here(listed, dataset, source)
    found = listed.summary()
    if found.rows:
        lost = f"SELECT DISTINCT _row FROM {CONFLICTS} WHERE severity <> 'warn'"
        gone = f"(SELECT _delivery, original_row AS _row FROM temp.joining WHERE _row IN ({lost}))"
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE refused AS SELECT row._delivery, row._row, row._since, row._status FROM {waits} AS row SEMI JOIN {gone} "
            "AS gone USING (_delivery, _row)"
        )
        old = (
            f"(SELECT error.* FROM {errors} AS error JOIN temp.refused AS refused ON error._delivery = refused._delivery AND error._row = refused._row "
            f"AND error.detected_at = refused._since AND error.check_name = {text(UNIQUE)} AND error.status = refused._status)"
        )
        connection.execute(
            f"INSERT INTO {errors} ({_ERRORS}) SELECT old._delivery, old._row, old.sheet, old.line, found.column_name, found.check_name, "
            f"found.value, found.head || found.value || found.tail, old.record, 'reject', 'open', {timestamp(now)} "
            f"FROM {CONFLICTS} AS found JOIN temp.joining AS joining USING (_row) JOIN {old} AS old ON old._delivery = joining._delivery "
            "AND old._row = joining.original_row WHERE found.severity <> 'warn'"
        )
        _leave(connection, dataset)
    conflicts.forget(connection, found)
    connection.execute("DROP TABLE temp.joining")
    return bool(found.rows)


def _leave(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> None:
    """Take the rows `temp.refused` from those that wait."""
    errors, waits = table("errors", dataset.name), table("waiting", dataset.name)
    connection.execute(
        "UPDATE ops.deliveries AS entry SET rows_superseded = entry.rows_superseded - gone.n, violations = entry.violations + gone.n, status = 'partial' "
        "FROM (SELECT _delivery, count(*) AS n FROM temp.refused WHERE _status = 'superseded' GROUP BY 1) AS gone "
        f"WHERE entry.dataset = {text(dataset.name)} AND entry.delivery = gone._delivery AND {HAS_ROWS}"
    )
    connection.execute(
        f"UPDATE {errors} AS error SET status = 'superseded' FROM temp.refused AS refused WHERE error._delivery = refused._delivery "
        f"AND error._row = refused._row AND error.detected_at = refused._since AND error.check_name = {text(UNIQUE)}"
    )
    for place in (waits, contest.CONTESTED):
        connection.execute(
            f"DELETE FROM {place} AS row USING temp.refused AS refused WHERE row._delivery = refused._delivery AND row._row = refused._row"
        )
    connection.execute("DROP TABLE temp.refused")


def _count(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> None:
    """Counts, status and event times of the deliveries whose rows came or went, and the violations of their columns."""
    later = str(dataset.later_wins).lower()
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE recount AS SELECT entry.id, entry.delivery, sum(came)::BIGINT AS came, sum(superseded)::BIGINT AS superseded, "
        "sum(gone)::BIGINT AS gone FROM ("
        f"SELECT _delivery, -1 AS came, CASE WHEN {later} THEN 1 ELSE 0 END AS superseded, 0 AS gone FROM temp.went UNION ALL "
        "SELECT _delivery, 1, CASE _status WHEN 'superseded' THEN -1 ELSE 0 END, CASE WHEN _gone THEN 1 ELSE 0 END FROM temp.came) AS moved "
        f"JOIN ops.deliveries AS entry ON entry.dataset = {text(dataset.name)} AND entry.delivery = moved._delivery AND {HAS_ROWS} GROUP BY ALL"
    )
    if not count_of(connection, "temp.recount"):
        return
    first = last = "NULL::TIMESTAMP"
    if dataset.event_time is not None:
        first, last = (f"{end}({ident(dataset.event_time)})::TIMESTAMP" for end in ("min", "max"))
    connection.execute(
        "UPDATE ops.deliveries AS entry SET rows_clean = entry.rows_clean + moved.came, rows_rejected = entry.rows_rejected - moved.came, "
        "rows_superseded = entry.rows_superseded + moved.superseded, rows_expired = entry.rows_expired + moved.gone, "
        "violations = entry.violations - moved.came - moved.superseded, "
        "status = CASE WHEN entry.rows_rejected - moved.came > entry.rows_superseded + moved.superseded THEN 'partial' ELSE 'loaded' END, "
        "event_time_min = CASE WHEN entry.rows_expired = 0 THEN held.first ELSE least(entry.event_time_min, held.first) END, "
        "event_time_max = CASE WHEN entry.rows_expired = 0 THEN held.last ELSE greatest(entry.event_time_max, held.last) END "
        f"FROM temp.recount AS moved LEFT JOIN (SELECT _delivery, {first} AS first, {last} AS last FROM {table('clean', dataset.name)} "
        "WHERE _delivery IN (SELECT delivery FROM temp.recount) GROUP BY 1) AS held ON held._delivery = moved.delivery WHERE entry.id = moved.id"
    )
    connection.execute(
        "UPDATE ops.columns AS profile SET violations = profile.violations + found.n FROM (SELECT moved.id, fault._set, sum(fault.n)::BIGINT AS n FROM ("
        f"SELECT _delivery, _set, 1 AS n FROM temp.went WHERE NOT {later} UNION ALL "
        "SELECT _delivery, _set, -1 FROM temp.came WHERE _status = 'open') AS fault "
        "JOIN temp.recount AS moved ON moved.delivery = fault._delivery GROUP BY ALL) AS found "
        "WHERE profile.entry_id = found.id AND profile.column_name = found._set"
    )


def _reconcile(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> None:
    """Raise ReconciliationError unless the tables hold what the ledger says of every delivery that changed."""
    rows = connection.execute(
        "SELECT entry.delivery, entry.rows_read, entry.rows_clean, entry.rows_rejected, entry.rows_filtered, entry.rows_expired, "
        f"(SELECT count(*) FROM {table('clean', dataset.name)} AS clean WHERE clean._delivery = entry.delivery) "
        "FROM ops.deliveries AS entry JOIN temp.recount AS moved USING (id)"
    ).fetchall()
    for delivery, read, clean, rejected, filtered, expired, there in rows:
        if read == clean + rejected + filtered and clean - expired == there:
            continue
        figures = {"rows_read": read, "rows_clean": clean, "rows_rejected": rejected, "rows_filtered": filtered,
                   "rows_expired": expired, "rows in the table": there}  # fmt: skip
        cause = "rows whose key was given to others do not add up"
        raise ReconciliationError(dataset.name, delivery, cause, figures)


def _mark(connection: duckdb.DuckDBPyConnection, dataset: Dataset, rows: str, moved: str) -> None:
    """Mark as dirty what rows of the clean table touch; they are there. They come or go together, whosever they are: what the rows of one
    delivery hold together, or fill, may hang on those of another."""
    theirs = f"(_delivery, _row) IN (SELECT _delivery, _row FROM {moved})"
    deliveries = _deliveries(connection, moved)
    spans: list[DaySpan] = []
    for delivery in deliveries:
        own = f"(SELECT * FROM {rows}) AS row WHERE row._delivery = {text(delivery)}"
        found = dirty.spans_in(connection, dataset, own)
        dirty.mark_spans(connection, dataset, found, dataset.time_windows, delivery)
        dirty.mark_totals(connection, dataset, delivery, delivery)
        marks.mark_clean(connection, dataset, found, delivery)
        spans += found
    cause = deliveries[0] if len(deliveries) == 1 else None
    dirty.mark_rows(connection, dataset, spans, dataset.time_windows, theirs, cause)


def _deliveries(connection: duckdb.DuckDBPyConnection, rows: str) -> list[str]:
    found = connection.execute(f"SELECT DISTINCT _delivery FROM {rows} ORDER BY 1").fetchall()
    return [row[0] for row in found]


def _clean_names(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> list[str]:
    """All columns of the clean table, those that files added too."""
    rows = connection.execute(f"DESCRIBE {table('clean', dataset.name)}").fetchall()
    return [row[0] for row in rows]


def _of(relation: str, names: Sequence[str]) -> str:
    return ", ".join(f"{relation}.{ident(name)}" for name in names)


def _key(dataset: Dataset, relation: str, chosen: str) -> str:
    """SQL of the key of `relation` that the set `chosen` (SQL) names, for people."""
    cases = " ".join(
        f"WHEN {text(', '.join(keys))} THEN {key_text(dataset, relation, keys)}"
        for keys in dataset.uniqueness
    )
    return f"CASE {chosen} {cases} END"


def join_now(connection: duckdb.DuckDBPyConnection, dataset: Dataset, rows: str, place: int) -> None:
    """Note the place of rows (SQL of `_delivery`, `_row`) that join their deliveries by a correction or a replay."""
    connection.execute(
        f"DELETE FROM ops.joined_rows AS known USING ({rows}) AS row WHERE known.dataset = {text(dataset.name)} "
        "AND known.delivery = row._delivery AND known._row = row._row"
    )
    connection.execute(
        f"INSERT INTO ops.joined_rows SELECT {text(dataset.name)}, _delivery, _row, {int(place)} FROM ({rows})"
    )


def listed_rows(delivery: str) -> str:
    """`own` of `put`, for the rows of one file: those that are listed, and those that have their keys."""
    name = text(delivery)
    rows = f"SELECT _row AS place FROM {CONFLICTS} UNION SELECT holder_row FROM {CONFLICTS} WHERE holder IS NULL OR holder = {name}"
    return f"(SELECT place, {name} AS _delivery, place AS original_row FROM ({rows}))"


def staged_side(staged: Staged, source: str, place: int) -> Side:
    """The rows of a file as they take part in a contest."""
    return Side(
        "staged", f"(SELECT {text(staged.delivery)} AS _delivery, _row AS _at, * FROM {source})", place
    )
