"""What the words of a header let a person expect of its values.

What belongs here: lists of words. What does not: looking at values.
"""

from __future__ import annotations

from pipeline.infer.names import words

_IDENTIFIES = frozenset({"id", "uid", "uuid", "guid", "key", "no", "nr", "number", "num", "nummer", "code", "ref", "sku", "pk", "hash"})  # fmt: skip
_CODED = frozenset({"zip", "zipcode", "postcode", "postal", "plz", "phone", "tel", "telephone", "telefon", "mobile", "fax", "ean", "gtin", "upc", "barcode", "isbn", "iban", "bic", "card", "ssn", "vat"})  # fmt: skip
_TIME = frozenset({"time", "timestamp", "ts", "date", "datetime", "day", "datum", "zeit", "zeitpunkt", "at", "on", "when", "epoch", "created", "fecha", "jour", "tag", "occurred", "ordered", "recorded", "measured"})  # fmt: skip
_NOT_EVENT = frozenset({"birth", "birthday", "born", "dob", "geburtsdatum", "updated", "modified", "changed", "expires", "expiry", "valid", "until", "end", "ends", "due", "deleted"})  # fmt: skip
_MONEY = frozenset({"amount", "price", "cost", "costs", "total", "revenue", "fee", "tax", "salary", "payment", "balance", "discount", "turnover", "sum", "betrag", "preis", "kosten", "umsatz", "gehalt", "eur", "usd", "gbp", "chf", "montant", "prix", "importe", "precio", "netto", "brutto", "net", "gross"})  # fmt: skip
_ADDS_UP = frozenset({"quantity", "qty", "count", "units", "pieces", "sales", "revenue", "amount", "total", "cost", "costs", "fee", "tax", "cases", "deaths", "visits", "clicks", "orders", "added", "deleted", "delta", "bytes", "menge", "anzahl", "betrag", "umsatz", "mwh", "kwh", "gwh", "payment", "discount", "turnover", "netto", "brutto"})  # fmt: skip
_GROUPS = frozenset({"department", "category", "type", "kind", "region", "country", "source", "channel", "segment", "group", "store", "shop", "branch", "product", "namespace", "station", "site", "sensor", "device", "sector", "continent", "team", "abteilung", "kategorie", "land", "filiale", "class"})  # fmt: skip
_OPEN = frozenset({"name", "title", "customer", "kunde", "client", "user", "person", "author", "city", "town", "ort", "stadt", "ville", "street", "strasse", "address", "adresse", "product", "produkt", "article", "artikel", "item", "description", "comment", "note", "remark", "bemerkung", "text", "message"})  # fmt: skip
_YEAR = frozenset({"year", "jahr", "yr", "annee", "month", "monat", "day", "tag", "hour", "stunde", "week", "woche", "minute", "weekday", "quarter"})  # fmt: skip
_NO_ID = frozenset({"valid", "invalid", "liquid", "solid", "fluid", "humid", "covid", "rapid", "hybrid", "android", "acid"})  # fmt: skip
_COORDINATE = frozenset({"lat", "latitude", "lon", "lng", "long", "longitude"})
_VERSION = frozenset({"version", "versions", "ver", "release", "revision", "firmware", "build", "section", "chapter", "kapitel", "abschnitt", "clause"})  # fmt: skip


def is_coordinate(header: str) -> bool:
    """Whether it is a place on the globe, which no one writes with signs between thousands."""
    return bool(words(header) & _COORDINATE)


def is_version(header: str) -> bool:
    """Whether its values are numbers of versions and sections, of which 1.1 and 1.10 are two."""
    return bool(words(header) & _VERSION)


def identifies(header: str) -> bool:
    """Whether it names things: an id, a number, a code."""
    found = words(header)
    return bool(found & _IDENTIFIES) or any(
        word.endswith("id") and len(word) > 4 and word not in _NO_ID for word in found
    )


def is_coded(header: str) -> bool:
    """Whether its digits are no quantity, so that leading zeros count: postcodes, telephone and article numbers."""
    return bool(words(header) & _CODED)


def is_time(header: str) -> bool:
    """Whether it tells when something was."""
    return any(any(word in part for word in ("date", "time", "datum")) for part in words(header)) or bool(
        words(header) & _TIME
    )


def is_other_time(header: str) -> bool:
    """Whether it tells a time, but hardly when the row's event was."""
    return bool(words(header) & _NOT_EVENT)


def is_money(header: str) -> bool:
    """Whether it is an amount of money."""
    return bool(words(header) & _MONEY)


def adds_up(header: str) -> bool:
    """Whether the sum over rows means something."""
    return bool(words(header) & _ADDS_UP) and not words(header) & {"unit", "rate", "average", "cumulative"}


def groups(header: str) -> bool:
    """Whether figures are often told by it."""
    return bool(words(header) & _GROUPS)


def is_calendar(header: str) -> bool:
    """Whether it is a part of a date: neither measure nor limit."""
    return bool(words(header) & _YEAR)


def is_open(header: str) -> bool:
    """Whether new values are to be expected: names, places, remarks, codes of things."""
    return is_coded(header) or (bool(words(header) & _OPEN) and not groups(header))
