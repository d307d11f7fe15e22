"""Text that stands for a declared value: the same in every process, under every version of Python.

What belongs here: values as canonical JSON, functions by their source. What does not: which values of a contract count
(`fingerprint`), and how earlier versions wrote them (`former`). Why it is done so: docs/decisions/0039-stable-fingerprints.md.

What is declared is written without the fields that are as by default, so that a field that a class gets later changes nothing where
it is not used. A function is written as the syntax tree of its source, with what it takes from elsewhere: defaults, values of the
functions around it, and the constants and functions that it names, where those are its module's or of a module beside it.
"""

from __future__ import annotations

import ast
import inspect
import json
import logging
import platform
import re
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date, time, timedelta, tzinfo
from decimal import Decimal
from enum import Enum
from functools import lru_cache, partial
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import polars as pl

ENCODING = 2
"""Raised when the same declaration comes to be written otherwise; `former` then learns to write it as before."""
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_UNSAID = {"ctx", "kind", "type_comment", "type_ignores"}
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_PLAIN = (
    bool,
    int,
    float,
    complex,
    str,
    bytes,
    Decimal,
    Enum,
    date,
    time,
    timedelta,
    tzinfo,
    re.Pattern,
    pl.Expr,
)
_log = logging.getLogger(__name__)


class FunctionDigest(str):
    """16 hex digits that stand for a function among the parameters of a check; it knows the function."""

    function: Any

    def __new__(cls, digest: str, function: Any = None) -> FunctionDigest:  # copies set it afterwards
        made = super().__new__(cls, digest)
        made.function = function
        return made


def stable_text(value: Any) -> str:
    """`value` as canonical JSON."""
    return _json(declared(value))


def declared(value: Any) -> Any:
    """`value` as it goes into JSON; of a dataclass its name, and its fingerprint or the fields that are not as by default."""
    return _encoded(value, ())


def written_in(model: type) -> dict[str, Any]:
    """What Python code a class has of its own: name → a method, or what it is set to. Annotated fields, nested classes and what Python
    itself sets are left out."""
    found = {}
    for name, value in vars(model).items():
        inner = value.__func__ if isinstance(value, classmethod | staticmethod) else value
        if isinstance(inner, FunctionType) or (_is_constant(inner) and not name.startswith("__")):
            found[name] = inner
    return found


def expression_text(expression: pl.Expr) -> str:
    """The whole expression: as text polars leaves out the middle of long lists."""
    try:
        return expression.meta.serialize(format="json")
    except (pl.exceptions.PolarsError, ValueError, TypeError):
        return repr(_ADDRESS.sub("", str(expression)))  # Python functions in it cannot be serialised


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _encoded(value: Any, within: tuple[Any, ...]) -> Any:
    """`value` as it goes into JSON; `within` are the functions that it is a part of."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, list | tuple):
        return [_encoded(item, within) for item in value]
    if isinstance(value, set | frozenset):
        return {"set": sorted((_encoded(item, within) for item in value), key=_json)}
    if isinstance(value, Mapping):
        pairs = [[_encoded(key, within), _encoded(item, within)] for key, item in value.items()]
        return {"map": sorted(pairs, key=_json)}
    if is_dataclass(value) and not isinstance(value, type):
        if hasattr(value, "fingerprint"):  # it knows what of it counts, and what may be shown
            return {type(value).__name__: _encoded(value.fingerprint, within)}
        said = {one.name: getattr(value, one.name) for one in fields(value) if not _by_default(one, value)}
        return {type(value).__name__: {name: _encoded(item, within) for name, item in said.items()}}
    if isinstance(value, pl.Expr):
        return {"Expr": expression_text(value)}
    if isinstance(value, re.Pattern):
        return {"Pattern": [_encoded(value.pattern, within), value.flags]}
    if isinstance(value, type):
        return {"class": f"{value.__module__}.{value.__qualname__}"}
    return _called(value, within)


def _called(value: Any, within: tuple[Any, ...]) -> Any:
    """As `_encoded`, of what can be called; of all else its class and its `repr`."""
    if isinstance(value, FunctionType):
        return {"again": value.__name__} if value in within else _function(value, (*within, value))
    if isinstance(value, partial):
        return {"partial": _encoded([value.func, value.args, value.keywords], within)}
    if isinstance(value, MethodType):
        return {"method": _encoded([value.__func__, value.__self__], within)}
    if isinstance(getattr(value, "__wrapped__", None), FunctionType):
        return {"wrapped": _encoded(value.__wrapped__, within)}
    call = inspect.getattr_static(type(value), "__call__", None)
    if isinstance(call, FunctionType) and hasattr(value, "__dict__"):
        return {type(value).__name__: _encoded([vars(value), written_in(type(value))], within)}
    return {type(value).__name__: _ADDRESS.sub("", repr(value))}


def _by_default(one: Field[Any], value: Any) -> bool:
    default = one.default if one.default_factory is MISSING else one.default_factory()
    given = getattr(value, one.name)
    return default is not MISSING and type(given) is type(default) and bool(given == default)


def _function(function: FunctionType, within: tuple[Any, ...]) -> dict[str, Any]:
    code = function.__code__
    said = {
        "defaults": _encoded([function.__defaults__, function.__kwdefaults__], within),
        "around": _encoded(inspect.getclosurevars(function).nonlocals, within),
    }
    source = _source(function)
    if source is not None:
        node, tree = source
        return said | {"source": _dump(node), "named": _named(function, node, tree, within)}
    _log.warning(
        "%s.%s: its source cannot be read, so its bytecode tells what it does; that is another in the next version of Python, and what "
        "it has judged then counts as judged by another contract. Write it in a file.",
        function.__module__,
        function.__qualname__,
    )
    version = ".".join(platform.python_version_tuple()[:2])
    return said | {f"bytecode of Python {version}": _bytecode(code)}


def _bytecode(code: CodeType) -> Any:
    consts = [_bytecode(one) if isinstance(one, CodeType) else _encoded(one, ()) for one in code.co_consts]
    return [code.co_code.hex(), consts, list(code.co_names)]


def _named(
    function: FunctionType, node: ast.AST, tree: ast.Module, within: tuple[Any, ...]
) -> dict[str, Any]:
    """What a function names of its module, and of modules beside it: dotted name → constant or function."""
    here, there = function.__globals__, Path(function.__code__.co_filename).parent
    looked_up = set(_names(function.__code__))
    found: dict[str, Any] = {}
    for one in ast.walk(node):
        if isinstance(one, ast.Name) and one.id in looked_up and one.id in here:
            value = here[one.id]
            if isinstance(value, list | set | dict) and (set_to := _set_to(tree, one.id)):
                found[one.id] = (
                    set_to  # a cache that is filled while rows are judged says nothing of how they are
                )
            elif _counts(value, there):
                found[one.id] = _encoded(value, within)
        elif isinstance(one, ast.Attribute) and isinstance(one.value, ast.Name):
            module = here.get(one.value.id)
            if isinstance(module, ModuleType) and _is_beside(module.__file__, there):
                value = getattr(module, one.attr, None)
                if _counts(value, there):
                    found[f"{one.value.id}.{one.attr}"] = _encoded(value, within)
    return found


def _counts(value: Any, there: Path) -> bool:
    if isinstance(value, FunctionType):
        return _is_beside(value.__code__.co_filename, there)
    wrapped = value.func if isinstance(value, partial) else getattr(value, "__wrapped__", None)
    return _is_constant(value) or (isinstance(wrapped, FunctionType) and _counts(wrapped, there))


def _is_beside(file: str | None, folder: Path) -> bool:
    return file is not None and Path(file).is_relative_to(folder)


def _is_constant(value: Any) -> bool:
    """Whether it is a value of Python's own kinds, all through."""
    if isinstance(value, Mapping):
        return all(_is_constant(one) for pair in value.items() for one in pair)
    if isinstance(value, list | tuple | set | frozenset):
        return all(map(_is_constant, value))
    return value is None or isinstance(value, _PLAIN)


def _set_to(tree: ast.Module, name: str) -> list[Any]:
    """The statements of a module that give `name` its value, or change what is in it."""
    return [
        _dump(one)
        for one in tree.body
        if isinstance(one, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Expr)
        for part in (one.targets if isinstance(one, ast.Assign) else [getattr(one, "target", one)])
        if any(isinstance(inner, ast.Name) and inner.id == name for inner in ast.walk(part))
    ]


def _names(code: CodeType) -> Iterator[str]:
    for one in _within(code):
        yield from one.co_names


def _within(code: CodeType) -> Iterator[CodeType]:
    yield code
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield from _within(one)


def _source(function: FunctionType) -> tuple[ast.AST, ast.Module] | None:
    """The definition of a function, and its file; None where there is no file, or it is not what was loaded."""
    code = function.__code__
    read = _read(code.co_filename)
    if read is None or code not in read[1]:
        return None
    places = [
        (line, end, column, until) for line, end, column, until in code.co_positions() if column != until
    ]
    found = [one for one in ast.walk(read[0]) if _defines(one, code, places)]
    if not places and len(found) > 1:
        return None
    innermost = max(found, key=lambda one: (one.lineno, one.col_offset), default=None)  # type: ignore[attr-defined]
    return None if innermost is None else (innermost, read[0])


def _defines(node: ast.AST, code: CodeType, places: list[Any]) -> bool:
    """Whether a node is the definition that became `code`; of several lambdas within each other all that hold its places."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
        return node.name == code.co_name and first == code.co_firstlineno
    if not isinstance(node, ast.Lambda) or code.co_name != "<lambda>" or node.lineno != code.co_firstlineno:
        return False
    body = node.body
    begin, finish = (body.lineno, body.col_offset), (body.end_lineno or 0, body.end_col_offset or 0)
    return all(begin <= (line, column) and (end, until) <= finish for line, end, column, until in places)


def _read(file: str) -> tuple[ast.Module, frozenset[CodeType]] | None:
    try:
        status = Path(file).stat()
    except (OSError, ValueError):
        return None
    return _parsed(file, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=64)
def _parsed(file: str, changed: int, size: int) -> tuple[ast.Module, frozenset[CodeType]] | None:
    """The syntax tree of a file, and all code that it compiles to; None where it is no Python."""
    try:
        with tokenize.open(file) as opened:
            text = opened.read()
        tree = ast.parse(text)
        return tree, frozenset(_within(compile(text, file, "exec", dont_inherit=True)))
    except (OSError, SyntaxError, ValueError):
        return None


def _dump(node: Any) -> Any:
    """A syntax tree without places and docstrings, and without what is empty: so it is the same under every version of Python."""
    if isinstance(node, ast.Constant):
        return ["Constant", type(node.value).__name__, repr(node.value)]
    if isinstance(node, list):
        return [_dump(one) for one in node]
    if not isinstance(node, ast.AST):
        return node
    said = {}
    for name, value in ast.iter_fields(node):
        if (
            name == "body"
            and isinstance(node, _DOCUMENTED)
            and ast.get_docstring(node, clean=False) is not None
        ):
            value = value[1:]
        if name not in _UNSAID and value is not None and value != []:
            said[name] = _dump(value)
    return [type(node).__name__, said]
