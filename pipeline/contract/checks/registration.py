"""How a check becomes a word in `pa.Field`.

What belongs here: the shape of a check, its registration with Pandera, and the rules on its parameter and its column. What does
not: the checks themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import polars as pl
from pandera.api.checks import Check
from pandera.api.polars.types import PolarsData
from pandera.errors import SchemaInitError

from pipeline.contract.errors import ContractError

if TYPE_CHECKING:
    from pipeline.contract.columns import Column

Answer = Callable[[pl.Series, Any], pl.Series]
Settle = Callable[[Any], Any]
Constructor = Callable[..., Check]


class Refused(ValueError):
    """A parameter that a check cannot take; the text says what it takes instead."""


def only_true(parameter: Any) -> Any:
    """The rule of a check that has no parameter."""
    raise Refused("it takes True, or False for a column that must not hold such values")


@dataclass(frozen=True)
class Kind:
    """A check: the word it has in `pa.Field`, and what it does.

    Attributes:
        name: the word.
        answer: (column, parameter) → Boolean of the same length, null where the column is null. The column is String, or as
            declared where `takes` is "number". The parameter is True or what `settle` returned.
        settle: parameter as written → as used; raises `Refused`. Not called for True and False.
        takes: what the column must be declared as.
        bare: whether it may be given as True and False; otherwise a parameter is required.
    """

    name: str
    answer: Answer
    settle: Settle = only_true
    takes: Literal["text", "number"] = "text"
    bare: bool = True

    def check(self, *given: Any, **options: Any) -> Check:
        """Pandera's check with a parameter, as `pa.Field` asks for it (a tuple comes as several arguments).

        Raises:
            SchemaInitError: the check does not take this parameter.
        """
        parameter = (
            options.pop(self.name) if self.name in options else given[0] if len(given) == 1 else list(given)
        )
        settled = self._settled(parameter)
        return Check(
            partial(_run, self, settled),
            name=self.name,
            statistics={self.name: settled},
            error=f"{self.name}({settled!r})",
            **options,
        )

    def _settled(self, parameter: Any) -> Any:
        if self.bare and isinstance(parameter, bool):
            return parameter
        try:
            if isinstance(parameter, bool):
                raise Refused("it needs a parameter")
            return self.settle(parameter)
        except Refused as error:
            raise SchemaInitError(f"pa.Field({self.name}={parameter!r}): {error}") from error


def _run(kind: Kind, parameter: Any, data: PolarsData) -> pl.LazyFrame:
    answers = partial(_answers, kind, parameter)
    return data.lazyframe.select(pl.col(data.key).map_batches(answers, return_dtype=pl.Boolean))


def _answers(kind: Kind, parameter: Any, column: pl.Series) -> pl.Series:
    values = column if kind.takes == "number" else as_text(column)
    if parameter is False:
        return ~kind.answer(values, True)
    return kind.answer(values, parameter)


def as_text(column: pl.Series) -> pl.Series:
    """A text column as String.

    Raises:
        TypeError: it holds something else.
    """
    if column.dtype == pl.String:
        return column
    if column.dtype in (pl.Categorical, pl.Enum):
        return column.cast(pl.String)
    raise TypeError(f"the check is for text, and {column.name!r} is {column.dtype}")


def register(name: str, constructor: Constructor) -> None:
    """Make `pa.Field(name=…)` call `constructor(parameter, **options)`."""
    Check.REGISTERED_CUSTOM_CHECKS.setdefault(name, constructor)


def check_types_of(dataset: str, columns: Iterable[Column], kinds: dict[str, Kind]) -> None:
    """Every check stands on a column that it can judge.

    Raises:
        ContractError: a check for text stands on another column, or one for numbers on a text.
    """
    for column in columns:
        for name, _ in column.checks:
            kind = kinds.get(name)
            if kind is None:
                continue
            text = column.dtype == pl.String or column.dtype in (pl.Categorical, pl.Enum)
            if kind.takes == "text" and not text:
                raise ContractError(
                    dataset,
                    column.name,
                    f"has the check {name!r}, which is for text, and is {column.dtype}",
                    f"Declare it `{column.name}: str`, or take the check away.",
                )
            if kind.takes == "number" and not column.dtype.is_numeric():
                raise ContractError(
                    dataset,
                    column.name,
                    f"has the check {name!r}, which is for numbers, and is {column.dtype}",
                    f"Declare it `{column.name}: float`, or take the check away.",
                )


def one_of(parameter: Any, known: Iterable[Any], what: str) -> Any:
    """A parameter that must be one of `known`.

    Raises:
        Refused: it is not.
    """
    options = list(known)
    if any(parameter == option and type(parameter) is type(option) for option in options):
        return parameter
    raise Refused(f"it takes {what}: {', '.join(map(repr, options))}")


def several_of(parameter: Any, known: Iterable[str], what: str) -> list[str]:
    """A text or a list of texts that must all be in `known` → a sorted list without repetition.

    Raises:
        Refused: one is not, or there is none.
    """
    given = [parameter] if isinstance(parameter, str) else parameter
    options = set(known)
    if not isinstance(given, list | tuple | set | frozenset) or not given:
        raise Refused(f"it takes {what}, one or a list")
    wrong = [item for item in given if not isinstance(item, str) or item not in options]
    if wrong:
        raise Refused(f"it does not know {wrong[0]!r}; it takes {what}, one or a list")
    return sorted(set(given))
