"""The checks that `pa.Field` gains: nulls, the contrary, wrong parameters, types, fingerprints. Values: test_checks_values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandera.polars as pa
import polars as pl
import pytest
from pandera.api.checks import Check
from pandera.errors import SchemaInitError

from pipeline.contract import ContractError, Dataset
from pipeline.contract.checks import KINDS, check_types, register_checks
from pipeline.contract.checks.code_lists import COUNTRIES_2, COUNTRIES_3, CURRENCIES, FORMER_CURRENCIES
from pipeline.contract.registry import load_datasets
from pipeline_tests.contract.asking import answers


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [("latitude", [-90, 0, 90.0], [-90.1, 90.1, float("nan"), float("inf")]), ("longitude", [-180, 0, 180.0], [-180.1, 181])],
)  # fmt: skip
def test_places_on_the_globe(name: str, good: list[float], bad: list[float]) -> None:
    assert answers(name, True, good, pl.Float64) == [True] * len(good)
    assert answers(name, True, bad, pl.Float64) == [False] * len(bad)
    assert answers(name, True, [52], pl.Int32) == [True]


PARAMETERS: dict[str, Any] = {
    "postcode": "DE",
    "date_format": "%Y-%m-%d",
    "timestamp_format": "%Y-%m-%d %H:%M",
}
SETTLED = [(kind.name, PARAMETERS.get(kind.name, True)) for kind in KINDS.values()]


@pytest.mark.parametrize(("name", "parameter"), [*SETTLED, ("phone", "DE"), ("json", "object")])
def test_nulls_pass_and_leave_the_others_in_their_place(name: str, parameter: Any) -> None:
    number = KINDS[name].takes == "number"
    dtype, bad = (pl.Float64, 999.0) if number else (pl.String, "?")
    assert answers(name, parameter, [None, bad, None, bad], dtype) == [True, False, True, False]
    assert answers(name, parameter, [None, None], dtype) == [True, True]
    assert answers(name, parameter, [], dtype) == []


@pytest.mark.parametrize("name", [name for name, parameter in SETTLED if parameter is True])
def test_false_asks_for_the_contrary(name: str) -> None:
    number = KINDS[name].takes == "number"
    dtype, bad = (pl.Float64, 999.0) if number else (pl.String, "?")
    assert answers(name, False, [bad, None], dtype) == [True, True]


def test_false_refuses_what_true_accepts() -> None:
    assert answers("iban", False, ["DE89370400440532013000"]) == [False]


@pytest.mark.parametrize("dtype", [pl.Categorical(), pl.Enum(["DE", "UK"])])
def test_categories_are_judged_by_their_text(dtype: pl.DataType) -> None:
    assert answers("country", True, ["DE", "UK", None], dtype) == [True, False, True]


def test_a_slice_of_a_column_is_judged_by_its_own_values() -> None:
    whole = pl.DataFrame({"x": ["?", None, "4111111111111111", "4111111111111112", "5555555555554444", "?"]})
    check = Check.luhn(True)
    result = check(whole.slice(1, 4).lazy(), "x").check_output.collect().to_series()
    assert result.to_list() == [True, True, False, True]


# What a field may not say, and what of the remedy must be told.
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a region that does not exist": ({"phone": "XX"}, '"DE"'),
    "a region in lower case": ({"phone": "de"}, '"DE"'),
    "no region": ({"phone": []}, "one or a list"),
    "a number for a region": ({"phone": 49}, "one or a list"),
    "a list with a wrong region": ({"phone": ["DE", "XX"]}, "does not know 'XX'"),
    "a currency list that does not exist": ({"currency": "maybe"}, "'current', 'historic'"),
    "a country list that does not exist": ({"country": "alpha2"}, "'alpha-2', 'alpha-3'"),
    "a kind of JSON that does not exist": ({"json": "dict"}, "'object', 'array'"),
    "an IP version that does not exist": ({"ip": 5}, "4, 6"),
    "an IP version as text": ({"ip": "4"}, "4, 6"),
    "a UUID version that does not exist": ({"uuid": 9}, "1, 2, 3"),
    "a country without IBANs": ({"iban": "US"}, "does not know 'US'"),
    "a length as text": ({"luhn": "16"}, "how many digits"),
    "a length of one": ({"luhn": 1}, "how many digits"),
    "a scheme with a colon": ({"url": ["https:"]}, '["https"]'),
    "no scheme": ({"url": []}, '["https"]'),
    "a parameter where there is none": ({"bic": "DE"}, "it takes True"),
    "True where a country is needed": ({"postcode": True}, "needs a parameter"),
    "a country whose postcodes are unknown": ({"postcode": "XX"}, "'DE'"),
    "True for a format": ({"date_format": True}, "needs a parameter"),
    "an unknown directive": ({"date_format": "%Q.%m.%Y"}, "%Q is not among"),
    "half a directive": ({"date_format": "%d.%m.%Y%"}, "is not among"),
    "a format without a year": ({"date_format": "%d.%m."}, "does not tell the day"),
    "a format of no day": ({"date_format": "%m/%Y"}, "does not tell the day"),
    "a date with a time": ({"date_format": "%Y-%m-%d %H:%M"}, "use timestamp_format"),
    "a time without minutes": ({"timestamp_format": "%Y-%m-%d %H"}, "%H:%M"),
    "twelve hours without AM and PM": ({"timestamp_format": "%Y-%m-%d %I:%M"}, "%I:%M %p"),
    "a fraction of nothing": ({"timestamp_format": "%Y-%m-%d %H:%M:%S,%f"}, "%S.%f"),
    "own check that is none": ({"check": len}, "checks.expression"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_a_wrong_parameter_is_refused_when_it_is_declared(what: str) -> None:
    field, remedy = REFUSED[what]
    with pytest.raises(SchemaInitError) as caught:
        pa.Field(**field)
    ((name, _),) = field.items()
    assert f"pa.Field({name}=" in str(caught.value)
    assert remedy in str(caught.value)


def test_a_wrong_parameter_in_a_file_of_datasets_names_the_file(tmp_path: Path) -> None:
    module = tmp_path / "visits.py"
    module.write_text('import pandera.polars as pa\nimport pipeline.contract\nfield = pa.Field(phone="XX")\n')
    with pytest.raises(ContractError) as caught:
        load_datasets([str(tmp_path)])
    assert str(module) in str(caught.value)
    assert "does not know 'XX'" in str(caught.value)


def test_a_tuple_is_a_list() -> None:
    (check,) = pa.Field(phone=("DE", "AT")).checks
    assert check.statistics == {"phone": ["AT", "DE"]}


def test_a_mapping_gives_the_parameter_by_name() -> None:
    (check,) = pa.Field(ip={"ip": 4}).checks
    assert check.statistics == {"ip": 4}


def test_registering_twice_does_nothing() -> None:
    before = dict(Check.REGISTERED_CUSTOM_CHECKS)
    register_checks()
    assert before == Check.REGISTERED_CUSTOM_CHECKS


def _dataset(annotation: Any = str, **field: Any) -> Dataset:
    body = {"__annotations__": {"x": annotation}, "x": pa.Field(**field)}
    return Dataset("rows", schema=type("Row", (pa.DataFrameModel,), body))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"ip": True}, {"ip": 4}), ({"ip": 4}, {"ip": 6}), ({"phone": "DE"}, {"phone": "AT"}), ({"phone": "DE"}, {"phone": True}),
        ({"url": True}, {"url": "https"}), ({"luhn": 15}, {"luhn": 16}), ({"email": True}, {"email": False}),
        ({"date_format": "%d.%m.%Y"}, {"date_format": "%m.%d.%Y"}), ({"currency": True}, {"currency": "historic"}),
        ({"email": True}, {"url": True}),
    ],
)  # fmt: skip
def test_the_fingerprint_knows_the_parameter(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert _dataset(**before).fingerprint != _dataset(**after).fingerprint


def test_the_order_of_a_list_does_not_change_the_fingerprint() -> None:
    assert _dataset(phone=["DE", "AT"]).fingerprint == _dataset(phone=["AT", "DE"]).fingerprint


@pytest.mark.parametrize(
    ("annotation", "field", "remedy"),
    [
        (int, {"iban": True}, "x: str"),
        (float, {"date_format": "%Y-%m-%d"}, "x: str"),
        (str, {"latitude": True}, "x: float"),
    ],
)
def test_a_check_on_a_column_of_the_wrong_type_is_a_wrong_declaration(
    annotation: Any, field: dict[str, Any], remedy: str
) -> None:
    model = type("Row", (pa.DataFrameModel,), {"__annotations__": {"x": annotation}, "x": pa.Field(**field)})
    with pytest.raises(ContractError, match=remedy):
        check_types("rows", Dataset("rows", schema=model).columns)


@pytest.mark.parametrize(
    ("annotation", "field"),
    [(str, {"iban": True}), (pl.Categorical, {"country": True}), (int, {"latitude": True})],
)
def test_a_check_on_a_column_of_the_right_type_is_none(annotation: Any, field: dict[str, Any]) -> None:
    check_types("rows", _dataset(annotation, **field).columns)


def test_the_lists_have_the_sizes_of_the_standard() -> None:
    assert (len(COUNTRIES_2), len(COUNTRIES_3), len(CURRENCIES)) == (249, 249, 178)
    assert not CURRENCIES & FORMER_CURRENCIES
    assert {len(code) for code in CURRENCIES | FORMER_CURRENCIES | COUNTRIES_3} == {3}
