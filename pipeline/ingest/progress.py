"""How far a long file is. What belongs here: the figures and when to tell them. What does not: showing them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.counts import counted

QUIET_SECONDS = 1.0
EVERY_SECONDS = 1.0


@dataclass(frozen=True)
class ProgressUpdate:
    """Where the staging of one file stands.

    Attributes:
        delivery: its key.
        bytes_done: bytes of the file read so far.
        bytes_total: its size.
        rows: records read so far.
        seconds: time since it began.
        done: whether this is the last word on it.
    """

    delivery: str
    bytes_done: int
    bytes_total: int
    rows: int
    seconds: float
    done: bool = False

    @property
    def percent(self) -> float:
        """Share of the bytes, 0 to 100."""
        return (
            100.0 * min(self.bytes_done, self.bytes_total) / self.bytes_total if self.bytes_total else 100.0
        )

    @property
    def rows_per_second(self) -> float:
        """Mean speed so far."""
        return self.rows / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Estimate from the bytes, None before any were read."""
        if not self.bytes_done or not self.seconds:
            return None
        return self.seconds * max(0, self.bytes_total - self.bytes_done) / self.bytes_done

    def in_words(self) -> str:
        """One line for a log."""
        left = "" if self.seconds_left is None else f", about {self.seconds_left:.0f} s left"
        return (
            f"{self.delivery}: {self.percent:.0f} % of {self.bytes_total / 1e6:.0f} MB, {counted(self.rows, 'row')},"
            f" {self.rows_per_second:,.0f} rows/s{left}"
        )


Progress = Callable[[ProgressUpdate], None]


class ProgressMeter:
    """Tells a listener of one file's progress: nothing in the first second, then at most once a second."""

    def __init__(
        self, listener: Progress | None, delivery: str, bytes_total: int, quiet: float = QUIET_SECONDS
    ) -> None:
        self._listener, self._delivery, self._total = listener, delivery, bytes_total
        self._started = time.perf_counter()
        self._next = self._started + quiet
        self._spoken = False

    def advance(self, bytes_done: int, rows: int) -> None:
        """Note where the file stands."""
        now = time.perf_counter()
        if self._listener is not None and now >= self._next:
            self._next, self._spoken = now + EVERY_SECONDS, True
            self._listener(ProgressUpdate(self._delivery, bytes_done, self._total, rows, now - self._started))

    def finish(self, rows: int) -> None:
        """Note that the file is done; told only if it was told of before."""
        if self._listener is not None and self._spoken:
            seconds = time.perf_counter() - self._started
            self._listener(ProgressUpdate(self._delivery, self._total, self._total, rows, seconds, done=True))
