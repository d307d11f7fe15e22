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
from pipeline.pictures import Panel, picture
from pipeline.report import window_panels
from pipeline.warehouse import Session
from pipeline.warehouse.violations import CheckCount

_CHECKS = 12
_COLOURS = {"reject": "#d2453f", "warn": "#d08a16", "repair": "#d08a16"}


def window_chart(
    session: Session, dataset: Dataset, window: Window, day: date | None
) -> MetadataValue[Any] | None:
    """The figures of a window's day and of the days up to it side by side, as a picture in markdown; see `window_panels`. None where
    there is nothing to draw."""
    panels = window_panels(session, dataset, window, day)
    title = window.name if isinstance(window, Total) or day is None else f"{window.name}, {day}"
    return _picture(panels, title) if panels else None


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
