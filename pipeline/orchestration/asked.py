"""What a run was asked for: its partitions, read from its tags.

What belongs here: from tags to keys, and registering delivery keys. What does not: days (`days`), deciding which runs
there should be (`plans`).

The tags are read here, not through Dagster's own accessors, because those refuse a delivery that is not registered
yet, and a run started from the command line registers its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dagster import DagsterInstance, Failure

from pipeline.files import Waiting
from pipeline.files.archive import MEMBER_FOLDER
from pipeline.intake import (
    Intake,
    OriginalUnavailable,
    find_delivery,
    of_deliveries,
    taken_back,
    wait_and_scan,
)
from pipeline.orchestration.names import INBOX_ONLY_TAG, deliveries_of
from pipeline.warehouse import PartFailed

PARTITION = "dagster/partition"
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"


@dataclass(frozen=True)
class Span:
    """First and last partition key asked for."""

    first: str
    last: str

    @property
    def tags(self) -> dict[str, str]:
        """The run tags that ask for it."""
        if self.first == self.last:
            return {PARTITION: self.first}
        return {RANGE_START: self.first, RANGE_END: self.last}


def span_of(tags: Mapping[str, str]) -> Span | None:
    """The partitions that a run's tags ask for; None for a run without."""
    if RANGE_START in tags and RANGE_END in tags:
        return Span(tags[RANGE_START], tags[RANGE_END])
    if PARTITION in tags:
        return Span(tags[PARTITION], tags[PARTITION])
    return None


def keys_in(span: Span, order: Sequence[str]) -> list[str]:
    """The keys of a span, in the order in which they were registered; empty when an end of it is not registered."""
    if span.first == span.last:
        return [span.first] if span.first in order else []
    place = {key: n for n, key in enumerate(order)}
    if span.first not in place or span.last not in place:
        return []
    return list(order[place[span.first] : place[span.last] + 1])


def register(instance: DagsterInstance, dataset: str, keys: Iterable[str]) -> None:
    """Make partitions of the keys that are none yet, in the order of their names: a range follows that order."""
    name = deliveries_of(dataset).name
    assert name is not None
    new = sorted(set(keys) - set(instance.get_dynamic_partitions(name)))
    if new:
        instance.add_dynamic_partitions(name, new)


def registered(instance: DagsterInstance, dataset: str) -> list[str]:
    """The delivery keys that are partitions, oldest first."""
    name = deliveries_of(dataset).name
    assert name is not None
    return list(instance.get_dynamic_partitions(name))


@dataclass(frozen=True)
class Wanted:
    """The files that a run is to take, and what to tell of those among its deliveries that cannot be read again."""

    files: list[Waiting]
    unavailable: list[PartFailed]


def wanted_files(instance: DagsterInstance, intake: Intake, dataset: str, tags: Mapping[str, str]) -> Wanted:
    """The files that a run of `<dataset>_ingest` is to take, registered as partitions.

    A run without partitions takes all that waits; one for a single delivery registers it, while Dagster refuses a range
    of deliveries that are not registered before the run begins. A delivery that no longer waits is taken from the quarantine, or fetched
    from the archive, except in a run that a sensor asked for: there somebody else was faster.

    Raises:
        Failure: there is no file at all, because the deliveries are nowhere or cannot be read again.
    """
    waiting = {file.delivery: file for file in wait_and_scan(intake, [dataset]).waiting}
    span = span_of(tags)
    if span is None:
        register(instance, dataset, waiting)
        return Wanted(list(waiting.values()), [])
    keys = [span.first] if span.first == span.last else keys_in(span, registered(instance, dataset))
    files = [file for key in keys for file in _waiting_for(key, waiting)]
    unavailable: list[PartFailed] = []
    if INBOX_ONLY_TAG not in tags:
        missing = [key for key in keys if not _waiting_for(key, waiting)]
        files += _taken_once_more(intake, dataset, missing, unavailable)
    register(instance, dataset, [file.delivery for file in files])
    if not files and INBOX_ONLY_TAG not in tags:
        told = "\n".join(map(str, unavailable)) or _not_found(intake, dataset, span)
        raise Failure(told, allow_retries=False)
    return Wanted(sorted(files, key=lambda file: file.delivery), unavailable)


def _taken_once_more(
    intake: Intake, dataset: str, keys: Sequence[str], unavailable: list[PartFailed]
) -> list[Waiting]:
    """The files of deliveries that do not wait any more, from the quarantine or the archive; those that cannot be had are added to
    `unavailable`."""
    before = taken_back(intake, dataset, keys, unavailable) if keys else {}
    found = of_deliveries(wait_and_scan(intake, [dataset]).waiting, before) if before else []
    left = {*keys} - before.keys() - {failure.name for failure in unavailable}
    for key in sorted(left):
        try:
            file = find_delivery(intake, dataset, key)
        except OriginalUnavailable as error:
            unavailable.append(error.of(dataset, key))
        else:
            found += [] if file is None else [file]
    return found


def _waiting_for(key: str, waiting: Mapping[str, Waiting]) -> list[Waiting]:
    """The file that waits under a key; of a zip that was unpacked, its members."""
    if key in waiting:
        return [waiting[key]]
    return [file for name, file in waiting.items() if name.startswith(f"{key}{MEMBER_FOLDER}/")]


def _not_found(intake: Intake, dataset: str, span: Span) -> str:
    asked = span.first if span.first == span.last else f"{span.first} to {span.last}"
    return (
        f"dataset {dataset!r}: there is no delivery {asked!r} in {intake.settings.inbox / dataset}, nor in the archive or the quarantine. "
        "Put the file there, or choose a delivery that `pipeline status` lists."
    )
