"""Corrections of datasets that hide personal data: the clear value comes from the original file, and goes nowhere."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pandera.polars as pa
import polars as pl
import pytest
from pydantic import SecretStr

from pipeline.contract import Dataset, clean, split
from pipeline.intake import Intake, Replayed, replay, take_inbox
from pipeline.settings import Settings
from pipeline.warehouse import Warehouse
from pipeline_tests.sending_back import Exported, write_back

SECRETS = ("ann@example.com", "Bobbington", "DE89370400440532013000", "new@example.com")


class Customer(pa.DataFrameModel):
    id: int = pa.Field(ge=1)
    email: str = pa.Field(nullable=True)
    iban: str = pa.Field(nullable=True)
    first: str = pa.Field(nullable=True)
    last: str = pa.Field(nullable=True)
    status: str = pa.Field(isin=["open", "done"])


CUSTOMERS = Dataset(
    "customers",
    schema=Customer,
    key=["id"],
    derive=split("Name", into=["first", "last"]),
    clean={
        "email": [clean.strip, clean.lower, clean.hash("customers")],
        "iban": clean.mask(),
        "last": clean.redact(),
    },
)
HEADER = "id,email,iban,Name,status,E-Mail 2\n"


def line(number: int, status: str = "open") -> str:
    return f"{number}, Ann@Example.com,DE89370400440532013000,Ann Bobbington,{status},ann@example.com\n"


@pytest.fixture
def intake(settings: Settings) -> Intake:
    keyed = settings.model_copy(update={"hash_keys": SecretStr("customers=" + "0123456789abcdef" * 4)})
    datasets = {"customers": CUSTOMERS}
    made = Intake(keyed, datasets, Warehouse.from_settings(keyed, datasets))
    made.make_folders()
    (keyed.inbox / "customers" / "a.csv").write_text(HEADER + line(1) + line(2, "lost") + line(3, "lost"))
    list(take_inbox(made))
    return made


def send_back(intake: Intake, fix: Any, name: str = "errors.xlsx") -> str | None:
    write_back(intake, intake.settings.inbox / "customers" / name, fix, "customers")
    [outcome] = take_inbox(intake)
    return outcome.entry.reason


def customers(intake: Intake) -> list[tuple[Any, ...]]:
    return intake.warehouse.query(
        "SELECT email, iban, first, last, _rescued FROM clean.customers ORDER BY _row"
    ).rows()


def original(intake: Intake) -> Path:
    return next(intake.settings.archive.rglob("a.csv"))


def leaks(home: Path) -> list[tuple[str, str]]:
    """Clear values in any file but the originals."""
    found = []
    for path in home.rglob("*"):
        if not path.is_file() or {"archive", "inbox"} & set(path.relative_to(home).parts):
            continue
        texts = [path.read_bytes().decode("latin-1")]
        if path.suffix == ".parquet":
            texts.append(json.dumps(pl.read_parquet(path).to_dicts(), default=str))
        if path.suffix == ".duckdb":
            warehouse = Warehouse(path, {})
            tables = warehouse.query(
                "SELECT schema_name || '.' || table_name AS name FROM duckdb_tables() WHERE NOT internal"
            )
            texts += [
                json.dumps(warehouse.query(f"SELECT * FROM {name}").to_dicts(), default=str)
                for name in tables["name"]
            ]
        found += [
            (str(path), secret) for text in texts for secret in SECRETS if secret.lower() in text.lower()
        ]
    return found


@pytest.mark.parametrize("name", ["errors.xlsx", "errors.csv", "errors.parquet"])
def test_what_stands_in_for_a_value_becomes_the_value_again(
    intake: Intake, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)  # what is staged is kept, to be looked at
    assert send_back(intake, lambda _: {"status": "open"}, name) == "2 rows of 1 delivery corrected"
    rows = customers(intake)
    assert rows[1] == rows[0] and rows[2] == rows[0]
    assert rows[0][1] == "******************3000" and rows[0][2:4] == ("Ann", "(redacted)")
    assert leaks(intake.settings.home) == []


def test_a_value_that_is_filled_in_counts_and_is_hidden(intake: Intake) -> None:
    def fix(row: Exported) -> dict[str, str]:
        return {"status": "open"} | ({"email": "new@example.com", "iban": ""} if row.row == 2 else {})

    send_back(intake, fix)
    first, second, third = customers(intake)
    assert first == third and second[0] not in (first[0], None) and second[1] is None
    assert leaks(intake.settings.home) == []


def test_without_the_original_a_row_stays_open_until_the_original_is_back(intake: Intake) -> None:
    path = original(intake)
    away = path.rename(intake.settings.home.parent / "a.csv")
    filled = {"email": "new@example.com", "iban": "DE1", "Name": "Cem"}
    reason = send_back(intake, lambda row: {"status": "open"} | (filled if row.row == 3 else {}))

    assert reason == "1 row of 1 delivery corrected, 1 still rejected"
    errors = intake.warehouse.query(
        "SELECT column_name, check_name, message FROM errors.customers WHERE status = 'open' ORDER BY ALL"
    )
    assert {row[1] for row in errors.rows()} == {"hidden_value"}
    assert [row[0] for row in errors.rows()] == ["email", "iban", None]
    assert errors["message"][0] == (
        "the value of email is hidden and cannot be had from the original file: put that back into the archive and replay, or"
        " fill in the value"
    )
    away.rename(path)
    assert replay(intake, "customers") == [Replayed("a.csv", 1, 1, 0, 0, 0)]
    rows = customers(intake)
    assert rows[1] == rows[0]
    assert leaks(intake.settings.home) == []


def test_a_stand_in_for_a_value_that_somebody_filled_in_is_not_taken_for_a_value(intake: Intake) -> None:
    send_back(intake, lambda _: {"status": "what?", "email": "new@example.com"})
    reason = send_back(intake, lambda _: {"status": "open"}, "again.csv")
    assert reason == "0 rows corrected, 2 still rejected"
    found = intake.warehouse.query(
        "SELECT DISTINCT column_name, check_name FROM errors.customers WHERE status = 'open'"
    )
    assert found.rows() == [("email", "hidden_value")]
    assert (
        send_back(intake, lambda _: {"email": "new@example.com"}, "last.csv")
        == "2 rows of 1 delivery corrected"
    )
    assert leaks(intake.settings.home) == []


def test_reasons_do_not_quote_what_is_in_a_broken_file(intake: Intake) -> None:
    path = intake.settings.inbox / "customers" / "errors.csv"
    write_back(intake, path, lambda _: {"status": "open"}, "customers")
    path.write_text(path.read_text() + "new@example.com,Bobbington\n")
    [outcome] = take_inbox(intake)
    assert "1 refused: line 4: it cannot be read (too_few_fields)" in (outcome.entry.reason or "")
    assert leaks(intake.settings.home) == []
