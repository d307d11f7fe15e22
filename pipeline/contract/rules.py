"""Rules over the columns of one row, declared without code: `Dataset(rules=[…])`.

What belongs here: the declaration of a rule and what a declaration may say. What does not: checks on one column (`checks`),
running the rules (ingest), and what needs more than the row: uniqueness, order over a file, other tables (the commit's).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, get_args

import pandas as pd
import polars as pl

from pipeline.contract.checks.own import as_answers
from pipeline.contract.errors import ContractError
from pipeline.contract.stable import expression_text, stable_text

Severity = Literal["reject", "warn", "quarantine"]
SEVERITIES: tuple[str, ...] = get_args(Severity)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True, eq=False)
class Rule:
    """Something that every row must fulfil.

    Args:
        name: lower-case word; the error rows' check_name.
        good: polars expression over the contract's columns, true for good rows. Null counts as good: a rule says nothing of
            rows that lack what it looks at.
        message: what to tell a person of a row that breaks it; none given says the rule's name.
        severity: "reject" (the row goes to the error table), "warn" (it stays, and is noted), "quarantine" (the whole file).
        columns: the columns it concerns, for people; none given takes those that the expression names.
    """

    name: str
    good: pl.Expr
    message: str = ""
    severity: Severity = "reject"
    columns: Sequence[str] = ()
    _function: Callable[..., Any] | None = field(default=None, repr=False)

    @staticmethod
    def in_pandas(
        name: str,
        columns: Sequence[str],
        function: Callable[[pd.DataFrame], Any],
        message: str = "",
        *,
        severity: Severity = "reject",
    ) -> Rule:
        """A rule from a pandas function, slower: DataFrame of a chunk's `columns` → one true or false for each row, in order.

        The function sees nulls as pandas has them, and must answer for each row from that row alone.
        """
        good = pl.struct(list(columns)).map_batches(partial(_answers, function), return_dtype=pl.Boolean)
        return Rule(name, good, message, severity, tuple(columns), function)

    @property
    def concerns(self) -> tuple[str, ...]:
        """The columns it concerns, in order."""
        return tuple(self.columns) or tuple(dict.fromkeys(self.good.meta.root_names()))

    @property
    def text(self) -> str:
        """What to tell a person of a row that breaks it."""
        return self.message or f"the row breaks the rule {self.name.replace('_', ' ')}"

    @property
    def fingerprint(self) -> str:
        """16 hex digits that change whenever the rule could give other error rows."""
        return self.written(stable_text)

    def written(self, text: Callable[[Any], str]) -> str:
        """The fingerprint, where `text` writes Python functions."""
        does = expression_text(self.good)
        if self._function is not None:
            does = text((self._function, self.concerns))
        said = (self.name, does, self.text, self.severity)
        return hashlib.sha256(repr(said).encode()).hexdigest()[:16]


def _answers(function: Callable[[pd.DataFrame], Any], rows: pl.Series) -> pl.Series:
    if rows.is_empty():
        return pl.Series([], dtype=pl.Boolean)
    return as_answers(function(rows.struct.unnest().to_pandas()), len(rows))


def required_when(
    column: str, when: pl.Expr, message: str = "", *, severity: Severity = "reject", name: str = ""
) -> Rule:
    """A column must not be null in rows for which `when` is true: `required_when("reason", pl.col("status") == "cancelled")`.

    The rule is called `<column>_required` unless `name` says otherwise.
    """
    return Rule(
        name or f"{column}_required",
        pl.col(column).is_not_null() | ~when.fill_null(False),
        message or f"{column} is required in this row",
        severity,
        tuple(dict.fromkeys([column, *when.meta.root_names()])),
    )


def either(*columns: str, message: str = "", severity: Severity = "reject", name: str = "") -> Rule:
    """At least one of the columns must not be null: `either("email", "phone")`.

    The rule is called by its columns, `email_or_phone`, unless `name` says otherwise.
    """
    return Rule(
        name or "_or_".join(columns),
        pl.any_horizontal(pl.col(column).is_not_null() for column in columns),
        message or f"one of {', '.join(columns)} is required",
        severity,
        columns,
    )


def check_rules(dataset: str, rules: Iterable[Any], columns: Mapping[str, pl.DataType]) -> None:
    """The rules may stand in the dataset.

    Args:
        dataset: its name.
        rules: what was declared.
        columns: contract column → dtype.

    Raises:
        ContractError: the first thing that is wrong.
    """
    seen: set[str] = set()
    for rule in rules:
        if not isinstance(rule, Rule):
            raise ContractError(
                dataset,
                "rules",
                f"hold {rule!r}",
                'Write Rule("name", pl.col("a") <= pl.col("b"), message="…").',
            )
        where = f"rule {rule.name!r}"
        _check_words(dataset, where, rule)
        if rule.name in seen:
            raise ContractError(dataset, where, "is declared twice", "Rename one of them.")
        seen.add(rule.name)
        _check_expression(dataset, where, rule, columns)


def _check_words(dataset: str, where: str, rule: Rule) -> None:
    name: Any = rule.name
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ContractError(
            dataset, where, "is not a plain lower-case name", "Use letters, digits and _: `ship_after_order`."
        )
    if not isinstance(rule.good, pl.Expr):
        raise ContractError(
            dataset, where, f"is {rule.good!r}, no polars expression", 'Write pl.col("a") <= pl.col("b").'
        )
    if rule.severity not in SEVERITIES:
        raise ContractError(
            dataset, where, f"has the severity {rule.severity!r}", f"It is one of {', '.join(SEVERITIES)}."
        )
    if not isinstance(rule.message, str) or "{value}" in rule.message:
        raise ContractError(
            dataset,
            where,
            f"has the message {rule.message!r}",
            "Write a text without {value}: a rule looks at several columns.",
        )


def _check_expression(dataset: str, where: str, rule: Rule, columns: Mapping[str, pl.DataType]) -> None:
    for name in (*rule.columns, *rule.good.meta.root_names()):
        if name not in columns:
            raise ContractError(
                dataset,
                where,
                f"names a column {name!r} that the schema does not have",
                f"It has: {', '.join(columns)}.",
            )
    try:
        answers = pl.DataFrame(schema=dict(columns)).select(rule.good)
    except (pl.exceptions.PolarsError, TypeError) as error:
        raise ContractError(
            dataset, where, f"does not work on the columns: {error}", "Compare columns of the same type."
        ) from error
    # On no rows, a rule that answers for the whole chunk (a sum, a maximum, a constant) still gives one value.
    given = ", ".join(map(str, answers.dtypes))
    if answers.dtypes != [pl.Boolean] or answers.height:
        cause = "gives one answer for all rows" if answers.height else f"gives {given} for a row"
        raise ContractError(dataset, where, cause, "A rule gives one true or false per row.")
