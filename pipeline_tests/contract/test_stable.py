"""What is declared is written the same in every process and under every Python, and otherwise wherever it does something else."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
from collections.abc import Iterator
from dataclasses import field, fields, make_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pipeline.contract import Sliding, Total, Tumbling, agg
from pipeline.contract.former import former_window
from pipeline.contract.registry import load_datasets
from pipeline.contract.stable import declared, stable_text

MODULE = '''
"""Checks."""
import functools
import beside

LIMIT = 1000
GOOD = {"a", "b"}
seen = {}

def twice(value: int) -> int:
    return value * 2

def around(factor):
    return lambda value: value * factor < 10

@functools.lru_cache
def kept(value): return value > 3

class Called:
    least = 1
    def __init__(self, most): self.most = most
    def __call__(self, value): return value < self.most

def check(value, share=0.5):
    """Whether it is right."""
    seen[value] = True
    if value in GOOD or value == beside.CODE or beside.fits(value):
        return f"{value!r:>5}" != b"x"
    return twice(value) < LIMIT and kept(value) and value is not None  # a remark

several = [lambda value: value + 1, lambda value: [(lambda part: part)(one) for one in value]]
checks = [check, around(3), kept, Called(3), *several]
'''
BESIDE = "CODE = 'x'\n\ndef fits(value):\n    return value == 7\n"
PINNED = [
    "9ebc29f32962af62",
    "8fc2ba55cf885a74",
    "a49ce120f8fafc8f",
    "44706f7787bed468",
    "56eaf09af60966f7",
    "173de2137902911c",
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path


def _load(folder: Path, text: str = MODULE, beside: str = BESIDE) -> ModuleType:
    """The module, as another process would load it."""
    import sys

    sys.modules.pop("beside", None)
    importlib.invalidate_caches()
    place = folder / hashlib.sha256((text + beside).encode()).hexdigest()[:8]
    place.mkdir(exist_ok=True)
    (place / "beside.py").write_text(beside)
    (place / "rules.py").write_text(text)
    sys.path.insert(0, str(place))
    spec = importlib.util.spec_from_file_location("rules", place / "rules.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.path.remove(str(place))
    sys.modules.pop("beside", None)
    return module


def _digests(module: ModuleType) -> list[str]:
    return [hashlib.sha256(stable_text(one).encode()).hexdigest()[:16] for one in module.checks]


def test_functions_are_written_the_same_under_every_python(folder: Path) -> None:
    assert _digests(_load(folder)) == PINNED
    assert len(set(PINNED)) == len(PINNED)


NO_CHANGE = {
    "a remark": ("  # a remark", "  # another"),
    "a docstring": ('"""Whether it is right."""', '"""Says whether\n\n    it is."""'),
    "another place": ("LIMIT = 1000", "\n\n\nOTHER = 3\nLIMIT = 1000"),
    "how it is laid out": (
        "if value in GOOD or value == beside.CODE or beside.fits(value):",
        "if (value in GOOD\n        or value == beside.CODE or beside.fits(\n            value)):",
    ),
    "a function that is not named": ("def around(factor):", "def apart(): return 5\n\ndef around(factor):"),
}


@pytest.mark.parametrize("what", NO_CHANGE)
def test_what_does_nothing_changes_nothing(folder: Path, what: str) -> None:
    before, after = NO_CHANGE[what]
    assert before in MODULE
    assert _digests(_load(folder, MODULE.replace(before, after))) == PINNED


def test_what_a_cache_holds_changes_nothing(folder: Path) -> None:
    module = _load(folder)
    module.check("a")
    assert module.seen
    assert _digests(module) == PINNED


CHANGES = {
    "a constant in it": ("value == beside.CODE", "value == 'y' + beside.CODE", 0),
    "a constant of the module": ("LIMIT = 1000", "LIMIT = 1001", 0),
    "its type": ("LIMIT = 1000", "LIMIT = 1000.0", 0),
    "a set of the module": ('GOOD = {"a", "b"}', 'GOOD = {"a", "c"}', 0),
    "what is added to a set": ("seen = {}", "seen = {}\nGOOD.add(5)", 0),
    "a default": ("share=0.5", "share=0.6", 0),
    "a function that it calls": ("value * 2", "value * 3", 0),
    "what is decorated and called": ("return value > 3", "return value >= 3", 0),
    "what it took from around": ("around(3)", "around(4)", 1),
    "a decorated function": ("return value > 3", "return value >= 3", 2),
    "a constant of its class": ("least = 1", "least = 2", 3),
    "what an object was made with": ("Called(3)", "Called(4)", 3),
    "how an object is called": ("value < self.most", "value <= self.most", 3),
    "the first of two on a line": ("value + 1", "value + 2", 4),
    "the inner of two on a line": ("lambda part: part", "lambda part: -part", 5),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_does_something_changes_that_function(folder: Path, what: str) -> None:
    before, after, which = CHANGES[what]
    assert before in MODULE
    changed = _digests(_load(folder, MODULE.replace(before, after)))
    assert changed[which] != PINNED[which]


@pytest.mark.parametrize(("before", "after"), [("'x'", "'y'"), ("value == 7", "value == 8")])
def test_a_module_beside_it_counts(folder: Path, before: str, after: str) -> None:
    changed = _digests(_load(folder, beside=BESIDE.replace(before, after)))
    assert changed[0] != PINNED[0]
    assert changed[1:] == PINNED[1:]


def test_without_source_its_bytecode_is_taken_and_that_is_said(caplog: pytest.LogCaptureFixture) -> None:
    names: dict[str, Any] = {"__name__": "typed_in"}
    exec("def one(value): return value < 3\ndef other(value): return value < 4", names)
    with caplog.at_level(logging.WARNING, "pipeline.contract.stable"):
        assert stable_text(names["one"]) != stable_text(names["other"])
    assert "bytecode of Python 3." in stable_text(names["one"])
    assert "typed_in.one: its source cannot be read" in caplog.text


def test_a_file_that_was_changed_since_it_was_loaded_does_not_speak_for_what_runs(folder: Path) -> None:
    module = _load(folder)
    Path(module.__file__ or "").write_text(MODULE.replace("value * factor < 10", "value * factor < 11"))
    assert "bytecode" in stable_text(module.checks[1])


TUMBLING = Tumbling("daily", every="1d", by=("shop",), measures={"n": agg.count(where="a > 1")}, fill="zero")
DECLARED = [
    TUMBLING,
    Sliding("last", size="2h", every="1h", measures={"p": agg.quantile("amount", 0.5)}),
    Total("all", measures={"n": agg.max_by("a", "b")}, per_delivery=False),
]


def _later(given: Any, value: Any = None) -> Any:
    """The same, of a class that has got another field since."""
    old = [(one.name, one.type, field(default=None)) for one in fields(given)]
    made = make_dataclass(type(given).__name__, [*old, ("added", Any, field(default=None))], frozen=True)
    values = {one.name: getattr(given, one.name) for one in fields(given)}
    defaults = {one.name: one for one in fields(given)}
    found = made(**values, added=value)
    for name, one in defaults.items():
        made.__dataclass_fields__[name].default = one.default
        made.__dataclass_fields__[name].default_factory = one.default_factory
    return found


@pytest.mark.parametrize("given", DECLARED, ids=lambda one: one.name)
def test_a_field_that_a_class_gets_later_changes_nothing_where_it_is_not_used(given: Any) -> None:
    assert declared(_later(given)) == declared(given)
    assert former_window(_later(given)) == former_window(given)
    assert declared(_later(given, 5)) != declared(given)
    assert former_window(_later(given, 5)) is None  # no earlier version could have computed that


def test_a_field_of_a_measure_that_came_later_changes_nothing_where_it_is_not_used() -> None:
    later = Tumbling(**{**vars(TUMBLING), "measures": {"n": _later(TUMBLING.measures["n"])}})
    assert declared(later) == declared(TUMBLING)
    assert former_window(later) == former_window(TUMBLING)


DATASET = '''
import pandera.polars as pa
import polars as pl
from pandera.polars import PolarsData
from pipeline.contract import Dataset, Rule, checks, clean

LEAST = 3

def enough(value):
    return value > LEAST

class Row(pa.DataFrameModel):
    """A row."""
    number: int = pa.Field(check=checks.python("enough", enough, "too small"), description="how many")
    name: str

    @pa.check("name")
    def named(cls, data: PolarsData) -> pl.LazyFrame:
        """Has a name."""
        return data.lazyframe.select(pl.col(data.key).str.len_chars() > LEAST)

rows = Dataset("rows", schema=Row, rules=[Rule.in_pandas("right", ["number"], lambda rows: rows["number"] > LEAST)],
               clean={"name": clean.custom("cut", lambda value: value.str.head(9))})
'''


def _fingerprint(folder: Path, text: str) -> str:
    place = folder / hashlib.sha256(text.encode()).hexdigest()[:8]
    place.mkdir()
    (place / "rows.py").write_text(text)
    return load_datasets([str(place)])["rows"].fingerprint


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ('"""A row."""', '"""One row."""', True),
        ('"""Has a name."""', "# has a name", True),
        ('"how many"', '"the number"', True),
        ("LEAST = 3", "LEAST = 4", False),
        ("len_chars() > LEAST", "len_chars() >= LEAST", False),
        ("head(9)", "head(8)", False),
        ('rows["number"] > LEAST', 'rows["number"] >= LEAST', False),
    ],
)
def test_a_contract_changes_with_what_its_code_does_only(
    tmp_path: Path, before: str, after: str, same: bool
) -> None:
    assert before in DATASET
    changed = _fingerprint(tmp_path, DATASET.replace(before, after))
    assert (changed == _fingerprint(tmp_path, DATASET)) is same
