"""What every step of the intake works with: settings, datasets, warehouse. What does not belong here: the steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.contract import Dataset
from pipeline.contract.registry import load_datasets
from pipeline.settings import Settings, load_settings
from pipeline.warehouse import Waiting, Warehouse


@dataclass(frozen=True)
class Intake:
    """One PIPELINE_HOME with its datasets and its warehouse."""

    settings: Settings
    datasets: Mapping[str, Dataset]
    warehouse: Warehouse

    @classmethod
    def from_settings(cls, settings: Settings | None = None) -> Intake:
        """As the environment says, or `settings`; see `open_intake`."""
        return open_intake(settings)

    def make_folders(self) -> None:
        """Make the folders that people look for: the home's, and an inbox for each dataset."""
        settings = self.settings
        for folder in (settings.staging, settings.archive, settings.quarantine):
            folder.mkdir(parents=True, exist_ok=True)
        for name in self.datasets:
            (settings.inbox / name).mkdir(parents=True, exist_ok=True)


def open_intake(settings: Settings | None = None, waiting: Waiting | None = None) -> Intake:
    """The intake of a home; opens nothing yet.

    Args:
        settings: those of the environment when not given.
        waiting: told of a program that the warehouse is waited for.

    Raises:
        ContractError: a dataset is declared wrongly. pydantic.ValidationError: a setting is wrong.
    """
    settings = settings or load_settings()
    datasets = load_datasets(settings.dataset_places)
    return Intake(settings, datasets, Warehouse.from_settings(settings, datasets, waiting))
