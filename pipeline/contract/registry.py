"""Finding datasets: the shipped modules and those that a user keeps elsewhere.

What belongs here: which datasets there are, and what keeps one from being loaded while the others are. What does not: importing a module
(`modules`), reading the environment (`settings` says where to look). `docs/decisions/0036-one-dataset-waits.md` says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from pipeline.contract.dataset import Dataset
from pipeline.contract.errors import ContractError
from pipeline.contract.modules import (
    PLACES,
    Modules,
    declared_in,
    modules_below,
    of_package,
    said_by,
    source_of,
)
from pipeline.contract.references import check_references_to

SHIPPED = "pipeline.datasets"


@dataclass(frozen=True)
class LeftOut:
    """A dataset that is not loaded while the others are, or a module of which nobody can say which datasets it declares.

    Attributes:
        name: the dataset's; the file's or module's where `known` is false.
        place: the file or module that declares it.
        error: what is wrong.
        known: whether `name` is that of a dataset.
    """

    name: str
    place: str
    error: ContractError
    known: bool = True

    @property
    def cause(self) -> str:
        """What is wrong, and in which file."""
        error = self.error
        said = error.cause if error.field == "module" else f"{error.field}: {error.cause}"
        if error.dataset not in (self.name, "?") and error.field != "module":
            said = f"dataset {error.dataset!r}, {said}"
        return said if self.place in said else f"{said} (in {self.place})"


@dataclass(frozen=True)
class Found:
    """What some places declare.

    Attributes:
        datasets: name → dataset, sorted by name.
        places: name → the file that declares it.
        left_out: what is not among them, and why, sorted by name.
    """

    datasets: dict[str, Dataset]
    places: dict[str, str]
    left_out: tuple[LeftOut, ...] = ()


def load_datasets(places: Iterable[str] = ()) -> dict[str, Dataset]:
    """Name → dataset, sorted by name: the shipped ones, and those at `places`.

    Args:
        places: importable modules or packages, or folders of .py files. A dataset found there takes the place of a
            shipped one of the same name.

    Raises:
        ContractError: a place does not exist, a module does not import, two places declare one name, or a dataset refers to
            one that is not there.
    """
    found = find_datasets(places)
    if found.left_out:
        raise found.left_out[0].error
    return found.datasets


def find_datasets(places: Iterable[str] = ()) -> Found:
    """As `load_datasets`; a dataset that cannot be loaded is left out, and so are those that refer to it. All others are loaded.

    A module that does not import leaves out every dataset that its source declares, and what another place declares under their names
    stays out, too: rows of one contract must not be loaded by another.
    """
    modules = Modules()
    shipped = _Gathered()
    shipped.take(SHIPPED, modules)
    own = _Gathered()
    for place in places:
        own.take(place, modules)
    datasets = {**shipped.sound, **own.sound}
    left_out = {**shipped.left_out, **own.left_out}
    for name in own.sound.keys() & shipped.left_out.keys() - own.left_out.keys():
        del left_out[name]  # a user's takes its place
    origins = {**shipped.origins, **own.origins}
    for name in left_out:
        datasets.pop(name, None)
    _check_together(datasets, left_out, origins)
    unknown = [*shipped.unknown, *own.unknown]
    ordered = sorted([*left_out.values(), *unknown], key=lambda one: one.name)
    return Found(dict(sorted(datasets.items())), {name: origins[name] for name in datasets}, tuple(ordered))


def _check_together(
    datasets: dict[str, Dataset], left_out: dict[str, LeftOut], origins: Mapping[str, str]
) -> None:
    """Leave out what refers to what is not there, again and again: another may refer to that."""
    while True:
        wrong = {}
        for name, dataset in datasets.items():
            try:
                _check_tables(dataset, datasets)
                check_references_to(dataset, datasets)
            except ContractError as error:
                wrong[name] = LeftOut(name, origins[name], error)
        if not wrong:
            return
        for name, one in wrong.items():
            del datasets[name]
            left_out[name] = one


def _check_tables(dataset: Dataset, datasets: Mapping[str, Dataset]) -> None:
    """Raise ContractError where a window's table would be that of another dataset's window: `a`, `b_c` and `a_b`, `c` are one."""
    for window in dataset.windows:
        whole = f"{dataset.name}_{window.name}"
        for other in datasets.values():
            if len(other.name) < len(dataset.name) and any(
                whole == f"{other.name}_{one.name}" for one in other.windows
            ):
                cause = f"its table windows.{whole} would be that of a window of dataset {other.name!r}"
                raise ContractError(dataset.name, f"window {window.name!r}", cause, "Rename one of them.")


class _Gathered:
    """What some places declare, before it is compared with what others do."""

    def __init__(self) -> None:
        self.sound: dict[str, Dataset] = {}
        self.origins: dict[str, str] = {}
        self.left_out: dict[str, LeftOut] = {}
        self.unknown: list[LeftOut] = []

    def take(self, place: str, modules: Modules) -> None:
        """Import what is at a place, and take what it declares."""
        for found in _modules(place, modules):
            if isinstance(found, _Broken):
                self._leave(found)
                continue
            for dataset in _declared(found):
                self._declare(dataset, str(found.__file__))

    def _leave(self, broken: _Broken) -> None:
        for name in broken.names:
            self.left_out[name] = LeftOut(name, broken.place, broken.error)
        if not broken.names:
            self.unknown.append(LeftOut(broken.stem, broken.place, broken.error, known=False))

    def _declare(self, dataset: Dataset, origin: str) -> None:
        name, known = dataset.name, self.sound.get(dataset.name)
        if known is dataset:
            return
        if known is not None:
            before = self.origins[name]
            cause = (
                f"is declared in {before} and in {origin}"
                if before != origin
                else f"is declared twice in {origin}"
            )
            error = ContractError(name, "name", cause, "Rename one of them.")
            self.left_out[name] = LeftOut(name, origin, error)
            return
        self.sound[name], self.origins[name] = dataset, origin
        try:
            _ = (
                dataset.columns,
                dataset.fingerprint,
            )  # what else is wrong with it is found now, not within the work of all
        except ContractError as error:
            self.left_out[name] = LeftOut(name, origin, error)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - as at the import
            told = ContractError(
                name,
                "declaration",
                f"cannot be read: {type(error).__name__}: {said_by(error)}",
                "Mend it there.",
            )
            self.left_out[name] = LeftOut(name, origin, told)


@dataclass(frozen=True)
class _Broken:
    """A module that does not import.

    Attributes:
        names: the datasets that its source declares; none where it does not tell.
    """

    stem: str
    place: str
    error: ContractError
    names: tuple[str, ...] = ()


def _declared(module: ModuleType) -> list[Dataset]:
    """The datasets that a module holds, those it imported too."""
    return [value for value in vars(module).values() if isinstance(value, Dataset)]


def _modules(place: str, modules: Modules) -> Iterator[ModuleType | _Broken]:
    folder = Path(place).expanduser()
    if folder.is_dir():
        for path in sorted(folder.glob("*.py")):
            if not path.name.startswith("_"):
                yield _of_file(path.resolve(), modules)
    elif folder.suffix == ".py" and folder.is_file():
        yield _of_file(folder.resolve(), modules)
    elif "/" in place or "\\" in place or folder.suffix == ".py":
        remedy = "Name a folder of .py files or a module."
        yield _Broken(folder.stem, place, ContractError("?", PLACES, f"{place!r} is not a folder", remedy))
    else:
        yield from _of_package(place)


def _of_file(path: Path, modules: Modules) -> ModuleType | _Broken:
    try:
        return modules.of_file(path)
    except ContractError as error:
        return _Broken(path.stem, str(path), error, declared_in(path))


def _of_package(name: str) -> Iterator[ModuleType | _Broken]:
    package = _of_name(name)
    yield package
    if isinstance(package, ModuleType):
        for below in modules_below(package):
            yield _of_name(below)


def _of_name(name: str) -> ModuleType | _Broken:
    try:
        return of_package(name)
    except ContractError as error:
        source = source_of(name)
        # A package that does not import keeps all of its modules from being imported.
        sources = sorted(source.parent.glob("*.py")) if source and source.name == "__init__.py" else [source]
        names = tuple(dict.fromkeys(one for path in sources for one in declared_in(path)))
        return _Broken(name.rpartition(".")[2], str(source or name), error, names)
