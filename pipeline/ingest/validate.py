"""Validation of typed rows with Pandera, all violations of a row and not the first.

What belongs here: running the contract's checks on a chunk and reading off which rows fail what. What does not: casts
(`casts`), uniqueness over the file and the table (the commit's), messages (`words`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from pandera.api.checks import Check
from pandera.api.polars.types import PolarsData

from pipeline.contract import ContractError, Dataset, Rule
from pipeline.contract.exact import CANNOT, Computed, row_by_row
from pipeline.contract.severities import NOT_NULLABLE
from pipeline.contract.zones import in_utc
from pipeline.counts import counted
from pipeline.ingest.hiding import cause_of
from pipeline.ingest.rows import all_but, positions
from pipeline.ingest.violations import Finding
from pipeline.ingest.words import check_template

_COMPARING = frozenset(
    {
        "equal_to",
        "not_equal_to",
        "greater_than",
        "greater_than_or_equal_to",
        "less_than",
        "less_than_or_equal_to",
        "in_range",
        "isin",
        "notin",
    }
)


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
            _Asked.of(
                column.name,
                _on_clock(check, column.dtype, dataset.zone),
                _Known.of(dataset, column.name, check),
            )
            for column in dataset.columns
            for check in model.columns[column.name].checks
        ]
        of_rows = [_Asked.of(None, check, _Known.of(dataset, None, check)) for check in model.checks]
        self._asked = [*of_columns, *of_rows]
        self._rules = list(zip(dataset.rules, dataset.computed_rules, strict=True))

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
        asked = list(zip(self._asked, self._refused(typed), strict=True))
        failed += [(one.column, one.known, rows) for one, (rows, _) in asked if rows is not None]
        return [
            *(
                Finding(name, known.name, known.template, positions(rows), known.severity)
                for name, known, rows in failed
            ),
            *(
                Finding(
                    one.column,
                    one.known.name,
                    f"the check {one.known.name} {CANNOT}",
                    rows,
                    one.known.severity,
                )
                for one, (_, rows) in asked
                if len(rows)
            ),
            *self._broken_rules(typed),
        ]

    def _refused(self, typed: pl.DataFrame) -> list[tuple[pl.Series | None, pl.Series]]:
        """By check: true for the rows that it refuses (None where it refuses none), and the positions of those that it cannot
        judge."""
        lazy = typed.lazy()
        try:
            answers = pl.collect_all([_by_row(one.answers(lazy)) for one in self._asked])
        except (Exception, pl.exceptions.PanicException):  # noqa: BLE001  (each is asked again by itself, and named)
            return [self._ask_check(one, typed) for one in self._asked]
        none = pl.Series([], dtype=pl.UInt32)
        return [
            (self._failing(one, found.to_series(), typed.height), none)
            for one, found in zip(self._asked, answers, strict=True)
        ]

    def _ask_check(self, one: _Asked, typed: pl.DataFrame) -> tuple[pl.Series | None, pl.Series]:
        """One check by itself, where one breaks: on some values, or always."""

        def answers(rows: pl.DataFrame) -> pl.Series:
            found = _by_row(one.answers(rows.lazy())).collect().to_series()
            if len(found) != rows.height:
                raise pl.exceptions.ShapeError(
                    f"{counted(len(found), 'answer')} for {counted(rows.height, 'row')}"
                )
            return found

        names = [one.column] if one.column is not None else typed.columns
        try:
            found, failed = row_by_row(typed, names, [answers], typed.schema, pl.Boolean())
        except (Exception, pl.exceptions.PanicException) as error:
            raise self._broken(one, cause_of(error, self._dataset)) from error
        refused = self._failing(one, found, typed.height)
        return None if refused is None else refused & all_but(typed.height, failed), failed

    def _failing(self, one: _Asked, answers: pl.Series, height: int) -> pl.Series | None:
        """Boolean: the rows that a check refuses. Nulls pass, unless the check wants them."""
        if len(answers) != height or answers.dtype != pl.Boolean:
            raise self._broken(
                one, f"{counted(len(answers), 'answer')} of type {answers.dtype} for {counted(height, 'row')}"
            )
        if answers.null_count():
            answers = answers.fill_null(bool(one.check.ignore_na))
        return None if answers.all() else ~answers

    def _broken_rules(self, typed: pl.DataFrame) -> list[Finding]:
        if not self._rules:
            return []
        try:
            # One query for all: each costs as much as a few thousand rows.
            found = typed.select(computed.expression.alias(rule.name) for rule, computed in self._rules)
            answers = [
                (found[rule.name], one.undecided(found[rule.name], typed)) for rule, one in self._rules
            ]
        except (Exception, pl.exceptions.PanicException):  # noqa: BLE001  (each is asked again by itself, and named)
            answers = [self._ask(rule, computed, typed) for rule, computed in self._rules]
        if any(len(good) != typed.height or good.dtype != pl.Boolean for good, _ in answers):
            answers = [self._ask(rule, computed, typed) for rule, computed in self._rules]
        findings = []
        for (rule, _), (good, unknown) in zip(self._rules, answers, strict=True):
            if not good.all(ignore_nulls=True):
                rows = (~good).fill_null(False).arg_true()
                findings.append(Finding(None, rule.name, rule.text, rows, rule.severity, rule.concerns))
            if len(unknown):
                text = f"the rule {rule.name} {CANNOT}"
                findings.append(Finding(None, rule.name, text, unknown, rule.severity, rule.concerns))
        return findings

    def _ask(self, rule: Rule, computed: Computed, typed: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
        """One rule by itself, so that the one that breaks is named: its answers, and the rows for which it has none."""
        try:
            answers, unknown = computed.of(typed)
        except (Exception, pl.exceptions.PanicException) as error:
            raise self._broken_rule(rule, cause_of(error, self._dataset)) from error
        if len(answers) != typed.height or answers.dtype != pl.Boolean:
            raise self._broken_rule(
                rule,
                f"{counted(len(answers), 'answer')} of type {answers.dtype} for {counted(typed.height, 'row')}",
            )
        return answers, unknown

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


def _on_clock(check: Check, dtype: pl.DataType, zone: ZoneInfo) -> Check:
    """A check that compares moments, with its bounds as the moments of the column are kept: those without a zone are on the clock of the
    dataset's zone, as times of a file are. Any other check as it is."""
    if not isinstance(dtype, pl.Datetime) or check.name not in _COMPARING:
        return check

    def kept(bound: Any) -> Any:
        if isinstance(bound, date):
            moment = in_utc(bound, zone)
            return (
                moment
                if dtype.time_zone is None
                else moment.replace(tzinfo=UTC).astimezone(ZoneInfo(dtype.time_zone))
            )
        return [kept(one) for one in bound] if isinstance(bound, list | tuple | set | frozenset) else bound

    bounds = {name: kept(bound) for name, bound in (check.statistics or {}).items()}
    # Moments of two zones are equal where they are the same, and polars compares them all the same not at all.
    if bounds == check.statistics and dtype.time_zone is None:
        return check
    again = getattr(Check, check.name)
    return again(**bounds, raise_warning=check.raise_warning, ignore_na=check.ignore_na)  # type: ignore[no-any-return]


def _by_row(answers: pl.LazyFrame | bool) -> pl.LazyFrame:
    if isinstance(answers, bool):
        raise TypeError("it answers for all rows at once")
    return answers
