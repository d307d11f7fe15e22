"""Where a byte stands in a block, without fresh memory for every question.

What belongs here: comparisons of all bytes of a block. What does not: what the bytes mean.
"""

from __future__ import annotations

import threading

import numpy as np
import numpy.typing as npt

_WORD = 8
_SPARSE = 400
_per_thread = threading.local()


def scratch(name: str, size: int) -> npt.NDArray[np.bool_]:
    """Memory that a thread uses again and again: fresh memory costs more than the comparison that fills it."""
    array: npt.NDArray[np.bool_] | None = getattr(_per_thread, name, None)
    if array is None or len(array) < size:
        array = np.empty(size, dtype=bool)
        setattr(_per_thread, name, array)
    part: npt.NDArray[np.bool_] = array[:size]
    return part


def where(bytes_: npt.NDArray[np.uint8], byte: int) -> npt.NDArray[np.int64]:
    """Positions of `byte`, ascending."""
    found = np.equal(bytes_, byte, out=scratch("third", len(bytes_)))
    whole = len(found) // _WORD * _WORD
    if np.count_nonzero(found) * _SPARSE > len(found):
        return np.flatnonzero(found)
    # Few: first the words that hold one, which are an eighth to look through.
    words = np.flatnonzero(found[:whole].view(np.uint64) != 0)
    at = np.flatnonzero(found[:whole].reshape(-1, _WORD)[words])
    rest = np.flatnonzero(found[whole:]) + whole
    return np.concatenate((words[at // _WORD] * _WORD + at % _WORD, rest))


def how_often(data: bytes, byte: int) -> int:
    """How often `byte` occurs; much faster than `bytes.count`."""
    bytes_ = np.frombuffer(data, np.uint8)
    return int(np.count_nonzero(np.equal(bytes_, byte, out=scratch("third", len(bytes_)))))
