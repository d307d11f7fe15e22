"""What of a file must not be written, where its dataset masks, hashes or redacts columns.

What belongs here: which of a file's columns that concerns, and what stands in for their values. What does not: the cleaners that
hide (contract), the rows that are written (`violations`, `chunk`).
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from difflib import SequenceMatcher
from pathlib import Path

import polars as pl

from pipeline.contract import ContractError, Dataset
from pipeline.contract.derive import Derived
from pipeline.contract.headers import normalise
from pipeline.files import Parsed, UnreadableFile
from pipeline.files.table import Dialect
from pipeline.ingest.mapping import ColumnMapping

MASK = "***"
_ALIKE = 0.75
_SHORTEST = 3
_QUOTES = "'\"`‘“«"
# One character in quotes (a delimiter) and `'s` give nothing away.
_TOLD = re.compile(rf"(?P<plain>(['\"]).\2|(?<=\w)'s\b)|: |[ ]?[(\[{{{_QUOTES}]")


class Hiding:
    """A dataset's hidden columns, as they lie in its files. False where it hides none: then nothing here changes anything."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._own = {
            name for name, cleaners in dataset.cleaners.items() if any(cleaner.hides for cleaner in cleaners)
        }
        named = [name for column in dataset.hidden for name in (column, *dataset.aliases.get(column, ()))]
        named += [name for one in self._into_hidden() for name in one.reads]
        self._names = {normalise(name) for name in named}

    def __bool__(self) -> bool:
        return bool(self._dataset.hidden)

    def told(
        self, raw: pl.DataFrame, mapping: ColumnMapping, cleaned: Mapping[str, pl.Series] | None = None
    ) -> pl.DataFrame:
        """`raw` as it may be written: hidden columns as cleaned, or as *** where that is not known.

        Args:
            raw: a file's columns.
            mapping: which of them is which.
            cleaned: contract column → its text after cleaning.
        """
        if not self:
            return raw
        known = cleaned or {}
        stand_in: dict[str, pl.Series] = {}
        for source in self._masked(mapping):
            if source in raw.columns:
                stand_in[source] = mask(raw[source])
        for column in self._own:
            source_of = mapping.sources[column]
            if source_of is not None and source_of in raw.columns:
                text = known.get(column)
                stand_in[source_of] = mask(raw[source_of]) if text is None else text.alias(source_of)
        return raw.with_columns(list(stand_in.values())) if stand_in else raw

    def shown(self, column: str, derived: pl.Series, cleaned: Mapping[str, pl.Series]) -> pl.Series:
        """A derived column's values as they may be written."""
        if column not in self._dataset.hidden:
            return derived
        return cleaned[column] if column in self._own else mask(derived)

    def parsed(self, parsed: Parsed) -> Parsed:
        """Records that could not be read, and repairs, without their text: which field is which is not known of them."""
        if not self or not (parsed.rejects or parsed.repairs):
            return parsed
        rejects = tuple(
            replace(one, raw=MASK, fields=tuple(MASK for _ in one.fields), message=hushed(one.message))
            for one in parsed.rejects
        )
        repairs = tuple(replace(one, raw=MASK, message=hushed(one.message)) for one in parsed.repairs)
        return replace(parsed, rejects=rejects, repairs=repairs)

    def dialect(self, dialect: Dialect) -> Dialect:
        """How a file is written, without what its reasons and notes quote of the file."""
        if not self:
            return dialect
        return replace(
            dialect,
            reasons=tuple(hushed(reason) for reason in dialect.reasons),
            notes=tuple(hushed(note) for note in dialect.notes),
        )

    def needed(self, mapping: ColumnMapping) -> dict[str, tuple[str, bool]]:
        """Columns of the file whose clear values hidden columns are made of → the contract column (empty where several are
        made of it), and whether it stands as cleaned rather than as *** in what was written."""
        found: dict[str, tuple[str, bool]] = {}
        for one in self._into_hidden():
            found |= dict.fromkeys((mapping.derived[one.name] or {}).values(), ("", False))
        for name in self._dataset.hidden:
            source = mapping.sources[name]
            if source is not None:
                found[source] = (name, name in self._own)
        return found

    def _into_hidden(self) -> list[Derived]:
        derived = self._dataset.derived.values()
        return [one for one in derived if one.source and one.name in self._dataset.hidden]

    def masked(self, mapping: ColumnMapping) -> list[str]:
        """Columns of the file that are hidden, but not by a cleaner of their own; what resembles them too."""
        return self._masked(mapping) if self else []

    def _masked(self, mapping: ColumnMapping) -> list[str]:
        """Columns of the file that are hidden, but not by a cleaner of their own."""
        found = [mapping.sources[name] for name in self._dataset.hidden - self._own]
        for one in self._into_hidden():
            found += (mapping.derived[one.name] or {}).values()
        found += [name for name in mapping.unknown if self._resembles(normalise(name))]
        return [name for name in found if name is not None]

    def _resembles(self, name: str) -> bool:
        """Whether a column that the contract does not know may well hold what a hidden one does."""
        return any(
            (len(hidden) >= _SHORTEST and hidden in name)
            or (len(name) >= _SHORTEST and name in hidden)
            or SequenceMatcher(None, name, hidden).ratio() >= _ALIKE
            for hidden in self._names
        )


def mask(values: pl.Series) -> pl.Series:
    """*** for each value that is not null; same name and length."""
    return pl.select(pl.when(values.is_not_null()).then(pl.lit(MASK))).to_series().rename(values.name)


def cause_of(error: BaseException, dataset: Dataset) -> str:
    """What an error says, or only its kind where it may quote values that the dataset hides."""
    kind = type(error).__name__
    return (
        f"{kind}; what it says is not told, since the dataset hides values"
        if dataset.hidden
        else f"{kind}: {error}"
    )


def hushed(text: str) -> str:
    """A sentence up to where it may quote a file: a colon, a bracket, a quotation mark."""
    told = next((found for found in _TOLD.finditer(text) if found["plain"] is None), None)
    return text if told is None else f"{text[: told.start()]} {MASK}".lstrip()


@contextmanager
def unquoted(dataset: Dataset) -> Iterator[None]:
    """Errors on the way of a file quote it, a reader's and those of polars: not where its dataset hides values."""
    try:
        yield
    except (ContractError, OSError, MemoryError):
        raise
    except UnreadableFile as error:
        if not dataset.hidden:
            raise
        raise UnreadableFile(error.path, error.code, hushed(error.cause), error.remedy) from None
    except (Exception, pl.exceptions.PanicException) as error:
        if not dataset.hidden:
            raise
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise RuntimeError(
            f"{type(error).__name__} in {Path(place.filename).name}, line {place.lineno}; what it says is not told, since"
            f" dataset {dataset.name!r} hides values"
        ) from None
