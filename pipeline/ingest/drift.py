"""Columns of a file that the contract does not know: what becomes of them, and what is said of it.

What belongs here: the four policies of `Dataset(drift=)`, which names a table can take as columns, probable renames. What does not:
matching of the names that the contract knows (`mapping`), the table (`warehouse.added`).

A column is known again by its name as `normalise` has it, in every piece of a file and in every later file.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from pipeline.contract import Dataset
from pipeline.contract.headers import normalise
from pipeline.files import UnreadableFile
from pipeline.ingest.mapping import ColumnMapping, listed, map_columns, renames

MOST_ADDED = 100
"""Columns that one file may add to its table; what it has beyond them is kept in `_rescued`."""
_LONGEST = 63
_READERS_OWN = frozenset({"_sheet"})
# Names that readers make up for columns without one say a place in this file, not what the column holds.
_MADE_UP = re.compile(r"column_([0-9]+|[A-Z]{1,3})")
_TAKEN_BY_DUCKDB = frozenset({"rowid"})


def places(dataset: Dataset, columns: Sequence[str]) -> dict[str, str]:
    """Columns that a file adds to the table: name as `normalise` has it → name. Empty unless drift is "evolve".

    Args:
        dataset: the contract.
        columns: all columns of the file, in order.
    """
    if dataset.drift != "evolve":
        return {}
    found: dict[str, str] = {}
    for name in map_columns(dataset, tuple(columns)).unknown:
        if len(found) < MOST_ADDED and why_not_added(dataset, name) is None:
            found.setdefault(normalise(name), name)
    return found


def sources(added: Mapping[str, str], unknown: Iterable[str]) -> dict[str, str]:
    """Added column → the column of a piece that fills it; of two that have one name the one spelled so, else the first."""
    found: dict[str, str] = {}
    for name in unknown:
        place = added.get(normalise(name))
        if place is not None and (place not in found or name == place):
            found[place] = name
    return found


def rescued(dataset: Dataset, unknown: Sequence[str], filled: Collection[str] = ()) -> tuple[str, ...]:
    """Unknown columns of a piece whose values are kept in `_rescued`; `filled` have columns of their own."""
    if dataset.drift == "ignore":
        return tuple(name for name in unknown if name in _READERS_OWN)
    return tuple(name for name in unknown if name not in filled) if filled else tuple(unknown)


def why_not_added(dataset: Dataset, name: str) -> str | None:
    """Why a column of this name is not added to the table, in words; None when it can be."""
    if name.startswith("_") or name.casefold() in _TAKEN_BY_DUCKDB:
        return "the name is reserved"
    if len(name) > _LONGEST:
        return f"the name is longer than {_LONGEST} characters"
    if name != name.strip() or not name.isprintable() or not any(map(str.isalnum, name)):
        return "the name is not plain text"
    if _MADE_UP.fullmatch(name):
        return "it has no name of its own"
    if normalise(name) in _known_names(dataset):
        return "a column of the contract has this name"
    return None


@lru_cache(maxsize=64)
def _known_names(dataset: Dataset) -> frozenset[str]:
    """Names and aliases of the contract's columns, as `normalise` has them."""
    aliases = (alias for names in dataset.aliases.values() for alias in names)
    return frozenset(map(normalise, (*dataset.column_names, *aliases)))


def hints(dataset: Dataset, mapping: ColumnMapping) -> list[str]:
    """Probable renames of columns that a file may lack and does lack, a sentence each."""
    lacking = [n for n, source in mapping.sources.items() if source is None and n not in dataset.derived]
    return renames(mapping, lacking)


def refuse_unknown(dataset: Dataset, mapping: ColumnMapping, unknown: Iterable[str], path: Path) -> None:
    """Raise UnreadableFile (`unknown_column`) when drift is "reject" and a file has columns that the contract does not know."""
    names = [name for name in unknown if name not in _READERS_OWN]
    if dataset.drift != "reject" or not names:
        return
    alike = hints(dataset, mapping)
    raise UnreadableFile(
        path,
        "unknown_column",
        f"column{'s' if len(names) > 1 else ''} {listed(names)} not in the contract of dataset {dataset.name!r}, which has"
        f" drift='reject'",
        "; ".join([*alike, "or else declare" if alike else "Declare"])
        + " the column, take it out of the file, or choose another drift, and drop the file again.",
    )


def told(dataset: Dataset, unknown: Sequence[str], added: Mapping[str, str]) -> list[str]:
    """What is said of a file's unknown columns, a sentence per fate."""
    own = [name for name in unknown if name not in _READERS_OWN]
    if dataset.drift == "ignore":
        return [f"columns left out by drift='ignore': {listed(own)}"] if own else []
    if dataset.drift != "evolve":
        kept = listed(list(unknown))
        return [f"columns that the contract does not know are kept in _rescued: {kept}"] if unknown else []
    said = [f"columns that the contract does not know go to the table: {listed(list(added.values()))}"]
    left: dict[str, list[str]] = {}
    for name in own:
        if added.get(normalise(name)) != name:
            left.setdefault(_why_rescued(dataset, name, added), []).append(name)
    kept_back = [
        f"columns kept in _rescued since {why}: {listed(names)}" for why, names in sorted(left.items())
    ]
    return (said if added else []) + kept_back


def _why_rescued(dataset: Dataset, name: str, added: Mapping[str, str]) -> str:
    why = why_not_added(dataset, name)
    if why is not None:
        return why
    if normalise(name) in added:
        return "another column of the file has this name"
    return f"a file adds {MOST_ADDED} columns at most"
