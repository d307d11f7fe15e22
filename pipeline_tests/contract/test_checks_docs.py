"""docs/checks.md is true: its tables and its code run, and it leaves no check out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandera.errors
import pandera.polars as pa
import polars as pl
import pytest

from pipeline.contract import checks
from pipeline.contract.checks import KINDS
from pipeline.contract.rules import Rule, check_rules

PAGE = (Path(__file__).parents[2] / "docs" / "checks.md").read_text(encoding="utf-8")
ROWS = re.findall(
    r"^\| (`.+?) \| .+? \| `(\w+): (\w+) = (.+?)` \| `(.+?)` \| `(.+?)` \|$", PAGE, re.MULTILINE
)
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
TYPES: dict[str, Any] = {"str": str, "float": float, "int": int}


def test_the_tables_were_found() -> None:
    assert len(ROWS) == len(re.findall(r"^\| `", PAGE, re.MULTILINE))


@pytest.mark.parametrize(("column", "kind", "field", "good", "bad"), [row[1:] for row in ROWS])
def test_the_examples_of_the_table(column: str, kind: str, field: str, good: str, bad: str) -> None:
    declared = eval(field, {"pa": pa, "checks": checks})
    model = type("Row", (pa.DataFrameModel,), {"__annotations__": {column: TYPES[kind]}, column: declared})
    assert (_passes(model, column, TYPES[kind](good)), _passes(model, column, TYPES[kind](bad))) == (
        True,
        False,
    )


def _passes(model: Any, column: str, value: Any) -> bool:
    try:
        model.validate(pl.DataFrame({column: [value]}))
    except pandera.errors.SchemaError:
        return False
    return True


def test_the_code_runs() -> None:
    own, rules = ({} for _ in range(2))
    exec(BLOCKS[0], own)
    exec(BLOCKS[1], rules)
    frame = pl.DataFrame({"code": ["TEST 1", "x"], "sku": ["A-1", "C-1"], "price": [1.25, 1.255]})
    with pytest.raises(pandera.errors.SchemaErrors) as caught:
        own["Sale"].validate(frame, lazy=True)
    cases = caught.value.failure_cases
    assert sorted(cases["failure_case"]) == ["1.255", "C-1", "TEST 1"]
    declared: list[Rule] = rules["rules"]
    text, number = pl.String(), pl.Float64()
    columns = dict.fromkeys(("status", "reason", "email", "phone", "name"), text)
    check_rules("sales", declared, columns | dict.fromkeys(("discount", "price"), number) | _dates())
    assert len(BLOCKS) == 2


def _dates() -> dict[str, pl.DataType]:
    return {"ship_date": pl.Date(), "order_date": pl.Date()}


def test_every_check_is_on_the_page() -> None:
    named = {word for row in ROWS for word in re.findall(r"`(\w+)`", row[0])}
    assert set(KINDS) | {"check"} <= named
