"""Derived columns: what a dataset computes rather than finds in the file.

What belongs here: the declaration, its validation, and computing the columns of one chunk. What does not: when that is done
(ingest), and cleaning: a cleaner changes one column's text and sees no other.

Two kinds. From the *source*: texts of the file's columns, before cleaning; what comes out is text like any of the file, and is
cleaned and cast as such. From the *contract*: typed columns, after the cast and before `keep=` and the checks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from pipeline.contract.errors import ContractError
from pipeline.contract.exact import Computed, three_values
from pipeline.contract.headers import normalise
from pipeline.contract.stable import expression_text
from pipeline.counts import counted


@dataclass(frozen=True)
class Derived:
    """One derived column.

    Attributes:
        name: the contract column that it fills.
        expression: polars expression, row by row.
        source: whether it reads the file's columns (as text, by their names in the file; case, spaces and punctuation are
            forgiven) rather than the contract's.
    """

    name: str
    expression: pl.Expr = field(repr=False)
    source: bool = False

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the columns it reads, each once, in order."""
        return tuple(dict.fromkeys(self.expression.meta.root_names()))

    @property
    def fingerprint(self) -> tuple[str, str, bool]:
        """Changes whenever the outcome may change."""
        return self.name, expression_text(self.expression), self.source


def split(column: str, into: Sequence[str], on: str = " ") -> tuple[Derived, ...]:
    """A column of the file in parts: `split("Name", into=["first_name", "last_name"])`.

    The last part takes all the rest (`"Ann Marie Smith"` → `Ann`, `Marie Smith`); a part that is not there is null. Blanks
    round a part are dropped, and with `on=" "` any run of blanks parts.

    Args:
        column: column of the file.
        into: contract columns, in order; at least two.
        on: what stands between the parts, character for character.

    Raises:
        ValueError: fewer than two names, a name twice, or nothing to split on.
    """
    if isinstance(into, str) or len(into) < 2 or len(set(into)) != len(into):
        raise ValueError(
            f"split: into is {into!r}; name two columns or more, each once: into=['first', 'last']"
        )
    if not isinstance(on, str) or not on:
        raise ValueError(f"split: on is {on!r}; give what stands between the parts: on=','")
    text = pl.col(column)
    if on == " ":
        text = text.str.strip_chars().str.replace_all(r"\s+", " ")
    parts = text.str.splitn(on, len(into)).struct
    return tuple(
        Derived(name, _or_null(parts[number].str.strip_chars()), source=True)
        for number, name in enumerate(into)
    )


def _or_null(text: pl.Expr) -> pl.Expr:
    return pl.when(text != "").then(text)


def as_derived(given: Mapping[str, pl.Expr] | Sequence[Derived]) -> tuple[Derived, ...]:
    """`derive=` as it may be written: a mapping contract column → expression over contract columns, or a list."""
    if isinstance(given, Mapping):
        return tuple(Derived(name, expression) for name, expression in given.items())
    return tuple(given)


def check_derived(dataset: str, given: Any, columns: Mapping[str, pl.DataType]) -> None:
    """Raise ContractError for the first thing that is declared wrongly.

    Args:
        given: what stands at `derive=`.
        columns: contract column → its type, in order.
    """
    listed = isinstance(given, list | tuple) and all(isinstance(one, Derived) for one in given)
    mapped = isinstance(given, Mapping) and all(isinstance(one, pl.Expr) for one in given.values())
    if not (listed or mapped):
        raise ContractError(
            dataset,
            "derive",
            f"is {given!r}",
            'Write {"total": pl.col("price") * pl.col("quantity")}, or a list of Derived(…) and *split(…).',
        )
    derived = as_derived(given)
    seen: set[str] = set()
    for one in derived:
        where = f"derive[{one.name!r}]"
        if one.name not in columns:
            raise ContractError(
                dataset,
                where,
                "is a column that the schema does not have",
                f"Declare it there: `{one.name}: str`.",
            )
        if one.name in seen:
            raise ContractError(dataset, where, "is derived twice", "Leave one of them out.")
        seen.add(one.name)
        if one.source:
            _check_source(dataset, where, one)
        else:
            _check_contract(dataset, where, one, columns, {other.name for other in derived} - seen)


def _check_source(dataset: str, where: str, one: Derived) -> None:
    if not one.reads:
        raise ContractError(dataset, where, "reads no column of the file", "Name one: pl.col('Name').")
    dtype = _dtype_of(dataset, where, one, dict.fromkeys(one.reads, pl.String()), pl.String())
    if dtype != pl.String:
        raise ContractError(
            dataset,
            where,
            f"gives {dtype}, where a text of the file is needed",
            "End it in .cast(pl.String).",
        )


def _check_contract(
    dataset: str, where: str, one: Derived, columns: Mapping[str, pl.DataType], later: set[str]
) -> None:
    for name in one.reads:
        if name in later or name == one.name:
            raise ContractError(
                dataset,
                where,
                f"reads {name!r}, which is not there yet",
                "Derive that one first, and none from itself.",
            )
    wanted = columns[one.name]
    dtype = _dtype_of(dataset, where, one, columns, wanted)
    if (
        dtype != wanted
        and not (dtype.is_numeric() and wanted.is_numeric())
        and not _both_moments(dtype, wanted)
    ):
        raise ContractError(
            dataset,
            where,
            f"gives {dtype}, and the column is {wanted}",
            f"End it in .cast(…), or declare {dtype}.",
        )


def _both_moments(one: pl.DataType, other: pl.DataType) -> bool:
    return isinstance(one, pl.Datetime) and isinstance(other, pl.Datetime)


def _dtype_of(
    dataset: str, where: str, one: Derived, columns: Mapping[str, pl.DataType], wanted: pl.DataType
) -> pl.DataType:
    """The type of its value, found by a trial on made-up rows, together and each by itself."""
    trial = pl.DataFrame([three_values(name, dtype) for name, dtype in columns.items()])
    trial = trial.vstack(trial[:1])  # and one row twice, so that every group has two
    try:
        plain = trial.select(one.expression)
        if plain.width != 1:
            raise ContractError(
                dataset, where, f"gives {counted(plain.width, 'column')}", "Derive each by itself."
            )
        computed = Computed(one.expression, columns, wanted)
        together = computed.of(trial)[0]
        alone = pl.concat([computed.of(trial[row : row + 1])[0] for row in range(trial.height)])
    except pl.exceptions.PolarsError as error:
        raise ContractError(
            dataset,
            where,
            f"does not work on the columns, or not on every value: {error}",
            f"It has {', '.join(columns)}; conversions need strict=False.",
        ) from error
    if not together.equals(alone, null_equal=True):
        raise ContractError(
            dataset,
            where,
            "does not look at each row by itself",
            "Sums, shifts and windows over rows belong into windows=.",
        )
    return together.dtype


def sources_of(one: Derived, columns: Sequence[str]) -> dict[str, str] | None:
    """The column of the file for each that a source derivation reads; None when one of them is not there.

    Args:
        columns: names of the file's columns. An exact name goes before a forgiven one.
    """
    by_normalised: dict[str, str] = {}
    for name in columns:
        by_normalised.setdefault(normalise(name), name)
    found = {name: name if name in columns else by_normalised.get(normalise(name)) for name in one.reads}
    known = {name: column for name, column in found.items() if column is not None}
    return known if len(known) == len(found) else None


def source_texts(raw: pl.DataFrame, sources: Mapping[str, str]) -> pl.DataFrame:
    """The columns that a source derivation reads, by the names that it has for them.

    Args:
        raw: source columns, as text (`ingest.casts.as_text` makes it of other types).
        sources: what `sources_of` gave.
    """
    return pl.DataFrame([raw[column].alias(name) for name, column in sources.items()])


def derived_text(one: Derived, raw: pl.DataFrame, sources: Mapping[str, str]) -> pl.Series:
    """The text of a source derivation alone, named as the contract column: what its expression makes of a frame.

    Args:
        raw: source columns, as text.
        sources: what `sources_of` gave.
    """
    return derived_value(one, source_texts(raw, sources))


def derived_value(one: Derived, typed: pl.DataFrame) -> pl.Series:
    """The value of a contract derivation alone: what its expression makes of a frame, in its own dtype."""
    return typed.with_columns(one.expression.alias(one.name))[one.name]
