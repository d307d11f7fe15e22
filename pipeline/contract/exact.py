"""Expressions of a declaration as they are computed: exact on decimals, and row by row where one of them fails.

What belongs here: computing a polars expression over the contract's columns so that decimals lose no digits, and finding the rows for
which it cannot be computed. What does not: what such an expression may say (`rules`, `derive`), and what becomes of those rows (ingest).

Polars multiplies and divides decimals to the digits of its operands: 0.07 / 2 is 0.04, and 0.07 * 0.04 is 0.00. So operands are given more
digits before, and a divisor that is zero gives null, as in SQL. See docs/decisions/0027-doubles-decimals-expressions.md.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from pipeline.contract.zones import in_utc
from pipeline.counts import counted

Node = Any
"""Part of an expression, as polars writes it in JSON."""
Way = Callable[[pl.DataFrame], pl.Series]
"""Rows → a value for each, from that row alone."""
_HERE = "\N{REPLACEMENT CHARACTER}"
_PRECISION = 38
_SMALL, _STEP = 1e-3, 1e-20
_DIGITS = (20, 6)
"""Digits after the point of a quotient; the fewer where numbers are so large that these do not fit."""
_SIGNIFICANT = 17
_UTC = ZoneInfo("UTC")
_COMPARISONS = frozenset({"Eq", "NotEq", "Gt", "GtEq", "Lt", "LtEq", "EqValidity", "NotEqValidity"})
_OPERATORS = frozenset({"Plus", "Minus", "Multiply", "TrueDivide", "FloorDivide", "Modulus"})
_NOT_OF_THE_VALUES = (
    MemoryError,
    pl.exceptions.ColumnNotFoundError,
    pl.exceptions.SchemaError,
    pl.exceptions.ShapeError,
)
CANNOT = "cannot be computed for this row: it divides by zero, a number is out of range, or a value cannot be converted"


class Computed:
    """An expression over the contract's columns, ready to be computed on chunks of any thread.

    Attributes:
        expression: what is computed.
    """

    def __init__(
        self,
        expression: pl.Expr,
        columns: Mapping[str, pl.DataType],
        wanted: pl.DataType | None = None,
        zone: ZoneInfo = _UTC,
    ) -> None:
        """Make it ready.

        Args:
            expression: as it is declared.
            columns: column → dtype.
            wanted: dtype of the column that it fills; None: it answers with true and false.
            zone: of moments that it names without a zone; those of its columns are in UTC.
        """
        moments = any(
            isinstance(columns[n], pl.Datetime) for n in expression.meta.root_names() if n in columns
        )
        expression = _on_clock(expression, columns, zone) if moments and zone != _UTC else expression
        self._columns, self._wanted = columns, wanted
        named = dict.fromkeys(expression.meta.root_names())
        self._names = tuple(named) if set(named) <= set(columns) else tuple(columns)
        decimals = [name for name in self._names if columns[name].is_decimal()]
        tried = [_rewritten(expression, columns, digits) for digits in _DIGITS] if decimals else []
        found = [way for way in tried if way is not None]
        self.expression = found[0][0] if found else expression
        self._divides = any(divides for _, divides in found)
        self._ways: list[Way] = [self._way(way) for way, _ in found] or [self._way(expression)]
        self._floats: Way | None = None
        if found and (wanted is None or wanted.is_float()):
            self._floats = self._way(expression, [pl.col(name).cast(pl.Float64) for name in decimals])
            self._ways.append(self._floats)
        self._digits = _digits_kept(expression, columns, wanted) if found else None

    def of(self, frame: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
        """Its values, one a row, and the positions (UInt32, ascending) at which it cannot be computed; there the values are null.

        Args:
            frame: the columns.

        Raises:
            Exception: whatever it raises on every row, or on rows together but on none alone: then it is the declaration's mistake.
        """
        empty = self._wanted or pl.Boolean()
        values, failed = row_by_row(frame, self._names, self._ways, self._columns, empty)
        if self._wanted is None:
            return values, pl.concat([failed, self.undecided(values, frame)]).unique().sort()
        return values, failed

    def undecided(self, values: pl.Series, frame: pl.DataFrame) -> pl.Series:
        """Positions (UInt32) of rows without an answer although they have all that it looks at: it divides by zero there."""
        if not self._divides or not values.null_count():
            return pl.Series([], dtype=pl.UInt32)
        answer = pl.DataFrame([values.alias(_HERE), *(frame[name] for name in self._names)])
        present = [pl.col(name).is_not_null() for name in self._names]
        return answer.select((pl.col(_HERE).is_null() & pl.all_horizontal(present)).arg_true()).to_series()

    def _way(self, expression: pl.Expr, before: Sequence[pl.Expr] = ()) -> Way:
        def way(frame: pl.DataFrame) -> pl.Series:
            frame = frame.with_columns(before) if before else frame
            if self._wanted is None:
                return _only(frame.select(expression))
            return self._fitting(frame.with_columns(expression.alias(_HERE))[_HERE], frame)

        return way

    def _fitting(self, values: pl.Series, frame: pl.DataFrame) -> pl.Series:
        """Computed decimals with the digits that are kept of them; for a column of floats, as floats."""
        if not values.dtype.is_decimal() or self._wanted is None:
            return values
        if self._digits is not None:
            return values.round(self._digits).cast(pl.Decimal(_PRECISION, self._digits))
        if not self._wanted.is_float():
            return values
        found = values.cast(pl.Float64)
        small = (found.abs() < _SMALL).fill_null(False)
        if self._floats is not None and small.any():
            # The digits after the point are too few for what is this small, where doubles say the same.
            rows = small.arg_true()
            doubles = self._floats(frame[rows])
            same = (doubles - found[rows]).abs() <= _STEP
            found = found.scatter(rows.filter(same), doubles.filter(same))
        return found


def row_by_row(
    frame: pl.DataFrame,
    names: Sequence[str],
    ways: Sequence[Way],
    columns: Mapping[str, pl.DataType],
    empty: pl.DataType,
) -> tuple[pl.Series, pl.Series]:
    """What the first of `ways` gives for all rows; where it fails, for each different row by itself, which the other ways may help.

    A row has the same value in every chunk.

    Args:
        frame: the rows.
        names: the columns that the ways look at.
        ways: frame → a value for each row from that row alone.
        columns: column → dtype: made-up values of these tell a mistake in the declaration from values it cannot take.
        empty: dtype of the values where none can be had.

    Returns:
        The values, and the positions (UInt32, ascending) at which there is none.

    Raises:
        Exception: as `Computed.of`.
    """
    try:
        return ways[0](frame), pl.Series([], dtype=pl.UInt32)
    except _NOT_OF_THE_VALUES:
        raise
    except (Exception, pl.exceptions.PanicException) as error:
        kept = list(names)
        keys = frame.select(kept).with_row_index(_HERE)
        distinct = keys.group_by(kept, maintain_order=True).agg(_HERE) if kept else keys
        rows = _Rows(distinct.drop(_HERE) if kept else frame, ways)
        rows.halve(0, rows.frame.height)
        if not rows.helped and (
            not rows.failed or (len(rows.failed) == rows.frame.height and not _works(ways, columns))
        ):
            raise error
        values, failed = rows.together(empty)
        back = distinct.select(_HERE).with_columns(values.alias("values"), failed.alias("failed"))
        back = back.explode(_HERE).sort(_HERE) if kept else back
        return back["values"], back["failed"].arg_true()


class _Rows:
    """Rows that are computed in ever smaller parts."""

    def __init__(self, frame: pl.DataFrame, ways: Sequence[Way]) -> None:
        self.frame, self._ways = frame, ways
        self.failed: list[int] = []
        self.helped = False
        self._parts: list[tuple[int, pl.Series]] = []

    def halve(self, start: int, end: int) -> None:
        """Compute the rows from `start` to `end`."""
        part = self.frame[start:end]
        found = _tried(self._ways[0], part)
        if found is None and end - start > 1:
            half = (start + end) // 2
            self.halve(start, half)
            self.halve(half, end)
            return
        if found is None:
            found = next((other for way in self._ways[1:] if (other := _tried(way, part)) is not None), None)
            self.helped = self.helped or found is not None
        if found is None:
            self.failed.append(start)
        else:
            self._parts.append((start, found))

    def together(self, empty: pl.DataType) -> tuple[pl.Series, pl.Series]:
        """All values, and whether there is none (Boolean)."""
        height = self.frame.height
        dtype = self._parts[0][1].dtype if self._parts else empty
        values = pl.Series([None], dtype=dtype).new_from_index(0, height)
        failed = np.zeros(height, np.bool_)
        failed[self.failed] = True
        for start, part in self._parts:
            fitting = part.cast(dtype, strict=False)
            places = np.arange(start, start + len(part))
            values = values.scatter(places, fitting)
            failed[places] = (fitting.is_null() & part.is_not_null()).to_numpy()
        return values, pl.Series(failed)


def _tried(way: Way, rows: pl.DataFrame) -> pl.Series | None:
    try:
        return way(rows)
    except _NOT_OF_THE_VALUES:
        raise
    except (Exception, pl.exceptions.PanicException):  # noqa: BLE001  (whatever it is, the row is told that it failed)
        return None


def _works(ways: Sequence[Way], columns: Mapping[str, pl.DataType]) -> bool:
    """Whether it can be computed on any made-up row: then it is the file's values on which it fails."""
    trial = pl.DataFrame([three_values(name, dtype) for name, dtype in columns.items()])
    return any(_tried(way, trial[row : row + 1]) is not None for way in ways for row in range(trial.height))


def three_values(name: str, dtype: pl.DataType) -> pl.Series:
    """Three different made-up values of a type, in no order."""
    if isinstance(dtype, pl.Enum):
        kinds = dtype.categories.to_list()
        return pl.Series(name, [kinds[row % len(kinds)] if kinds else None for row in (1, 2, 0)], dtype)
    if dtype == pl.Boolean:
        return pl.Series(name, [True, False, False], dtype)
    if dtype.is_temporal():
        days = pl.Series(name, [20_000, 10_000, 30_000], pl.Int32)
        ticks = days if dtype == pl.Date else days.cast(pl.Int64) * 1_000_000_000
        return ticks.cast(dtype)
    if dtype.is_numeric():
        return pl.Series(name, [2, 1, 3]).cast(dtype)
    texts = pl.Series(name, ["b, c", "1", "2024-01-31"])
    return texts.cast(dtype, strict=False)


def _only(frame: pl.DataFrame) -> pl.Series:
    if frame.width != 1:
        raise pl.exceptions.ShapeError(f"the expression gives {counted(frame.width, 'column')}")
    return frame.to_series()


def _digits_kept(
    expression: pl.Expr, columns: Mapping[str, pl.DataType], wanted: pl.DataType | None
) -> int | None:
    """Digits after the point to which a computed decimal is rounded: those that polars itself would give, or more of the column."""
    plain = _dtype(expression, columns)
    if wanted is None or wanted.is_float() or not isinstance(plain, pl.Decimal):
        return None
    return max(plain.scale, wanted.scale) if isinstance(wanted, pl.Decimal) else plain.scale


def _rewritten(
    expression: pl.Expr, columns: Mapping[str, pl.DataType], digits: int
) -> tuple[pl.Expr, bool] | None:
    """The expression with operands that have digits enough, and whether it divides by what may be zero; None where nothing is to
    be done, or where it cannot be taken apart (Python functions in it)."""
    try:
        text = expression.meta.serialize(format="json")
        if not _expression(text).meta.eq(expression):
            return None
        rewriter = _Rewriter(columns, digits)
        node = rewriter.rewritten(json.loads(text))
        if not rewriter.changed:
            return None
        found = _expression(json.dumps(node))
        if _dtype(found, columns) is None or not _no_worse(found, expression, columns):
            return None
    except (pl.exceptions.PolarsError, ValueError, TypeError):
        return None
    return found, rewriter.divides


def _no_worse(found: pl.Expr, given: pl.Expr, columns: Mapping[str, pl.DataType]) -> bool:
    """Whether what was rewritten works on every made-up row on which it worked as it was given."""
    trial = pl.DataFrame([three_values(name, dtype) for name, dtype in columns.items()])
    rows = [trial[row : row + 1] for row in range(trial.height)]
    return all(
        _tried(lambda row: row.select(found).to_series(), row) is not None
        or _tried(lambda row: row.select(given).to_series(), row) is None
        for row in rows
    )


def _on_clock(expression: pl.Expr, columns: Mapping[str, pl.DataType], zone: ZoneInfo) -> pl.Expr:
    """The expression with the moments that it names in UTC, as its columns are; itself where it names none, sees to zones by itself,
    or cannot be taken apart."""
    try:
        text = expression.meta.serialize(format="json")
        if "TimeZone" in text or not _expression(text).meta.eq(expression):
            return expression
        return _expression(json.dumps(_moments_in_utc(json.loads(text), columns, zone)))
    except (pl.exceptions.PolarsError, ValueError, TypeError):
        return expression


def _moments_in_utc(node: Node, columns: Mapping[str, pl.DataType], zone: ZoneInfo) -> Node:
    """From the leaves up; a date counts as its midnight where it is compared with a moment."""
    if isinstance(node, list):
        return [_moments_in_utc(part, columns, zone) for part in node]
    if not isinstance(node, dict):
        return node
    if "Literal" in node:
        named = _named(node, "Datetime")
        return _several_in_utc(node, zone) if named is None else _literal(in_utc(named, zone))
    node = {name: _moments_in_utc(part, columns, zone) for name, part in node.items()}
    found = node.get("BinaryExpr")
    if isinstance(found, dict) and found.get("op") in _COMPARISONS:
        for side, other in (("left", "right"), ("right", "left")):
            named = _named(found[side], "Date")
            if named is not None and isinstance(_dtype_of(found[other], columns), pl.Datetime):
                found[side] = _literal(in_utc(named, zone))
    return node


def _named(node: Node, kind: str) -> date | None:
    """The date, or the moment without a zone, that a part of an expression names."""
    try:
        if kind not in node["Literal"]["Scalar"]:
            return None
    except (KeyError, TypeError):
        return None
    named = pl.select(_expression(json.dumps(node))).item()
    if not isinstance(named, date) or (isinstance(named, datetime) and named.tzinfo is not None):
        return None
    return named


def _several_in_utc(node: Node, zone: ZoneInfo) -> Node:
    """A list of moments without a zone, as `is_in` takes it, in UTC; any other literal as it is."""
    said = node["Literal"]
    listed = isinstance(said, dict) and "List" in (said.get("Scalar") or ())
    if not (listed or (isinstance(said, dict) and "Series" in said)):
        return node
    values = pl.select(_expression(json.dumps(node))).to_series()
    values = values.explode() if listed else values
    if not isinstance(values.dtype, pl.Datetime) or values.dtype.time_zone is not None:
        return node
    moments = [None if moment is None else in_utc(moment, zone) for moment in values]
    return _literal(moments if listed else pl.Series(values.name, moments, values.dtype))


def _literal(value: object) -> Node:
    return json.loads(pl.lit(value).meta.serialize(format="json"))


def _dtype_of(node: Node, columns: Mapping[str, pl.DataType]) -> pl.DataType | None:
    return _dtype(_expression(json.dumps(node)), columns)


def _expression(text: str) -> pl.Expr:
    return pl.Expr.deserialize(io.StringIO(text), format="json")


def _dtype(expression: pl.Expr, columns: Mapping[str, pl.DataType]) -> pl.DataType | None:
    try:
        return pl.LazyFrame(schema=dict(columns)).select(expression).collect_schema().dtypes()[0]
    except pl.exceptions.PolarsError:
        return None


class _Rewriter:
    """Gives decimals digits; `changed` and `divides` say what it did."""

    def __init__(self, columns: Mapping[str, pl.DataType], digits: int) -> None:
        self._columns, self._digits = columns, digits
        self.changed = self.divides = False

    def rewritten(self, node: Node) -> Node:
        """The part of an expression, from the leaves up."""
        if isinstance(node, list):
            return [self.rewritten(part) for part in node]
        if not isinstance(node, dict):
            return node
        node = {name: self.rewritten(part) for name, part in node.items()}
        found = node.get("BinaryExpr")
        if isinstance(found, dict) and found.get("op") in _OPERATORS:
            node["BinaryExpr"] = self._arithmetic(found)
        return node

    def _arithmetic(self, found: dict[str, Node]) -> dict[str, Node]:
        left, right, operator = found["left"], found["right"], found["op"]
        scales = self._scale(left), self._scale(right)
        if not any(kind == "decimal" for kind, _ in scales):
            return found
        if scales[0][0] == "double":
            left, scales = _decimal_literal(left), (self._scale(_decimal_literal(left)), scales[1])
        if scales[1][0] == "double":
            right, scales = _decimal_literal(right), (scales[0], self._scale(_decimal_literal(right)))
        if not all(kind in ("decimal", "whole") for kind, _ in scales):
            return found
        self.changed = self.changed or left is not found["left"] or right is not found["right"]
        one, other = scales[0][1], scales[1][1]
        if operator == "Multiply":
            left = self._with_digits(left, min(one + other, max(one, other, self._digits)))
        elif operator == "TrueDivide":
            left = self._with_digits(left, max(one, other, self._digits))
        if operator in ("TrueDivide", "FloorDivide", "Modulus") and "Literal" not in right:
            value = pl.col(_HERE)
            right = _filled_in(pl.when(value != 0).then(value), right)
            self.changed = self.divides = True
        return {"left": left, "op": operator, "right": right}

    def _scale(self, node: Node) -> tuple[str, int]:
        """decimal, whole, double (a literal that can be a decimal) or other; and digits after the point."""
        if _decimal_literal(node) is not node:
            return "double", 0
        try:
            dtype = _dtype_of(node, self._columns)
        except (pl.exceptions.PolarsError, ValueError):
            return "other", 0
        if isinstance(dtype, pl.Decimal):
            return "decimal", dtype.scale
        return ("whole", 0) if dtype is not None and dtype.is_integer() else ("other", 0)

    def _with_digits(self, node: Node, scale: int) -> Node:
        self.changed = True
        return _filled_in(pl.col(_HERE).cast(pl.Decimal(_PRECISION, scale)), node)


def _decimal_literal(node: Node) -> Node:
    """A number that is written with a point as the decimal that it is, any other part as it is."""
    try:
        number = node["Literal"]["Dyn"]["Float"]
        written = Decimal(repr(float(number)))
    except (KeyError, TypeError, ValueError, InvalidOperation):
        return node
    exponent = written.as_tuple().exponent
    if not isinstance(exponent, int) or not -_DIGITS[0] <= exponent <= 0 or abs(written) >= 10**_SIGNIFICANT:
        return node
    return _literal(written)


def _filled_in(template: pl.Expr, node: Node) -> Node:
    """The template with the part where it reads `_HERE`."""

    def put(part: Node) -> Node:
        if part == {"Column": _HERE}:
            return node
        if isinstance(part, dict):
            return {name: put(inner) for name, inner in part.items()}
        return [put(inner) for inner in part] if isinstance(part, list) else part

    return put(json.loads(template.meta.serialize(format="json")))
