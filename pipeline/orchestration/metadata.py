"""What Dagster shows of a delivery or a window: figures, samples, a picture.

What belongs here: values for `metadata=`, bounded in size. What does not: fetching them, and events (`events`).
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
from dagster import MetadataValue

from pipeline.warehouse import Entry, Recomputed

SAMPLE_ROWS = 10
_SAMPLE_COLUMNS = 20
_CELL = 80
_BARS = 60


def error_rate(entry: Entry) -> float:
    """Share of a delivery's rows that were rejected; 1 for a delivery that was quarantined as a whole."""
    if entry.status == "quarantined":
        return 1.0
    return entry.rows_rejected / entry.rows_read if entry.rows_read else 0.0


def delivery_metadata(entry: Entry, kept_at: Path | None) -> dict[str, Any]:
    """Everything the ledger knows of a delivery."""
    values: dict[str, Any] = {
        "dagster/row_count": entry.rows_clean,
        "dagster/partition_row_count": entry.rows_clean,
        "rows_read": entry.rows_read,
        "rows_clean": entry.rows_clean,
        "rows_rejected": entry.rows_rejected,
        "rows_filtered": entry.rows_filtered,
        "violations": entry.violations,
        "error_rate": round(error_rate(entry), 6),
        "seconds": round(entry.seconds, 3),
        "rows_per_second": round(entry.rows_read / entry.seconds) if entry.seconds else None,
        "peak_memory_mb": None if entry.peak_memory_mb is None else round(entry.peak_memory_mb, 1),
        "event_time_min": _moment(entry.event_time_min),
        "event_time_max": _moment(entry.event_time_max),
        "dialect": MetadataValue.json(json.loads(entry.dialect)) if entry.dialect else None,
        "archive_path": _path(kept_at),
    }
    return _given(values | _identity(entry))


def unloaded_metadata(entry: Entry, kept_at: Path | None) -> dict[str, Any]:
    """What there is to say of a delivery that put no rows into the table: quarantined or duplicate."""
    return _given(_identity(entry) | {"kept_at": _path(kept_at)})


def _identity(entry: Entry) -> dict[str, Any]:
    """Which file it was and what became of it."""
    return {
        "file": entry.file_name,
        "bytes": entry.bytes,
        "sha256": entry.sha256,
        "status": entry.status,
        "reason": entry.reason,
        "ledger_id": entry.id,
    }


def _path(path: Path | None) -> MetadataValue[Any] | None:
    return None if path is None else MetadataValue.path(str(path))


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def window_metadata(done: Recomputed, picture: MetadataValue[Any] | None = None) -> dict[str, Any]:
    """What a recomputation did."""
    values: dict[str, Any] = {
        "dagster/row_count": done.rows,
        "rows": done.rows,
        "changed_figures": done.changed,
        "seconds": round(done.seconds, 3),
    }
    if done.day is not None:
        values |= {"dagster/partition_row_count": done.rows, "day": done.day.isoformat()}
    return values if picture is None else values | {"chart": picture}


def as_table(frame: pl.DataFrame) -> MetadataValue[Any]:
    """The first rows and columns of a frame as a markdown table."""
    shown = frame.head(SAMPLE_ROWS).select(frame.columns[:_SAMPLE_COLUMNS])
    lines = ["| " + " | ".join(_cell(name) for name in shown.columns) + " |", "|" + " --- |" * shown.width]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in shown.iter_rows()]
    left_out = len(frame.columns) - shown.width
    if left_out > 0:
        lines.append(f"\n{left_out} more columns are left out.")
    return MetadataValue.md("\n".join(lines))


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


def _numeric(frame: pl.DataFrame, name: str) -> bool:
    return name in frame.columns and frame.schema[name].is_numeric()


def _tick(value: object) -> str:
    return f"{value:%m-%d %H:%M}" if isinstance(value, datetime) else str(value)[:16]


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    text = text if len(text) <= _CELL else text[: _CELL - 1] + "…"
    return (
        text.replace("\\", "\\\\")
        .replace("|", "\\|")
        .replace("\n", " ")
        .replace("\r", " ")
        .replace("<", "&lt;")
    )


def _moment(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat(sep=" ") + " UTC"
