"""What a column's values make of its field: type, checks, cleaners, and the comment where it was a guess."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline_tests.infer.support import Trip, column, round_trip


def repeated(*values: str, times: int = 30) -> list[str]:
    """The values again and again, so that they are no chance."""
    return list(values) * times


def field_line(trip: Trip) -> str:
    """The first field of the model on one line, without comments."""
    body = trip.inferred.text.split("(pa.DataFrameModel):\n")[1].split("\n    word: str")[0]
    lines = [line.strip() for line in body.splitlines() if not line.strip().startswith("#")]
    return "".join(lines).replace(",)", ")").replace(",]", "]").replace(",", ", ").replace(",  ", ", ")


def cleaners(trip: Trip) -> str:
    """`clean=` of the first field."""
    given = trip.inferred.text.split("    clean={")
    return given[1].split("},")[0].partition(": ")[2].strip().rstrip(",") if len(given) > 1 else ""


def comments(trip: Trip) -> str:
    """All comments of the model as one text."""
    model = trip.inferred.text.split("(pa.DataFrameModel):\n")[1].split("= Dataset(")[0]
    return " ".join(line.strip("# ") for line in model.splitlines() if line.strip().startswith("#"))


DAYS = [f"2024-03-{day:02}" for day in range(1, 29)]
GERMAN = [f"{day:02}.03.2024" for day in range(1, 29)]
CASES: dict[str, tuple[str, list[str], str, str]] = {
    # What it is about: header, values, the field, its cleaners.
    "whole numbers": ("units", ["3", "17", "0"] * 10, "units: int = pa.Field(ge=0)", ""),
    "few numbers have no limits": ("units", ["3", "17"], "units: int", ""),
    "limits have room": ("units", [str(n) for n in range(120)], "units: int = pa.Field(ge=0, le=500)", ""),
    "limits below zero": ("delta", [str(n - 60) for n in range(120)], "delta: int = pa.Field(ge=-200, le=200)", ""),
    "decimals": ("weight", ["3.25", "1.5"], "weight: float", ""),
    "money": ("price", ["3.25", "1.5"], "price: Annotated[pl.Decimal, 18, 2]", ""),
    "fine money": ("price", ["3.2512", "1.5"], "price: Annotated[pl.Decimal, 18, 4]", ""),
    "exponents": ("mass", ["3.2e-7", "1.5"], "mass: float", ""),
    "decimal comma": ("weight", ["3,25", "1.204,5"], "weight: float", 'clean.number(decimal=",", thousands=".")'),
    "thousands": ("weight", ["3,250.5", "1"], "weight: float", "clean.number()"),
    "currency": ("fee", ["€ 3,250.50", "€ 1.00"], "fee: Annotated[pl.Decimal, 18, 2]", "clean.number()"),
    "percent": ("share", ["12.5 %", "3 %"], "share: float", "clean.number(percent=True)"),
    "latitude": ("lat", [str(n / 3) for n in range(20)], "lat: float = pa.Field(latitude=True)", ""),
    "month": ("month", [str(n % 12 + 1) for n in range(20)], "month: int = pa.Field(in_range=(1, 12))", ""),
    "leading zeros": ("number", ["00123", "12345"], "number: str", ""),
    "long digits": ("ref", ["1234567890123456789012", "1"], "ref: str", ""),
    "phone": ("contact", ["+4930123456", "+4930123457"], "contact: str = pa.Field(phone=True)", ""),
    "postcodes": ("zip", ["10115", "80331"], "zip: str", ""),
    "whole with a point, a code": ("customer_id", ["17850.0", ""], "customer_id: int = pa.Field(nullable=True)", ""),
    "whole with a point, a measure": ("length", ["17850.0", "3.0"], "length: float", ""),
    "nulls": ("units", ["3", "NA", "n/a"], "units: int = pa.Field(nullable=True)", 'clean.nulls("n/a", "NA")'),
    "blanks": ("units", ["3", " ", " 4 "], "units: int = pa.Field(nullable=True)", "clean.strip"),
    "nulls and numbers": ("cost", ["3,50", "-"], "cost: Annotated[pl.Decimal, 18, 2] = pa.Field(nullable=True)", '[clean.nulls("-"), clean.number(decimal=",", thousands=".")]'),
    "true and false": ("paid", ["true", "false"], "paid: bool", ""),
    "yes and no": ("paid", ["Yes", "no", "NO"], "paid: bool", ""),
    "ja und nein": ("paid", ["Ja", "nein"], "paid: bool", 'clean.boolean(languages=["de"])'),
    "oui et non": ("paid", ["oui", "non"], "paid: bool", 'clean.boolean(languages=["fr"])'),
    "one and zero stay numbers": ("paid", ["1", "0"], "paid: int", ""),
    "letters are no truth": ("grade", ["a", "b"] * 20, 'grade: str = pa.Field(isin=["a", "b"])', ""),
    "dates": ("born", DAYS, "born: date", ""),
    "times": ("updated", [f"{day} 10:20:30" for day in DAYS], "updated: datetime", ""),
    "dates with midnight": ("born", [f"{day} 00:00:00" for day in DAYS], "born: date", ""),
    "times of day": ("opens", ["08:30", "17:00"], "opens: pl.Time", ""),
    "days with points": ("born", GERMAN, "born: date", 'clean.date("%d.%m.%Y")'),
    "days and times": ("updated", [f"{day} 8:05" for day in GERMAN], "updated: datetime", 'clean.datetime("%d.%m.%Y %H:%M")'),
    "months first": ("born", ["03/31/2024", "04/05/2024"], "born: date", 'clean.date("%m/%d/%Y")'),
    "half days": ("updated", ["3/31/2024 1:05 PM", "4/5/2024 11:00 AM"], "updated: datetime", 'clean.datetime("%m/%d/%Y %I:%M %p")'),
    "month names": ("born", ["5 März 2024", "17 Mai 2023"], "born: date", 'clean.date("%d %B %Y", languages="de")'),
    "compact days": ("birth date", ["20240305", "20240306"], "birth_date: date", ""),
    "compact days without a hint": ("amounts", ["20240305", "20240306"], "amounts: int", ""),
    "Excel's days": ("birth date", ["45123", "45124"], "birth_date: date", "clean.excel_date()"),
    "five digits are no days": ("seats", ["45123", "45124"], "seats: int", ""),
    "seconds since 1970": ("updated_at", ["1700000000", "1700000060"], "updated_at: datetime", 'clean.epoch("s")'),
    "milliseconds": ("updated_at", ["1700000000123", "2024-01-01T00:00:00Z"], "updated_at: datetime", 'clean.epoch("ms")'),
    "e-mail": ("contact", ["a@example.com", "b@example.com"], "contact: str = pa.Field(email=True)", ""),
    "e-mail with gaps": ("contact", ["a@example.com", "n/a"], "contact: str = pa.Field(email=True, nullable=True)", 'clean.nulls("n/a")'),
    "web address": ("page", ["https://example.com/a"], "page: str = pa.Field(url=True)", ""),
    "UUID": ("thing", ["f47ac10b-58cc-4372-a567-0e02b2c3d479"], "thing: str = pa.Field(uuid=True)", ""),
    "IP": ("client", ["10.0.0.1", "2001:db8::1"], "client: str = pa.Field(ip=True)", ""),
    "IBAN": ("account", ["DE89 3704 0044 0532 0130 00"], "account: str = pa.Field(iban=True)", ""),
    "country": ("country", ["DE", "FR"], "country: str = pa.Field(country=True)", ""),
    "country of three letters": ("country", ["DEU", "FRA"], 'country: str = pa.Field(country="alpha-3")', ""),
    "two letters are no country": ("state", ["DE", "CA"], "state: str", ""),
    "currency codes": ("currency", ["EUR", "USD"], "currency: str = pa.Field(currency=True)", ""),
    "JSON": ("payload", ['{"a": 1}', '{"b": [2]}'], 'payload: str = pa.Field(json="object")', ""),
    "article numbers": ("ean", ["4006381333931", "4006381333931"], "ean: str = pa.Field(gtin=True)", ""),
    "few values": ("status", repeated("open", "done"), 'status: str = pa.Field(isin=["done", "open"])', ""),
    "few values seldom": ("status", ["open", "done"], "status: str", ""),
    "blanks round texts": ("status", repeated(" open", "done "), 'status: str = pa.Field(isin=["done", "open"])', "clean.strip"),
    "None may be a value": ("discount", repeated("None", "full"), 'discount: str = pa.Field(isin=["None", "full"])', ""),
    "one length": ("sku", [f"A{n:03}" for n in range(60)], "sku: str = pa.Field(str_length=4)", ""),
    "nothing": ("remark", ["", "", ""], "remark: str = pa.Field(nullable=True)", ""),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_column_is_declared_as_its_values_are(tmp_path: Path, case: str) -> None:
    header, values, field, cleaned = CASES[case]
    if header in ("born", "updated"):
        values = values * 3  # the key must not be what is looked at
    trip = column(tmp_path, header, values)
    assert (field_line(trip), cleaners(trip)) == (field, cleaned)
    assert trip.rejected == []


COMMENTED: dict[str, tuple[str, list[str], str]] = {
    "day or month first": ("born", ["03/04/2024", "05/06/2024"], 'clean.date("%d/%m/%Y") or clean.date("%m/%d/%Y")'),
    "the same in both orders": ("born", ["04/04/2024"], "Day or month first"),
    "decimals or thousands": ("weight", ["1,234", "5,678"], 'clean.number() or clean.number(decimal=","'),
    "one of many is no number": ("weight", [*map(str, range(30)), "heavy"], 'not "heavy": text'),
    "one of many is no day": ("born", [*DAYS, "2024-02-31"], 'dates, but not "2024-02-31"'),
    "one of many is no address": ("contact", [*(f"a{n}@example.com" for n in range(30)), "none at all"], 'e-mail addresses, but not "none at all"'),
    "nothing at all": ("remark", ["", ""], "Empty in this file."),
    "a value that occurs once": ("status", [*repeated("open", "done"), "lost"], '"lost" stands there only once'),
    "a number far below": ("level", [*map(str, range(50)), "-999", "-999"], "-999 stands there 2 times"),
    "limits": ("units", [str(n) for n in range(3, 1203)], "The limits are a guess: here it is 3 to 1,202."),
    "limits on both sides": ("delta", [str(n - 60) for n in range(120)], "The limits are a guess: here it is -60 to 59."),
    "limits below zero alone": ("delta", [f"{-n}.25" for n in range(1, 121)], "The limits are a guess: here it is -120.25 to -1.25."),
    "years of two digits": ("born", ["31.12.49", "01.01.50"], "The century is a guess"),
}  # fmt: skip


@pytest.mark.parametrize("case", COMMENTED)
def test_what_was_a_guess_or_could_not_be_known_is_said(tmp_path: Path, case: str) -> None:
    header, values, said = COMMENTED[case]
    trip = column(tmp_path, header, values)
    assert said in comments(trip)
    assert trip.rejected == []


@pytest.mark.parametrize(
    "values", [["03/04/2024", "05/06/2024"], ["1,234", "5,678"], ["12", "12.03.2024", "x"]]
)
def test_what_cannot_be_known_or_is_mixed_stays_text(tmp_path: Path, values: list[str]) -> None:
    trip = column(tmp_path, "value", values)
    assert field_line(trip) == "value: str"
    assert cleaners(trip) == ""


def test_another_column_tells_whether_a_comma_parts_decimals(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("weight;height\n1,234;0,5\n5,678;1,75\n", encoding="utf-8")
    trip = round_trip(path, tmp_path)
    assert trip.columns == {"weight": "Float64", "height": "Float64"}
    assert trip.rejected == []
