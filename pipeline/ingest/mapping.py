"""Which column of a file is which column of the contract.

What belongs here: matching of names. What does not: values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from pipeline.contract import Dataset
from pipeline.contract.derive import sources_of
from pipeline.contract.headers import normalise
from pipeline.counts import counted
from pipeline.files import UnreadableFile

_LISTED = 50


@dataclass(frozen=True)
class ColumnMapping:
    """Which column of a file is which of the contract.

    Attributes:
        sources: contract column → column of the file; None where the file lacks it, and for derived columns.
        unknown: the file's columns that have no place.
        derived: derived contract column that is made of the file's columns → for each name that it reads the column of the
            file; None where the file lacks one.
    """

    sources: dict[str, str | None]
    unknown: tuple[str, ...]
    derived: dict[str, dict[str, str] | None] = field(default_factory=dict)


def map_columns(dataset: Dataset, columns: tuple[str, ...], elsewhere: tuple[str, ...] = ()) -> ColumnMapping:
    """Match a file's columns with the contract's, by name and alias; an exact name goes before a forgiven one. A derived column
    is never taken from the file.

    Args:
        columns: those of the file, or of a piece of it.
        elsewhere: columns that other pieces of the file have; derivations may read them, as empty.
    """
    names = {
        column: [column, *dataset.aliases.get(column, ())]
        for column in dataset.column_names
        if column not in dataset.derived
    }
    free = dict.fromkeys(columns)
    sources: dict[str, str | None] = {}
    for column, known in names.items():
        exact = next((name for name in known if name in free), None)
        sources[column] = exact
        if exact is not None:
            del free[exact]
    by_normalised: dict[str, str] = {}
    for name in free:
        by_normalised.setdefault(normalise(name), name)
    for column, known in names.items():
        if sources[column] is None:
            hit = next((by_normalised[n] for n in map(normalise, known) if n in by_normalised), None)
            if hit is not None:
                del by_normalised[normalise(hit)]
                free.pop(hit, None)
            sources[column] = hit
    everywhere = tuple(dict.fromkeys((*columns, *elsewhere)))
    derived = {one.name: sources_of(one, everywhere) for one in dataset.derived.values() if one.source}
    read = {name for found in derived.values() for name in (found or {}).values()}
    return ColumnMapping(
        sources | dict.fromkeys(dataset.derived), tuple(name for name in free if name not in read), derived
    )


def require_columns(dataset: Dataset, mapping: ColumnMapping, path: Path) -> None:
    """Raise UnreadableFile when the file lacks a column that has neither null nor default (`missing_column`), or has none of
    the contract's (`no_known_column`)."""
    missing = [
        c.name
        for c in dataset.columns
        if c.required and mapping.sources[c.name] is None and c.name not in dataset.derived
    ]
    _require_read(dataset, mapping, path)
    if not missing and not any(mapping.sources.values()) and not any(mapping.derived.values()):
        raise UnreadableFile(
            path,
            "no_known_column",
            f"none of its columns belongs to dataset {dataset.name!r}: it has {_header(dataset, mapping.unknown)},"
            f" the dataset {listed(dataset.column_names)}",
            "Drop it into the folder of the dataset it belongs to, or correct its header.",
        )
    if not missing:
        return
    found = [source for source in mapping.sources.values() if source] + list(mapping.unknown)
    alike = renames(mapping, missing)
    plural = "s" if len(missing) > 1 else ""
    raise UnreadableFile(
        path,
        "missing_column",
        f"column{plural} {', '.join(map(repr, missing))} of dataset {dataset.name!r} not in the file,"
        f" which has {_header(dataset, found)}",
        (
            "; ".join(alike) + ", or else correct the header"
            if alike
            else "Add the column, or declare it nullable or with a default"
        )
        + ", and drop the file again.",
    )


def renames(mapping: ColumnMapping, lacking: Sequence[str]) -> list[str]:
    """Probable renames, a sentence each: columns of the contract that a file lacks, and unknown ones of it that resemble them."""
    by_folded = {name.casefold(): name for name in mapping.unknown}
    found = []
    for column in lacking:
        for close in get_close_matches(column.casefold(), by_folded, n=1, cutoff=0.6):
            name = by_folded.pop(close)
            found.append(f"`{name}` is not in the contract; did you mean `{column}`? add it to aliases")
    return found


def _header(dataset: Dataset, names: Sequence[str]) -> str:
    """A file's columns for people. The first line of a file without a header is data: where values are hidden, only its width
    is told."""
    return counted(len(names), "column") if dataset.hidden else listed(names)


def _require_read(dataset: Dataset, mapping: ColumnMapping, path: Path) -> None:
    """Raise UnreadableFile when a column that must not be null is derived from columns that the file lacks."""
    for column in dataset.columns:
        if column.required and column.name in mapping.derived and mapping.derived[column.name] is None:
            reads = dataset.derived[column.name].reads
            raise UnreadableFile(
                path,
                "missing_column",
                f"column {column.name!r} of dataset {dataset.name!r} is made of {listed(reads)}, which the file does not have"
                + (" all" if len(reads) > 1 else ""),
                "Correct the header, or declare the column nullable or with a default, and drop the file again.",
            )


def listed(names: Sequence[str]) -> str:
    """Names for people, at most 50 of them."""
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(map(repr, names[:_LISTED])) + more


def expected_names(dataset: Dataset) -> tuple[str, ...]:
    """Every name by which the contract's columns may go in a file, and those that derived columns are made of."""
    named = [
        name
        for column in dataset.column_names
        if column not in dataset.derived
        for name in (column, *dataset.aliases.get(column, ()))
    ]
    read = [name for one in dataset.derived.values() if one.source for name in one.reads]
    return tuple(dict.fromkeys([*named, *read]))
