"""Files of exported error rows, as people send them back. What does not belong here: the export itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl

from pipeline.ingest.guard import guard
from pipeline.ingest.keys import KEY, RAW, REASONS, RowKey
from pipeline.intake import Intake

Fix = Callable[["Exported"], Mapping[str, str | None]]


@dataclass(frozen=True)
class Exported:
    """An open row: its delivery, number and source columns."""

    delivery: str
    row: int
    record: dict[str, Any]


def leave(row: Exported) -> dict[str, str | None]:
    """Nothing is corrected."""
    return {}


def write_back(
    intake: Intake, path: Path, fix: Fix = leave, dataset: str = "orders", sheets: int = 1
) -> Path:
    """Write the open rejected rows of a dataset as the export does, each with what `fix` changes; the format follows from the
    name. Keys in `fix` that begin with `_` are ours: `_windrow_key` replaces the key."""
    found = intake.warehouse.query(
        "SELECT error._delivery, error._row, any_value(record) AS record, string_agg(message, '; ') AS reasons, any_value(sha256) AS sha256 "
        f"FROM errors.{dataset} AS error JOIN ops.deliveries AS entry ON entry.delivery = error._delivery AND entry.dataset = '{dataset}' "
        "AND entry.status IN ('loaded', 'partial') AND entry.format <> 'correction' WHERE severity = 'reject' AND error.status = 'open' "
        "GROUP BY ALL ORDER BY error._delivery, error._row"
    )
    rows = []
    for delivery, row, record, reasons, sha256 in found.iter_rows():
        source = json.loads(record)
        shown = {RAW: source["_raw"]} if RAW in source else source
        own = {REASONS: reasons, KEY: str(RowKey.of(dataset, sha256, row, delivery))}
        rows.append(shown | own | dict(fix(Exported(delivery, row, source))))
    last = (REASONS, RAW, KEY)
    names = list(dict.fromkeys(name for row in rows for name in row if name not in last))
    names += [name for name in last if any(name in row for row in rows)]
    frame = pl.DataFrame(
        {name: [row.get(name) for row in rows] for name in names}, schema=dict.fromkeys(names, pl.String)
    )
    part = path.with_name(f".{path.name}")
    _write(frame, part, path.suffix, sheets)
    path.parent.mkdir(parents=True, exist_ok=True)
    return part.rename(path)


def _write(frame: pl.DataFrame, path: Path, suffix: str, sheets: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if suffix == ".parquet":
        frame.write_parquet(path)
        return
    frame = frame.select(guard(pl.col(name)).alias(name) for name in frame.columns)
    if suffix == ".csv":
        frame.write_csv(path)
        return
    book = openpyxl.Workbook()
    size = -(-frame.height // sheets)
    for number in range(sheets):
        sheet = book.active if number == 0 else book.create_sheet()
        assert sheet is not None
        sheet.title = "Rejected rows" if number == 0 else f"Rejected rows {number + 1}"
        sheet.append(frame.columns)
        for row in frame.slice(number * size, size).iter_rows():
            sheet.append(row)
        sheet.column_dimensions[openpyxl.utils.get_column_letter(frame.width)].hidden = True
    summary = book.create_sheet("Summary")
    for line in (("Check", "Column", "Errors"), ("cast", "amount", 2), ("email", "customer_email", 1)):
        summary.append(line)
    book.save(path)
