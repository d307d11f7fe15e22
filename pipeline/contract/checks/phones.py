"""Phone numbers: E.164 by its form, or those of a region by the numbering plans that `phonenumbers` carries.

What belongs here: the check. What does not: bringing numbers into one form, which is a cleaner's work.

`phonenumbers` takes some 25 µs for a number. So the plans' patterns are first asked of the whole column, for numbers written
plainly; only what they do not settle goes to the library, once per distinct value. They settle nothing otherwise than it does.
It is imported where it is asked: that takes 25 ms, and few datasets have phone numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import polars as pl

from pipeline.contract.checks.registration import Kind, several_of
from pipeline.contract.checks.values import on_distinct

# ITU E.164: + and at most 15 digits, the first not 0. It names no least length; no country has numbers of fewer than 7.
_E164 = r"^\+[1-9][0-9]{6,14}$"
_PLAIN = r"^(?:\+|\()?[0-9][0-9 ()/.\-]{2,40}$"
_MARKS = r"[ ()/.\-]"
# The library finds a number within any text; here the text must be one, perhaps with an extension.
_LOOKS = r"^[+0-9 ()/.\-\x{A0}\x{2013}\x{FF0B}]+(?:(?i: ?ext\.? ?| ?x ?|;ext=)[0-9]{1,7})?$"
_KINDS_OF_NUMBER = (
    "fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "personal_number", "voip", "pager", "uan", "voicemail",
)  # fmt: skip


@dataclass(frozen=True)
class _Plan:
    """A region's numbering plan for whole columns: Boolean expressions on the column "text", a + perhaps and digits.

    Attributes:
        accepts: true for what surely is a number of the region.
        refuses: true for what surely is none.
    """

    accepts: pl.Expr
    refuses: pl.Expr


def _phone(values: pl.Series, regions: Any) -> pl.Series:
    if regions is True:
        return values.str.contains(_E164)
    plans = [_plan(region) for region in regions]
    accepted = _by_patterns(values, pl.any_horizontal(plan.accepts for plan in plans))
    open_ = values.set(accepted, None)
    if open_.null_count() < len(open_):
        open_ = open_.set(_by_patterns(open_, pl.all_horizontal(plan.refuses for plan in plans)), None)
        open_ = open_.set(~open_.str.contains(_LOOKS), None)
        accepted |= on_distinct(open_, lambda text: _belongs(text, regions)).fill_null(False)
    return accepted.set(values.is_null(), None) if values.null_count() else accepted


def _belongs(text: str, regions: list[str]) -> bool:
    """Whether a text is a number that one of the regions has given out, as written there or with + and country code."""
    import phonenumbers

    for region in regions:
        try:
            number = phonenumbers.parse(text, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number_for_region(number, region):
            return True
    return False


def _by_patterns(values: pl.Series, answer: pl.Expr) -> pl.Series:
    """Where `answer` is true of the plainly written texts; false elsewhere. No nulls."""
    digits = values.set(~values.str.contains(_PLAIN), None)
    if digits.str.contains(_MARKS).any():
        digits = digits.str.replace_all(_MARKS, "")
    frame = digits.rename("text").to_frame()
    return frame.select(answer.fill_null(False).alias(values.name)).to_series()


@lru_cache(maxsize=256)
def _plan(region: str) -> _Plan:
    """It follows `phonenumbers.parse`, and leaves open what that could read in two ways.

    Those are numbers that begin with an international prefix or the country's own code without a +, those with a national prefix
    after the +, those with a prefix that changes the number, and those with a country code that does not exist.
    """
    import phonenumbers
    from phonenumbers import PhoneMetadata

    plan: Any = PhoneMetadata.metadata_for_region(region)
    code = plan.country_code
    # After a + the country code decides whose national prefix is looked for: of +1 the one of the US.
    first: Any = PhoneMetadata.metadata_for_region(phonenumbers.region_code_for_country_code(code))
    text, plus = pl.col("text"), f"+{code}"
    unsure = [plan.international_prefix or "", str(code)]
    trunk, prefixes = plan.national_prefix or "", plan.national_prefix_for_parsing or ""
    if prefixes.endswith(f"|{trunk}"):
        unsure.append(prefixes.removesuffix(f"|{trunk}"))  # of several prefixes the one named first is taken
    elif prefixes != trunk and not prefixes.startswith(f"{trunk}|"):
        unsure, trunk = [*unsure, prefixes], ""
    if first.national_prefix_for_parsing:
        unsure.append(rf"\+{code}(?:{first.national_prefix_for_parsing})")
    national: Any = pl.when(_begins(text, "|".join(filter(None, unsure)))).then(None)
    national = national.when(text.str.starts_with(plus)).then(text.str.slice(len(plus)))
    codes = "|".join(map(str, phonenumbers.COUNTRY_CODE_TO_REGION_CODE))
    national = national.when(text.str.starts_with("+") & ~_begins(text, rf"\+(?:{codes})")).then(None)
    if trunk:
        national = national.when(text.str.starts_with(trunk)).then(text.str.slice(len(trunk)))
    if prefixes:
        national = national.when(_begins(text, prefixes)).then(None)
    number = national.otherwise(text)
    any_of, general = _any_of(plan), plan.general_desc.national_number_pattern
    # A trunk prefix that leaves no number behind is taken for a part of the number.
    refuses = ~(_is(number, any_of) & _is(number, general)) & ~(_is(text, any_of) & _is(text, general))
    return _Plan(_is(number, any_of) & _is(number, general), number.is_not_null() & refuses)


def _any_of(plan: Any) -> str:
    """The patterns of all kinds of numbers in one."""
    kinds = [getattr(plan, name) for name in _KINDS_OF_NUMBER]
    return "|".join(kind.national_number_pattern for kind in kinds if kind and kind.national_number_pattern)


def _begins(text: pl.Expr, pattern: str) -> pl.Expr:
    # The texts hold ASCII digits alone, and the engine is quicker when it may count on it.
    return text.str.contains(f"^(?:{pattern})".replace(r"\d", "[0-9]"))


def _is(text: pl.Expr, pattern: str) -> pl.Expr:
    return text.str.contains(f"^(?:{pattern})$".replace(r"\d", "[0-9]"))


def _regions(given: Any) -> list[str]:
    import phonenumbers

    what = 'True for the international form (+4930123456), or regions by their ISO code ("DE")'
    return several_of(given, phonenumbers.SUPPORTED_REGIONS, what)


KINDS = (Kind("phone", _phone, _regions),)
