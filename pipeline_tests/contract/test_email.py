"""The check that `pa.Field(email=True)` gives."""

from __future__ import annotations

import pandera.errors
import pandera.polars as pa
import polars as pl
import pytest

import pipeline.contract  # noqa: F401  registers the check
from pipeline.contract.checks import register_checks


class Person(pa.DataFrameModel):
    email: str = pa.Field(email=True, nullable=True)


class NoAddress(pa.DataFrameModel):
    text: str = pa.Field(email=False)


def _passes(model: type[pa.DataFrameModel], column: str, value: str | None) -> bool:
    try:
        model.validate(pl.DataFrame({column: [value]}, schema={column: pl.String}))
    except pandera.errors.SchemaError:
        return False
    return True


@pytest.mark.parametrize(
    "text",
    ["a@b.de", "first.last+tag@sub.example.co.uk", "o'brien@example.ie", "jürgen@bücher.example", "1@2.info"],
)
def test_an_address_passes(text: str) -> None:
    assert _passes(Person, "email", text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a@b",
        "@b.de",
        "a@",
        "a@b.",
        "a@.de",
        "a@b.c",
        "a b@c.de",
        "a@b@c.de",
        "a@b,de",
        "a@b.de ",
        "<a@b.de>",
        "a@b.de;c@d.de",
    ],
)
def test_what_is_no_address_fails(text: str) -> None:
    assert not _passes(Person, "email", text)


def test_a_null_is_not_judged() -> None:
    assert _passes(Person, "email", None)


def test_false_asks_for_a_text_that_is_no_address() -> None:
    assert (_passes(NoAddress, "text", "a@b.de"), _passes(NoAddress, "text", "a")) == (False, True)


def test_registering_twice_does_nothing() -> None:
    register_checks()
    assert _passes(Person, "email", "a@b.de")
