"""`pipeline check`: what would become of a file, without loading it.

What belongs here: finding that out, and showing it. What does not: reading (`files`) and validating (`ingest`).
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
from rich.markup import escape

from pipeline.contract import Dataset
from pipeline.files import ROW, ReadOptions, Reject, Repair, Table, UnreadableFile, open_table
from pipeline.ingest import FileChanged, source_records, stage
from pipeline.ingest.hiding import Hiding, hushed
from pipeline.ingest.mapping import map_columns
from pipeline.ingest.stage import read_options
from pipeline.settings import Settings
from pipeline.terminal import say, show_rows
from pipeline.warehouse import Warehouse

_ROWS, _FAULTS, _COLUMNS = 10, 5, 12
_RAW = 200
_ERROR_COLUMNS = ["_row", "line", "column_name", "check_name", "value", "message"]
Found = dict[str, Any]


def check_file(path: Path, settings: Settings, dataset: Dataset | None = None) -> Found:
    """What was understood of a file, ready for JSON: `problem` (None where it can be read), `dialect`, `columns`, `records`,
    `rejected`, `rejects` and `repairs` by check, the first rows and the first of each; with a dataset also `dataset`: what
    its contract says of it.

    Raises:
        OSError: the file cannot be opened. ContractError: a check of the contract breaks.
    """
    found: Found = {"file": str(path), "problem": None}
    options = read_options(dataset, settings) if dataset else ReadOptions(memory_mb=settings.memory_mb)
    try:
        opened = open_table(path, options)
        found["dialect"] = _dialect(opened, dataset)
        found["columns"] = list(opened.columns)
        found |= _read(opened, dataset)
        found["dialect"] = _dialect(opened, dataset)
        if dataset is not None:
            found["dataset"] = _validate(path, dataset, settings)
    except UnreadableFile as problem:
        cause = hushed(problem.cause) if dataset is not None and dataset.hidden else problem.cause
        found["problem"] = {"code": problem.code, "cause": cause, "remedy": problem.remedy}
    except FileChanged as problem:
        found["problem"] = {"code": "changed", "cause": str(problem), "remedy": "Check it again"}
    return found


def is_fault(found: Found) -> bool:
    """Whether anything of the file would not be loaded."""
    rejected = found.get("dataset", found).get("rejected", 0)
    return found["problem"] is not None or rejected > 0


def _dialect(opened: Table, dataset: Dataset | None) -> Found:
    return (opened.dialect if dataset is None else Hiding(dataset).dialect(opened.dialect)).as_dict()


def _read(opened: Table, dataset: Dataset | None) -> Found:
    records, rows = 0, pl.DataFrame()
    hiding = None if dataset is None else Hiding(dataset)
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
            some = parsed.frame.head(_ROWS - rows.height)
            if hiding and dataset is not None:
                names = tuple(name for name in some.columns if name != ROW)
                some = hiding.told(some, map_columns(dataset, names, opened.columns))
            rows = pl.concat([rows, some], how="diagonal_relaxed")
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


def _validate(path: Path, dataset: Dataset, settings: Settings) -> Found:
    """What the contract says: the file is loaded into a new warehouse in a folder that is removed again."""
    with tempfile.TemporaryDirectory(prefix="windrow-check-") as folder:
        scratch = settings.model_copy(update={"home": Path(folder)})
        staged = stage(path, dataset, scratch)
        records = partial(source_records, dataset=dataset, settings=scratch)
        with Warehouse.from_settings(scratch, {dataset.name: dataset}).session() as session:
            entry = session.commit(staged, records=records)
            return {
                "name": dataset.name,
                "records": entry.rows_read,
                "clean": entry.rows_clean,
                "rejected": entry.rows_rejected,
                "filtered": entry.rows_filtered,
                "violations": session.error_counts(dataset.name).to_dicts(),
                "first_errors": session.error_sample(dataset.name, limit=_ROWS)
                .select(*_ERROR_COLUMNS, "severity")
                .to_dicts(),
                "notes": list(staged.manifest.notes),
            }


def show_check(found: Found) -> None:
    """What `check_file` found, for people."""
    if "dialect" in found:
        _show_dialect(found["dialect"])
    if "records" in found:
        _show_records(found)
    if "dataset" in found:
        _show_dataset(found["dataset"])
    if found["problem"] is not None:
        problem = found["problem"]
        say(f"[red]It would be quarantined[/] ({problem['code']}): {escape(problem['cause'])}.")
        say(f"  {escape(problem['remedy'])}")
    elif not is_fault(found):
        say("[green]No record would be rejected.[/]")


def _show_dialect(dialect: Found) -> None:
    told = {name: value for name, value in dialect.items() if name not in ("confidence", "reasons", "notes")}
    show_rows(
        "How it is written", ["", "found"], [(_words(name), _shown(value)) for name, value in told.items()]
    )
    if "confidence" in dialect:
        say(f"{dialect['confidence']:.0%} sure of it.")
    for reason in dialect.get("reasons", ()):
        say(f"  because {escape(reason)}")
    for note in dialect.get("notes", ()):
        say(f"  note: {escape(note)}")


def _words(name: str) -> str:
    return name.replace("_", " ")


def _shown(value: object) -> str:
    if isinstance(value, str):
        return {"\t": "tab", " ": "blank"}.get(value, value)
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _show_records(found: Found) -> None:
    columns = found["columns"][:_COLUMNS]
    more = len(found["columns"]) - len(columns)
    rows = [[row.get(name) for name in columns] for row in found["first_rows"]]
    show_rows(f"The first rows{f' (and {more} more columns)' if more > 0 else ''}", columns, rows)
    repaired = sum(found["repairs"].values())
    say(f"{found['records']:,} records, {found['rejected']:,} rejected, {repaired:,} repairs.")
    for title, faults in (
        ("Records that cannot be read", "rejects"),
        ("Records that were mended", "repairs"),
    ):
        if found[faults]:
            say(f"  {title}: {_counts(found[faults])}")
            first = found[f"first_{faults}"]
            columns = ["row", "line", "sheet", "check", "message", "raw"]
            columns = [name for name in columns if any(fault[name] is not None for fault in first)]
            show_rows(
                f"{title}: the first",
                columns,
                [[f[name] for name in columns] for f in first],
                ["row", "line"],
            )


def _show_dataset(found: Found) -> None:
    say(
        f"As '{escape(found['name'])}': {found['clean']:,} rows would be loaded, {found['rejected']:,} rejected,"
        f" {found['filtered']:,} filtered."
    )
    for note in found["notes"]:
        say(f"  note: {escape(note)}")
    if found["violations"]:
        columns = ["column_name", "check_name", "severity", "violations"]
        show_rows("Violations", columns, _values(found["violations"], columns), ["violations"])
        show_rows(
            "The first error rows", _ERROR_COLUMNS, _values(found["first_errors"], _ERROR_COLUMNS), ["_row"]
        )


def _values(rows: Iterable[Found], columns: list[str]) -> list[list[object]]:
    return [[row[name] for name in columns] for row in rows]


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{check} {count:,}" for check, count in counts.items())
