"""Which column of a file is which column of the contract.

What belongs here: matching of names. What does not: values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from pipeline.contract import Dataset
from pipeline.contract.headers import normalise
from pipeline.files import UnreadableFile

_LISTED = 50


@dataclass(frozen=True)
class ColumnMapping:
    """Contract column → column of the file (None: the file lacks it), and the file's columns that have no place."""

    sources: dict[str, str | None]
    unknown: tuple[str, ...]


def map_columns(dataset: Dataset, columns: tuple[str, ...]) -> ColumnMapping:
    """Match a file's columns with the contract's, by name and alias; an exact name goes before a forgiven one."""
    names = {column: [column, *dataset.aliases.get(column, ())] for column in dataset.column_names}
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
    return ColumnMapping(sources, tuple(free))


def require_columns(dataset: Dataset, mapping: ColumnMapping, path: Path) -> None:
    """Raise UnreadableFile when the file lacks a column that has neither null nor default (`missing_column`), or has none of
    the contract's (`no_known_column`)."""
    missing = [c.name for c in dataset.columns if c.required and mapping.sources[c.name] is None]
    if not missing and not any(mapping.sources.values()):
        raise UnreadableFile(
            path,
            "no_known_column",
            f"none of its columns belongs to dataset {dataset.name!r}: it has {_listed(mapping.unknown)},"
            f" the dataset {_listed(dataset.column_names)}",
            "Drop it into the folder of the dataset it belongs to, or correct its header.",
        )
    if not missing:
        return
    hints = []
    by_folded = {name.casefold(): name for name in mapping.unknown}
    for name in missing:
        close = get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.6)
        if close:
            hints.append(f"is {by_folded[close[0]]!r} your {name!r}? Then add it to its aliases")
    found = [source for source in mapping.sources.values() if source] + list(mapping.unknown)
    plural = "s" if len(missing) > 1 else ""
    raise UnreadableFile(
        path,
        "missing_column",
        f"column{plural} {', '.join(map(repr, missing))} of dataset {dataset.name!r} not in the file,"
        f" which has {_listed(found)}",
        (
            "; ".join(hints) + ", or else correct the header"
            if hints
            else "Add the column, or declare it nullable or with a default"
        )
        + ", and drop the file again.",
    )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(map(repr, names[:_LISTED])) + more


def expected_names(dataset: Dataset) -> tuple[str, ...]:
    """Every name by which the contract's columns may go in a file."""
    return tuple(
        name for column in dataset.column_names for name in (column, *dataset.aliases.get(column, ()))
    )
