"""What the sensors decide, as pure functions: which files and windows to ask runs for, and what to report.

What belongs here: decisions over plain values. What does not: Dagster, the clock, files, the warehouse.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

FILES_A_RUN = 100
FILES_A_TICK = 300
ATTEMPTS = 5
STREAK = 3
SPANS_A_TICK = 4
DAYS_A_TICK = 100
_REMEMBERED = 2_000
_PAUSE, _GROWTH, _LONGEST_PAUSE = 10.0, 4.0, 1_800.0
_FILES_AFTER_FAILURE = (FILES_A_RUN, 10)


@dataclass(frozen=True)
class Try:
    """A landing that a run has left in the inbox.

    Attributes:
        landing: identity of the landing.
        attempts: runs that have ended without taking it.
        failed_at: end of the latest of them if it failed, else 0; seconds since 1970.
    """

    landing: str
    attempts: int
    failed_at: float


@dataclass(frozen=True)
class Ended:
    """A run that has ended, and the deliveries it was to take."""

    keys: Collection[str]
    failed: bool
    at: float


@dataclass(frozen=True)
class Stretch:
    """Deliveries for one run: neighbours in the order of the partitions, tried equally often."""

    deliveries: tuple[str, ...]
    attempts: int


@dataclass(frozen=True)
class InboxPlan:
    """What a tick of `<dataset>_inbox` does.

    Attributes:
        new_keys: deliveries to register as partitions, in order.
        stretches: runs to ask for.
        tries: what to remember until the next tick.
        resting: deliveries that wait for the pause after a failure to end.
        given_up: deliveries that too many runs have failed over; a new version of the file starts afresh.
        left: deliveries that the next tick asks for.
    """

    new_keys: tuple[str, ...] = ()
    stretches: tuple[Stretch, ...] = ()
    tries: Mapping[str, Try] = field(default_factory=dict)
    resting: tuple[str, ...] = ()
    given_up: tuple[str, ...] = ()
    left: int = 0


def pause_after(failures: int) -> float:
    """Seconds to wait after so many failures: 10, 40, 160, … at most half an hour."""
    return 0.0 if failures <= 0 else min(_PAUSE * _GROWTH ** min(failures - 1, 10), _LONGEST_PAUSE)


def remember(tries: Mapping[str, Try], waiting: Mapping[str, str], ended: Iterable[Ended]) -> dict[str, Try]:
    """Tries of what still waits, with the runs that have ended since counted in.

    Args:
        waiting: delivery → landing.
    """
    kept = {key: known for key, known in tries.items() if waiting.get(key) == known.landing}
    for run in ended:
        for key in run.keys:
            if key in waiting:
                before = kept.get(key)
                attempts = before.attempts + 1 if before else 1
                kept[key] = Try(waiting[key], attempts, run.at if run.failed else 0.0)
    newest = sorted(kept.items(), key=lambda item: -item[1].failed_at)[:_REMEMBERED]
    return dict(newest)


def plan_inbox(
    waiting: Mapping[str, str],
    order: Sequence[str],
    in_flight: Collection[str],
    tries: Mapping[str, Try],
    now: float,
    streak: int = 0,
    busy: bool = False,
) -> InboxPlan:
    """Which of the waiting files to ask runs for.

    Args:
        waiting: delivery → landing, of the settled files.
        order: registered partitions, oldest first; a range of partitions follows this order.
        in_flight: deliveries that a run under way already covers.
        tries: from `remember`.
        now: seconds since 1970.
        streak: latest runs that failed in a row; from three on, one run at a time feels its way.
        busy: whether any run is under way.
    """
    rested, resting, given_up = [], [], []
    for key in waiting:
        known = tries.get(key)
        if key in in_flight:
            continue
        if known is not None and known.attempts >= ATTEMPTS:
            given_up.append(key)
        elif known is not None and known.failed_at and now < known.failed_at + pause_after(known.attempts):
            resting.append(key)
        else:
            rested.append(key)
    registered = set(order)
    probing = streak >= STREAK
    limit = 0 if probing and busy else FILES_A_RUN if probing else FILES_A_TICK
    known_keys = [key for key in rested if key in registered]
    new_keys = sorted(key for key in rested if key not in registered)
    chosen_known, chosen_new = known_keys[:limit], new_keys[: max(0, limit - len(known_keys))]
    stretches = _stretches(chosen_known, chosen_new, order, tries)
    return InboxPlan(
        new_keys=tuple(chosen_new),
        stretches=tuple(stretches[:1] if probing else stretches),
        tries=tries,
        resting=tuple(resting),
        given_up=tuple(given_up),
        left=len(rested) - len(chosen_known) - len(chosen_new),
    )


def _stretches(
    known: Sequence[str], new: Sequence[str], order: Sequence[str], tries: Mapping[str, Try]
) -> list[Stretch]:
    """Neighbours of equal attempts together, cut to the size that their attempts allow."""
    asked = set(known)
    place = {key: n for n, key in enumerate(order) if key in asked}
    place |= {key: len(order) + n for n, key in enumerate(new)}
    stretches: list[list[str]] = []
    for key in sorted(place, key=place.__getitem__):
        last = stretches[-1] if stretches else None
        if (
            last is not None
            and place[key] == place[last[-1]] + 1
            and _attempts(tries, key) == _attempts(tries, last[-1])
            and len(last) < _size(_attempts(tries, key))
        ):
            last.append(key)
        else:
            stretches.append([key])
    return [Stretch(tuple(keys), _attempts(tries, keys[0])) for keys in stretches]


def _attempts(tries: Mapping[str, Try], key: str) -> int:
    return tries[key].attempts if key in tries else 0


def _size(attempts: int) -> int:
    """Fewer files a run after each failure, so that the one that brings a run down is found out alone."""
    return _FILES_AFTER_FAILURE[attempts] if attempts < len(_FILES_AFTER_FAILURE) else 1


@dataclass(frozen=True)
class WindowsPlan:
    """What to ask for of one dataset's windows: ranges of day partitions, or one run over all that is dirty."""

    spans: tuple[tuple[str, str], ...] = ()
    everything: bool = False


def plan_windows(
    days: Collection[date | None],
    order: Sequence[str],
    covered: Collection[str],
    all_covered: bool = False,
) -> WindowsPlan:
    """Which runs bring the dirty windows of a dataset up to date.

    Args:
        days: dirty days; None stands for a total.
        order: the day partitions as registered, which is the order that a range follows.
        covered: those that a run under way recomputes.
        all_covered: whether a run under way recomputes all that is dirty.

    Days that are no partitions, days too scattered for a few ranges, and so many that noting each of them takes Dagster
    longer than computing them (15 ms for each day of each window), are brought up to date by one run without partitions, which
    recomputes whatever is dirty.
    """
    if all_covered or not days:
        return WindowsPlan()
    wanted = {day.isoformat() for day in days if day is not None}
    inside = wanted.intersection(order)
    total_alone = None in days and not inside and not covered
    spans = ranges_over(inside.difference(covered), order)
    many = len(inside) > DAYS_A_TICK or len(spans) > SPANS_A_TICK
    if wanted != inside or total_alone or many:
        return WindowsPlan(everything=True)
    return WindowsPlan(tuple(spans))


def ranges_over(keys: Collection[str], order: Sequence[str]) -> list[tuple[str, str]]:
    """First and last key of each range of partitions that holds these keys and no others; what is not registered is in none."""
    ranges: list[tuple[str, str]] = []
    follows = False
    for key in order:
        if key in keys:
            first = ranges.pop()[0] if follows else key
            ranges.append((first, key))
        follows = key in keys
    return ranges
