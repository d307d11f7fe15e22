"""Texts that a spreadsheet would run as a formula, made harmless and back again.

What belongs here: the guard and its removal, each the other's inverse on every text. What does not: files.

A text that begins with `=`, `+`, `-`, `@`, a tab or a line end is run by spreadsheets when a CSV is opened (OWASP, "CSV injection"). An
apostrophe before it keeps it a text. Plain numbers (`-5`, `+4.2e3`) are left alone: they run nothing. A text that already looks guarded
gets one more apostrophe, so that taking one off always gives the text as it was.
"""

from __future__ import annotations

import polars as pl

_RISKY = r"^'*[=+\-@\t\r\n]"
_GUARDED = r"^'+[=+\-@\t\r\n]"
_NUMBER = r"^[+-]?(\d+([.,]\d*)*|[.,]\d+)([eE][+-]?\d+)?$"


def guard(text: pl.Expr) -> pl.Expr:
    """String → String that no spreadsheet runs; nulls stay."""
    risky = text.str.contains(_RISKY) & ~text.str.contains(_NUMBER)
    return pl.when(risky).then(pl.concat_str(pl.lit("'"), text)).otherwise(text)


def unguard(text: pl.Expr) -> pl.Expr:
    """The text that `guard` was given."""
    return pl.when(text.str.contains(_GUARDED)).then(text.str.slice(1)).otherwise(text)
