"""Checks against the lists of codes that ISO keeps.

What belongs here: membership in a published list. What does not: lists of one's own (`isin`).
"""

from __future__ import annotations

from typing import Any

import polars as pl

from pipeline.contract.checks.code_lists import (
    COUNTRIES_2,
    COUNTRIES_3,
    CURRENCIES,
    FORMER_CURRENCIES,
    LANGUAGES,
)
from pipeline.contract.checks.registration import Kind, one_of

_COUNTRIES = {"alpha-2": sorted(COUNTRIES_2), "alpha-3": sorted(COUNTRIES_3)}
_CURRENCIES = {"current": sorted(CURRENCIES), "historic": sorted(CURRENCIES | FORMER_CURRENCIES)}


def _country(values: pl.Series, which: Any) -> pl.Series:
    return values.is_in(_COUNTRIES["alpha-2" if which is True else which])


def _currency(values: pl.Series, which: Any) -> pl.Series:
    return values.is_in(_CURRENCIES["current" if which is True else which])


def _language(values: pl.Series, _: Any) -> pl.Series:
    return values.is_in(sorted(LANGUAGES))


def _country_list(given: Any) -> str:
    return str(one_of(given, _COUNTRIES, "True for alpha-2 (DE), or the list by its name"))


def _currency_list(given: Any) -> str:
    return str(one_of(given, _CURRENCIES, "True for today's currencies, or the list by its name"))


KINDS = (
    Kind("country", _country, _country_list),
    Kind("currency", _currency, _currency_list),
    Kind("language", _language),
)
