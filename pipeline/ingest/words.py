"""Violations in plain words. What belongs here: messages to people. What does not: finding the violations."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import polars as pl

from pipeline.contract.cleaning.text import UNSEEN
from pipeline.contract.severities import CAST
from pipeline.counts import counted

# {value} is the source text; the other names are the check's own parameters.
_CHECKS = {
    "greater_than_or_equal_to": "{value} is less than {min_value}",
    "greater_than": "{value} is not greater than {min_value}",
    "less_than_or_equal_to": "{value} is more than {max_value}",
    "less_than": "{value} is not less than {max_value}",
    "in_range": "{value} is not between {min_value} and {max_value}",
    "isin": "'{value}' is not one of {allowed_values}",
    "notin": "'{value}' is not allowed here",
    "str_matches": "'{value}' does not match {pattern}",
    "str_contains": "'{value}' does not contain {pattern}",
    "str_startswith": "'{value}' does not start with {string}",
    "str_endswith": "'{value}' does not end with {string}",
    "not_nullable": "a value is required",
}
# What a value is that passes: by a check without a parameter, and by one with; {} is the parameter.
_KINDS = {
    "email": ("an e-mail address", ""),
    "url": ("a web address (http, https or ftp)", "an address that begins with {}://"),
    "hostname": ("the name of a host", ""),
    "ip": ("an IP address", "an IPv{} address"),
    "mac": ("a MAC address", ""),
    "uuid": ("a UUID", "a UUID of version {}"),
    "bic": ("a BIC (8 or 11 letters and digits)", ""),
    "postcode": ("a postcode", "written like a postcode of {}"),
    "phone": ("an international phone number such as +4930123456", "a phone number of {}"),
    "iban": (
        "an IBAN with the right length and check digits",
        "an IBAN of {} with the right length and check digits",
    ),
    "luhn": (
        "a card number with the right check digit",
        "a number of {} digits, the last of them the right check digit",
    ),
    "gtin": ("a GTIN (EAN, UPC) with the right check digit", ""),
    "latitude": ("a latitude (-90 to 90)", ""),
    "longitude": ("a longitude (-180 to 180)", ""),
    "country": ("an ISO country code of two letters", "an ISO country code ({})"),
    "currency": ("an ISO currency code in use", "an ISO currency code ({})"),
    "language": ("an ISO language code of two letters", ""),
    "json": ("JSON", "a JSON {}"),
    "date_format": ("a date", "a date that exists, written as {}"),
    "timestamp_format": ("a date and time", "a date and time that exist, written as {}"),
}
_LISTED = 12


def check_template(check: str, error: str | None, statistics: dict[str, Any]) -> str:
    """The message of a failed check, with `{value}` where the value goes; the check's own `error` text wins."""
    if error and not error.startswith(f"{check}("):
        return error
    template = _template(check, statistics)
    if template is None:
        return f"'{{value}}' fails the check {error or check}"
    words = {name: _plain(value) for name, value in statistics.items()}
    for name, word in words.items():
        template = template.replace("{" + name + "}", word)
    return template


def _template(check: str, statistics: dict[str, Any]) -> str | None:
    """The message with the names of the check's parameters in it, or None for a check of the contract's own."""
    if check in _KINDS:
        return _kind_template(check, statistics.get(check, True))
    if check == "str_length":
        return _length_template(statistics)
    return _CHECKS.get(check)


def _kind_template(check: str, parameter: Any) -> str:
    plain, given = _KINDS[check]
    if parameter is False:
        return f"'{{value}}' is {plain}, which must not stand here"
    if parameter is True:
        return f"'{{value}}' is not {plain}"
    wanted = " or ".join(map(str, parameter)) if isinstance(parameter, list) else str(parameter)
    return f"'{{value}}' is not {given.format(wanted)}"


def _length_template(statistics: dict[str, Any]) -> str:
    given: dict[str, Any] = {"exact_value": None, "min_value": None, "max_value": None} | statistics
    exact, least, most = given["exact_value"], given["min_value"], given["max_value"]
    if exact is not None:
        wanted = counted(exact, "character")
    elif least is None:
        wanted = f"at most {counted(most, 'character')}"
    elif most is None:
        wanted = f"at least {counted(least, 'character')}"
    else:
        wanted = f"{least:,} to {counted(most, 'character')}"
    return f"'{{value}}' is not {wanted} long"


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple | set | frozenset):
        items = (
            sorted(map(str, value)) if isinstance(value, set | frozenset) else [str(item) for item in value]
        )
        more = f" and {len(items) - _LISTED} more" if len(items) > _LISTED else ""
        return ", ".join(items[:_LISTED]) + more
    return str(value)


def is_about_form(check: str) -> bool:
    """Whether a check judges how a value is written, so that a character that nobody sees may be what is wrong."""
    return check == CAST or check in _KINDS


def unseen_in(value: str) -> str:
    """What is to be said of the characters of a text that nobody sees; "" where it has none."""
    found = dict.fromkeys(re.findall(UNSEEN, value))
    if not found:
        return ""
    named = ", ".join(f"U+{ord(one):04X} ({unicodedata.name(one, 'unnamed').lower()})" for one in found)
    return f": it holds {named}, which nobody sees; clean.control() takes it off"


def cast_template(dtype: pl.DataType, zone: str) -> str:
    """The message of a failed cast, with `{value}` where the value goes."""
    return "'{value}' is not " + _type_in_words(dtype, zone)


def range_template(dtype: pl.DataType) -> str:
    """The message of a number that is too large for a float, with `{value}` where the value goes."""
    largest = "3.4e38" if dtype == pl.Float32 else "1.8e308"
    return f"'{{value}}' is out of the range of a {dtype} (up to {largest})"


def _type_in_words(dtype: pl.DataType, zone: str) -> str:
    if dtype.is_integer():
        return "a whole number"
    if isinstance(dtype, pl.Decimal):
        return f"a number with at most {counted(dtype.precision - dtype.scale, 'digit')} before and {dtype.scale} after the point"
    if dtype.is_float():
        return "a number"
    if dtype == pl.Boolean:
        return "true or false"
    if dtype == pl.Date:
        return "a date (YYYY-MM-DD)"
    if dtype == pl.Time:
        return "a time of day (HH:MM:SS)"
    if isinstance(dtype, pl.Datetime):
        return f"a time (YYYY-MM-DD HH:MM:SS) that exists in {zone}"
    if isinstance(dtype, pl.Enum):
        return "one of " + _plain(dtype.categories.to_list())
    return f"a {dtype}"
