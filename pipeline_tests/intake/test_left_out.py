"""A dataset that does not work waits with its files: the others are taken in, their windows made, and it is named with its remedy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline.cli import main
from pipeline.files import scan_inbox
from pipeline.intake import open_intake, prepare
from pipeline.settings import Settings
from pipeline_tests.declaring import BROKEN, FAILING, HEAD, ROWS, SOUND, dataset, declare

OTHERS = {"aaa": HEAD + dataset("aaa"), "zzz": HEAD + dataset("zzz")}


class Place:
    """A home with a folder of datasets, and the command line on them."""

    def __init__(
        self, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.home, self.declared, self._capsys = home, home / "declared", capsys
        monkeypatch.setenv("PIPELINE_HOME", str(home))
        monkeypatch.setenv("PIPELINE_DATASETS", str(self.declared))
        monkeypatch.setenv("PIPELINE_SETTLE_SECONDS", "0")
        self._patch = monkeypatch

    def declare(self, **sources: str) -> None:
        declare(self.declared, **sources)

    def drop(self, *names: str, file: str = "a.csv", text: str = ROWS) -> None:
        for name in names:
            path = self.home / "inbox" / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, standard output, standard error of `pipeline …`."""
        self._patch.setattr("sys.argv", ["pipeline", *arguments])
        self._capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
        said = self._capsys.readouterr()
        return code, said.out, said.err

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.home / "warehouse.duckdb"), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def rows(self, name: str) -> tuple[int, int]:
        """Rows of the clean table and of the window."""
        return self.ask(
            f"SELECT (SELECT count(*) FROM clean.{name}), (SELECT count(*) FROM windows.{name}_daily)"
        )[0]

    def waits(self, name: str) -> bool:
        """Whether the file lies in the inbox, and nothing is said of it in the ledger."""
        told = self.ask(f"SELECT 1 FROM ops.deliveries WHERE dataset = '{name}'")
        return (self.home / "inbox" / name / "a.csv").is_file() and not told


@pytest.fixture
def place(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Place:
    return Place(home, monkeypatch, capsys)


@pytest.mark.parametrize("kind", ["exit", "declaration", *FAILING])
def test_one_dataset_waits_and_the_others_are_taken_with_their_windows(place: Place, kind: str) -> None:
    place.declare(**OTHERS, mid=(BROKEN | FAILING)[kind])
    place.drop("aaa", "mid", "zzz")
    code, said, told = place.run("ingest")
    assert code == 2 and "Traceback" not in told
    assert place.rows("aaa") == place.rows("zzz") == (2, 2) and "aaa" in said and "zzz" in said
    assert place.waits("mid") and told.count("dataset mid is left as it is: ") == 1
    assert str(place.declared / "mid.py") in told and str(place.home / "inbox" / "mid") in told
    if kind in ("exit", "check"):  # mended, it is taken
        place.declare(mid=SOUND)
        assert place.run("ingest")[0] == 0 and place.rows("mid") == (2, 2)


CHANGED = {
    "a type": (SOUND.replace("v: float", "v: int"), []),
    "a column that must be there": (
        SOUND.replace("v: float", "v: float\n    w: int = pa.Field(default=1)"),
        [],
    ),
    "a table that is a view": (
        SOUND,
        ["DROP TABLE windows.mid_daily", "CREATE VIEW windows.mid_daily AS SELECT 1 AS n"],
    ),
    "a clean table of another kind": (
        SOUND,
        ["DROP TABLE clean.mid", "CREATE VIEW clean.mid AS SELECT 'x' AS id"],
    ),
    "SQL that is wrong since": (HEAD + dataset("mid", measures="{'n': agg.sql('sum(nope)', 'DOUBLE')}"), []),
}


@pytest.mark.parametrize("kind", CHANGED)
def test_a_dataset_that_does_not_fit_its_tables_any_more_waits_alone(place: Place, kind: str) -> None:
    place.declare(**OTHERS, mid=SOUND)
    place.drop("aaa", "mid", "zzz")
    assert place.run("ingest")[0] == 0
    source, statements = CHANGED[kind]
    place.declare(mid=source)
    with duckdb.connect(str(place.home / "warehouse.duckdb")) as connection:
        for statement in statements:
            connection.execute(statement)
    place.drop(
        "aaa",
        "mid",
        "zzz",
        file="b.csv",
        text=ROWS.replace("1,", "3,", 1).replace("2,", "4,", 1).replace("-01-", "-03-"),
    )
    code, said, told = place.run("ingest")
    assert code == 2 and "Traceback" not in told
    assert place.rows("aaa") == place.rows("zzz") == (4, 4) and "brought up to date" in said
    assert (place.home / "inbox" / "mid" / "b.csv").is_file() and "dataset mid is left as it is: " in told
    if statements:
        for command in (["status"], ["errors", "aaa"], ["migrate", "aaa", "zzz"]):
            code, _, told = place.run(*command)
            assert (code, told) == (0, ""), command
        code, _, told = place.run("migrate")
        assert code == 2 and "dataset mid is left as it is: " in told


def test_each_command_goes_on_without_it_and_names_it_where_it_is_asked_for(place: Place) -> None:
    place.declare(**OTHERS, mid=BROKEN["import"])
    place.drop("aaa", "mid", "zzz")
    place.run("ingest")
    path = str(place.declared / "mid.py")
    for command in (
        ["errors", "aaa"], ["replay", "aaa"], ["windows", "recompute", "aaa", "--all"], ["windows", "verify", "aaa"], ["migrate", "aaa"],
        ["retain", "aaa"], ["report", "aaa"], ["windows", "late", "aaa"], ["query", "FROM clean.aaa"], ["explain", "aaa"],
        ["ingest", "aaa", "--from-archive"], ["status"], ["check", str(place.home / "inbox" / "mid" / "a.csv"), "--dataset", "aaa"],
    ):  # fmt: skip
        code, _, told = place.run(*command)
        assert (code, told) == (0, ""), command
    for command in (
        ["errors", "mid"], ["replay", "mid"], ["windows", "recompute", "mid/daily"], ["windows", "verify", "mid"], ["migrate", "mid"],
        ["retain", "mid"], ["report", "mid"], ["ingest", "mid"], ["check", str(place.declared / "mid.py"), "--dataset", "mid"],
    ):  # fmt: skip
        code, _, told = place.run(*command)
        assert code == 2 and path in told and "No dataset" not in told, command
    for command in (
        ["windows", "verify"],
        ["migrate"],
        ["retain"],
        ["windows", "recompute", "aaa", "mid"],
        ["ingest", "zzz", "mid"],
    ):
        code, _, told = place.run(*command)
        assert code == 2 and told.count("dataset mid is left as it is") == 1, command
    code, said, _ = place.run("status", "--json")
    (mid,) = [one for one in json.loads(said)["datasets"] if one["dataset"] == "mid"]
    assert code == 0 and mid["waiting"] == 1 and path in mid["waits"]
    code, said, _ = place.run("doctor", "--json")
    faults = {one["check"] for one in json.loads(said) if not one["ok"]}
    assert (
        code == 1
        and faults == {"dataset mid"}
        and {"datasets", "warehouse"} <= {one["check"] for one in json.loads(said)}
    )


def test_while_a_module_may_declare_any_name_no_folder_is_unknown(place: Place) -> None:
    place.declare(
        aaa=OTHERS["aaa"],
        regions=HEAD + "1 / 0\nfor name in ('north', 'mid'):\n    Dataset(name, schema=Row)\n",
    )
    place.drop("aaa", "mid", "stray")
    code, _, told = place.run("ingest")
    assert code == 2 and "module regions does not load" in told
    assert place.rows("aaa") == (2, 2) and place.waits("mid") and place.waits("stray")
    place.declare(regions=SOUND)
    assert place.run("ingest")[0] == 0 and place.rows("mid") == (2, 2)
    assert place.ask("SELECT status FROM ops.deliveries WHERE dataset = 'stray'") == [("quarantined",)]


def test_files_of_a_dataset_that_had_rows_and_is_not_declared_any_more_wait(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.declare(**OTHERS, mid=SOUND)
    place.drop("aaa", "mid", "zzz")
    assert place.run("ingest")[0] == 0
    (place.declared / "mid.py").unlink()
    place.drop(
        "aaa",
        "mid",
        "stray",
        file="b.csv",
        text=ROWS.replace("-01-", "-03-").replace("1,", "3,", 1).replace("2,", "4,", 1),
    )
    code, _, told = place.run("ingest")
    assert code == 2 and "no module declares it any more" in told and "PIPELINE_DATASETS" in told
    assert (place.home / "inbox" / "mid" / "b.csv").is_file() and place.rows("aaa") == (4, 4)
    assert place.ask("SELECT dataset FROM ops.deliveries WHERE status = 'quarantined'") == [("stray",)]


def test_nothing_is_quarantined_where_a_caller_only_stages(place: Place) -> None:
    place.declare(mid=BROKEN["raised"])
    place.drop("mid")
    house = open_intake(Settings(home=place.home, settle_seconds=0, datasets=str(place.declared)))
    (item,) = prepare(house, scan_inbox(place.home / "inbox", 0).waiting)
    assert item.problem is None and item.failure is not None and item.failure.dataset == "mid"
