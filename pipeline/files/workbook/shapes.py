"""Rows of a sheet without their digits: in most sheets few are left that differ, and each of those is looked at once.

What belongs here: judging many rows at one go. What does not: rows that differ too much for that (`rows`).
"""

from __future__ import annotations

import re

# `E` and `+` of large numbers stay: they are part of columns' names and of styles too.
_DIGITS = b"0123456789.-"
_FEW, _SHARE, _MOST = 64, 8, 4096


class Shapes:
    """The shapes of rows: which cells a row has, with which types, and whether there is a value in them."""

    def __init__(self, prefix: bytes, unsure: bool) -> None:
        """`prefix`: of the elements' names. `unsure`: shared texts may be empty, and are no sign of a value."""
        self._open, self._any_row = b"<" + prefix + b"row ", b"<" + prefix + b"row"
        self._hollow = re.compile(b"<" + prefix + b"v><")
        value = rb'<%bc r="[A-Z]+"(?: s="")?><%bv>' % (prefix, prefix) if unsure else b"<" + prefix + b"v>"
        self._value = re.compile(value)
        self._known: set[bytes] = set()
        self._useful = True

    def judge(self, rows: bytes) -> tuple[int, set[bytes]] | None:
        """(how many rows these are, their shapes that are not known yet), if each holds a value; None if they have to be looked
        at otherwise. They begin where the first one does."""
        if not self._useful:
            return None
        parts = rows.translate(None, _DIGITS).split(self._open)
        count, shapes = len(parts) - 1, set(parts[1:])
        if len(shapes) > _FEW + count // _SHARE or len(self._known) > _MOST:
            self._useful = False
            return None
        new = shapes - self._known
        filled = all(self._value.search(shape) and self._any_row not in shape for shape in new)
        return None if parts[0] or not filled or self._hollow.search(rows) else (count, new)

    def learn(self, shapes: set[bytes]) -> None:
        """These are known from now on."""
        self._known |= shapes
