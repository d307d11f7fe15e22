"""Personal data that a dataset hides is nowhere but in the original file."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import openpyxl
import pandera.polars as pa
import polars as pl
import pytest
from pydantic import SecretStr

from pipeline.contract import ContractError, Dataset, Derived, Rule, clean, split
from pipeline.files import UnreadableFile
from pipeline.ingest import Staged, source_records, stage
from pipeline.ingest.hiding import hushed
from pipeline.settings import Settings
from pipeline.warehouse import Warehouse
from pipeline_tests.ingest.support import clean_rows, error_rows, model, stage_text
from pipeline_tests.leaks import leaks

KEY = "0123456789abcdef0123456789abcdef"
ANN = "093e3dd9df951c5008225d533a0175475075f7551ed269c5e61fa29bc2819ae4"
SECRETS = ("ann@example.com", "Bobbington", "DE89370400440532013000", "1984-05-06", "+4930123456")


class Customer(pa.DataFrameModel):
    id: int = pa.Field(ge=1)
    email: str
    iban: str = pa.Field(str_length=(10, 40), nullable=True)
    born: int = pa.Field(nullable=True)
    first: str = pa.Field(nullable=True)
    last: str = pa.Field(nullable=True)
    phone: str = pa.Field(str_matches="^never$", nullable=True)
    status: str = pa.Field(isin=["open"])


CUSTOMERS = Dataset(
    "customers",
    schema=Customer,
    key=["id"],
    derive=split("Name", into=["first", "last"]),
    clean={
        "email": [clean.strip, clean.lower, clean.hash("customers")],
        "iban": clean.mask(),
        "born": clean.redact("secret"),  # no number: every value fails the cast
        "last": clean.redact(),
        "phone": clean.redact(),
    },
    rules=[Rule("sorted", pl.col("id") < 100, severity="warn")],
)
HEADER = "id,email,iban,born,Name,phone,status,E-Mail 2,place\n"


@pytest.fixture
def keyed(settings: Settings) -> Settings:
    """Settings with the key that the dataset names."""
    return settings.model_copy(update={"hash_keys": SecretStr(f"customers={KEY}")})


def _line(**changes: str) -> str:
    values = {
        "id": "1",
        "email": "ann@example.com",
        "iban": "DE89370400440532013000",
        "born": "",
        "name": "Ann Bobbington",
        "phone": "",
        "status": "open",
        "other": "ann@example.com",
        "place": "Rome",
    }
    return ",".join((values | changes).values()) + "\n"


BAD = (
    _line()
    + _line(id="0", status="lost")  # checks of other columns
    + _line(id="1")  # a key that is taken
    + _line(id="2", born="1984-05-06")  # a cast of a hidden column
    + _line(id="3", phone="+4930123456")  # a check of a hidden column
    + _line(id="200")  # a rule that warns
    + _line(id="x")
    + _line(id="4", place="Rome,ann@example.com")  # a field too many
    + _line(id="5", place="Rome,")  # a repair
    + '6,"ann@example.com,Bobbington\n'  # a quote that is never closed
)


def _commit(staged: Staged, dataset: Dataset, settings: Settings) -> None:
    records = partial(source_records, dataset=dataset, settings=settings)
    with Warehouse.from_settings(settings, {dataset.name: dataset}).session() as session:
        session.commit(staged, records=records)


def _leaks(home: Path, original: Path) -> list[tuple[str, str]]:
    return leaks(home, SECRETS, [original])


@pytest.mark.parametrize("chunk_rows", [2, 100_000])
def test_what_is_hidden_is_nowhere_but_in_the_file(keyed: Settings, chunk_rows: int) -> None:
    settings = keyed.model_copy(update={"chunk_rows": chunk_rows})
    text = "Customers of Ann Bobbington\n\n" + HEADER + BAD
    staged = stage_text(settings, text, CUSTOMERS)
    checks = {row["check_name"] for row in error_rows(staged)}
    assert {"isin", "cast", "str_matches", "sorted"} < checks and staged.manifest.rows_rejected >= 6
    _commit(staged, CUSTOMERS, settings)
    assert _leaks(settings.home, staged.source) == []


def test_the_search_would_find_a_leak(keyed: Settings) -> None:
    dataset = Dataset("customers", schema=Customer, derive=CUSTOMERS.derive, key=["id"])
    staged = stage_text(keyed, HEADER + BAD, dataset)
    _commit(staged, dataset, keyed)
    assert {secret for _, secret in _leaks(keyed.home, staged.source)} == set(SECRETS)


def test_errors_show_the_cleaned_value_or_stars(keyed: Settings) -> None:
    staged = stage_text(keyed, HEADER + _line(phone="+4930123456"), CUSTOMERS)
    (row,) = error_rows(staged)
    assert (row["value"], row["message"]) == ("(redacted)", "'(redacted)' does not match ^never$")
    assert row["record"] == {
        "id": "1",
        "email": ANN,
        "iban": "******************3000",
        "born": None,
        "Name": "***",
        "phone": "(redacted)",
        "status": "open",
        "E-Mail 2": "***",
        "place": "Rome",
    }


def test_what_the_contract_does_not_know_but_resembles_a_hidden_column_is_rescued_as_stars(
    keyed: Settings,
) -> None:
    (rescued,) = clean_rows(stage_text(keyed, HEADER + _line(), CUSTOMERS))["_rescued"].to_list()
    assert json.loads(rescued) == {"E-Mail 2": "***", "place": "Rome"}


def test_records_that_cannot_be_read_and_repairs_are_told_without_their_text(keyed: Settings) -> None:
    staged = stage_text(keyed, HEADER + BAD, CUSTOMERS)
    told = [row for row in error_rows(staged) if "_raw" in row["record"]]
    assert {row["severity"] for row in told} == {"reject", "repair"}
    for row in told:
        assert (row["value"], row["record"]["_raw"]) == ("***", "***")
        assert set(row["record"]["_fields"] or ()) <= {"***"}
        assert len(row["message"]) > 10


def test_columns_that_a_hidden_one_is_computed_from_are_hidden_in_errors(settings: Settings) -> None:
    dataset = Dataset(
        "one",
        schema=model(name=(str, {"isin": ["Ann"]}), sign=str),
        derive={"sign": pl.col("name").str.head(1)},
        clean={"sign": clean.redact()},
    )
    (row,) = error_rows(stage_text(settings, "name\nBobbington\n", dataset))
    assert (row["value"], row["message"], row["record"]) == (
        "***",
        "'***' is not one of Ann",
        {"name": "***"},
    )


def test_native_values_are_hidden_too(settings: Settings) -> None:
    dataset = Dataset(
        "one",
        schema=model(n=(int, {"ge": 0}), born=(str, {"str_length": 99})),
        clean={"born": clean.mask(2)},
    )
    path = settings.home / "rows.parquet"
    pl.DataFrame({"n": [-1], "born": [19840506]}).write_parquet(path)
    staged = stage(path, dataset, settings)
    assert [(row["value"], row["record"]) for row in error_rows(staged)] == [
        ("-1", {"n": "-1", "born": "******06"}),
        ("******06", {"n": "-1", "born": "******06"}),
    ]


def test_a_workbook_and_json_lines_keep_their_secrets(keyed: Settings) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["id", "email", "status", "Name"])
    sheet.append([0, "ann@example.com", "lost", "Ann Bobbington"])
    first = keyed.home / "rows.xlsx"
    book.save(first)
    second = keyed.home / "rows.ndjson"
    row = {"id": 0, "email": "ann@example.com", "status": "lost", "Name": "Ann Bobbington"}
    second.write_text(
        json.dumps(row) + '\n{"id": 7, "email": "ann@example.com" "status"\n' + json.dumps(row) + "\n"
    )
    for path in (first, second):
        staged = stage(path, CUSTOMERS, keyed)
        assert error_rows(staged)
        _commit(staged, CUSTOMERS, keyed)
        (keyed.home / path.name).unlink()
    assert _leaks(keyed.home, first) == []


@pytest.mark.parametrize(
    "text",
    ["ann@example.com,Bobbington\nann@example.com,Bobbington\n", "Bobbington\n\nann@example.com|x\n", "\n\n"],
)
def test_the_reason_of_a_quarantined_file_quotes_nothing_of_it(keyed: Settings, text: str) -> None:
    with pytest.raises(UnreadableFile) as caught:
        stage_text(keyed, text, CUSTOMERS)
    said = f"{caught.value} {caught.value.__cause__}"
    assert not [secret for secret in SECRETS if secret in said]


def test_a_cleaner_that_breaks_does_not_quote_the_value(settings: Settings) -> None:
    breaking = clean.custom("to_number", lambda value: value.cast(pl.Int64).cast(pl.String))
    dataset = Dataset("one", schema=model(x=str), clean={"x": [breaking, clean.mask()]})
    with pytest.raises(RuntimeError) as caught:
        stage_text(settings, "x\nBobbington\n", dataset)
    assert "Bobbington" not in str(caught.value) and caught.value.__suppress_context__


def test_reading_records_again_does_not_quote_the_file(keyed: Settings) -> None:
    staged = stage_text(keyed, HEADER + BAD, CUSTOMERS)
    staged.source.write_text("ann@example.com,Bobbington\nann@example.com,Bobbington\n")
    with pytest.raises(UnreadableFile) as caught:
        list(source_records(staged, pl.Series([1], dtype=pl.Int64), CUSTOMERS, keyed))
    assert not [secret for secret in SECRETS if secret in str(caught.value)]


@pytest.mark.parametrize(
    ("keys", "cause"),
    [
        ("", "'customers', which is not set"),
        ("other=" + KEY, "'customers', which is not set"),
        ("customers=short", "shorter than 16 bytes"),
        (KEY, "not name=key"),
    ],
    ids=["no keys", "another key", "too short", "written wrongly"],
)
def test_a_key_that_is_not_there_is_an_error_of_the_set_up(settings: Settings, keys: str, cause: str) -> None:
    with pytest.raises(ContractError, match=cause) as caught:
        stage_text(settings.model_copy(update={"hash_keys": SecretStr(keys)}), HEADER + _line(), CUSTOMERS)
    assert "PIPELINE_HASH_KEYS" in caught.value.remedy
    assert "short" not in keys or keys.partition("=")[2] not in caught.value.remedy
    assert KEY not in str(caught.value)


def test_keys_come_from_the_environment_and_are_never_shown(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELINE_HASH_KEYS", f"other=x, customers={KEY}")
    settings = Settings(home=home)
    assert settings.hash_key("customers") == KEY.encode()
    assert settings.hash_key("default") is None
    assert Settings(**settings.model_dump()).hash_key("customers") == KEY.encode()
    assert KEY not in f"{settings!r} {settings} {settings.model_dump_json()}"


def test_a_derivation_out_of_a_hidden_column_is_shown_as_it_is_stored(keyed: Settings) -> None:
    dataset = Dataset(
        "one",
        schema=model(email=str, domain=(str, {"isin": ["x"]})),
        derive=[Derived("domain", pl.col("email").str.split("@").list.get(1, null_on_oob=True), source=True)],
        clean={"email": clean.hash("customers")},
    )
    (row,) = error_rows(stage_text(keyed, "email\nann@example.com\n", dataset))
    known: Any = row["record"]["email"]
    assert (row["value"], known) == ("example.com", ANN)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("7 fields, but the header has 5", "7 fields, but the header has 5"),
        ("the line above the table is no record: Ann", "the line above the table is no record ***"),
        ("the first line holds data (Ann), not names", "the first line holds data ***"),
        ("a quote in 'Ann' never ends", "a quote in ***"),
        ("',' gives 5 fields in all 9 rows", "',' gives 5 fields in all 9 rows"),
        ("5 of its names are the contract's (Ann)", "5 of its names are the contract's ***"),
        ("'Ann' is left out", "***"),
    ],
)
def test_a_sentence_is_told_up_to_what_it_quotes(said: str, told: str) -> None:
    assert hushed(said) == told
