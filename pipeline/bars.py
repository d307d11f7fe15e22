"""What people see of work while it goes on: bars in a terminal, a line now and then elsewhere, always on standard error.

What belongs here: showing how far it is. What does not: finding that out (`ingest.progress`), what is shown of results (`terminal`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from pipeline import terminal
from pipeline.counts import counted
from pipeline.files.names import shown
from pipeline.ingest import ProgressUpdate

_LINE_SECONDS = 30.0


class FilesProgress:
    """How far a run is: one bar over all of its files, by their bytes, and one for each file that takes long. It is called with the
    progress of a file, by whatever thread reads it; `finished` says that a file is done. Where there is no terminal, a line comes now
    and then."""

    def __init__(self, bar: Progress, sizes: Mapping[tuple[str, str], int]) -> None:
        self._bar, self._sizes, self._total = bar, dict(sizes), sum(sizes.values())
        self._done = self._done_bytes = 0
        self._read: dict[str, int] = {}
        self._tasks: dict[str, TaskID] = {}
        self._guard = threading.Lock()
        self._next_line = time.monotonic() + _LINE_SECONDS
        self._all = (
            bar.add_task("all files", total=self._total or 1, told=self._in_words())
            if len(sizes) > 1
            else None
        )

    def __call__(self, update: ProgressUpdate) -> None:
        name = update.delivery
        told = f"{update.percent:.0f} %, {counted(update.rows, 'row')}, {update.rows_per_second:,.0f} rows/s"
        with self._guard:
            if name not in self._tasks:
                self._tasks[name] = self._bar.add_task(escape(shown(name)), total=100.0, told=told)
            self._read[name] = update.bytes_done
            self._bar.update(
                self._tasks[name],
                completed=update.percent,
                total=None if update.done else 100.0,
                told=f"{counted(update.rows, 'row is', 'rows are')} read, and loaded next"
                if update.done
                else told,
            )
            self._show()

    def finished(self, dataset: str, delivery: str) -> None:
        """A file is loaded, or set aside."""
        with self._guard:
            self._done += 1
            self._done_bytes += self._sizes.get((dataset, delivery), 0)
            self._read.pop(delivery, None)
            task = self._tasks.pop(delivery, None)
            if task is not None:
                self._bar.remove_task(task)
            self._show()

    def _show(self) -> None:
        if self._all is not None:
            self._bar.update(self._all, completed=self._bytes(), told=self._in_words())
        if self._bar.disable and time.monotonic() >= self._next_line:
            self._bar.console.print(self._in_words(), highlight=False, markup=False)
            self._next_line = time.monotonic() + _LINE_SECONDS

    def _bytes(self) -> int:
        return min(self._total, self._done_bytes + sum(self._read.values()))

    def _in_words(self) -> str:
        if not self._total:
            return counted(self._done, "file")
        read, total = self._bytes() / 1e6, self._total / 1e6
        return f"{self._done:,} of {counted(len(self._sizes), 'file')}, {read:,.1f} of {total:,.1f} MB"


@contextmanager
def progress_bar(
    sizes: Mapping[tuple[str, str], int] | None = None, console: Console | None = None
) -> Iterator[FilesProgress]:
    """Bars on standard error while files are taken in; lines now and then where it is no terminal.

    Args:
        sizes: (dataset, delivery) → bytes of the files, where they are known.
        console: where to draw.
    """
    console = console or terminal.err
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[told]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        yield FilesProgress(bar, sizes or {})


@contextmanager
def working(what: str) -> Iterator[Callable[[str], None]]:
    """A sign of life over work whose length nobody knows: call what it gives with what was done last; nothing where there is no terminal."""
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=terminal.err,
        transient=True,
        disable=not terminal.err.is_terminal,
    )
    task = bar.add_task(what)
    with bar:
        yield lambda last: bar.update(task, description=escape(shown(f"{what}: {last}")))


@contextmanager
def steps_bar(things: str, total: int) -> Iterator[Callable[[str, int], None]]:
    """A bar over work in `total` steps: call what it gives with what was done and how many steps that was; draws nothing where there
    is no terminal."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn(f"{{task.completed:,.0f}} of {{task.total:,.0f}} {things}"),
        TimeRemainingColumn(),
        console=terminal.err,
        transient=True,
        disable=not terminal.err.is_terminal,
    )
    task = bar.add_task("", total=total)
    with bar:
        yield lambda name, steps: bar.update(task, advance=steps, description=escape(shown(name)))
