"""The columns of one chunk as the contract wants them: derived, cleaned, cast.

What belongs here: from the file's columns to typed ones, and what was found wrong on the way. What does not: how each cleaner,
cast and derivation works, filtering, checks, what is written of a bad row (`violations`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.contract import Cleaner, Column, ContractError, Dataset
from pipeline.contract.cleaners import KeyProvider, MissingKey
from pipeline.contract.cleaning.run import run_cleaners
from pipeline.contract.derive import Derived, source_texts
from pipeline.contract.exact import CANNOT
from pipeline.contract.severities import CAST
from pipeline.contract.zones import in_utc
from pipeline.files.canonical import as_text
from pipeline.files.table import ROW
from pipeline.ingest.casts import CastMemory, as_shown, beyond_range, cast, equal_to, failed, same_kind
from pipeline.ingest.hiding import cause_of
from pipeline.ingest.local_times import REPEATED, cut_or_shifted, repeated
from pipeline.ingest.mapping import ColumnMapping
from pipeline.ingest.rows import all_but, positions, union, without
from pipeline.ingest.violations import NOTE, Finding
from pipeline.ingest.words import cast_template, range_template
from pipeline.settings import HASH_KEYS_VARIABLE

_NONE = pl.Series([], dtype=pl.UInt32)


@dataclass
class Typed:
    """A chunk in the contract's types.

    Attributes:
        columns: contract column → its values, null where one could not be had.
        findings: refusals of cleaners, failed casts, and times that are taken otherwise than they are written.
        lost: contract column → positions whose value could not be had, for the columns that have such.
        changes: contract column → how many values each of its cleaners changed, in order.
        cleaned: contract column → its text after cleaning, for the columns whose source must not be shown.
        derived: contract column → its text before cleaning, for the derived ones.
        repeated: contract column → positions of times that come twice, and how much later they come again (microseconds).
        numbers: `_row` of each row, where the file's rows have them.
        shown: contract column → positions and texts of the numbers that were taken as programs show them (`casts.as_shown`).
    """

    columns: dict[str, pl.Series] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    lost: dict[str, pl.Series] = field(default_factory=dict)
    changes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    cleaned: dict[str, pl.Series] = field(default_factory=dict)
    derived: dict[str, pl.Series] = field(default_factory=dict)
    shown: dict[str, tuple[pl.Series, pl.Series]] = field(default_factory=dict)
    repeated: dict[str, tuple[pl.Series, pl.Series]] = field(default_factory=dict)
    numbers: pl.Series = field(default_factory=lambda: _NONE)


class ColumnReader:
    """A dataset's columns, ready to be read from chunks in any thread."""

    def __init__(self, dataset: Dataset, keys: KeyProvider, second: NDArray[np.int64] | None = None) -> None:
        """Make it ready.

        Args:
            dataset: the contract.
            keys: name of a key → its bytes.
            second: `_row` numbers, ascending, whose event times are meant the second time that the clocks show them; None: the rows are
                not those of a file in their order, which would tell.

        Raises:
            ContractError: a cleaner's key is not set.
        """
        self._dataset = dataset
        self._second = second
        self._cleaners = {name: _bound(dataset, name, keys) for name in dataset.cleaners}
        self._empty = {
            name: [(place, one.empty) for place, one in enumerate(cleaners) if one.empty]
            for name, cleaners in self._cleaners.items()
        }
        self._memory = CastMemory()
        self._columns = tuple(_with_moment(column, dataset) for column in dataset.columns)

    def read(
        self,
        raw: pl.DataFrame,
        mapping: ColumnMapping,
        made_from: Callable[[str], pl.Series] | None = None,
        only: Collection[str] | None = None,
    ) -> Typed:
        """Derive, clean and cast the columns of a chunk.

        Args:
            raw: the file's columns as the reader gives them.
            mapping: which of them is which.
            made_from: as `Parsed.typed`: which texts of a column the reader made from typed values.
            only: the columns that are wanted (with those that they are derived from); None: all.
        """
        wanted = None if only is None else self._with_what_they_read(only)
        typed = Typed(numbers=raw[ROW] if ROW in raw.columns else _NONE)
        later = []
        for column in self._columns:
            if wanted is not None and column.name not in wanted:
                continue
            one = self._dataset.derived.get(column.name)
            source = mapping.sources[column.name]
            if one is not None and not one.source:
                later.append(column.name)
            elif one is not None and mapping.derived[column.name] is not None:
                found = mapping.derived[column.name]
                assert found is not None
                text = typed.derived[column.name] = self._from_source(one, raw, found, typed)
                self._read_one(column, text, typed)
            elif one is None and source is not None:
                told = None if made_from is None else partial(made_from, source)
                self._read_one(column, raw[source].rename(column.name), typed, told)
            else:
                typed.columns[column.name] = _constant(column, raw.height)
        if later:
            self._derive(typed, later)
        return typed

    def _with_what_they_read(self, names: Collection[str]) -> set[str]:
        found, left = set(), list(names)
        while left:
            found.add(name := left.pop())
            one = self._dataset.derived.get(name)
            left += [] if one is None or one.source else [read for read in one.reads if read not in found]
        return found

    def _from_source(
        self, one: Derived, raw: pl.DataFrame, found: Mapping[str, str], typed: Typed
    ) -> pl.Series:
        present = set(raw.columns)
        texts = pl.DataFrame(
            [
                as_text(raw[name])
                if name in present
                else pl.Series(name, [None], pl.String).new_from_index(0, raw.height)
                for name in dict.fromkeys(found.values())
            ]
        )
        return self._value(one, source_texts(texts, found), typed)

    def _from_contract(self, one: Derived, typed: Typed) -> pl.Series:
        names = one.reads or tuple(typed.columns)[:1]  # a constant needs to know how many rows there are
        return self._value(one, pl.DataFrame([typed.columns[name] for name in names]), typed)

    def _value(self, one: Derived, frame: pl.DataFrame, typed: Typed) -> pl.Series:
        try:
            values, failed = self._dataset.computed_columns[one.name].of(frame)
        except (Exception, pl.exceptions.PanicException) as error:
            raise ContractError(
                self._dataset.name,
                f"derive[{one.name!r}]",
                f"cannot be computed for any row ({cause_of(error, self._dataset)})",
                "It gives a value per row, from that row alone; conversions in it need strict=False.",
            ) from error
        if len(failed):
            template = f"{one.name} {CANNOT}"
            typed.findings.append(Finding(one.name, CAST, template, failed, self._severity(one.name, CAST)))
            typed.lost[one.name] = failed
        return values.rename(one.name)

    def _derive(self, typed: Typed, wanted: Collection[str]) -> None:
        """The columns that are made of the contract's own, in the order in which they are declared; of these those that are wanted."""
        columns = {column.name: column for column in self._columns}
        for one in self._dataset.derived.values():
            if one.source or one.name not in wanted:
                continue
            value = self._from_contract(one, typed)
            if any(isinstance(columns[name].dtype, pl.Datetime) for name in one.reads):
                value = _in_utc(value)  # as what it is made of, and no time on a clock of the dataset's zone
            typed.derived[one.name] = value
            self._read_one(columns[one.name], value, typed)
            missing = [typed.lost[name] for name in one.reads if name in typed.lost]
            if missing:
                typed.lost[one.name] = union([*missing, typed.lost.get(one.name, _NONE)])

    def _read_one(
        self, column: Column, source: pl.Series, typed: Typed, told: Callable[[], pl.Series] | None = None
    ) -> None:
        """One column: cleaned, cast, with its default where it is empty; what was wrong is added to `typed`. `told`: which of its
        texts are canonical (see `Cleaner`); None: none."""
        name = column.name
        cleaned, values, refused = self._read(column, source, typed, told)
        wrong = failed(cleaned, values)
        if len(wrong) and (column.dtype.is_integer() or isinstance(column.dtype, pl.Decimal)):
            cleaned, values, wrong = self._without_noise(
                column, source, (cleaned, values, wrong), typed, told
            )
        if self._empty.get(name):
            cleaned, values, wrong = self._without_sentinels(name, cleaned, values, wrong, typed)
        values = _with_default(values, cleaned, column)
        if refused:
            rows = union([positions for _, positions in refused])
            typed.findings += [
                Finding(name, cleaner.name, cleaner.refusal, positions, self._severity(name, cleaner.name))
                for cleaner, positions in refused
            ]
            values = _null_at(values, rows)
            wrong = without(wrong, rows)
            typed.lost[name] = union([rows, wrong, typed.lost.get(name, _NONE)])
        elif len(wrong):
            typed.lost[name] = union([wrong, typed.lost.get(name, _NONE)])
        if len(wrong):
            typed.findings += self._failed_casts(column, cleaned, wrong)
        plain = (
            cleaned.dtype == pl.String
            and isinstance(column.dtype, pl.Datetime)
            and column.dtype.time_unit != "ms"
            and name not in self._memory.formats
            and name not in self._cleaners
        )
        if isinstance(column.dtype, pl.Datetime | pl.Time) and not plain:
            typed.findings += [
                Finding(name, one.check, one.template, one.rows, "repair")
                for one in cut_or_shifted(cleaned, values, source)
            ]
        if isinstance(column.dtype, pl.Datetime):
            values = self._once(name, cleaned, values, typed)
        if name in self._dataset.hidden:
            typed.cleaned[name] = cleaned
        typed.columns[name] = values.alias(name)  # an expression may have called it otherwise

    def _without_sentinels(
        self, name: str, cleaned: pl.Series, values: pl.Series, wrong: pl.Series, typed: Typed
    ) -> tuple[pl.Series, pl.Series, pl.Series]:
        """The three with the numbers taken out that stand for empty values, also those that the column's type has no room for; how many they
        were is added to `typed`."""
        changes = list(typed.changes.get(name, (0,) * len(self._cleaners[name])))
        numeric = cleaned.dtype == pl.String or cleaned.dtype.is_numeric()
        beyond = cleaned[wrong].cast(pl.Float64, strict=False) if numeric and len(wrong) else None
        rows = _NONE
        for place, numbers in self._empty[name]:
            found = positions(equal_to(values, numbers))
            if beyond is not None:
                found = union([found, wrong.filter(equal_to(beyond, numbers))])
            found = without(found, rows)
            changes[place] += len(found)
            rows = union([rows, found])
        if rows.is_empty():
            return cleaned, values, wrong
        typed.changes[name] = tuple(changes)
        return _null_at(cleaned, rows), _null_at(values, rows), without(wrong, rows)

    def _without_noise(
        self,
        column: Column,
        source: pl.Series,
        read: tuple[pl.Series, pl.Series, pl.Series],
        typed: Typed,
        told: Callable[[], pl.Series] | None,
    ) -> tuple[pl.Series, pl.Series, pl.Series]:
        """The cleaned column, its values and what of it could not be cast, once the doubles are read as programs show them.

        Args:
            source: the column as it came.
            read: the three as they are so far.
            told: as for `_read_one`.
        """
        cleaned, values, wrong = read
        texts = source.dtype == pl.String
        if cleaned.dtype != source.dtype or not (source.dtype == pl.Float64 or (texts and told is not None)):
            return read
        numbers = source[wrong]
        shown = as_shown(numbers, column.dtype)
        if shown.null_count() == len(shown):
            return read
        if texts and told is not None:
            number = told()[wrong] & (cleaned[wrong] == numbers)  # text cells say what they say
            shown = shown.set(~number.fill_null(False), None)
        again = self._cast(shown, column)
        done = again.is_not_null()
        if not done.any():
            return read
        rows, shown = wrong.filter(done), shown.filter(done)
        typed.shown[column.name] = rows, shown
        return (
            cleaned.clone().scatter(rows, shown.cast(cleaned.dtype)),
            values.clone().scatter(rows, again.filter(done)),
            wrong.filter(~done),
        )

    def _once(self, name: str, cleaned: pl.Series, values: pl.Series, typed: Typed) -> pl.Series:
        """The moments of a column, those that the clocks show twice as the contract says; what became of these is added to `typed`."""
        zone, way = self._dataset.timezone, self._dataset.repeated_way(name)
        rows, gaps = repeated(cleaned, values, zone)
        if rows.is_empty():
            return values
        typed.repeated[name] = rows, gaps
        twice = f"'{{value}}' comes twice in {zone}, where the clocks are set back"
        if way == "reject":
            typed.findings.append(
                Finding(name, REPEATED, f"{twice}: write it with its offset from UTC", rows)
            )
            typed.lost[name] = union([rows, typed.lost.get(name, _NONE)])
            return _null_at(values, rows)
        # What the contract says is counted; what nobody said is listed, too.
        alone = way == "order" and self._second is None
        said = f"{twice}; it was taken as the {'first, as its row came without those around it' if alone else way}"
        listed = alone or way == "first"
        typed.findings.append(Finding(name, REPEATED, said, rows, "repair" if listed else NOTE))
        if alone:
            return values
        if way == "order":
            assert self._second is not None
            second = np.isin(typed.numbers[rows].to_numpy(), self._second, assume_unique=True)
            rows, gaps = rows.filter(pl.Series(second)), gaps.filter(pl.Series(second))
        if way == "first" or rows.is_empty():
            return values
        later = values[rows] + gaps.cast(pl.Duration("us"))
        return values.clone().scatter(rows, later.cast(values.dtype))

    def _failed_casts(self, column: Column, cleaned: pl.Series, wrong: pl.Series) -> list[Finding]:
        template = cast_template(column.dtype, self._dataset.timezone)
        severity = self._severity(column.name, CAST)
        if not column.dtype.is_float() or cleaned.dtype != pl.String:
            return [Finding(column.name, CAST, template, wrong, severity)]
        beyond = beyond_range(cleaned[wrong])
        by_template = (
            (template, wrong.filter(~beyond)),
            (range_template(column.dtype), wrong.filter(beyond)),
        )
        return [Finding(column.name, CAST, words, rows, severity) for words, rows in by_template if len(rows)]

    def _severity(self, column: str, check: str) -> str:
        return self._dataset.severities.get((column, check), "reject")

    def _read(
        self, column: Column, source: pl.Series, typed: Typed, told: Callable[[], pl.Series] | None
    ) -> tuple[pl.Series, pl.Series, tuple[tuple[Cleaner, pl.Series], ...]]:
        """The source values as cleaned, as cast, and those that a cleaner calls wrong; counts what changed."""
        declared = cleaners = self._cleaners.get(column.name, ())
        canonical = None
        places = [cleaner.rounds_to for cleaner in cleaners if cleaner.rounds_to is not None]
        doubles = source.dtype in (pl.Float64, pl.String)
        if (
            told is not None
            and source.dtype == pl.String
            and (places or any(one.by_locale for one in cleaners))
        ):
            canonical = told()
        if cleaners and source.dtype != pl.String:
            hides = any(cleaner.hides for cleaner in cleaners)
            if same_kind(source.dtype, column.dtype) and not hides:
                fractions = source.dtype.is_float() or source.dtype.is_decimal()
                cleaners = tuple(one for one in cleaners if one.rounds_to is not None and fractions)
            if cleaners:
                typed_value = not isinstance(source.dtype, pl.Categorical | pl.Enum)
                source = self._cast(source, replace(column, dtype=pl.String()))
                canonical = pl.Series([True]).new_from_index(0, len(source)) if typed_value else None
        if not cleaners:
            return source, self._cast(source, column), ()
        if places and doubles and canonical is not None:
            source = _without_noise(source, canonical, min(places))
        # Texts of every kind pass a cast to text or to a category: there all of them are cleaned.
        picky = column.dtype.is_numeric() or column.dtype.is_temporal() or column.dtype == pl.Boolean
        if not picky or not all(cleaner.mends for cleaner in cleaners):
            done = run_cleaners(cleaners, source, canonical)
            changed = dict(zip(map(id, cleaners), done.changes, strict=True))
            typed.changes[column.name] = tuple(changed.get(id(one), 0) for one in declared)
            return done.values, self._cast(done.values, column), done.refused
        values = self._cast(source, column)
        rows = failed(source, values)
        if rows.is_empty():
            return source, values, ()
        some = None if canonical is None else canonical[rows]
        done = run_cleaners(cleaners, source[rows], some)
        typed.changes[column.name] = done.changes
        refused = tuple((cleaner, rows[where]) for cleaner, where in done.refused)
        mended = self._cast(done.values, column)
        return source.clone().scatter(rows, done.values), values.clone().scatter(rows, mended), refused

    def _cast(self, values: pl.Series, column: Column) -> pl.Series:
        return cast(values, column.dtype, self._dataset.timezone, self._memory)


def _bound(dataset: Dataset, column: str, keys: KeyProvider) -> tuple[Cleaner, ...]:
    try:
        return tuple(cleaner.bound(keys) for cleaner in dataset.cleaners[column])
    except (MissingKey, ValueError) as error:
        raise ContractError(
            dataset.name,
            f"clean[{column!r}]",
            str(error),
            f"Keys are set in {HASH_KEYS_VARIABLE}, as name=key, parted by commas.",
        ) from error


def _without_noise(texts: pl.Series, typed: pl.Series, places: int) -> pl.Series:
    """Texts of doubles with the digits that programs show of them, before these are rounded to so many places; a text that is not made of
    a typed value says what it says."""
    shown = as_shown(texts, pl.Decimal(38, places)).set(~typed.fill_null(False), None)
    return shown.fill_null(texts).rename(texts.name) if shown.null_count() < len(shown) else texts


def _null_at(values: pl.Series, rows: pl.Series) -> pl.Series:
    kept = all_but(len(values), rows)
    return pl.select(pl.when(kept).then(values)).to_series().rename(values.name)


def _in_utc(values: pl.Series) -> pl.Series:
    dtype = values.dtype
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is None:
        return values.dt.replace_time_zone("UTC")
    return values


def _with_moment(column: Column, dataset: Dataset) -> Column:
    """The column with its default as moments are kept: one without a zone is on the clock of the dataset's zone, as in a file."""
    default = column.default
    if not isinstance(column.dtype, pl.Datetime) or column.dtype.time_zone is not None:
        return column
    return replace(column, default=in_utc(default, dataset.zone)) if isinstance(default, date) else column


def _constant(column: Column, height: int) -> pl.Series:
    value = pl.Series(column.name, [column.default], strict=False).cast(column.dtype)
    return value.new_from_index(0, height)


def _with_default(values: pl.Series, cleaned: pl.Series, column: Column) -> pl.Series:
    if column.default is None or not values.null_count():
        return values
    missing = cleaned.is_null()
    return (
        pl.select(pl.when(missing).then(pl.lit(column.default, column.dtype)).otherwise(values))
        .to_series()
        .rename(column.name)
    )
