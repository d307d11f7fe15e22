"""What fails beside what goes well: one window, one publication, one report of many.

What belongs here: setting a failure aside while the rest is done, and telling all of them at the end. What does not: the work itself.
`docs/decisions/0025-failures-are-set-aside.md` says why, and what is not set aside.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from pipeline.contract import ContractError
from pipeline.counts import counted
from pipeline.machine import go_on_up_if_stopped, is_full, machine_fault, stops_all
from pipeline.warehouse.errors import (
    MigrationError,
    WarehouseBusy,
    WarehouseError,
    WarehouseMissing,
    full_disk,
)

_NAMED_DAYS = 5


class PartFailed(WarehouseError):
    """One part of the work failed; the others were done.

    Attributes:
        part: what it was: `window`, `publication`, `final marks`, `report`, `picture`, `file`, `dataset`, `module`, or a step over all datasets.
        dataset: name of the dataset; empty for all of them.
        name: of the window, delivery or page; empty where the part is all of the dataset's.
        days: local days that could not be done, ascending; none where no days are told apart.
        cause: what happened.
        remedy: what a person can do about it.
        lasting: trying again would fail again, for it is the data's or the declaration's.
    """

    def __init__(
        self,
        part: str,
        dataset: str,
        name: str = "",
        days: Sequence[date] = (),
        *,
        cause: str,
        remedy: str,
        lasting: bool = False,
    ) -> None:
        self.part, self.dataset, self.name, self.days = part, dataset, name, tuple(sorted(set(days)))
        self.cause, self.remedy, self.lasting = cause.rstrip("."), remedy, lasting
        super().__init__(f"{self.where} {_VERBS.get(part, 'failed')}: {self.cause}. {remedy}")

    @property
    def where(self) -> str:
        """The part in words: `window orders/daily on 2026-01-01`."""
        of = "/".join(named for named in (self.dataset, self.name) if named)
        return f"{self.part} {of}".strip() + _on(self.days)

    @property
    def identity(self) -> tuple[str, ...]:
        """What is the same for the same failure of a part, however often and for however many days it happens."""
        return self.part, self.dataset, self.name, self.cause, self.remedy

    def joined(self, days: Sequence[date]) -> PartFailed:
        """The same of further days."""
        both = PartFailed(
            self.part, self.dataset, self.name, [*self.days, *days], cause=self.cause, remedy=self.remedy, lasting=self.lasting
        )  # fmt: skip
        both.__cause__ = self.__cause__
        return both

    def __reduce__(self) -> tuple[Any, ...]:
        return _remade, (self.part, self.dataset, self.name, self.days, self.cause, self.remedy, self.lasting)


def _remade(
    part: str, dataset: str, name: str, days: Sequence[date], cause: str, remedy: str, lasting: bool
) -> PartFailed:
    return PartFailed(part, dataset, name, days, cause=cause, remedy=remedy, lasting=lasting)


_VERBS = {
    "window": "cannot be computed", "publication": "cannot be written", "final marks": "cannot be brought up to date",
    "report": "cannot be written", "picture": "cannot be drawn", "file": "cannot be put away", "original": "cannot be read again",
    "dataset": "is left as it is", "module": "does not load",
}  # fmt: skip


class PartsFailed(ExceptionGroup[PartFailed]):
    """All parts that failed; everything else was done."""

    def __new__(cls, failures: Sequence[PartFailed]) -> PartsFailed:
        return super().__new__(cls, _summary(failures), list(failures))

    def __init__(self, failures: Sequence[PartFailed]) -> None:
        super().__init__(_summary(failures), list(failures))

    def __str__(self) -> str:
        return "\n".join(str(failure) for failure in self.exceptions)

    def __reduce__(self) -> tuple[type[PartsFailed], tuple[list[PartFailed]]]:
        return type(self), (self.failures,)

    @property
    def failures(self) -> list[PartFailed]:
        """The parts, in the order in which they failed."""
        return [failure for failure in self.exceptions if isinstance(failure, PartFailed)]

    @property
    def lasting(self) -> bool:
        """Whether trying again would fail again."""
        return all(failure.lasting for failure in self.failures)


class Failures:
    """Collects the parts that fail, each once.

    Attributes:
        stopped: something failed that concerns all parts alike: nothing further need be tried.
    """

    def __init__(self) -> None:
        self._found: dict[tuple[str, ...], PartFailed] = {}
        self.stopped = False

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, failures: Iterable[PartFailed]) -> None:
        """Remember failures; the same one of other days is one with them."""
        for failure in failures:
            known = self._found.get(failure.identity)
            self._found[failure.identity] = failure if known is None else known.joined(failure.days)

    @contextmanager
    def aside(
        self,
        part: str,
        dataset: str,
        name: str = "",
        days: Sequence[date] = (),
        *,
        helps: Callable[[Exception], str | None] | None = None,
        opens: bool = False,
        last: bool = False,
    ) -> Iterator[None]:
        """Set aside whatever the block fails with; see `take`. `helps` gives the remedy of an error, where it knows one."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  (it is told, whatever it is)
            remedy = None if helps is None else helps(error)
            self.take(error, part, dataset, name, days, remedy=remedy, opens=opens, last=last)

    def take(
        self,
        error: Exception,
        part: str,
        dataset: str,
        name: str = "",
        days: Sequence[date] = (),
        *,
        remedy: str | None = None,
        opens: bool = False,
        last: bool = False,
    ) -> None:
        """Set a failure aside. What concerns all parts alike goes on up, with what was set aside before told beside it.

        Args:
            error: what was raised while the part was done; parts that were told apart already are taken as they are.
            remedy: instead of the one that goes with the kind of error.
            opens: the part opened the warehouse itself: a connection that broke goes with it, else all that uses it goes on up.
            last: nobody above sets anything aside: what concerns all parts alike is told too, and `stopped` says so.
        """
        go_on_up_if_stopped(error)
        if isinstance(error, PartsFailed):
            self.add(error.failures)
        elif isinstance(error, PartFailed):
            self.add([error])
        elif not last and (concerns_all(error) or (isinstance(error, duckdb.FatalException) and not opens)):
            if self:
                error.add_note(f"Before that:\n{PartsFailed(self.found)}")
            raise error
        else:
            cause, usual, lasting = _explained(error)
            helps = remedy or usual or _again(part, dataset, name)
            failure = PartFailed(part, dataset, name, days, cause=cause, remedy=helps, lasting=lasting)
            failure.__cause__ = error
            self.add([failure])
            self.stopped |= last and concerns_all(error)

    @property
    def found(self) -> list[PartFailed]:
        """What failed so far."""
        return list(self._found.values())

    def told(self) -> list[dict[str, Any]]:
        """For programs: part, dataset, name, days (ISO), cause and remedy of each."""
        return [
            {
                "part": one.part, "dataset": one.dataset, "name": one.name, "days": [day.isoformat() for day in one.days],
                "cause": one.cause, "remedy": one.remedy,
            }
            for one in self.found
        ]  # fmt: skip

    def tell(self) -> None:
        """Raise PartsFailed where anything failed."""
        if self:
            raise PartsFailed(self.found)


@contextmanager
def told(given: Failures | None) -> Iterator[Failures]:
    """The collector that a caller gave, who will tell; or one that tells at the end of the block.

    Raises:
        PartsFailed: parts failed, and nobody else tells it.
    """
    failures = Failures() if given is None else given
    yield failures
    if given is None:
        failures.tell()


def concerns_all(error: BaseException) -> bool:
    """Whether nothing else could be done either: the warehouse is locked or not there, or the disk is full."""
    if isinstance(error, WarehouseBusy | WarehouseMissing | MigrationError):
        return True
    return stops_all(error) or full_disk(error) is not None


def may_pass(error: BaseException) -> bool:
    """Whether the same may go well if it is tried again, for it is the machine's: not so for data and declarations."""
    if isinstance(error, PartsFailed | PartFailed):
        return not error.lasting
    if isinstance(error, duckdb.OutOfMemoryException):
        return False
    passing = OSError | MemoryError | WarehouseBusy | duckdb.OperationalError | duckdb.FatalException
    return isinstance(error, passing) or machine_fault(error) is not None


def _explained(error: Exception) -> tuple[str, str, bool]:
    """Cause, remedy (empty: the part's own) and whether it lasts."""
    if isinstance(error, WarehouseError | ContractError):
        return str(error), "", True  # they say what helps
    if isinstance(error, duckdb.OutOfMemoryException):
        return (
            first_words(error),
            "Give it more memory with PIPELINE_MEMORY_MB; the next run tries it again.",
            True,
        )
    if isinstance(error, duckdb.DataError):
        remedy = (
            "A value of its rows is beyond what this figure can hold: correct the file, or leave such rows out with `where=`; the next run "
            "tries it again."
        )
        return first_words(error), remedy, True
    if isinstance(error, OSError) and is_full(error):
        return str(error), "Make room there, and the next run goes on.", False
    if isinstance(error, FileExistsError | NotADirectoryError | IsADirectoryError):
        return str(error), "Move away what lies there in its way; the next run tries it again.", False
    if isinstance(error, OSError):
        named = f" ({error.filename})" if error.filename and str(error.filename) not in str(error) else ""
        return f"{error}{named}", "Look at its place and permissions; the next run tries it again.", False
    if isinstance(error, duckdb.Error):
        return first_words(error), "", not may_pass(error)
    fault = machine_fault(error)
    if fault is not None and fault is not error:
        return _explained(fault)  # a library tells the machine's fault in a class of its own
    last = traceback.extract_tb(error.__traceback__)[-1:]
    place = "".join(f" (at {Path(one.filename).name}, line {one.lineno})" for one in last)
    return (
        f"{type(error).__name__}: {error}{place}",
        "Please report it; the next run tries it again.",
        not may_pass(error),
    )


def first_words(error: duckdb.Error) -> str:
    """What DuckDB says, without the statement that it shows."""
    return " ".join(re.split(r"LINE \d+:", str(error))[0].split()).rstrip(".")


def _again(part: str, dataset: str, name: str) -> str:
    if part == "window":
        return f"`pipeline windows recompute {dataset}/{name}` tries it again."
    return "The next run tries it again."


def _on(days: Sequence[date]) -> str:
    if not days:
        return ""
    named = ", ".join(day.isoformat() for day in days[:_NAMED_DAYS])
    return f" on {named}" + (
        f" and {counted(len(days) - _NAMED_DAYS, 'other day')}" if len(days) > _NAMED_DAYS else ""
    )


def _summary(failures: Sequence[PartFailed]) -> str:
    if len(failures) == 1:
        return f"1 part failed, everything else is up to date: {failures[0].where}"
    named = ", ".join(failure.where for failure in failures[:_NAMED_DAYS])
    more = f" and {len(failures) - _NAMED_DAYS} more" if len(failures) > _NAMED_DAYS else ""
    return f"{len(failures)} parts failed, everything else is up to date: {named}{more}"
