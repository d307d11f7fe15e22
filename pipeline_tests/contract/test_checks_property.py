"""Checks against references that somebody else wrote, and check digits against every single slip."""

from __future__ import annotations

import ipaddress
import json
import random
import uuid
from datetime import datetime
from typing import Any

import phonenumbers
import polars as pl
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from pipeline.contract.checks import python
from pipeline.contract.checks.numbers import IBAN_LENGTHS
from pipeline.contract.checks.phones import _by_patterns, _plan
from pipeline_tests.contract.asking import answers

DIGITS = "0123456789"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _slips(text: str) -> list[str]:
    """Every text with one digit of it taken for another."""
    return [
        text[:place] + other + text[place + 1 :]
        for place, digit in enumerate(text)
        if digit in DIGITS
        for other in DIGITS
        if other != digit
    ]


@st.composite
def _ibans(draw: st.DrawFn) -> str:
    country = draw(st.sampled_from(sorted(IBAN_LENGTHS)))
    length = IBAN_LENGTHS[country] - 4
    account = draw(st.text(DIGITS + LETTERS, min_size=length, max_size=length))
    number = int("".join(str(int(character, 36)) for character in f"{account}{country}00"))
    return f"{country}{98 - number % 97:02d}{account}"


@given(_ibans())
@example("RU0304452522540817810538091310419")
def test_an_iban_passes_and_any_wrong_digit_fails(iban: str) -> None:
    in_groups = " ".join(iban[start : start + 4] for start in range(0, len(iban), 4))
    assert answers("iban", True, [iban, in_groups]) == [True, True]
    assert not any(answers("iban", True, _slips(iban)))


@given(_ibans(), st.data())
def test_two_digits_or_two_letters_of_an_iban_that_change_places_fail(iban: str, data: st.DataObject) -> None:
    # A digit and a letter may: 3X and X3 are 333 both.
    pairs = [n for n in range(4, len(iban) - 1) if iban[n].isdigit() == iban[n + 1].isdigit()]
    assume(pairs)
    place = data.draw(st.sampled_from(pairs))
    swapped = iban[:place] + iban[place + 1] + iban[place] + iban[place + 2 :]
    assert answers("iban", True, [swapped]) == [swapped == iban]


@given(st.text(DIGITS, min_size=11, max_size=18))
def test_a_card_number_passes_with_one_of_ten_check_digits(body: str) -> None:
    found = answers("luhn", True, [body + digit for digit in DIGITS])
    assert found.count(True) == 1
    good = body + DIGITS[found.index(True)]
    assert not any(answers("luhn", True, _slips(good)))


@given(st.sampled_from([7, 11, 12, 13]).flatmap(lambda size: st.text(DIGITS, min_size=size, max_size=size)))
def test_a_gtin_passes_with_one_of_ten_check_digits(body: str) -> None:
    found = answers("gtin", True, [body + digit for digit in DIGITS])
    assert found.count(True) == 1
    good = body + DIGITS[found.index(True)]
    assert not any(answers("gtin", True, _slips(good)))


def _is_address(text: str, version: int) -> bool:
    try:
        return ipaddress.ip_address(text).version == version and "%" not in text
    except ValueError:
        return False


@settings(max_examples=300)
@given(
    st.lists(st.text("0123456789abcF:.", max_size=24) | st.ip_addresses().map(str), min_size=1, max_size=40)
)
def test_addresses_are_those_that_python_knows(texts: list[str]) -> None:
    for version in (4, 6):
        assert answers("ip", version, texts) == [_is_address(text, version) for text in texts]


@given(
    st.lists(
        st.sampled_from([":", "::", "1", "ffff", "12345", "1.2.3.4", "1.2.3.4:", ":0"]), max_size=14
    ).map("".join)
)
def test_forms_of_ipv6_are_those_that_python_knows(text: str) -> None:
    assert answers("ip", 6, [text]) == [_is_address(text, 6)]


@given(st.uuids(), st.sampled_from([1, 3, 4, 5]))
def test_a_uuid_has_its_version(made: uuid.UUID, version: int) -> None:
    text = str(uuid.UUID(int=made.int, version=version))
    found = [answers("uuid", asked, [text, text.upper()]) for asked in (True, *range(1, 9))]
    assert found == [[True, True], *([asked == version] * 2 for asked in range(1, 9))]


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_what_is_written_as_json_is_json(value: Any) -> None:
    text = json.dumps(value)
    assert answers("json", True, [text, text + "]"]) == [True, False]
    assert answers("json", "object", [text]) == [isinstance(value, dict)]


FORMATS = [
    "%d.%m.%Y %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S.%f",
    "%m/%d/%y %I:%M %p",
    "%A %d %B %Y %H:%M",
    "%Y%m%d%H%M",
    "%a %j %Y %H:%M",
]


@given(
    st.lists(st.datetimes(datetime(1970, 1, 1), datetime(2060, 1, 1)), min_size=1, max_size=20),  # noqa: DTZ001
    st.sampled_from(FORMATS),
)
def test_what_a_format_writes_it_reads(moments: list[datetime], written: str) -> None:
    texts = [moment.strftime(written) for moment in moments]
    assert all(answers("timestamp_format", written, texts))
    assert not any(answers("timestamp_format", written, [text[1:] for text in texts]))


def _belongs(text: str, region: str) -> bool:
    try:
        return phonenumbers.is_valid_number_for_region(phonenumbers.parse(text, region), region)
    except phonenumbers.NumberParseException:
        return False


@settings(max_examples=50)
@given(st.lists(st.text("0123456789+()/ -", min_size=4, max_size=18), min_size=1, max_size=10))
def test_a_phone_number_of_a_region_is_what_the_library_says(texts: list[str]) -> None:
    assert answers("phone", "US", texts) == [_belongs(text, "US") for text in texts]


def _slipped(text: str, chance: random.Random) -> str:
    place = chance.randrange(len(text))
    return chance.choice(
        [
            text[:place] + chance.choice(DIGITS) + text[place + 1 :],
            text[:place] + chance.choice(DIGITS + " -/") + text[place:],
            text[:place] + text[place + 1 :],
            chance.choice(["0", "00", "1", "+", "011", "8"]) + text,
        ]
    )


def test_the_patterns_say_what_the_library_says_in_every_region() -> None:
    chance, settled, asked = random.Random(7), 0, 0
    wrong: list[tuple[str, str, bool]] = []
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        numbers = [phonenumbers.example_number_for_type(region, kind) for kind in range(11)]
        written = [
            phonenumbers.format_number(number, style) for number in numbers if number for style in range(3)
        ]
        texts = pl.Series(written + [_slipped(text, chance) for text in written for _ in range(5)])
        plan = _plan(region)
        accepted, refused = _by_patterns(texts, plan.accepts), _by_patterns(texts, plan.refuses)
        for text, yes, no in zip(texts, accepted, refused, strict=True):
            if (yes or no) and ((yes and no) or yes != _belongs(text, region)):
                wrong.append((region, text, yes))
        settled, asked = settled + int((accepted | refused).sum()), asked + len(texts)
    assert wrong == []
    assert settled > 0.75 * asked  # else the column is asked number by number


def test_many_distinct_values_cost_no_more_than_their_number() -> None:
    asked: list[str] = []

    def seen(text: str) -> bool:
        asked.append(text)
        return text != "7"

    values = [str(number % 20_000) for number in range(60_000)]
    frame = pl.DataFrame({"x": values}).lazy()
    found = python("seen", seen, "no")(frame, "x").check_output.collect().to_series()
    assert len(asked) == 20_000
    assert found.arg_true().len() == 60_000 - 3
