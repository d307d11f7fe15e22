"""Pictures in Dagster's page: a window's figures, a delivery's violations.

What belongs here: from figures to an image in markdown. What does not: which figures are shown (`events`).
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

import polars as pl
from dagster import MetadataValue

from pipeline.warehouse.violations import CheckCount

_BARS = 60
_CHECKS = 12
_COLOURS = {"reject": "#d2453f", "warn": "#d08a16", "repair": "#d08a16"}


def chart(frame: pl.DataFrame, measures: Mapping[str, object], title: str) -> MetadataValue[Any] | None:
    """A bar chart of the first numeric measure by window start, or by group where there is none, as a picture in
    markdown; None where there is nothing to draw."""
    measure = next((name for name in (*measures, "row_count") if _numeric(frame, name)), None)
    axis = next((name for name in frame.columns if name not in measures), None)
    if measure is None or axis is None or frame.is_empty():
        return None
    bars = frame.group_by(axis).agg(pl.col(measure).cast(pl.Float64).sum()).sort(axis).tail(_BARS)
    # matplotlib takes a second to import: only a run that draws pays for it
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 2.2), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.bar(range(bars.height), bars[measure].fill_null(0).to_list(), color="#4c78a8")
    ticks = range(0, bars.height, max(1, bars.height // 6))
    axes.set_xticks(list(ticks), [_tick(bars[axis][n]) for n in ticks], fontsize=7)
    axes.set_title(f"{title}: {measure}", fontsize=9)
    picture = io.BytesIO()
    canvas.print_png(picture)  # type: ignore[no-untyped-call]
    data = base64.b64encode(picture.getvalue()).decode()
    return MetadataValue.md(f"![{title}](data:image/png;base64,{data})")


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


def _numeric(frame: pl.DataFrame, name: str) -> bool:
    return name in frame.columns and frame.schema[name].is_numeric()


def _tick(value: object) -> str:
    return f"{value:%m-%d %H:%M}" if isinstance(value, datetime) else str(value)[:16]
