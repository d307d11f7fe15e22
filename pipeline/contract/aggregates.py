"""The aggregates a window can measure: what to compute, over which column.

What belongs here: the declaration of an aggregate. What does not: its SQL (`warehouse.windows` compiles it).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from pipeline.contract.durations import parse_duration


@dataclass(frozen=True)
class Aggregate:
    """One measure.

    Attributes:
        kind: what is computed.
        column: over which column; None: over rows.
        parameter: share of a quantile, number of values of a top list, seconds of a rate's unit.
        where: SQL condition on the row; others do not count.
        approximate: by a sketch of bounded size.
        expression: SQL of an aggregate, for kind "sql".
        sql_type: its DuckDB type.
        by: the column whose smallest or largest value chooses the row, for "min_by" and "max_by".
    """

    kind: str
    column: str | None = None
    parameter: float | None = None
    where: str | None = None
    approximate: bool = False
    expression: str | None = None
    sql_type: str | None = None
    by: str | None = None

    def __repr__(self) -> str:
        """What is declared: window tables keep a hash of it, so a field that came later is left out where it says nothing."""
        given = [(one.name, getattr(self, one.name)) for one in fields(self)]
        said = ", ".join(f"{name}={value!r}" for name, value in given if name != "by" or value is not None)
        return f"Aggregate({said})"


class agg:
    """Aggregates for `measures=`.

    Nulls of the column are left out by all of them; a window in which only nulls are gives 0 for counts and rates of rows, an
    empty map or list for `distribution` and `top`, and null for the rest. `where=` is an SQL condition over the dataset's
    columns; rows for which it is not true are left out of this measure.
    """

    @staticmethod
    def count(column: str | None = None, *, where: str | None = None) -> Aggregate:
        """Rows, or the rows in which `column` is not null. BIGINT."""
        return Aggregate("count", column, where=where)

    @staticmethod
    def count_distinct(column: str, *, approximate: bool = False, where: str | None = None) -> Aggregate:
        """Number of different values. BIGINT. Exact, or `approximate`: HyperLogLog with 16,384 registers,
        standard error 0.8 %, in at most as many rows per window and group on the way."""
        return Aggregate("count_distinct", column, where=where, approximate=approximate)

    @staticmethod
    def sum(column: str, *, where: str | None = None) -> Aggregate:
        """Sum; decimals stay decimal, whole numbers whole, floats DOUBLE. Null when no value is there.

        Floats are added with compensation (Kahan): any order of the rows gives the same figure to a relative 1e-12 of the sum
        of the absolute values.
        """
        return Aggregate("sum", column, where=where)

    @staticmethod
    def avg(column: str, *, where: str | None = None) -> Aggregate:
        """Arithmetic mean. DOUBLE."""
        return Aggregate("avg", column, where=where)

    @staticmethod
    def min(column: str, *, where: str | None = None) -> Aggregate:
        """Smallest value, in the column's own type."""
        return Aggregate("min", column, where=where)

    @staticmethod
    def max(column: str, *, where: str | None = None) -> Aggregate:
        """Largest value, in the column's own type."""
        return Aggregate("max", column, where=where)

    @staticmethod
    def stddev(column: str, *, where: str | None = None) -> Aggregate:
        """Standard deviation of the sample (divisor n - 1). DOUBLE; null for fewer than two values."""
        return Aggregate("stddev", column, where=where)

    @staticmethod
    def variance(column: str, *, where: str | None = None) -> Aggregate:
        """Variance of the sample (divisor n - 1), the square of `stddev`. DOUBLE; null for fewer than two values."""
        return Aggregate("variance", column, where=where)

    @staticmethod
    def median(column: str, *, approximate: bool = False, where: str | None = None) -> Aggregate:
        """The 0.5 quantile. DOUBLE."""
        return Aggregate("quantile", column, 0.5, where=where, approximate=approximate)

    @staticmethod
    def quantile(column: str, q: float, *, approximate: bool = False, where: str | None = None) -> Aggregate:
        """The `q` quantile (0 to 1), interpolated linearly between neighbours. DOUBLE. Exact, or `approximate`: T-Digest."""
        return Aggregate("quantile", column, q, where=where, approximate=approximate)

    @staticmethod
    def quantile_discrete(column: str, q: float, *, where: str | None = None) -> Aggregate:
        """The smallest value that at least a share `q` (0 to 1) of the values do not exceed, so one that is there; in the column's own
        type, which need not be a number. Exact."""
        return Aggregate("quantile_discrete", column, q, where=where)

    @staticmethod
    def min_by(column: str, by: str, *, where: str | None = None) -> Aggregate:
        """The value of the row with the smallest `by`, in the column's own type; of several such rows the smallest. Rows in which
        either is null are left out."""
        return Aggregate("min_by", column, by=by, where=where)

    @staticmethod
    def max_by(column: str, by: str, *, where: str | None = None) -> Aggregate:
        """The value of the row with the largest `by`, in the column's own type; of several such rows the largest. Rows in which
        either is null are left out."""
        return Aggregate("max_by", column, by=by, where=where)

    @staticmethod
    def first(column: str, *, where: str | None = None) -> Aggregate:
        """The value of the earliest row that has one, in the column's own type; of several at one moment the smallest."""
        return Aggregate("first", column, where=where)

    @staticmethod
    def last(column: str, *, where: str | None = None) -> Aggregate:
        """The value of the latest row that has one, in the column's own type; of several at one moment the largest."""
        return Aggregate("last", column, where=where)

    @staticmethod
    def rate(column: str | None = None, *, per: str = "1s", where: str | None = None) -> Aggregate:
        """Rows, or the sum of `column`, per second (or per `per`) of the window's length. DOUBLE. Needs a window over time."""
        return Aggregate("rate", column, parse_duration(per).total_seconds(), where=where)

    @staticmethod
    def top(column: str, k: int = 10, *, where: str | None = None) -> Aggregate:
        """The `k` most frequent values with their counts, most frequent first, of equal counts the smaller value first.
        STRUCT("value" of the column's type, "count" BIGINT)[]."""
        return Aggregate("top", column, k, where=where)

    @staticmethod
    def distribution(column: str, *, where: str | None = None) -> Aggregate:
        """How often each value occurs: MAP(VARCHAR, BIGINT), keys in order."""
        return Aggregate("distribution", column, where=where)

    @staticmethod
    def share(column: str | None = None, *, where: str | None = None) -> Aggregate:
        """The group's share, 0 to 1, of the rows (or of the sum of `column`) of all groups in the same window. DOUBLE; null where
        that sum is 0. Not for sessions, whose groups have windows of their own."""
        return Aggregate("share", column, where=where)

    @staticmethod
    def sql(expression: str, sql_type: str = "DOUBLE") -> Aggregate:
        """Any SQL of aggregates over the dataset's columns, such as `"sum(price * quantity)"`, as `sql_type`; a condition goes into
        it: `"sum(price) FILTER (quantity > 1)"`."""
        return Aggregate("sql", expression=expression, sql_type=sql_type)


NUMERIC_KINDS = frozenset({"sum", "avg", "quantile", "stddev", "variance", "rate", "share"})
"""Kinds whose column, where they have one, is a number."""
COLUMNLESS_KINDS = frozenset({"count", "rate", "share", "sql"})
"""Kinds that need no column."""
KINDS = (
    frozenset(
        {
            "count",
            "min",
            "max",
            "min_by",
            "max_by",
            "first",
            "last",
            "count_distinct",
            "top",
            "distribution",
            "sql",
        }
    )
    | {"quantile_discrete"}
    | NUMERIC_KINDS
)
"""All kinds that there are."""
