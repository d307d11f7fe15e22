"""A contract that changes, as a user meets it: `pipeline migrate` and `pipeline ingest --from-archive`."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from pipeline_tests.product.support import pipeline, sql, value

MODULE = """
import pandera.polars as pa
from pipeline.contract import Dataset, Total, agg, clean


class Person(pa.DataFrameModel):
    id: int
    name: str = pa.Field(nullable=True)
{columns}

people = Dataset("people", schema=Person, key=["id"], windows=[Total("count", measures={{"n": agg.count()}})]{more})
"""


class Home:
    """A home with a dataset `people` that is declared anew now and then."""

    def __init__(self, home: Path, folder: Path) -> None:
        self.home, self._folder = home, folder

    def declare(self, *columns: str, more: str = "") -> None:
        lines = "".join(f"    {column}\n" for column in columns)
        text = MODULE.format(columns=lines, more=f", {more}" if more else "")
        (self._folder / "people.py").write_text(text, encoding="utf-8")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return pipeline(self.home, *arguments, PIPELINE_DATASETS=str(self._folder))

    def drop(self, name: str, text: str) -> None:
        path = self.home / "inbox" / "people" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@pytest.fixture
def people(home: Path, tmp_path: Path) -> Home:
    folder = tmp_path / "datasets"
    folder.mkdir()
    made = Home(home, folder)
    made.declare()
    made.drop("a.csv", "id,name,age\n1,ann,7\n")
    made.drop("b.csv", "id,name,age\n2,bob,x\n")
    assert made.run("ingest", "people").returncode == 0
    return made


def test_a_changed_contract_is_shown_then_done_then_its_files_are_loaded_again(people: Home) -> None:
    people.declare("age: int", "city: str = pa.Field(nullable=True)")
    refused = people.run("ingest", "people", "--from-archive")
    assert refused.returncode == 2 and "pipeline migrate people" in refused.stderr

    shown = people.run("migrate", "people", "--dry-run")
    assert shown.returncode == 0
    for said in (
        "'age' (BIGINT) is not in the table",
        "'city' (VARCHAR)",
        "2 deliveries",
        "needs --reingest",
    ):
        assert said in shown.stdout
    half = people.run("migrate", "people")
    assert half.returncode == 2 and "pipeline migrate people --reingest" in half.stdout
    assert set(sql(people.home, "SELECT * FROM clean.people").columns) >= {"city"}

    done = people.run("migrate", "people", "--reingest", "--json")
    assert done.returncode == 0
    assert [d["delivery"] for d in json.loads(done.stdout)["loaded_again"]] == ["a.csv", "b.csv"]
    assert sql(people.home, "SELECT id, age FROM clean.people").rows() == [(1, 7)]
    again = people.run("migrate", "people", "--reingest")
    assert again.returncode == 0 and "Every table fits its contract" in again.stdout


def test_changes_that_lose_nothing_are_done_at_once(people: Home) -> None:
    people.declare("born: str = pa.Field(nullable=True)", more="drift='ignore'")
    done = people.run("migrate")
    assert done.returncode == 0
    assert "pipeline ingest people --from-archive" in done.stdout
    assert (
        value(people.home, "SELECT count(*) FROM clean.people WHERE born IS NULL AND _rescued IS NOT NULL")
        == 2
    )


def test_deliveries_are_loaded_again_from_the_archive(people: Home) -> None:
    people.declare(more="clean={'name': clean.upper}, drift='ignore'")
    done = people.run("ingest", "people", "--from-archive")
    assert done.returncode == 0 and "columns left out by drift='ignore': 'age'" in done.stdout
    assert sql(people.home, "SELECT name FROM clean.people ORDER BY id")["name"].to_list() == ["ANN", "BOB"]
    assert "under the contract of now" in people.run("ingest", "people", "--from-archive").stdout
    named = people.run("ingest", "people", "--from-archive", "--delivery", "a.csv", "--json")
    assert [d["delivery"] for d in json.loads(named.stdout)["deliveries"]] == ["a.csv"]
    every = json.loads(people.run("ingest", "people", "--from-archive", "--all", "--json").stdout)
    assert [d["problem"] for d in every["deliveries"]] == [None, None]
    assert {w["window"] for w in every["windows"]} == {"people/count"}


def test_a_missing_original_is_named_and_the_command_ends_with_2(people: Home) -> None:
    next((people.home / "archive").rglob("a.csv")).unlink()
    done = people.run("ingest", "people", "--from-archive", "--all")
    assert done.returncode == 2
    assert "not loaded again a.csv: the original of" in done.stdout
    assert value(people.home, "SELECT count(*) FROM ops.deliveries WHERE status = 'replaced'") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ingest", "--from-archive"), "Name the dataset"),
        (("ingest", "people", "--all"), "--from-archive"),
        (("ingest", "people", "--from-archive", "--delivery", "z.csv"), "'z.csv'"),
        (("migrate", "cities"), "'cities'"),
    ],
)
def test_what_was_typed_wrongly_is_said(people: Home, arguments: tuple[str, ...], said: str) -> None:
    done = people.run(*arguments)
    assert done.returncode == 2
    assert said in done.stderr and "Traceback" not in done.stderr


def test_a_dry_run_before_there_is_a_warehouse_has_nothing_to_show(home: Path) -> None:
    done = pipeline(home, "migrate", "--dry-run")
    assert (done.returncode, done.stdout.strip()) == (0, "Every table fits its contract.")
