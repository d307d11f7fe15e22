"""The fingerprint changes whenever staging could give another result, and only then."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pandera.polars as pa
import polars as pl
import pytest
from pandera.polars import PolarsData

from pipeline.contract import Dataset, Derived, Reference, Rule, Total, agg, clean


def _model(annotation: Any = int, **field: Any) -> type[pa.DataFrameModel]:
    body = {
        "__annotations__": {"number": annotation, "name": str},
        "number": pa.Field(**field),
        "name": pa.Field(nullable=True),
    }
    return type("Row", (pa.DataFrameModel,), body)


def _print(schema: type[pa.DataFrameModel] | None = None, **fields: Any) -> str:
    return Dataset("rows", schema=schema or _model(), **fields).fingerprint


def _replacing(word: str) -> Any:
    return lambda value: value.str.replace(word, "")


def _replace(word: str, value: pl.Expr) -> pl.Expr:
    return value.str.replace(word, "")


class Strict(pa.DataFrameModel):
    number: int
    name: str

    @pa.check("name")
    def named(cls, data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col(data.key) == "a")


class Lax(pa.DataFrameModel):
    number: int
    name: str

    @pa.check("name")
    def named(cls, data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col(data.key) != "a")


class InheritsStrict(Strict):
    pass


class InheritsLax(Lax):
    pass


_RULE = Rule("paid", pl.col("number") > 0)
CHANGES: dict[str, tuple[str, str]] = {
    "a type": (_print(), _print(_model(float))),
    "nullability": (_print(), _print(_model(nullable=True))),
    "uniqueness": (_print(), _print(_model(unique=True))),
    "a default": (_print(_model(default=1)), _print(_model(default=2))),
    "a check": (_print(), _print(_model(ge=0))),
    "a check's limit": (_print(_model(ge=0)), _print(_model(ge=1))),
    "a check that only warns": (_print(_model(ge=0)), _print(_model(ge=0, raise_warning=True))),
    "the body of a check of one's own": (_print(Strict), _print(Lax)),
    "the body of a check that is inherited": (_print(InheritsStrict), _print(InheritsLax)),
    "a cleaner": (_print(), _print(clean={"name": clean.strip})),
    "the order of cleaners": (
        _print(clean={"name": [clean.strip, clean.lower]}),
        _print(clean={"name": [clean.lower, clean.strip]}),
    ),
    "a cleaner's parameter": (
        _print(clean={"name": clean.nulls("a")}),
        _print(clean={"name": clean.nulls("b")}),
    ),
    "what a custom cleaner took from around it": (
        _print(clean={"name": clean.custom("x", _replacing("a"))}),
        _print(clean={"name": clean.custom("x", _replacing("b"))}),
    ),
    "what a custom cleaner was given": (
        _print(clean={"name": clean.custom("x", partial(_replace, "a"))}),
        _print(clean={"name": clean.custom("x", partial(_replace, "b"))}),
    ),
    "an alias": (_print(), _print(aliases={"number": ["No"]})),
    "keep": (_print(), _print(keep=pl.col("number") > 0)),
    "one of many values in keep": (
        _print(keep=pl.col("number").is_in(list(range(100)))),
        _print(keep=pl.col("number").is_in([*range(50), 999, *range(51, 100)])),
    ),
    "a rule": (_print(), _print(rules=[_RULE])),
    "a rule's message": (_print(rules=[_RULE]), _print(rules=[Rule("paid", _RULE.good, "not paid")])),
    "a rule's severity": (_print(rules=[_RULE]), _print(rules=[Rule("paid", _RULE.good, severity="warn")])),
    "a severity": (_print(_model(ge=0)), _print(_model(ge=0), severity={"number": {"ge": "warn"}})),
    "a reference": (_print(), _print(references=[Reference("name", "others", "id")])),
    "a reference's severity": (
        _print(references=[Reference("name", "others", "id")]),
        _print(references=[Reference("name", "others", "id", severity="warn")]),
    ),
    "a column that rises": (_print(), _print(increasing=["number"])),
    "a derived column": (_print(), _print(derive={"name": pl.col("number").cast(pl.String)})),
    "what a derived column is made of": (
        _print(derive=[Derived("name", pl.col("First"), source=True)]),
        _print(derive=[Derived("name", pl.col("Last"), source=True)]),
    ),
    "a key's name": (_print(clean={"name": clean.hash("a")}), _print(clean={"name": clean.hash("b")})),
    "the key": (_print(), _print(key=["number"])),
    "the zone": (_print(), _print(timezone="Europe/Berlin")),
    "the sheets": (_print(), _print(sheets=["Data"])),
}


@pytest.mark.parametrize("what", CHANGES)
def test_the_fingerprint_changes_with(what: str) -> None:
    before, after = CHANGES[what]
    assert before != after


SAME: dict[str, dict[str, Any]] = {
    "windows": {"windows": [Total("all", measures={"n": agg.count()})]},
    "the description": {"description": "rows"},
    "the thresholds": {"warn_error_rate": 0.2, "fail_error_rate": 0.3},
    "the freshness": {"freshness": "1d"},
    "one cleaner in a list": {"clean": {}},
    "no rules": {"rules": ()},
    "the limits": {"max_error_rate": 0.1, "max_errors": 7},
    "the archive": {"archive": "off"},
    "no severities": {"severity": {}},
    "nothing derived": {"derive": {}},
}


@pytest.mark.parametrize("what", SAME)
def test_the_fingerprint_does_not_change_with(what: str) -> None:
    assert _print(**SAME[what]) == _print()


def test_two_loads_of_one_declaration_have_one_fingerprint() -> None:
    assert _print(clean={"name": clean.number()}) == _print(clean={"name": clean.number()})


MODULE = """
import pandera.polars as pa
import polars as pl
from pandera.polars import PolarsData
from pipeline.contract import Dataset, clean

def outer(value):
    return value.map_elements(lambda text: text if text in {"a", "b", "c", "dd"} else None, return_dtype=pl.String)

class Row(pa.DataFrameModel):
    name: str = pa.Field(isin={"a", "b", "c", "dd"}, str_matches="x")

    @pa.dataframe_check
    def rule(cls, data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col("name").is_in({"a", "b"}))

rows = Dataset("rows", schema=Row, clean={"name": clean.custom("some", outer)}, keep=pl.col("name").is_in(["a", "b"]))
print(rows.fingerprint)
"""


def test_the_fingerprint_is_the_same_in_every_process(tmp_path: Path) -> None:
    module = tmp_path / "rows.py"
    module.write_text(MODULE)
    prints = set()
    for seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, str(module)],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        prints.add(run.stdout.strip())
    assert len(prints) == 1
