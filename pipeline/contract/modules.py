"""Importing modules that hold datasets: of a folder, of a file, of a package that can be imported.

What belongs here: how a module is imported, what it may import beside it, and which datasets a source declares that does not import.
What does not: what is in a module (`registry`).

A module of a folder imports its neighbours as a script would: `import common`, `from common import rates`, `from .common import rates`.
Yet nothing is put on `sys.path`, and two folders may each have a `common`: a folder is a package of its own, under a name that no other
has, and its modules get an `__import__` that looks there first. What belongs to Python, or is what datasets are written with, is never
a neighbour: a file called `calendar.py` does not hide Python's.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
import importlib
import importlib.util
import pkgutil
import re
import shlex
import sys
import traceback
from collections.abc import Mapping, Sequence
from importlib.machinery import FileFinder, ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from pipeline.contract.errors import ContractError

PLACES = "PIPELINE_DATASETS"
_PACKAGE = "windrow_datasets_"
_NEVER_BESIDE = sys.stdlib_module_names | {"pipeline", "pandas", "pandera", "polars"}
_DECLARES = re.compile(r"\bDataset\(\s*(?:name\s*=\s*)?[\"']([^\"'\\\n]+)[\"']")
_LONGEST = 1000


class Modules:
    """The modules of some places, each imported once.

    Folders are read anew by each of these, so that an edited neighbour is seen.
    """

    def __init__(self) -> None:
        self._begun: set[str] = set()

    def of_file(self, path: Path) -> ModuleType:
        """The module of a .py file (absolute). Raises ContractError."""
        package = self._package_of(path.parent)
        full = f"{package}.{path.stem.replace('.', '_')}"
        if full in sys.modules:  # a neighbour has imported it
            return sys.modules[full]
        spec = importlib.util.spec_from_file_location(full, path, loader=_Loader(full, str(path)))
        assert spec is not None and spec.loader is not None
        try:
            module = importlib.util.module_from_spec(spec)
            sys.modules[full] = module
            spec.loader.exec_module(module)
        except (ContractError, KeyboardInterrupt):
            sys.modules.pop(full, None)
            raise
        except (
            BaseException
        ) as error:  # what a user's module raises is told, whatever it is, and ends nothing
            sys.modules.pop(full, None)
            raise ContractError(
                path.stem,
                "module",
                f"{path} does not import: {_in_words(error, path)}",
                _shows(shlex.quote(str(path))),
            ) from error
        return module

    def _package_of(self, folder: Path) -> str:
        name = _PACKAGE + _digest(folder)
        if name not in self._begun:
            self._begun.add(name)
            for known in [one for one in sys.modules if one == name or one.startswith(f"{name}.")]:
                del sys.modules[known]
            package = ModuleType(name, f"The modules of {folder}.")
            package.__path__ = [str(folder)]
            sys.modules[name] = package
        return name


def of_package(name: str) -> ModuleType:
    """A module or package that can be imported. Raises ContractError."""
    try:
        return importlib.import_module(name)
    except (ContractError, KeyboardInterrupt):
        raise
    except BaseException as error:  # as above
        raise ContractError(
            name,
            PLACES,
            f"module {name!r} does not import: {_in_words(error, source_of(name))}",
            f"{_shows('-c ' + shlex.quote(f'import {name}'))} {PLACES} takes folders of .py files and modules.",
        ) from error


def modules_below(package: ModuleType) -> list[str]:
    """The names of a package's modules, those that begin with an underscore left out."""
    found = pkgutil.iter_modules(getattr(package, "__path__", []))
    return [f"{package.__name__}.{info.name}" for info in found if not info.name.startswith("_")]


def source_of(name: str) -> Path | None:
    """The file of a module that can be imported, as far as that is known without importing it."""
    try:
        spec = importlib.util.find_spec(name)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - what is above it does not import
        return None
    return Path(spec.origin) if spec is not None and spec.origin and spec.has_location else None


def declared_in(source: Path | None) -> tuple[str, ...]:
    """The names of the datasets that a source declares, sound or not; empty where it does not tell: not every name is written out."""
    if source is None:
        return ()
    try:
        text = source.read_bytes().decode(errors="replace")
    except OSError:
        return ()
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return tuple(dict.fromkeys(_DECLARES.findall(text)))
    names = [
        _written(call, _constants(tree))
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and _declares(call)
    ]
    return tuple(dict.fromkeys(filter(None, names))) if all(names) else ()


def _declares(call: ast.Call) -> bool:
    called = call.func
    return "Dataset" in (getattr(called, "id", None), getattr(called, "attr", None))


def _written(call: ast.Call, constants: Mapping[str, str]) -> str | None:
    """The name in a declaration, where it is written out or set once in the module."""
    given = next(
        (one.value for one in call.keywords if one.arg == "name"), call.args[0] if call.args else None
    )
    if isinstance(given, ast.Constant) and isinstance(given.value, str):
        return given.value
    return constants.get(given.id) if isinstance(given, ast.Name) else None


def _constants(tree: ast.Module) -> dict[str, str]:
    return {
        target.id: one.value.value
        for one in tree.body
        if isinstance(one, ast.Assign)
        and isinstance(one.value, ast.Constant)
        and isinstance(one.value.value, str)
        for target in one.targets
        if isinstance(target, ast.Name)
    }


def _in_words(error: BaseException, source: Path | None) -> str:
    """An error at an import: its kind, what it says, and the line of the module where it does not name one."""
    if isinstance(error, SyntaxError):
        return said_by(error)
    lines = [
        one.lineno
        for one in traceback.extract_tb(error.__traceback__)
        if source is not None and one.filename == str(source)
    ]
    line = f" (line {lines[-1]})" if lines else ""
    told = said_by(error)
    # What the declarations themselves refuse is a sentence of its own.
    named = (
        told if type(error) is ValueError and told else f"{type(error).__name__}: {told}".removesuffix(": ")
    )
    return f"{named}{line}"


def said_by(error: BaseException) -> str:
    """What an error of a user's module says, in one line that is not endless; also where it fails to say it."""
    try:
        said = " ".join(str(error).split())
    except Exception as second:  # noqa: BLE001 - its own method fails, which is said
        return f"its text cannot be made ({type(second).__name__})"
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST]} …"


def _shows(what: str) -> str:
    return f"`python {what}` shows where."


def _digest(path: Path) -> str:
    return hashlib.sha256(str(path).encode(errors="surrogateescape")).hexdigest()[:8]


class _Loader(SourceFileLoader):
    """Loads a module of a folder: with a name that says its file, and an `__import__` that knows its neighbours."""

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        if spec.submodule_search_locations is not None:
            return None  # Python finds what is in a package by the package's own name
        path = Path(self.path)
        # What is stored of a contract may hold this name: it follows from the file alone.
        return ModuleType(f"windrow_dataset_{path.stem}_{_digest(path)}")

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__ is not None
        package = module.__spec__.name.partition(".")[0]
        module.__dict__["__builtins__"] = vars(builtins) | {"__import__": _import_for(package)}
        sys.modules[module.__name__] = module
        try:
            super().exec_module(module)
        except BaseException:
            sys.modules.pop(module.__name__, None)
            raise

    def get_code(self, fullname: str) -> CodeType | None:
        return super().get_code(self.name)


def _import_for(package: str) -> Any:
    """`__import__` for the modules of a folder."""

    def import_beside(
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Any = None,
        fromlist: Sequence[str] = (),
        level: int = 0,
    ) -> ModuleType:
        if level == 0 and _lies_beside(package, name.partition(".")[0]):
            return builtins.__import__(name, {"__package__": package, "__name__": package}, None, fromlist, 1)
        return builtins.__import__(name, globals, locals, fromlist, level)

    return import_beside


def _lies_beside(package: str, name: str) -> bool:
    """Whether a folder has a module `name`; a mere folder of that name gives way to what is installed, as Python has it."""
    if name in _NEVER_BESIDE:
        return False
    found = importlib.util.find_spec(f"{package}.{name}")
    return found is not None and (found.loader is not None or importlib.util.find_spec(name) is None)


class _Finder:
    """Finds what lies in the folders of datasets, under the names of their packages alone."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not name.startswith(_PACKAGE):
            return None
        found = (FileFinder(folder, (_Loader, [".py"])).find_spec(name) for folder in path or ())
        return next((spec for spec in found if spec is not None), None)


sys.meta_path.insert(0, _Finder())
