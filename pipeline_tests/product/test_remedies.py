"""Commands that messages name: they can be typed as they stand, and do what is said of them."""

from __future__ import annotations

import ast
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import typer.main

from pipeline.commands import app
from pipeline.warehouse.migrations import FOLDER, migrate
from pipeline_tests.product.support import ROOT, SAMPLES, drop, pipeline, value

SOURCES = sorted((ROOT / "pipeline").rglob("*.py"))
STANDS_FOR = {
    "days[0]": "2026-01-05",
    "days[-1]": "2026-01-06",
    "shlex.quote(str(path))": "some.csv",
    "checked": "some.csv",
    "shlex.quote(entry.delivery)": "'week 47.csv'",
    "name": "daily",
    "self.window": "daily",
    "window.name": "daily",
    "which": "--all",
}
"""What may stand in a command, as its source spells it → what is typed for it; everything else is a dataset."""


def quoted(path: Path) -> Iterator[str]:
    """The commands in a module's texts that people see: those in backticks, and texts that begin with one."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    unseen = {
        id(part)
        for node in ast.walk(tree)
        for part in (
            [node.value]
            if isinstance(node, ast.Expr)
            else node.values
            if isinstance(node, ast.JoinedStr)
            else []
        )
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            text = "".join(_typed(part) for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in unseen:
            text = node.value
        else:
            continue
        yield from re.findall(r"`(pipeline [^`]*)`", text)
        if re.match(r"pipeline [a-z]+ \S", text):
            yield text


def _typed(part: ast.expr) -> str:
    if isinstance(part, ast.FormattedValue):
        return STANDS_FOR.get(ast.unparse(part.value), "orders")
    assert isinstance(part, ast.Constant)
    return str(part.value)


COMMANDS = sorted(
    {(path.relative_to(ROOT).as_posix(), command) for path in SOURCES for command in quoted(path)}
)


def test_the_commands_of_messages_are_found() -> None:
    assert len({command for _, command in COMMANDS}) > 15
    assert ("pipeline/warehouse/errors.py", "pipeline migrate orders --dry-run") in COMMANDS


@pytest.mark.parametrize(("module", "command"), COMMANDS)
def test_a_command_that_a_message_names_can_be_typed(
    module: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("some.csv").touch()
    known, words = typer.main.get_command(app), shlex.split(command)[1:]
    while hasattr(known, "commands"):
        assert words and words[0] in known.commands, f"{module}: there is no command {command!r}"
        known = known.commands[words.pop(0)]
    known.make_context(command, words)  # raises where an argument is missing, or an option is none


class People:
    """A home with a dataset that a user declares, and commands typed as a message spells them."""

    MODULE = """
from datetime import datetime
import pandera.polars as pa
from pipeline.contract import Dataset, Tumbling, agg

class Person(pa.DataFrameModel):
    id: int
{columns}

people = Dataset("people", schema=Person, key=["id"]{more})
"""

    def __init__(self, folder: Path) -> None:
        self.home, self.places = folder / "home", folder / "places"
        self.places.mkdir()
        self.settings = {"PIPELINE_DATASETS": str(self.places)}

    def declare(self, *columns: str, more: str = "") -> None:
        text = self.MODULE.format(
            columns="\n".join(f"    {one}" for one in columns), more=more and f", {more}"
        )
        (self.places / "people.py").write_text(text, encoding="utf-8")

    def drop(self, name: str, *lines: str) -> None:
        path = self.home / "inbox" / "people" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([*lines, ""]), encoding="utf-8")

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return pipeline(self.home, *words, **self.settings)

    def type(self, command: str) -> subprocess.CompletedProcess[str]:
        name, *words = shlex.split(command)
        assert name == "pipeline"
        return self.run(*words)


def named_in(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The commands that an answer names, in order; a message may be wrapped."""
    return re.findall(r"`(pipeline [^`]*)`", " ".join(f"{done.stdout}\n{done.stderr}".split()))


@pytest.fixture
def people(tmp_path: Path) -> People:
    made = People(tmp_path)
    made.declare("n: int")
    made.drop("a.csv", "id,n,m", "1,7,5", "2,8,6")
    assert made.run("ingest").returncode == 0
    return made


@pytest.mark.parametrize(
    ("columns", "more"),
    [
        (["n: str"], ""),  # widened
        (["n: bool"], ""),  # to be loaded again
        (["n: int", "m: int"], ""),
    ],
)
def test_a_contract_that_changed(people: People, columns: list[str], more: str) -> None:
    people.declare(*columns, more=more)
    people.drop("b.csv", "id,n,city,m", "3,1,x,1")
    refused = people.run("ingest", "people")
    assert refused.returncode == 2
    look, do = named_in(refused)
    doctor = people.run("doctor", "--json")
    [fault] = [one for one in json.loads(doctor.stdout) if not one["ok"]]
    assert re.findall(r"`(pipeline [^`]*)`", fault["remedy"]) == [look, do]
    assert people.type(look).returncode == 0
    assert people.type(do).returncode == 0
    assert people.run("ingest", "people").returncode == 0
    assert value(people.home, "SELECT count(*) FROM clean.people WHERE id = 3") == 1
    assert people.run("doctor").returncode == 0


def test_a_contract_that_changed_before_any_row_was_loaded(tmp_path: Path) -> None:
    made = People(tmp_path)
    made.declare("n: int")
    made.drop("a.csv", "id,n", "1,seven")
    assert made.run("ingest").returncode == 0
    made.declare("n: str", "m: str = pa.Field(default='?')")
    assert made.run("doctor").returncode == 0
    made.drop("b.csv", "id,n", "2,eight")
    done = made.run("ingest")
    assert done.returncode == 0, done.stderr
    assert made.run("ingest", "people", "--from-archive").returncode == 0
    assert value(made.home, "SELECT string_agg(n, ' ' ORDER BY id) FROM clean.people") == "seven eight"


def test_deliveries_of_an_older_contract(people: People) -> None:
    people.declare("n: int = pa.Field(ge=8)")
    migrated = people.run("migrate", "people")
    [again] = named_in(migrated)
    assert people.type(again).returncode == 0
    assert value(people.home, "SELECT count(*) FROM clean.people") == 1


@pytest.mark.parametrize("command", [["status"], ["errors", "people"], ["windows", "late"]], ids=" ".join)
def test_a_warehouse_of_an_earlier_version(tmp_path: Path, command: list[str]) -> None:
    made = People(tmp_path)
    made.declare("n: int")
    earlier = tmp_path / "earlier"
    shutil.copytree(FOLDER, earlier)
    max(earlier.glob("*.sql")).unlink()
    made.home.mkdir()
    with duckdb.connect(str(made.home / "warehouse.duckdb")) as connection:
        migrate(connection, earlier)
    refused = made.run(*command)
    assert refused.returncode == 2
    first, *others = named_in(refused)
    assert (first, others) == ("pipeline migrate", ["pipeline ingest"])
    assert made.type(first).returncode == 0
    assert made.run(*command).returncode == 0


def test_files_that_are_refused_for_their_rows(tmp_path: Path) -> None:
    made = People(tmp_path)
    made.declare("n: int", more="max_errors=0")
    names = ["a b.csv", "deep/it's.csv", "-x.csv", "$HOME `id`.csv"]
    for number, name in enumerate(names):
        made.drop(name, "id,n", f"{number},x")
    deliveries = json.loads(made.run("ingest", "--json").stdout)["deliveries"]
    assert [one["status"] for one in deliveries] == ["quarantined"] * 4
    for one in deliveries:
        command = one["reason"].partition("Look at them with `")[2].partition("`, correct the rows")[0]
        checked = made.type(command)
        assert checked.returncode == 1, checked.stderr
        assert "max_errors=0" in " ".join(checked.stdout.split())


def test_an_unknown_delivery(people: People) -> None:
    for words in (["errors", "people"], ["report", "people"], ["replay", "people"], ["ingest", "people", "--from-archive"],
                  ["ingest", "people", "--from-quarantine"]):  # fmt: skip
        refused = people.run(*words, "--delivery", "none.csv")
        assert refused.returncode == 2, words
        [newest] = named_in(refused)
        assert "a.csv" in people.type(newest).stdout


def test_windows_that_differ(home: Path) -> None:
    drop(SAMPLES / "orders" / "2026-11-16.csv", home, "orders")
    assert pipeline(home, "ingest").returncode == 0
    with duckdb.connect(str(home / "warehouse.duckdb")) as connection:
        connection.execute("UPDATE windows.orders_daily_by_department SET revenue = revenue + 1")
        connection.execute("DELETE FROM windows.orders_last_hour")
    differing = pipeline(home, "windows", "verify", "orders")
    assert differing.returncode == 1
    commands = named_in(differing)
    assert len(commands) == 2
    for command in commands:
        assert pipeline(home, *shlex.split(command)[1:]).returncode == 0
    assert pipeline(home, "windows", "verify", "orders").returncode == 0


def test_a_window_that_was_declared_since(tmp_path: Path) -> None:
    made = People(tmp_path)
    made.declare("at: datetime", more='event_time="at"')
    made.drop("a.csv", "id,at", "3,2026-01-05T10:00:00")
    assert made.run("ingest").returncode == 0
    window = 'Tumbling("daily", every="1d", measures={"n": agg.count()})'
    made.declare("at: datetime", more=f'event_time="at", windows=[{window}]')
    assert json.loads(made.run("windows", "verify", "people", "--json").stdout)[0]["waiting"] == [
        "2026-01-05"
    ]
    refused = made.run("plot", "people/daily", "--out", str(tmp_path / "x.svg"))
    assert refused.returncode == 2
    [command] = named_in(refused)
    assert made.type(command).returncode == 0
    drawn = made.run("plot", "people/daily", "--out", str(tmp_path / "x.svg"))
    assert drawn.returncode == 0, drawn.stderr


def test_originals_to_be_sealed_without_a_key(tmp_path: Path) -> None:
    made = People(tmp_path)
    made.declare("n: int", more='archive="encrypt"')
    made.drop("a.csv", "id,n", "1,7")
    [fault] = [one for one in json.loads(made.run("doctor", "--json").stdout) if not one["ok"]]
    told = named_in(made.run("ingest"))
    [command] = re.findall(r"`(pipeline [^`]*)`", fault["remedy"])
    assert told == [command]
    made_key = made.type(command.replace("archive-key.txt", str(tmp_path / "archive-key.txt")))
    variable, _, key = made_key.stdout.splitlines()[0].partition("=")
    made.settings[variable] = key
    assert made.run("doctor").returncode == 0
    assert made.run("ingest").returncode == 0
