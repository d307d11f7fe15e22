"""The columns that an exported error row carries so that it finds its way back.

What belongs here: their names, and the key: which row of which content of which delivery. What does not: writing them (`errors`) or
acting on them (`correction`).
"""

from __future__ import annotations

from dataclasses import dataclass

KEY = "_windrow_key"
REASONS = "_errors"
RAW = "_raw"
OWN = frozenset({KEY, REASONS, RAW})
"""Columns of an exported file that are not the source's."""
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
