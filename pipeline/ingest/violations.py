"""Violations of one chunk, as columns.

What belongs here: the shape of the error frame and turning findings into it. What does not: finding them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain

import numpy as np
import polars as pl

from pipeline.contract.cleaning.text import UNSEEN
from pipeline.files import Parsed, Reject, Repair
from pipeline.files.canonical import as_text
from pipeline.files.table import ROW
from pipeline.ingest.rows import union
from pipeline.ingest.words import is_about_form, unseen_in

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
NOTE = "note"
"""Severity of a finding that is counted for a note of the delivery and no row of the error table."""
_SHOWN = 1_000
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True)
class Finding:
    """One check that failed at some rows of a chunk.

    Attributes:
        column: contract column, or None for a rule over the row.
        check: name of the check.
        template: message, with `{value}` where the value goes.
        rows: positions in the chunk (UInt32, ascending).
        severity: reject, or warn or repair: then the row stays; or quarantine: then the whole file is refused; or `NOTE`.
        concerns: contract columns that a rule looks at; where the value of one could not be had, it has nothing to say.
    """

    column: str | None
    check: str
    template: str
    rows: pl.Series
    severity: str = "reject"
    concerns: tuple[str, ...] = ()


def error_frame(
    raw: pl.DataFrame,
    findings: Iterable[Finding],
    parsed: Parsed,
    sheet: str | None,
    shown: Mapping[str, pl.Series],
) -> pl.DataFrame:
    """One row per finding and row, with the source text, the message and the whole source record; `ERROR_SCHEMA`.

    Args:
        raw: the file's columns as they may be written, and `_row`.
        findings: what is wrong with its rows.
        parsed: where lines are found.
        sheet: sheet of the workbook.
        shown: contract column → its source values as they may be written, of the same height.
    """
    found = [finding for finding in findings if len(finding.rows)]
    if not found:
        return pl.DataFrame(schema=ERROR_SCHEMA)
    rows = union([finding.rows for finding in found])
    source = raw[rows]
    lines = parsed.lines(source[ROW]) if parsed.lines else pl.Series([None] * source.height, dtype=pl.Int64)
    context = pl.DataFrame(
        [rows.alias("position"), source[ROW], lines.alias("line"), records_as_json(source).alias("record")]
    )
    values = [_values(finding, shown) for finding in found]
    violations = pl.DataFrame(
        {
            "position": np.concatenate([finding.rows.to_numpy() for finding in found]),
            "finding": np.repeat(np.arange(len(found), dtype=np.uint32), [len(f.rows) for f in found]),
            "value": pl.concat(values),
            "unseen": pl.concat([_unseen(*one) for one in zip(found, values, strict=True)]),
        }
    )
    # One query: each costs as much as a few thousand rows.
    return (
        violations.lazy()
        .join(_told(found).lazy(), on="finding", how="left")
        .join(context.lazy(), on="position", how="left")
        .with_columns(message=_message(), sheet=pl.lit(sheet, pl.String))
        .sort("position", "finding")
        .select([pl.col(name).cast(dtype) for name, dtype in ERROR_SCHEMA.items()])
        .collect()
    )


def in_words(finding: Finding, shown: Mapping[str, pl.Series]) -> str:
    """The message of the first row of a finding; `shown` as for `error_frame`."""
    (value,) = _values(finding, shown)[:1].to_list()
    message = finding.template.replace("{value}", "(empty)" if value is None else value[:_SHOWN])
    return message + (unseen_in(value) if value is not None and is_about_form(finding.check) else "")


def _values(finding: Finding, shown: Mapping[str, pl.Series]) -> pl.Series:
    """The source text at the rows of a finding."""
    if finding.column is None or finding.column not in shown:
        return pl.Series("value", [None], pl.String).new_from_index(0, len(finding.rows))
    return as_text(shown[finding.column][finding.rows]).alias("value")


def _unseen(finding: Finding, values: pl.Series) -> pl.Series:
    """What is to be said of characters in the values that nobody sees, where the form of the value is what is wrong; or ""."""
    nothing = pl.Series("unseen", [""]).new_from_index(0, len(values))
    if not is_about_form(finding.check):
        return nothing
    rows = values.str.contains(UNSEEN).fill_null(False).arg_true()
    return nothing if rows.is_empty() else nothing.scatter(rows, [unseen_in(value) for value in values[rows]])


def _told(found: list[Finding]) -> pl.DataFrame:
    """What is the same for all rows of a finding, by its number."""
    parts = [finding.template.partition("{value}") for finding in found]
    return pl.DataFrame(
        {
            "finding": range(len(found)),
            "column_name": [finding.column for finding in found],
            "check_name": [finding.check for finding in found],
            "severity": [finding.severity for finding in found],
            "before": [before for before, _, _ in parts],
            "marked": [bool(marker) for _, marker, _ in parts],
            "after": [after for _, _, after in parts],
        },
        schema_overrides={"finding": pl.UInt32, "column_name": pl.String},
    )


def _message() -> pl.Expr:
    shown = pl.col("value").fill_null("(empty)").str.slice(0, _SHOWN)
    return pl.when("marked").then(pl.concat_str("before", shown, "after", "unseen")).otherwise("before")


def records_as_json(raw: pl.DataFrame) -> pl.Series:
    """Source rows (with `_row`) → JSON text of their source columns, every value as text."""
    columns = [as_text(series) for series in raw.get_columns() if series.name != ROW]
    if not columns:
        return pl.Series("record", ["{}"] * raw.height, pl.String)
    return pl.DataFrame(columns).select(pl.struct(pl.all()).struct.json_encode().alias("record")).to_series()


def reader_frame(parsed: Parsed) -> pl.DataFrame:
    """Records that could not be read, and repairs of those that could → `ERROR_SCHEMA`; the record holds the raw text and,
    of a reject, the best-effort split."""
    if not parsed.rejects and not parsed.repairs:
        return pl.DataFrame(schema=ERROR_SCHEMA)
    # Row by row, and no object is kept: a chunk of nothing but rejects makes them batch by batch when they are asked for.
    everything: Iterable[Reject | Repair] = chain(parsed.rejects, parsed.repairs)
    rows = [
        (told.row, told.sheet, told.line, told.check, told.raw, told.message, _told_as_json(told))
        for told in everything
    ]
    names = (ROW, "sheet", "line", "check_name", "value", "message", "record")
    frame = pl.DataFrame(rows, schema={name: ERROR_SCHEMA[name] for name in names}, orient="row")
    severity = pl.concat(
        [
            pl.Series("severity", [name]).new_from_index(0, size)
            for name, size in (("reject", len(parsed.rejects)), ("repair", len(parsed.repairs)))
        ]
    )
    return frame.with_columns(severity, column_name=pl.lit(None, pl.String)).select(list(ERROR_SCHEMA))


def _told_as_json(told: Reject | Repair) -> str:
    """The raw text and, of a reject, the best-effort split."""
    fields = told.fields if isinstance(told, Reject) else None
    return str(_JSON({"_raw": told.raw, "_fields": fields}))
