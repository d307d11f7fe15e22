"""Finding datasets: the shipped modules and those that a user keeps elsewhere.

What belongs here: importing dataset modules and refusing two datasets of one name. What does not: reading the
environment (`settings` says where to look).
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

from pipeline.contract.dataset import Dataset
from pipeline.contract.errors import ContractError
from pipeline.contract.references import check_all_references

SHIPPED = "pipeline.datasets"


def load_datasets(places: Iterable[str] = ()) -> dict[str, Dataset]:
    """Name → dataset, sorted by name: the shipped ones, and those at `places`.

    Args:
        places: importable modules or packages, or folders of .py files. A dataset found there takes the place of a
            shipped one of the same name.

    Raises:
        ContractError: a place does not exist, a module does not import, two places declare one name, or a dataset refers to
            one that is not there.
    """
    shipped = {dataset.name: dataset for module in _package(SHIPPED) for dataset in _declared(module)}
    found: dict[str, tuple[Dataset, str]] = {}
    for place in places:
        for module in _modules(place):
            origin = str(module.__file__)
            for dataset in _declared(module):
                known = found.get(dataset.name)
                if known is not None and known[1] != origin and known[0] is not dataset:
                    raise ContractError(
                        dataset.name,
                        "name",
                        f"is declared in {known[1]} and in {origin}",
                        "Rename one of them.",
                    )
                found[dataset.name] = (dataset, origin)
    merged = shipped | {name: dataset for name, (dataset, _) in found.items()}
    datasets = dict(sorted(merged.items()))
    check_all_references(datasets)
    return datasets


def _declared(module: ModuleType) -> list[Dataset]:
    """The datasets that a module holds, those it imported too."""
    found: dict[str, Dataset] = {}
    for value in vars(module).values():
        if isinstance(value, Dataset) and found.setdefault(value.name, value) is not value:
            raise ContractError(
                value.name, "name", f"is declared twice in {module.__file__}", "Rename one of them."
            )
    return list(found.values())


def _modules(place: str) -> Iterator[ModuleType]:
    folder = Path(place).expanduser()
    if folder.is_dir():
        for path in sorted(folder.glob("*.py")):
            if not path.name.startswith("_"):
                yield _from_file(path.resolve())
    elif folder.suffix == ".py" and folder.is_file():
        yield _from_file(folder.resolve())
    elif "/" in place or "\\" in place or folder.suffix == ".py":
        raise ContractError(
            "?", "PIPELINE_DATASETS", f"{place!r} is not a folder", "Name a folder of .py files or a module."
        )
    else:
        yield from _package(place)


def _package(name: str) -> Iterator[ModuleType]:
    module = _import(name)
    yield module
    for info in pkgutil.iter_modules(getattr(module, "__path__", [])):
        if not info.name.startswith("_"):
            yield _import(f"{name}.{info.name}")


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ContractError:
        raise
    except Exception as error:
        raise ContractError(
            "?",
            "PIPELINE_DATASETS",
            f"module {name!r} does not import: {error}",
            "Name a folder of .py files or a module.",
        ) from error


def _from_file(path: Path) -> ModuleType:
    name = f"windrow_dataset_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ContractError("?", "PIPELINE_DATASETS", f"{path} is not a Python module", "Give it a .py file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except ContractError:
        raise
    except Exception as error:
        raise ContractError(
            path.stem, "module", f"{path} does not import: {error}", "Run it with python to see where."
        ) from error
    return module
