"""`python -m pipeline.files.dump FILE --out TABLE.csv`: a file, read with nothing given, as plain CSV.

What belongs here: writing down what a reader understood, so that it can be compared with what others understand. What does
not: understanding it, and validation.

The output is comma-separated UTF-8 with doubled quotes and LF: the header's own cells (`col_0`, `col_1`, … where the file has
no header), then every record in file order: read, repaired, and rejected ones by their best-effort split.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import polars as pl

from pipeline.contract.read import Read
from pipeline.files.canonical import as_text
from pipeline.files.open import open_table
from pipeline.files.problems import UnreadableFile
from pipeline.files.table import ROW, Parsed, ReadOptions, Reject, Table

FOUND, CANNOT, NONE = 0, 2, 3
_LINE = "line"
_SPECIAL = '[",\r\n]'


@dataclass
class Dumped:
    """What became of a file.

    Attributes:
        table: the table, None where the file holds none.
        columns: names of its columns, those that only later records bring too.
        records: records written.
        rejects: how many of them were rejected, by check.
        repairs: how many repairs were made, by check.
        problem: why the file holds no table, or why it could not be read to its end.
    """

    table: Table | None = None
    columns: list[str] = field(default_factory=list)
    records: int = 0
    rejects: Counter[str] = field(default_factory=Counter)
    repairs: Counter[str] = field(default_factory=Counter)
    problem: UnreadableFile | None = None

    def as_dict(self) -> dict[str, object]:
        """The account, ready for JSON."""
        dialect = self.table.dialect if self.table else None
        problem = self.problem
        return {
            "dialect": dialect.as_dict() if dialect else None,
            "confidence": dialect.confidence if dialect else None,
            "columns": self.columns,
            "records": self.records,
            "rejected": sum(self.rejects.values()),
            "rejects": dict(self.rejects),
            "repairs": dict(self.repairs),
            "notes": list(dialect.notes) if dialect else [],
            "problem": {"code": problem.code, "cause": problem.cause, "remedy": problem.remedy}
            if problem
            else None,
        }


def dump(path: Path, out: Path, options: ReadOptions | None = None) -> Dumped:
    """Read `path` and write what it holds to `out`; memory is bounded by the pieces of the table.

    A file without a table gives an empty `out`, one with nothing but a header gives the header; one that breaks off gives what
    was before the break. `Dumped.problem` says so.

    Raises:
        OSError: a file cannot be read or written.
    """
    options = options or ReadOptions()
    done = Dumped()
    with out.open("wb") as stream:
        try:
            done.table = open_table(path, options)
            done.columns = list(done.table.columns)
            known = -1
            while known != len(done.columns):
                # Columns that first appear in a late record belong into the header: then all is written once more.
                known = len(done.columns)
                stream.seek(0)
                stream.truncate()
                _write(done, done.table, stream)
        except UnreadableFile as problem:
            done.problem = problem
            if problem.code == "header_only" and not stream.tell():
                stream.write(_lone_header(path, options))
    return done


def header_cells(table: Table, columns: Sequence[str]) -> list[str]:
    """The header line of `table`: the header's own cells where it knows them, with the names of columns that are not from
    the header; `col_0`, `col_1`, … where the file has none, as other tools number such columns. Names that were
    made up for empty cells stay empty."""
    if table.header is not None:
        cells = list(table.header)
        surplus = len(table.columns) - len(cells)
        return [*cells, *[""] * surplus, *columns[len(table.columns) :]]
    has_lines = table.dialect.format in ("csv", "excel")
    if table.dialect.header_rows == 0 or (has_lines and table.dialect.header_line is None):
        return [f"col_{position}" for position in range(len(columns))]
    return list(columns)


def _write(done: Dumped, table: Table, stream: BinaryIO) -> None:
    stream.write(_csv_line(header_cells(table, done.columns)).encode() + b"\n")
    _write_pieces(done, table, stream)


def _write_pieces(done: Dumped, table: Table, stream: BinaryIO) -> None:
    done.records, done.rejects, done.repairs = 0, Counter(), Counter()
    for piece in table.pieces():
        parsed = piece.parse()
        known = set(done.columns)
        done.columns += [name for name in parsed.frame.columns if name not in known and name != ROW]
        _write_records(parsed, done.columns, stream)
        done.records += piece.records
        done.rejects.update(reject.check for reject in parsed.rejects)
        done.repairs.update(repair.check for repair in parsed.repairs)


def _write_records(parsed: Parsed, columns: list[str], stream: BinaryIO) -> None:
    frame = _as_text(parsed.frame, columns)
    if not parsed.rejects:
        frame.drop(ROW).write_csv(stream, include_header=False)
        return
    lines = frame.select(pl.concat_str([_cell(name) for name in columns], separator=",").alias(_LINE), ROW)
    rejects = pl.DataFrame(
        {
            _LINE: [_csv_line(_split(reject)) for reject in parsed.rejects],
            ROW: [reject.row for reject in parsed.rejects],
        },
        schema={_LINE: pl.String, ROW: pl.Int64},
    )
    both = pl.concat([lines, rejects]).sort(ROW)
    both.select(_LINE).write_csv(stream, include_header=False, quote_style="never")


def _as_text(frame: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """All columns in order; a lone column has no nulls, as a line with nothing in it is no record to most readers."""
    known = {column.name: column for column in frame.get_columns()}
    nothing = pl.Series([], dtype=pl.String).extend_constant(None, frame.height)
    texts = [as_text(known[name]) if name in known else nothing.alias(name) for name in columns]
    frame = pl.DataFrame([*texts, known[ROW]])
    return frame.with_columns(pl.col(columns).fill_null("")) if len(columns) == 1 else frame


def _cell(name: str) -> pl.Expr:
    text = pl.col(name).fill_null("")
    quoted = pl.lit('"') + text.str.replace_all('"', '""', literal=True) + pl.lit('"')
    return pl.when(text.str.contains(_SPECIAL)).then(quoted).otherwise(text)


def _split(reject: Reject) -> Sequence[str]:
    return reject.fields or (reject.raw,)


def _csv_line(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)  # without an end it leaves line breaks unquoted
    return line.getvalue()[:-1]


def _lone_header(path: Path, options: ReadOptions) -> bytes:
    """The header of a file that has nothing else: read as if it were a record."""
    headless = ReadOptions(options.chunk_rows, options.memory_mb, read=Read(header=0))
    out = io.BytesIO()
    try:
        _write_pieces(Dumped(), open_table(path, headless), out)
    except UnreadableFile:
        return b""
    return out.getvalue()


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code: 0 a table was found, 2 it cannot be read or written, 3 the file holds no table."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.files.dump",
        description="Read a file with nothing given and write what was understood as plain CSV.",
        epilog="Example: python -m pipeline.files.dump odd.csv --out table.csv --json info.json."
        " Exit code 0: a table was found; 2: the file cannot be opened; 3: it holds no table.",
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="where the table goes, as CSV")
    parser.add_argument("--json", type=Path, help="where dialect, counts and confidence go")
    given = parser.parse_args(arguments)
    try:
        done = dump(given.file, given.out)
        if given.json:
            given.json.write_text(json.dumps(done.as_dict(), indent=2, default=str) + "\n")
    except OSError as error:
        print(error, file=sys.stderr)
        return CANNOT
    if done.problem is not None:
        print(done.problem, file=sys.stderr)
        return NONE
    return FOUND


if __name__ == "__main__":
    sys.exit(main())
