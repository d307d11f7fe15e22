"""One JSON object as a flat record.

What belongs here: decoding the text of an element and laying nested objects out flat. What does not: where elements begin and end.

Numbers keep their source text. `{"data": {"value": 1}}` is the column `data.value`; an array is its JSON text. A key that stands twice
leaves two values for one column: of which the decoder would keep the last, without a word.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from pipeline.files.names import column_names
from pipeline.files.table import ROW
from pipeline.files.text import to_text

Flat = dict[str, str | None]

BAD, DUPLICATE = "bad_json", "duplicate_key"
_BLANKS = (b" ", b"\t", b"\r", b"\n")
_KEY_END = re.compile(rb'"[ \t\r\n]*+:')

_ODD_NAMES = {name: column_names([name])[0] for name in ("", ROW)}


class _Number(str):
    """The source text of a number, told from a string."""

    __slots__ = ()


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


_PLAIN = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_constant)
_EXACT = json.JSONDecoder(parse_int=_Number, parse_float=_Number, parse_constant=_constant)


def record(data: bytes, encoding: str, offset: int) -> tuple[Flat, int] | tuple[str, str]:
    """The record in the bytes of an element and how many keys its objects have, or (check, message): `undecodable`, `bad_json`.

    Args:
        offset: bytes of text before `data`, for the message.
    """
    try:
        text = data.decode("utf-8") if encoding == "utf-8" else to_text(data, encoding)
    except UnicodeDecodeError as error:
        byte = data[error.start]
        return (
            "undecodable",
            f"byte 0x{byte:02X} at offset {offset + error.start} is not valid UTF-8",
        )
    found = flat(text)
    return (BAD, found) if isinstance(found, str) else found


def flat(text: str) -> tuple[Flat, int] | str:
    """The object in `text` laid out flat and how many keys its objects have, those within arrays too, as far as the decoder kept
    them; or why there is none."""
    try:
        value = (_EXACT if "[" in text else _PLAIN).decode(text)
        if not isinstance(value, dict):
            return "it is not a JSON object"
        found: Flat = {}
        keys = _lay_out(value, "", found)
        if "\\u" in text:
            "".join(cell or "" for pair in found.items() for cell in pair).encode("utf-8")
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} of it, character {error.colno}" if error.lineno > 1 else error.colno
        return f"not valid JSON: {error.msg} at {place if error.lineno > 1 else f'character {place}'}"
    except UnicodeEncodeError:
        return "not valid JSON text: half of a surrogate pair"
    except RecursionError:
        return "the object is nested too deeply"
    except ValueError as error:
        return f"not valid JSON: {error}"
    return found, keys


def columns_of(text: str) -> list[str]:
    """The columns of an object, also of one with two values for one of them; none where there is no object."""
    try:
        value = _PLAIN.decode(text)
        names = list(dict.fromkeys(_names(value, ""))) if isinstance(value, dict) else []
        "".join(names).encode("utf-8")
        return names
    except (ValueError, RecursionError):
        return []


def _names(value: dict[str, object], prefix: str) -> Iterator[str]:
    for key, item in value.items():
        if isinstance(item, dict) and item:
            yield from _names(item, f"{prefix}{key}.")
        else:
            yield _ODD_NAMES.get(prefix + key, prefix + key)


def _lay_out(value: dict[str, Any], prefix: str, found: Flat) -> int:
    """Put the fields into `found`; the number of keys. Raises ValueError: two values for one column."""
    keys = len(value)
    for key, item in value.items():
        name = prefix + key if prefix else key
        kind = type(item)
        if kind is dict and item:
            keys += _lay_out(item, name + ".", found)
            continue
        if name in _ODD_NAMES:
            name = _ODD_NAMES[name]
        if name in found:
            raise ValueError(f"two values for the column {name!r}: a key with dots, and one within another")
        if kind is str:
            found[name] = item or None
        elif item is None:
            found[name] = None
        elif kind is bool:
            found[name] = "true" if item else "false"
        else:
            found[name] = _json(item)
            keys += _keys_within(item)
    return keys


def _keys_within(value: object) -> int:
    if isinstance(value, list):
        return sum(map(_keys_within, value))
    return len(value) + sum(map(_keys_within, value.values())) if isinstance(value, dict) else 0


def keys_written(data: bytes) -> int:
    """How many keys stand in JSON text, or more: every key ends with a quote before a colon, and little else does. No more than were
    decoded means that no key stands twice."""
    if any(blank in data and blank + b":" in data for blank in _BLANKS):
        return len(_KEY_END.findall(data))
    return data.count(b'":')


def repeated_keys(data: bytes, encoding: str) -> tuple[list[str], list[str]]:
    """Keys that stand twice in one object of a well-formed record: with several values, and with the same value again."""
    several: list[str] = []
    same: list[str] = []

    def gathered(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found: dict[str, object] = {}
        for key, item in pairs:
            if key in found:
                alike = type(found[key]) is type(item) and found[key] == item
                (same if alike else several).append(key)
            found[key] = item
        return found

    text = data.decode("utf-8") if encoding == "utf-8" else to_text(data, encoding)
    json.JSONDecoder(
        parse_int=_Number, parse_float=_Number, parse_constant=_constant, object_pairs_hook=gathered
    ).decode(text)
    return several, same


def typed_names(data: bytes, encoding: str) -> set[str]:
    """Names of the values in the bytes of a well-formed record that are numbers, or true or false."""
    found: set[str] = set()
    value = _EXACT.decode(data.decode("utf-8") if encoding == "utf-8" else to_text(data, encoding))
    _gather(value, "", found)
    return found


def _gather(value: dict[str, object], prefix: str, found: set[str]) -> None:
    for key, item in value.items():
        name = prefix + key if prefix else key
        if isinstance(item, dict) and item:
            _gather(item, name + ".", found)
        elif isinstance(item, _Number | bool):
            found.add(_ODD_NAMES.get(name, name))


def _json(value: object) -> str:
    """JSON text with the numbers as they were written."""
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, list):
        return "[" + ",".join(map(_json, value)) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{_json(key)}:{_json(item)}" for key, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)
