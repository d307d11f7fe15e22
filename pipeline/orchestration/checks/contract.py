"""One asset check for each thing that a contract demands: types, nulls, checks, uniqueness, rules.

What belongs here: from a contract to checks with valid names, and from counted violations to their verdicts. Every violation is
counted by exactly one of them. What does not: counting (`warehouse.violations`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import polars as pl
from dagster import AssetCheckSeverity

from pipeline.contract import Dataset
from pipeline.counts import counted
from pipeline.orchestration.checks.verdicts import Verdict
from pipeline.warehouse import Entry
from pipeline.warehouse.types import duckdb_type
from pipeline.warehouse.violations import CheckTotal

# As people write them in `pa.Field`; other checks have one name everywhere.
_SHORT = {
    "greater_than_or_equal_to": "ge",
    "greater_than": "gt",
    "less_than_or_equal_to": "le",
    "less_than": "lt",
    "equal_to": "eq",
    "not_equal_to": "ne",
    "cast": "type",
    "not_nullable": "not_null",
}
_NAMED = 5
_LEFT_OUT = re.compile(r"[^A-Za-z0-9_]+")
READABLE, MENDED, OTHER = "records__readable", "records__unmended", "other__violations"


@dataclass(frozen=True)
class ContractCheck:
    """A demand of the contract as Dagster lists it.

    Attributes:
        name: letters, digits and _; unique in the dataset.
        description: what it demands, for people.
        column: `column_name` of its error rows; None for a rule.
        check: `check_name` of its error rows.
        refuses: whether a single row that fails has the whole file refused.
    """

    name: str
    description: str
    column: str | None = None
    check: str = ""
    refuses: bool = False


def contract_checks(dataset: Dataset) -> list[ContractCheck]:
    """Every check of a contract, by column in its order, then uniqueness, rules, and what no check of it is."""
    found: list[ContractCheck] = []
    names: set[str] = set()
    for check in _demands(dataset):
        if all((check.column, check.check) != (known.column, known.check) for known in found):
            name, number = check.name, 2
            while name in names:
                name, number = f"{check.name}_{number}", number + 1
            names.add(name)
            found.append(ContractCheck(name, check.description, check.column, check.check, check.refuses))
    return [
        *found,
        ContractCheck(READABLE, "Every record of the file can be read."),
        ContractCheck(MENDED, "No record of the file had to be mended."),
        ContractCheck(OTHER, "No other violation was found."),
    ]


def _demands(dataset: Dataset) -> Iterator[ContractCheck]:
    for column in dataset.columns:
        own = dataset.derived.get(column.name)
        if column.dtype != pl.String and (own is None or own.source):
            yield _of_column(column.name, "cast", f"{column.name} is {duckdb_type(column.dtype).lower()}.")
        if not column.nullable:
            yield _of_column(column.name, "not_nullable", f"{column.name} has a value.")
        for cleaner in dataset.cleaners.get(column.name, ()):
            if cleaner.refusal:
                yield _of_column(
                    column.name, cleaner.name, f"{column.name} can be cleaned by {cleaner.name}."
                )
        for check, given in column.checks:
            wanted = ", ".join(f"{name} {value}" for name, value in given.items() if value is not True)
            text = f"{column.name} passes {_SHORT.get(check, check)}" + (f" ({wanted})" if wanted else "")
            yield _of_column(column.name, check, text[:300])
    for names in dataset.uniqueness:
        joined = ", ".join(names)
        yield _of_column(
            joined, "unique", f"{joined} {'is' if len(names) == 1 else 'are'} unique over the table."
        )
    for reference in dataset.references:
        joined = ", ".join(reference.names)
        yield _of_column(joined, "reference", f"{joined} is in {reference.target}.")
    for column_name in dataset.increasing:
        yield _of_column(column_name, "increasing", f"{column_name} rises from row to row.")
    for frame_check in dataset.model.checks:
        name = str(frame_check.name)
        yield ContractCheck(_valid(f"rule__{name}"), f"Every row passes {name}.", None, name)
    for rule in dataset.rules:
        refuses = rule.severity == "quarantine"
        yield ContractCheck(_valid(f"rule__{rule.name}"), f"No row: {rule.text}.", None, rule.name, refuses)


def _of_column(column: str, check: str, text: str) -> ContractCheck:
    return ContractCheck(_valid(f"{column}__{_SHORT.get(check, check)}"), text, column, check)


def _valid(name: str) -> str:
    """Of letters, digits and _, as Dagster takes it."""
    return _LEFT_OUT.sub("_", name.replace(", ", "__"))


def judge_contract(
    checks: Sequence[ContractCheck],
    loaded: Sequence[Entry],
    totals: Iterable[CheckTotal],
    refused: Sequence[Entry] = (),
) -> list[Verdict]:
    """The verdict of each check over the deliveries that are loaded, whose violations are counted in `totals`, and those whose refused
    files lie in the quarantine."""
    rows = sum(entry.rows_read for entry in loaded)
    by_kind = {(check.column, check.check): check.name for check in checks if check.check}
    found: dict[str, list[CheckTotal]] = {}
    for total in totals:
        name = by_kind.get((total.column, total.check)) or _catch_all(total)
        found.setdefault(name, []).append(total)
    return [_verdict(check, found.get(check.name, []), refused, rows) for check in checks]


def _catch_all(total: CheckTotal) -> str:
    if total.column is not None or total.severity not in ("reject", "repair"):
        return OTHER
    return MENDED if total.severity == "repair" else READABLE


def _verdict(
    check: ContractCheck, totals: Sequence[CheckTotal], refused: Sequence[Entry], rows: int
) -> Verdict:
    violations = sum(total.violations for total in totals)
    worst = sorted((one for total in totals for one in total.worst), key=lambda one: -one[1])
    metadata: dict[str, object] = {"violations": violations}
    if rows:
        metadata["share_of_rows"] = round(violations / rows, 6)
    if worst:
        metadata["worst"] = "; ".join(f"{delivery}: {count:,}" for delivery, count in worst[:_NAMED])
    text = counted(violations, "violation") if violations else "no violation"
    named: list[str] = []
    if check.refuses:
        # Its error rows are nowhere: the file was refused, and the ledger says for which rule.
        said = f"(rule {check.check!r})"
        named = [entry.delivery for entry in refused if said in (entry.reason or "")]
        metadata["refused"] = "; ".join(named[:_NAMED]) or None
        if named:
            text = counted(len(named), "delivery was refused for it", "deliveries were refused for it")
    return Verdict(check.name, not violations and not named, AssetCheckSeverity.WARN, text, metadata)
