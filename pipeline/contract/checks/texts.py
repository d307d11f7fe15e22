"""Checks of how a text is built: addresses and identifiers.

What belongs here: what one regular expression (or two) can tell. What does not: check digits (`numbers`), lists of codes
(`codes`).

Polars runs them with Rust's regex engine: linear in the length of the text, no look-around, no back-references.
"""

from __future__ import annotations

import re
from typing import Any

import polars as pl

from pipeline.contract.checks.registration import Kind, Refused, one_of

# RFC 5321 as mail servers take it: atoms between single dots before the @, labels of a host name after it, the last no number.
# Quoted local parts and addresses in brackets are in the RFC and in no one's use. RFC 6531 lets in every script.
_ATOM = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~\-"


def _address(more: str) -> str:
    """Regular expression of an address; `more`: what is a letter beside those of ASCII."""
    letter, atom = f"A-Za-z{more}", f"[{_ATOM}{more}]"
    inner = rf"[{letter}0-9\-]*[{letter}0-9]"
    return rf"^{atom}+(?:\.{atom}+)*@(?:[{letter}0-9](?:{inner})?\.)+[{letter}]{inner}$"


_EMAIL = _address("")
_EMAIL_OF_ANY_SCRIPT = _address(r"[\x{80}-\x{10FFFF}--[\p{Z}\p{Cc}\p{Cf}\u3002\uFF0E\uFF20\uFF61]]")
_LONGEST_LOCAL, _LONGEST_LABEL, _LONGEST_EMAIL = 64, 63, 254

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
_H16 = "[0-9A-Fa-f]{1,4}"
_LS32 = rf"(?:{_H16}:{_H16}|{_IPV4})"
# RFC 3986, section 3.2.2: eight groups, or fewer with one "::" among them; the last two may be written as IPv4.
_IPV6 = (
    "(?:"
    + "|".join(
        [
            rf"(?:{_H16}:){{6}}{_LS32}",
            rf"::(?:{_H16}:){{5}}{_LS32}",
            *(rf"(?:(?:{_H16}:){{0,{n}}}{_H16})?::(?:{_H16}:){{{4 - n}}}{_LS32}" for n in range(5)),
            rf"(?:(?:{_H16}:){{0,5}}{_H16})?::{_H16}",
            rf"(?:(?:{_H16}:){{0,6}}{_H16})?::",
        ]
    )
    + ")"
)
_IP = {4: f"^{_IPV4}$", 6: f"^{_IPV6}$", True: f"^(?:{_IPV4}|{_IPV6})$"}


def _host(letter: str) -> str:
    """Labels between dots, of which the last is no number: what ends in a number is an IPv4 address or nothing."""
    inner = f"[{letter}0-9-]*[{letter}0-9]"
    label = f"[{letter}0-9](?:{inner})?"
    last = f"(?:[0-9][0-9-]*)?[{letter}](?:{inner})?"
    return rf"(?:{label}\.)*{last}"


_HOSTNAME = f"^{_host('A-Za-z')}$"
_LONG_LABEL = r"[^.]{64}"
# In a URL a host may be written in any script; what is not ASCII counts as a letter.
_LETTER = r"A-Za-z\x{A1}-\x{10FFFF}"
_URL_HOST = rf"(?:{_host(_LETTER)}\.?|{_IPV4}|\[{_IPV6}\])"
_PORT = "(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[0-9]{1,4})"
_URL_REST = rf"://(?:[^\s/?#@\[\]]*@)?{_URL_HOST}(?::{_PORT})?(?:[/?#][^\s<>\x22\x00-\x1F\x7F]*)?$"
_SCHEMES = ["ftp", "http", "https"]

_UUID = "^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-%s[0-9A-Fa-f]{3}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$"
_UUID_OF_VERSION = "^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-%s[0-9A-Fa-f]{3}-[89ABab][0-9A-Fa-f]{3}-[0-9A-Fa-f]{12}$"
_MAC = "^(?:[0-9A-Fa-f]{2}(?:(?::[0-9A-Fa-f]{2}){5}|(?:-[0-9A-Fa-f]{2}){5})|[0-9A-Fa-f]{4}(?:\\.[0-9A-Fa-f]{4}){2})$"
# ISO 9362: four for the bank, two for the country, two for the place, and three for the branch.
_BIC = "^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?$"

POSTCODES = {
    "AT": "[1-9][0-9]{3}",
    "AU": "[0-9]{4}",
    "BE": "[1-9][0-9]{3}",
    "BR": "[0-9]{5}-?[0-9]{3}",
    "CA": "[ABCEGHJ-NPRSTVXY][0-9][ABCEGHJ-NPRSTV-Z] ?[0-9][ABCEGHJ-NPRSTV-Z][0-9]",
    "CH": "[1-9][0-9]{3}",
    "CZ": "[1-7][0-9]{2} ?[0-9]{2}",
    "DE": "(?:0[1-9]|[1-9][0-9])[0-9]{3}",
    "DK": "[0-9]{4}",
    "ES": "(?:0[1-9]|[1-4][0-9]|5[0-2])[0-9]{3}",
    "FI": "[0-9]{5}",
    "FR": "(?:0[1-9]|[1-8][0-9]|9[0-8])[0-9]{3}",
    "GB": "(?:GIR ?0AA|[A-PR-UWYZ](?:[0-9]{1,2}|[A-HK-Y][0-9]{1,2}|[0-9][A-HJKPSTUW]|[A-HK-Y][0-9][ABEHMNPRV-Y]) ?[0-9][ABD-HJLNP-UW-Z]{2})",
    "IN": "[1-9][0-9]{2} ?[0-9]{3}",
    "IT": "[0-9]{5}",
    "JP": "[0-9]{3}-?[0-9]{4}",
    "NL": "[1-9][0-9]{3} ?[A-Z]{2}",
    "NO": "[0-9]{4}",
    "PL": "[0-9]{2}-[0-9]{3}",
    "PT": "[1-9][0-9]{3}-[0-9]{3}",
    "SE": "[1-9][0-9]{2} ?[0-9]{2}",
    "US": "[0-9]{5}(?:-[0-9]{4})?",
}
"""Region → how its postcodes are written; not which of them are in use."""


def _email(values: pl.Series, _: Any) -> pl.Series:
    found = values.str.contains(_EMAIL)
    if not found.all():
        rest = (~found).fill_null(False)
        found = found.scatter(rest.arg_true(), values.filter(rest).str.contains(_EMAIL_OF_ANY_SCRIPT))
    # Octets: rare enough to look only where a text is long.
    if (values.str.len_bytes().max() or 0) > _LONGEST_LABEL:  # type: ignore[operator]
        local = values.str.find("@", literal=True)
        found = found & (local <= _LONGEST_LOCAL) & (values.str.len_bytes() <= _LONGEST_EMAIL)
        found = found & ~values.str.contains(rf"@(?:.*\.)?{_LONG_LABEL}")
    return found


def _hostname(values: pl.Series, _: Any) -> pl.Series:
    found = values.str.contains(_HOSTNAME)
    # A label has 63 characters at most, a name 253: rare enough to look only where a text is long.
    if (values.str.len_bytes().max() or 0) > 63:  # type: ignore[operator]
        found = found & ~values.str.contains(_LONG_LABEL) & (values.str.len_bytes() <= 253)
    return found


def _url(values: pl.Series, schemes: Any) -> pl.Series:
    wanted = "|".join(re.escape(scheme) for scheme in (_SCHEMES if schemes is True else schemes))
    return values.str.contains(f"^(?i:{wanted}){_URL_REST}")


def _schemes(given: Any) -> list[str]:
    schemes = [given] if isinstance(given, str) else given
    right = isinstance(schemes, list | tuple | set) and all(
        isinstance(scheme, str) and re.fullmatch("[a-z][a-z0-9+.-]*", scheme) for scheme in schemes
    )
    if not right or not schemes:
        raise Refused('it takes True, or the schemes that are allowed, in lower case: ["https"]')
    return sorted(set(schemes))


def _uuid(values: pl.Series, version: Any) -> pl.Series:
    return values.str.contains(_UUID % "[0-9A-Fa-f]" if version is True else _UUID_OF_VERSION % version)


def _ip(values: pl.Series, version: Any) -> pl.Series:
    return values.str.contains(_IP[version])


def _mac(values: pl.Series, _: Any) -> pl.Series:
    return values.str.contains(_MAC)


def _bic(values: pl.Series, _: Any) -> pl.Series:
    return values.str.contains(_BIC)


def _postcode(values: pl.Series, region: Any) -> pl.Series:
    return values.str.contains(f"^{POSTCODES[region]}$")


def _ip_version(given: Any) -> int:
    return int(one_of(given, [4, 6], "True for both kinds, or the version"))


def _uuid_version(given: Any) -> int:
    return int(one_of(given, range(1, 9), "True for any, or the version"))


def _postcode_region(given: Any) -> str:
    return str(one_of(given, POSTCODES, "the country whose postcodes they are"))


KINDS = (
    Kind("email", _email),
    Kind("url", _url, _schemes),
    Kind("hostname", _hostname),
    Kind("ip", _ip, _ip_version),
    Kind("mac", _mac),
    Kind("uuid", _uuid, _uuid_version),
    Kind("bic", _bic),
    Kind("postcode", _postcode, _postcode_region, bare=False),
)
