"""Validation of typed rows with Pandera, all violations of a row and not the first.

What belongs here: running the contract's checks on a chunk and reading off which rows fail what. What does not: casts
(`casts`), uniqueness over the file and the table (the commit's), messages (`words`).
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
from pandera.api.checks import Check

from pipeline.contract import ContractError, Dataset, Rule
from pipeline.contract.severities import NOT_NULLABLE
from pipeline.ingest.rows import positions
from pipeline.ingest.violations import Finding
from pipeline.ingest.words import check_template


@dataclass(frozen=True)
class _Known:
    """What is said of a failed check: its name, its message, and whether the row is rejected for it."""

    name: str
    template: str
    severity: str

    @classmethod
    def of(cls, dataset: Dataset, column: str | None, check: Check) -> _Known:
        """A check of a column, or of the row."""
        name = str(check.name)
        severity = dataset.severities.get((column, name), "warn" if check.raise_warning else "reject")
        if column is None:
            return cls(name, check.error or f"the row fails the rule {name}", severity)
        return cls(name, check_template(name, check.error, dict(check.statistics or {})), severity)

    @classmethod
    def missing(cls, dataset: Dataset, column: str) -> _Known:
        """The check that Pandera makes itself: a value is required."""
        template = check_template(NOT_NULLABLE, None, {})
        return cls(NOT_NULLABLE, template, dataset.severities.get((column, NOT_NULLABLE), "reject"))


class ChunkValidator:
    """A dataset's checks as they hold within one chunk: the contract's, without uniqueness.

    Each of Pandera's checks is asked for its answer row by row. Validating the whole schema instead would also build the
    lists of failure cases, which costs milliseconds per column and chunk whatever the rows; and its `unique` sees one
    frame only and flags every copy: the commit checks it over file and table.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        model = dataset.model
        self._required = [
            (name, _Known.missing(dataset, name))
            for name, column in model.columns.items()
            if not column.nullable
        ]
        self._checks = [
            (name, check, _Known.of(dataset, name, check))
            for name, column in model.columns.items()
            for check in column.checks
        ]
        self._frame_checks = [(check, _Known.of(dataset, None, check)) for check in model.checks]

    def findings(self, typed: pl.DataFrame) -> list[Finding]:
        """Failed checks of typed rows.

        Args:
            typed: the contract's columns in its dtypes.

        Raises:
            ContractError: a check itself breaks, or answers for the whole frame instead of each row.
        """
        failed = [
            (name, known, typed[name].is_null()) for name, known in self._required if typed[name].null_count()
        ]
        lazy = typed.lazy()
        failed += [
            (name, known, self._failing(check, lazy, name, typed.height))
            for name, check, known in self._checks
        ]
        findings = [
            Finding(name, known.name, known.template, positions(rows), known.severity)
            for name, known, rows in failed
            if rows.any()
        ]
        for check, known in self._frame_checks:
            rows = self._failing(check, lazy, None, typed.height)
            if rows.any():
                findings.append(Finding(None, known.name, known.template, positions(rows), known.severity))
        return findings + self._broken_rules(typed)

    def _broken_rules(self, typed: pl.DataFrame) -> list[Finding]:
        rules = self._dataset.rules
        if not rules:
            return []
        try:
            # One query for all: each costs as much as a few thousand rows.
            answers = typed.select([rule.failing for rule in rules])
        except (Exception, pl.exceptions.PanicException):
            for rule in rules:
                self._ask(rule, typed)
            raise
        if answers.height != typed.height or set(answers.dtypes) != {pl.Boolean()}:
            answers = pl.DataFrame([self._ask(rule, typed) for rule in rules])
        return [
            Finding(None, rule.name, rule.text, positions(rows), rule.severity, rule.concerns)
            for rule, rows in zip(rules, answers.get_columns(), strict=True)
            if rows.any()
        ]

    def _ask(self, rule: Rule, typed: pl.DataFrame) -> pl.Series:
        """One rule by itself, so that the one that breaks is named."""
        try:
            answers = typed.select(rule.failing).to_series()
        except (Exception, pl.exceptions.PanicException) as error:
            raise self._broken_rule(rule, f"{type(error).__name__}: {error}") from error
        if len(answers) != typed.height or answers.dtype != pl.Boolean:
            raise self._broken_rule(
                rule, f"{len(answers)} answers of type {answers.dtype} for {typed.height} rows"
            )
        return answers

    def _broken_rule(self, rule: Rule, cause: str) -> ContractError:
        return ContractError(
            self._dataset.name,
            f"rule {rule.name!r}",
            f"gives no answer for each row ({cause})",
            "A rule gives one true or false per row, whatever the values; conversions in it need strict=False.",
        )

    def _failing(self, check: Check, lazy: pl.LazyFrame, column: str | None, height: int) -> pl.Series:
        """Boolean: the rows that a check refuses. Pandera has nulls pass, unless the check wants them."""
        try:
            result = check(lazy, column)
            answers: pl.Series = result.check_output.collect().to_series()
        except (Exception, pl.exceptions.PanicException) as error:
            raise self._broken(check, column, f"{type(error).__name__}: {error}") from error
        # Pandera lists failure cases for answers by row only.
        if result.failure_cases is None or len(answers) != height or answers.dtype != pl.Boolean:
            raise self._broken(
                check, column, f"{len(answers)} answers of type {answers.dtype} for {height} rows"
            )
        return ~answers

    def _broken(self, check: Check, column: str | None, cause: str) -> ContractError:
        return ContractError(
            self._dataset.name,
            f"check {str(check.name)!r} of {column or 'the row'!r}",
            f"gives no answer for each row ({cause})",
            "A check takes a column and gives one true or false per row; compare it with pipeline/datasets.",
        )
