"""The columns of an exported file, and which of its cells an error is about.

What belongs here: names and places of columns. What does not: values (`rows`), files.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from pipeline.contract import Dataset
from pipeline.ingest.keys import KEY, RAW, REASONS, exported_name
from pipeline.ingest.mapping import ColumnMapping, map_columns
from pipeline.warehouse.rejected import Rejected


@dataclass(frozen=True)
class Layout:
    """The columns of an exported file: the source's, `_errors`, `_raw` where some row could not be split, the key.

    Attributes:
        columns: the source's, in order.
        raw: whether there is a `_raw`.
    """

    columns: tuple[str, ...]
    raw: bool

    @classmethod
    def of(cls, rejected: Rejected) -> Layout:
        """The columns of the sources in order of their first appearance, then those that only records have."""
        named = (column for source in rejected.sources.values() for column in source.columns)
        return cls(tuple(dict.fromkeys([*named, *rejected.more])), rejected.unsplit)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of all columns, in order."""
        own = (REASONS, RAW, KEY) if self.raw else (REASONS, KEY)
        return (*map(exported_name, self.columns), *own)

    @cached_property
    def places(self) -> dict[str, int]:
        """Column of the source → its place, from 0."""
        return {column: place for place, column in enumerate(self.columns)}

    @property
    def reasons(self) -> int:
        """Place of `_errors`."""
        return len(self.columns)

    @property
    def unsplit(self) -> int:
        """Place of `_raw`; that of `_errors` where there is none."""
        return self.reasons + int(self.raw)


@dataclass(frozen=True)
class Concern:
    """What an error is about.

    Attributes:
        label: the column as the person knows it; empty for an error of the row.
        places: of the cells, ascending; that of `_errors` where no column is known.
    """

    label: str
    places: tuple[int, ...]


class Concerns:
    """Which cells the errors of a dataset's deliveries are about."""

    def __init__(self, dataset: Dataset, rejected: Rejected, layout: Layout) -> None:
        self._dataset, self._rejected, self._layout = dataset, rejected, layout
        self._rules = {rule.name: rule.concerns for rule in dataset.rules}
        self._joint = {", ".join(columns): columns for columns in dataset.uniqueness}
        self._mappings: dict[tuple[str, ...], ColumnMapping] = {}

    def of(self, delivery: str, column: str | None, check: str, unsplit: bool) -> Concern:
        """What an error row with this contract column and check is about; `unsplit`: of a record that could not be read."""
        if unsplit:
            return Concern("", (self._layout.unsplit,))
        mapping = self._mapping(self._rejected.sources[delivery].columns)
        if column is None:
            return Concern("", self._places(mapping, self._rules.get(check, ())))
        places = self._places(mapping, self._joint.get(column, (column,)))
        one = len(places) == 1 and places[0] < len(self._layout.columns)
        return Concern(self._layout.columns[places[0]] if one else column, places)

    def _mapping(self, columns: tuple[str, ...]) -> ColumnMapping:
        found = self._mappings.get(columns)
        if found is None:
            found = map_columns(self._dataset, tuple(dict.fromkeys([*columns, *self._rejected.more])))
            self._mappings[columns] = found
        return found

    def _places(self, mapping: ColumnMapping, columns: Iterable[str]) -> tuple[int, ...]:
        found = {self._layout.places[name] for column in columns for name in self._sources(mapping, column)}
        return tuple(sorted(found)) or (self._layout.reasons,)

    def _sources(self, mapping: ColumnMapping, column: str) -> list[str]:
        """The file's columns that a contract column is made of."""
        derived = self._dataset.derived.get(column)
        if derived is None:
            source = mapping.sources.get(column)
            return [] if source is None else [source]
        if derived.source:
            return list((mapping.derived.get(column) or {}).values())
        return [source for name in derived.reads for source in self._sources(mapping, name)]
