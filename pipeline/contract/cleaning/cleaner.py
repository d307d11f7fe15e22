"""What a cleaner is, and how it is run on a column.

What belongs here: the `Cleaner`, and what the families share to make one. What does not: any particular cleaner.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal

import polars as pl

Change = Callable[[pl.Expr], pl.Expr]
KeyProvider = Callable[[str], bytes | None]
MIN_KEY_BYTES = 16


class MissingKey(RuntimeError):
    """A keyed cleaner has no usable key: an error of the set-up, not of the data. The message never holds a key."""


@dataclass(frozen=True)
class Cleaner:
    """One cleaning step on a text column.

    Attributes:
        name: what it is called in reports.
        change: polars expression on the column: text in, text out.
        touches: expression that is true for the rows that `change` may alter; None runs `change` on all rows.
        fingerprint: changes whenever the outcome may change. Never holds a key.
        mends: whether it leaves alone every text that a cast to a number, a time or a truth value reads; then only the texts
            that fail the cast are cleaned.
        hides: whether it stands between personal data and the disk: the value before it must not be written anywhere.
        by_locale: whether it reads texts as people of one place write them. Canonical text of a typed value (a number cell of
            a workbook, a number in JSON) is no such text: see `canonical` of `apply`.
        rounds_to: digits behind the point that it leaves, for a cleaner that changes numbers as such and not how they are written:
            numbers with a fraction that are typed in the file pass it, too, each with the digits that programs show of it.
        empty: numbers that stand for an empty value; compared by value, once the column has been cast.
        refuses: expression that is true for the values, as they come in, that this cleaner calls wrong; None: it calls none.
        refusal: what is wrong with those, with `{value}` where the value goes.
        key: name of the key it needs, or None.
        keyed: key → the change, for a cleaner that needs one.
        own: whether `change` is a function of the declaration's own, which the fingerprint stands for.
    """

    name: str
    change: Change = field(repr=False)
    touches: Change | None = field(repr=False)
    fingerprint: str
    mends: bool = False
    hides: bool = False
    by_locale: bool = False
    rounds_to: int | None = None
    empty: tuple[Decimal, ...] = ()
    refuses: Change | None = field(default=None, repr=False)
    refusal: str = field(default="", repr=False)
    key: str | None = None
    keyed: Callable[[bytes], Change] | None = field(default=None, repr=False, compare=False)
    own: bool = False

    def apply(self, column: pl.Series, canonical: pl.Series | None = None) -> pl.Series:
        """The cleaned column, same length and name; see `apply_counted`."""
        return self._applied(column, canonical, count=False)[0]

    def apply_counted(self, column: pl.Series, canonical: pl.Series | None = None) -> tuple[pl.Series, int]:
        """The cleaned column, and how many of its values differ from before (a value that became null, or stopped being it,
        differs).

        Args:
            column: String.
            canonical: Boolean, true where the text was made by the reader from a typed value; None: nowhere. A cleaner
                `by_locale` leaves those alone.

        Raises:
            MissingKey: it needs a key and was not bound to one.
        """
        return self._applied(column, canonical, count=True)

    def refused(self, column: pl.Series, canonical: pl.Series | None = None) -> pl.Series:
        """Positions (UInt32, ascending) of the values of `column`, as they come in, that this cleaner calls wrong."""
        if self.refuses is None:
            return pl.Series(column.name, [], pl.UInt32)
        wrong = column.to_frame().select(self.refuses(pl.col(column.name)).fill_null(False)).to_series()
        if canonical is not None and self.by_locale:
            wrong &= ~canonical
        return wrong.arg_true()

    def bound(self, keys: KeyProvider) -> Cleaner:
        """This cleaner with its key, or itself where it needs none.

        Args:
            keys: name of a key → its bytes, or None where there is no such key.

        Raises:
            MissingKey: there is no such key, or it is too short to be one.
        """
        if self.key is None or self.keyed is None:
            return self
        key = keys(self.key)
        if key is None:
            raise MissingKey(
                f"clean.{self.name} needs the key {self.key!r}, which is not set; set it to a random text of 32 characters"
                " or more, and keep it: without it the same value gets another hash"
            )
        if len(key) < MIN_KEY_BYTES:
            raise MissingKey(
                f"the key {self.key!r} of clean.{self.name} is shorter than {MIN_KEY_BYTES} bytes, so that it can be"
                " guessed; set a random text of 32 characters or more"
            )
        return replace(self, change=self.keyed(key), keyed=None)

    def _applied(self, column: pl.Series, canonical: pl.Series | None, count: bool) -> tuple[pl.Series, int]:
        frame, value = column.to_frame(), pl.col(column.name)
        spared = canonical if self.by_locale else None
        if self.touches is None and spared is None:
            changed = frame.select(self.change(value)).to_series()
            return changed, _differing(column, changed) if count else 0
        touched = self._touched(frame, value, spared)
        if not touched.any():
            return column, 0
        before = column if touched.all() else column.filter(touched)
        changed = before.to_frame().select(self.change(value)).to_series()
        differing = _differing(before, changed) if count else 0
        if len(before) == len(column):
            return changed, differing
        return column.clone().scatter(touched.arg_true(), changed), differing  # scatter works in place

    def _touched(self, frame: pl.DataFrame, value: pl.Expr, spared: pl.Series | None) -> pl.Series:
        if self.touches is None:
            assert spared is not None
            return ~spared
        touched = frame.select(self.touches(value).fill_null(False)).to_series()
        return touched if spared is None else touched & ~spared


def _differing(before: pl.Series, after: pl.Series) -> int:
    return int(before.ne_missing(after).sum())


def fingerprint(name: str, *parameters: object) -> str:
    """The text that stands for a cleaner and its parameters."""
    return f"{name}{parameters!r}"


def unbound(name: str, key: str) -> Change:
    """The change of a cleaner whose key has not been handed over yet: raises MissingKey."""

    def change(value: pl.Expr) -> pl.Expr:
        raise MissingKey(f"clean.{name} was run without its key {key!r}: call Cleaner.bound first")

    return change


def by_distinct(work: Callable[[str], str | None]) -> Change:
    """A Python function on one text → a change that calls it once per distinct value of the column."""

    def run(column: pl.Series) -> pl.Series:
        distinct = column.unique().drop_nulls()
        if distinct.is_empty():
            return column
        done = pl.Series([work(text) for text in distinct.to_list()], dtype=pl.String)
        return column.replace_strict(distinct, done, default=None, return_dtype=pl.String)

    return lambda value: value.map_batches(run, return_dtype=pl.String)


def wrong(cleaner: str, cause: str, remedy: str) -> ValueError:
    """The error of a parameter; the loader of dataset modules names the file in addition."""
    return ValueError(f"clean.{cleaner}: {cause}; {remedy}")


def require_text(cleaner: str, parameter: str, value: object, empty: bool = False) -> str:
    """`value` if it is a text; raises ValueError naming the parameter."""
    if not isinstance(value, str) or (not value and not empty):
        raise wrong(
            cleaner, f"{parameter} is {value!r}", "give a text" if empty else "give a text that is not empty"
        )
    return value


def words_of(cleaner: str, parameter: str, given: object) -> tuple[str, ...]:
    """A list of texts as a tuple; raises ValueError for one text, or for what is no text."""
    if isinstance(given, str) or not isinstance(given, list | tuple | set | frozenset):
        raise wrong(cleaner, f"{parameter} is {given!r}", f'give a list: {parameter}=["…"]')
    for word in given:
        require_text(cleaner, f"one of {parameter}", word, empty=True)
    return tuple(sorted(given)) if isinstance(given, set | frozenset) else tuple(given)
