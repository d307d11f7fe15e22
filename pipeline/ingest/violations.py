"""Violations of one chunk, as columns.

What belongs here: the shape of the error frame and turning findings into it. What does not: finding them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from pipeline.files import Parsed, Reject, Repair
from pipeline.files.table import ROW
from pipeline.ingest.casts import as_text

ERROR_SCHEMA: dict[str, pl.DataType] = {
    ROW: pl.Int64(),
    "sheet": pl.String(),
    "line": pl.Int64(),
    "column_name": pl.String(),
    "check_name": pl.String(),
    "value": pl.String(),
    "message": pl.String(),
    "record": pl.String(),
    "severity": pl.String(),
}
_SHOWN = 1_000


@dataclass(frozen=True)
class Finding:
    """One check that failed at some rows of a chunk.

    Attributes:
        column: contract column, or None for a rule over the row.
        source: the file's column, where the text of the value is, or None.
        check: name of the check.
        template: message, with `{value}` where the value goes.
        rows: positions in the chunk (UInt32, ascending).
        severity: reject, or warn: then the row stays.
    """

    column: str | None
    source: str | None
    check: str
    template: str
    rows: pl.Series
    severity: str = "reject"


def error_frame(
    raw: pl.DataFrame, findings: Iterable[Finding], parsed: Parsed, sheet: str | None
) -> pl.DataFrame:
    """One row per finding and row, with the source text, the message and the whole source record; `ERROR_SCHEMA`."""
    parts = [_rows_of(finding, raw) for finding in findings if len(finding.rows)]
    if not parts:
        return pl.DataFrame(schema=ERROR_SCHEMA)
    errors = pl.concat(parts)
    positions = errors["position"].unique(maintain_order=False).sort()
    source = raw.select(pl.all().gather(positions))
    lines = parsed.lines(source[ROW]) if parsed.lines else pl.Series([None] * source.height, dtype=pl.Int64)
    context = pl.DataFrame(
        {
            "position": positions,
            ROW: source[ROW],
            "line": lines.cast(pl.Int64),
            "record": records_as_json(source),
        }
    )
    return (
        errors.join(context, on="position", how="left", maintain_order="left")
        .with_columns(sheet=pl.lit(sheet, pl.String))
        .select([pl.col(name).cast(dtype) for name, dtype in ERROR_SCHEMA.items()])
    )


def _rows_of(finding: Finding, raw: pl.DataFrame) -> pl.DataFrame:
    rows = finding.rows.cast(pl.UInt32)
    if finding.source is None:
        value = pl.Series("value", [], pl.String).extend_constant(None, len(rows))
    else:
        value = as_text(raw[finding.source].gather(rows)).rename("value")
    before, marker, after = finding.template.partition("{value}")
    shown = pl.col("value").fill_null("(empty)").str.slice(0, _SHOWN)
    message = pl.concat_str(pl.lit(before), shown, pl.lit(after)) if marker else pl.lit(before)
    return pl.DataFrame({"position": rows, "value": value}).select(
        "position",
        column_name=pl.lit(finding.column, pl.String),
        check_name=pl.lit(finding.check),
        value="value",
        message=message,
        severity=pl.lit(finding.severity),
    )


def records_as_json(raw: pl.DataFrame) -> pl.Series:
    """Source rows (with `_row`) → JSON text of their source columns, every value as text."""
    columns = [as_text(series) for series in raw.get_columns() if series.name != ROW]
    if not columns:
        return pl.Series("record", ["{}"] * raw.height, pl.String)
    return pl.DataFrame(columns).select(pl.struct(pl.all()).struct.json_encode().alias("record")).to_series()


def reader_frame(parsed: Parsed) -> pl.DataFrame:
    """Records that could not be read, and repairs of those that could → `ERROR_SCHEMA`; the record holds the raw text and,
    of a reject, the best-effort split."""
    told: list[Reject | Repair] = [*parsed.rejects, *parsed.repairs]
    if not told:
        return pl.DataFrame(schema=ERROR_SCHEMA)
    frame = pl.DataFrame(
        {
            ROW: [r.row for r in told],
            "sheet": [r.sheet for r in told],
            "line": [r.line for r in told],
            "column_name": [None] * len(told),
            "check_name": [r.check for r in told],
            "value": [r.raw for r in told],
            "message": [r.message for r in told],
            "raw": [r.raw for r in told],
            "fields": [list(r.fields) if isinstance(r, Reject) else None for r in told],
            "severity": ["reject" if isinstance(r, Reject) else "repair" for r in told],
        },
        schema={
            **{k: v for k, v in ERROR_SCHEMA.items() if k not in ("record", "severity")},
            "raw": pl.String,
            "fields": pl.List(pl.String),
            "severity": pl.String,
        },
    )
    record = pl.struct(pl.col("raw").alias("_raw"), pl.col("fields").alias("_fields")).struct.json_encode()
    return frame.with_columns(record=record).select(list(ERROR_SCHEMA))
