"""What every call on an open warehouse needs: the connection, and the datasets by name.

What belongs here: finding a dataset, and refusing one that does not fit its table. What does not: any call.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from pipeline.contract import ContractError, Dataset
from pipeline.ingest.manifest import Manifest
from pipeline.warehouse.errors import ContractChanged


class Opened:
    """An open connection with the datasets that it knows."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        datasets: Mapping[str, Dataset],
        changed: Mapping[str, ContractChanged | ContractError],
        published: Path | None = None,
        staging: Path | None = None,
    ) -> None:
        self.connection = connection
        self._datasets = datasets
        self._changed = changed
        self._published = published
        self._staging = staging
        self._manifests: dict[Path, Manifest] = {}

    def _known(self, dataset: str) -> Dataset:
        found = self._datasets.get(dataset)
        if found is None:
            raise KeyError(
                f"there is no dataset {dataset!r}; there are: {', '.join(self._datasets) or 'none'}"
            )
        return found

    def _writable(self, dataset: str) -> Dataset:
        found = self._known(dataset)
        if dataset in self._changed:
            raise self._changed[dataset]
        return found
