"""One JSON object as a flat record.

What belongs here: decoding the text of an element and laying nested objects out flat. What does not: where elements begin and end.

Numbers keep their source text. `{"data": {"value": 1}}` is the column `data.value`; an array is its JSON text.
"""

from __future__ import annotations

import json
from typing import NoReturn

from pipeline.files.names import column_names
from pipeline.files.table import ROW
from pipeline.files.text import to_text

Flat = dict[str, str | None]

_ODD_NAMES = {name: column_names([name])[0] for name in ("", ROW)}
_WORDS = {True: "true", False: "false"}


class _Number(str):
    """The source text of a number, told from a string."""

    __slots__ = ()


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


_PLAIN = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_constant)
_EXACT = json.JSONDecoder(parse_int=_Number, parse_float=_Number, parse_constant=_constant)


def record(data: bytes, encoding: str, offset: int) -> Flat | tuple[str, str]:
    """The record in the bytes of an element, or (check, message): `undecodable`, `bad_json`.

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
    return ("bad_json", found) if isinstance(found, str) else found


def flat(text: str) -> Flat | str:
    """The object in `text` laid out flat, or why there is none."""
    try:
        value = (_EXACT if "[" in text else _PLAIN).decode(text)
        if not isinstance(value, dict):
            return "it is not a JSON object"
        found: Flat = {}
        _lay_out(value, "", found)
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
    return found


def _lay_out(value: dict[str, object], prefix: str, found: Flat) -> None:
    for key, item in value.items():
        name = prefix + key if prefix else key
        if isinstance(item, dict) and item:
            _lay_out(item, name + ".", found)
            continue
        if name in _ODD_NAMES:
            name = _ODD_NAMES[name]
        if name in found:
            raise ValueError(f"two values for {name}")
        if item is None or type(item) is str:
            found[name] = item or None
        else:
            found[name] = _WORDS[item] if isinstance(item, bool) else _json(item)


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
