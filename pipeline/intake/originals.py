"""The files that the rows of a correction are from. What does not belong here: what is read from them (`ingest`)."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path

from pipeline.ingest.originals import Origin, Original, Originals
from pipeline.intake.house import Intake
from pipeline.intake.inbox import archived_file
from pipeline.warehouse import Entry, WarehouseMissing


def originals_of(intake: Intake, dataset: str) -> Originals:
    """Looks up originals of a dataset in the ledger, and their files in the archive."""
    return partial(_look_up, intake, dataset)


def _look_up(intake: Intake, dataset: str, origins: Collection[Origin]) -> Mapping[Origin, Original]:
    try:
        with intake.warehouse.session(read_only=True) as session:
            entries = session.originals(dataset, origins)
    except WarehouseMissing:
        return {}
    by_delivery: dict[str, list[Entry]] = {}
    for entry in entries:
        by_delivery.setdefault(entry.delivery, []).append(entry)
    by_origin = {
        (delivery, content): [
            entry for entry in by_delivery.get(delivery, ()) if (entry.sha256 or "").startswith(content)
        ]
        for delivery, content in origins
    }
    return {
        origin: Original(
            tuple(json.loads(found[0].dialect or "{}").get("columns", ())),
            found[0].format,
            partial(_find, intake, found),
        )
        for origin, found in by_origin.items()
        if found
    }


def _find(intake: Intake, entries: list[Entry]) -> Path | None:
    return next((path for entry in entries if (path := archived_file(intake, entry)) is not None), None)
