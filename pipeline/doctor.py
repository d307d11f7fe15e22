"""What `pipeline doctor` looks at. What does not belong here: mending anything."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import duckdb
from pydantic import ValidationError

from pipeline.contract import ContractError, Dataset
from pipeline.contract.registry import load_datasets
from pipeline.files.sealing import KeyProblem, identities_of, recipients_of
from pipeline.settings import IDENTITY_VARIABLE, RECIPIENT_VARIABLE, Settings, load_settings
from pipeline.warehouse import Evolution, MigrationError, Warehouse, WarehouseBusy, WarehouseError

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
    try:
        datasets = load_datasets(settings.dataset_places)
    except ContractError as error:
        return [*findings, Finding("datasets", False, str(error), "correct the declaration")]
    findings.append(Finding("datasets", True, ", ".join(datasets)))
    findings += _archive(settings, datasets)
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
                "archive", False, found, f"set {RECIPIENT_VARIABLE} to what `pipeline keygen` prints"
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


def _warehouse(settings: Settings, datasets: dict[str, Dataset]) -> Iterator[Finding]:
    warehouse = Warehouse.from_settings(settings, datasets)
    if not warehouse.path.exists():
        yield Finding("warehouse", True, f"{warehouse.path} is made when the first file is taken in")
        yield Finding("migrations", True, "none is applied yet")
        return
    try:
        planned = warehouse.planned(patience=_PATIENCE)
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


def _contracts(planned: Evolution) -> Iterator[Finding]:
    """Whether the datasets' tables fit what is declared."""
    for change in planned.changes:
        steps = [step.text for step in change.steps if step.changes and not step.quiet]
        if steps:
            remedy = f"`pipeline migrate {change.dataset} --dry-run` shows what that means, `pipeline migrate {change.dataset}` does it"
            yield Finding("contract", False, f"clean.{change.dataset}: {'; '.join(steps)}", remedy)
