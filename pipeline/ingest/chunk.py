"""One chunk through the contract: clean, cast, filter, validate, split into clean and error rows.

What belongs here: the order of work on the rows of one piece. What does not: each step's own rules, files, threads.
A chunk is independent of every other, so that chunks run in parallel; what needs the whole file is the commit's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.contract import ContractError, Dataset
from pipeline.contract.cleaners import KeyProvider
from pipeline.contract.exact import CANNOT
from pipeline.files import Parsed, Piece
from pipeline.files.canonical import as_text
from pipeline.files.table import ROW
from pipeline.ingest import drift
from pipeline.ingest.columns import ColumnReader, Typed
from pipeline.ingest.hiding import Hiding, cause_of
from pipeline.ingest.mapping import ColumnMapping, map_columns
from pipeline.ingest.profile import chunk_figures
from pipeline.ingest.refusals import refusal
from pipeline.ingest.result import ChunkResult
from pipeline.ingest.rows import all_but, union, without
from pipeline.ingest.timestamps import days_in
from pipeline.ingest.validate import ChunkValidator
from pipeline.ingest.violations import NOTE, Finding, error_frame, reader_frame, records_as_json

RESCUED = "_rescued"
MOST_REPAIRS = 100
"""Repairs of one kind and column that a chunk lists; a note of the delivery says how many there are."""


@dataclass(frozen=True)
class _Rows:
    """The rows of a chunk on their way.

    Attributes:
        told: the file's columns as they may be written, and `_row`.
        typed: the contract's columns.
        shown: derived contract column → its source values as they may be written.
        findings: what is wrong so far.
        lost: contract column → positions whose value could not be had.
    """

    told: pl.DataFrame
    typed: pl.DataFrame
    shown: dict[str, pl.Series]
    findings: list[Finding]
    lost: dict[str, pl.Series]

    def only(self, kept: pl.Series) -> _Rows:
        """The rows for which `kept` is true, and what is wrong with those; positions are counted anew."""
        there = kept.to_numpy()
        place = np.cumsum(there, dtype=np.uint32) - 1

        def counted(rows: pl.Series) -> pl.Series:
            old = rows.to_numpy()
            return pl.Series(place[old[there[old]]].astype(np.uint32))

        findings = [replace(finding, rows=counted(finding.rows)) for finding in self.findings]
        return _Rows(
            self.told.filter(kept),
            self.typed.filter(kept),
            {name: values.filter(kept) for name, values in self.shown.items()},
            [finding for finding in findings if len(finding.rows)],
            {name: counted(lost) for name, lost in self.lost.items()},
        )


class ChunkProcessor:
    """A dataset's contract, ready to take chunks from any thread."""

    def __init__(
        self,
        dataset: Dataset,
        keys: KeyProvider,
        columns: tuple[str, ...] = (),
        *,
        rows_alone: bool = False,
        second: NDArray[np.int64] | None = None,
    ) -> None:
        """Make it ready.

        Args:
            dataset: the contract.
            keys: name of a key → its bytes, for cleaners that need one.
            columns: those of the whole file; a piece of it may lack some, and bring others, which are not added to the table.
            rows_alone: the rows are no file: a rule that refuses a whole file rejects the row.
            second: as `ColumnReader`: rows whose event times are meant the second time that the clocks show them.

        Raises:
            ContractError: a key is not set.
        """
        self._dataset = dataset
        self._file_columns = columns
        self._rows_alone = rows_alone
        self._validator = ChunkValidator(dataset)
        self._reader = ColumnReader(dataset, keys, second)
        self._hiding = Hiding(dataset)
        self._added = drift.places(dataset, columns)
        self._mappings: dict[tuple[str, ...], ColumnMapping] = {}

    @property
    def added(self) -> tuple[str, ...]:
        """Columns of the clean rows that the contract does not know and that the table gets."""
        return tuple(self._added.values())

    def process(self, piece: Piece) -> ChunkResult:
        """Parse a piece and take its rows through the contract."""
        parsed = self._hiding.parsed(piece.parse())
        raw = parsed.frame
        mapping = self._mapping_of(tuple(name for name in raw.columns if name != ROW))
        typed = self._reader.read(raw, mapping, parsed.typed)
        rows = self._rows(raw, mapping, typed)
        kept, filtered = self._keep(rows)
        if filtered:
            rows = rows.only(kept)
        findings = rows.findings + self._check(rows)
        if self._rows_alone:
            findings = [
                replace(one, severity="reject") if one.severity == "quarantine" else one for one in findings
            ]
        return self._split(piece, parsed, rows, mapping, findings, filtered, typed.changes)

    def _mapping_of(self, columns: tuple[str, ...]) -> ColumnMapping:
        mapping = self._mappings.get(columns)
        if mapping is None:
            mapping = map_columns(self._dataset, columns, self._file_columns)
            self._mappings[columns] = mapping
        return mapping

    def _rows(self, raw: pl.DataFrame, mapping: ColumnMapping, typed: Typed) -> _Rows:
        shown = {
            name: self._hiding.shown(name, values, typed.cleaned) for name, values in typed.derived.items()
        }
        told = self._hiding.told(raw, mapping, typed.cleaned)
        as_shown = [
            told[source].clone().scatter(rows, texts.cast(told[source].dtype))
            for name, (rows, texts) in typed.shown.items()
            if (source := mapping.sources[name]) is not None
            and told[source].dtype == raw[source].dtype
            and told[source][rows].equals(raw[source][rows])  # and not what stands in for it
        ]
        return _Rows(
            told=told.with_columns(as_shown) if as_shown else told,
            typed=pl.DataFrame([typed.columns[name] for name in self._dataset.column_names]),
            shown=shown,
            findings=typed.findings,
            lost=typed.lost,
        )

    def _keep(self, rows: _Rows) -> tuple[pl.Series, int]:
        """Rows that stay: those for which `keep=` is true, and those that lack a value which `keep=` looks at because it could
        not be had, or for which it cannot be computed (they are rejected, not filtered)."""
        keep, computed, typed = self._dataset.keep, self._dataset.computed_keep, rows.typed
        if keep is None or computed is None:
            return pl.Series([], dtype=pl.Boolean), 0
        try:
            kept, failed = computed.of(typed)
        except (Exception, pl.exceptions.PanicException) as error:
            raise ContractError(
                self._dataset.name,
                "keep",
                f"gives no answer for any row ({cause_of(error, self._dataset)})",
                "It gives one true or false per row; conversions in it need strict=False.",
            ) from error
        looks_at = set(keep.meta.root_names())
        by_name = looks_at <= set(typed.columns)  # `pl.all()` and patterns name no column
        unknown = union([at for name, at in rows.lost.items() if name in looks_at or not by_name])
        if len(failed := without(failed, unknown)):
            rows.findings.append(Finding(None, "keep", f"keep= {CANNOT}", failed))
        kept = kept.fill_null(False) | ~all_but(typed.height, union([unknown, failed]))
        return kept, typed.height - int(kept.sum())

    def _check(self, rows: _Rows) -> list[Finding]:
        findings = []
        for finding in self._validator.findings(rows.typed):
            # A value that could not be had is null now; that it is also required, or that a rule misses it, says nothing new.
            looks_at = finding.concerns
            if finding.check == "not_nullable" and finding.column is not None:
                looks_at = (finding.column,)
            known = [rows.lost[name] for name in looks_at if name in rows.lost]
            left = without(finding.rows, union(known)) if known else finding.rows
            if len(left):
                findings.append(replace(finding, rows=left))
        return findings

    def _split(
        self,
        piece: Piece,
        parsed: Parsed,
        rows: _Rows,
        mapping: ColumnMapping,
        findings: list[Finding],
        filtered: int,
        changes: dict[str, tuple[int, ...]],
    ) -> ChunkResult:
        figures = chunk_figures(rows.typed, rows.lost)
        whole = rows.typed.with_columns(rows.told[ROW], *self._drifted(rows.told, mapping.unknown))
        bad = union([finding.rows for finding in findings if finding.severity == "reject"])
        clean = whole.filter(all_but(whole.height, bad)) if len(bad) else whole
        listed = [_first(finding) for finding in findings if finding.severity not in ("quarantine", NOTE)]
        shown = _shown(rows, mapping)
        errors = error_frame(rows.told, listed, parsed, piece.sheet, shown)
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
            changes=changes,
            taken={
                (finding.column, finding.check): len(finding.rows)
                for finding in findings
                if finding.severity in ("repair", NOTE) and finding.column is not None
            },
            refusals=tuple(
                refusal(finding, parsed, piece, rows.told[ROW], shown)
                for finding in findings
                if finding.severity == "quarantine"
            ),
        )

    def _drifted(self, told: pl.DataFrame, unknown: tuple[str, ...]) -> list[pl.Series]:
        """`_rescued`, and the columns that the file adds to the table, as text."""
        sources = drift.sources(self._added, unknown)
        left = drift.rescued(self._dataset, unknown, set(sources.values()))
        added = [
            as_text(told[sources[name]]).alias(name)
            if name in sources
            else pl.Series(name, [None], pl.String).new_from_index(0, told.height)
            for name in self._added.values()
        ]
        return [_rescued(told, left), *added]

    def _days(self, clean: pl.DataFrame) -> pl.DataFrame | None:
        name = self._dataset.event_time
        if name is None:
            return None
        moments = _utc(clean[name])
        frame = pl.LazyFrame({"day": days_in(moments, self._dataset.timezone), "moment": moments})
        return (
            frame.group_by("day")
            .agg(pl.col("moment").min().alias("first"), pl.col("moment").max().alias("last"))
            .with_columns(pl.col("day").clip(date.min, date.max))
            .collect()
        )  # 9999-12-31 in UTC is the year 10000 further east


def _first(finding: Finding) -> Finding:
    """Of what was taken otherwise than it is written, the first of a chunk are listed: it may be every value of a file."""
    if finding.severity != "repair" or len(finding.rows) <= MOST_REPAIRS:
        return finding
    return replace(finding, rows=finding.rows[:MOST_REPAIRS])


def _shown(rows: _Rows, mapping: ColumnMapping) -> dict[str, pl.Series]:
    """Contract column → its source values as they may be written."""
    found = {name: rows.told[source] for name, source in mapping.sources.items() if source is not None}
    return found | rows.shown


def _rescued(raw: pl.DataFrame, unknown: tuple[str, ...]) -> pl.Series:
    """JSON of the columns that the contract does not know, null for rows in which they are all empty."""
    present = [name for name in unknown if raw[name].null_count() < raw.height]
    if not present:
        return pl.Series(RESCUED, [None], pl.String).new_from_index(0, raw.height)
    extra = pl.DataFrame([raw[name] for name in present])  # by name: select() reads "*" and "^…$" as patterns
    empty = extra.select(pl.all_horizontal(pl.all().is_null())).to_series()
    return records_as_json(extra).set(empty, None).rename(RESCUED)


def _utc(values: pl.Series) -> pl.Series:
    dtype = values.dtype
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        values = values.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return values.cast(pl.Datetime("us")) if dtype != pl.Datetime("us") else values


def _stored(clean: pl.DataFrame) -> pl.DataFrame:
    """Times as the warehouse keeps them: UTC, no zone."""
    zoned = [s for s in clean.get_columns() if isinstance(s.dtype, pl.Datetime)]
    return clean.with_columns([_utc(series) for series in zoned]) if zoned else clean
