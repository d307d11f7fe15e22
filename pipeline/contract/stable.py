"""Text that stands for a Python value and is the same in every process.

What belongs here: `repr` without addresses and without the order of sets, and functions by what they do. What does not: which
values of a contract count (`fingerprint`).
"""

from __future__ import annotations

import re
from functools import partial
from types import CodeType, FunctionType
from typing import Any

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def stable_text(value: Any) -> str:
    """`value` as text. A function stands for its code, its defaults and what it took from the functions around it."""
    if isinstance(value, dict):
        return repr(sorted((stable_text(key), stable_text(item)) for key, item in value.items()))
    if isinstance(value, set | frozenset):
        return repr(sorted(map(stable_text, value)))
    if isinstance(value, list | tuple):
        return repr([stable_text(item) for item in value])
    if isinstance(value, partial):
        return stable_text((value.func, value.args, value.keywords))
    if isinstance(value, FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or () if cell.cell_contents is not value]
        return stable_text((value.__code__, value.__defaults__, value.__kwdefaults__, cells))
    if isinstance(value, CodeType):
        return stable_text((value.co_code.hex(), value.co_consts, value.co_names))
    return _ADDRESS.sub("", repr(value))
