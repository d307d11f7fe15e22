"""A page with one picture whose figures show under the pointer; one file, no network.

What belongs here: the page around the SVG. What does not: the SVG (`svg`).
"""

from __future__ import annotations

import json
from html import escape
from zoneinfo import ZoneInfo

from pipeline.pictures import ticks
from pipeline.pictures.layout import colours_of
from pipeline.pictures.svg import Place, picture, place_of, series_panel
from pipeline.warehouse.windows.shown import Series

_WIDE, _HIGH = 1000, 420

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 14px system-ui, sans-serif; margin: 24px; max-width: 1040px }}
#figure {{ position: relative }} svg {{ width: 100%; height: auto }}
#line {{ position: absolute; top: 0; bottom: 0; width: 1px; background: #8b97a8; pointer-events: none }}
#tip {{ position: absolute; top: 8px; padding: 6px 10px; border-radius: 6px; background: Canvas; color: CanvasText;
  border: 1px solid #8b97a8; pointer-events: none; white-space: nowrap; font-size: 12px }}
#tip b {{ display: block }} #tip i {{ display: inline-block; width: 9px; height: 9px; border-radius: 2px; margin-right: 6px }}
</style></head><body>
<div id="figure">{picture}<div id="line" hidden></div><div id="tip" hidden></div></div>
<p>{below}</p>
<script>
const points = {points}, wide = {wide};
const figure = document.getElementById("figure"), tip = document.getElementById("tip"), line = document.getElementById("line");
const hide = () => {{ tip.hidden = line.hidden = true }};
figure.addEventListener("pointerleave", hide);
figure.addEventListener("pointermove", event => {{
  if (!points.length) return;
  const box = figure.getBoundingClientRect(), scale = box.width / wide, x = (event.clientX - box.left) / scale;
  let near = points[0];
  for (const point of points) if (Math.abs(point.x - x) < Math.abs(near.x - x)) near = point;
  tip.replaceChildren();
  const head = document.createElement("b"); head.textContent = near.at; tip.append(head);
  for (const row of near.rows) {{
    const div = document.createElement("div"), mark = document.createElement("i");
    mark.style.background = row[0]; div.append(mark, row[1]); tip.append(div);
  }}
  tip.hidden = line.hidden = false;
  line.style.left = near.x * scale + "px";
  tip.style.left = Math.min(near.x * scale + 12, box.width - tip.offsetWidth) + "px";
}});
</script></body></html>
"""


def page(series: Series, zone: ZoneInfo, title: str) -> str:
    """The series as a page of HTML."""
    panel = series_panel(series, zone, title, _WIDE, _HIGH)
    data = json.dumps(_points(series, place_of(series, _WIDE, _HIGH), zone), ensure_ascii=False)
    below = f"{series.dataset}/{series.window}, {series.measure}. Windows that are not final yet are drawn lighter."
    return _PAGE.format(
        title=escape(title),
        picture=picture([panel], title),
        below=escape(below),
        points=data.replace("<", "\\u003c"),
        wide=_WIDE,
    )


def _points(series: Series, place: Place, zone: ZoneInfo) -> list[dict[str, object]]:
    """By moment: where it lies, what it is called, and a row of text with its colour for each line."""
    found: dict[object, dict[str, object]] = {}
    for line, colour in zip(series.lines, colours_of(series), strict=True):
        for point in line.points:
            here = found.setdefault(
                point.at,
                {
                    "x": round(place.x(point.at), 1),
                    "at": ticks.moment(point.at, zone, series.step),
                    "rows": [],
                },
            )
            rows = here["rows"]
            assert isinstance(rows, list)
            rows.append(
                (
                    colour,
                    _row(series, line.label, point.value, point.low, point.high, point.final),
                )
            )
    return sorted(found.values(), key=lambda here: str(here["at"]))


def _row(
    series: Series, label: str, value: float | None, low: float | None, high: float | None, final: bool
) -> str:
    name = f"{label}: " if label else ""
    figure = "no figure" if value is None else _figure(value)
    spread = (
        f" ({low:,.6g} to {high:,.6g})" if series.averaged and low is not None and high is not None else ""
    )
    return f"{name}{figure}{spread}{'' if final else ', open'}"


def _figure(value: float) -> str:
    """All digits that the figure is stored with, thousands parted."""
    whole, point, digits = repr(value).partition(".")
    if not whole.lstrip("-").isdigit() or "e" in digits:
        return repr(value)
    sign = "-" if whole.startswith("-") else ""
    return f"{sign}{int(whole.lstrip('-')):,}" + ("" if digits == "0" else point + digits)
