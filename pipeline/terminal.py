"""What people see in a terminal: tables, a progress bar, errors; and what programs get where there is none.

What belongs here: that, and that nothing of a file's content or name reaches a terminal as a command to it. What does not: finding out what
to show; fitting it to a width (`layout`). Why it looks as it does: `docs/decisions/0038-what-a-terminal-shows.md`.
"""

from __future__ import annotations

import base64
import json
import math
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import chain, zip_longest
from pathlib import Path, PurePath
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any
from uuid import UUID

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from pipeline.counts import counted
from pipeline.files.names import in_json, printable, shown, spelled
from pipeline.layout import column_widths, spans, widest_line, wrapped
from pipeline.settings import pager
from pipeline.warehouse import Entry, Holder, Retained

if TYPE_CHECKING:
    from pipeline.intake.again import Again

Part = str | tuple[str, str]
"""A text, or a text and the style that it is set in."""

# What is printed is data: neither ":smile:" nor "[red]" in it means anything.
out = Console(emoji=False)
err = Console(stderr=True, emoji=False)
_CELL = 4_000
_LEAST_VALUE = 20
_HELD_BYTES = 16 * 2**20
INBOX = "inbox"  # stands for the dataset of files that lay in the inbox itself
STATUS_STYLES = {
    "loaded": "green",
    "partial": "yellow",
    "quarantined": "red",
    "duplicate": "dim",
    "replaced": "dim",
}


@dataclass
class _Asked:
    """What the command under way was asked for: `wide` tables have one line per row, however long."""

    wide: bool = False


@dataclass(frozen=True)
class _Frame:
    """The lines of a table: how each kind of them begins, what stands between two columns, how it ends."""

    head: tuple[str, str, str]
    below: tuple[str, str, str]
    row: tuple[str, str, str]
    top: tuple[str, str, str] | None = None
    foot: tuple[str, str, str] | None = None

    def cells(self, columns: int) -> int:
        """How much of the width is not the columns'."""
        return len(self.row[0]) + len(self.row[1]) * (columns - 1) + len(self.row[2])


_ASKED = _Asked()
_BOX = _Frame(
    ("┃ ", " ┃ ", " ┃"),
    ("┡━", "━╇━", "━┩"),
    ("│ ", " │ ", " │"),
    ("┏━", "━┳━", "━┓"),
    ("└─", "─┴─", "─┘"),
)
_BARE = _Frame(("", "  ", ""), ("", "  ", ""), ("", "  ", ""))


def set_wide(wide: bool) -> None:
    """Whether tables have one line per row, however long."""
    _ASKED.wide = wide


def in_terminal() -> bool:
    """Whether people see what is printed; programs get text parted by tabs."""
    return sys.stdout.isatty()


def say(*parts: Part) -> None:
    """Lines for people, as given; in a terminal they end between words."""
    _print(out, parts, sys.stdout.isatty())


def note(text: str) -> None:
    """What people should know beside what they asked for: on standard error."""
    _print(err, [text], sys.stderr.isatty())


def complain(text: str) -> None:
    """What went wrong, on standard error."""
    _print(err, [(text, "red")], sys.stderr.isatty())


def say_text(text: str) -> None:
    """A text that has lines of its own, such as a program: none of them is broken."""
    if in_terminal():
        out.print(Text(printable(text)), soft_wrap=True)
    else:
        out.file.write(f"{printable(text)}\n")


def _print(console: Console, parts: Iterable[Part], fits: bool) -> None:
    text = Text()
    for part in parts:
        words, style = (part, "") if isinstance(part, str) else part
        text.append(printable(words), style)
    width = _width()
    for line in text.split("\n", allow_blank=True):
        plain = line.plain
        indent = len(plain) - len(plain.lstrip(" "))
        hang = indent + 2 if indent else 0
        whole = not fits or cell_len(plain) <= width
        for start, end in [(0, len(plain))] if whole else spans(plain, max(width - hang, 1)):
            console.print(Text(" " * hang if start else "") + line[start:end], soft_wrap=True)


def _width() -> int:
    return shutil.get_terminal_size().columns


def print_json(value: Any) -> None:
    """For programs: one JSON document on standard output."""
    sys.stdout.write(in_json(json.dumps(_plain(value), ensure_ascii=False, indent=2)) + "\n")


def json_lines(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """A table as the lines of one JSON document: an array with an object for each row, on a line of its own.

    Args:
        rows: of values that JSON has.
    """
    names, encode = _apart(columns), json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
    before = "["
    for row in rows:
        line = encode(dict(zip(names, row, strict=True)))
        yield f"{before}\n  {line if line.isprintable() else in_json(line)}"
        before = ","
    yield "[]\n" if before == "[" else "\n]\n"


def tabbed_lines(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], *, stored: bool = False
) -> Iterator[str]:
    """A table as lines of cells parted by tabs, the names first. A null is empty; backslash, tab and line end are written as `\\\\`,
    `\\t` and `\\n`, other control characters as `\\x1b`."""
    for row in chain([columns], rows):
        yield "\t".join(_one_line(_text(value, stored).replace("\\", "\\\\")) for value in row) + "\n"


def spooled(lines: Iterable[str]) -> IO[str]:
    """A text with `lines`, on disk where they are many, for `pour`: what is read while the warehouse is open, and printed after."""
    file = SpooledTemporaryFile(_HELD_BYTES, "w+", encoding="utf-8", newline="")  # noqa: SIM115  (`pour` closes it)
    file.writelines(lines)
    file.seek(0)
    return file


def pour(text: IO[str]) -> None:
    """Print what was spooled, for programs, and forget it."""
    with text:
        shutil.copyfileobj(text, sys.stdout)


def _apart(names: Sequence[str]) -> list[str]:
    """Names told apart where two are alike: a, a_2."""
    found: dict[str, None] = {}
    for name in names:
        again, other = 1, name
        while other in found:
            again += 1
            other = f"{name}_{again}"
        found[other] = None
    return list(found)


def _plain(value: Any) -> Any:
    """A value as JSON has it, with nothing lost: what it has no form for is a text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal | UUID | PurePath):
        return str(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, timedelta):
        return _iso(value)
    if isinstance(value, Mapping):
        return {key if isinstance(key, str) else str(_plain(key)): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one) for one in value]
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _iso(length: timedelta) -> str:
    """ISO 8601 of a length of time."""
    if length < timedelta(0):
        return f"-{_iso(-length)}"
    seconds = (
        f"{length.seconds}.{length.microseconds:06}".rstrip("0").rstrip(".")
        if length.microseconds
        else length.seconds
    )
    return f"P{length.days}DT{seconds}S"


def show_rows(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    numbers: Sequence[str] = (),
    *,
    stored: bool = False,
) -> None:
    """A table: fitted to a terminal, no word broken; where its columns do not fit beside each other a block of lines for each row; parted
    by tabs where there is no terminal.

    Args:
        numbers: columns that are set to the right.
        stored: the values are data, and stand as they are stored; otherwise they are figures for people: floats have two digits after the
            point, and thousands are parted in a terminal.
    """
    if not in_terminal():
        _show_tabbed(title, columns, rows, stored)
        return
    names = [_one_line(name) for name in columns]
    cells = [[_cell(value, stored) for value in row] for row in rows]
    by_column = [[name, *(row[place] for row in cells)] for place, name in enumerate(names)]
    if title:
        _draw(title, "bold")
    fitting = _fitting(by_column)
    if fitting is None:
        _show_blocks(names, cells)
    else:
        frame, widths = fitting
        _show_table(frame, names, cells, widths, [name in numbers for name in columns])


def _fitting(cells: Sequence[Sequence[str]]) -> tuple[_Frame, list[int]] | None:
    """How the columns fit beside each other: best with lines around them and no text broken."""
    natural = [max(map(widest_line, column)) for column in cells]
    if _ASKED.wide:
        return _BOX, natural
    rooms = [(frame, _width() - frame.cells(len(cells))) for frame in (_BOX, _BARE)]
    for frame, room in rooms:
        if sum(natural) <= room:
            return frame, natural
    for frame, room in rooms:
        if (widths := column_widths(cells, room)) is not None:
            return frame, widths
    return None


def _show_tabbed(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], stored: bool) -> None:
    # Programs read it: through the console it would be measured, line by line.
    if title:
        out.file.write(f"{printable(title)}\n")
    out.file.writelines(tabbed_lines(columns, rows, stored=stored))
    if title:
        out.file.write("\n")


def _show_table(
    frame: _Frame,
    names: Sequence[str],
    cells: Sequence[Sequence[str]],
    widths: Sequence[int],
    right: Sequence[bool],
) -> None:
    if frame.top:
        _draw(_beside(frame.top, ["━" * width for width in widths]))
    for line in _lines(names, widths, right):
        _draw(_beside(frame.head, line), "bold")
    _draw(_beside(frame.below, ["━" * width for width in widths]))
    for number, row in enumerate(cells):
        for line in _lines(row, widths, right):
            _draw(_beside(frame.row, line), "dim" if number % 2 else "")
    if frame.foot:
        _draw(_beside(frame.foot, ["─" * width for width in widths]))


def _beside(edge: tuple[str, str, str], texts: Sequence[str]) -> str:
    first, between, last = edge
    return f"{first}{between.join(texts)}{last}".rstrip()


def _lines(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> Iterator[list[str]]:
    """The lines that a row takes, each cell filled up to its width."""
    parts = [[text] if _ASKED.wide else wrapped(text, width) for text, width in zip(row, widths, strict=True)]
    for line in zip_longest(*parts, fillvalue=""):
        yield [
            f"{' ' * (width - cell_len(text))}{text}"
            if to_right
            else f"{text}{' ' * (width - cell_len(text))}"
            for text, width, to_right in zip(line, widths, right, strict=True)
        ]


def _show_blocks(names: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    width, label = _width(), max(map(cell_len, names))
    beside = label + 2 + _LEAST_VALUE <= width
    for number, row in enumerate(cells, start=1):
        head = f"── {number:,} of {len(cells):,} "
        _draw(head + "─" * (width - len(head)), "bold")
        for name, value in zip(names, row, strict=True):
            lines = wrapped(value, width - label - 2 if beside else width - 2)
            if beside:
                _draw(f"{name}{' ' * (label - cell_len(name))}  {lines[0]}")
                lines = lines[1:]
            else:
                _draw(name)
            for line in filter(None, lines):
                _draw(f"{' ' * (label + 2 if beside else 2)}{line}")


def _draw(line: str, style: str = "") -> None:
    out.print(Text(line, style), soft_wrap=True)


def _cell(value: Any, stored: bool) -> str:
    text = _text(value, stored, parted=True)
    if _ASKED.wide:
        return _one_line(text)
    text = spelled(text if len(text) <= _CELL else f"{text[: _CELL - 1]}…")
    return text.expandtabs(4)


def _one_line(text: str) -> str:
    return spelled(text).replace("\t", "\\t").replace("\n", "\\n")


def _text(value: Any, stored: bool, *, parted: bool = False) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:,}" if parted and not stored else str(value)
    if isinstance(value, float):
        return repr(value) if stored else f"{value:,.2f}" if parted else f"{value:.2f}"
    if isinstance(value, datetime):
        return value.isoformat(" ") if stored else value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(_plain(value), ensure_ascii=False)
    return str(value)


@contextmanager
def paged() -> Iterator[None]:
    """What is said and shown meanwhile comes in a pager where it is longer than the terminal; `settings.pager` has which."""
    found = pager(wide=_ASKED.wide) if in_terminal() and sys.stdin.isatty() else None
    if found is None:
        yield
        return
    try:
        with out.capture() as kept:
            yield
    finally:
        text = kept.get()
        if _ASKED.wide or text.count("\n") >= shutil.get_terminal_size().lines:
            _page(text, *found)
        else:
            out.file.write(text)


def _page(text: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
    try:
        with subprocess.Popen(command, stdin=subprocess.PIPE, text=True, env=environment) as process:
            try:
                process.communicate(text)
            except KeyboardInterrupt:
                process.wait()  # it is the pager's to end
    except OSError as error:
        out.file.write(text)
        complain(f"PAGER: {command[0]} cannot be run: {error.strerror}.")


def show_entries(entries: Sequence[Entry], title: str = "Deliveries") -> None:
    """Ledger rows as a table of deliveries."""
    rows = [
        (
            e.dataset or INBOX,
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
            say("  ", (entry.status, style), f" {shown(entry.delivery)}: {entry.reason}")


def show_again(again: Sequence[Again]) -> None:
    """Deliveries that were loaded again, and what was wrong with those that could not be; nothing where there are none."""
    loaded = [done.entry for done in again if done.problem is None]
    if loaded:
        show_entries(loaded, "Loaded again")
    for done in again:
        if done.problem is not None:
            say("  ", ("not loaded again", "red"), f" {shown(done.entry.delivery)}: {done.problem}")


def say_retained(done: Retained, *, dry_run: bool) -> None:
    """What retention deleted of a dataset, or would delete."""
    if done.rows_before is None and done.windows_before is None:
        say(f"{done.dataset} keeps all of its rows and windows.")
        return
    verb = "would be deleted" if dry_run else "deleted"
    if done.rows_before is not None:
        older = counted(done.held, "older one stays, for it is held", "older ones stay, for they are held")
        held = f"; {older}" if done.held else ""
        say(f"{done.dataset}: {counted(done.rows, 'clean row')} before {done.rows_before} UTC {verb}{held}.")
    if done.windows_before is not None:
        by_name = ", ".join(f"{count:,} of {name}" for name, count in done.windows.items()) or "none"
        say(f"{done.dataset}: windows that ended by {done.windows_before} UTC {verb}: {by_name}.")


def rows_per_second(entry: Entry) -> int | None:
    """Mean speed of a delivery, None where it was not read."""
    return round(entry.rows_read / entry.seconds) if entry.rows_read and entry.seconds else None


def say_waiting(path: Path, holder: Holder | None) -> None:
    """Whom the warehouse is waited for, on standard error."""
    who = "another program has it open" if holder is None else str(holder)
    _print(err, [(f"Waiting for the warehouse {shown(path)}: {who}.", "yellow")], sys.stderr.isatty())
