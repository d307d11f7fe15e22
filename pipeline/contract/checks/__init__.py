"""Checks that `pa.Field(...)` gains on import of `pipeline.contract`, and ways to write one's own.

What belongs here: vectorised checks on one column, registered with Pandera; what they take and refuse. What does not: casts and
cleaning; Pandera's own checks (ge, isin, str_matches, …), which work as they are; rules over several columns (`rules`);
messages to people (`ingest.words`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pipeline.contract.checks.codes import KINDS as _CODES
from pipeline.contract.checks.formats import KINDS as _FORMATS
from pipeline.contract.checks.numbers import KINDS as _NUMBERS
from pipeline.contract.checks.own import expression, from_field, pandas, python
from pipeline.contract.checks.phones import KINDS as _PHONES
from pipeline.contract.checks.registration import Kind, check_types_of, register
from pipeline.contract.checks.texts import KINDS as _TEXTS

if TYPE_CHECKING:
    from pipeline.contract.columns import Column

KINDS: dict[str, Kind] = {kind.name: kind for kind in (*_TEXTS, *_PHONES, *_NUMBERS, *_CODES, *_FORMATS)}
"""Every check of this package by the word it has in `pa.Field`."""


def register_checks() -> None:
    """Register the checks with Pandera; a second call does nothing."""
    for kind in KINDS.values():
        register(kind.name, kind.check)
    register("check", from_field)


def check_types(dataset: str, columns: Iterable[Column]) -> None:
    """Every check stands on a column that it can judge.

    Raises:
        ContractError: a check for text stands on another column, or one for numbers on a text.
    """
    check_types_of(dataset, columns, KINDS)


__all__ = ["KINDS", "Kind", "check_types", "expression", "pandas", "python", "register_checks"]
