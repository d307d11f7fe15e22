"""Running the product as its users do. What does not belong here: looking inside it."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from pipeline.cli import main

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "data" / "samples"
DATASETS = Path(__file__).with_name("datasets")


def environment(home: Path, dagster_home: Path | None = None, **settings: str) -> dict[str, str]:
    """This process's environment, with PIPELINE_HOME on `home` and files taken at once."""
    chosen = {"PIPELINE_HOME": str(home), "PIPELINE_SETTLE_SECONDS": "0", **settings}
    if dagster_home is not None:
        chosen["DAGSTER_HOME"] = str(dagster_home)
    return {**os.environ, **chosen}


def run(
    command: Sequence[str | Path], env: Mapping[str, str], cwd: Path = ROOT, timeout: float = 240
) -> subprocess.CompletedProcess[str]:
    """One command to its end, its output as text."""
    return subprocess.run(
        [str(part) for part in command],
        env=dict(env),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


class Screen(io.StringIO):
    """A terminal to programs that ask."""

    def isatty(self) -> bool:
        return True


def pipeline(
    home: Path, *arguments: str, columns: int | None = None, **settings: str
) -> subprocess.CompletedProcess[str]:
    """The `pipeline` command, from its entry point to its exit code, in this process: a new one takes seconds to import it all.
    The pages' commands run in processes of their own, see `run`.

    Args:
        columns: it writes to a terminal of so many columns; by default to a pipe.
        settings: variables of its environment.
    """
    out, err = (io.StringIO(), io.StringIO()) if columns is None else (Screen(), Screen())
    before = dict(os.environ)
    os.environ.update(environment(home, **({} if columns is None else {"COLUMNS": str(columns)}) | settings))
    code: str | int | None = 0
    try:
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            contextlib.chdir(ROOT),
            pytest.MonkeyPatch.context() as patched,
        ):
            patched.setattr(sys, "argv", ["pipeline", *arguments])
            main()
    except SystemExit as end:
        code = end.code
    finally:
        os.environ.clear()
        os.environ.update(before)
    assert isinstance(code, int | None), code
    return subprocess.CompletedProcess(list(arguments), code or 0, out.getvalue(), err.getvalue())


def as_in_a_pipe(page: str) -> list[str]:
    """The lines of a page that shows what a terminal does, as a command prints them where there is none: tables parted by tabs, their
    numbers without commas."""
    lines = []
    for line in page.splitlines():
        if line.startswith(("┃", "│")):
            cells = [cell.strip() for cell in re.split("[┃│]", line)[1:-1]]
            lines.append(re.sub(r"(?<=\d),(?=\d{3})", "", "\t".join(cells)).rstrip())
        elif line.rstrip() and not line.startswith(("┏", "┡", "└")):
            lines.append(line.rstrip())
    return lines


def run_page(blocks: Iterable[tuple[str, str]], home: Path, module: Path) -> None:
    """Run the blocks of a page in order: declarations are written to `module`, in a folder of datasets; commands must work; a text
    must be what the last command printed."""
    module.parent.mkdir()
    settings = environment(home, PIPELINE_DATASETS=str(module.parent))
    settings["PATH"] = f"{Path(sys.executable).parent}:{settings['PATH']}"
    printed = ""
    for language, block in blocks:
        if language == "python":
            module.write_text(block, encoding="utf-8")
        elif language == "bash":
            done = run(["bash", "-ec", block], settings)
            assert done.returncode == 0, done.stderr
            printed = done.stdout
        else:
            assert [line for line in as_in_a_pipe(block) if line not in printed] == []


def execute_job(
    home: Path, job: str = "ingest", *options: str, dagster_home: Path | None = None, **settings: str
) -> subprocess.CompletedProcess[str]:
    """`dagster job execute -m pipeline.definitions -j JOB …`."""
    command = [
        sys.executable,
        "-m",
        "dagster",
        "job",
        "execute",
        "-m",
        "pipeline.definitions",
        "-j",
        job,
        *options,
    ]
    return run(command, environment(home, dagster_home, **settings))


def drop(source: Path, home: Path, dataset: str, name: str | None = None) -> Path:
    """Copy a file into a dataset's inbox."""
    target = home / "inbox" / dataset / (name or source.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    return target


def drop_samples(home: Path) -> None:
    """Copy all sample files into the inbox."""
    for path in sorted(SAMPLES.glob("*/*")):
        drop(path, home, path.parent.name)


def sql(home: Path, statement: str) -> pl.DataFrame:
    """Plain SQL against the warehouse file, by DuckDB alone."""
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        return connection.execute(statement).pl()


def value(home: Path, statement: str) -> Any:
    """The one value of a statement."""
    return sql(home, statement).item()


def files_below(folder: Path) -> list[str]:
    """Paths of all files below a folder, relative, sorted."""
    return (
        sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
        if folder.exists()
        else []
    )
