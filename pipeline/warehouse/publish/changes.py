"""Which days of a window a recomputation changed.

What belongs here: comparing what `windows.revise` is about to replace with what takes its place, by day. What does not: the marks.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import duckdb

from pipeline.contract import Dataset, TimeWindow
from pipeline.warehouse.publish.days import days_of, numbered_sql
from pipeline.warehouse.sql import timestamp
from pipeline.warehouse.windows.revise import NEXT
from pipeline.warehouse.windows.tables import window_table


def changed_days(connection: duckdb.DuckDBPyConnection, dataset: Dataset, days: Sequence[date]) -> list[date]:
    """Those of the `days` that `revise` has just replaced of which a window is new, has other figures, went, or is final now or not
    any more.

    Where no figure changed, all that become final do so together: counting them is enough.
    """
    number = numbered_sql(dataset, "window_start", days)
    counts = "count(*) AS windows, count(*) FILTER (is_final) AS final"
    rows = connection.execute(
        f"SELECT coalesce(new.day, old.day) FROM (SELECT {number} AS day, {counts}, count(*) FILTER (_changed) AS changed "
        f"FROM {NEXT} GROUP BY 1) AS new FULL JOIN (SELECT {number} AS day, {counts} FROM temp.old_windows GROUP BY 1) AS old "
        "USING (day) WHERE new.changed > 0 OR new.windows IS DISTINCT FROM old.windows OR new.final IS DISTINCT FROM old.final"
    ).fetchall()
    return [days[row[0]] for row in rows]


def finality_days(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, window: TimeWindow, final: datetime | None
) -> set[date]:
    """The days of the windows of which `revise.mark_final` will change whether they are final."""
    reached = "false" if final is None else f"window_end <= {timestamp(final)}"
    rows = connection.execute(
        f"SELECT min(window_start), max(window_start) FROM {window_table(dataset, window)} "
        f"WHERE is_final IS DISTINCT FROM ({reached}) GROUP BY date_trunc('minute', window_start)"
    ).fetchall()
    return days_of(dataset, (moment for row in rows for moment in row))
