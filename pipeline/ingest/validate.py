"""Validation of typed rows with Pandera, all violations of a row and not the first.

What belongs here: running the contract's checks on a chunk and reading off which rows fail what. What does not: casts
(`casts`), uniqueness over the file and the table (the commit's), messages (`words`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl
from pandera.api.checks import Check
from pandera.api.polars.types import PolarsData

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


@dataclass(frozen=True)
class _Asked:
    """One of Pandera's checks, on a column or (None) on the row."""

    column: str | None
    check: Check
    known: _Known
    backend: Any

    @classmethod
    def of(cls, column: str | None, check: Check, known: _Known) -> _Asked:
        """The check with Pandera's backend for polars, found once: looking for it costs as much as a quick check.

        As when it is called, a check of Pandera's own takes its function anew, now that those for polars are known.
        """
        backend = check.get_backend(pl.LazyFrame())
        own = getattr(check._check_fn, "__name__", None)
        if own is not None and check.is_builtin_check(own):
            check._check_fn = check.get_builtin_check_fn(own)
        return cls(column, check, known, backend(check))

    def answers(self, lazy: pl.LazyFrame) -> pl.LazyFrame | bool:
        """Its answers, one Boolean column, not computed yet."""
        return self.backend.apply(PolarsData(lazy, self.column or "*"))  # type: ignore[no-any-return]


class ChunkValidator:
    """A dataset's checks as they hold within one chunk: the contract's, without uniqueness.

    Each of Pandera's checks is asked for its answers row by row, and all are computed in one go. Validating the whole schema
    instead, or calling the checks, would also build the lists of failure cases, which costs milliseconds per check and chunk
    whatever the rows; and Pandera's `unique` sees one frame only and flags every copy: the commit checks it over file and table.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        model = dataset.model
        self._required = [
            (name, _Known.missing(dataset, name))
            for name, column in model.columns.items()
            if not column.nullable
        ]
        of_columns = [
            _Asked.of(name, check, _Known.of(dataset, name, check))
            for name, column in model.columns.items()
            for check in column.checks
        ]
        of_rows = [_Asked.of(None, check, _Known.of(dataset, None, check)) for check in model.checks]
        self._asked = [*of_columns, *of_rows]

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
        failed += [
            (one.column, one.known, rows)
            for one, rows in zip(self._asked, self._refused(typed), strict=True)
            if rows is not None
        ]
        return [
            Finding(name, known.name, known.template, positions(rows), known.severity)
            for name, known, rows in failed
        ] + self._broken_rules(typed)

    def _refused(self, typed: pl.DataFrame) -> list[pl.Series | None]:
        """By check: true for the rows that it refuses; None where it refuses none."""
        lazy = typed.lazy()
        try:
            answers = pl.collect_all([_by_row(one.answers(lazy)) for one in self._asked])
        except (Exception, pl.exceptions.PanicException):
            for one in self._asked:
                self._ask_check(one, lazy)
            raise
        return [
            self._failing(one, found, typed.height) for one, found in zip(self._asked, answers, strict=True)
        ]

    def _ask_check(self, one: _Asked, lazy: pl.LazyFrame) -> pl.DataFrame:
        """One check by itself, so that the one that breaks is named."""
        try:
            return _by_row(one.answers(lazy)).collect()
        except (Exception, pl.exceptions.PanicException) as error:
            raise self._broken(one, f"{type(error).__name__}: {error}") from error

    def _failing(self, one: _Asked, found: pl.DataFrame, height: int) -> pl.Series | None:
        """Boolean: the rows that a check refuses. Nulls pass, unless the check wants them."""
        answers = found.to_series()
        if len(answers) != height or answers.dtype != pl.Boolean:
            raise self._broken(one, f"{len(answers)} answers of type {answers.dtype} for {height} rows")
        if answers.null_count():
            answers = answers.fill_null(bool(one.check.ignore_na))
        return None if answers.all() else ~answers

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

    def _broken(self, one: _Asked, cause: str) -> ContractError:
        return ContractError(
            self._dataset.name,
            f"check {str(one.check.name)!r} of {one.column or 'the row'!r}",
            f"gives no answer for each row ({cause})",
            "A check takes a column and gives one true or false per row; compare it with pipeline/datasets.",
        )


def _by_row(answers: pl.LazyFrame | bool) -> pl.LazyFrame:
    if isinstance(answers, bool):
        raise TypeError("it answers for all rows at once")
    return answers
