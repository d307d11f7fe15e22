"""Which rows of a delivery come too late for a window, as SQL.

What belongs here: the rule for each kind of window, and telling new rows from those that a new version of a file brings again. What does
not: what is done about them (`late`).

A row is late for a window over the clock when a window that it is in was final. It is late for sessions when it would join one that was
final, or begin one that would have been: a row behind the watermark that joins a session that is open still is not late.
"""

from __future__ import annotations

from datetime import datetime

from pipeline.contract import Cumulative, Dataset, Session, TimeWindow, Tumbling
from pipeline.warehouse.sql import ident, idents, interval, table, text, timestamp
from pipeline.warehouse.windows import clock
from pipeline.warehouse.windows.figures import counted
from pipeline.warehouse.windows.grid import grid_of
from pipeline.warehouse.windows.tables import window_table


def late_rows(
    dataset: Dataset,
    window: TimeWindow,
    fresh: str,
    first: datetime,
    frozen: datetime | None,
    late: datetime | None,
) -> str:
    """SELECT of `_delivery`, `_row`, `_moment` (its event time) and `_frozen` (BOOLEAN) of the rows that come too late.

    Args:
        fresh: SQL condition on clean rows: it came now.
        first: earliest event time of what came, or an earlier moment.
        frozen: rows before it may come for a window that stays as it is; None: none do.
        late: rows before it may come for a window that was final; None: none do.
    """
    if isinstance(window, Session):
        return _late_for_sessions(dataset, window, fresh, first, frozen, late)
    moment = ident(dataset.event_time or "")
    stays = "false" if frozen is None else f"{moment} < {timestamp(frozen)}"
    edge = max(edge for edge in (frozen, late) if edge is not None)
    return (
        f"SELECT _delivery, _row, {moment} AS _moment, {stays} AS _frozen FROM {table('clean', dataset.name)} "
        f"WHERE {fresh} AND {moment} < {timestamp(edge)}"
    )


def same(dataset: Dataset, *, again: bool) -> str:
    """SQL of what tells that a row of one version of a delivery is a row of the other."""
    return "_row" if again else f"hash({idents(column.name for column in dataset.columns)})"


def beside_replaced(
    dataset: Dataset, window: TimeWindow, found: str, span: tuple[datetime, datetime], *, again: bool
) -> str:
    """SELECT of `_delivery`, `_row`, `_moment`, `_status`, `_mark` and `_seen` (watermark and when it was listed; null where it is late for
    the first time) of what is late in a new version of a delivery whose old one is remembered in `temp.replaced`.

    Args:
        found: SQL of its late rows, see `late_rows`.
        span: the late rows are in it.
        again: the new version has the same bytes.
    """
    slot, near = _slots(dataset, window, *span)
    takes_a_place = "false"
    if dataset.late == "repair":
        takes_a_place = "true"
    elif not again:
        takes_a_place = f"fresh._slot IN (SELECT unnest({near}) FROM (SELECT DISTINCT {slot} AS _slot FROM old WHERE _counts))"
    return f"""
WITH late AS ({found}),
fresh AS (
    SELECT late.*, {same(dataset, again=again)} AS _same, row_number() OVER (PARTITION BY _same ORDER BY _row) AS _n, {slot} AS _slot
    FROM late JOIN {table("clean", dataset.name)} USING (_delivery, _row)
),
old AS (
    SELECT rows._same, rows._n, rows._moment, told.status AS _status, told.watermark AS _mark, told.detected_at AS _seen,
        told.status IS NULL OR told.status IN ('applied', 'released') AS _counts
    FROM temp.replaced AS rows
    LEFT JOIN temp.replaced_late AS told ON told._row = rows._row AND told.window_name = {text(window.name)}
)
SELECT fresh._delivery, fresh._row, fresh._moment, CASE WHEN old._status IS NOT NULL THEN old._status
    WHEN fresh._frozen THEN 'frozen' WHEN {takes_a_place} THEN 'applied' ELSE 'held' END AS _status, old._mark, old._seen
FROM fresh LEFT JOIN old USING (_same, _n) WHERE old._same IS NULL OR old._status IS NOT NULL"""


def _slots(dataset: Dataset, window: TimeWindow, lower: datetime, upper: datetime) -> tuple[str, str]:
    """SQL of the slot that `_moment` is in, and of the list of slots with rows of the same window as those of `_slot`."""
    if isinstance(window, Tumbling | Cumulative):
        grid = grid_of(dataset, window)
        shown = grid.clock_sql("_moment", clock.plus(lower, -window.length), upper)
        return f"time_bucket({interval(grid.step)}, {shown}, {timestamp(grid.origin)})", "[_slot]"
    width = interval(window.pause if isinstance(window, Session) else window.length)
    return f"time_bucket({width}, _moment)", f"[_slot - {width}, _slot, _slot + {width}]"


def _late_for_sessions(
    dataset: Dataset,
    window: Session,
    fresh: str,
    first: datetime,
    frozen: datetime | None,
    late: datetime | None,
) -> str:
    clean, moment = table("clean", dataset.name), ident(dataset.event_time or "")
    gap, keys = interval(window.pause), [ident(name) for name in window.by]
    picked = "".join(f", {key}" for key in keys)
    stays = "false" if frozen is None else _joins_frozen(dataset, window, gap, frozen)
    came = (
        f"came AS (SELECT _delivery, _row, {moment} AS _moment{picked}, {stays} AS _frozen FROM {clean} AS came "
        f"WHERE {fresh} AND {moment} IS NOT NULL)"
    )
    if late is None:
        return f"WITH {came} SELECT _delivery, _row, _moment, _frozen FROM came WHERE _frozen"
    per = f"PARTITION BY {', '.join(keys)} " if keys else ""
    edge, since = timestamp(late), timestamp(clock.plus(first, -window.pause))
    alike = " AND ".join(f"row.{key} IS NOT DISTINCT FROM touched.{key}" for key in keys) or "true"
    nearest = (
        f"coalesce(_moment - max(_moment) FILTER (_closed) OVER ({per}ORDER BY _moment) <= {gap}, false) "
        f"OR coalesce(min(_moment) FILTER (_closed) OVER ({per}ORDER BY _moment DESC) - _moment <= {gap}, false)"
    )
    # Sessions of what was there; what came beside those of them that were final; sessions of the rest of both.
    return f"""
WITH {came},
touched AS (SELECT DISTINCT {", ".join(keys) or "1"} FROM came WHERE NOT _frozen AND _moment < {edge}),
known AS (
    SELECT row.{moment} AS _moment{"".join(f", row.{key}" for key in keys)} FROM {counted(dataset, window)} AS row
    SEMI JOIN touched ON {alike} WHERE row.{moment} >= {since} AND NOT ({fresh})
),
before AS ({_sessions("known", gap, per)}),
beside AS (
    SELECT *, {nearest} AS _joins FROM (
        SELECT _delivery, _row, _moment{picked}, true AS _mine, false AS _closed FROM came AS row
        SEMI JOIN touched ON {alike} WHERE NOT _frozen
        UNION ALL SELECT NULL, NULL, _moment{picked}, false, _ends < {edge} FROM before
    )
),
rest AS ({_sessions("(SELECT * FROM beside WHERE NOT _joins AND NOT _closed)", gap, per)})
SELECT _delivery, _row, _moment, false AS _frozen FROM beside WHERE _mine AND _joins
UNION ALL SELECT _delivery, _row, _moment, false FROM rest WHERE _mine AND _ends < {edge}
UNION ALL SELECT _delivery, _row, _moment, true FROM came WHERE _frozen"""


def _sessions(source: str, gap: str, per: str) -> str:
    """SELECT of a source's columns and `_ends`: where the session that each row is in ends."""
    within = f"{per}, _session" if per else "PARTITION BY _session"
    return (
        f"SELECT *, max(_moment) OVER ({within}) + {gap} AS _ends FROM (SELECT *, count(*) FILTER (_begins) OVER ({per}ORDER BY _moment) "
        f"AS _session FROM (SELECT *, _moment - lag(_moment) OVER ({per}ORDER BY _moment) > {gap} AS _begins FROM {source}))"
    )


def _joins_frozen(dataset: Dataset, window: Session, gap: str, frozen: datetime) -> str:
    """SQL over `came`: its session has ended before what retention left, or it would join a stored one that has."""
    moment, edge = f"came.{ident(dataset.event_time or '')}", timestamp(frozen)
    alike = "".join(f" AND kept.{ident(key)} IS NOT DISTINCT FROM came.{ident(key)}" for key in window.by)
    return (
        f"({moment} + {gap} < {edge} OR ({moment} < {edge} AND EXISTS (SELECT 1 FROM {window_table(dataset, window)} AS kept "
        f"WHERE kept.window_end < {edge} AND {moment} <= kept.window_end AND {moment} >= kept.window_start - {gap}{alike})))"
    )
