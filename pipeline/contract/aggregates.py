"""The aggregates a window can measure: what to compute, over which column.

What belongs here: the declaration of an aggregate. What does not: its SQL (`warehouse.windows` compiles it).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Aggregate:
    """One measure: `kind` over `column` (None counts rows), `parameter` where the kind takes one."""

    kind: str
    column: str | None = None
    parameter: float | None = None


class agg:
    """Aggregates for `measures=`; null values are ignored by all but `count()` of rows."""

    @staticmethod
    def count(column: str | None = None) -> Aggregate:
        """Rows, or the rows in which `column` is not null. BIGINT."""
        return Aggregate("count", column)

    @staticmethod
    def sum(column: str) -> Aggregate:
        """Sum; decimals stay decimal, whole numbers whole, floats DOUBLE. Null when no value is there."""
        return Aggregate("sum", column)

    @staticmethod
    def avg(column: str) -> Aggregate:
        """Arithmetic mean. DOUBLE."""
        return Aggregate("avg", column)

    @staticmethod
    def min(column: str) -> Aggregate:
        """Smallest value, in the column's own type."""
        return Aggregate("min", column)

    @staticmethod
    def max(column: str) -> Aggregate:
        """Largest value, in the column's own type."""
        return Aggregate("max", column)

    @staticmethod
    def count_distinct(column: str) -> Aggregate:
        """Number of different values, exact. BIGINT."""
        return Aggregate("count_distinct", column)

    @staticmethod
    def quantile(column: str, q: float) -> Aggregate:
        """The `q` quantile (0 to 1), interpolated linearly between neighbours, exact. DOUBLE."""
        return Aggregate("quantile", column, q)

    @staticmethod
    def distribution(column: str) -> Aggregate:
        """How often each value occurs: MAP(VARCHAR, BIGINT), keys in order."""
        return Aggregate("distribution", column)


NUMERIC_KINDS = frozenset({"sum", "avg", "quantile"})
