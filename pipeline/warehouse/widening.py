"""From one DuckDB type to another: which way loses nothing, and the SQL of either way.

What belongs here: types. What does not: tables and contracts (`evolution`).
"""

from __future__ import annotations

import re

from pipeline.warehouse.sql import text

# Type → smallest and largest value as powers of two.
_WHOLE = {
    "TINYINT": (True, 7), "SMALLINT": (True, 15), "INTEGER": (True, 31), "BIGINT": (True, 63), "HUGEINT": (True, 127),
    "UTINYINT": (False, 8), "USMALLINT": (False, 16), "UINTEGER": (False, 32), "UBIGINT": (False, 64),
}  # fmt: skip
_MANTISSA = {"FLOAT": 24, "DOUBLE": 53}
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")


def widens(before: str, after: str) -> bool:
    """Whether every value of the type `before` is one of `after`, exactly."""
    if before == after or after == "VARCHAR":
        return True
    if before in _WHOLE:
        return _whole_fits(*_WHOLE[before], after)
    was, becomes = _DECIMAL.fullmatch(before), _DECIMAL.fullmatch(after)
    if was and becomes:
        precision, scale = int(was[1]), int(was[2])
        return int(becomes[2]) >= scale and int(becomes[1]) - int(becomes[2]) >= precision - scale
    return (before, after) in {("FLOAT", "DOUBLE"), ("DATE", "TIMESTAMP")}


def _whole_fits(signed: bool, bits: int, after: str) -> bool:
    if after in _WHOLE:
        wider_signed, wider_bits = _WHOLE[after]
        return wider_bits >= bits and (wider_signed or not signed)
    if after in _MANTISSA:
        return bits <= _MANTISSA[after]
    decimal = _DECIMAL.fullmatch(after)
    return decimal is not None and int(decimal[1]) - int(decimal[2]) >= len(str(2**bits))


def conversion(column: str, before: str, after: str, zone: str) -> str:
    """SQL that turns a quoted column into another type: exactly, and null for what does not fit.

    Args:
        zone: IANA zone of dates and texts that become moments.
    """
    if after == "TIMESTAMP" and before in ("DATE", "VARCHAR"):
        moment = f"TRY_CAST({column} AS TIMESTAMP)"
        return moment if zone == "UTC" else f"timezone('UTC', timezone({text(zone)}, {moment}))"
    cast = f"TRY_CAST({column} AS {after})"
    if widens(before, after):
        return cast
    if before == "VARCHAR":
        pattern = _exact_text(after)
        # DuckDB rounds '5.5' to a whole number: not here.
        return (
            cast
            if pattern is None
            else f"CASE WHEN regexp_full_match(trim({column}), {text(pattern)}) THEN {cast} END"
        )
    return f"CASE WHEN TRY_CAST({cast} AS {before}) = {column} THEN {cast} END"


def _exact_text(after: str) -> str | None:
    """Pattern of the texts that are a number of a type without rounding; None for types that texts are not rounded to."""
    if after in _WHOLE:
        return "[+-]?[0-9]+"
    decimal = _DECIMAL.fullmatch(after)
    return None if decimal is None else rf"[+-]?[0-9]*(\.[0-9]{{0,{decimal[2]}}})?"
