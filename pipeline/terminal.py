"""What people see in a terminal: tables, a progress bar, errors. What does not belong here: finding out what to show."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from pipeline.files.names import readable
from pipeline.ingest import ProgressUpdate
from pipeline.ingest.progress import Progress as Listener
from pipeline.warehouse import Entry, Holder, Retained

if TYPE_CHECKING:
    from pipeline.intake.again import Again

out = Console(width=None if sys.stdout.isatty() else 400)
err = Console(stderr=True)
_CELL = 60
STATUS_STYLES = {
    "loaded": "green",
    "partial": "yellow",
    "quarantined": "red",
    "duplicate": "dim",
    "replaced": "dim",
}


def say(text: str) -> None:
    """A line for people."""
    out.print(readable(text), highlight=False)


def complain(text: str) -> None:
    """What went wrong, on standard error, as it is."""
    err.print(escape(readable(text)), style="red", highlight=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """For programs: one JSON document on standard output."""
    sys.stdout.write(readable(json.dumps(value, default=_plain, ensure_ascii=False, indent=2)) + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, time):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def show_rows(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    numbers: Sequence[str] = (),
    *,
    longest: int = _CELL,
    stored: bool = False,
) -> None:
    """A table.

    Args:
        numbers: columns that are set to the right.
        longest: texts beyond so many characters are cut.
        stored: the values are data, and stand as they are stored; otherwise they are figures for people: thousands are parted,
            and floats have two digits after the point.
    """
    table = Table(
        title=title or None,
        title_justify="left",
        title_style="bold",
        header_style="bold",
        row_styles=["", "dim"],
    )
    rows = list(rows)
    for place, column in enumerate(columns):
        short = column in numbers or any(isinstance(row[place], datetime) for row in rows[:1])
        justify: Literal["left", "right"] = "right" if column in numbers else "left"
        table.add_column(escape(column), justify=justify, overflow="fold", no_wrap=short)
    for row in rows:
        table.add_row(*[_stored(value, longest) if stored else _cell(value, longest) for value in row])
    out.print(table)


def _stored(value: Any, longest: int) -> str:
    if isinstance(value, bool) or value is None:
        return _cell(value, longest)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, datetime):
        return value.isoformat(" ")
    return _cell(value, longest)


def _cell(value: Any, longest: int) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.2f}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    text = readable(str(value))
    return escape(text if len(text) <= longest else text[: longest - 1] + "…")


def show_entries(entries: Sequence[Entry], title: str = "Deliveries") -> None:
    """Ledger rows as a table of deliveries."""
    rows = [
        (
            e.dataset,
            e.delivery,
            e.status,
            e.rows_read,
            e.rows_clean,
            e.rows_rejected,
            e.seconds,
            rows_per_second(e),
        )
        for e in entries
    ]
    columns = ["dataset", "delivery", "status", "rows read", "clean", "rejected", "seconds", "rows/s"]
    show_rows(title, columns, rows, numbers=columns[3:])
    for entry in entries:
        if entry.reason:
            style = STATUS_STYLES.get(entry.status, "")
            say(f"  [{style}]{entry.status}[/] {escape(entry.delivery)}: {escape(entry.reason)}")


def show_again(again: Sequence[Again]) -> None:
    """Deliveries that were loaded again, and what was wrong with those that could not be; nothing where there are none."""
    loaded = [done.entry for done in again if done.problem is None]
    if loaded:
        show_entries(loaded, "Loaded again")
    for done in again:
        if done.problem is not None:
            say(f"  [red]not loaded again[/] {escape(done.entry.delivery)}: {escape(done.problem)}")


def say_retained(done: Retained, *, dry_run: bool) -> None:
    """What retention deleted of a dataset, or would delete."""
    if done.rows_before is None and done.windows_before is None:
        say(f"{escape(done.dataset)} keeps all of its rows and windows.")
        return
    verb = "would be deleted" if dry_run else "deleted"
    if done.rows_before is not None:
        held = f"; {done.held:,} older ones stay, for they are held" if done.held else ""
        say(f"{escape(done.dataset)}: {done.rows:,} clean rows before {done.rows_before} UTC {verb}{held}.")
    if done.windows_before is not None:
        by_name = ", ".join(f"{count:,} of {name}" for name, count in done.windows.items()) or "none"
        say(f"{escape(done.dataset)}: windows that ended by {done.windows_before} UTC {verb}: {by_name}.")


def rows_per_second(entry: Entry) -> int | None:
    """Mean speed of a delivery, None where it was not read."""
    return round(entry.rows_read / entry.seconds) if entry.rows_read and entry.seconds else None


@contextmanager
def progress_bar() -> Iterator[Listener]:
    """A listener that draws a bar for each file that takes long; draws nothing where there is no terminal."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %  {task.fields[rows]} rows, {task.fields[speed]} rows/s"),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
    tasks: dict[str, TaskID] = {}

    def listen(update: ProgressUpdate) -> None:
        task = tasks.get(update.delivery)
        if task is None:
            task = tasks[update.delivery] = bar.add_task(
                escape(update.delivery), total=100.0, rows="0", speed="0"
            )
        bar.update(
            task, completed=update.percent, rows=f"{update.rows:,}", speed=f"{update.rows_per_second:,.0f}"
        )
        if update.done:
            bar.remove_task(tasks.pop(update.delivery))

    with bar:
        yield listen


@contextmanager
def steps_bar(things: str, total: int) -> Iterator[Callable[[str, int], None]]:
    """A bar over work in `total` steps: call what it gives with what was done and how many steps that was; draws nothing where there
    is no terminal."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn(f"{{task.completed:,.0f}} of {{task.total:,.0f}} {things}"),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
    task = bar.add_task("", total=total)
    with bar:
        yield lambda name, steps: bar.update(task, advance=steps, description=escape(name))


def say_waiting(path: Path, holder: Holder | None) -> None:
    """Whom the warehouse is waited for, on standard error."""
    who = "another program has it open" if holder is None else str(holder)
    err.print(
        escape(readable(f"Waiting for the warehouse {path}: {who}.")),
        style="yellow",
        highlight=False,
        soft_wrap=True,
    )
