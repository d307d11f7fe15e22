"""One chunk through the contract: clean, cast, filter, validate, split into clean and error rows.

What belongs here: the order of work on the rows of one piece. What does not: each step's own rules, files, threads.
A chunk is independent of every other, so that chunks run in parallel; what needs the whole file is the commit's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl

from pipeline.contract import Cleaner, Column, Dataset
from pipeline.files import Parsed, Piece
from pipeline.files.table import ROW
from pipeline.ingest.casts import CastMemory, cast, failed, same_kind
from pipeline.ingest.mapping import ColumnMapping, map_columns
from pipeline.ingest.profile import ChunkFigures, chunk_figures
from pipeline.ingest.rows import all_but, positions, union, without
from pipeline.ingest.validate import ChunkValidator
from pipeline.ingest.violations import Finding, error_frame, reader_frame, records_as_json
from pipeline.ingest.words import cast_template

RESCUED = "_rescued"


@dataclass(frozen=True)
class ChunkResult:
    """A processed chunk.

    Attributes:
        clean: the contract's columns, `_row`, `_rescued`.
        errors: `violations.ERROR_SCHEMA`.
        rejected: rows with a violation that rejects, unreadable records too.
        filtered: rows left out by `keep=`.
        figures: contract column → its part of the profile.
        days: day (Date), first, last (Datetime UTC) of the clean rows' event times; None without event time.
        unknown: columns of the file that the contract does not know.
    """

    clean: pl.DataFrame
    errors: pl.DataFrame
    rejected: int
    filtered: int
    figures: dict[str, ChunkFigures]
    days: pl.DataFrame | None
    unknown: tuple[str, ...]


class ChunkProcessor:
    """A dataset's contract, ready to take chunks from any thread."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._validator = ChunkValidator(dataset)
        self._memory = CastMemory()
        self._mappings: dict[tuple[str, ...], ColumnMapping] = {}

    def process(self, piece: Piece) -> ChunkResult:
        """Parse a piece and take its rows through the contract."""
        parsed = piece.parse()
        raw = parsed.frame
        mapping = self._mapping_of(tuple(name for name in raw.columns if name != ROW))
        typed, cast_findings = self._typed(raw, mapping)
        kept, filtered = self._keep(typed, cast_findings)
        if filtered:
            # Findings count positions in the chunk; from here on the chunk is the kept rows.
            rows = positions(kept)
            cast_findings = [_renumber(finding, rows, len(kept)) for finding in cast_findings]
            raw, typed = raw.filter(kept), typed.filter(kept)
        findings = cast_findings + self._check(typed, mapping, cast_findings)
        return self._split(piece, parsed, raw, typed, mapping, findings, filtered)

    def _mapping_of(self, columns: tuple[str, ...]) -> ColumnMapping:
        mapping = self._mappings.get(columns)
        if mapping is None:
            mapping = self._mappings[columns] = map_columns(self._dataset, columns)
        return mapping

    def _typed(self, raw: pl.DataFrame, mapping: ColumnMapping) -> tuple[pl.DataFrame, list[Finding]]:
        typed, findings = [], []
        for column in self._dataset.columns:
            source = mapping.sources[column.name]
            if source is None:
                typed.append(_constant(column, raw.height))
                continue
            cleaned, values = self._read(column, raw[source].rename(column.name))
            wrong = failed(cleaned, values)
            if len(wrong):
                template = cast_template(column.dtype, self._dataset.timezone)
                findings.append(Finding(column.name, source, "cast", template, wrong))
            typed.append(_with_default(values, cleaned, column))
        return pl.DataFrame(typed), findings

    def _read(self, column: Column, source: pl.Series) -> tuple[pl.Series, pl.Series]:
        """The source values as cleaned, and as cast."""
        cleaners = self._dataset.cleaners.get(column.name, ())
        if cleaners and source.dtype != pl.String:
            if same_kind(source.dtype, column.dtype):
                cleaners = ()
            else:
                source = self._cast(source, replace(column, dtype=pl.String()))
        # Texts of every kind pass a cast to text or to a category: there all of them are cleaned.
        picky = column.dtype.is_numeric() or column.dtype.is_temporal() or column.dtype == pl.Boolean
        if not cleaners or not picky or not all(cleaner.mends for cleaner in cleaners):
            cleaned = _clean(source, cleaners)
            return cleaned, self._cast(cleaned, column)
        values = self._cast(source, column)
        rows = failed(source, values)
        if rows.is_empty():
            return source, values
        mended = _clean(source[rows], cleaners)
        return source.clone().scatter(rows, mended), values.clone().scatter(rows, self._cast(mended, column))

    def _cast(self, values: pl.Series, column: Column) -> pl.Series:
        return cast(values, column.dtype, self._dataset.timezone, self._memory)

    def _keep(self, typed: pl.DataFrame, cast_findings: list[Finding]) -> tuple[pl.Series, int]:
        """Rows that stay: those for which `keep=` is true, and those whose cast failed (they are rejected, not filtered)."""
        if self._dataset.keep is None:
            return pl.Series([], dtype=pl.Boolean), 0
        kept = typed.select(self._dataset.keep.fill_null(False).alias("keep")).to_series()
        if cast_findings:
            kept = kept | ~all_but(typed.height, union([finding.rows for finding in cast_findings]))
        return kept, typed.height - int(kept.sum())

    def _check(
        self, typed: pl.DataFrame, mapping: ColumnMapping, cast_findings: list[Finding]
    ) -> list[Finding]:
        failed_rows = {finding.column: finding.rows for finding in cast_findings}
        findings = []
        for finding in self._validator.findings(typed, mapping.sources):
            # A value that could not be cast is null now; that it is also required says nothing new.
            known = failed_rows.get(finding.column) if finding.check == "not_nullable" else None
            rows = finding.rows if known is None else without(finding.rows, known)
            if len(rows):
                findings.append(replace(finding, rows=rows))
        return findings

    def _split(
        self,
        piece: Piece,
        parsed: Parsed,
        raw: pl.DataFrame,
        typed: pl.DataFrame,
        mapping: ColumnMapping,
        findings: list[Finding],
        filtered: int,
    ) -> ChunkResult:
        figures = chunk_figures(typed)
        whole = typed.with_columns(raw[ROW], _rescued(raw, mapping.unknown))
        bad = union([finding.rows for finding in findings if finding.severity == "reject"])
        clean = whole.filter(all_but(whole.height, bad)) if len(bad) else whole
        errors = error_frame(raw, findings, parsed, piece.sheet)
        if parsed.rejects or parsed.repairs:
            errors = pl.concat([errors, reader_frame(parsed)]).sort(ROW, maintain_order=True)
        return ChunkResult(
            clean=_stored(clean),
            errors=errors,
            rejected=len(bad) + len(parsed.rejects),
            filtered=filtered,
            figures=figures,
            days=self._days(clean),
            unknown=mapping.unknown,
        )

    def _days(self, clean: pl.DataFrame) -> pl.DataFrame | None:
        name = self._dataset.event_time
        if name is None:
            return None
        moments = _utc(clean[name])
        local = moments
        if self._dataset.timezone != "UTC":
            local = moments.dt.replace_time_zone("UTC").dt.convert_time_zone(self._dataset.timezone)
        frame = pl.LazyFrame({"local": local, "moment": moments})
        return (
            frame.group_by(pl.col("local").dt.date().alias("day"))
            .agg(pl.col("moment").min().alias("first"), pl.col("moment").max().alias("last"))
            .with_columns(pl.col("day").clip(date.min, date.max))
            .collect()
        )  # 9999-12-31 in UTC is the year 10000 further east


def _clean(values: pl.Series, cleaners: Sequence[Cleaner]) -> pl.Series:
    """Cleaners in order; text that they leave nothing of is null."""
    for cleaner in cleaners:
        values = cleaner.apply(values)
    if cleaners and values.str.len_bytes().min() == 0:
        values = values.set(values.str.len_bytes() == 0, None)
    return values


def _constant(column: Column, height: int) -> pl.Series:
    value = pl.Series(column.name, [column.default], strict=False).cast(column.dtype)
    return value.new_from_index(0, height)


def _with_default(values: pl.Series, cleaned: pl.Series, column: Column) -> pl.Series:
    if column.default is None or not values.null_count():
        return values
    missing = cleaned.is_null()
    return (
        pl.select(pl.when(missing).then(pl.lit(column.default, column.dtype)).otherwise(values))
        .to_series()
        .rename(column.name)
    )


def _rescued(raw: pl.DataFrame, unknown: tuple[str, ...]) -> pl.Series:
    """JSON of the columns that the contract does not know, null for rows in which they are all empty."""
    present = [name for name in unknown if raw[name].null_count() < raw.height]
    if not present:
        return pl.Series(RESCUED, [None], pl.String).new_from_index(0, raw.height)
    extra = pl.DataFrame([raw[name] for name in present])  # by name: select() reads "*" and "^…$" as patterns
    empty = extra.select(pl.all_horizontal(pl.all().is_null())).to_series()
    return records_as_json(extra).set(empty, None).rename(RESCUED)


def _renumber(finding: Finding, rows: pl.Series, height: int) -> Finding:
    """A finding's positions among all rows → its positions among the kept ones."""
    place = np.zeros(height, np.uint32)
    place[rows.to_numpy()] = np.arange(len(rows), dtype=np.uint32)
    return replace(finding, rows=pl.Series(place[finding.rows.to_numpy()]))


def _utc(values: pl.Series) -> pl.Series:
    dtype = values.dtype
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        values = values.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return values.cast(pl.Datetime("us")) if dtype != pl.Datetime("us") else values


def _stored(clean: pl.DataFrame) -> pl.DataFrame:
    """Times as the warehouse keeps them: UTC, no zone."""
    zoned = [s for s in clean.get_columns() if isinstance(s.dtype, pl.Datetime)]
    return clean.with_columns([_utc(series) for series in zoned]) if zoned else clean
