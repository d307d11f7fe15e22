"""A file by itself: how it is read, its first rows, what of it cannot be read.

What belongs here: that, and putting the whole answer together. What does not: what a contract says of it (`against`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path

import polars as pl

from pipeline.check.against import check_against
from pipeline.check.figures import Found, looks_like
from pipeline.contract import Dataset
from pipeline.files import ROW, Dialect, ReadOptions, Reject, Repair, Table, UnreadableFile, open_table
from pipeline.ingest import FileChanged
from pipeline.ingest.hiding import Hiding, unquoted
from pipeline.ingest.mapping import map_columns
from pipeline.ingest.reading import read_options
from pipeline.settings import Settings
from pipeline.warehouse import DeliveryRefused

_ROWS, _FAULTS = 10, 5
_RAW = 200


def check_file(
    path: Path,
    settings: Settings,
    dataset: Dataset | None = None,
    known: Mapping[str, Dataset] | None = None,
) -> Found:
    """What was understood of a file, ready for JSON: `problem` (None where it can be read), `dialect`, `columns`, `records`,
    `rejected`, `rejects` and `repairs` by check, the first rows and the first of each; with a dataset also `dataset`: what
    its contract says of it, without one `looks_like`: which of the `known` ones the file may belong to, or None.

    Raises:
        OSError: the file cannot be opened. ContractError: a check of the contract breaks.
    """
    found: Found = {"file": str(path), "problem": None}
    options = read_options(dataset, settings) if dataset else ReadOptions(memory_mb=settings.memory_mb)
    try:
        with _quoting(dataset):
            opened = open_table(path, options)
            found["dialect"] = _told(opened.dialect, dataset)
            found["columns"] = list(opened.columns)
            found |= _read(opened, dataset)
            found["dialect"] = _told(opened.dialect, dataset)
        found["first_rows"] = _shown_rows(found["first_rows"], dataset)
        if dataset is not None:
            found["dataset"] = check_against(path, dataset, settings)
            found["problem"] = found["dataset"].pop("problem", None)
        else:
            found["looks_like"] = looks_like(path, opened.columns, known or {})
    except (UnreadableFile, DeliveryRefused) as problem:
        found["problem"] = {"code": problem.code, "cause": problem.cause, "remedy": problem.remedy}
    except FileChanged as problem:
        found["problem"] = {"code": "changed", "cause": str(problem), "remedy": "Check it again"}
    return found


def is_fault(found: Found) -> bool:
    """Whether anything of the file would not be loaded."""
    rejected = found.get("dataset", found).get("rejected", 0)
    return found["problem"] is not None or rejected > 0


def _read(opened: Table, dataset: Dataset | None) -> Found:
    hiding = None if dataset is None else Hiding(dataset)
    records, rows = 0, pl.DataFrame()
    rejects: Counter[str] = Counter()
    repairs: Counter[str] = Counter()
    first_rejects: list[Reject] = []
    first_repairs: list[Repair] = []
    for piece in opened.pieces():
        parsed = piece.parse() if hiding is None else hiding.parsed(piece.parse())
        records += piece.records
        rejects.update(reject.check for reject in parsed.rejects)
        repairs.update(repair.check for repair in parsed.repairs)
        first_rejects += parsed.rejects[: _FAULTS - len(first_rejects)]
        first_repairs += parsed.repairs[: _FAULTS - len(first_repairs)]
        if rows.height < _ROWS:
            rows = pl.concat([rows, parsed.frame.head(_ROWS - rows.height)], how="diagonal_relaxed")
    # A single float has digits of its own as a Python float; by its text it has those that it is written with.
    rows = rows.with_columns(pl.col(pl.Float32).cast(pl.String).cast(pl.Float64))
    return {
        "records": records,
        "rejected": sum(rejects.values()),
        "rejects": dict(rejects),
        "repairs": dict(repairs),
        "first_rows": [
            {name: _plain(value) for name, value in row.items() if name != ROW} for row in rows.to_dicts()
        ],
        "first_rejects": [_fault(reject) for reject in first_rejects],
        "first_repairs": [_fault(repair) for repair in first_repairs],
    }


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _fault(fault: Reject | Repair) -> Found:
    return asdict(fault) | {"raw": fault.raw[:_RAW]}


def _quoting(dataset: Dataset | None) -> AbstractContextManager[None]:
    """Errors on the way may quote the file, unless its dataset hides values."""
    return nullcontext() if dataset is None else unquoted(dataset)


def _told(dialect: Dialect, dataset: Dataset | None) -> Found:
    """How a file is written, ready for JSON, without what a dataset hides."""
    return dialect.as_dict() if dataset is None else Hiding(dataset).dialect(dialect).as_dict()


def _shown_rows(rows: Sequence[Found], dataset: Dataset | None) -> list[Found]:
    """Source rows, with *** for the values of columns that the dataset hides."""
    if dataset is None or not rows or not Hiding(dataset):
        return list(rows)
    frame = pl.DataFrame(rows, infer_schema_length=None)
    return Hiding(dataset).told(frame, map_columns(dataset, tuple(frame.columns))).to_dicts()
