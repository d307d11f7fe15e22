"""Documents as pages: one self-contained HTML file each, everything that comes from files escaped.

What belongs here: the templates' environment and how values are written. What does not: what is said (`document`, `indexes`).
"""

from __future__ import annotations

from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.counts import counted
from pipeline.ingest import approximate_count, bounded_count
from pipeline.report import charts
from pipeline.report.document import MOST_ROWS, Document

if TYPE_CHECKING:
    from jinja2 import Environment

_UNPRINTABLE = {code: 0x2400 + code for code in range(32) if code not in (9, 10, 13)}
_UNPRINTABLE |= {0x7F: 0x2421, 0xFFFE: 0xFFFD, 0xFFFF: 0xFFFD}
_CELL = 120
_SHARES = {
    "validity": "rows that were not rejected",
    "completeness": "cells that hold a value",
    "cleanliness": "rows without a warning",
    "structure": "records that needed no mending",
}


def delivery_page(document: Document) -> str:
    """The page of a delivery."""
    return _environment().get_template("delivery.html").render(d=document, root=_up(document["delivery"]))


def dataset_page(**values: Any) -> str:
    """The page over a dataset's deliveries."""
    return _environment().get_template("dataset.html").render(**values)


def home_page(**values: Any) -> str:
    """The page over all datasets."""
    return _environment().get_template("home.html").render(**values)


def window_page(**values: Any) -> str:
    """The page of a window."""
    return _environment().get_template("window.html").render(**values)


def shown(value: object) -> object:
    """What a template prints: control characters as their pictures, for a page may not hold them."""
    if value is None:
        return ""
    if type(value) is str and not value.isprintable():
        return value.translate(_UNPRINTABLE)
    return value


@lru_cache(1_000)
def percent(share: float | None) -> str:
    """A share in percent; what is not quite 0 or 1 is not shown as such."""
    if share is None:
        return "–"
    if 0 < share < 0.0005:
        return "< 0.1 %"
    if 0.9995 <= share < 1:
        return "> 99.9 %"
    return f"{100 * share:.1f} %".replace(".0 %", " %")


def number(value: float | Decimal | None) -> str:
    """A figure with thousands parted; a mean with four digits after the point, below one with four that count."""
    if value is None:
        return "–"
    if isinstance(value, int | Decimal):
        return f"{value:,}"
    if abs(value) < 1:
        return f"{value:.4g}"
    return f"{value:,.4f}".rstrip("0").rstrip(".") if abs(value) < 1e15 else f"{value:.6g}"


def cut(value: object) -> str:
    """A value on one line of a table, not longer than can be looked at."""
    text = str(value)
    return text if len(text) <= _CELL else f"{text[: _CELL - 1]}…"


def size(value: int) -> str:
    """A number of bytes for people."""
    amount = float(value)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            break
        amount /= 1000
    return counted(value, "byte") if unit == "bytes" else f"{amount:,.1f} {unit}"


@cache
def _environment() -> Environment:
    # Whoever only wants to know where a report is does not wait for it.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        finalize=shown,
    )
    made.globals.update(most_rows=MOST_ROWS)
    made.filters.update(cut=cut, number=number, percent=percent, size=size)
    made.filters.update(approximate=approximate_count, bounded=bounded_count)
    made.globals.update(charts=charts, share_words=_SHARES)
    return made


def _up(delivery: str) -> str:
    """From a delivery's page to the folder of its dataset."""
    return "../" * delivery.count("/")
