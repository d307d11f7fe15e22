"""The files that the rows of a correction are from. What does not belong here: what is read from them (`ingest`), where they lie
(`originals`)."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType

from pipeline.ingest.originals import Origin, Original
from pipeline.intake.house import Intake
from pipeline.intake.originals import OriginalUnavailable, drop_copy, find_original, open_original
from pipeline.warehouse import Entry, WarehouseMissing


class Origins:
    """Looks up originals of a dataset in the ledger (see `ingest.originals.Originals`), and their files in the archive.

    Use as a context manager: leaving it removes the copies of sealed originals that were made meanwhile.
    """

    def __init__(self, intake: Intake, dataset: str) -> None:
        self._intake, self._dataset = intake, dataset
        self._opened: dict[str, Path | None] = {}

    def __enter__(self) -> Origins:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for path in self._opened.values():
            if path is not None:
                drop_copy(self._intake, path)

    def __call__(self, origins: Collection[Origin]) -> Mapping[Origin, Original]:
        """The originals of these that are known."""
        try:
            with self._intake.warehouse.session(read_only=True) as session:
                entries = session.originals(self._dataset, origins)
        except WarehouseMissing:
            return {}
        by_delivery: dict[str, list[Entry]] = {}
        for entry in entries:
            by_delivery.setdefault(entry.delivery, []).append(entry)
        by_origin = {
            (delivery, content): entry
            for delivery, content in origins
            for entry in reversed(by_delivery.get(delivery, ()))  # the newest stays
            if (entry.sha256 or "").startswith(content)
        }
        return {
            origin: Original(
                tuple(json.loads(entry.dialect or "{}").get("columns", ())),
                entry.format,
                partial(self._find, entry),
                partial(self._records, entry),
            )
            for origin, entry in by_origin.items()
        }

    def _find(self, entry: Entry) -> Path | None:
        if entry.id not in self._opened:
            with self._intake.warehouse.session(read_only=True) as session:
                found = find_original(self._intake, session, entry)
            try:
                self._opened[entry.id] = open_original(self._intake, entry, found)
            except OriginalUnavailable:
                self._opened[entry.id] = None  # the row says that its file is needed
        return self._opened[entry.id]

    def _records(self, entry: Entry, rows: Collection[int]) -> Mapping[int, Mapping[str, str | None]]:
        with self._intake.warehouse.session(read_only=True) as session:
            found = session.open_records(self._dataset, entry.delivery, rows)
        return {row: json.loads(record or "{}") for row, record in found.items()}
