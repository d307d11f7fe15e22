"""What a person reads of a value that fails a check, from the declaration to the error row."""

from __future__ import annotations

from typing import Any

import pandera.polars as pa
import pytest

from pipeline.contract import Dataset, checks
from pipeline.contract.checks import KINDS
from pipeline.ingest.words import check_template
from pipeline.settings import Settings
from pipeline_tests.ingest.support import as_csv, clean_rows, counts, error_rows, model, stage_text

GIVEN: dict[str, Any] = {"postcode": "DE", "date_format": "%Y-%m-%d", "timestamp_format": "%Y-%m-%d %H:%M"}
MESSAGES: list[tuple[dict[str, Any], str, str]] = [
    ({"email": True}, "ann", "'ann' is not an e-mail address"),
    ({"email": False}, "a@b.de", "'a@b.de' is an e-mail address, which must not stand here"),
    ({"url": True}, "x", "'x' is not a web address (http, https or ftp)"),
    ({"url": ["https", "s3"]}, "x", "'x' is not an address that begins with https or s3://"),
    ({"ip": 6}, "x", "'x' is not an IPv6 address"),
    ({"uuid": 4}, "x", "'x' is not a UUID of version 4"),
    ({"phone": True}, "030", "'030' is not an international phone number such as +4930123456"),
    ({"phone": ["DE", "AT"]}, "x", "'x' is not a phone number of AT or DE"),
    ({"postcode": "DE"}, "x", "'x' is not written like a postcode of DE"),
    ({"iban": True}, "DE00", "'DE00' is not an IBAN with the right length and check digits"),
    ({"iban": "DE"}, "x", "'x' is not an IBAN of DE with the right length and check digits"),
    (
        {"luhn": [14, 15]},
        "1",
        "'1' is not a number of 14 or 15 digits, the last of them the right check digit",
    ),
    ({"country": "alpha-3"}, "DE", "'DE' is not an ISO country code (alpha-3)"),
    ({"json": "object"}, "[]", "'[]' is not a JSON object"),
    ({"date_format": "%d.%m.%Y"}, "1.2.24", "'1.2.24' is not a date that exists, written as %d.%m.%Y"),
    (
        {"check": checks.python("known", lambda text: text == "a", "'{value}' is no article of ours")},
        "b",
        "'b' is no article of ours",
    ),
]


@pytest.mark.parametrize(("field", "value", "message"), MESSAGES, ids=[message for _, _, message in MESSAGES])
def test_the_error_row_names_the_check_and_says_what_is_wrong(
    settings: Settings, field: dict[str, Any], value: str, message: str
) -> None:
    dataset = Dataset("one", schema=model(x=(str, field), other=(str, {"nullable": True})))
    (row,) = error_rows(stage_text(settings, as_csv([{"x": value, "other": "o"}]), dataset))
    ((name, given),) = field.items()
    expected = given.name if name == "check" else name
    assert (row["column_name"], row["check_name"], row["value"], row["message"]) == (
        "x",
        expected,
        value,
        message,
    )
    assert (row["severity"], row["record"]) == ("reject", {"x": value, "other": "o"})


class Payment(pa.DataFrameModel):
    iban: str = pa.Field(iban=True)
    phone: str = pa.Field(phone="DE", nullable=True)
    currency: str = pa.Field(currency=True, isin=["EUR", "DEM"])
    card: str = pa.Field(luhn=True, nullable=True, raise_warning=True)
    lat: float = pa.Field(latitude=True, nullable=True)


def test_a_file_with_good_and_bad_values_from_end_to_end(settings: Settings) -> None:
    good = {"iban": "DE89370400440532013000", "phone": "", "currency": "EUR", "card": "", "lat": "52.5"}
    changes: list[dict[str, str]] = [
        {},
        {"iban": "DE88370400440532013000", "currency": "DEM"},
        {"card": "4111111111111112"},
        {"phone": "030 1234567", "lat": "95"},
        {"currency": "USD"},
    ]
    staged = stage_text(
        settings, as_csv([good | change for change in changes]), Dataset("payments", schema=Payment)
    )
    found = [
        (row["_row"], row["column_name"], row["check_name"], row["severity"]) for row in error_rows(staged)
    ]
    assert found == [
        (2, "iban", "iban", "reject"),
        (2, "currency", "currency", "reject"),
        (3, "card", "luhn", "warn"),
        (4, "lat", "latitude", "reject"),
        (5, "currency", "isin", "reject"),
    ]
    assert counts(staged) == (5, 2, 3, 0)
    assert clean_rows(staged)["_row"].to_list() == [1, 3]


@pytest.mark.parametrize("name", KINDS)
def test_every_check_has_a_sentence_with_the_value(name: str) -> None:
    check = KINDS[name].check(GIVEN.get(name, True))
    sentence = check_template(name, check.error, check.statistics)
    assert sentence.startswith("'{value}' is not ")
    assert "fails the check" not in sentence
    assert "{}" not in sentence
