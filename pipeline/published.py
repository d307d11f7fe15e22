"""`published/`: where its files are, and reading them without the warehouse.

What belongs here: the layout, and a reader for windows. What does not: writing the files (`warehouse.publish`).

A file is replaced whole, by a rename. So a reader opens each once and keeps to that: opened a second time it might be another.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl

CLEAN = "clean"
"""Folder of the clean table, beside those of the windows; no window can be called so."""
OPEN = "open"
"""Folder within a window's, of the rows of windows that are not final."""
TOTAL = "total"
"""Name of a total's one file."""
SUFFIX = ".parquet"
_DAY = timedelta(days=1)
_ATTEMPTS = 5


class NotPublished(LookupError):
    """There is no published window of this name."""


def window_folder(published: Path, dataset: str, window: str) -> Path:
    """`published/<dataset>/<window>`."""
    return published / dataset / window


def day_file(day: date) -> str:
    """Name of a day's file: names sort as their days do."""
    return f"{day.isoformat()}{SUFFIX}"


def day_in(name: str) -> date | None:
    """The day in a file's name, or None."""
    try:
        return date.fromisoformat(name.removesuffix(SUFFIX)) if name.endswith(SUFFIX) else None
    except ValueError:
        return None


def read_published(
    published: Path,
    dataset: str,
    window: str,
    since: datetime | None = None,
    until: datetime | None = None,
    last: int | None = None,
) -> pl.DataFrame:
    """Published windows, by `window_start` and groups; never opens the warehouse, and reads only the files, and of those only the
    row groups, that may hold what is asked for.

    Args:
        published: `settings.published`, by default `data/published`.
        dataset: name of the dataset.
        window: name of the window. Of a total all is read: it has no times.
        since: windows that start at this moment or later, UTC without zone.
        until: windows that start before this moment.
        last: only the last so many of them.

    Returns:
        The columns of the window's table, moments in UTC without zone as there. HUGEINT comes as Decimal(38, 0).

    Raises:
        NotPublished: there is no such window in `published`.
    """
    folder = window_folder(published, dataset, window)
    for attempt in range(_ATTEMPTS):
        try:
            return _read(folder, since, until, last)
        except FileNotFoundError:
            # A day whose last window went between our look at the folder and into the file.
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def _read(folder: Path, since: datetime | None, until: datetime | None, last: int | None) -> pl.DataFrame:
    names = _names(folder)
    if f"{TOTAL}{SUFFIX}" in names:
        return _one(folder / f"{TOTAL}{SUFFIX}", None, None, last)
    wanted = [name for name in names if _within(day_in(name), since, until)]
    if not wanted:
        return _one(folder / names[-1], since, until, 0) if names else pl.DataFrame()
    frames = list(_latest(folder, wanted, since, until, last))
    # Of a version without local time some files may not have been written anew yet.
    alike = len({tuple(frame.columns) for frame in frames}) == 1
    return pl.concat(reversed(frames), how="vertical" if alike else "diagonal")


def _names(folder: Path) -> list[str]:
    try:
        found = (path.name for path in folder.iterdir())
        return sorted(
            name for name in found if day_in(name) is not None or name.removesuffix(SUFFIX) == TOTAL
        )
    except FileNotFoundError:
        raise NotPublished(
            f"{folder} is not there: no window of this name has been published. `pipeline ingest` publishes what it computes, unless "
            'the dataset says publish="nothing".'
        ) from None


def _within(day: date | None, since: datetime | None, until: datetime | None) -> bool:
    """Whether a local day may hold the start of a window within [since, until): no zone is a day from UTC."""
    if day is None:
        return False
    return (since is None or day >= since.date() - _DAY) and (until is None or day <= until.date() + _DAY)


def _latest(
    folder: Path, names: list[str], since: datetime | None, until: datetime | None, last: int | None
) -> Iterator[pl.DataFrame]:
    """The files' windows, the newest file first, until there are enough."""
    left = last
    for name in reversed(names):
        frame = _one(folder / name, since, until, left)
        yield frame
        if left is not None:
            left -= frame.height
            if left <= 0:
                return


def _one(path: Path, since: datetime | None, until: datetime | None, last: int | None) -> pl.DataFrame:
    with path.open("rb") as file:
        rows = pl.scan_parquet(file)
        if since is not None or until is not None:
            start = rows.collect_schema()["window_start"]
            zone = UTC if isinstance(start, pl.Datetime) and start.time_zone is not None else None
            if since is not None:
                rows = rows.filter(pl.col("window_start") >= since.replace(tzinfo=zone))
            if until is not None:
                rows = rows.filter(pl.col("window_start") < until.replace(tzinfo=zone))
        found = (rows if last is None else rows.tail(last)).collect()
    marked = [name for name, kind in found.schema.items() if isinstance(kind, pl.Datetime) and kind.time_zone]
    return found.with_columns(pl.col(marked).dt.replace_time_zone(None)) if marked else found
