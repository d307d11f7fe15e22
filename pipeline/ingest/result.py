"""What becomes of one chunk. What does not belong here: how it is made (`chunk`), and what is done with it (`writer`)."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from pipeline.ingest.profile import ChunkFigures
from pipeline.ingest.refusals import Refusal


@dataclass(frozen=True)
class ChunkResult:
    """A processed chunk.

    Attributes:
        clean: the contract's columns, `_row`, `_rescued`, then those that the file adds to the table, as text.
        errors: `violations.ERROR_SCHEMA`.
        rejected: rows with a violation that rejects, unreadable records too.
        filtered: rows left out by `keep=`.
        figures: contract column → its part of the profile.
        days: day (Date), first, last (Datetime UTC) of the clean rows' event times; None without event time.
        unknown: columns of the file that the contract does not know.
        changes: contract column → how many values each of its cleaners changed, where any was run.
        taken: (contract column, check) → how many of its values were taken otherwise than they are written.
        refusals: rules for which the whole file is refused.
    """

    clean: pl.DataFrame
    errors: pl.DataFrame
    rejected: int
    filtered: int
    figures: dict[str, ChunkFigures]
    days: pl.DataFrame | None
    unknown: tuple[str, ...]
    changes: dict[str, tuple[int, ...]]
    taken: dict[tuple[str, str], int]
    refusals: tuple[Refusal, ...]
