"""Pictures in Dagster's page: a window's figures, a delivery's violations.

What belongs here: from figures to an image in markdown. What does not: which figures are shown (`events`).
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import date
from html import escape
from typing import Any

from dagster import MetadataValue

from pipeline.contract import Dataset, Total, Window
from pipeline.contract import Session as SessionWindow
from pipeline.pictures import Panel, bar_panel, picture, series_panel
from pipeline.warehouse import Session
from pipeline.warehouse.violations import CheckCount
from pipeline.warehouse.windows import clock
from pipeline.warehouse.windows.series import bars, series

_DAYS = 30
_CHECKS = 12
_COLOURS = {"reject": "#d2453f", "warn": "#d08a16", "repair": "#d08a16"}


def window_chart(
    session: Session, dataset: Dataset, window: Window, day: date | None
) -> MetadataValue[Any] | None:
    """The figures of a window's day and of the 30 days up to it side by side, as a picture in markdown; of a total, and of a day that
    is one window, those by group. None where there is nothing to draw."""
    if isinstance(window, Total) or day is None:
        figures = bars(session.connection, dataset, window)
        if not figures.bars:
            return None
        return _picture([bar_panel(figures, f"{window.name}: {figures.measure}")], window.name)
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
    return _picture(panels, f"{window.name}, {day}")


def _picture(panels: Sequence[Panel], title: str) -> MetadataValue[Any]:
    data = base64.b64encode(picture(panels, title).encode(errors="replace")).decode()
    return MetadataValue.md(f"![{title}](data:image/svg+xml;base64,{data})")


def checks_chart(checks: Sequence[CheckCount]) -> MetadataValue[Any]:
    """The violations of a delivery by column and check as bars, most first, as a picture in markdown; drawn as SVG, which costs
    nothing, for there is one for each delivery."""
    shown = checks[:_CHECKS]
    most = max(check.violations for check in shown)
    bars = ""
    for number, check in enumerate(shown):
        y, name = 6 + 22 * number, f"{check.column or 'row'}: {check.check}"
        name = escape(name if len(name) <= 42 else f"{name[:41]}…")
        bars += (
            f'<text x="276" y="{y + 12}" text-anchor="end">{name}</text>'
            f'<rect x="284" y="{y}" width="{max(1.0, 250 * check.violations / most):.1f}" height="15" rx="2" '
            f'fill="{_COLOURS.get(check.severity, "#8b97a8")}"/>'
            f'<text x="{290 + max(1.0, 250 * check.violations / most):.1f}" y="{y + 12}">{check.violations:,}</text>'
        )
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="620" height="{10 + 22 * len(shown)}" fill="#7d8794" '
        f'font-family="sans-serif" font-size="12">{bars}</svg>'
    )
    data = base64.b64encode(picture.encode(errors="replace")).decode()
    return MetadataValue.md(f"![violations by check](data:image/svg+xml;base64,{data})")
