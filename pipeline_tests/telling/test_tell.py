"""What is new is told once, by every way, and in the end; nothing of it fails what it tells of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from pydantic import SecretStr

from pipeline.contract import Dataset
from pipeline.intake import Intake, open_intake, take_inbox
from pipeline.settings import Settings
from pipeline.telling import Told, failed_part, failed_run, overdue, tell
from pipeline.warehouse import PartFailed
from pipeline_tests.product.support import pipeline
from pipeline_tests.telling.servers import WebServer, mail_server, web_server

NOW = datetime.now(UTC)
Tell = Callable[..., Told]


@pytest.fixture
def intake(settings: Settings) -> Intake:
    house = open_intake(settings)
    house.make_folders()
    return house


def _drop(intake: Intake, *names: str) -> None:
    """Files that are quarantined."""
    for name in names:
        path = intake.settings.inbox / "orders" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"nothing,{name}\n1,2\n")
    assert {outcome.entry.status for outcome in take_inbox(intake)} == {"quarantined"}


def _address(server: WebServer) -> str:
    return f"http://127.0.0.1:{server.port}/secret"


def _tell(intake: Intake, *addresses: str, events: tuple = (), after: float = 0) -> Told:  # type: ignore[type-arg]
    settings = intake.settings.model_copy(update={"tell": SecretStr(" ".join(addresses))})
    return tell(settings, intake, events, now=NOW + timedelta(seconds=after))


def _whats(server: WebServer) -> list[list[str]]:
    return [[event["what"] for event in posted["events"]] for posted in server.posted]


def test_a_hundred_files_are_one_message_and_each_is_told_once(intake: Intake) -> None:
    with web_server() as server:
        _drop(intake, *(f"{number:03}.csv" for number in range(100)))
        assert _tell(intake, _address(server)) == Told((f"webhook at 127.0.0.1:{server.port}",))
        assert _tell(intake, _address(server), after=60) == Told()
        _drop(intake, "more.csv")
        _tell(intake, _address(server), after=120)
    assert _whats(server) == [[f"orders/{number:03}.csv" for number in range(100)], ["orders/more.csv"]]
    (event,) = server.posted[1]["events"]
    assert event["path"] == str(intake.settings.quarantine / "orders" / "more.csv")
    assert Path(event["path"]).exists()
    assert "order_id" in event["why"] and str(intake.settings.inbox / "orders") in event["remedy"]


def test_what_cannot_be_sent_is_sent_later_with_what_is_new_then(intake: Intake) -> None:
    with web_server(status=503) as server:
        _drop(intake, "a.csv")
        told = _tell(intake, _address(server))
        assert (told.sent, told.kept) == ((), True)
        assert told.problems == (
            f"webhook at 127.0.0.1:{server.port}: it answered 503 Service Unavailable. It is told later.",
        )
        server.status = 200
        _drop(intake, "b.csv")
        assert (
            _tell(intake, _address(server), after=30) == Told()
        )  # in the pause after a failure nobody waits for the server
        assert _tell(intake, _address(server), after=61).sent
        assert _tell(intake, _address(server), after=200) == Told()
    assert _whats(server)[1:] == [["orders/a.csv", "orders/b.csv"]]


def test_one_way_that_fails_keeps_nothing_from_the_other(intake: Intake) -> None:
    with web_server() as gone:
        pass
    with web_server() as server, mail_server() as mails:
        mail = f"smtp://127.0.0.1:{mails.port}/?to=ann@example.org"
        _drop(intake, "a.csv")
        told = _tell(intake, _address(gone), mail, _address(server))
        assert len(told.sent) == 2 and len(told.problems) == 1
        assert _tell(intake, _address(gone), mail, _address(server), after=100).sent == ()
    assert _whats(server) == [["orders/a.csv"]]
    assert len(mails.mails) == 1
    assert "secret" not in intake.settings.told.read_text()


def test_what_was_long_before_anybody_was_to_be_told_is_not_told(intake: Intake) -> None:
    _drop(intake, "old.csv", "new.csv")
    with duckdb.connect(str(intake.settings.warehouse)) as connection:
        connection.execute(
            "UPDATE ops.deliveries SET committed_at = committed_at - INTERVAL 3 DAY WHERE delivery = 'old.csv'"
        )
    with web_server() as server:
        _tell(intake, _address(server))
        intake.settings.told.write_text("{spoilt")
        _tell(intake, _address(server), after=10)
    assert _whats(server) == [["orders/new.csv"], ["orders/new.csv"]]


@pytest.mark.parametrize(
    ("kept", "of_way"),
    [
        ({}, {"events": [{"kind": "quarantined", "title": "of another version"}], "failed": 0, "not_before": ""}),
        ({}, {"events": ["text"]}),
        ({}, {"events": 3}),
        ({}, {"events": [], "failed": "often"}),
        ({}, {"events": [], "failed": 1, "not_before": "2999-01-01T00:00:00"}),
        ({}, {"events": [], "failed": 1, "not_before": "soon"}),
        ({"once": {"mark": "yesterday"}}, {}),
        ({"once": {"mark": "2026-01-01"}}, {}),
        ({"seq": "the last"}, {}),
    ],
)  # fmt: skip
def test_a_file_of_what_was_told_that_is_of_another_shape_is_as_none(
    intake: Intake, kept: dict[str, object], of_way: dict[str, object]
) -> None:
    _drop(intake, "new.csv")
    with web_server() as server:
        key = hashlib.sha256(_address(server).encode()).hexdigest()[:16]
        said = {"seq": 0, "once": {}, "ways": {key: of_way}} | kept
        intake.settings.told.write_text(json.dumps(said))
        assert _tell(intake, _address(server)).problems == ()
    assert _whats(server) == [["orders/new.csv"]]


def test_a_file_that_was_mended_meanwhile_is_not_told(intake: Intake) -> None:
    _drop(intake, "a.csv", "b.csv")
    (intake.settings.inbox / "orders" / "a.csv").write_text(
        "order_id,customer_email,amount,ordered_at,status,department,customer_name\n1,a@example.org,1,2026-01-01,pending,toys,Bob\n"
    )
    assert [outcome.entry.status for outcome in take_inbox(intake)] == ["loaded"]
    with web_server() as server:
        _tell(intake, _address(server))
    assert _whats(server) == [["orders/b.csv"]]


def test_a_failure_that_comes_again_is_told_once_a_day(intake: Intake) -> None:
    def failure(number: int) -> PartFailed:
        return PartFailed(
            "window", "orders", "daily", cause=f"process {number} has no memory", remedy="Give it more."
        )

    with web_server() as server:
        for after in (0, 300, 86_000, 86_401):
            _tell(intake, _address(server), events=(failed_part(failure(after)),), after=after)
        _tell(
            intake,
            _address(server),
            events=(failed_run("run ab12 of ingest", "full", "", of="ingest"),),
            after=86_500,
        )
        _tell(
            intake,
            _address(server),
            events=(failed_run("run cd34 of ingest", "full", "", of="ingest"),),
            after=86_600,
        )
    assert _whats(server) == [["window orders/daily"], ["window orders/daily"], ["run ab12 of ingest"]]


def test_nobody_is_told_where_nothing_is_configured(intake: Intake) -> None:
    _drop(intake, "a.csv")
    assert tell(intake.settings, intake) == Told()
    assert not intake.settings.told.exists()


def test_an_address_that_is_wrong_is_told_to_whoever_runs_it(intake: Intake) -> None:
    told = _tell(intake, "mailto:secret@example.org")
    assert told.problems[0].startswith("PIPELINE_TELL: address 1 begins with none of") and not told.kept


MODULE = """
import pandera.polars as pa
from pipeline.contract import Dataset

class Row(pa.DataFrameModel):
    number: int

daily = Dataset("{name}", schema=Row, timezone="Europe/Berlin"{more})
"""


def _dataset(**more: str) -> Dataset:
    import pandera.polars as pa

    model = type("Row", (pa.DataFrameModel,), {"__annotations__": {"number": int}, "number": pa.Field()})
    return Dataset("daily", schema=model, timezone="Europe/Berlin", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("declared", "latest", "now", "late"),
    [
        ({}, None, "2026-03-02 12:00", False),
        ({"due": "08:00"}, None, "2026-03-02 12:00", True),
        ({"due": "08:00"}, "2026-03-02 07:50", "2026-03-02 12:00", False),
        ({"due": "08:00"}, "2026-03-01 07:50", "2026-03-02 08:04", False),  # a file of the last moment is being loaded
        ({"due": "08:00"}, "2026-03-01 07:50", "2026-03-02 08:05", True),
        ({"due": "08:00"}, "2026-03-02 08:03", "2026-03-02 08:05", False),
        ({"due": "08:00"}, "2026-03-01 07:50", "2026-03-02 07:00", False),
        ({"due": "08:00 mon-fri"}, "2026-02-27 07:00", "2026-03-01 12:00", False),  # Sunday: Friday's file is there
        ({"due": "08:00 mon-fri"}, "2026-02-27 07:00", "2026-03-02 08:06", True),  # Monday's is not
        ({"due": "08:00 sat,sun"}, "2026-02-27 09:00", "2026-02-28 08:06", False),  # within a day before it was due
        ({"due": "02:30"}, "2026-03-28 02:00", "2026-03-29 04:00", True),  # the night in which that hour is left out
        ({"freshness": "36h"}, "2026-03-01 07:50", "2026-03-02 19:49", False),
        ({"freshness": "36h"}, "2026-03-01 07:50", "2026-03-02 19:51", True),
        ({"freshness": "36h"}, None, "2026-03-02 19:51", False),  # a dataset that nobody uses yet
        ({"freshness": "7d", "due": "08:00"}, "2026-03-01 07:50", "2026-03-02 09:00", True),
    ],
)  # fmt: skip
def test_which_datasets_are_late(declared: dict[str, str], latest: str | None, now: str, late: bool) -> None:
    dataset = _dataset(**declared)
    moment, came = (
        None if one is None else datetime.fromisoformat(one).replace(tzinfo=dataset.zone).astimezone(UTC)
        for one in (now, latest)
    )
    assert moment is not None
    arrivals = {} if came is None else {"daily": came.replace(tzinfo=None)}
    assert bool(list(overdue({"daily": dataset}, arrivals, moment))) is late


def test_a_file_that_did_not_come_is_told_on_the_command_line(tmp_path: Path) -> None:
    """By the `pipeline ingest` of a user of cron, with the files that came; the same bytes once more are no new file."""
    home, datasets = tmp_path / "home", tmp_path / "datasets"
    datasets.mkdir()
    at = f"{datetime.now(UTC) - timedelta(minutes=10):%H:%M}"
    for name in ("came", "silent", "copied"):
        (datasets / f"{name}.py").write_text(
            MODULE.format(name=name, more=f', due="{at}"').replace("Europe/Berlin", "UTC")
        )
    for name in ("came", "copied"):
        (home / "inbox" / name).mkdir(parents=True)
        (home / "inbox" / name / "a.csv").write_text("number\n1\n")
    named = {"PIPELINE_DATASETS": str(datasets)}
    with web_server() as server:
        assert pipeline(home, "ingest", **named).returncode == 0
        with duckdb.connect(str(home / "warehouse.duckdb")) as connection:
            connection.execute(
                "UPDATE ops.deliveries SET committed_at = committed_at - INTERVAL 2 DAY WHERE dataset = 'copied'"
            )
        (home / "inbox" / "copied" / "b.csv").write_text("number\n1\n")
        done = pipeline(home, "ingest", "came", "copied", PIPELINE_TELL=_address(server), **named)
        assert done.returncode == 0, done.stderr
        looked = pipeline(home, "doctor", "--json", PIPELINE_TELL=_address(server), **named)
    (told,) = server.posted
    assert [(event["kind"], event["what"]) for event in told["events"]] == [
        ("overdue", "copied"),
        ("overdue", "silent"),
    ]
    assert looked.returncode == 1
    faults = [one for one in json.loads(looked.stdout) if not one["ok"]]
    assert [(one["check"], one["found"].partition(":")[0]) for one in faults] == [
        ("daily files", "copied"),
        ("daily files", "silent"),
    ]


def test_a_run_of_the_command_line_that_fails_is_told(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "warehouse.duckdb").write_text("this is no warehouse")
    (home / "inbox" / "orders").mkdir(parents=True)
    (home / "inbox" / "orders" / "a.csv").write_text("nothing\n")
    with web_server() as server:
        done = pipeline(home, "ingest", PIPELINE_TELL=_address(server))
        again = pipeline(home, "ingest", PIPELINE_TELL=_address(server))
    assert done.returncode == again.returncode == 2
    (posted,) = server.posted
    assert {event["kind"] for event in posted["events"]} == {"failed"}
    assert "warehouse.duckdb" in posted["text"]


def test_nothing_that_goes_wrong_with_telling_fails_a_run(tmp_path: Path) -> None:
    with web_server(status=500) as server:
        done = pipeline(tmp_path, "ingest", PIPELINE_TELL=_address(server))
        assert (done.returncode, done.stderr) == (0, "")  # there was nothing to tell
        (tmp_path / "inbox" / "orders" / "a.csv").write_text("nothing\n")
        done = pipeline(tmp_path, "ingest", PIPELINE_TELL=_address(server))
        assert done.returncode == 0 and "it answered 500" in done.stderr and "secret" not in done.stderr
        assert "Traceback" not in done.stderr
    done = pipeline(tmp_path, "ingest", PIPELINE_TELL="secret")
    assert done.returncode == 0 and "PIPELINE_TELL: address 1" in done.stderr and "secret" not in done.stderr


def test_the_configuration_can_be_tried(tmp_path: Path) -> None:
    with web_server() as server, mail_server() as mails:
        both = f"{_address(server)} smtp://127.0.0.1:{mails.port}/?to=ann@example.org"
        done = pipeline(tmp_path, "doctor", "--tell", PIPELINE_TELL=both)
        assert done.returncode == 0, done.stdout
        assert "mail to ann@example.org" in done.stdout and "secret" not in done.stdout + done.stderr
        assert len(server.posted) == len(mails.mails) == 1
        assert "pipeline doctor --tell" in server.posted[0]["text"]
        server.status = 403
        assert pipeline(tmp_path, "doctor", "--tell", PIPELINE_TELL=both).returncode == 1
    assert pipeline(tmp_path, "doctor", "--tell").returncode == 1
