"""What can go wrong with the warehouse as a whole. What does not belong here: errors of data (those are rows)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import duckdb

from pipeline.counts import counted
from pipeline.ingest.manifest import CheckCount
from pipeline.machine import full_in_words


class WarehouseError(Exception):
    """The warehouse cannot do what was asked; names the place, the cause and the remedy."""


class WarehouseBusy(WarehouseError):
    """Another process held the file for longer than `busy_timeout`.

    Attributes:
        waited: seconds.
        holder: which, in words, where that is known.
    """

    def __init__(self, path: Path, waited: float, holder: str | None = None) -> None:
        self.path, self.waited, self.holder = path, waited, holder
        super().__init__(
            f"{path}: another process has held the warehouse for {waited:.1f} s{f': {holder}' if holder else ''}. Close what has it "
            "open (a DuckDB shell, a notebook), or try again."
        )

    def __reduce__(self) -> tuple[type[WarehouseBusy], tuple[Path, float, str | None]]:
        return type(self), (self.path, self.waited, self.holder)


class WarehouseMissing(WarehouseError):
    """There is no warehouse file yet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(f"{path}: there is no warehouse yet. Ingest a file first, or look at PIPELINE_HOME.")

    def __reduce__(self) -> tuple[type[WarehouseMissing], tuple[Path]]:
        return type(self), (self.path,)


class WarehouseBehind(WarehouseError):
    """An earlier version of this program wrote the warehouse, and what only reads does not change it."""

    def __init__(self, path: Path, missing: Sequence[str]) -> None:
        self.path, self.missing = path, tuple(missing)
        super().__init__(
            f"{path}: an earlier version of this program wrote the warehouse, and what only reads leaves it as it is: {', '.join(missing)} "
            "would have to be applied. `pipeline migrate` does it, and so does the next `pipeline ingest`; a query reads it as it is."
        )

    def __reduce__(self) -> tuple[type[WarehouseBehind], tuple[Path, tuple[str, ...]]]:
        return type(self), (self.path, self.missing)


class MigrationError(WarehouseError):
    """The applied migrations and those of this version do not agree."""


def how_to_migrate(dataset: str, *, again: bool) -> str:
    """What a person can type for a table that does not fit its contract; `again`: rows are right only once their files are loaded again."""
    does = (
        f"`pipeline migrate {dataset} --reingest` does it and loads the archived files again"
        if again
        else f"`pipeline migrate {dataset}` does it"
    )
    return f"`pipeline migrate {dataset} --dry-run` shows what that means for the rows that are there, {does}"


class ContractChanged(WarehouseError):
    """A clean table does not fit the dataset's contract any more, in a way that cannot be mended without a decision."""

    def __init__(self, dataset: str, differences: Sequence[str], *, again: bool = False) -> None:
        """`again`: rows are right only once their files are loaded again."""
        self.dataset, self.differences = dataset, tuple(differences)
        super().__init__(
            f"clean.{dataset} does not fit the contract of dataset {dataset!r}: {'; '.join(differences)}. "
            f"{how_to_migrate(dataset, again=again)}; or declare the column as the table has it."
        )


class WindowTooLarge(WarehouseError):
    """A window of which one group holds more than the memory that there is; told before it is tried, its stored figures stay.

    Attributes:
        needed: bytes that it would take, about.
        memory: bytes that there are.
    """

    def __init__(
        self,
        dataset: str,
        window: str,
        holding: Mapping[str, str | None],
        rows: int,
        needed: int,
        memory: int,
    ) -> None:
        self.dataset, self.window, self.needed, self.memory = dataset, window, needed, memory
        instead = [f"declare {name} as {form}" for name, form in holding.items() if form is not None]
        remedies = [*instead, "make windows shorter", "group by more columns", "raise PIPELINE_MEMORY_MB"]
        super().__init__(
            f"window {dataset}/{window} is not computed: {', '.join(holding)} would hold the values of up to {counted(rows, 'row')} of one group in "
            f"memory, about {needed >> 20:,} MB, and DuckDB may use {memory >> 20:,} MB, a quarter of PIPELINE_MEMORY_MB. What can be done: "
            f"{', or '.join(remedies)}."
        )


class ReconciliationError(WarehouseError):
    """The rows of a delivery do not add up; nothing of it was stored."""

    def __init__(self, dataset: str, delivery: str, cause: str, figures: Mapping[str, int]) -> None:
        self.dataset, self.delivery, self.figures = dataset, delivery, dict(figures)
        told = ", ".join(f"{name} {value}" for name, value in figures.items())
        super().__init__(
            f"delivery {delivery!r} of dataset {dataset!r} does not reconcile: {cause} ({told}). Nothing of it was "
            "stored; delete its folder under staging/ and ingest it again."
        )


class DeliveryRefused(WarehouseError):
    """A delivery whose rows, seen together with the warehouse, are such that nothing of it may be loaded; nothing was stored.

    Attributes:
        code: a short word for programs: too_many_errors, refused_by_rule.
        cause: what is wrong.
        remedy: what a person can do about it.
        counts: what rejects its rows, most frequent first.
    """

    def __init__(
        self, delivery: str, code: str, cause: str, remedy: str, counts: Sequence[CheckCount]
    ) -> None:
        self.code, self.cause, self.remedy, self.counts = code, cause, remedy, tuple(counts)
        super().__init__(f"{delivery}: {cause}. {remedy}")


class CorrectionRefused(WarehouseError):
    """None of the rows of a correction is one that is loaded; nothing was changed."""

    def __init__(self, delivery: str, refusals: Sequence[str]) -> None:
        self.delivery, self.refusals = delivery, tuple(refusals)
        super().__init__(
            f"no row of the correction {delivery!r} is of a file that is loaded now: {'; '.join(refusals)}"
        )

    def __reduce__(self) -> tuple[type[CorrectionRefused], tuple[str, tuple[str, ...]]]:
        return type(self), (self.delivery, self.refusals)


class QueryError(WarehouseError):
    """SQL that the warehouse does not understand or may not run; DuckDB's own words name the place."""


FROM_WAREHOUSE: Final = (WarehouseError, duckdb.Error)
"""Whatever the warehouse raises, of ours and of DuckDB."""


def full_disk(error: BaseException) -> int | None:
    """The number of the system's error where DuckDB says that nothing more can be written, in whatever class; else None."""
    told = isinstance(error, duckdb.IOException | duckdb.FatalException | duckdb.TransactionException)
    return full_in_words(str(error)) if told else None
