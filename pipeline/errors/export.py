"""From the error table to a file.

What belongs here: the order of the steps, and that the file appears whole or not at all. What does not: the steps.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipeline.contract import Dataset
from pipeline.errors.layout import Concerns, Layout
from pipeline.errors.plain import CsvFile, ParquetFile
from pipeline.errors.refused import CannotExport
from pipeline.errors.rows import Batch, batches
from pipeline.errors.summary import Kinds, Summary, add_summary
from pipeline.errors.workbook import COMMENTS, SHEET_ROWS, Workbook
from pipeline.files.leftovers import scratch_prefix
from pipeline.ingest.keys import TITLE
from pipeline.warehouse import Warehouse
from pipeline.warehouse.rejected import Rejected, save_rejected

_SMALL_BYTES = 200_000
ENDINGS = (".xlsx", ".csv", ".parquet")


@dataclass(frozen=True)
class Exported:
    """What was exported.

    Attributes:
        path: the file; None where there was nothing to export.
        rows: rejected rows.
        left_out: of them, those that a workbook cannot hold.
    """

    path: Path | None
    rows: int
    left_out: int = 0


def write_errors(
    warehouse: Warehouse,
    dataset: Dataset,
    out: Path,
    deliveries: Collection[str] | None = None,
    *,
    force: bool = False,
    sheet_rows: int = SHEET_ROWS,
    comments: int = COMMENTS,
) -> Exported:
    """Write the rejected rows that are open to a workbook (.xlsx), a .csv or a .parquet file, one line per row.

    The warehouse is open only while the rows are copied out of it. The file has its name only once it is whole.

    Args:
        warehouse: where the rows are.
        dataset: whose rows.
        out: the file; its ending says the format.
        deliveries: keys; all when not given.
        force: take the place of a file that is there.
        sheet_rows: rows of a sheet, its header included.
        comments: how many wrong cells of a workbook get a comment.

    Raises:
        CannotExport: another ending, a file that is there, a folder that is not, more columns than a sheet has.
        WarehouseError: see `Warehouse.reading` and `save_rejected`. OSError: the disk is full.
    """
    check_target(out, force)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{scratch_prefix(out.parent)}") as folder:
        saved, made = Path(folder) / "rows", Path(folder) / f"made{out.suffix.lower()}"
        with warehouse.reading(dataset.name) as session:
            rejected = save_rejected(session, dataset.name, saved, deliveries)
        if rejected is None:
            return Exported(None, 0)
        rows, left_out = write_saved(saved, made, dataset, rejected, sheet_rows, comments)
        check_target(out, force)
        made.replace(out)
    return Exported(out, rows, left_out)


def check_target(out: Path, force: bool) -> None:
    """Raise CannotExport where the file cannot be written, as far as that is known before."""
    if out.suffix.lower() not in ENDINGS:
        raise CannotExport(
            f"{out}: rejected rows are written to {', '.join(ENDINGS)}. Give the file one of these endings."
        )
    if not out.parent.is_dir():
        raise CannotExport(f"{out}: there is no folder {out.parent}. Make it, or write elsewhere.")
    if out.is_dir() or (out.exists() and not force):
        raise CannotExport(f"{out} is there already. Give another name, or --force to write over it.")


def write_saved(
    saved: Path,
    made: Path,
    dataset: Dataset,
    rejected: Rejected,
    sheet_rows: int = SHEET_ROWS,
    comments: int = COMMENTS,
) -> tuple[int, int]:
    """Write rows that `save_rejected` has saved to a file that is not there yet; needs no warehouse. (rows, of them left out).

    Raises:
        CannotExport: more columns than a sheet has. OSError: the disk is full.
    """
    layout = Layout.of(rejected)
    found = batches(saved, dataset.name, rejected, Concerns(dataset, rejected, layout), layout)
    if made.suffix == ".xlsx":
        return _write_workbook(made, found, layout, dataset, rejected, sheet_rows, comments)
    rows = 0
    with CsvFile(made) if made.suffix == ".csv" else ParquetFile(made) as file:
        for batch in found:
            file.write(batch)
            rows += batch.frame.height
    return rows, 0


def _write_workbook(
    made: Path,
    found: Iterable[Batch],
    layout: Layout,
    dataset: Dataset,
    rejected: Rejected,
    sheet_rows: int,
    comments: int,
) -> tuple[int, int]:
    kinds, rows = Kinds(), 0
    title = f"{TITLE} {dataset.name}"
    small = rejected.violations * max(rejected.record_bytes, 1) < _SMALL_BYTES
    with Workbook(made, layout, title, sheet_rows=sheet_rows, comments=comments, small=small) as book:
        for batch in found:
            book.write(batch)
            kinds.add(batch)
            rows += batch.frame.height
        told = Summary(
            dataset=dataset.name,
            deliveries=list(rejected.sources),
            rows=rows,
            left_out=book.left_out,
            uncommented=book.uncommented,
            kinds=kinds,
            written_at=datetime.now(UTC),
        )
        add_summary(book.book, told)
    return rows, book.left_out
