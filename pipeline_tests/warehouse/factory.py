"""Staged deliveries made by hand: Parquet beside a manifest, as staging would leave them."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.contract import Dataset
from pipeline.ingest.manifest import ColumnProfile, DaySpan, Manifest, Staged

ERROR_SCHEMA = {
    "_row": pl.Int64, "sheet": pl.String, "line": pl.Int64, "column_name": pl.String, "check_name": pl.String,
    "value": pl.String, "message": pl.String, "record": pl.String, "severity": pl.String,
}  # fmt: skip
_NUMBERS = itertools.count()


def stage_rows(
    folder: Path,
    dataset: Dataset,
    delivery: str,
    rows: Sequence[dict[str, Any]] | pl.DataFrame,
    *,
    errors: Sequence[dict[str, Any]] = (),
    rejected: int | None = None,
    filtered: int = 0,
    landing: str | None = None,
    sha256: str | None = None,
    fingerprint: str | None = None,
    parts: int = 1,
    **wrong: Any,
) -> Staged:
    """Stage `rows` (clean) and `errors`; `wrong` replaces fields of the manifest."""
    names = {column.name: column.dtype for column in dataset.columns}
    frame = (
        rows if isinstance(rows, pl.DataFrame) else pl.DataFrame(list(rows), schema=None if rows else names)
    )
    frame = frame.with_columns(pl.col(n).cast(t) for n, t in names.items() if n in frame.columns)
    if "_row" not in frame.columns:
        frame = frame.with_row_index("_row", offset=1).with_columns(pl.col("_row").cast(pl.Int64))
    if "_rescued" not in frame.columns:
        frame = frame.with_columns(_rescued=pl.lit(None, dtype=pl.String))
    bad = pl.DataFrame(
        [{"severity": "reject", "check_name": "email", **error} for error in errors], schema=ERROR_SCHEMA
    )
    rejected = bad.filter(pl.col("severity") == "reject")["_row"].n_unique() if rejected is None else rejected
    place = folder / f"staged-{next(_NUMBERS)}"
    place.mkdir(parents=True)
    size = -(-frame.height // parts) if frame.height else 1
    clean_files = [f"clean-{n:05d}.parquet" for n in range(-(-frame.height // size))]
    for number, name in enumerate(clean_files):
        frame.slice(number * size, size).write_parquet(place / name)
    if bad.height:
        bad.write_parquet(place / "errors-00000.parquet")
    digest = hashlib.sha256(json.dumps([frame.write_json(), bad.write_json()]).encode()).hexdigest()
    spans = _spans(frame, dataset)
    facts: dict[str, Any] = {
        "dataset": dataset.name, "fingerprint": fingerprint or dataset.fingerprint, "sha256": sha256 or digest,
        "bytes": 100, "format": "csv", "dialect": {"delimiter": ","},
        "rows_read": frame.height + rejected + filtered, "rows_clean": frame.height, "rows_rejected": rejected,
        "rows_filtered": filtered, "violations": bad.height,
        "event_time_min": spans[0].first if spans else None, "event_time_max": spans[-1].last if spans else None,
        "days": spans, "columns": tuple(ColumnProfile(n, frame.height, 0, 1, "a", "b", None, (("a", 2),), 0) for n in names),
        "clean_files": tuple(clean_files), "error_files": ("errors-00000.parquet",) if bad.height else (),
        "seconds": 0.5, "peak_memory_mb": 100.0,
    }  # fmt: skip
    return Staged(place, Manifest(**(facts | wrong)), place / "source.csv", delivery, landing)


def _spans(frame: pl.DataFrame, dataset: Dataset) -> tuple[DaySpan, ...]:
    if dataset.event_time is None or not frame.height:
        return ()
    days: dict[Any, list[datetime]] = {}
    for moment in frame[dataset.event_time].to_list():
        naive = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
        day = naive.replace(tzinfo=UTC).astimezone(dataset.zone).date()
        days.setdefault(day, []).append(naive)
    return tuple(DaySpan(day, min(found), max(found)) for day, found in sorted(days.items()))
