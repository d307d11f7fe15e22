"""docs/checks.md is true: its tables and its code run, and it leaves no check out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandera.errors
import pandera.polars as pa
import polars as pl
import pytest

from pipeline.contract import checks, required_when
from pipeline.contract.checks import KINDS
from pipeline.contract.registry import load_datasets
from pipeline.contract.rules import Rule, check_rules
from pipeline.intake import Intake, take_inbox
from pipeline.settings import Settings
from pipeline.warehouse import Warehouse

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
    assert len(BLOCKS) == 3


def _dates() -> dict[str, pl.DataType]:
    return {"ship_date": pl.Date(), "order_date": pl.Date()}


def test_severities_references_and_limits_are_as_the_page_says(settings: Settings) -> None:
    (settings.home / "page.py").write_text(BLOCKS[2])
    named = load_datasets([str(settings.home / "page.py")])
    intake = Intake(settings, named, Warehouse.from_settings(settings, named))
    intake.make_folders()
    (settings.inbox / "customers" / "b.csv").write_text("id,invited_by\n1,\n3,2\n2,1\n4,9\n5,4\n")
    header = "order_id,customer_id,email,amount,entered_at\n"
    good = "".join(f"{row},1,a@b.de,5,2026-01-{row:02} 10:00\n" for row in range(1, 20))
    bad = "20,17,a@b.de,20000,2026-01-20 10:00\n"
    orders = settings.inbox / "orders"
    (orders / "a.csv").write_text(header + good + bad)
    (orders / "b.csv").write_text(header + good.replace("a@b.de", "ann"))
    (orders / "c.csv").write_text(header + "30,1,a@b.de,5,2026-02-01 10:00\n31,1,a@b.de,5,2026-01-31 10:00\n")
    found = {(one.dataset, one.delivery): one for one in take_inbox(intake)}
    assert [(key, one.entry.status, one.entry.rows_rejected) for key, one in found.items()] == [
        (("customers", "b.csv"), "partial", 2),
        (("orders", "a.csv"), "partial", 1),
        (("orders", "b.csv"), "quarantined", 0),
        (("orders", "c.csv"), "quarantined", 0),
    ]
    told = intake.warehouse.query("SELECT check_name, severity, message FROM errors.orders ORDER BY 1").rows()
    assert told == [
        ("less_than", "warn", "20000 is not less than 10000"),
        ("reference", "reject", "customer_id 17 is not in customers.id"),
    ]
    assert "customer_id 17 is not in customers.id" in PAGE
    assert "'ann' is not an e-mail address" in str(found["orders", "b.csv"].entry.reason)
    assert "increasing of entered_at 1" in str(found["orders", "c.csv"].entry.reason)
    required_when("email", pl.col("id").is_not_null(), severity="warn")


def test_every_check_is_on_the_page() -> None:
    named = {word for row in ROWS for word in re.findall(r"`(\w+)`", row[0])}
    assert set(KINDS) | {"check"} <= named
