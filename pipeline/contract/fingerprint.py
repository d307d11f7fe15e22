"""The fingerprint of a contract: changes whenever staging a file under it could give another result.

What belongs here: what goes into the fingerprint. What does not: windows, thresholds, descriptions, the archive: they do not
change how a file is staged, nor how it is written (`stable`, and `former` for what earlier versions stored). Uniqueness, references and order over the file are judged at the commit and count all the same: by the
fingerprint the ledger knows whether a delivery was judged by the contract of now.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandera.polars as pa
from pandera.api.checks import Check

from pipeline.contract.cleaners import Cleaner
from pipeline.contract.stable import ENCODING, expression_text, stable_text, written_in

if TYPE_CHECKING:
    from pipeline.contract.dataset import Dataset

STAGING_VERSION = 5
"""Raised when the engine itself stages the same file differently; staged folders of older versions are not reused."""
MARK = f"v{ENCODING}-"
"""Begins every fingerprint as it is written now."""


@dataclass(frozen=True)
class Encoding:
    """How what is not JSON is written.

    Attributes:
        text: a value, and a Python function.
        cleaner: one cleaner.
        code: checks that are written in Python as methods of the model.
    """

    text: Callable[[Any], str]
    cleaner: Callable[[Cleaner], str]
    code: Callable[[Dataset], str]


def fingerprint_of(dataset: Dataset) -> str:
    """`MARK` and 16 hex digits over everything of the contract that staging depends on."""
    return MARK + digest_of(dataset, Encoding(stable_text, lambda one: one.fingerprint, _code_of))


def digest_of(dataset: Dataset, how: Encoding) -> str:
    """16 hex digits over everything of the contract that staging depends on."""
    parts = {
        "version": STAGING_VERSION,
        "name": dataset.name,
        "columns": [
            (
                c.name,
                str(c.dtype),
                c.nullable,
                repr(c.default),
                [_check(check, how) for check in dataset.model.columns[c.name].checks],
            )
            for c in dataset.columns
        ],
        "rules": [rule.written(how.text) for rule in dataset.rules],
        "frame_checks": [_check(check, how) for check in dataset.model.checks],
        "uniqueness": dataset.uniqueness,
        "aliases": {k: list(v) for k, v in sorted(dataset.aliases.items())},
        "clean": {k: [how.cleaner(c) for c in v] for k, v in sorted(dataset.cleaners.items())},
        "derive": [list(one.fingerprint) for one in dataset.derived.values()],
        "event_time": dataset.event_time,
        "timezone": dataset.timezone,
        "keep": None if dataset.keep is None else expression_text(dataset.keep),
        "drift": dataset.drift,
        "sheets": list(dataset.sheets),
        "read": dataset.read.given,
        "own_checks": how.code(dataset) if has_code(dataset) else "",
    }
    # What is not declared is left out: deliveries of contracts without it stay what they are.
    later = {
        "severity": sorted([column or "", check, to] for (column, check), to in dataset.severities.items()),
        "references": [one.fingerprint for one in dataset.references],
        "increasing": list(dataset.increasing),
        "repeated_hour": "" if dataset.repeated_hour == "first" else dataset.repeated_hour,
        "on_conflict": "" if dataset.on_conflict == "first" else dataset.on_conflict,
    }
    parts |= {name: given for name, given in later.items() if given}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _check(check: Check, how: Encoding) -> tuple[str | None, str, str | None, bool, bool]:
    # The text that Pandera itself makes up repeats the parameters, and sets in no order of their own.
    made_up = check.error is None or check.error.startswith(f"{check.name}(")
    error = None if made_up else check.error
    return check.name, how.text(check.statistics), error, check.raise_warning, check.ignore_na


def has_code(dataset: Dataset) -> bool:
    """Whether the model has checks written in Python, whose names and parameters alone do not tell what they do."""
    known = {*Check.CHECK_FUNCTION_REGISTRY, *Check.REGISTERED_CUSTOM_CHECKS}
    own = [*dataset.model.checks, *(c for column in dataset.model.columns.values() for c in column.checks)]
    return not all(check.name in known for check in own)


def _code_of(dataset: Dataset) -> str:
    return stable_text([written_in(model) for model in models_of(dataset)])


def models_of(dataset: Dataset) -> list[type]:
    """The classes that the model is made of, its own first."""
    return [
        c for c in dataset.schema.__mro__ if issubclass(c, pa.DataFrameModel) and c is not pa.DataFrameModel
    ]
