"""Which days of a window a recomputation changed.

What belongs here: comparing what `windows.revise` is about to replace with what takes its place, by day. What does not: the marks.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import duckdb

from pipeline.contract import Dataset
from pipeline.warehouse.publish.days import numbered_sql
from pipeline.warehouse.windows.revise import NEXT


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
