"""The warehouse: a DuckDB file that is opened briefly, by this room alone.

What belongs here: opening it, ready for use. What does not: what is done with it (`session`).
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import duckdb
import polars as pl

from pipeline.contract import ContractError, Dataset
from pipeline.ingest.manifest import Staged
from pipeline.settings import Settings
from pipeline.warehouse import alter, answers, ledger, tables
from pipeline.warehouse.answers import Answer
from pipeline.warehouse.connection import Opening, Waiting, connected, in_memory, is_made, transaction
from pipeline.warehouse.errors import ContractChanged, QueryError, WarehouseBehind, WarehouseMissing
from pipeline.warehouse.evolution import Evolution, differences, refusal
from pipeline.warehouse.failures import Failures, concerns_all, first_words, may_pass
from pipeline.warehouse.ledger import Entry
from pipeline.warehouse.loading import Records
from pipeline.warehouse.migrations import behind, migrate, pending
from pipeline.warehouse.session import Session
from pipeline.warehouse.windows import tables as window_tables
from pipeline.warehouse.windows.recompute import Recomputed
from pipeline.warehouse.windows.sample import SAMPLED_DAYS
from pipeline.warehouse.windows.verify import Verified

_SHARE_OF_BUDGET = 0.25
_LEAST_MB = 128


class Warehouse:
    """Clean tables, error tables, windows and the ledger, in one DuckDB file.

    Example:
        >>> warehouse = Warehouse.from_settings(load_settings(), load_datasets())  # doctest: +SKIP
        >>> with warehouse.session() as session:  # doctest: +SKIP
        ...     entry = session.commit(staged)
    """

    def __init__(
        self,
        path: Path,
        datasets: Mapping[str, Dataset],
        *,
        memory_mb: int = 300,
        threads: int = 2,
        busy_timeout: float = 60.0,
        temp: Path | None = None,
        published: Path | None = None,
        staging: Path | None = None,
        waiting: Waiting | None = None,
    ) -> None:
        """
        Args:
            path: the DuckDB file; made by the first session that writes.
            datasets: name → dataset; each gets its tables.
            memory_mb: DuckDB's memory limit, in MiB; it spills beyond it.
            threads: DuckDB's threads.
            busy_timeout: seconds to wait while another process holds the file.
            temp: folder to spill to; by default `.duckdb` beside the file.
            published: folder that windows are published to; None: nowhere.
            staging: folder of staged deliveries, for the live query; None: it knows of none.
            waiting: told of a program that the file is waited for, where that takes more than a moment.
        """
        self.path = path
        self.datasets = dict(datasets)
        self._opening = Opening(
            path, memory_mb, threads, temp or path.parent / ".duckdb", busy_timeout, waiting
        )
        self._published, self._staging = published, staging
        self._ready: tuple[int, int] | None = None
        self._looked: tuple[int, int] | None = None
        self._changed: dict[str, ContractChanged | ContractError] = {}

    @classmethod
    def from_settings(
        cls, settings: Settings, datasets: Mapping[str, Dataset], waiting: Waiting | None = None
    ) -> Warehouse:
        """The warehouse of a PIPELINE_HOME; DuckDB gets a quarter of the memory budget."""
        memory = max(_LEAST_MB, int(settings.memory_mb * _SHARE_OF_BUDGET))
        return cls(
            settings.warehouse,
            datasets,
            memory_mb=memory,
            temp=settings.staging / ".duckdb",
            published=settings.published,
            staging=settings.staging,
            waiting=waiting,
        )

    @property
    def exists(self) -> bool:
        """Whether there is a file to read."""
        return is_made(self.path)

    @contextmanager
    def session(self, *, read_only: bool = False) -> Iterator[Session]:
        """An open session, closed whatever happens. The first one of this process that writes applies migrations and
        makes the datasets' tables; so does one for reading only, where an earlier version of the program wrote the file.

        Raises:
            WarehouseBusy: another process held the file for longer than `busy_timeout`.
            WarehouseMissing: for reading only, and there is no file yet.
            MigrationError: the warehouse's migrations are not those of this program.
        """
        if not self.exists:
            self._ready = self._looked = None  # a new file may get the inode of one that was deleted
        elif read_only and self._behind():
            with connected(self._opening) as connection:
                self._prepare(connection)
        with connected(self._opening, read_only=read_only) as connection:
            if not read_only:
                self._prepare(connection)
            yield Session(connection, self.datasets, self._changed, self._published, self._staging)

    @contextmanager
    def reading(
        self, dataset: str | None = None, *, patience: float | None = None, as_it_is: bool = False
    ) -> Iterator[Session]:
        """An open session that changes nothing: no file, no folder, no table. Where there is no warehouse yet, or it has no tables of
        `dataset` yet, the session is on an empty one that is gone with it.

        Args:
            dataset: the dataset that is asked for; None: only the warehouse's own tables are.
            patience: seconds to wait while another process holds the file; `busy_timeout` when not given.
            as_it_is: whatever version wrote it; and nothing takes the place of a file that is not there.

        Raises:
            WarehouseBusy: see `patience`. WarehouseBehind: an earlier version of this program wrote it.
            WarehouseMissing: `as_it_is`, and there is no file.
        """
        opening = self._opening_for(patience)
        if as_it_is or self.exists:
            with connected(opening, read_only=True) as connection:
                changed = {} if as_it_is else self._readable(connection, dataset)
                if changed is not None:
                    yield Session(connection, self.datasets, changed)
                    return
        with in_memory(opening) as connection:
            migrate(connection)
            yield Session(
                connection, self.datasets, self._make(connection, [] if dataset is None else [dataset])
            )

    def _readable(
        self, connection: duckdb.DuckDBPyConnection, name: str | None
    ) -> dict[str, ContractChanged | ContractError] | None:
        """What does not fit of a dataset that is to be read; None where the file holds nothing of what is asked for."""
        there = tables.layout(connection)
        if ("ops", "migrations") not in there:
            return None
        missing = behind(connection, there)
        if missing:
            raise WarehouseBehind(self.path, missing)
        dataset = None if name is None else self.datasets.get(name)
        if dataset is None:
            return {}
        existing = there.get(("clean", dataset.name))
        if existing is None:
            return None
        unasked, quiet = differences(dataset, existing)
        if not unasked and not quiet:
            return {}
        if tables.is_empty(connection, dataset, there):
            return None
        return {dataset.name: refusal(dataset, [*unasked, *quiet])}

    def commit(
        self,
        staged: Staged,
        *,
        run_id: str | None = None,
        replay: bool = False,
        records: Records | None = None,
    ) -> Entry:
        """Load one staged delivery; see `Session.commit`."""
        with self.session() as session:
            return session.commit(staged, run_id=run_id, replay=replay, records=records)

    def recompute(self, dataset: str, window: str, days: Sequence[date] | None = None) -> list[Recomputed]:
        """Recompute windows; see `Session.recompute`."""
        with self.session() as session:
            return session.recompute(dataset, window, days)

    def windows(
        self, dataset: str, window: str, since: datetime | None = None, until: datetime | None = None
    ) -> pl.DataFrame:
        """Windows with what is not yet committed or recomputed; see `Session.windows`.

        Raises:
            WarehouseMissing: there is no file yet. WarehouseBusy: see `session`.
        """
        with self.session(read_only=True) as session:
            return session.windows(dataset, window, since, until)

    def verify(
        self,
        dataset: str,
        window: str,
        days: Collection[date] | None = None,
        sampled: int | None = SAMPLED_DAYS,
    ) -> Verified:
        """Compare stored windows with what the clean rows give; see `Session.verify`. Changes nothing, see `reading`.

        Raises:
            WarehouseMissing: there is no file yet. WarehouseBusy, WarehouseBehind: see `reading`. ContractChanged: see `Session.verify`.
        """
        if not self.exists:
            raise WarehouseMissing(self.path)
        with self.reading(dataset) as session:
            return session.verify(dataset, window, days, sampled)

    def query(self, sql: str) -> pl.DataFrame:
        """The result of read-only SQL as a polars frame, whatever version of this program wrote the file.

        Raises:
            WarehouseMissing: there is no file yet. WarehouseBusy: see `session`. QueryError: the SQL is wrong.
        """
        with self.reading(as_it_is=True) as session:
            try:
                return session.query(sql)
            except duckdb.Error as error:
                raise QueryError(str(error)) from error

    @contextmanager
    def answering(self, sql: str, *, plain: bool = False) -> Iterator[Answer | None]:
        """The answer to one read-only statement, whatever its types and whatever version of this program wrote the file; None where
        it has none.

        Args:
            plain: values as Python and JSON have them, see `answers`; otherwise all as text, as DuckDB writes it.

        Raises:
            WarehouseMissing: there is no file yet. WarehouseBusy: see `session`. QueryError: the SQL is wrong, or more than one
                statement has an answer.
        """
        with self.reading(as_it_is=True) as session:
            try:
                yield answers.ask(session.connection, sql, plain=plain)
            except duckdb.Error as error:
                raise QueryError(str(error)) from error

    def planned(self, names: Collection[str] | None = None, *, patience: float | None = None) -> Evolution:
        """What `migrate` would do, for the datasets `names` or all; changes nothing. `patience`: see `reading`.

        Raises:
            WarehouseBusy, MigrationError: see `session`. WarehouseMissing: there is no file yet.
        """
        with connected(self._opening_for(patience), read_only=True) as connection:
            there = tables.layout(connection)
            missing = tuple(one.name for one in pending(connection, there))
            return Evolution(missing, tuple(alter.changes(connection, self._named(names), there)))

    def migrate(
        self,
        names: Collection[str] | None = None,
        *,
        convert: bool = False,
        failures: Failures | None = None,
    ) -> Evolution:
        """Apply the warehouse's own migrations, and make the tables of the datasets `names`, or all, fit their contracts; one
        transaction per dataset.

        Args:
            convert: also do the steps that leave rows wrong until their files are loaded again.
            failures: takes what fails with one dataset, while the others are done; without it that is raised.
        """
        self._ready = None
        done = []
        with connected(self._opening) as connection:
            missing = tuple(one.name for one in pending(connection, tables.layout(connection)))
            migrate(connection)
            ledger.carry_fingerprints(connection, self.datasets.values())
            for one in self._named(names):
                with nullcontext() if failures is None else failures.aside("dataset", one.name):
                    done.append(alter.apply(connection, one, convert=convert))
        return Evolution(missing, tuple(done))

    def _opening_for(self, patience: float | None) -> Opening:
        return self._opening if patience is None else replace(self._opening, busy_timeout=patience)

    def _named(self, names: Collection[str] | None) -> list[Dataset]:
        return [one for name, one in self.datasets.items() if names is None or name in names]

    def _behind(self) -> bool:
        """Whether the file lacks what this version reads, looked at once per file; one that may not be written is read as it is."""
        status = self.path.stat()
        identity = (status.st_dev, status.st_ino)
        if identity in (self._ready, self._looked) or not os.access(self.path, os.W_OK):
            return False
        with connected(self._opening, read_only=True) as connection:
            there, comments = tables.layout(connection), window_tables.comments(connection)
            found = bool(behind(connection, there)) or any(
                window_tables.behind(dataset, comments) for dataset in self.datasets.values()
            )
        self._looked = identity
        return found

    def _prepare(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Migrate and make tables, once per file and process."""
        status = self.path.stat()
        identity = (status.st_dev, status.st_ino)
        if (
            self._ready == identity and not self._changed
        ):  # a table that did not fit may have been migrated meanwhile
            return
        migrate(connection)
        with transaction(connection):
            ledger.carry_fingerprints(connection, self.datasets.values())
        changed = self._make(connection, self.datasets)
        self._changed.clear()
        self._changed.update(changed)
        self._ready = identity

    def _make(
        self, connection: duckdb.DuckDBPyConnection, names: Iterable[str]
    ) -> dict[str, ContractChanged | ContractError]:
        """Make the tables of datasets, or let them fit; gives what is raised where a dataset that does not is written to; others go on."""
        changed: dict[str, ContractChanged | ContractError] = {}
        with transaction(connection):
            there, comments = tables.layout(connection), window_tables.comments(connection)
        for dataset in self._named(set(names)):
            try:
                with transaction(connection):
                    tables.ensure(connection, dataset, there)
                    window_tables.ensure(connection, dataset, comments)
            except (ContractChanged, ContractError) as error:
                changed[dataset.name] = error
            except duckdb.Error as error:
                if may_pass(error) or concerns_all(error):
                    raise
                changed[dataset.name] = _cannot_be_made(dataset, error)
        return changed


def _cannot_be_made(dataset: Dataset, error: duckdb.Error) -> ContractError:
    cause = f"cannot be brought in line with the declaration: {first_words(error)}"
    remedy = "Rename or drop what stands in their place in the warehouse, then run it again."
    return ContractError(dataset.name, "tables", cause, remedy)
