"""Declarations as earlier versions wrote them: what they stored is recognised by it, and replaced by what is written now.

What belongs here: each earlier way, as it was, for as long as warehouses that hold it are carried over. What does not: the way of now
(`stable`, `fingerprint`), and what is replaced (the warehouse).

The first way wrote dataclasses by their `repr`, and functions by their bytecode, which is that of the Python that runs.
"""

from __future__ import annotations

import hashlib
import inspect
import re
from dataclasses import fields
from functools import partial
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from pipeline.contract.aggregates import Aggregate
from pipeline.contract.cleaners import Cleaner
from pipeline.contract.fingerprint import Encoding, digest_of, models_of
from pipeline.contract.stable import FunctionDigest
from pipeline.contract.windows import Window

if TYPE_CHECKING:
    from pipeline.contract.dataset import Dataset

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_FIELDS = {
    "Tumbling": ("name", "every", "by", "measures", "offset", "fill"),
    "Sliding": ("name", "size", "every", "by", "measures", "offset", "fill"),
    "Cumulative": ("name", "period", "every", "by", "measures", "offset"),
    "Session": ("name", "gap", "by", "measures"),
    "Total": ("name", "by", "measures"),
    "Aggregate": ("kind", "column", "parameter", "where", "approximate", "expression", "sql_type"),
}
_WHERE_SAID = {"Total": ("per_delivery",), "Aggregate": ("by",)}
_ELSEWHERE = {"fill_limit"}


def former_fingerprint(dataset: Dataset) -> str:
    """The fingerprint of a contract as the first way wrote it: 16 hex digits."""
    return digest_of(dataset, Encoding(_text, _cleaner, _code_of))


def former_window(window: Window) -> str | None:
    """A window as the first way wrote it; None where it declares what could not be declared then."""
    if any(_said_since(one) for one in (window, *window.measures.values())):
        return None
    return _written(window)


def _said_since(one: Window | Aggregate) -> bool:
    """Whether a field says something that the first way knows nothing of."""
    kind = type(one).__name__
    known = {*_FIELDS[kind], *_WHERE_SAID.get(kind, ()), *_ELSEWHERE}
    return any(field.name not in known and getattr(one, field.name) != field.default for field in fields(one))


def _written(one: Any) -> str:
    """As `repr` was."""
    kind = type(one).__name__
    said = {name: getattr(one, name) for name in _FIELDS[kind]}
    defaults = {field.name: field.default for field in fields(one)}
    for name in _WHERE_SAID.get(kind, ()):
        if getattr(one, name) != defaults[name]:
            said[name] = getattr(one, name)
    if "by" in _FIELDS[kind]:
        said["by"] = tuple(one.by)
    shown = {name: repr(value) for name, value in said.items()}
    if "measures" in said:
        measures = ", ".join(f"{name!r}: {_written(measure)}" for name, measure in one.measures.items())
        shown["measures"] = f"{{{measures}}}"
    return f"{kind}({', '.join(f'{name}={text}' for name, text in shown.items())})"


def _cleaner(cleaner: Cleaner) -> str:
    return f"{cleaner.name}({_digest(cleaner.change)!r},)" if cleaner.own else cleaner.fingerprint


def _digest(function: Any) -> str:
    return hashlib.sha256(_text(function).encode()).hexdigest()[:16]


def _code_of(dataset: Dataset) -> str:
    try:
        return "".join(map(inspect.getsource, models_of(dataset)))
    except (OSError, TypeError):
        own = [
            *dataset.model.checks,
            *(c for column in dataset.model.columns.values() for c in column.checks),
        ]
        return _text([check._check_fn for check in own])


def _text(value: Any) -> str:
    """`value` as text. A function stands for its code, its defaults and what it took from the functions around it."""
    if isinstance(value, FunctionDigest):
        return repr(_digest(value.function))
    if isinstance(value, dict):
        return repr(sorted((_text(key), _text(item)) for key, item in value.items()))
    if isinstance(value, set | frozenset):
        return repr(sorted(map(_text, value)))
    if isinstance(value, list | tuple):
        return repr([_text(item) for item in value])
    if isinstance(value, partial):
        return _text((value.func, value.args, value.keywords))
    if isinstance(value, FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or () if cell.cell_contents is not value]
        return _text((value.__code__, value.__defaults__, value.__kwdefaults__, cells))
    if isinstance(value, CodeType):
        return _text((value.co_code.hex(), value.co_consts, value.co_names))
    return _ADDRESS.sub("", repr(value))
