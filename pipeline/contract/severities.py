"""How bad it is when a check fails, told per check: `Dataset(severity={"amount": {"ge": "warn"}, "email": "quarantine"})`.

What belongs here: what may be declared, and from the declaration to one severity for each check. What does not: rules and references,
which say their severity themselves, and acting on it (ingest, the commit).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipeline.contract.errors import ContractError
from pipeline.contract.rules import SEVERITIES

if TYPE_CHECKING:
    from pipeline.contract.dataset import Dataset

CAST, NOT_NULLABLE, UNIQUE, INCREASING = "cast", "not_nullable", "unique", "increasing"
_WORDS = {
    "ge": "greater_than_or_equal_to",
    "gt": "greater_than",
    "le": "less_than_or_equal_to",
    "lt": "less_than",
    "eq": "equal_to",
    "ne": "not_equal_to",
}
_WITHOUT_WARNING = {
    CAST: "a value that cannot be read as the column's type cannot be loaded",
    NOT_NULLABLE: "the table promises that the column has a value: declare it nullable, with a rule that warns",
    UNIQUE: "the table promises that the value occurs once: take unique away",
}
_REFUSED = "a value that a cleaner cannot read cannot be loaded"
Severities = dict[tuple[str | None, str], str]
"""(contract column, or None for a check of the row; check_name of its error rows) → reject, warn or quarantine."""


def severities_of(dataset: Dataset) -> Severities:
    """What the declaration says, for each check that it says something of; those of a declaration that is right."""
    found: Severities = {}
    for name, given in dataset.severity.items():
        if name not in dataset.column_names:
            found[None, name] = str(given)
            continue
        checks = _checks(dataset, name)
        if isinstance(given, str):
            found |= {
                (name, check): given for check, why_not in checks.items() if given != "warn" or not why_not
            }
        else:
            found |= {(name, _WORDS.get(word, word)): severity for word, severity in given.items()}
    return found


def check_severities(dataset: Dataset) -> None:
    """Raise ContractError for the first severity that is declared wrongly."""
    of_the_row = [str(check.name) for check in dataset.model.checks]
    for name, given in dataset.severity.items():
        if name in dataset.column_names:
            _check_column(dataset, name, given)
        elif name not in of_the_row:
            known = ", ".join([*dataset.column_names, *of_the_row])
            raise _wrong(dataset, f"names {name!r}, no column and no check of the row", f"There is: {known}.")
        elif given not in SEVERITIES:
            raise _wrong(dataset, f"of {name!r} is {given!r}", f"It is one of {', '.join(SEVERITIES)}.")


def _check_column(dataset: Dataset, column: str, given: Any) -> None:
    checks = _checks(dataset, column)
    pairs = given.items() if isinstance(given, Mapping) else [(None, given)]
    for word, severity in pairs:
        place = f"of {column!r}" if word is None else f"of {word!r} of {column!r}"
        if severity not in SEVERITIES:
            raise _wrong(dataset, f"{place} is {severity!r}", f"It is one of {', '.join(SEVERITIES)}.")
        if word is None:
            continue
        check = _WORDS.get(word, word)
        if check not in checks:
            short = {long: short for short, long in _WORDS.items()}
            known = ", ".join(short.get(name, name) for name in checks)
            raise _wrong(dataset, f"names {word!r}, which is no check of {column!r}", f"It has: {known}.")
        if severity == "warn" and checks[check]:
            raise _wrong(dataset, f"{place} is 'warn'", f"Write reject or quarantine: {checks[check]}.")


def _checks(dataset: Dataset, column: str) -> dict[str, str]:
    """check_name → why it cannot merely warn (empty: it can), of all that can be wrong with a column but its references."""
    declared = next(one for one in dataset.columns if one.name == column)
    found = {str(check.name): "" for check in dataset.model.columns[column].checks}
    found |= {
        cleaner.name: _REFUSED for cleaner in dataset.cleaners.get(column, ()) if cleaner.refuses is not None
    }
    found[CAST] = _WITHOUT_WARNING[CAST]
    if not declared.nullable:
        found[NOT_NULLABLE] = _WITHOUT_WARNING[NOT_NULLABLE]
    if (column,) in dataset.uniqueness:
        found[UNIQUE] = _WITHOUT_WARNING[UNIQUE]
    if column in dataset.increasing:
        found[INCREASING] = ""
    return found


def _wrong(dataset: Dataset, cause: str, remedy: str) -> ContractError:
    return ContractError(dataset.name, "severity", cause, remedy)
