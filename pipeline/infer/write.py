"""The text of a dataset module.

What belongs here: writing down what was decided, laid out as a formatter would. What does not: deciding anything.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Mapping, Sequence

from pipeline.infer.decide import Decided
from pipeline.infer.fields import Field
from pipeline.infer.layout import Group, Node, call, lines_of, listed, literal, mapping
from pipeline.infer.names import class_name, variable_name
from pipeline.infer.readings import ZONE
from pipeline.infer.windows import Window

_COMMENT = 84
_TIMES = frozenset({"date", "datetime"})


def module_text(
    dataset: str,
    decided: Decided,
    window: Window | None,
    about: str,
    read: Mapping[str, object],
    sheets: Sequence[str],
    left_out: Sequence[str],
    zone: str = ZONE,
) -> str:
    """The module.

    Args:
        dataset: its name.
        about: what the file is, for the docstring.
        read: what has to be said of how its files are written.
        sheets: the sheets that have to be named.
        left_out: columns that no field stands for.
        zone: IANA zone of times without one.
    """
    # A field called `date` would hide the type of that name from the fields below it.
    qualified = any(field.name in _TIMES for field in decided.fields)
    body = _dataset(dataset, decided, window, read, sheets, zone)
    model = _model(dataset, decided, left_out, qualified)
    text = "\n".join([*model, "", "", *body])
    return "\n".join(
        [f'"""{about}"""', "", *_imports(decided, window, bool(read), qualified), "", "", text, ""]
    )


def _imports(decided: Decided, window: Window | None, read: bool, qualified: bool) -> list[str]:
    types = {field.annotation for field in decided.fields}
    lines = []
    if types & _TIMES:
        plain = f"from datetime import {', '.join(sorted(types & _TIMES))}"
        lines.append("import datetime as dt" if qualified else plain)
    exact = any(one.startswith("Annotated[") for one in types)
    if exact:
        lines.append("from typing import Annotated")
    lines += [""] if lines else []
    lines.append("import pandera.polars as pa")
    if exact or any(one.startswith("pl.") for one in types):
        lines.append("import polars as pl")
    names = ["Dataset", *(["Read"] if read else [])]
    if window is not None:
        names += ["Tumbling" if window.every else "Total", "agg"]
    if any(field.cleaners for field in decided.fields):
        names.append("clean")
    return [*lines, "", f"from pipeline.contract import {', '.join(names)}"]


def _model(dataset: str, decided: Decided, left_out: Sequence[str], qualified: bool) -> list[str]:
    lines = [f"class {class_name(dataset)}(pa.DataFrameModel):"]
    for field in decided.fields:
        lines += _comment(field.comments, "    ")
        lines += lines_of(f"{field.name}: {_annotation(field, qualified)}", _field(field), "    ")
    for header in left_out:
        lines += _comment(
            [
                f"{literal(header)} differs from another column in case or punctuation alone: it is kept in _rescued."
            ],
            "    ",
        )
    return lines


def _annotation(field: Field, qualified: bool) -> str:
    return f"dt.{field.annotation}" if qualified and field.annotation in _TIMES else field.annotation


def _field(field: Field) -> Node:
    checks: list[tuple[str, Node]] = []
    for check in field.checks:
        name, _, value = check.partition("=")
        checks.append((f"{name}=", _list_of(value) if value.startswith("[") else value))
    if field.nullable:
        checks.append(("", "nullable=True"))
    return Group(" = pa.Field(", checks, ")") if checks else ""


def _list_of(code: str) -> Node:
    return listed([literal(item) for item in ast.literal_eval(code)])


def _comment(comments: Sequence[str], indent: str) -> list[str]:
    return [
        f"{indent}# {line}"
        for comment in comments
        for line in textwrap.wrap(
            comment, _COMMENT - len(indent), break_long_words=False, break_on_hyphens=False
        )
    ]


def _dataset(
    dataset: str,
    decided: Decided,
    window: Window | None,
    read: Mapping[str, object],
    sheets: Sequence[str],
    zone: str,
) -> list[str]:
    items: list[tuple[str, Node]] = [("", literal(dataset)), ("schema=", class_name(dataset))]
    comments: dict[int, Sequence[str]] = {}
    aliases: dict[str, Node] = {f.name: listed([literal(f.header)]) for f in decided.fields if f.alias}
    cleaners: dict[str, Node] = {
        f.name: f.cleaners[0] if len(f.cleaners) == 1 else listed(f.cleaners)
        for f in decided.fields
        if f.cleaners
    }
    if aliases:
        items.append(("aliases=", mapping(aliases)))
    if cleaners:
        items.append(("clean=", mapping(cleaners)))
    if decided.key:
        comments[len(items)] = [decided.key_comment]
        items.append(("key=", listed([literal(name) for name in decided.key])))
    if decided.event_time is not None:
        times = next((f.facts for f in decided.fields if f.name == decided.event_time), None)
        if times is not None and not times.midnight and zone == ZONE:
            comments[len(items)] = ["Times without a zone are taken as UTC; timezone= says otherwise."]
            if times.ascending and times.set_back is not None:
                back = (
                    f"Times go back on {times.set_back.date()}, as clocks do that are set back: they are local times. Say"
                    ' timezone=, and repeated_hour="order", by which the hour that comes twice is told apart.'
                )
                comments[len(items)] = textwrap.wrap(back, _COMMENT - len("    "))
        items.append(("event_time=", literal(decided.event_time)))
    if zone != ZONE:
        items.append(("timezone=", literal(zone)))
    if window is not None:
        comments[len(items)] = ["A window to begin with."]
        items.append(("windows=", listed([_window(window)])))
    if sheets:
        items.append(("sheets=", listed([literal(sheet) for sheet in sheets])))
    if read:
        items.append(("read=", call("Read", **{name: _value(value) for name, value in read.items()})))
    group = Group("Dataset(", items, ")", spread=True, comments=comments)
    return lines_of(f"{variable_name(dataset)} = ", group)


def _value(value: object) -> str:
    return literal(value) if isinstance(value, str) else repr(value)


def _window(window: Window) -> Node:
    named: dict[str, Node] = {}
    if window.every is not None:
        named["every"] = literal(window.every)
    if window.by:
        named["by"] = listed([literal(name) for name in window.by])
    named["measures"] = mapping(window.measures)
    return call("Tumbling" if window.every else "Total", literal(window.name), **named)
