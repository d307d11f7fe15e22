"""The partitions of a dataset's windows: exactly the days that exist, in the order of time. Why: docs/decisions/0034.

What belongs here: making partitions of days, putting them in order, taking away those that are gone. What does not: which days there
are (`warehouse`), computing them (`windows`), which runs there should be (`plans`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date

from dagster import AssetMaterialization, DagsterInstance, RunsFilter

from pipeline.contract import Dataset
from pipeline.intake import Intake
from pipeline.orchestration.history import UNDER_WAY
from pipeline.orchestration.names import days_of, window_key
from pipeline.warehouse import Recomputed

MOVED_A_TICK = 100
_ADDED_AT_ONCE = 5_000
_BACKFILLS_LOOKED_AT = 50
_BACKFILL_AT_WORK = ("REQUESTED", "CANCELING", "FAILING")


def keys_of_days(instance: DagsterInstance, dataset: str) -> list[str]:
    """The day partitions as they are registered, which is the order that a range follows."""
    return list(instance.get_dynamic_partitions(_name(dataset)))


def as_days(keys: Iterable[str]) -> list[date]:
    """The days that partition keys name. A key that is no day is passed over: Dagster's page lets people add any text."""
    found = []
    for key in keys:
        with suppress(ValueError):
            found.append(date.fromisoformat(key))
    return found


def days_of_partitions(instance: DagsterInstance, dataset: str) -> list[date]:
    """`keys_of_days` as days."""
    return as_days(keys_of_days(instance, dataset))


def shown(dataset: Dataset, day: date) -> bool:
    """Whether a day that exists is a partition: all are, unless the dataset names a first one."""
    return dataset.first_day is None or day >= dataset.first_day


def make_days_of(
    instance: DagsterInstance, intake: Intake, done: Sequence[Recomputed]
) -> Iterator[AssetMaterialization]:
    """`make_days` for what was just computed; the warehouse is opened only where a day of it is no partition yet."""
    days: dict[str, set[date]] = {}
    for item in done:
        if item.day is not None and item.rows and shown(intake.datasets[item.dataset], item.day):
            days.setdefault(item.dataset, set()).add(item.day)
    for name, of_dataset in days.items():
        if not of_dataset <= set(days_of_partitions(instance, name)):
            with intake.warehouse.session(read_only=True) as session:
                there = session.days(name)
            yield from make_days(instance, intake.datasets[name], there)


def make_days(
    instance: DagsterInstance, dataset: Dataset, there: Mapping[str, Collection[date]]
) -> list[AssetMaterialization]:
    """Make partitions of the days that are none yet.

    Args:
        there: window over time → its days, stored or dirty.

    Returns:
        What to tell of windows that have nothing on a new day while others have: else it would look forever as if they were missing there.
    """
    known = set(keys_of_days(instance, dataset.name))
    wanted = {day for days in there.values() for day in days if shown(dataset, day)}
    new = sorted(day for day in wanted if day.isoformat() not in known)
    for start in range(0, len(new), _ADDED_AT_ONCE):
        keys = [day.isoformat() for day in new[start : start + _ADDED_AT_ONCE]]
        instance.add_dynamic_partitions(_name(dataset.name), keys)
    return [
        AssetMaterialization(
            window_key(dataset.name, window),
            partition=day.isoformat(),
            description=NO_WINDOW,
            metadata={"dagster/partition_row_count": 0, "rows": 0, "day": day.isoformat()},
        )
        for window, days in there.items()
        for day in new
        if day not in days
    ]


NO_WINDOW = "No window starts on this day."


def settle_days(
    instance: DagsterInstance, dataset: Dataset, there: Mapping[str, Collection[date]]
) -> tuple[list[str], bool]:
    """Take away the partitions of days that do not exist any more, and put the others in order, some at a time; not while a run or a
    backfill is under way, which may have asked for them.

    Returns:
        The keys that were taken away, and whether all is as it should be.
    """
    keys = keys_of_days(instance, dataset.name)
    wanted = {day.isoformat() for days in there.values() for day in days if shown(dataset, day)}
    gone = [key for key in keys if key not in wanted]
    moved = out_of_order([key for key in keys if key in wanted])
    if not gone and not moved:
        return [], True
    if _at_work(instance):
        return [], False
    name = _name(dataset.name)
    for key in gone[:MOVED_A_TICK]:
        instance.delete_dynamic_partition(name, key)
    # One by one, so that at no time more than one of them is missing. What Dagster knows of a partition are its events, which stay.
    for key in moved[:MOVED_A_TICK]:
        instance.delete_dynamic_partition(name, key)
        instance.add_dynamic_partitions(name, [key])
    return gone[:MOVED_A_TICK], len(gone) <= MOVED_A_TICK and len(moved) <= MOVED_A_TICK


def out_of_order(keys: Sequence[str]) -> list[str]:
    """The keys that have to be put behind the others, one after another, for all to ascend. Done in parts, each part is a step on the
    way: what is left to do is what this gives then."""
    place = {key: n for n, key in enumerate(keys)}
    ascending, last = sorted(keys), -1
    for number, key in enumerate(ascending):
        if place[key] < last:
            return ascending[number:]
        last = place[key]
    return []


def _at_work(instance: DagsterInstance) -> bool:
    if instance.get_runs(RunsFilter(statuses=list(UNDER_WAY)), limit=1):
        return True
    latest = instance.get_backfills(limit=_BACKFILLS_LOOKED_AT)
    return any(backfill.status.value in _BACKFILL_AT_WORK for backfill in latest)


def _name(dataset: str) -> str:
    name = days_of(dataset).name
    assert name is not None
    return name
