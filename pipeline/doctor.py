"""What `pipeline doctor` looks at. What does not belong here: mending anything."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import duckdb
from pydantic import ValidationError

from pipeline.contract import Dataset
from pipeline.contract.registry import find_datasets
from pipeline.files.sealing import KeyProblem, identities_of, recipients_of
from pipeline.settings import IDENTITY_VARIABLE, RECIPIENT_VARIABLE, TELL_VARIABLE, Settings, load_settings
from pipeline.telling import BadAddress, overdue, trial, ways_of
from pipeline.warehouse import (
    Evolution,
    MigrationError,
    Warehouse,
    WarehouseBusy,
    WarehouseError,
    how_to_migrate,
)
from pipeline.warehouse.overview import latest_arrivals

_LIBRARIES = ("dagster", "duckdb", "polars", "pandera", "pyarrow", "fastexcel", "openpyxl")
_FREE_MB = 1024
_PATIENCE = 10.0  # seconds; most commits are over by then


@dataclass(frozen=True)
class Finding:
    """One thing looked at: what was found, and what to do where it is a fault."""

    check: str
    ok: bool
    found: str
    remedy: str = ""


def examine() -> list[Finding]:
    """All findings, in an order in which to mend them; what depends on a fault is left out."""
    findings = [Finding("versions", True, _versions())]
    try:
        settings = load_settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = f"PIPELINE_{str(first['loc'][0]).upper()}"
        return [
            *findings,
            Finding("settings", False, f"{name}: {first['msg']}", f"set {name} to another value"),
        ]
    findings.append(Finding("settings", True, f"PIPELINE_HOME is {settings.home}"))
    findings.append(_folders(settings))
    findings.append(_disk(settings))
    declared = find_datasets(settings.dataset_places)
    datasets = declared.datasets
    findings.append(Finding("datasets", True, ", ".join(datasets)))
    for waits in declared.left_out:
        named = f"dataset {waits.name}" if waits.known else f"module {waits.name}"
        findings.append(Finding(named, False, waits.cause, waits.error.remedy))
    findings += inboxes(settings, datasets)
    findings += _archive(settings, datasets)
    findings.append(_telling(settings))
    return findings + list(_warehouse(settings, datasets))


def _versions() -> str:
    return ", ".join(
        [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in _LIBRARIES)]
    )


def _folders(settings: Settings) -> Finding:
    for folder in (settings.home, settings.inbox, settings.staging, settings.archive, settings.quarantine):
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
            return Finding(
                "folders",
                False,
                f"{existing} is not a folder that can be written to",
                "give this user the right to write there",
            )
    return Finding("folders", True, "all can be written to")


def inboxes(settings: Settings, datasets: dict[str, Dataset]) -> Iterator[Finding]:
    """Datasets whose files cannot come, for something else lies in the place of their folder."""
    for name in datasets:
        folder = settings.inbox / name
        if (folder.exists() or folder.is_symlink()) and not folder.is_dir():
            found = f"{folder}, where files of {name} are dropped, is no folder"
            yield Finding("inbox", False, found, "move away what lies there; the next run makes the folder")


def _disk(settings: Settings) -> Finding:
    existing: Path = next(path for path in (settings.home, *settings.home.parents) if path.exists())
    free = shutil.disk_usage(existing).free // 2**20
    return Finding(
        "disk", free >= _FREE_MB, f"{free:,} MB free", f"make room: less than {_FREE_MB} MB is left"
    )


def _archive(settings: Settings, datasets: dict[str, Dataset]) -> Iterator[Finding]:
    """Whether there are keys for the datasets that have their originals sealed."""
    sealing = [name for name, dataset in datasets.items() if dataset.archive == "encrypt"]
    if sealing:
        try:
            recipients_of(settings.archive_recipient)
        except KeyProblem as problem:
            found = f"{', '.join(sealing)} want their originals sealed: {problem}"
            yield Finding(
                "archive",
                False,
                found,
                f"set {RECIPIENT_VARIABLE} to what `pipeline keygen archive-key.txt` prints",
            )
        else:
            yield Finding("archive", True, f"originals of {', '.join(sealing)} are sealed")
    if settings.archive_identity:
        try:
            identities_of(Path(settings.archive_identity).expanduser())
        except KeyProblem as problem:
            yield Finding(
                "private key", False, str(problem), f"set {IDENTITY_VARIABLE} to the file of the key"
            )
        else:
            yield Finding(
                "private key",
                True,
                f"can be read: sealed originals are open while {IDENTITY_VARIABLE} is set",
            )


def _telling(settings: Settings) -> Finding:
    """Whether the addresses of those who are told can be used."""
    try:
        ways = ways_of(settings.tell.get_secret_value())
    except BadAddress as error:
        return Finding("telling", False, str(error), f"correct {TELL_VARIABLE}")
    said = "; ".join(way.name for way in ways)
    return Finding("telling", True, said or f"nobody is told of what goes wrong: {TELL_VARIABLE} is not set")


def tried(settings: Settings) -> list[Finding]:
    """Whether a message goes by each address, found by sending one."""
    try:
        done = trial(settings)
    except BadAddress as error:
        return [Finding("telling", False, str(error), f"correct {TELL_VARIABLE}")]
    if not done:
        return [Finding("telling", False, f"{TELL_VARIABLE} is not set", "see docs/telling.md")]
    return [
        Finding(
            "told", problem is None, problem or f"{name}: sent", f"correct {TELL_VARIABLE}, or the server"
        )
        for name, problem in done
    ]


def _warehouse(settings: Settings, datasets: dict[str, Dataset]) -> Iterator[Finding]:
    warehouse = Warehouse.from_settings(settings, datasets)
    if not warehouse.exists:
        yield Finding("warehouse", True, f"{warehouse.path} is made when the first file is taken in")
        yield Finding("migrations", True, "none is applied yet")
        yield from _daily_files(settings, datasets, {})
        return
    try:
        planned = warehouse.planned(patience=_PATIENCE)
        arrivals = None if planned.migrations else _arrivals(warehouse)
    except WarehouseBusy as error:
        yield Finding("warehouse", False, str(error), "wait until it is done, or close it")
        return
    except MigrationError as error:
        yield Finding("warehouse", True, f"{warehouse.path} opens")
        yield Finding("migrations", False, str(error), "see the message")
        return
    except (WarehouseError, duckdb.Error, OSError) as error:
        yield Finding(
            "warehouse", False, str(error), "see the message; a copy of the file can be put in its place"
        )
        return
    yield Finding("warehouse", True, f"{warehouse.path} opens")
    if planned.migrations:
        found = f"an earlier version of this program wrote the warehouse: not applied are {', '.join(planned.migrations)}"
        yield Finding("migrations", False, found, "`pipeline migrate` applies them, and so does the next run")
    else:
        yield Finding("migrations", True, "all are applied")
    yield from _contracts(planned)
    if arrivals is not None:
        yield from _daily_files(settings, datasets, arrivals)


def _arrivals(warehouse: Warehouse) -> dict[str, datetime]:
    with warehouse.reading(patience=_PATIENCE) as session:
        return latest_arrivals(session)


def _contracts(planned: Evolution) -> Iterator[Finding]:
    """Whether the datasets' tables fit what is declared."""
    for change in planned.changes:
        steps = [step.text for step in change.steps if step.changes and not step.quiet]
        if steps:
            remedy = how_to_migrate(change.dataset, again=change.blocked)
            yield Finding("contract", False, f"clean.{change.dataset}: {'; '.join(steps)}", remedy)


def _daily_files(
    settings: Settings, datasets: dict[str, Dataset], arrivals: dict[str, datetime]
) -> Iterator[Finding]:
    """The datasets that wait for a file that should be there."""
    for late in overdue(datasets, arrivals, datetime.now(UTC)):
        remedy = f"drop it into {settings.inbox / late.dataset}, or ask whoever sends it"
        yield Finding("daily files", False, f"{late.dataset}: {late.text}", remedy)
