"""The command that draws windows. What does not belong here: choosing figures (`warehouse`), shapes (`pictures`)."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands import completing
from pipeline.commands.app import Json, app, intake, refuse
from pipeline.commands.windows_named import From, To, day_range, window_named

if TYPE_CHECKING:
    from pipeline.contract import Dataset, TimeWindow, Window
    from pipeline.warehouse import Session
    from pipeline.warehouse.windows.shown import Bars, Series

_ENDINGS = (".svg", ".png", ".html")
_DAYS = 30


@app.command()
def plot(
    window: Annotated[str, typer.Argument(autocompletion=completing.windows, help="DATASET/WINDOW.")],
    measure: Annotated[
        str | None, typer.Option(help="Which measure; by default the first that is a number.")
    ] = None,
    by: Annotated[
        list[str] | None, typer.Option(help="Group column to tell apart; by default all that the window has.")
    ] = None,
    first: From = None,
    last: To = None,
    out: Annotated[
        Path | None,
        typer.Option(help="File to write: .svg, .png or .html (shows figures under the pointer)."),
    ] = None,
    json: Json = False,
) -> None:
    """Draw the figures of a window, by default of its last 30 days, and say where the picture is.

    Example: `pipeline plot orders/daily_by_department --measure revenue --from 2026-01-01 --to 2026-12-31 --out revenue.png`
    """
    from pipeline.contract import Total
    from pipeline.terminal import print_json, say
    from pipeline.warehouse.windows.shown import NotDrawable

    house = intake()
    dataset, spec = window_named(window, house)
    target = out or house.settings.reports / f"{dataset.name}-{spec.name}.svg"
    if target.suffix.lower() not in _ENDINGS:
        refuse(f"{target} ends with none of {', '.join(_ENDINGS)}.")
    if isinstance(spec, Total) and (first or last or by or target.suffix.lower() == ".html"):
        refuse("A total has no days and shows all its groups; write it to .svg or .png.")
    days = day_range(first, last)
    try:
        with house.warehouse.reading(dataset.name) as session:
            if not session.as_declared(dataset.name, spec.name):
                raise NotDrawable(
                    f"{dataset.name}/{spec.name} is not computed yet as it is declared now; `pipeline ingest` computes it"
                )
            if isinstance(spec, Total):
                figures: Series | Bars = _bars(session, dataset, spec, measure)
            else:
                figures = _series(session, dataset, spec, measure, by, days)
    except NotDrawable as error:
        refuse(f"{error}.")
    try:
        _draw(figures, dataset, spec, target)
    except OSError as error:
        refuse(f"{error}. --out names another place for the picture.")
    if json:
        print_json(
            {"window": f"{dataset.name}/{spec.name}", "measure": figures.measure, "picture": str(target)}
        )
        return
    say(f"{figures.measure} of {dataset.name}/{spec.name} is drawn in {target}")


def _bars(session: Session, dataset: Dataset, window: Window, measure: str | None) -> Bars:
    from pipeline.warehouse.windows.series import bars

    return bars(session.connection, dataset, window, measure=measure, most=20)


def _series(
    session: Session,
    dataset: Dataset,
    window: TimeWindow,
    measure: str | None,
    by: list[str] | None,
    days: list[date] | None,
) -> Series:
    from pipeline.warehouse.windows import clock
    from pipeline.warehouse.windows.series import days_stored, series
    from pipeline.warehouse.windows.shown import NotDrawable

    if days is None:
        stored = days_stored(session.connection, dataset, window)
        if stored is None:
            raise NotDrawable(f"{dataset.name}/{window.name} has no windows yet")
        days = [max(stored[0], stored[1] - timedelta(days=_DAYS - 1)), stored[1]]
    lower, upper = clock.span_bounds(dataset.zone, days)
    return series(session.connection, dataset, window, lower, upper, measure=measure, by=by, points=600)


def _draw(figures: Series | Bars, dataset: Dataset, window: Window, out: Path) -> None:
    from pipeline.warehouse.windows.shown import Bars

    title = f"{dataset.name}/{window.name}: {figures.measure}"
    if out.suffix.lower() == ".html":
        from pipeline.pictures import page

        assert not isinstance(figures, Bars)
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(page(figures, dataset.zone, title), encoding="utf-8")
        return
    from pipeline.pictures.files import draw_bars, draw_series

    if isinstance(figures, Bars):
        draw_bars(figures, title, out)
    else:
        draw_series(figures, dataset.zone, title, out)
