"""What every step of the intake works with: settings, datasets, warehouse, and which datasets wait. What does not belong here: the steps."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.contract import Dataset
from pipeline.contract.registry import LeftOut, find_datasets
from pipeline.files.leftovers import sweep, sweep_below
from pipeline.files.names import shown
from pipeline.settings import Settings, load_settings
from pipeline.warehouse import PartFailed, Waiting, Warehouse, WarehouseMissing

_IN_THE_WAY = (errno.EEXIST, errno.ELOOP, errno.EACCES, errno.EPERM, errno.EROFS)


@dataclass(frozen=True)
class Intake:
    """One PIPELINE_HOME with its datasets and its warehouse.

    Attributes:
        places: dataset → the file that declares it, where that is known.
        left_out: datasets that wait, for their declaration does not load.
    """

    settings: Settings
    datasets: Mapping[str, Dataset]
    warehouse: Warehouse
    places: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()

    @classmethod
    def from_settings(cls, settings: Settings | None = None) -> Intake:
        """As the environment says, or `settings`; see `open_intake`."""
        return open_intake(settings)

    def make_folders(self) -> None:
        """Make the folders that people look for: the home's, and an inbox for each dataset. One of a dataset that cannot be made holds no
        files of it, and keeps no other from being made: a scan tells of what lies in its place, and so does `doctor`."""
        settings = self.settings
        for folder in (settings.staging, settings.archive, settings.quarantine, settings.inbox):
            folder.mkdir(parents=True, exist_ok=True)
        for name in self.datasets:
            try:
                (settings.inbox / name).mkdir(exist_ok=True)
            except OSError as error:
                if error.errno not in _IN_THE_WAY:
                    raise

    def sweep(self) -> None:
        """Take away what killed processes left half made beside what is kept; what is left in `staging/` goes with every run."""
        settings = self.settings
        for root in (settings.archive, settings.quarantine, settings.reports):
            sweep_below(root)
        sweep(Path(tempfile.gettempdir()))

    def waits(self, names: Collection[str] | None = None) -> list[PartFailed]:
        """What to tell of datasets that wait, of all or of those among `names`."""
        return [
            self._waits(one) for one in self.left_out if names is None or (one.known and one.name in names)
        ]

    def folders_that_wait(
        self, folders: Iterable[str], warehouse: Warehouse | None = None
    ) -> dict[str, PartFailed]:
        """Those of the inbox's folders without a dataset whose files are to stay there, and why: a dataset of that name waits, or may be
        in a module that does not load, or has rows in the warehouse.

        Args:
            warehouse: looked at instead of the intake's own.

        Raises:
            WarehouseBusy: another process held the warehouse for too long.
        """
        unknown = {folder for folder in folders if folder and folder not in self.datasets}
        found = {one.name: self._waits(one) for one in self.left_out if one.known and one.name in unknown}
        hidden = next((one for one in self.left_out if not one.known), None)
        left = sorted(unknown - found.keys())
        if hidden is not None:
            return found | {folder: self._may_be_in(folder, hidden) for folder in left}
        if left:
            try:
                with (warehouse or self.warehouse).session(read_only=True) as session:
                    left = [folder for folder in left if session.table_schema("clean", folder)]
            except WarehouseMissing:
                left = []
        return found | {folder: self._not_declared(folder) for folder in left}

    def stays(self, dataset: str) -> str:
        """What to tell, as the remedy, of files that wait for their dataset to be mended."""
        place = f"It is declared in {self.places[dataset]}. " if dataset in self.places else ""
        return f"{place}Its files stay in {shown(self.settings.inbox / dataset)}, and are taken once that is mended."

    def _waits(self, one: LeftOut) -> PartFailed:
        helps = one.error.remedy
        if one.known:
            return PartFailed(
                "dataset", one.name, cause=one.cause, remedy=f"{helps} {self.stays(one.name)}", lasting=True
            )
        helps = f"{helps} Until then files in folders of no known dataset stay in the inbox."
        return PartFailed("module", one.name, cause=one.cause, remedy=helps, lasting=True)

    def _may_be_in(self, folder: str, hidden: LeftOut) -> PartFailed:
        cause = f"no dataset of that name is known, and {hidden.place}, which may declare it, does not load"
        return PartFailed("dataset", folder, cause=cause, remedy=self.stays(folder), lasting=True)

    def _not_declared(self, folder: str) -> PartFailed:
        cause = f"clean.{folder} holds rows of it, and no module declares it any more"
        helps = f"Have PIPELINE_DATASETS name the place of its module, or take its files away. {self.stays(folder)}"
        return PartFailed("dataset", folder, cause=cause, remedy=helps, lasting=True)


def open_intake(settings: Settings | None = None, waiting: Waiting | None = None) -> Intake:
    """The intake of a home; opens nothing yet. A dataset whose declaration does not load is in `left_out`.

    Args:
        settings: those of the environment when not given.
        waiting: told of a program that the warehouse is waited for.

    Raises:
        pydantic.ValidationError: a setting is wrong.
    """
    settings = settings or load_settings()
    found = find_datasets(settings.dataset_places)
    return Intake(
        settings,
        found.datasets,
        Warehouse.from_settings(settings, found.datasets, waiting),
        found.places,
        found.left_out,
    )
