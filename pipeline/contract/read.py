"""What a dataset may say of how its files are written.

What belongs here: the declaration and its own validation. What does not: finding out what is not said (files).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Read:
    """How files of a dataset are written, where the owner knows. What is None is found out from the file and the contract.

    Args:
        encoding: Python codec name of the text ("cp1252").
        delimiter: between fields, of one character or several (";", ", ").
        quote: around fields; "" for none.
        escape: before a quote inside a quoted field ("\\\\"); "" for none (quotes are doubled).
        header: rows of column names; 0 for none: then the columns are the contract's, in its order.
        skip: physical lines above the header.
        footer: records at the end that are no data.
        comment: lines that begin with this are no records.
        table: which of several tables stacked in one file, from 1.

    Raises:
        ValueError: a value that no file can have.
    """

    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    escape: str | None = None
    header: int | None = None
    skip: int | None = None
    footer: int | None = None
    comment: str | None = None
    table: int | None = None

    def __post_init__(self) -> None:
        for name in ("header", "skip", "footer"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or value < 0):
                raise ValueError(f"read.{name} is {value!r}: give a whole number from 0")
        if self.table is not None and self.table < 1:
            raise ValueError(f"read.table is {self.table!r}: tables count from 1")
        for name in ("quote", "escape"):
            value = getattr(self, name)
            if value is not None and len(value) > 1:
                raise ValueError(f"read.{name} is {value!r}: give one character, or an empty text for none")
        for name in ("delimiter", "comment", "encoding"):
            if getattr(self, name) == "":
                raise ValueError(f"read.{name} is empty: leave it out to have it found")
        if self.encoding is not None:
            try:
                "".encode(self.encoding)
            except LookupError as error:
                raise ValueError(f"read.encoding is {self.encoding!r}, which Python does not know") from error

    @property
    def given(self) -> dict[str, object]:
        """What was said: name → value."""
        return {name: value for name, value in asdict(self).items() if value is not None}
