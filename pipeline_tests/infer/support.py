"""Inferring a module for a file and holding the file against it. What does not belong here: tests."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipeline.contract import Dataset
from pipeline.contract.registry import load_datasets
from pipeline.infer import Inferred, infer
from pipeline.ingest import Staged, stage
from pipeline.settings import Settings

RUFF = Path(sys.executable).with_name("ruff")


@dataclass(frozen=True)
class Trip:
    """A file, the module inferred for it, and the file staged under that."""

    inferred: Inferred
    dataset: Dataset
    staged: Staged

    @property
    def unread(self) -> int:
        """Records that no contract could let pass, since they cannot be read."""
        return self.inferred.rejects

    @property
    def rejected(self) -> list[dict[str, object]]:
        """Error rows of rows that could be read."""
        if not self.staged.manifest.error_files:
            return []
        errors = pl.read_parquet(self.staged.error_paths)
        return errors.filter(pl.col("column_name").is_not_null()).to_dicts()

    @property
    def columns(self) -> dict[str, str]:
        """Field → its type, its checks and its cleaners, as the contract has them."""
        return {column.name: str(column.dtype) for column in self.dataset.columns}

    def checks(self, name: str) -> dict[str, object]:
        """The checks of a column, by name."""
        column = next(column for column in self.dataset.columns if column.name == name)
        return dict(column.checks)


def round_trip(path: Path, folder: Path, name: str | None = None, **settings: int) -> Trip:
    """Infer a module for a file, load it from a folder, and stage the file under it."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    made = Settings(home=home, settle_seconds=0, **settings)
    inferred = infer(path, made, name)
    module = folder / "datasets" / f"{inferred.name}.py"
    module.parent.mkdir(exist_ok=True)
    module.write_text(inferred.text, encoding="utf-8")
    dataset = load_datasets([str(module)])[inferred.name]
    return Trip(inferred, dataset, stage(path, dataset, made))


def csv_trip(folder: Path, text: str, file_name: str = "table.csv", **settings: int) -> Trip:
    """As `round_trip`, of a text."""
    path = folder / file_name
    path.write_text(text, encoding="utf-8")
    return round_trip(path, folder, **settings)


def column(folder: Path, header: str, values: list[str], beside: bool = True) -> Trip:
    """As `round_trip`, of one column (and one of words beside it, so that it is a table)."""
    rows = [json.dumps({header: value or None, **({"word": "ab"} if beside else {})}) for value in values]
    path = folder / "table.ndjson"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return round_trip(path, folder)


def formatter_complaints(text: str, width: int) -> str:
    """What ruff would change of a module at a line length, and what it finds wrong with it."""
    formatted = subprocess.run(
        [RUFF, "format", "--isolated", "--line-length", str(width), "--diff", "-"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    linted = subprocess.run(
        [
            RUFF,
            "check",
            "--isolated",
            "--select",
            "E,F,I,W",
            "--ignore",
            "E501",
            "--output-format=concise",
            "-",
        ],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    return formatted.stdout + (linted.stdout if linted.returncode else "")
