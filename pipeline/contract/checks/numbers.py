"""Checks of numbers: those with check digits, and places on the globe.

What belongs here: arithmetic over whole columns at once. What does not: ranges, which Pandera has (ge, le, in_range).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from pipeline.contract.checks.registration import Kind, Refused, several_of

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

# Country → length of its IBANs: SWIFT's IBAN registry (ISO 13616).
IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29, "BY": 28,
    "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18,
    "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HN": 28, "HR": 21, "HU": 28,
    "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20,
    "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28,
    "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24,
    "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26,
    "UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}  # fmt: skip
# What is left when 98 is divided by 97 counts from 02 to 98: 00, 01 and 99 give the same remainder and are never given out.
_IBAN = "^[A-Z]{2}(?:0[2-9]|[1-8][0-9]|9[0-8])(?: ?[0-9A-Z])+$"
_LUHN = "^[0-9](?:[ -]?[0-9])+$"
_CARD_LENGTHS = list(range(12, 20))
_GTIN = "^(?:[0-9]{8}|[0-9]{12,14})$"

# Byte → its value in an IBAN: 0 to 9, and 10 to 35 for the letters.
_VALUE = np.zeros(256, np.int64)
_VALUE[ord("0") : ord("9") + 1] = np.arange(10)
_VALUE[ord("A") : ord("Z") + 1] = np.arange(10, 36)
_SHIFT = np.where(_VALUE < 10, 10, 100)
# Digit → what it adds to the sum: every other one from the right is doubled (Luhn) or tripled (GTIN).
_ONCE = np.arange(10, dtype=np.int64)
_DOUBLED = np.array([0, 2, 4, 6, 8, 1, 3, 5, 7, 9], np.int64)


def _scattered(values: pl.Series, rows: pl.Series, good: npt.NDArray[np.bool_]) -> pl.Series:
    """True at the rows (Boolean) of which `good` holds, null where the values are null."""
    answers = np.zeros(len(values), np.bool_)
    answers[rows.to_numpy()] = good
    found = pl.Series(values.name, answers)
    return found.set(values.is_null(), None) if values.null_count() else found


def _without(values: pl.Series, separators: str) -> pl.Series:
    """The texts without blanks (and hyphens); a scan only where there are none."""
    for separator in separators:
        if values.str.contains(separator, literal=True).any():
            values = values.str.replace_all(separator, "", literal=True)
    return values


def _by_length(values: pl.Series) -> list[tuple[int, npt.NDArray[np.intp], Bytes, Ints]]:
    """ASCII texts without nulls in groups of one length: length, their places, all bytes, where each begins."""
    texts = values.to_arrow()
    offsets = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(texts.buffers()[2] or b"\0", np.uint8)
    lengths = np.diff(offsets)
    groups = []
    for length in np.unique(lengths).tolist():
        places = np.flatnonzero(lengths == length)
        groups.append((length, places, data, offsets[:-1][places]))
    return groups


def _iban(values: pl.Series, countries: Any) -> pl.Series:
    lengths = IBAN_LENGTHS if countries is True else {name: IBAN_LENGTHS[name] for name in countries}
    formed = values.str.contains(_IBAN).fill_null(False)
    compact = _without(values.filter(formed), " ")
    wanted = compact.str.slice(0, 2).replace_strict(
        list(lengths), list(lengths.values()), default=0, return_dtype=pl.UInt32
    )
    right = wanted == compact.str.len_bytes()
    good = right.to_numpy().copy()
    good[good] = _remainders(compact.filter(right)) == 1
    return _scattered(values, formed, good)


def _remainders(ibans: pl.Series) -> Ints:
    """ISO 7064, mod 97: the first four characters go to the end, letters count as two digits."""
    remainders = np.zeros(len(ibans), np.int64)
    for length, places, data, starts in _by_length(ibans):
        rest = np.zeros(len(places), np.int64)
        for step, position in enumerate([*range(4, length), *range(4)], 1):
            characters = data[starts + position]
            rest = rest * _SHIFT[characters] + _VALUE[characters]
            if not step % 8:  # eight letters more keep it below 2**63
                rest %= 97
        remainders[places] = rest % 97
    return remainders


def _sums(digits: pl.Series, weighted: Ints) -> Ints:
    """Sum of the digits, every other one from the right replaced by its place in `weighted`; the last stands as it is."""
    sums = np.zeros(len(digits), np.int64)
    for length, places, data, starts in _by_length(digits):
        total = np.zeros(len(places), np.int64)
        for position in range(length):
            table = weighted if (length - position) % 2 == 0 else _ONCE
            total += table[data[starts + position] - ord("0")]
        sums[places] = total
    return sums


def _luhn(values: pl.Series, lengths: Any) -> pl.Series:
    formed = values.str.contains(_LUHN).fill_null(False)
    digits = _without(values.filter(formed), " -")
    right = digits.str.len_bytes().is_in(_CARD_LENGTHS if lengths is True else lengths)
    good = right.to_numpy().copy()
    good[good] = _sums(digits.filter(right), _DOUBLED) % 10 == 0
    return _scattered(values, formed, good)


def _gtin(values: pl.Series, _: Any) -> pl.Series:
    formed = values.str.contains(_GTIN).fill_null(False)
    return _scattered(values, formed, _sums(values.filter(formed), 3 * _ONCE) % 10 == 0)


def _latitude(values: pl.Series, _: Any) -> pl.Series:
    return values.is_between(-90, 90)


def _longitude(values: pl.Series, _: Any) -> pl.Series:
    return values.is_between(-180, 180)


def _countries(given: Any) -> list[str]:
    return several_of(given, IBAN_LENGTHS, 'True, or countries that have IBANs: "DE"')


def _digits(given: Any) -> list[int]:
    lengths = given if isinstance(given, list | tuple | set) else [given]
    if not lengths or not all(type(length) is int and 2 <= length <= 40 for length in lengths):
        raise Refused("it takes True for card numbers (12 to 19 digits), or how many digits: 15, [14, 15]")
    return sorted(set(lengths))


KINDS = (
    Kind("iban", _iban, _countries),
    Kind("luhn", _luhn, _digits),
    Kind("gtin", _gtin),
    Kind("latitude", _latitude, takes="number"),
    Kind("longitude", _longitude, takes="number"),
)
