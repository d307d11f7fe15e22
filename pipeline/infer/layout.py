"""Python as a formatter would lay it out, at 88 columns and at any wider setting.

What belongs here: literals, calls, lists and mappings on one line or one item a line. What does not: what is written.

What does not fit on a line of 88 is written one item a line with a comma behind the last, which formatters leave alone whatever
their width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH = 88
_STEP = "    "


@dataclass(frozen=True)
class Group:
    """Something between brackets.

    Attributes:
        opening: up to and with the bracket: `pa.Field(`.
        items: each with what stands before it (`"ge="`), and its text or group.
        closing: the bracket.
        spread: one item a line even where one line would do.
        comments: place of an item → the lines of a comment above it.
    """

    opening: str
    items: Sequence[tuple[str, Node]]
    closing: str
    spread: bool = False
    comments: Mapping[int, Sequence[str]] | None = None

    @property
    def flat(self) -> str | None:
        """On one line; None where it must not be."""
        if self.spread:
            return None
        parts = [
            prefix + text if isinstance(node, str) else _flat(prefix, node)
            for prefix, node in self.items
            for text in [node if isinstance(node, str) else ""]
        ]
        return None if None in parts else f"{self.opening}{', '.join(filter(None, parts))}{self.closing}"


Node = str | Group


def _flat(prefix: str, node: Group) -> str | None:
    return None if node.flat is None else prefix + node.flat


def lines_of(prefix: str, node: Node, indent: str = "", tail: str = "") -> list[str]:
    """`prefix`, the node and `tail`, as lines."""
    flat = node if isinstance(node, str) else node.flat
    if isinstance(node, str) or (flat is not None and len(indent + prefix + flat + tail) <= WIDTH):
        return [f"{indent}{prefix}{flat}{tail}"]
    lines = [f"{indent}{prefix}{node.opening}"]
    for place, (before, item) in enumerate(node.items):
        lines += [f"{indent}{_STEP}# {comment}" for comment in (node.comments or {}).get(place, ())]
        lines += lines_of(before, item, indent + _STEP, ",")
    return [*lines, f"{indent}{node.closing}{tail}"]


def call(name: str, *arguments: Node, **named: Node) -> Group:
    """`name(arguments, named=…)`."""
    items: list[tuple[str, Node]] = [("", argument) for argument in arguments]
    return Group(f"{name}(", [*items, *((f"{key}=", value) for key, value in named.items())], ")")


def listed(items: Sequence[Node]) -> Group:
    """A list."""
    return Group("[", [("", item) for item in items], "]")


def mapping(items: Mapping[str, Node], spread: bool = False) -> Group:
    """A mapping with texts as keys."""
    return Group("{", [(f"{literal(key)}: ", value) for key, value in items.items()], "}", spread)


def literal(text: str) -> str:
    """A text as a formatter writes it: double quotes, unless that means more escapes."""
    quote = "'" if text.count('"') > text.count("'") else '"'
    body = "".join(_escaped(letter, quote) for letter in text)
    return f"{quote}{body}{quote}"


def _escaped(letter: str, quote: str) -> str:
    if letter == quote or letter == "\\":
        return f"\\{letter}"
    return letter if letter.isprintable() else repr(letter)[1:-1]


def number(value: float) -> str:
    """A number as people write it in code: `10_000`, `0.5`."""
    return f"{int(value):_}" if value == int(value) and (abs(value) >= 1 or value == 0) else f"{value:.12g}"
