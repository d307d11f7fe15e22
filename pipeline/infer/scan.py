"""Through the whole file, chunk by chunk in threads: which reading each column has, and what its values are like.

What belongs here: the passes over the file. What does not: which readings there are (`candidates`), what is counted (`facts`), what
follows from it (`decide`).

The first chunk rules out what it can; a pass over the file then tries what is left, usually one reading per column. Where that
fails on a later chunk, the values that it failed on are added to the evidence, another reading is chosen, and the columns
concerned are gone through again. What is found holds for every row, in memory that does not depend on their number but for
8 bytes a row for each key that is possible.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import polars as pl

from pipeline.files import Parsed, Piece
from pipeline.files.canonical import as_text
from pipeline.infer.facts import Facts, facts_of
from pipeline.infer.found import (
    Found,
    Key,
    choose_again,
    choose_late,
    evidence_of,
    first_look,
    in_doubt,
    possible_keys,
)
from pipeline.infer.keys import Hashes, Uniqueness, hashes_of
from pipeline.infer.readings import TEXT, ZONE, Outcome, Reading, read
from pipeline.ingest.casts import CastMemory, cast
from pipeline.ingest.file_rows import WORKERS

_PASSES = 6


class Pieces(Protocol):
    """What is gone through: the pieces of a file, or of several."""

    def pieces(self) -> Iterator[Piece]:
        """All pieces in order; may be called again."""
        ...

    def first_frames(self) -> list[pl.DataFrame]:
        """The first chunk of each file that has one."""
        ...


@dataclass(frozen=True)
class Scanned:
    """A file as it was found.

    Attributes:
        columns: in the file's order.
        rows: records that could be read; rejects: those that could not.
        keys: columns that together differ in every row, the likeliest first.
    """

    columns: tuple[Found, ...]
    rows: int
    rejects: int
    keys: tuple[Key, ...]


@dataclass(frozen=True)
class _Chunk:
    facts: dict[tuple[str, Reading], Facts]
    agree: dict[str, bool]
    late: dict[str, pl.Series]
    hashes: dict[Key, Hashes | None]
    rows: int
    rejects: int


def scan(table: Pieces, headers: Iterable[str], memory_mb: int, zone: str = ZONE) -> Scanned:
    """Read a file to its end, once or, where its later rows are of another kind than its first, more often.

    Args:
        headers: the columns to look at.
        memory_mb: budget; keys are looked for in a quarter of it.
        zone: IANA zone of times without one.

    Raises:
        UnreadableFile: it turns out to be unreadable. OSError: it cannot be read.
    """
    frames = table.first_frames()
    frame = frames[0] if frames else pl.DataFrame()
    columns = {header: first_look(header, frames, zone) for header in headers}
    keys = {key: Uniqueness() for key in possible_keys(frame, list(columns.values()))}
    rows, rejects = 0, 0
    open_columns = list(columns.values())
    for attempt in range(_PASSES):
        for column in open_columns:
            column.restart()
        concerned = {column.header for column in open_columns}
        watched = {key: one for key, one in keys.items() if attempt == 0 or concerned & set(key)}
        if attempt:
            watched = {key: Uniqueness() for key in watched}
            keys |= watched
        unseen = [column for column in open_columns if column.unseen]
        rows, rejects = _pass(table, columns, open_columns, watched, memory_mb)
        dead = [column for column in open_columns if not column.alive]
        late = [column for column in unseen if not column.unseen and choose_late(column)]
        for column in dead:
            choose_again(column, settle=attempt >= _PASSES - 2)
        open_columns = late + dead
        if not open_columns:
            break
    doubtful = [column for column in columns.values() if in_doubt(column)]
    for column in doubtful:
        column.restart()
    if doubtful:
        _pass(table, columns, doubtful, {}, memory_mb)
    unique = tuple(key for key, one in keys.items() if one.settle())
    return Scanned(tuple(columns.values()), rows, rejects, unique)


def _pass(
    table: Pieces, columns: dict[str, Found], wanted: list[Found], keys: dict[Key, Uniqueness], memory_mb: int
) -> tuple[int, int]:
    """One way through the file: facts of `wanted` columns, hashes of `keys`. Returns the rows and the rejects."""
    rows, rejects = 0, 0
    for chunk in _chunks(table, columns, wanted, keys):
        rows, rejects = rows + chunk.rows, rejects + chunk.rejects
        for (header, reading), facts in chunk.facts.items():
            columns[header].facts[reading].add(facts)
        for header, evidence in chunk.late.items():
            if columns[header].unseen:
                columns[header].evidence = evidence
        for header, agree in chunk.agree.items():
            columns[header].agree &= agree
        for key, hashes in chunk.hashes.items():
            if keys[key].holds:
                keys[key].add(hashes)
        bound_memory(keys, memory_mb)
    return rows, rejects


def bound_memory(keys: dict[Key, Uniqueness], memory_mb: int) -> None:
    """The least likely keys are given up first where their hashes take too much memory."""
    limit = memory_mb * 2**20 // 4
    for key in reversed(keys):
        if sum(one.bytes for one in keys.values()) <= limit:
            return
        keys[key].give_up()


def _chunks(
    table: Pieces, columns: dict[str, Found], wanted: list[Found], keys: dict[Key, Uniqueness]
) -> Iterator[_Chunk]:
    """The file's chunks in order, worked on in threads; a few are under way at a time."""
    under_way: deque[Future[_Chunk]] = deque()
    with ThreadPoolExecutor(WORKERS, "windrow-infer") as pool:
        try:
            for piece in table.pieces():
                if len(under_way) > WORKERS:
                    yield under_way.popleft().result()
                under_way.append(pool.submit(_work, piece, columns, wanted, keys))
            while under_way:
                yield under_way.popleft().result()
        finally:
            for future in under_way:
                future.cancel()


def _work(
    piece: Piece, columns: dict[str, Found], wanted: list[Found], keys: dict[Key, Uniqueness]
) -> _Chunk:
    parsed = piece.parse()
    frame = parsed.frame
    facts: dict[tuple[str, Reading], Facts] = {}
    agree: dict[str, bool] = {}
    late: dict[str, pl.Series] = {}
    typed: dict[str, pl.Series] = {}
    tested = [key for key, one in keys.items() if one.holds]
    parts = {name for key in tested for name in key}
    for column in wanted:
        outcomes = []
        source = _source(frame, column)
        if column.choice.rivals == (TEXT,) and source.null_count() < len(source) and column.unseen:
            late[column.header] = evidence_of(source)
        made = None if parsed.typed is None else partial(_typed, parsed, column.header)
        for reading in column.alive:
            outcome = read(reading, source, made)
            facts[column.header, reading] = facts_of(reading, outcome, source, column.still(reading), made)
            outcomes.append(outcome.values)
            if reading == column.choice.rivals[0] and column.header in parts:
                typed[column.header] = _comparable(reading, outcome)
        if len(outcomes) > 1:
            agree[column.header] = all(values.equals(outcomes[0]) for values in outcomes[1:])
    for name in parts - set(typed):
        reading = columns[name].choice.rivals[0]
        typed[name] = _comparable(reading, read(reading, _source(frame, columns[name])))
    hashes = {key: hashes_of([typed[name] for name in key]) for key in tested}
    return _Chunk(facts, agree, late, hashes, frame.height, len(parsed.rejects))


def _typed(parsed: Parsed, header: str) -> pl.Series:
    """Which texts of a column were made from typed values."""
    if header not in parsed.frame.columns or parsed.typed is None:
        return pl.Series([False]).new_from_index(0, parsed.frame.height)
    return parsed.typed(header)


def _source(frame: pl.DataFrame, column: Found) -> pl.Series:
    """A column of a chunk; a chunk that lacks it has nothing in it."""
    if column.header not in frame.columns:
        return pl.Series(column.header, [None], column.native or pl.String).new_from_index(0, frame.height)
    source = frame[column.header]
    return source if column.native is not None or column.choice.rivals[0].native else as_text(source)


def _comparable(reading: Reading, outcome: Outcome) -> pl.Series:
    """Values as the table will hold them: texts without blanks round them; numbers whole, as others are no keys."""
    if reading.kind == "number":
        return cast(outcome.values if outcome.text is None else outcome.text, pl.Int64(), ZONE, CastMemory())
    return outcome.values.str.strip_chars() if outcome.values.dtype == pl.String else outcome.values
