"""A file of corrected error rows: which row of which delivery each is, and what of it counts.

What belongs here: from the file as a table to rows under keys, and why a row has no key that can be used. What does not: validating
them (`revalidate`), whether they are still open (`warehouse.corrections`).

Of a row only the columns of its own delivery's header count: a file of two differently headed deliveries has the columns of both. What a
correction does not say it does not change: a column that it lacks keeps what the source row has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path

import polars as pl

from pipeline.contract import Dataset
from pipeline.contract.headers import normalise
from pipeline.counts import counted
from pipeline.files import Parsed, Piece, Reject, Table, UnreadableFile
from pipeline.files.table import ROW
from pipeline.ingest.guard import unguard
from pipeline.ingest.hiding import Hiding, unquoted
from pipeline.ingest.keys import KEY, OWN, RowKey, source_name
from pipeline.ingest.manifest import Manifest
from pipeline.ingest.mapping import map_columns
from pipeline.ingest.originals import Origin, Original, Originals
from pipeline.ingest.progress import ProgressMeter
from pipeline.ingest.reading import open_file
from pipeline.ingest.revalidate import KEY_SCHEMA, Revalidation
from pipeline.settings import Settings

_GUARDED = ("csv", "excel")
_NAMED = 10
_ALIKE = 0.75


@dataclass
class _Refused:
    """Rows that cannot be used: how many, and the first in words."""

    count: int = 0
    named: list[str] = field(default_factory=list)

    def add(self, place: str, why: str) -> None:
        self.count += 1
        if len(self.named) < _NAMED:
            self.named.append(f"{place}: {why}")


def stage_correction(
    table: Table, dataset: Dataset, settings: Settings, part: Path, originals: Originals, meter: ProgressMeter
) -> Manifest:
    """Validate the rows of a correction into `part`.

    Args:
        table: a file with the key column.
        part: where the Parquet goes.
        originals: looks up the files that the rows are from.
        meter: told how far it is.

    Returns:
        The account; `rows_…` count the correction's own rows. It has no hash, size and time yet.

    Raises:
        UnreadableFile: `no_usable_key`: not one row says which it is. `renamed_column`: a column of the source has another header.
    """
    refused, untouched, read = _Refused(), 0, 0
    columns = tuple(source_name(name) for name in _plain(table, table.columns) if name not in OWN)
    work = Revalidation(dataset, settings, part, originals, columns)
    for piece in table.pieces():
        with unquoted(dataset):
            parsed = piece.parse()
            source = _source(table, parsed)
        read += piece.records
        for reject in parsed.rejects:
            refused.add(
                _place(piece, reject.line, reject.row), f"it cannot be read ({_said(dataset, reject)})"
            )
        if KEY not in source.columns:
            if source.height:
                refused.add(
                    f"sheet {piece.sheet!r}",
                    f"its {counted(source.height, 'row has', 'rows have')} no column {KEY}",
                )
                refused.count += source.height - 1
            continue
        header = [None if name in OWN else source_name(name) for name in source.columns if name != ROW]
        keys, source = _keys(source, parsed, piece, dataset, refused)
        known = originals(keys.select("_delivery", "content").unique().rows())
        _refuse_renamed(table.path, header, list(known.values()))
        untouched += _add(work, keys, source, parsed, known)
        meter.advance(piece.bytes_done, read)
    meter.finish(read)
    if refused.count and not work.rows and not untouched:
        raise UnreadableFile(
            table.path,
            "no_usable_key",
            f"no row of it says which row it corrects: {'; '.join(refused.named)}",
            f"Export the errors again, and leave the column {KEY} as it is.",
        )
    return _manifest(table, dataset, work.manifest(), refused, untouched)


@dataclass(frozen=True)
class SentRow:
    """A row of a correction as it was sent.

    Attributes:
        delivery: whose row it is.
        content: beginning of the hash of that delivery's file.
        row: its number there.
        values: column of the source → its text.
        hidden: columns whose value must not be shown: it may have been typed in clear.
    """

    delivery: str
    content: str
    row: int
    values: Mapping[str, str | None]
    hidden: frozenset[str]


def sent_rows(path: Path, dataset: Dataset, settings: Settings) -> Iterator[SentRow]:
    """The rows of a correction whose key can be used, in the order of the file, to tell what was sent; nothing is validated.

    Raises:
        OSError. UnreadableFile: the file cannot be read.
    """
    table, _ = open_file(path, dataset, settings)
    for piece in table.pieces():
        with unquoted(dataset):
            parsed = piece.parse()
            source = _source(table, parsed)
        if KEY not in source.columns:
            continue
        keys, source = _keys(source, parsed, piece, dataset, _Refused())
        mapping = map_columns(dataset, tuple(source.columns))
        hidden = frozenset(Hiding(dataset).needed(mapping)) | frozenset(Hiding(dataset).masked(mapping))
        for key, values in zip(keys.iter_rows(named=True), source.iter_rows(named=True), strict=True):
            texts = {name: None if value is None else str(value) for name, value in values.items()}
            yield SentRow(key["_delivery"], key["content"], key["original_row"], texts, hidden)


def _said(dataset: Dataset, reject: Reject) -> str:
    return reject.check if dataset.hidden else reject.message


def _manifest(
    table: Table, dataset: Dataset, manifest: Manifest, refused: _Refused, untouched: int
) -> Manifest:
    dialect = Hiding(dataset).dialect(table.dialect)
    assert manifest.correction is not None
    return replace(
        manifest,
        dialect=dialect.as_dict() | {"columns": list(table.columns)},
        notes=dialect.notes,
        rows_read=manifest.rows_read + refused.count + untouched,
        rows_rejected=manifest.rows_rejected + refused.count + untouched,
        correction=replace(
            manifest.correction, refused=refused.count, refusals=tuple(refused.named), untouched=untouched
        ),
    )


def _plain(table: Table, names: Sequence[str]) -> list[str]:
    """Column names without the guard, if the format has one."""
    if table.dialect.format not in _GUARDED:
        return list(names)
    return pl.DataFrame({"name": list(names)}).select(unguard(pl.col("name"))).to_series().to_list()


def _source(table: Table, parsed: Parsed) -> pl.DataFrame:
    """The rows as they were before they were exported."""
    frame = parsed.frame
    if len(table.dialect.sheets) > 1:
        frame = frame.drop(table.columns[-1], strict=False)  # the reader's own: which sheet a row is in
    if table.dialect.format in _GUARDED:
        texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
        frame = pl.DataFrame(
            [
                frame[name].to_frame("_").select(unguard(pl.col("_"))).to_series().alias(name)
                if name in texts
                else frame[name]
                for name in frame.columns
            ]
        )
        renamed = _plain(table, frame.columns)
        frame = (
            frame.rename(dict(zip(frame.columns, renamed, strict=True)))
            if len(set(renamed)) == len(renamed)
            else frame
        )
    return frame


def _keys(
    source: pl.DataFrame, parsed: Parsed, piece: Piece, dataset: Dataset, refused: _Refused
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`KEY_SCHEMA` of the rows whose key can be used, and those rows without our own columns."""
    lines = parsed.lines(source[ROW]) if parsed.lines else pl.Series([None] * source.height, dtype=pl.Int64)
    rows, kept = [], []
    for at, (text, row, line) in enumerate(zip(source[KEY], source[ROW], lines, strict=True)):
        try:
            key = RowKey.read(str(text or ""))
        except ValueError:
            why = "it has no key" if not text else "its key was changed or cut off"
            refused.add(_place(piece, line, row), f"{why}; it must be as it was exported")
            continue
        if key.dataset != dataset.name:
            refused.add(
                _place(piece, line, row),
                f"it is a row of dataset {key.dataset!r}: drop it into inbox/{key.dataset}/",
            )
            continue
        kept.append(at)
        rows.append((row, key.delivery, key.content, key.row, piece.sheet, line, None))
    frame = (source if len(kept) == source.height else source[kept]).drop(*OWN, ROW, strict=False)
    # Names of the source that are ours too were spelled otherwise in the export.
    return pl.DataFrame(rows, schema=KEY_SCHEMA, orient="row"), frame.rename(source_name)


def _place(piece: Piece, line: int | None, row: int) -> str:
    if piece.sheet is not None:
        return f"row {line:,} of sheet {piece.sheet!r}"
    return f"row {row:,}" if line is None else f"line {line:,}"


def _add(
    work: Revalidation,
    keys: pl.DataFrame,
    source: pl.DataFrame,
    parsed: Parsed,
    known: Mapping[Origin, Original],
) -> int:
    """Have the rows validated, those of one header together; returns how many have no value at all."""
    named = {column for original in known.values() for column in original.columns}
    groups: dict[tuple[tuple[str, ...], tuple[str, ...], bool], list[Origin]] = {}
    untouched = 0
    for origin, part in _by_origin(keys, source):
        original = known.get(origin)
        given = _header(original, part, named)
        lacking = (
            () if original is None else tuple(one for one in original.columns if one not in part.columns)
        )
        kind = (given, lacking, original is not None and original.has_empty_texts)
        groups.setdefault(kind, []).append(origin)
    for (columns, lacking, empty_texts), origins in groups.items():
        wanted = pl.DataFrame(origins, schema=["_delivery", "content"], orient="row")
        mine = keys.with_row_index("at").join(wanted, on=["_delivery", "content"], how="semi")["at"].sort()
        if not columns:
            untouched += len(mine)
            continue
        of_keys, of_source = keys[mine], _only(source[mine], columns, empty_texts)
        filled = of_source.select(~pl.all_horizontal(pl.all().is_null())).to_series()
        untouched += len(mine) - int(filled.sum())
        of_keys, of_source = of_keys.filter(filled), of_source.filter(filled)
        if lacking and of_keys.height:
            of_source = of_source.hstack(_kept(of_keys, lacking, known))
        places = set(of_keys[ROW])
        work.add(of_keys, of_source, [one for one in parsed.repairs if one.row in places])
    return untouched


def _kept(keys: pl.DataFrame, columns: tuple[str, ...], known: Mapping[Origin, Original]) -> list[pl.Series]:
    """What the source rows have in these columns, in the order of `keys`; nothing where a row could not be split, or is not open."""
    values: dict[str, list[str | None]] = {name: [None] * keys.height for name in columns}
    numbered = keys.select("_delivery", "content", "original_row").with_row_index("at")
    for (delivery, content), rows in numbered.group_by("_delivery", "content"):
        original = known.get((str(delivery), str(content)))
        records = {} if original is None else original.records(rows["original_row"].to_list())
        for at, row in zip(rows["at"], rows["original_row"], strict=True):
            record = records.get(row, {})
            for name in columns:
                values[name][at] = record.get(name)
    return [pl.Series(name, found, pl.String) for name, found in values.items()]


def _refuse_renamed(path: Path, header: Sequence[str | None], originals: Sequence[Original]) -> None:
    """Raise UnreadableFile where a column of the sources is missing and one that none of them has stands in its place, or is called nearly so.

    Args:
        header: columns of the correction in order; None: one of ours.
    """
    expected = list(dict.fromkeys(name for original in originals for name in original.columns))
    strange = [name for name in header if name is not None and name not in expected]
    bring_their_own = any(original.format in ("json", "ndjson") for original in originals)
    for name in expected:
        if name in header or not strange:
            continue
        found = next((one for one in strange if _alike(name, one)), None)
        if found is None and not bring_their_own:
            found = next((one for one in strange if _in_place(header, one, name, expected)), None)
        if found is not None:
            raise UnreadableFile(
                path,
                "renamed_column",
                f"it has a column {found!r} where the header {name!r} is expected",
                f"Call it {name!r} again, or take the column away: its values then stay what they were.",
            )


def _alike(name: str, other: str) -> bool:
    return normalise(name) == normalise(other) or bool(
        get_close_matches(name.casefold(), [other.casefold()], 1, _ALIKE)
    )


def _in_place(header: Sequence[str | None], name: str, missing: str, expected: Sequence[str]) -> bool:
    """Whether a column stands between the neighbours of one that is missing: those of the source, or ours, which follow the last of them. Columns
    that people add stand behind ours."""
    at = expected.index(missing)
    before = next((one for one in reversed(expected[:at]) if one in header), None)
    after = next((one for one in expected[at:] if one in header), None)
    place = header.index(name)
    first = -1 if before is None else header.index(before)
    return first < place and after in header and place < header.index(after)


def _by_origin(keys: pl.DataFrame, source: pl.DataFrame) -> Iterator[tuple[Origin, pl.DataFrame]]:
    at = keys.with_row_index("at").group_by("_delivery", "content", maintain_order=True).agg("at")
    for delivery, content, positions in at.iter_rows():
        yield (delivery, content), source[positions]


def _header(original: Original | None, rows: pl.DataFrame, named: set[str]) -> tuple[str, ...]:
    """The columns of these rows that are their file's; where it is not known, those in which any of them has a value."""
    filled = [name for name in rows.columns if rows[name].null_count() < rows.height]
    if original is None:
        return tuple(filled)
    own = [name for name in original.columns if name in rows.columns]
    return (*own, *(name for name in filled if name not in named and original.has(name)))


def _only(frame: pl.DataFrame, columns: tuple[str, ...], empty_texts: bool) -> pl.DataFrame:
    """These columns; by name, for select() reads "*" and "^…$" as patterns."""
    chosen = [frame[name] for name in columns]
    if empty_texts:
        return pl.DataFrame(chosen)
    return pl.DataFrame([one.set(one == "", None) if one.dtype == pl.String else one for one in chosen])
