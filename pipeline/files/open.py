"""Which reader a file needs, and opening it with that reader.

What belongs here: the table of readers, those of other packages included. What does not: telling formats apart (`recognise`),
reading one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pipeline.files import plugins
from pipeline.files.delimited.reader import open_csv
from pipeline.files.json.reader import open_json
from pipeline.files.member import open_member
from pipeline.files.problems import UnreadableFile, empty_file
from pipeline.files.recognise import CONTAINER, claimed_compression, recognise, suffix_of
from pipeline.files.streams import compression_of, open_stream
from pipeline.files.table import ReadOptions, Table

Opener = Callable[[Path, str | None, ReadOptions], Table]
_HEAD = 64 * 1024


# Only a file that needs one of these libraries pays for its import: a quarter of a second for workbooks.
def _open_excel(path: Path, compression: str | None, options: ReadOptions) -> Table:
    from pipeline.files.workbook.reader import open_excel

    return open_excel(path, compression, options)


def _open_parquet(path: Path, compression: str | None, options: ReadOptions) -> Table:
    from pipeline.files.parquet import open_parquet

    return open_parquet(path, compression, options)


def _open_arrow(path: Path, compression: str | None, options: ReadOptions) -> Table:
    from pipeline.files.arrow import open_arrow

    return open_arrow(path, compression, options)


def _open_avro(path: Path, compression: str | None, options: ReadOptions) -> Table:
    from pipeline.files.avro import open_avro

    return open_avro(path, compression, options)


READERS: dict[str, Opener] = {
    "csv": open_csv,
    "excel": _open_excel,
    "json": open_json,
    "parquet": _open_parquet,
    "arrow": _open_arrow,
    "avro": _open_avro,
}


def open_table(path: Path, options: ReadOptions | None = None) -> Table:
    """Open a file of any known format as a table; a zip of one file as that file.

    Raises:
        OSError: it cannot be read. UnreadableFile: it holds no table we can read; its `code` is one of `empty`, `header_only`,
            `no_header`, `not_what_it_says`, `unsupported`, `encrypted`, `damaged`, `ambiguous`, `no_such_sheet`,
            `several_files`, `unsafe_archive`, `too_large`, `reader_failed`.
    """
    path, options = Path(path), options or ReadOptions()
    head = _head(path, None)
    compression = compression_of(head)
    claimed = claimed_compression(path)
    notes: tuple[str, ...] = ()
    if compression is not None:
        head = _head(path, compression)
    elif claimed:
        notes = (f"the file is named {path.suffix} but is not compressed",)
    if not head:
        raise empty_file(path)
    reader, broken = plugins.installed().by_content(head, path)
    try:
        table, more = _table(path, head, compression, options, reader)
    except UnreadableFile as error:
        if broken:
            raise UnreadableFile(
                path, error.code, f"{error.cause} ({'; '.join(broken)})", error.remedy
            ) from error
        raise
    notes += more + broken
    if notes:
        table.dialect = replace(table.dialect, notes=(*table.dialect.notes, *notes))
    return table


def _table(
    path: Path, head: bytes, compression: str | None, options: ReadOptions, reader: plugins.Reader | None
) -> tuple[Table, tuple[str, ...]]:
    """The table, and what is to be said of the file's name."""
    if reader is not None:
        return plugins.open_with(reader, path, compression, options), ()
    found = recognise(path, head, compression)
    if found.format == CONTAINER:
        return open_member(path, lambda file: open_table(file, options)), found.notes
    if not found.certain and (other := plugins.installed().by_suffix(suffix_of(path))) is not None:
        return plugins.open_with(other, path, compression, options), ()
    return READERS[found.format](path, compression, options), found.notes


def _head(path: Path, compression: str | None) -> bytes:
    with open_stream(path, compression) as stream:
        return stream.read(_HEAD)
