"""Writing what is marked as unpublished.

What belongs here: which files of a dataset are written, in which order of rows, and which go. What does not: marks (`marks`), how a
file comes into its place (`files`).

The tables are the truth and `published/` follows them: a folder that is missing is made anew from them, and what nothing declares any
more goes, but for files that are not called as ours are.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.contract import Dataset, Total, Window
from pipeline.files.names import safe_name
from pipeline.published import CLEAN, OPEN, SUFFIX, TOTAL, day_file
from pipeline.warehouse.failures import Failures
from pipeline.warehouse.publish import days as by_day
from pipeline.warehouse.publish import files, marks, open_rows
from pipeline.warehouse.publish.files import Content
from pipeline.warehouse.publish.marks import Unpublished
from pipeline.warehouse.publish.mergeable import needs_rows
from pipeline.warehouse.sql import ident, table, text
from pipeline.warehouse.windows.tables import comments_of, local_columns, window_columns, window_table

GROUP_ROWS = 8_192
"""Rows of a row group of windows: of 360,000 the latest 100 are in the last of 44 groups."""
_CLEAN_GROUP_ROWS = 65_536
_DELIVERIES_AT_ONCE = 64


def publish(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, published: Path, failures: Failures
) -> int:
    """Bring the dataset's files up to date; returns how many were written or removed. A window whose files cannot be written is in
    `failures`, and stays marked; all others are written.

    Not for a transaction: its changes are published once they are committed.

    Raises:
        OSError: the disk is full, or the dataset's folder cannot be written to. What was not written stays marked.
    """
    folder = published / dataset.name
    if dataset.publish == "nothing":
        gone = _remove_all(folder)
        marks.clear(connection, dataset.name)
        return gone
    names = [window.name for window in dataset.windows]
    if dataset.publish == "all":
        names.append(CLEAN)
    there = _folders(folder)
    missing = [name for name in names if name not in there]
    if missing:
        # Marked before the folders are made: killed in between, they are marked still.
        marks.mark_whole(connection, dataset, missing)
        for name in missing:
            with suppress(
                FileExistsError
            ):  # a file lies in its place: that is told of this one alone, when it is written
                (folder / name).mkdir(parents=True, exist_ok=True)
    done = sum(_remove_all(folder / name) for name in there.difference(names))
    found = marks.pending(connection, dataset.name)
    later = _unfinished(connection, dataset, found)
    due = [window for window in dataset.windows if window.name in found and window.name not in later]
    kept = set(later)
    for window in due:
        kept.add(window.name)
        with failures.aside("publication", dataset.name, window.name):
            done += _publish_window(connection, dataset, window, folder / window.name, found[window.name])
            kept.remove(window.name)
    if CLEAN in found and CLEAN in names:
        kept.add(CLEAN)
        with failures.aside("publication", dataset.name, CLEAN):
            done += _publish_clean(connection, dataset, folder / CLEAN, found[CLEAN])
            kept.remove(CLEAN)
    if found.keys() - kept:
        marks.clear(connection, dataset.name, kept)
    return done


def _folders(folder: Path) -> set[str]:
    try:
        with os.scandir(folder) as entries:  # they may be a thousand
            return {entry.name for entry in entries if entry.is_dir()}
    except FileNotFoundError:
        return set()


def _unfinished(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, found: Mapping[str, Unpublished]
) -> set[str]:
    """The windows that are to be written anew and are not computed yet: what stands there stays until they are."""
    whole = {name for name, what in found.items() if what.whole}
    if not whole:
        return whole
    rows = connection.execute(
        "SELECT DISTINCT window_name FROM ops.dirty_windows WHERE dataset = ?", [dataset.name]
    ).fetchall()
    return whole & {row[0] for row in rows}


def _publish_window(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, window: Window, folder: Path, what: Unpublished
) -> int:
    files.sweep(folder)
    columns = [name for name, _ in window_columns(dataset, window)]
    source, comments = window_table(dataset, window), comments_of(dataset, window)
    if isinstance(window, Total):
        name = f"{TOTAL}{SUFFIX}"
        content = Content(columns, source, ["_delivery", *window.by], GROUP_ROWS, comments)
        written = files.write(connection, folder, content, lambda batch: iter([(name, batch)]))
        return _remove_but(folder, written) + len(written)
    local = [name for name, _ in local_columns(window)]
    content = Content(columns, source, ["window_start", *window.by], GROUP_ROWS, comments, local)
    done = _publish_days(connection, dataset, folder, content, what)
    rows = folder / OPEN
    if needs_rows(dataset, window):
        files.sweep(rows)
        return done + open_rows.publish_open(connection, dataset, window, rows)
    return done + _remove_all(rows)


def _publish_clean(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, folder: Path, what: Unpublished
) -> int:
    """The clean table by day, or by delivery where it has no event time; with columns that files have added."""
    files.sweep(folder)
    source = table("clean", dataset.name)
    columns = [
        column[0] for column in connection.execute(f"SELECT * FROM {source} LIMIT 0").description or ()
    ]
    if dataset.event_time is not None:
        content = Content(columns, source, [dataset.event_time, "_delivery", "_row"], _CLEAN_GROUP_ROWS)
        return _publish_days(connection, dataset, folder, content, what)
    content = Content(columns, source, ["_delivery", "_row"], _CLEAN_GROUP_ROWS)
    wanted = set(what.deliveries)
    if what.whole:
        wanted |= {
            row[0] for row in connection.execute(f"SELECT DISTINCT _delivery FROM {source}").fetchall()
        }
    return _publish_deliveries(connection, folder, content, wanted, what.whole)


def _publish_days(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    folder: Path,
    content: Content,
    what: Unpublished,
) -> int:
    wanted = set(what.days)
    gone = 0
    if what.whole:
        moment = ident(content.order[0])
        rows = connection.execute(
            f"SELECT min({moment}), max({moment}) FROM {content.source} GROUP BY date_trunc('hour', {moment})"
        ).fetchall()
        wanted |= by_day.days_of(dataset, (end for row in rows for end in row))
        gone = _remove_but(folder, {day_file(day) for day in wanted})
    return gone + by_day.write_days(connection, dataset, folder, wanted, content)


def _publish_deliveries(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    content: Content,
    wanted: Collection[str],
    whole: bool,
) -> int:
    names = {delivery: f"{safe_name(delivery)}{SUFFIX}" for delivery in sorted(wanted)}
    gone = _remove_but(folder, names.values()) if whole else 0
    listed = list(names)
    for start in range(0, len(listed), _DELIVERIES_AT_ONCE):
        some = listed[start : start + _DELIVERIES_AT_ONCE]
        chosen = f"{content.source} WHERE _delivery IN ({', '.join(map(text, some))})"
        part = Content(content.columns, chosen, content.order, content.group_rows)
        written = files.write(connection, folder, part, lambda batch: _by_delivery(batch, names))
        for name in {names[delivery] for delivery in some} - written:
            (folder / name).unlink(missing_ok=True)
    return gone + len(listed)


def _by_delivery(batch: pa.RecordBatch, names: dict[str, str]) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Cut a batch that is sorted by delivery."""
    runs = pc.run_end_encode(batch.column("_delivery"), run_end_type=pa.int64())
    start = 0
    for delivery, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
        yield names[delivery], batch.slice(start, end - start)
        start = end


def _remove_but(folder: Path, kept: Iterable[str]) -> int:
    """Remove files that are not called as those kept; returns how many."""
    stay = set(kept)
    gone = [path for path in folder.glob(f"*{SUFFIX}") if path.name not in stay]
    for path in gone:
        path.unlink(missing_ok=True)
    return len(gone)


def _remove_all(folder: Path) -> int:
    """Remove our files from a folder of `published/` and from those in it, and each of these that is empty then."""
    if not folder.is_dir():
        return 0
    done = sum(_remove_all(path) for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
    files.sweep(folder)
    ours = [path for path in folder.glob(f"*{SUFFIX}") if path.is_file()]
    for path in ours:
        path.unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()
    return done + len(ours)
