"""`errors.<dataset>` counted by column and check, for people and for the asset checks.

What belongs here: counting over many deliveries in one query. What does not: error rows as rows (`session`, `errors` tables).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import duckdb

from pipeline.warehouse.sql import table

EXAMPLES = 3
_WORST = 5


@dataclass(frozen=True)
class Example:
    """The first error row of its kind in a delivery; see the error table's columns."""

    row: int
    sheet: str | None
    line: int | None
    value: str | None
    message: str


@dataclass(frozen=True)
class CheckCount:
    """The violations of one check on one column of one delivery.

    Attributes:
        delivery: its key.
        column: contract column; None for a rule over the row, and for records that could not be read or were mended.
        check: name of the check.
        severity: reject, warn or repair.
        violations: error rows of the version that is in the table.
        open: those of them that still wait for a correction.
        examples: the first, by row.
    """

    delivery: str
    column: str | None
    check: str
    severity: str
    violations: int
    open: int
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class CheckTotal:
    """The violations of one check on one column over several deliveries.

    Attributes:
        column: see CheckCount.
        check: name of the check.
        severity: reject, warn or repair.
        violations: error rows.
        deliveries: how many deliveries have any.
        worst: those with most, as (delivery, violations), most first.
    """

    column: str | None
    check: str
    severity: str
    violations: int
    deliveries: int
    worst: tuple[tuple[str, int], ...]


def by_delivery(
    connection: duckdb.DuckDBPyConnection, dataset: str, deliveries: Collection[str], since: datetime
) -> dict[str, list[CheckCount]]:
    """Delivery → its violations by check, most first; those of earlier versions left out.

    Args:
        connection: an open warehouse that has the dataset's error table.
        dataset: its name.
        deliveries: keys.
        since: nothing was detected earlier; lets DuckDB pass over older rows.
    """
    # Row numbers first, the texts of the few examples after: to carry all texts along costs ten times as much.
    rows = connection.execute(
        f"WITH chosen AS (SELECT _delivery, _row, column_name, check_name, severity, status FROM {table('errors', dataset)} "
        "WHERE detected_at >= $2 AND status <> 'superseded' AND _delivery IN (SELECT unnest($1::VARCHAR[]))), "
        "counted AS (SELECT _delivery, column_name, check_name, severity, count(*) AS violations, "
        f"count(*) FILTER (status = 'open') AS open, min(_row, {EXAMPLES}) AS first_rows FROM chosen GROUP BY ALL) "
        "SELECT _delivery, column_name, check_name, severity, violations, open, first_rows FROM counted "
        "ORDER BY violations DESC, column_name NULLS LAST, check_name, severity",
        [list(deliveries), since],
    ).fetchall()
    examples = _examples(connection, dataset, rows, since)
    found: dict[str, list[CheckCount]] = {}
    for delivery, column, check, severity, violations, waiting, _ in rows:
        shown = examples.get((delivery, column, check, severity), [])
        count = CheckCount(delivery, column, check, severity, violations, waiting, tuple(shown[:EXAMPLES]))
        found.setdefault(delivery, []).append(count)
    return found


def totals(connection: duckdb.DuckDBPyConnection, dataset: str) -> list[CheckTotal]:
    """What is wrong with the rows of a dataset now, by check, in one query: rows that are rejected and open, and what is noted of those that
    are loaded; neither what was corrected since nor what earlier versions of a delivery had."""
    rows = connection.execute(
        "WITH counted AS (SELECT _delivery, column_name, check_name, severity, count(*) AS violations "
        f"FROM {table('errors', dataset)} WHERE status IN ('open', 'noted') GROUP BY ALL) "
        "SELECT column_name, check_name, severity, sum(violations)::BIGINT, count(*), "
        f"max_by({{'delivery': _delivery, 'violations': violations}}, violations, {_WORST}) FROM counted "
        "GROUP BY ALL ORDER BY ALL",
    ).fetchall()
    return [
        CheckTotal(
            column,
            check,
            severity,
            count,
            spread,
            tuple((one["delivery"], one["violations"]) for one in worst),
        )
        for column, check, severity, count, spread, worst in rows
    ]


_Kind = tuple[str, str | None, str, str]


def _examples(
    connection: duckdb.DuckDBPyConnection, dataset: str, counted: list[tuple[object, ...]], since: datetime
) -> dict[_Kind, list[Example]]:
    """(delivery, column, check, severity) → its first error rows."""
    wanted = [(delivery, row) for delivery, *_, first in counted if isinstance(first, list) for row in first]
    if not wanted:
        return {}
    keys, numbers = zip(*sorted(set(wanted)), strict=True)
    rows = connection.execute(
        "WITH wanted AS (SELECT unnest($1::VARCHAR[]) AS _delivery, unnest($2::BIGINT[]) AS _row) "
        "SELECT _delivery, column_name, check_name, severity, _row, sheet, line, value, message "
        f"FROM {table('errors', dataset)} JOIN wanted USING (_delivery, _row) "
        "WHERE detected_at >= $3 AND status <> 'superseded' ORDER BY _row",
        [list(keys), list(numbers), since],
    ).fetchall()
    found: dict[_Kind, list[Example]] = {}
    for delivery, column, check, severity, *shown in rows:
        found.setdefault((delivery, column, check, severity), []).append(Example(*shown))
    return found
