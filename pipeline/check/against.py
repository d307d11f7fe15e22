"""What a contract says of a file: it is loaded into a warehouse of its own, which is removed again.

What belongs here: that. What does not: figures of it (`figures`), the file by itself (`file`).
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import polars as pl

from pipeline.check.figures import Found, cleaned_values, column_profile, needed
from pipeline.contract import Dataset
from pipeline.files.leftovers import scratch_prefix
from pipeline.ingest import CheckCount, Staged, source_records, stage, without_limits
from pipeline.ingest.refusals import TOO_MANY, too_many, too_many_remedy
from pipeline.ingest.violations import ERROR_SCHEMA
from pipeline.settings import Settings
from pipeline.warehouse import Entry, Warehouse

_ROWS = 10
ERROR_COLUMNS = ["_row", "line", "column_name", "check_name", "value", "message"]


def check_against(path: Path, dataset: Dataset, settings: Settings) -> Found:
    """Ready for JSON: `name`, `records`, `clean`, `rejected`, `filtered`, `violations` by check, `first_errors`, `profile`, `cleaned`,
    `notes`, `problem` (see `check_file`), and what loading needs.

    The dataset's limits are lifted, so that the rows of a file that is beyond them can be seen; `problem` says whether it is.

    Raises:
        UnreadableFile, DeliveryRefused: it would be quarantined. FileChanged, ContractError, OSError: see `stage`.
    """
    # The other tables are not there: to look into them is the commit's work.
    lax = replace(without_limits(dataset), references=())
    with tempfile.TemporaryDirectory(prefix=scratch_prefix(Path(tempfile.gettempdir()))) as folder:
        scratch = settings.model_copy(update={"home": Path(folder)})
        warehouse = Warehouse.from_settings(scratch, {lax.name: lax})
        with warehouse.session():
            pass  # its tables are there now, so that what the file adds can be measured
        empty, started = scratch.warehouse.stat().st_size, time.perf_counter()
        staged = stage(path, lax, scratch)
        if staged.manifest.correction is not None:
            return _of_correction(staged)
        records = partial(source_records, dataset=lax, settings=scratch)
        with warehouse.session() as session:
            entry = session.commit(staged, records=records)
            seconds = time.perf_counter() - started
            counts = session.error_counts(dataset.name)
            said = {
                "name": dataset.name,
                "records": entry.rows_read,
                "clean": entry.rows_clean,
                "rejected": entry.rows_rejected,
                "filtered": entry.rows_filtered,
                "violations": counts.to_dicts(),
                "first_errors": session.error_sample(dataset.name, limit=_ROWS)
                .select(*ERROR_COLUMNS, "severity")
                .to_dicts(),
                "profile": column_profile(staged.manifest, dataset),
                "cleaned": cleaned_values(staged.manifest),
                "notes": [*staged.manifest.notes, *_unchecked(dataset)],
                "problem": _beyond(path, dataset, entry, counts),
            }
        grown = scratch.warehouse.stat().st_size - empty
        return said | {"needed": needed(staged, entry, seconds, grown)}


def _unchecked(dataset: Dataset) -> list[str]:
    targets = ", ".join(reference.target for reference in dataset.references)
    return [f"references are looked up when the file is loaded, not here: {targets}"] if targets else []


def _beyond(path: Path, dataset: Dataset, entry: Entry, counts: pl.DataFrame) -> Found | None:
    rejects = [
        CheckCount(row["column_name"], row["check_name"], row["violations"])
        for row in counts.filter(pl.col("severity") == "reject").to_dicts()
    ]
    cause = too_many(dataset, entry.rows_refused, entry.rows_read, rejects)
    if cause is None:
        return None
    return {"code": TOO_MANY, "cause": cause, "remedy": too_many_remedy(dataset, path)}


def _of_correction(staged: Staged) -> Found:
    """The same of error rows that were corrected: each by itself, without the warehouse, which knows what is open and what is
    taken."""
    manifest, account = staged.manifest, staged.manifest.correction
    assert account is not None
    errors = pl.concat([pl.DataFrame(schema=ERROR_SCHEMA), *map(pl.read_parquet, staged.error_paths)])
    by_check = errors.group_by("column_name", "check_name", "severity").agg(pl.len().alias("violations"))
    return {
        "name": manifest.dataset,
        "records": manifest.rows_read,
        "clean": manifest.rows_clean,
        "rejected": manifest.rows_rejected,
        "filtered": manifest.rows_filtered,
        "violations": by_check.sort(
            "violations", "column_name", "check_name", descending=[True, False, False]
        ).to_dicts(),
        "first_errors": errors.head(_ROWS).select(*ERROR_COLUMNS, "severity").to_dicts(),
        "notes": ["these are corrected error rows", *account.refusals],
    }
