"""The columns that an exported error row carries so that it finds its way back.

What belongs here: their names, and the key: which row of which content of which delivery; how an exported file is laid out. What does
not: writing it (`errors`) or acting on it (`correction`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.contract.read import Read

KEY = "_windrow_key"
REASONS = "_errors"
RAW = "_raw"
OWN = frozenset({KEY, REASONS, RAW})
"""Columns of an exported file that are not the source's."""
SHEET = "Rejected rows"
"""The sheet of an exported workbook; those that follow where it is full are `Rejected rows 2`, `Rejected rows 3`, …"""
TITLE = "Rejected rows of"
"""The title of an exported workbook begins so; the name of the dataset follows."""
LAYOUT = Read(skip=0, header=1, footer=0)
"""How exported files are laid out, so that no row of them is taken for a title, a note or a total."""
_SOURCE = "source:"
_LIKE_OWN = re.compile(rf"(?:{_SOURCE})*(?:{'|'.join(sorted(OWN))})")
_DIGITS = 16


@dataclass(frozen=True)
class RowKey:
    """A row of a delivery, told by the content that it was read from: a delivery that is loaded again from the same bytes keeps its
    keys, a new version does not.

    Attributes:
        dataset: name of the dataset.
        content: first 16 hex digits of the file's SHA-256.
        row: `_row`.
        delivery: key of the delivery.
    """

    dataset: str
    content: str
    row: int
    delivery: str

    @classmethod
    def of(cls, dataset: str, sha256: str, row: int, delivery: str) -> RowKey:
        """The key of a row of the file with this hash."""
        return cls(dataset, sha256[:_DIGITS], row, delivery)

    @classmethod
    def read(cls, text: str) -> RowKey:
        """The key that `str` wrote.

        Raises:
            ValueError: the text is no key.
        """
        parts = text.strip().split(":", 3)
        if len(parts) != 4 or len(parts[1]) != _DIGITS or not parts[2].isdecimal() or not parts[3]:
            raise ValueError(f"{text!r} is no key of an exported row: it was changed, or cut off")
        return cls(parts[0], parts[1], int(parts[2]), parts[3])

    def __str__(self) -> str:
        return f"{self.dataset}:{self.content}:{self.row}:{self.delivery}"


def exported_name(column: str) -> str:
    """What a column of the source is called in an exported file: as in the source, but for one that is called like one of ours."""
    return f"{_SOURCE}{column}" if _LIKE_OWN.fullmatch(column) else column


def source_name(column: str) -> str:
    """The column that `exported_name` was given."""
    return column.removeprefix(_SOURCE) if _LIKE_OWN.fullmatch(column) else column
