"""What is said of records, for many at once: by numbers into a few words, and as objects only when those are asked for.

What belongs here: keeping and putting together such words, and the sequence that makes objects of them. What does not: the words
(`verdicts`).
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar, overload

import numpy as np

from pipeline.files.delimited.scan import NONE, Positions

_BATCH = 4096
_FEW = 256
_HEAVY = 2 * 1024 * 1024
_LOW = 4096
_T = TypeVar("_T")


@dataclass(frozen=True)
class Said:
    """What is said of some records.

    Attributes:
        chosen: numbers of the records, from 0; ascending.
        which: for each, the place in `words`.
        words: (check, message).
    """

    chosen: Positions
    which: Positions
    words: list[tuple[str, str]]

    @classmethod
    def by_count(cls, chosen: Positions, counts: Positions, words: Callable[[int], tuple[str, str]]) -> Said:
        """Where `words` depends on nothing but the fields of each."""
        if len(counts) and int(counts.max()) < _LOW:
            is_known = np.bincount(counts) > 0
            known, which = np.flatnonzero(is_known), np.cumsum(is_known)[counts] - 1
        else:
            known, which = np.unique(counts, return_inverse=True)
        return cls(chosen, which, [words(count) for count in known.tolist()])

    @classmethod
    def each(cls, chosen: Positions, words: list[tuple[str, str]]) -> Said:
        """Other words of every record."""
        return cls(chosen, np.arange(len(words)), words)

    @classmethod
    def nothing(cls) -> Said:
        """No records."""
        return cls(NONE, NONE, [])


def together(parts: list[Said]) -> Said:
    """All of `parts` by record; what is said of the same one keeps its order."""
    parts = [part for part in parts if len(part.chosen)]
    if not parts:
        return Said.nothing()
    if len(parts) == 1:
        return parts[0]
    shifts = np.cumsum([0, *(len(part.words) for part in parts[:-1])]).tolist()
    chosen = np.concatenate([part.chosen for part in parts])
    which = np.concatenate([part.which + shift for part, shift in zip(parts, shifts, strict=True)])
    order = np.argsort(chosen, kind="stable")
    return Said(chosen[order], which[order], [words for part in parts for words in part.words])


def made_when_asked(size: int, weight: int, make: Callable[[int, int], list[_T]]) -> Sequence[_T]:
    """`size` objects, of which `make` gives those from one number up to another. Many of them are made only when they are asked
    for, again and again: in a block of nothing but bad records they would take more time and memory than all else. `weight`:
    bytes that they are made of, all together; long ones are made a few at a time."""
    if size <= _FEW and weight <= _HEAVY:
        return tuple(make(0, size)) if size else ()
    return _Told(size, max(min(_BATCH, size * _HEAVY // max(weight, 1)), 1), make)


class _Told(Sequence[_T]):
    """A sequence that never changes and whose items are made when they are asked for."""

    def __init__(self, size: int, batch: int, make: Callable[[int, int], list[_T]]) -> None:
        self._size, self._batch, self._make = size, batch, make

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[_T]:
        for start in range(0, self._size, self._batch):
            with no_collection():
                some = self._make(start, min(start + self._batch, self._size))
            yield from some

    @overload
    def __getitem__(self, index: int) -> _T: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[_T, ...]: ...
    def __getitem__(self, index: int | slice) -> _T | tuple[_T, ...]:
        numbers = range(self._size)[index]
        if isinstance(numbers, int):
            return self._make(numbers, numbers + 1)[0]
        if numbers.step == 1:
            return tuple(self._make(numbers.start, numbers.stop)) if numbers else ()
        return tuple(self[number] for number in numbers)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, tuple | _Told) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))


@contextmanager
def no_collection() -> Iterator[None]:
    """Without the collector of cyclic garbage. A block of nothing but bad records becomes 100,000s of objects without any
    cycle, through which it would go again and again; that took half of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
