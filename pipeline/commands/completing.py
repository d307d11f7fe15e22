"""What the shell offers for a dataset, a window or a delivery once Tab is pressed.

What belongs here: finding names within a moment. What does not: checking them (the commands do).

Declarations are read as text, not imported: that would take a second, and run a user's module at each Tab. What they do not say outright, and
deliveries, is told by the folders of the home. Nothing is opened that another program may hold, nothing is made, and a fault is
no name.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, SupportsIndex
from urllib.parse import unquote

import typer

_MOST = 20_000
_SHIPPED = Path(__file__).resolve().parents[1] / "datasets"
_FAULTS = (OSError, ValueError, SyntaxError)


def datasets(incomplete: str) -> list[str]:
    """Names of datasets."""
    return _offered(_found())


def windows(incomplete: str) -> list[str]:
    """Windows as DATASET/WINDOW."""
    return _offered(f"{dataset}/{window}" for dataset, names in _found().items() for window in names)


def datasets_and_windows(incomplete: str) -> list[str]:
    """Datasets; once a `/` is typed, windows of the dataset before it."""
    return windows(incomplete) if "/" in incomplete else datasets(incomplete)


def windows_of(context: typer.Context, incomplete: str) -> list[str]:
    """Windows of the dataset that is typed already, by their own names."""
    chosen, found = _chosen(context), _found()
    return _offered(name for dataset in chosen or found for name in found.get(dataset, ()))


def deliveries(context: typer.Context, incomplete: str) -> list[str]:
    """Deliveries of the datasets that are typed already, by their reports."""
    return _offered(islice(_deliveries(_chosen(context), incomplete), _MOST))


def _chosen(context: typer.Context) -> list[str]:
    given = context.params.get("dataset")
    # An option that waits for its value keeps what is typed before it from being taken for arguments.
    return [given] if isinstance(given, str) else list(given or context.args)


def _offered(names: Iterable[str]) -> list[str]:
    """Those that can be typed, as the shell in which Tab was pressed takes them."""
    from pipeline.settings import is_quoted_by_shell

    found = sorted({name for name in names if name.isprintable()})
    return found if is_quoted_by_shell() else [_Quoted(name) for name in found]


class _Quoted(str):
    """What bash is to put into the line for a name: Typer compares what was typed with the name, and prints the text."""

    name: str

    def __new__(cls, name: str) -> _Quoted:
        text = "".join(c if c.isalnum() or c in "/._-+,:@%~=" else f"\\{c}" for c in name)
        made = super().__new__(cls, text)
        made.name = name
        return made

    def startswith(
        self, prefix: Any, start: SupportsIndex | None = None, end: SupportsIndex | None = None
    ) -> bool:
        return bool(self.name.startswith(prefix, start, end))


def _found() -> dict[str, dict[str, None]]:
    """Dataset → its windows."""
    found: dict[str, dict[str, None]] = {}
    for path in _modules():
        for dataset, names in _declared(path):
            found.setdefault(dataset, {}).update(dict.fromkeys(names))
    settings = _settings()
    if settings is not None:
        for folder in _folders(settings.inbox):
            found.setdefault(folder.name, {})
        for folder in _folders(settings.published):
            published = dict.fromkeys(window.name for window in _folders(folder))
            found.setdefault(folder.name, {}).update(published)
    return found


def _settings() -> Any:
    from pipeline.settings import load_settings

    try:
        return load_settings()
    except _FAULTS:
        return None


def _folders(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith((".", "_"))]
    except _FAULTS:
        return []


def _modules() -> Iterator[Path]:
    """The files that datasets are declared in."""
    settings = _settings()
    for place in ("", *(settings.dataset_places if settings is not None else ())):
        path = Path(place).expanduser() if place else _SHIPPED
        if place and not path.exists():  # a module's name
            below = [Path(entry, *place.split(".")) for entry in sys.path]
            path = next((one for one in below if one.is_dir()), Path())
            path = next((one.with_suffix(".py") for one in below if one.with_suffix(".py").is_file()), path)
        if path.suffix == ".py":
            yield path
        elif path != Path():
            yield from sorted(path.glob("*.py"))


def _declared(path: Path) -> Iterator[tuple[str, list[str]]]:
    """The datasets that a module declares in so many words, with their windows."""
    try:
        tree = ast.parse(path.read_bytes())
    except _FAULTS:
        return
    for node in ast.walk(tree):
        name = _name(node) if _called(node) == "Dataset" else None
        if name is not None:
            within = next((one.value for one in getattr(node, "keywords", ()) if one.arg == "windows"), None)
            inside = [] if within is None else ast.walk(within)
            yield name, [one for call in inside if _called(call) in _KINDS and (one := _name(call))]


_KINDS = frozenset({"Tumbling", "Sliding", "Cumulative", "Session", "Total"})


def _called(node: ast.AST) -> str:
    """The name of what is called."""
    function = getattr(node, "func", None)
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _name(call: ast.AST) -> str | None:
    """The first argument of a call, or `name=`, where it is a text."""
    given = [*getattr(call, "args", ())][:1] + [
        one.value for one in getattr(call, "keywords", ()) if one.arg == "name"
    ]
    return next(
        (one.value for one in given if isinstance(one, ast.Constant) and isinstance(one.value, str)), None
    )


def _deliveries(chosen: list[str], incomplete: str) -> Iterator[str]:
    settings = _settings()
    for folder in [] if settings is None else _folders(settings.reports):
        if not chosen or folder.name in chosen:
            yield from _below(folder, "", incomplete)


def _below(folder: Path, before: str, incomplete: str) -> Iterator[str]:
    try:
        entries = sorted(folder.iterdir())
    except _FAULTS:
        return
    for path in entries:
        key = before + unquote(path.name)
        if path.suffix == ".json" and "~" not in path.name:
            yield key.removesuffix(".json")
        elif path.is_dir() and (key.startswith(incomplete) or incomplete.startswith(key)):
            yield from _below(path, f"{key}/", incomplete)
