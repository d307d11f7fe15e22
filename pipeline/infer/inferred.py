"""From a file to the text of its dataset module.

What belongs here: the steps and their order. What does not: any of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.contract import ContractError
from pipeline.contract.read import Read
from pipeline.files import ReadOptions, Table, UnreadableFile, open_table
from pipeline.files.names import shown
from pipeline.infer.decide import decide
from pipeline.infer.names import Named, dataset_name, field_names
from pipeline.infer.scan import scan
from pipeline.infer.windows import likely_window
from pipeline.infer.write import module_text
from pipeline.settings import Settings

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_SHEET = "_sheet"
_SAID = ("encoding", "delimiter", "quote", "escape", "comment")


@dataclass(frozen=True)
class Inferred:
    """A dataset module for a file.

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


def infer(path: Path, settings: Settings, name: str | None = None) -> Inferred:
    """A dataset module under which every readable record of the file passes.

    Args:
        name: of the dataset; made of the file's name when not given.

    Raises:
        UnreadableFile: the file holds no table. OSError: it cannot be opened.
    """
    table = open_table(path, ReadOptions(chunk_rows=settings.chunk_rows, memory_mb=settings.memory_mb))
    dataset = name or dataset_name(path)
    headers = [header for header in table.columns if header != _SHEET]
    named, left_out = field_names(headers)
    scanned = scan(table, [one.header for one in named], settings.memory_mb)
    decided = decide(scanned, named)
    read, sheets = _needed(path, table, named, settings)
    about = (
        f"{_sentence(dataset)}, as inferred from {shown(path.name)}: {_counted(scanned.rows)}. Read it over."
    )
    text = module_text(dataset, decided, likely_window(dataset, decided), about, read, sheets, left_out)
    return Inferred(dataset, text, scanned.rows, scanned.rejects, len(named))


def _counted(rows: int) -> str:
    return "one row, which passes" if rows == 1 else f"{rows:,} rows, which all pass"


def _sentence(dataset: str) -> str:
    return dataset.replace("_", " ").capitalize()


def _needed(
    path: Path, table: Table, named: list[Named], settings: Settings
) -> tuple[Mapping[str, object], tuple[str, ...]]:
    """What has to be said of how the file is written, and the sheets that have to be named: nothing, where the contract's names
    alone let it be read the same way again."""
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
