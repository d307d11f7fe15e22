"""The pages of windows: their latest figures as a picture, as a table, and as a workbook for who goes on with them.

What belongs here: which figures a page shows, in the time of the dataset's zone, bounded however much there is. What does not: drawing
(`pictures`), computing (`warehouse`), how a page looks (`render`).

A page is written anew after each recomputation of its window. So it holds little: the whole table is in `published/` and in the warehouse.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup

from pipeline.contract import Dataset, Total, Window
from pipeline.contract import Session as SessionWindow
from pipeline.files.names import shown
from pipeline.intake import Intake
from pipeline.pictures import Panel, bar_panel, picture, series_panel
from pipeline.report.paths import WINDOWS, index_page, link, window_page
from pipeline.report.render import window_page as rendered
from pipeline.report.tables import table_workbook
from pipeline.report.write import put
from pipeline.warehouse import Failures, Session, told
from pipeline.warehouse.overview import WindowFigures, latest_windows
from pipeline.warehouse.windows import clock
from pipeline.warehouse.windows.series import bars, series

SHOWN, IN_WORKBOOK = 200, 1_000
"""Windows of a page, and of its workbook: the latest."""
_DAYS = 30
_NOT_SHOWN = ("revision", "computed_at", "is_final")
_LOCAL = ("local_start", "local_end", "day")
"""Made anew from the others, with the offset where the clock shows an hour twice."""


def write_windows(
    intake: Intake, windows: Iterable[tuple[str, str]], failures: Failures | None = None
) -> bool:
    """Write the pages and workbooks of these windows, (dataset, name), each once; names that no dataset has are passed over. Whether
    one of them had none before, so that the pages over them do not link it yet.

    Raises:
        PartsFailed: without `failures`, some could not be written; all others are. WarehouseBusy, WarehouseMissing: see `Warehouse.session`.
    """
    wanted = [(name, window) for name, window in dict.fromkeys(windows) if name in intake.datasets]
    pages: dict[Path, tuple[str, bytes | None]] = {}
    if not wanted:
        return False
    new = False
    with told(failures) as aside:
        with intake.warehouse.session(read_only=True) as session:
            for name, window in wanted:
                dataset = intake.datasets[name]
                declared = next((one for one in dataset.windows if one.name == window), None)
                if declared is not None:
                    with aside.aside("report", name, f"{WINDOWS}/{window}"):
                        page = window_page(intake.settings, name, window)
                        pages[page] = _page(intake, session, dataset, declared, page)
        for page, (text, workbook) in pages.items():
            new |= not page.exists()
            with aside.aside("report", "", page.relative_to(intake.settings.reports).as_posix()):
                book = page.with_suffix(".xlsx")
                if workbook is None:
                    book.unlink(missing_ok=True)
                else:
                    put(book, workbook)
                put(page, text)
    return new


def tidy_windows(intake: Intake, session: Session, dataset: str) -> list[tuple[str, str]]:
    """Take away the pages of windows that the dataset has no longer. The windows that have no page though they are up to date; those
    that are to be computed get theirs then."""
    declared = intake.datasets[dataset].windows
    pages = {window_page(intake.settings, dataset, window.name): window.name for window in declared}
    kept = {path for page in pages for path in (page, page.with_suffix(".xlsx"))}
    folder = index_page(intake.settings, dataset).parent / WINDOWS
    for path in folder.glob("*.*") if folder.is_dir() else ():
        if path not in kept and path.suffix in (".html", ".xlsx"):
            path.unlink(missing_ok=True)
    missing = [name for page, name in pages.items() if not page.exists()]
    dirty = {mark.window for mark in session.dirty(dataset)} if missing else set()
    return [(dataset, name) for name in missing if name not in dirty]


def window_panels(session: Session, dataset: Dataset, window: Window, day: date | None) -> list[Panel]:
    """The figures of a window's day and of the 30 days up to it, to be shown side by side; of a total, and of a day that is one window,
    those by group. None where there is nothing to draw."""
    if isinstance(window, Total) or day is None:
        figures = bars(session.connection, dataset, window)
        return [bar_panel(figures, f"{window.name}: {figures.measure}")] if figures.bars else []
    lower, upper = clock.day_bounds(dataset.zone, day)
    month = clock.day_bounds(dataset.zone, date.fromordinal(max(1, day.toordinal() - _DAYS + 1)))[0]
    long = series(session.connection, dataset, window, month, upper)
    panels = [series_panel(long, dataset.zone, f"{long.measure}, {_DAYS} days to {day}")]
    if long.step < clock.DAY or isinstance(window, SessionWindow):
        short = series(session.connection, dataset, window, lower, upper)
        beside = series_panel(short, dataset.zone, f"{short.measure}, {day}", legend=panels[0].legend)
        panels.insert(0, beside)
    elif window.by:
        figures = bars(session.connection, dataset, window, (lower, upper))
        panels.insert(0, bar_panel(figures, f"{figures.measure}, {day}"))
    return panels


def local_text(zone: ZoneInfo, moment: datetime) -> str:
    """A moment (UTC) on the zone's clock, to the minute where it is whole; with its offset in the hour that the clock shows twice."""
    local = clock.to_local(zone, moment)
    text = f"{local:%Y-%m-%d %H:%M:%S}" if local.second or local.microsecond else f"{local:%Y-%m-%d %H:%M}"
    offsets = [local.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1)]
    if offsets[0] == offsets[1] or None in offsets:
        return text
    minutes = round((local - moment) / timedelta(minutes=1))
    return f"{text} {'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def _page(
    intake: Intake, session: Session, dataset: Dataset, window: Window, page: Path
) -> tuple[str, bytes | None]:
    found = latest_windows(session, dataset, window, IN_WORKBOOK)
    if isinstance(window, Total) and found.count:
        found = replace(found, rows=found.rows.drop("window_start", "window_end", "_delivery"))
    own = {*window.by, *window.measures}
    found = replace(found, rows=found.rows.drop([one for one in _LOCAL if one not in own], strict=False))
    names = [name for name in found.rows.columns if name in own or name not in _NOT_SHOWN]
    panels = window_panels(session, dataset, window, found.day) if found.count else []
    # A picture within a page needs no namespace, and a page names no address.
    pictures = [
        picture([one], window.name).replace(' xmlns="http://www.w3.org/2000/svg"', "") for one in panels
    ]
    workbook = None
    if found.count:
        workbook = table_workbook(f"{dataset.name} {window.name}", *_of_workbook(dataset.zone, found))
    settings = intake.settings
    text = rendered(
        dataset=dataset.name,
        window=window,
        kind=type(window).__name__,
        zone=dataset.zone.key,
        found=found,
        columns=[_title(name) for name in names],
        numeric=[found.rows.schema[name].is_numeric() for name in names],
        rows=_rows(dataset.zone, found, names),
        pictures=[Markup(one) for one in pictures],
        workbook=link(page, page.with_suffix(".xlsx")) if workbook else None,
        in_workbook=IN_WORKBOOK,
        published=shown((settings.published / dataset.name / window.name).absolute()),
        is_published=dataset.publish != "nothing",
    )
    return text, workbook


def _rows(zone: ZoneInfo, found: WindowFigures, names: Sequence[str]) -> list[dict[str, Any]]:
    """The first rows as a page shows them: values in the order of `names`, moments as local text."""
    head = found.rows.head(SHOWN)
    finals = head["is_final"].to_list() if "is_final" in head.columns else [True] * head.height
    made = []
    for final, row in zip(finals, head.select(names).iter_rows(), strict=True):
        values = [local_text(zone, one) if isinstance(one, datetime) else one for one in row]
        made.append({"values": values, "final": final})
    return made


def _of_workbook(zone: ZoneInfo, found: WindowFigures) -> tuple[list[str], Iterable[Sequence[object]]]:
    """Header and rows of the workbook: local times first, what they are in UTC last."""
    names = found.rows.columns
    moments = [name for name in ("window_start", "window_end") if name in names]
    header = [f"{name} ({zone.key})" if name in moments else name for name in names]
    header += [f"{name} (UTC)" for name in moments]
    places = [names.index(name) for name in moments]

    def rows() -> Iterable[Sequence[object]]:
        for row in found.rows.select(names).iter_rows():
            local = [clock.to_local(zone, one) if n in places else one for n, one in enumerate(row)]
            yield [*local, *(row[place] for place in places)]

    return header, rows()


def _title(name: str) -> str:
    return {"window_start": "from", "window_end": "until", "row_count": "rows"}.get(name, name)
