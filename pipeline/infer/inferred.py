"""From a file to the text of its dataset module.

What belongs here: the steps and their order. What does not: any of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.contract import ContractError
from pipeline.contract.read import Read
from pipeline.files import ReadOptions, Table, UnreadableFile, open_table
from pipeline.files.names import shown
from pipeline.infer.decide import decide, decimal_signs
from pipeline.infer.names import Named, dataset_name, field_names
from pipeline.infer.readings import ZONE
from pipeline.infer.scan import Scanned, scan
from pipeline.infer.several import NotOneKind, Tables, as_one, listed_names, told_apart
from pipeline.infer.windows import likely_window
from pipeline.infer.write import module_text
from pipeline.settings import Settings

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_SHEET = "_sheet"
_SAID = ("encoding", "delimiter", "quote", "escape", "comment")


@dataclass(frozen=True)
class Inferred:
    """A dataset module for a file, or for several of one kind.

    Attributes:
        name: of the dataset.
        text: of the module.
        rows: records that the decisions rest on.
        rejects: records of the file that cannot be read.
        columns: fields of the model.
    """

    name: str
    text: str
    rows: int
    rejects: int
    columns: int


def infer(
    files: Path | Sequence[Path], settings: Settings, name: str | None = None, zone: str = ZONE
) -> Inferred:
    """A dataset module under which every readable record of a file, or of several files of one kind, passes.

    Args:
        name: of the dataset; made of the files' names when not given.
        zone: IANA zone of times without one.

    Raises:
        UnreadableFile: a file holds no table. OSError: it cannot be opened.
        NotOneKind: the files cannot be one dataset.
    """
    paths = [files] if isinstance(files, Path) else list(files)
    options = ReadOptions(chunk_rows=settings.chunk_rows, memory_mb=settings.memory_mb)
    table = as_one(_names(paths), [open_table(path, options) for path in paths], _SHEET)
    dataset = name or dataset_name(*paths)
    named, left_out = field_names(table.columns)
    headers = [one.header for one in named]
    scanned = scan(table, headers, settings.memory_mb, zone)
    apart = _apart(table, scanned, headers, paths, settings, zone)
    decided = decide(scanned, named, apart, _lacking(table, paths))
    read, sheets = _needed(paths, table, named, settings)
    from_files = listed_names(_names(paths))
    about = f"{_sentence(dataset)}, as inferred from {from_files}: {_counted(scanned.rows)}. Read it over."
    text = module_text(dataset, decided, likely_window(dataset, decided), about, read, sheets, left_out, zone)
    return Inferred(dataset, text, scanned.rows, scanned.rejects, len(named))


def _names(paths: Sequence[Path]) -> list[str]:
    return [shown(path.name) for path in paths]


def _apart(
    table: Tables,
    scanned: Scanned,
    headers: Sequence[str],
    paths: Sequence[Path],
    settings: Settings,
    zone: str,
) -> dict[str, str]:
    """What several files write in different ways: each is looked at for itself, too."""
    if len(paths) == 1:
        return {}
    each = []
    for one in table.each():
        columns = scan(
            one, [header for header in headers if header in one.columns], settings.memory_mb, zone
        ).columns
        each.append((columns, decimal_signs(columns)))
    return told_apart(scanned.columns, decimal_signs(scanned.columns), each, _names(paths))


def _lacking(table: Tables, paths: Sequence[Path]) -> dict[str, str]:
    """Columns that not every file has."""
    places = {column: table.lacking(column) for column in table.columns}
    return {
        column: f"Not in {listed_names([_names(paths)[place] for place in without])}."
        for column, without in places.items()
        if without
    }


def _counted(rows: int) -> str:
    return "one row, which passes" if rows == 1 else f"{rows:,} rows, which all pass"


def _sentence(dataset: str) -> str:
    return dataset.replace("_", " ").capitalize()


def _needed(
    paths: Sequence[Path], table: Tables, named: list[Named], settings: Settings
) -> tuple[Mapping[str, object], tuple[str, ...]]:
    """What has to be said of how the files are written, and the sheets that have to be named.

    Raises:
        NotOneKind: it is not the same for all.
    """
    needed = [_needed_of(path, one, named, settings) for path, one in zip(paths, table.tables, strict=True)]
    for path, one in zip(paths, needed, strict=True):
        if one != needed[0]:
            raise NotOneKind(
                f"{' and '.join(_names([paths[0], path]))} have to be read in different ways"
                f" ({_way(needed[0])}; {_way(one)})"
            )
    return needed[0]


def _way(needed: tuple[Mapping[str, object], tuple[str, ...]]) -> str:
    said = [f"{part}={value!r}" for part, value in needed[0].items()]
    return ", ".join([*said, *(f"sheet {sheet}" for sheet in needed[1])]) or "nothing to be said"


def _needed_of(
    path: Path, table: Table, named: list[Named], settings: Settings
) -> tuple[Mapping[str, object], tuple[str, ...]]:
    """Of one file; nothing, where the contract's names alone let it be read the same way again."""
    found = table.dialect
    if found.header_rows == 0:
        return {"header": 0}, ()
    expected = tuple(dict.fromkeys(name for one in named for name in (one.field, one.header)))
    options = ReadOptions(
        chunk_rows=settings.chunk_rows,
        memory_mb=settings.memory_mb,
        expected=expected,
        positions=tuple(one.field for one in named),
    )
    try:
        again = open_table(path, options)
    except UnreadableFile:
        again = None
    if again is not None and again.columns == table.columns and again.dialect.sheets == found.sheets:
        return {}, ()
    said = {part: value for part in _SAID if (value := getattr(found, part)) is not None}
    sheets = found.sheets if again is None or again.dialect.sheets != found.sheets else ()
    return Read(**said).given, sheets


def require_name(name: str) -> None:
    """Raises ContractError where a dataset cannot be called so."""
    if not _NAME.fullmatch(name):
        raise ContractError(
            name, "name", "is not a plain lower-case name", "Use letters, digits and _: `daily_orders`."
        )
