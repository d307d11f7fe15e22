"""The registered checks that a text column may fulfil, and when they are worth saying.

What belongs here: which check is tried on which column. What does not: the checks (`contract.checks`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from pipeline.contract.checks import KINDS
from pipeline.infer.names import words


@dataclass(frozen=True)
class Format:
    """A check.

    Attributes:
        name: its word in `pa.Field`.
        parameter: what it is given.
        hints: words of a header, one of which must be there; empty where the form alone is unmistakable.
        shape: regular expression that a value has; saves asking expensive checks.
    """

    name: str
    parameter: Any
    hints: frozenset[str] = frozenset()
    shape: str = ""

    @property
    def code(self) -> str:
        """As a field says it."""
        given = f'"{self.parameter}"' if isinstance(self.parameter, str) else self.parameter
        return f"{self.name}={given}"


def _format(name: str, parameter: Any = True, hints: str = "", shape: str = "") -> Format:
    return Format(name, parameter, frozenset(hints.split()), shape)


FORMATS = (
    _format("uuid"),
    _format("email"),
    _format("url"),
    _format("ip"),
    _format("mac"),
    _format("iban"),
    _format("phone", shape=r"^\+"),
    _format("json", "object", shape=r"^\{"),
    _format("json", "array", shape=r"^\["),
    _format("bic", hints="bic swift"),
    _format("luhn", hints="card pan kreditkarte creditcard"),
    _format("gtin", hints="ean gtin upc barcode"),
    _format("country", hints="country land iso nation geo origin destination"),
    _format("country", "alpha-3", hints="country countryterritory land iso iso3 nation geo"),
    _format("currency", hints="currency ccy waehrung devise moneda valuta"),
    _format("language", hints="language lang locale sprache langue"),
    _format("hostname", hints="host hostname server domain"),
)


def tried_on(header: str) -> tuple[Format, ...]:
    """The formats that a column of this name may have."""
    found = words(header)
    return tuple(one for one in FORMATS if not one.hints or one.hints & found)


def fits(one: Format, values: pl.Series) -> bool:
    """Whether all values have the format.

    Args:
        values: String; nulls are passed over.
    """
    if one.shape and not values.str.contains(one.shape).all():
        return False
    return bool(KINDS[one.name].answer(values, one.parameter).all())
