"""Clear values of hidden columns, for rows that come back with what stands in for them.

What belongs here: telling a stand-in from a value that somebody filled in, and taking the clear value from the original file. What
does not: what must not be written (`hiding`). Clear values are held for the rows of one batch at a time, and never written.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl

from pipeline.contract import Dataset
from pipeline.files.canonical import as_text
from pipeline.files.table import ROW
from pipeline.ingest.columns import ColumnReader
from pipeline.ingest.hiding import MASK, Hiding
from pipeline.ingest.mapping import ColumnMapping, map_columns
from pipeline.ingest.originals import Originals, source_values
from pipeline.ingest.result import ChunkResult
from pipeline.ingest.violations import ERROR_SCHEMA, records_as_json
from pipeline.settings import Settings

CHECK = "hidden_value"
_HASH = "^[0-9a-f]{64}$"
_MISSING = {ROW: pl.Int64(), "column_name": pl.String(), "message": pl.String()}


@dataclass(frozen=True)
class Restored:
    """Rows with their clear values.

    Attributes:
        source: the rows, in the order given.
        missing: `_row`, column_name (contract column or null), message: values that could not be had back.
        told: the rows as they may be written, for the records of those.
    """

    source: pl.DataFrame
    missing: pl.DataFrame
    told: pl.DataFrame


class HiddenValues:
    """A dataset's hidden columns in rows that come back; for a dataset that hides nothing it changes nothing."""

    def __init__(self, dataset: Dataset, settings: Settings, originals: Originals) -> None:
        self._dataset, self._settings, self._originals = dataset, settings, originals
        self._hiding = Hiding(dataset)
        self._reader = ColumnReader(dataset, settings.hash_key) if self._hiding else None

    def restore(self, keys: pl.DataFrame, source: pl.DataFrame, mapping: ColumnMapping) -> Restored:
        """Put the clear value wherever a cell holds exactly what stood in for it.

        Args:
            keys: `revalidate.KEY_SCHEMA`.
            source: the rows, and `_row`.
            mapping: which of their columns is which.
        """
        if self._reader is None or not (needed := self._hiding.needed(mapping)):
            return Restored(source, pl.DataFrame(schema=_MISSING), source)
        again = self._told(source, mapping)
        clear = self._clear(keys, tuple(needed))
        values, stand_ins, missing = [], {}, [pl.DataFrame(schema=_MISSING)]
        for name, (column, cleaned) in needed.items():
            cells = as_text(source[name])
            picked = _picked(cells, again[name] if cleaned else None, clear, name)
            values.append(picked[name])
            if not picked["lost"].any():
                continue
            stand_ins[name] = picked["lost"], cells
            text = (
                f"the value of {name} is hidden and cannot be had from the original file: put that back into the archive and"
                " replay, or fill in the value"
            )
            missing.append(
                source.filter(picked["lost"]).select(
                    ROW, column_name=pl.lit(column or None, pl.String), message=pl.lit(text)
                )
            )
        restored = source.with_columns(values)
        if not stand_ins:
            return Restored(restored, missing[0], source)
        told = self._told(restored, mapping)
        # A stand-in stays what it is, lest it become one of itself.
        kept = [
            pl.select(pl.when(lost).then(cells).otherwise(as_text(told[name]))).to_series().alias(name)
            for name, (lost, cells) in stand_ins.items()
        ]
        return Restored(restored, pl.concat(missing), told.with_columns(kept))

    def refuse(self, result: ChunkResult, restored: Restored) -> ChunkResult:
        """The result without the rows whose value is missing: they stay rejected, for that reason."""
        missing = restored.missing
        if missing.is_empty():
            return result
        rows = missing[ROW].unique()
        told = restored.told.filter(pl.col(ROW).is_in(rows.implode()))
        records = pl.DataFrame([told[ROW], records_as_json(told).alias("told")])
        added = missing.with_columns(check_name=pl.lit(CHECK), severity=pl.lit("reject"))
        # What was found at a stand-in says nothing of the value.
        others = result.errors.join(missing, on=[ROW, "column_name"], how="anti")
        errors = (
            pl.concat([others, added], how="diagonal")
            .join(records, on=ROW, how="left")
            .with_columns(record=pl.coalesce("told", "record"))
            .select(list(ERROR_SCHEMA))
            .sort(ROW, maintain_order=True)
        )
        clean = result.clean.filter(~pl.col(ROW).is_in(rows.implode()))
        rejected = errors.filter(pl.col("severity") == "reject")[ROW].n_unique()
        left_out = result.clean.height + result.rejected + result.filtered - clean.height - rejected
        return replace(result, clean=clean, errors=errors, rejected=rejected, filtered=left_out)

    def _told(self, source: pl.DataFrame, mapping: ColumnMapping) -> pl.DataFrame:
        assert self._reader is not None
        return self._hiding.told(source, mapping, self._reader.read(source, mapping).cleaned)

    def _clear(self, keys: pl.DataFrame, names: tuple[str, ...]) -> pl.DataFrame:
        """By row of `keys`, in order: `_known` (whether its original could be read) and, for each column, `value …` in clear
        and `shown …` as it was written."""
        wanted = keys.select(ROW, "_delivery", "content", "original_row")
        parts = []
        groups = wanted.partition_by("_delivery", "content", as_dict=True)
        known = self._originals([(str(delivery), str(content)) for delivery, content in groups])
        for (delivery, content), group in groups.items():
            original = known.get((str(delivery), str(content)))
            path = None if original is None else original.find()
            if path is None:
                continue
            values = source_values(
                path, group["original_row"].unique().sort(), names, self._dataset, self._settings
            )
            columns = tuple(name for name in values.columns if name != ROW)
            shown = self._told(values, map_columns(self._dataset, columns))
            pair = pl.DataFrame(
                [values[ROW].alias("original_row")]
                + [as_text(values[name]).alias(f"value {name}") for name in columns if name in names]
                + [as_text(shown[name]).alias(f"shown {name}") for name in columns if name in names]
            )
            parts.append(group.join(pair, on="original_row", how="inner").with_columns(_known=pl.lit(True)))
        empty: dict[str, pl.DataType] = {
            f"{kind} {name}": pl.String() for kind in ("value", "shown") for name in names
        }
        found = pl.concat(
            [pl.DataFrame(schema={ROW: pl.Int64(), "_known": pl.Boolean()} | empty), *parts], how="diagonal"
        )
        return (
            keys.select(ROW)
            .join(found.select(ROW, "_known", *empty), on=ROW, how="left", maintain_order="left")
            .with_columns(pl.col("_known").fill_null(False))
        )


def _picked(cells: pl.Series, again: pl.Series | None, clear: pl.DataFrame, name: str) -> pl.DataFrame:
    """The column with its clear values, and `lost`: whether a cell is a stand-in whose value is not known.

    Args:
        again: the cells as they would be written once more; a mask or a fixed text stays what it is. None where only *** stands
            in.
    """
    frame = pl.DataFrame(
        [
            cells.alias("cell"),
            (cells if again is None else as_text(again)).alias("again"),
            clear["_known"].alias("known"),
            clear[f"value {name}"].alias("value"),
            clear[f"shown {name}"].alias("shown"),
        ]
    )
    masked = pl.col("cell") == MASK
    like = (
        masked
        if again is None
        else masked | (pl.col("cell") == pl.col("again")) | pl.col("cell").str.contains(_HASH)
    )
    same = pl.col("known") & (masked | (pl.col("cell") == pl.col("shown")))
    return frame.select(
        pl.when(same).then("value").otherwise("cell").alias(name),
        (~same & like).fill_null(False).alias("lost"),
    )
