"""What a report says of a delivery, and that it says it safely."""

from __future__ import annotations

import json
import re
import resource
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from pipeline.intake import Intake, open_intake, take_inbox
from pipeline.report import report_page, reported, write_all_reports, write_indexes, write_reports
from pipeline.report.paths import index_page
from pipeline.settings import Settings
from pipeline.status import gather_status
from pipeline.warehouse import Failures, PartsFailed
from pipeline_tests.report.conftest import HEADER, Drop, TakeIn, order

EVIL = '<script>alert("1")</script>'


def page_of(house: Intake, delivery: str, dataset: str = "orders") -> str:
    return report_page(house.settings, dataset, delivery).read_text(encoding="utf-8")


def document_of(house: Intake, delivery: str, dataset: str = "orders") -> dict[str, Any]:
    path = report_page(house.settings, dataset, delivery).with_suffix(".json")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def parsed(page: str) -> ET.Element:
    """The page as a tree: fails where it is not well formed."""
    return ET.fromstring(page.removeprefix("<!DOCTYPE html>").replace("&nbsp;", " ").strip())


def content_of(path: Path) -> object:
    """The bytes of a file; of a workbook its rows, for it says when it was written."""
    if path.suffix != ".xlsx":
        return path.read_bytes()
    return [row for sheet in load_workbook(path) if sheet.title != "Summary" for row in sheet.values]


def words(page: str) -> str:
    return " ".join("".join(parsed(page).itertext()).split())


def test_a_report_tells_what_was_read_what_is_wrong_and_how_to_correct_it(
    house: Intake, drop: Drop, take_in: TakeIn
) -> None:
    drop(
        "a.csv",
        order(1, name=" Ann "),
        order(2, amount="oops"),
        order(3, amount="-1"),
        order(4, day="2026-01-06"),
    )
    take_in()
    found = document_of(house, "a.csv")
    assert found["rows"] == {"read": 4, "clean": 2, "rejected": 2, "filtered": 0, "warned": 0, "mended": 0}
    assert [
        (c["column"], c["check"], c["violations"], c["examples"][0]["line"]) for c in found["checks"]
    ] == [
        ("amount", "cast", 1, 3),
        ("amount", "greater_than_or_equal_to", 1, 4),
    ]
    assert {c["column"]: c["nulls"] for c in found["columns"]}[
        "amount"
    ] == 0  # `twelve` is no number, and no null either
    assert found["cleaning"] == [{"column": "customer_name", "cleaner": "strip", "changed": 1}]
    assert next((w["window"], w["listed"]) for w in found["windows"]) == (
        "daily_by_department",
        ["2026-01-05", "2026-01-06"],
    )
    assert found["errors_workbook"] == "pipeline errors orders --delivery a.csv --out errors.xlsx"
    text = words(page_of(house, "a.csv"))
    for said in ("4 rows were read: 2 are in clean.orders, 2 in errors.orders", "-1 is less than 0", "strip"):
        assert said in text


def test_the_original_is_linked(house: Intake, drop: Drop, take_in: TakeIn) -> None:
    drop("deep/er/a b.csv", order(1))
    drop("bad.csv", header="nothing,of,this\n1,2,3\n")
    take_in()
    for delivery in ("deep/er/a b.csv", "bad.csv"):
        page = report_page(house.settings, "orders", delivery)
        href = document_of(house, delivery)["file"]["original"]
        assert (page.parent / href.replace("%20", " ")).resolve().is_file()
    reason = document_of(house, "bad.csv")["file"]["quarantine_reason"]
    assert (report_page(house.settings, "orders", "bad.csv").parent / reason).resolve().is_file()


def test_values_and_names_from_files_are_escaped(house: Intake, drop: Drop, take_in: TakeIn) -> None:
    name = 'it\'s "x" & <b>.csv'
    drop(
        name,
        order(1, amount=EVIL.replace('"', "")),
        order(2, name=EVIL.replace('"', "")),
        order(3, name="\x1b[31m\x0b"),
    )
    take_in()
    page = page_of(house, name)
    assert "<script" not in page
    assert "alert(1)" in words(page)
    assert "&amp; &lt;b&gt;" in page and "& <b>" not in page
    assert "\x1b" not in page and "\x0b" not in page
    parsed(index_page(house.settings, "orders").read_text(encoding="utf-8"))
    command = document_of(house, name)["errors_workbook"]
    assert command == """pipeline errors orders --delivery 'it'"'"'s "x" & <b>.csv' --out errors.xlsx"""


def test_a_page_needs_nothing_from_outside(house: Intake, drop: Drop, take_in: TakeIn) -> None:
    drop("a.csv", order(1), order(2, amount="oops"))
    take_in()
    for page in house.settings.reports.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        tree = parsed(text)
        assert not tree.findall(".//script") and not tree.findall(".//link") and not tree.findall(".//img")
        assert not re.search(r"https?:|url\(|@import", text)


def test_a_quarantined_file_has_a_report_with_the_reason_and_the_score_0(
    house: Intake, drop: Drop, take_in: TakeIn
) -> None:
    drop("bad.csv", header="order_id,amount\n1,2\n")
    take_in()
    found = document_of(house, "bad.csv")
    assert (found["status"], found["quality"]["score"]) == ("quarantined", 0)
    assert "customer_email" in words(page_of(house, "bad.csv"))


def test_a_file_outside_of_any_dataset_has_a_report_too(house: Intake, drop: Drop, take_in: TakeIn) -> None:
    drop("x.csv", order(1), folder="nosuch")
    take_in()
    assert document_of(house, "x.csv", "nosuch")["status"] == "quarantined"


def test_a_refused_new_version_says_that_the_earlier_one_is_still_in_the_table(
    house: Intake, drop: Drop, take_in: TakeIn
) -> None:
    drop("a.csv", order(1), order(2))
    take_in()
    drop("a.csv", header="nothing\n1\n")
    take_in()
    found = document_of(house, "a.csv")
    assert (found["status"], found["still_loaded"]["rows_clean"]) == ("quarantined", 2)
    assert "is still in the table with 2 rows" in words(page_of(house, "a.csv"))


def test_a_file_dropped_twice_keeps_its_report_and_a_copy_says_whose_it_is(
    house: Intake, drop: Drop, take_in: TakeIn
) -> None:
    drop("a.csv", order(1))
    take_in()
    drop("a.csv", order(1))
    drop("b.csv", order(1))
    take_in()
    assert document_of(house, "a.csv")["status"] == "loaded"
    copy = document_of(house, "b.csv")
    assert (copy["status"], copy["quality"]) == ("duplicate", None)
    assert "'a.csv'" in words(page_of(house, "b.csv"))


def test_a_new_version_takes_the_place_of_the_report(house: Intake, drop: Drop, take_in: TakeIn) -> None:
    drop("a.csv", order(1), order(2, amount="oops"))
    take_in()
    drop("a.csv", order(1), order(2))
    take_in()
    found = document_of(house, "a.csv")
    assert (found["status"], found["checks"], found["quality"]["score"]) == ("loaded", [], 100)
    assert [version["status"] for version in found["versions"]] == ["loaded", "replaced"]


def test_reports_written_again_are_the_same(house: Intake, drop: Drop, take_in: TakeIn) -> None:
    drop("a.csv", order(1), order(2, amount="oops"))
    drop("b.csv", header="nothing\n1\n")
    drop("c.csv", order(3, name=" C "), order(1))
    take_in()
    files = sorted(house.settings.reports.rglob("*.*"))
    before = {path: content_of(path) for path in files}
    for path in files:
        path.unlink()
    assert write_all_reports(house, "orders") == 3
    write_indexes(house, ["orders"])
    assert {path: content_of(path) for path in sorted(house.settings.reports.rglob("*.*"))} == before


def test_reports_that_a_stopped_run_has_left_out_are_written_by_the_next(
    house: Intake, drop: Drop, take_in: TakeIn
) -> None:
    drop("a.csv", order(1))
    list(take_inbox(house))  # committed, and stopped before the report
    drop("b.csv", order(2))
    take_in()
    assert document_of(house, "a.csv")["status"] == "loaded"
    drop("a.csv", order(9))
    list(take_inbox(house))
    assert document_of(house, "a.csv")["columns"][0]["max"] == "1"
    take_in()
    assert document_of(house, "a.csv")["columns"][0]["max"] == "9"


def test_a_disk_that_refuses_a_report_fails_the_run_and_loses_nothing(
    house: Intake, drop: Drop, take_in: TakeIn
) -> None:
    house.settings.reports.write_text("a file where the folder should be")
    drop("a.csv", order(1))
    with pytest.raises(PartsFailed) as caught:
        list(reported(house, take_inbox(house)))
    (failure,) = caught.value.failures
    assert failure.where == "report orders/a.csv" and isinstance(failure.__cause__, OSError)
    house.settings.reports.unlink()
    assert take_in() == []
    assert document_of(house, "a.csv")["rows"]["clean"] == 1


def test_the_shape_of_the_document_stands(house: Intake, drop: Drop, take_in: TakeIn) -> None:
    drop("a.csv", order(1), order(2, amount="oops"))
    take_in()
    found = document_of(house, "a.csv")
    assert found["report"] == 1
    assert list(found) == [
        "report", "state", "dataset", "delivery", "status", "reason", "committed_at", "file", "rows", "violations", "quality",
        "quality_history", "cost", "event_time", "checks", "more_checks", "columns", "cleaning", "windows", "notes", "dialect",
        "errors_workbook", "open_errors", "correction", "versions", "still_loaded", "identity",
    ]  # fmt: skip
    assert list(found["quality"]) == ["score", "rows_judged", "shares", "weights"]
    assert list(found["checks"][0]) == [
        "column",
        "check",
        "severity",
        "violations",
        "open",
        "share",
        "examples",
    ]
    assert list(found["checks"][0]["examples"][0]) == ["row", "line", "sheet", "value", "message"]
    assert list(found["columns"][0]) == [
        "column", "rows", "nulls", "distinct", "distinct_error", "min", "max", "mean", "top_values", "top_error", "violations",
    ]  # fmt: skip


def test_columns_that_the_contract_does_not_know_are_noted(
    house: Intake, drop: Drop, take_in: TakeIn
) -> None:
    drop(
        "a.csv",
        order(1).replace("\n", ",x\n"),
        header="order_id,customer_email,amount,ordered_at,status,department,customer_name,colour\n",
    )
    take_in()
    assert any("colour" in note for note in document_of(house, "a.csv")["notes"])


def test_an_index_lists_the_newest_first_and_draws_the_history(
    house: Intake, drop: Drop, take_in: TakeIn
) -> None:
    drop("a.csv", order(1))
    drop("b.csv", order(2, amount="oops"))
    take_in()
    text = index_page(house.settings, "orders").read_text(encoding="utf-8")
    rows = [link.attrib["href"] for link in parsed(text).findall(".//td/a")]
    assert rows == ["b.csv.html", "a.csv.html"]
    assert len(parsed(text).findall(".//circle/title")) == 2
    home = parsed(index_page(house.settings).read_text(encoding="utf-8"))
    assert [link.attrib["href"] for link in home.findall(".//td/a")] == ["orders/index.html"]


@pytest.mark.parametrize(
    ("module", "why"),
    [
        ("from pipeline.contract import Dataset\ncustomers = Dataset('customers', schema=Nope)\n", "Nope"),
        ("from pipeline.contract import Dataset\ncustomers = Dataset('customers', schema=int)\n", "int"),
        ("from nowhere_at_all import customers\n", "nowhere_at_all"),
    ],
)
def test_a_dataset_that_does_not_load_is_on_the_index_with_its_cause_until_it_does(
    settings: Settings, tmp_path: Path, module: str, why: str
) -> None:
    place = tmp_path / "customers.py"
    place.write_text(module, encoding="utf-8")
    orders = settings.inbox / "orders" / "a.csv"
    orders.parent.mkdir(parents=True)
    orders.write_text(HEADER + order(1), encoding="utf-8")
    broken = open_intake(settings.model_copy(update={"datasets": str(place)}))
    list(reported(broken, take_inbox(broken)))
    write_indexes(broken, ["orders"])
    page = index_page(settings).read_text(encoding="utf-8")
    assert "does not load" in words(page) and why in words(page)
    assert ": :" not in words(page)
    parsed(page)
    write_indexes(open_intake(settings), ["orders"])
    assert "does not load" not in words(index_page(settings).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("then", "left"), [("nothing", 2), ("sent again", 2), ("removed", 1), ("a good one", 1)]
)
def test_quarantined_are_the_files_that_lie_there_now(
    house: Intake, drop: Drop, take_in: TakeIn, then: str, left: int
) -> None:
    for name in ("a.csv", "b.csv"):
        drop(name, header="order_id,amount\n1,2\n" + name)
    take_in()
    lying = house.settings.quarantine / "orders" / "a.csv"
    match then:
        case "sent again":
            drop("a.csv", header="order_id,amount\n3,4\n")
            lying.unlink()  # else two files of that name lie there
        case "removed":
            lying.unlink()
        case "a good one":
            lying.unlink()
            drop("a.csv", order(1))
    drop("c.csv", order(3))
    take_in()
    [orders] = [one for one in gather_status(house, 5)["datasets"] if one["dataset"] == "orders"]
    assert orders["quarantined"] == left
    page = index_page(house.settings, "orders").read_text(encoding="utf-8")
    assert f"<dt>Quarantined</dt><dd>{left}</dd>" in page
    [row] = [
        one
        for one in parsed(index_page(house.settings).read_text(encoding="utf-8")).findall(".//tr")
        if one.find("td/a") is not None and "orders/" in one.find("td/a").attrib["href"]
    ]
    assert [cell.text for cell in row.findall("td[@class='num']")][2] == str(left)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("index", "a"),
        ("a", "a.html/b"),
        ("x/y", "x%2Fy"),
        ("é" * 120, "é" * 121),
        (".hidden", "hidden"),
        ("a:b", "a_b"),
        ("A\nB", "A B"),
    ],
)
def test_no_two_deliveries_share_a_report(home: Path, one: str, other: str) -> None:
    settings = Settings(home=home)
    pages = [report_page(settings, "orders", key) for key in (one, other)]
    for page in pages:
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text("x")
        assert page.is_relative_to(settings.reports / "orders") and page != index_page(settings, "orders")
    assert pages[0] != pages[1]


def test_keys_that_the_ledger_does_not_know_have_no_report(
    house: Intake, drop: Drop, take_in: TakeIn
) -> None:
    drop("a.csv", order(1))
    take_in()
    assert write_reports(house, "orders", ["nothing.csv"]) == []


def test_each_further_bad_row_lowers_the_score(house: Intake, drop: Drop, take_in: TakeIn) -> None:
    for bad in range(5):
        start = 10 * bad
        rows = [order(start + n, amount="oops" if n < bad else "1") for n in range(4)]
        drop(f"{bad}.csv", *rows)
    take_in()
    scores = [document_of(house, f"{bad}.csv")["quality"]["score"] for bad in range(5)]
    assert scores == sorted(scores, reverse=True) and len(set(scores)) == 5
    assert scores[0] == 100 and document_of(house, "4.csv")["quality_history"] == scores


@contextmanager
def _files_of_at_most(size: int) -> Iterator[None]:
    """Meanwhile no file can grow beyond `size` bytes, which is told as a full disk is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("there", [False, True])
def test_what_was_taken_is_told_where_its_reports_find_no_room(
    house: Intake, drop: Drop, there: bool
) -> None:
    if there:
        page = report_page(house.settings, "orders", "a.csv")
        page.parent.mkdir(parents=True)
        page.write_text("an older one")
    drop("a.csv", order(1))
    drop("b.csv", order(2))
    taken, told = list(take_inbox(house)), []
    with _files_of_at_most(1000), pytest.raises(OSError, match="are free") as error:
        for outcome in reported(house, iter(taken), Failures()):
            told.append(outcome)  # noqa: PERF402 - what came before the error is looked at
    assert [one.delivery for one in told] == ["a.csv", "b.csv"]
    assert error.value.filename == str(house.settings.reports / "orders")
    assert not there or page.read_text() == "an older one"


def test_a_workbook_that_finds_no_room_is_no_fault_to_be_reported(house: Intake, drop: Drop) -> None:
    drop("a.csv", order(1), order(2, amount="oops"))
    taken, failures = list(take_inbox(house)), Failures()
    with _files_of_at_most(5000), pytest.raises(OSError, match="are free"):
        list(reported(house, iter(taken), failures))
    assert [one.part for one in failures.found] == ["workbook"]
    assert "File too large" in str(failures.found[0]) and "report it" not in str(failures.found[0])
