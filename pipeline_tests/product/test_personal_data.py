"""Personal data that a dataset hides is nowhere under the home once Dagster's `ingest` has taken the files: not in tables, staging,
published files or reports, not in Dagster's storage and logs, and not in the archive where the dataset seals or keeps none."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from pipeline.files.sealing import new_keys
from pipeline_tests.leaks import leaks
from pipeline_tests.product.support import execute_job, pipeline, value

KEY = "0123456789abcdef0123456789abcdef"
SECRETS = ("ann@example.com", "Bobbington", "DE89370400440532013000", "1984-05-06", "+4930123456")
MODULE = """
from datetime import datetime

import pandera.polars as pa
import polars as pl

from pipeline.contract import Dataset, Reference, Rule, Total, Tumbling, agg, clean, split


class Person(pa.DataFrameModel):
    id: int = pa.Field(ge=1)
    email: str
    iban: str = pa.Field(str_length=(10, 40), nullable=True)
    born: int = pa.Field(nullable=True)
    first: str = pa.Field(nullable=True)
    last: str = pa.Field(nullable=True)
    phone: str = pa.Field(str_matches="^never$", nullable=True)
    status: str = pa.Field(isin=["open"])
    seen_at: datetime
    invited_by: str = pa.Field(nullable=True)


people = Dataset(
    "people",
    schema=Person,
    key=["id"],
    event_time="seen_at",
    derive=split("Name", into=["first", "last"]),
    clean={
        "email": [clean.strip, clean.lower, clean.hash("people")],
        "iban": clean.mask(),
        "born": clean.redact("secret"),
        "last": clean.redact(),
        "phone": clean.redact(),
        "invited_by": [clean.strip, clean.lower, clean.hash("people")],
    },
    rules=[Rule("small", pl.col("id") < 100, severity="warn")],
    severity={"phone": "quarantine"},
    references=[Reference("invited_by", "people", "email")],
    windows=[
        Tumbling("daily", every="1d", by=["email", "last"], measures={"n": agg.count()}),
        Total("by_first", by=["iban"], measures={"n": agg.count()}),
    ],
    max_errors=20,
    archive="ARCHIVE",
)
"""
HEADER = "id,email,iban,born,Name,phone,status,seen_at,invited_by,E-Mail 2,place\n"
GOOD = {
    "id": "1",
    "email": "ann@example.com",
    "iban": "DE89370400440532013000",
    "born": "",
    "name": "Ann Bobbington",
    "phone": "",
    "status": "open",
    "seen_at": "2026-11-01 10:00:00",
    "invited_by": "",
    "other": "ann@example.com",
    "place": "Rome",
}


def _line(**changes: str) -> str:
    return ",".join((GOOD | changes).values()) + "\n"


BAD = (
    _line()
    + _line(id="0", status="lost")  # checks of other columns
    + _line(id="1")  # a key that is taken
    + _line(id="2", born="1984-05-06")  # a cast of a hidden column
    + _line(id="3", invited_by="bobbington@example.com")  # a reference of a hidden column
    + _line(id="200")  # a rule that warns
    + _line(id="x")
    + _line(id="4", place="Rome,ann@example.com")  # a field too many
    + _line(id="5", place="Rome,")  # a repair
    + '6,"ann@example.com,Bobbington\n'  # a quote that is never closed
)


@pytest.mark.parametrize("archive", ["encrypt", "off"])
def test_what_is_hidden_is_nowhere_after_the_ingest_job(home: Path, tmp_path: Path, archive: str) -> None:
    inbox, module = home / "inbox" / "people", tmp_path / "modules" / "people.py"
    inbox.mkdir(parents=True)
    module.parent.mkdir()
    module.write_text(MODULE.replace("ARCHIVE", archive))
    (inbox / "bad.csv").write_text("People known to Ann Bobbington\n\n" + HEADER + BAD)
    (inbox / "copy.csv").write_bytes((inbox / "bad.csv").read_bytes())
    with zipfile.ZipFile(inbox / "more.zip", "w") as packed:
        packed.writestr("more.csv", HEADER + _line(id="11") + _line(id="12", status="lost"))
    # Of a dataset that keeps none, refused files lie in the quarantine as they came.
    refused = 2 if archive == "encrypt" else 0
    if refused:
        (inbox / "one bad phone.csv").write_text(
            HEADER + _line(id="21") + _line(id="22", phone="+4930123456")
        )
        (inbox / "all bad.csv").write_text(HEADER + _line(id="x") * 30)
    dagster = home / "dagster"
    dagster.mkdir()
    settings = {
        "PIPELINE_DATASETS": str(module.parent),
        "PIPELINE_HASH_KEYS": f"people={KEY}",
        "PIPELINE_ARCHIVE_RECIPIENT": new_keys(tmp_path / "key.txt"),
    }
    done = execute_job(home, dagster_home=dagster, **settings)
    assert done.returncode == 0, done.stderr[-4000:]
    assert value(home, "SELECT count(*) FROM ops.deliveries WHERE status = 'partial'") == 2
    assert value(home, "SELECT count(*) FROM ops.deliveries WHERE status = 'duplicate'") == 1
    assert value(home, "SELECT count(*) FROM ops.deliveries WHERE status = 'quarantined'") == refused
    checks = value(home, "SELECT list_sort(list(DISTINCT check_name))::VARCHAR FROM errors.people")
    assert all(
        check in checks for check in ("reference", "unique", "cast", "isin", "small", "too_many_fields")
    )
    assert any(dagster.rglob("*.db"))
    away = [path for folder in ("archive", "quarantine") for path in (home / folder).rglob("*")]
    kept = {path.suffix for path in away if path.is_file()}
    assert kept == ({".age", ".json"} if refused else set())
    assert leaks(home, SECRETS) == []
    assert not [secret for secret in SECRETS if secret in done.stdout + done.stderr]
    for command in ("status", "doctor"):
        shown = pipeline(home, command, "--json", **settings)
        assert shown.returncode == 0 and not [secret for secret in SECRETS if secret in shown.stdout]


def test_the_search_finds_what_lies_in_the_clear(home: Path, tmp_path: Path) -> None:
    module = tmp_path / "people.py"
    module.write_text(MODULE.replace("ARCHIVE", "keep"))
    path = home / "inbox" / "people" / "good.csv"
    path.parent.mkdir(parents=True)
    path.write_text(HEADER + _line(phone="", born=""))
    done = pipeline(home, "ingest", PIPELINE_DATASETS=str(module), PIPELINE_HASH_KEYS=f"people={KEY}")
    assert done.returncode == 0, done.stderr
    [archived] = (path for path in (home / "archive").rglob("*") if path.is_file())
    assert {place for place, _ in leaks(home, SECRETS)} == {str(archived)}
