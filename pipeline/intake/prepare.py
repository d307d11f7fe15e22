"""Staging many waiting files, a few at a time, in their order.

What belongs here: the bounded pool, and turning what is wrong with a file into a reason. What does not: staging one file (`ingest.stage`).
"""

from __future__ import annotations

import time
import traceback
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipeline.contract import ContractError
from pipeline.files import UnreadableFile, Waiting
from pipeline.ingest import CheckCount, FileChanged, Progress, RefusedFile, Staged, stage
from pipeline.ingest.file_rows import WORKERS
from pipeline.intake.house import Intake
from pipeline.intake.inbox import meant_by
from pipeline.intake.originals import require_recipients, without_recipients
from pipeline.intake.origins import Origins
from pipeline.intake.worker import StagingProcesses
from pipeline.machine import chain, go_on_up_if_stopped, machine_fault
from pipeline.warehouse import FROM_WAREHOUSE, Failures, PartFailed, concerns_all

FILES_AT_ONCE = 2
_AHEAD = 128
_BATCH = 64
_GATHER_SECONDS = 0.5
# From so many small files on, a process that stages them saves more than the two seconds that it takes to start.
_MANY, _SMALL, _WHILE_STARTING = 150, 2 * 2**20, 48
_INFRASTRUCTURE = (OSError, MemoryError, ContractError, *FROM_WAREHOUSE)


@dataclass(frozen=True)
class Problem:
    """Why a file goes to quarantine: a short word for programs, the cause and the remedy for people; `counts` where it is for its
    rows."""

    code: str
    cause: str
    remedy: str
    counts: tuple[CheckCount, ...] = ()

    @property
    def reason(self) -> str:
        """Cause and remedy in one text."""
        return f"{self.cause}. {self.remedy}"


@dataclass(frozen=True)
class Prepared:
    """A waiting file, staged or not: one of `staged`, `problem` and `postponed` is set; both `staged` and `problem` once the commit
    has refused it.

    Attributes:
        staged: ready for the commit.
        problem: it goes to quarantine.
        postponed: it stays in the inbox for the next run, and why (still being written, gone).
        failure: it is postponed because something failed that is to be told.
    """

    waiting: Waiting
    staged: Staged | None = None
    problem: Problem | None = None
    postponed: str | None = None
    failure: PartFailed | None = None


def prepare(
    intake: Intake, waiting: Iterable[Waiting], progress: Progress | None = None
) -> Iterator[Prepared]:
    """Stage files, two at a time, and give them back in their order. What fails with all of them alike raises, as does a dataset
    whose originals cannot be sealed."""
    for batch in prepare_batches(intake, waiting, progress):
        yield from batch


def prepare_batches(
    intake: Intake,
    waiting: Iterable[Waiting],
    progress: Progress | None = None,
    failures: Failures | None = None,
) -> Iterator[list[Prepared]]:
    """`prepare`, in lists of what is ready at the moment (at least one file, at most 64), so that one opening of the
    warehouse can serve several small files without being held while a large one is staged. Files of a dataset whose originals cannot be
    sealed are left where `failures` takes that. Files of a dataset that waits come first, postponed."""
    files = list(waiting)
    waits = intake.folders_that_wait({item.dataset for item in files})
    if waits:
        yield [
            Prepared(item, postponed=str(waits[item.dataset]), failure=waits[item.dataset])
            for item in files
            if item.dataset in waits
        ]
        files = [item for item in files if item.dataset not in waits]
    names = [item.dataset for item in files]
    if failures is None:
        require_recipients(intake, names)  # before any of it is loaded
    else:
        left = without_recipients(intake, names, failures)
        files = [item for item in files if item.dataset not in left]
    many = sum(item.size <= _SMALL for item in files) >= _MANY
    remaining = iter(enumerate(files))
    under_way: deque[Future[Prepared]] = deque()
    with (
        ThreadPoolExecutor(WORKERS, "windrow-chunk") as chunks,
        ThreadPoolExecutor(FILES_AT_ONCE, "windrow-file") as here,
        StagingProcesses(intake, max(1, WORKERS - 1)) as elsewhere,
    ):

        def keep_busy() -> None:
            while len(under_way) < _AHEAD and (following := next(remaining, None)) is not None:
                number, item = following
                if many and item.size <= _SMALL and number >= _WHILE_STARTING:
                    under_way.append(elsewhere.pool.submit(elsewhere.stage, item))
                else:
                    under_way.append(here.submit(prepare_one, intake, item, progress, chunks))

        try:
            keep_busy()
            while under_way:
                batch = [under_way.popleft().result(), *_ready(under_way)]
                keep_busy()  # what follows is staged while the batch is committed
                yield batch
        finally:
            for future in under_way:
                future.cancel()


def _ready(under_way: deque[Future[Prepared]]) -> Iterator[Prepared]:
    """Take what is done, in order. Small files come quickly: a moment's wait for more saves opening the warehouse for each."""
    until = time.monotonic() + _GATHER_SECONDS
    for _ in range(_BATCH - 1):
        if not under_way:
            return
        wait([under_way[0]], timeout=max(0.0, until - time.monotonic()))
        if not under_way[0].done():
            return
        yield under_way.popleft().result()


def prepare_one(
    intake: Intake, item: Waiting, progress: Progress | None, chunks: ThreadPoolExecutor
) -> Prepared:
    """Stage one file, or say why not. What concerns all files alike raises; what fails with this one or with its declaration leaves it
    in the inbox."""
    dataset = intake.datasets.get(item.dataset)
    if dataset is None:
        return Prepared(item, problem=_no_dataset(intake, item))
    try:
        with Origins(intake, item.dataset) as origins:
            staged = stage(
                item.path,
                dataset,
                intake.settings,
                delivery=item.delivery,
                landing=item.landing,
                progress=progress,
                workers=chunks,
                originals=origins,
            )
    except RefusedFile as error:
        return Prepared(item, problem=Problem(error.code, error.cause, error.remedy, error.counts))
    except UnreadableFile as error:
        return Prepared(item, problem=Problem(error.code, error.cause, error.remedy))
    except FileChanged as error:
        return Prepared(item, postponed=str(error))
    except FileNotFoundError as error:
        if item.path.exists():
            return _left(intake, item, error)
        return Prepared(item, postponed=f"{item.path} is gone: somebody else took it")
    except _INFRASTRUCTURE as error:
        return _left(intake, item, error)
    except (Exception, pl.exceptions.PanicException) as error:  # noqa: BLE001
        go_on_up_if_stopped(error)
        beside = machine_fault(error) or next(
            (one for one in chain(error) if isinstance(one, FROM_WAREHOUSE)), None
        )
        if beside is not None:
            return _left(intake, item, beside)
        # A file that trips the reader must not keep every other file out: it is set aside with what happened.
        return Prepared(item, problem=_not_understood(error))
    return Prepared(item, staged=staged)


def _left(intake: Intake, item: Waiting, error: Exception) -> Prepared:
    """A file that stays in the inbox, for nothing is wrong with it; raises what concerns all files alike."""
    if concerns_all(error):
        raise error
    return Prepared(item, postponed=str(error), failure=_failure(intake, item, error))


def not_there(intake: Intake, failure: PartFailed) -> Prepared:
    """A delivery that was asked for and whose file cannot be had, told at the end as any failure of a file is."""
    path = intake.settings.inbox / failure.dataset / failure.name
    return Prepared(
        Waiting(failure.dataset, failure.name, path, 0, 0, ""), postponed=failure.cause, failure=failure
    )


def _failure(intake: Intake, item: Waiting, error: Exception) -> PartFailed:
    """What to tell of a file that stays in the inbox: a declaration that does not work is told once, not for each of its files."""
    failures = Failures()
    if isinstance(error, ContractError):
        failures.take(error, "dataset", item.dataset, remedy=intake.stays(item.dataset))
    else:
        failures.take(error, "file", item.dataset, item.delivery)
    (failure,) = failures.found
    return failure


def _not_understood(error: BaseException) -> Problem:
    place = traceback.extract_tb(error.__traceback__)[-1]
    cause = f"reading it failed with {type(error).__name__}: {error} (at {Path(place.filename).name}, line {place.lineno})"
    return Problem("not_understood", cause, "Please report it with the file; nothing of it was loaded.")


def _no_dataset(intake: Intake, item: Waiting) -> Problem:
    known = ", ".join(f"inbox/{name}/" for name in intake.datasets)
    if not item.dataset:
        cause = "the file lies in inbox/ itself, not in the folder of a dataset"
    else:
        cause = f"there is no dataset {item.dataset!r} for the folder inbox/{item.dataset}/"
    meant = meant_by(intake, item.dataset, item.delivery)
    asked = "" if meant is None else f"Did you mean inbox/{meant}/? "
    return Problem(
        "unknown_dataset", cause, f"{asked}Drop it into one of {known} or declare a dataset of that name."
    )
