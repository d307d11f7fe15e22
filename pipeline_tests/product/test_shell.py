"""What the command line is to a shell: versions, completion, and where a new home is made."""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import duckdb
import pytest

from pipeline_tests.product.support import ROOT, SAMPLES, drop, files_below, pipeline, run

MODULE = """
import pandera.polars as pa
from pipeline.contract import Dataset, Tumbling
raise RuntimeError("it is not imported to complete a word")
visits = Dataset("visits", schema=None, windows=[Tumbling("hourly", every="1h"), Tumbling(name="daily", every="1d")])
others = Dataset(name="other_visits", schema=None)
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with two datasets' deliveries, one of them in a folder, and one with a quote in its name."""
    home = tmp_path_factory.mktemp("shell") / "home"
    drop(SAMPLES / "orders" / "2026-11-16.csv", home, "orders", "north/2026-11-16.csv")
    drop(SAMPLES / "sales" / "week 47.csv", home, "sales")
    drop(SAMPLES / "sales" / "week 47.csv", home, "sales", "it's & more.csv")
    assert pipeline(home, "ingest").returncode == 0
    yield home


def offered(home: Path, *words: str, shell: str = "bash", **settings: str) -> list[str]:
    """What Tab offers at the end of the line."""
    line = {"COMP_WORDS": "\n".join(["pipeline", *words]), "COMP_CWORD": str(len(words))}
    if shell != "bash":
        line = {
            "_TYPER_COMPLETE_ARGS": " ".join(["pipeline", *words]),
            "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        }
    done = pipeline(home, _PIPELINE_COMPLETE=f"complete_{shell}", **line, **settings)
    assert (done.stderr, "Traceback" in done.stdout) == ("", False)
    return [line for line in done.stdout.splitlines() if line]


def test_the_version_is_that_of_the_package(home: Path) -> None:
    done = pipeline(home, "--version")
    assert (done.returncode, done.stdout) == (0, f"windrow {version('windrow')}\n")


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["inge"], ["ingest"]),
        (["ingest", ""], ["events", "orders", "sales"]),
        (["ingest", "orders", "s"], ["sales"]),
        (["check", "--dataset", "o"], ["orders"]),
        (["plot", "orders/"], ["orders/daily_by_department", "orders/last_hour"]),
        (["explain", "sa"], ["sales/by_department"]),
        (["windows", "verify", "o"], ["orders"]),
        (["windows", "recompute", "orders/l"], ["orders/last_hour"]),
        (["windows", "late", "orders", "--window", ""], ["daily_by_department", "last_hour"]),
        (["errors", "orders", "--delivery", ""], ["north/2026-11-16.csv"]),
        (["replay", "orders", "--delivery", "north/"], ["north/2026-11-16.csv"]),
        (["errors", "sales", "--delivery", "week"], ["week\\ 47.csv"]),
        (["errors", "sales", "--delivery", "week\\ 4"], ["week\\ 47.csv"]),
        (["errors", "sales", "--delivery", "'week 4"], ["week 47.csv"]),
        (["report", "sales", "--delivery", "i"], ["it\\'s\\ \\&\\ more.csv"]),
        (["errors", "orders", "--delivery", "nothing"], []),
    ],
)
def test_bash_completes_names(loaded: Path, words: list[str], names: list[str]) -> None:
    assert offered(loaded, *words) == names


def test_zsh_and_fish_get_names_as_they_are(loaded: Path) -> None:
    words = ["errors", "sales", "--delivery", "w"]
    assert offered(loaded, *words, shell="fish") == ["week 47.csv"]
    assert '"week 47.csv"' in "".join(offered(loaded, *words, shell="zsh"))


def test_declarations_are_read_and_not_run(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "visits.py").write_text(MODULE)
    (folder / "broken.py").write_text("def (")
    for place in (str(folder), str(folder / "visits.py"), "visits"):
        path = {"PYTHONPATH": str(folder)} if place == "visits" else {}
        with pytest.MonkeyPatch.context() as patched:
            patched.syspath_prepend(str(folder))
            found = offered(home, "ingest", "", PIPELINE_DATASETS=place, **path)
            assert found == ["events", "orders", "other_visits", "sales", "visits"]
            assert offered(home, "plot", "vi", PIPELINE_DATASETS=place) == ["visits/daily", "visits/hourly"]


def test_completion_makes_nothing_waits_for_nothing_and_is_silent(loaded: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    assert offered(new, "ingest", "o") == ["orders"] and not new.exists()
    assert offered(loaded, "ingest", "o", PIPELINE_MEMORY_MB="lots", PIPELINE_DATASETS="/nowhere") == [
        "orders"
    ]
    before = files_below(loaded)
    with duckdb.connect(str(loaded / "warehouse.duckdb")):
        began = time.monotonic()
        assert offered(loaded, "errors", "orders", "--delivery", "") == ["north/2026-11-16.csv"]
        assert time.monotonic() - began < 10
    assert [path for path in files_below(loaded) if not path.endswith(".wal")] == before


def test_completion_imports_nothing_that_takes_long(loaded: Path) -> None:
    code = "import sys, pipeline.commands, pipeline.commands.completing as c; c.windows(''); print(sorted(sys.modules))"
    done = run([sys.executable, "-c", code], {**os.environ, "PIPELINE_HOME": str(loaded)})
    assert done.returncode == 0, done.stderr
    heavy = {"polars", "pandas", "pandera", "dagster", "duckdb", "numpy", "pyarrow", "matplotlib"}
    assert not heavy & set(re.findall(r"'(\w+)'", done.stdout))


def test_help_imports_nothing_that_takes_long() -> None:
    code = "import sys, pipeline.cli; print(sorted(sys.modules))"
    done = run([sys.executable, "-c", code], dict(os.environ))
    assert done.returncode == 0, done.stderr
    heavy = {"polars", "pydantic", "pydantic_core", "duckdb", "smtplib", "urllib.request", "pipeline.telling"}
    assert not heavy & set(re.findall(r"'([\w.]+)'", done.stdout))


def test_the_shells_get_their_scripts(home: Path) -> None:
    for shell, told in (
        ("bash", "complete -o default -F"),
        ("zsh", "#compdef pipeline"),
        ("fish", "complete --command"),
    ):
        done = pipeline(home, _PIPELINE_COMPLETE=f"source_{shell}")
        assert (done.returncode, told in done.stdout) == (0, True)
    assert "--install-completion" in pipeline(home, "--help").stdout


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("data", "PIPELINE_HOME is relative: 'data'"),
        ("../x/data", "relative"),
        (None, "PIPELINE_HOME is not set"),
    ],
)
def test_a_new_home_in_the_folder_one_is_in_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str | None, said: str
) -> None:
    (tmp_path / "x").mkdir()
    first, second = asked_in(tmp_path / "x", given, "ingest"), asked_in(tmp_path / "x", given, "ingest")
    assert f"New home: {tmp_path / 'x' / 'data'} (" in first.replace("\n", " ") and said in first
    assert "New home" not in second


def test_the_command_of_the_page_prints_a_column(loaded: Path, tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(ROOT / ".venv", target_is_directory=True)
    [block] = re.findall(r"```bash\n(.*?)```", (ROOT / "docs" / "command-line.md").read_text(), re.DOTALL)
    done = run(["bash", "-c", block], {**os.environ, "PIPELINE_HOME": str(loaded)}, cwd=tmp_path)
    assert (done.stdout.splitlines()[:2], done.stderr) == (["rows_clean", "115"], "")


def test_neither_an_absolute_home_nor_a_command_that_only_reads_speaks_of_it(tmp_path: Path) -> None:
    assert asked_in(tmp_path, str(tmp_path / "absolute"), "ingest") == ""
    assert "New home" not in asked_in(tmp_path, "data", "status")
    assert not (tmp_path / "data").exists()


def asked_in(folder: Path, home: str | None, *command: str) -> str:
    """What a command says on standard error, in a folder."""
    from pipeline.cli import main

    with pytest.MonkeyPatch.context() as patched, contextlib.chdir(folder):
        patched.delenv("PIPELINE_HOME", raising=False)
        if home is not None:
            patched.setenv("PIPELINE_HOME", home)
        patched.setattr(sys, "argv", ["pipeline", *command])
        with (
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(errors := io.StringIO()),
            contextlib.suppress(SystemExit),
        ):
            main()
        return errors.getvalue()
