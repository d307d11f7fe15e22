"""Error rows as the rows of an exported file.

What belongs here: one line per rejected row, with what is wrong with it, and where. What does not: how a file says it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from pipeline.errors.layout import Concerns, Layout
from pipeline.ingest.keys import RowKey
from pipeline.warehouse.rejected import Rejected

_BATCH_BYTES, _BATCH_CELLS, _BATCH_ROWS = 8 * 2**20, 200_000, 10_000
_N = "n"
_KIND = ["_delivery", "column_name", "check_name", "unsplit"]
_UNSPLIT = pl.Struct({"_raw": pl.String(), "_fields": pl.List(pl.String())})


@dataclass(frozen=True)
class Batch:
    """Some rows of an exported file.

    Attributes:
        frame: all columns of the layout, by name, as String; an empty value is null or "".
        bad: `n` UInt32 (position in the frame), `place` Int64 (of a column), `reason` String: each cell that is wrong, once, by
            row and place.
        kinds: (column as the person knows it, check) → error rows, and the message of one.
    """

    frame: pl.DataFrame
    bad: pl.DataFrame
    kinds: dict[tuple[str, str], tuple[int, str]]


def batches(
    saved: Path, dataset: str, rejected: Rejected, concerns: Concerns, layout: Layout
) -> Iterator[Batch]:
    """The rows of a file that `save_rejected` wrote, in its order; a few megabytes at a time."""
    for errors in _whole_rows(saved, rejected, layout):
        yield _batch(errors, dataset, rejected, concerns, layout)


def _whole_rows(saved: Path, rejected: Rejected, layout: Layout) -> Iterator[pl.DataFrame]:
    """The error rows in pieces, those of one row never in two."""
    size = min(_BATCH_BYTES // max(rejected.record_bytes, 1), _BATCH_CELLS // len(layout.names), _BATCH_ROWS)
    with pq.ParquetFile(saved) as file:
        held, left = pl.DataFrame(), file.metadata.num_rows
        for piece in file.iter_batches(batch_size=max(size, 1)):
            errors = pl.concat([held.drop(_N), pl.DataFrame(piece)]) if held.height else pl.DataFrame(piece)
            errors = _numbered(errors)
            left -= piece.num_rows
            if (
                not left
            ):  # nothing comes of the last row: a second frame for it would take as long as the first
                yield errors
                return
            whole = errors.filter(pl.col(_N) < errors[_N][-1])
            held = errors[whole.height :]
            if whole.height:
                yield whole


def _numbered(errors: pl.DataFrame) -> pl.DataFrame:
    """With `n`: the position of their row among those of the frame."""
    return errors.with_columns(pl.struct("_delivery", "_row").rle_id().alias(_N))


def _batch(
    errors: pl.DataFrame, dataset: str, rejected: Rejected, concerns: Concerns, layout: Layout
) -> Batch:
    told = _told(errors, concerns)
    rows = told.group_by(_N, maintain_order=True).agg(
        pl.col("_delivery", "_row", "sheet", "line").first(),
        pl.col("told").str.join("; "),
    )
    # The newest record of a row: one that was sent back and is still wrong has another than at first.
    records = errors.group_by(_N).agg(pl.col("record", "unsplit").last())
    rows = rows.join(records, on=_N, maintain_order="left")
    several = len(rejected.sources) > 1
    reasons = rows.select(pl.concat_str(_place(several), pl.lit(": "), "told")).to_series()
    keys = [
        str(RowKey.of(dataset, rejected.sources[delivery].sha256, row, delivery))
        for delivery, row in zip(rows["_delivery"], rows["_row"], strict=True)
    ]
    *columns, raw = _records(rows, rejected, layout)
    own = (
        [reasons, raw, pl.Series(keys, dtype=pl.String)]
        if layout.raw
        else [reasons, pl.Series(keys, dtype=pl.String)]
    )
    named = zip(layout.names, [*columns, *own], strict=True)
    cells = told.select(_N, "places", "message").explode("places").rename({"places": "place"})
    kinds = told.group_by("label", "check_name").agg(pl.len(), pl.col("message").first())
    return Batch(
        pl.DataFrame([series.alias(name) for name, series in named]),
        cells.group_by(_N, "place", maintain_order=True)
        .agg(pl.col("message").str.join("\n").alias("reason"))
        .sort(_N, "place"),
        {(label, check): (count, message) for label, check, count, message in kinds.iter_rows()},
    )


def _told(errors: pl.DataFrame, concerns: Concerns) -> pl.DataFrame:
    """Error rows with `label`, `places` and what is `told` of each; those of a row in the order of its cells."""
    kinds = errors.select(_KIND).unique()
    found = [concerns.of(*kind) for kind in kinds.iter_rows()]
    kinds = kinds.with_columns(
        pl.Series("label", [one.label for one in found], pl.String),
        pl.Series("places", [one.places for one in found], pl.List(pl.Int64)),
    )
    told = (
        pl.when(pl.col("label") == "")
        .then("message")
        .otherwise(pl.concat_str("label", pl.lit(": "), "message"))
    )
    return (
        errors.drop("record")
        .join(kinds, on=_KIND, nulls_equal=True, maintain_order="left")
        .with_columns(told.alias("told"), pl.col("places").list.first().alias("first"))
        .sort(_N, "first", maintain_order=True)
    )


def _place(several: bool) -> pl.Expr:
    """Where the row is in its source: `sheet 'Tuesday', line 14`."""
    line = (
        pl.when(pl.col("line").is_null())
        .then(pl.format("row {}", "_row"))
        .otherwise(pl.format("line {}", "line"))
    )
    sheet = pl.when(pl.col("sheet").is_null()).then(pl.lit("")).otherwise(pl.format("sheet '{}', ", "sheet"))
    return pl.concat_str(*([pl.col("_delivery"), pl.lit(", ")] if several else []), sheet, line)


def _records(rows: pl.DataFrame, rejected: Rejected, layout: Layout) -> list[pl.Series]:
    """A column (String) for each of the layout's, and one of what could not be split, each with a value per row."""
    # Columns go by their place: what polars makes of a name such as `*` or `^a$` is no column.
    parts = [_split(rows.filter(~pl.col("unsplit")), layout)]
    if layout.raw:
        unsplit = (
            rows.filter("unsplit").with_columns(pl.col("record").str.json_decode(_UNSPLIT)).unnest("record")
        )
        for columns, part in _by_columns(unsplit, rejected):
            parts.append(_by_position(part, columns, layout))
    return pl.concat(parts).sort(_N).drop(_N).get_columns()


def _split(rows: pl.DataFrame, layout: Layout) -> pl.DataFrame:
    """Records of source columns: JSON of texts."""
    found: list[pl.Series] = []
    if layout.columns:
        record = pl.Struct(dict.fromkeys(layout.columns, pl.String()))
        found = rows["record"].str.json_decode(record).struct.unnest().get_columns()
    return _framed(rows[_N], [*found, _nothing(rows.height)])


def _by_columns(unsplit: pl.DataFrame, rejected: Rejected) -> Iterator[tuple[tuple[str, ...], pl.DataFrame]]:
    """The rows of deliveries with the same columns."""
    columns = [rejected.sources[delivery].columns for delivery in unsplit["_delivery"]]
    numbers = {names: number for number, names in enumerate(dict.fromkeys(columns))}
    of_row = pl.Series([numbers[names] for names in columns], dtype=pl.Int64)
    for names, number in numbers.items():
        yield names, unsplit.filter(of_row == number)


def _by_position(rows: pl.DataFrame, columns: tuple[str, ...], layout: Layout) -> pl.DataFrame:
    """Records that could not be read: their best-effort fields in the columns of their file, and the raw text."""
    found = [_nothing(rows.height) for _ in layout.columns]
    for number, column in enumerate(columns):
        field = rows["_fields"].list.get(number, null_on_oob=True)
        found[layout.places[column]] = field.set(field == "", None)
    return _framed(rows[_N], [*found, rows["_raw"]])


def _framed(numbers: pl.Series, columns: list[pl.Series]) -> pl.DataFrame:
    return pl.DataFrame([numbers, *(series.alias(str(place)) for place, series in enumerate(columns))])


def _nothing(height: int) -> pl.Series:
    return pl.Series([None], dtype=pl.String).new_from_index(0, height)
