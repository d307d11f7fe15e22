"""Other loaders over the same odd files, with nothing given to them either.

What belongs here: what each of them makes of a file, as plain CSV. What does not: scoring (`pollock`).
"""

from __future__ import annotations

import csv
import importlib.util
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import duckdb
import pandas as pd

from benchmarks.pollock import Loader, Scored, score_folder, totals
from benchmarks.report import Report

_EVERY = 25


def load_with_duckdb(path: Path, out: Path, lenient: bool = False) -> None:
    """DuckDB's `read_csv`, detection on; `lenient`: short records filled up, others left out."""
    more = ", ignore_errors = true, null_padding = true" if lenient else ""
    with duckdb.connect() as connection:
        source = connection.sql(f"FROM read_csv($path, all_varchar = true{more})", params={"path": str(path)})
        found = connection.execute(
            f"SELECT HasHeader FROM sniff_csv($path{more})", {"path": str(path)}
        ).fetchone()
        header = [source.columns] if found and found[0] else []
        _write(out, [*header, *source.fetchall()])


def load_with_pandas(path: Path, out: Path) -> None:
    """pandas' `read_csv` as it is."""
    pd.read_csv(path, dtype=str, keep_default_na=False).to_csv(out, index=False)


def load_with_sniffer(path: Path, out: Path) -> None:
    """The standard library's `csv.Sniffer` and reader."""
    text = path.read_text(encoding="utf-8", errors="replace")
    _write(out, csv.reader(text.splitlines(keepends=True), csv.Sniffer().sniff(text)))


def load_with_clevercsv(path: Path, out: Path) -> None:
    """CleverCSV, where it is installed."""
    import clevercsv  # type: ignore[import-not-found]

    _write(out, clevercsv.read_table(str(path)))


def _write(out: Path, rows: Iterable[Iterable[object]]) -> None:
    with out.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows(rows)


PEERS: dict[str, Loader] = {
    "DuckDB read_csv": load_with_duckdb,
    "DuckDB read_csv, errors ignored": partial(load_with_duckdb, lenient=True),
    "pandas read_csv": load_with_pandas,
    "Python csv.Sniffer": load_with_sniffer,
    **({"CleverCSV": load_with_clevercsv} if importlib.util.find_spec("clevercsv") else {}),
}


def against_peers(report: Report, folder: Path, scored: list[Scored]) -> None:
    """Peers and us on a sample: every file of a kind of its own, and one in 25 of the others."""
    sample = [f for n, f in enumerate(scored) if not f.name.startswith("row_") or not n % _EVERY]
    report.title(f"Others over {len(sample)} of them")
    _line(report, "Windrow", sample)
    for name, loader in PEERS.items():
        _line(report, name, score_folder(folder, loader, [file.name for file in sample]))


def _line(report: Report, name: str, scored: list[Scored]) -> None:
    simple, weighted = totals(scored)
    crashed = sum(1 for file in scored if file.failure)
    report.line(name, f"simple {simple:5.2f}   weighted {weighted:5.2f}   crashed on {crashed}")
