"""What an event of Dagster holds of a report: readable where it is shown, and nothing of it acts."""

from __future__ import annotations

import pytest

from pipeline.intake import Intake, take_inbox
from pipeline.orchestration.metadata import markdown_table, place_metadata
from pipeline.report import reported, write_indexes
from pipeline.warehouse import Entry
from pipeline_tests.orchestration.conftest import Drop, order


def told(intake: Intake, entry: Entry) -> dict[str, str]:
    return {name: str(value.value) for name, value in place_metadata(entry, intake.settings).items()}


def take(intake: Intake) -> list[Entry]:
    outcomes = list(reported(intake, take_inbox(intake)))
    write_indexes(intake, {"orders"})
    return [outcome.entry for outcome in outcomes]


def test_the_report_stands_in_the_event_in_short(intake: Intake, drop: Drop) -> None:
    drop("a.csv", order(1), order(2, amount="oops"))
    drop("b.csv", order(3))
    drop("c.csv", header="nothing\n1\n")
    by_key = {entry.delivery: told(intake, entry) for entry in take(intake)}
    partial = by_key["a.csv"]["report_in_short"]
    assert "**a.csv**: partial, quality 7" in partial and "| 2 | 1 | 1 | 0 | 0 | 0 |" in partial
    assert "| amount | cast | reject | 1 | line 3: 'oops' is not a number" in partial
    assert by_key["a.csv"]["errors_workbook"] in partial and str(intake.settings.inbox / "orders") in partial
    assert "wait to be corrected" not in by_key["b.csv"]["report_in_short"]
    assert "errors_workbook" not in by_key["b.csv"] and "how_to_get_the_errors" not in by_key["b.csv"]
    assert "customer_email" in by_key["c.csv"]["report_in_short"]
    for one in by_key.values():
        assert one["report"] in one["report_in_short"]


def test_a_report_of_another_version_is_not_told_of_this_one(intake: Intake, drop: Drop) -> None:
    drop("a.csv", order(1), order(2, amount="oops"))
    [old] = take(intake)
    drop("a.csv", order(1))
    [new] = take(intake)
    assert "report_in_short" not in told(intake, old) and "how_to_get_the_errors" not in told(intake, old)
    assert "**a.csv**: loaded, quality 100 of 100" in told(intake, new)["report_in_short"]


def test_what_is_told_is_bounded(intake: Intake, drop: Drop) -> None:
    names = [f"column_{n}_{'x' * 60}" for n in range(200)]
    header = (
        "order_id,customer_email,amount,ordered_at,status,department,customer_name," + ",".join(names) + "\n"
    )
    line = order(1, amount="y" * 5_000).strip() + "," * len(names) + "\n"
    drop("x" * 150 + ".csv", line, line.replace("pending", "z" * 5_000), header=header)
    [entry] = take(intake)
    assert len(told(intake, entry)["report_in_short"]) < 6_000


@pytest.mark.parametrize(
    "value, shown",
    [
        ("![x](http://x.org/p.png)", "!\\[x\\](http://x.org/p.png)"),
        ("[x](javascript:1)", "\\[x\\](javascript:1)"),
        ("a|b", "a\\|b"),
        ("<img src=x>", "&lt;img src=x>"),
        ("&lt;b>", "&amp;lt;b>"),
        ("**b** `c`", "\\*\\*b\\*\\* \\`c\\`"),
        ("one\ntwo\r\x1b[1m", "one two %1B\\[1m"),
        ("\udce4", "%E4"),
    ],
)
def test_markdown_makes_nothing_of_a_value(value: str, shown: str) -> None:
    assert markdown_table(["v"], [(value,)]).value == f"| v |\n| --- |\n| {shown} |"
