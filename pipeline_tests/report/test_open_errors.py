"""The workbook of open errors beside a report: it is there whatever loaded the delivery, of the state that the ledger has, or gone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from openpyxl import load_workbook

from pipeline.intake import Intake, replay, take_inbox
from pipeline.intake.again import load_again
from pipeline.report import (
    Workbooks,
    renew_reports,
    report_page,
    reported,
    workbook_of,
    write_all_reports,
    write_indexes,
)
from pipeline.report import document as documents
from pipeline.report.charts import bar, stack
from pipeline.settings import Settings
from pipeline_tests.report.conftest import HEADER, Drop, TakeIn, order
from pipeline_tests.report.test_reports import document_of, page_of, words
from pipeline_tests.sending_back import write_back


def workbook(house: Intake, delivery: str) -> Path:
    return workbook_of(report_page(house.settings, "orders", delivery))


def amounts(house: Intake, delivery: str) -> list[object]:
    """What the workbook beside a report has as amounts."""
    header, *rows = load_workbook(workbook(house, delivery))["Rejected rows"].values
    return [row[header.index("amount")] for row in rows]


def of_ingest(house: Intake) -> None:
    write_indexes(house, {one.dataset for one in reported(house, take_inbox(house))})


def of_archive(house: Intake) -> None:
    list(take_inbox(house))
    done = list(load_again(house, "orders", everything=True))
    renew_reports(house, "orders", [one.entry.delivery for one in done])


def of_a_run_that_was_stopped(house: Intake) -> None:
    list(take_inbox(house))
    write_indexes(house, [])


def of_the_report_command(house: Intake) -> None:
    list(take_inbox(house))
    write_all_reports(house, "orders", only_missing=True)


@pytest.mark.parametrize("load", [of_ingest, of_archive, of_a_run_that_was_stopped, of_the_report_command])
def test_however_a_file_was_loaded_its_workbook_lies_beside_its_report_and_is_linked(
    house: Intake, drop: Drop, load: Callable[[Intake], None]
) -> None:
    drop("deep/a b.csv", order(1), order(2, amount="oops"), order(3, amount="-1"))
    drop("fine.csv", order(4))
    load(house)
    assert amounts(house, "deep/a b.csv") == ["oops", "-1"]
    assert not workbook(house, "fine.csv").exists()
    found = document_of(house, "deep/a b.csv")["open_errors"]
    assert (found["rows"], found["workbook"]) == (2, "a%20b.csv.errors.xlsx")
    assert 'href="a%20b.csv.errors.xlsx"' in page_of(house, "deep/a b.csv")
    assert str(house.settings.inbox / "orders") in words(page_of(house, "deep/a b.csv"))
    assert not list(house.settings.staging.glob("*.part*"))


def test_a_workbook_follows_corrections_and_goes_with_the_last_open_row(
    house: Intake, drop: Drop, take_in: TakeIn
) -> None:
    drop("a.csv", order(1), order(2, amount="oops"), order(3, amount="bad"))
    take_in()
    assert amounts(house, "a.csv") == ["oops", "bad"]
    back = house.settings.inbox / "orders" / "back.csv"
    write_back(house, back, lambda row: {"amount": "5"} if row.row == 2 else {"amount": "worse"})
    take_in()
    assert amounts(house, "a.csv") == ["worse"]
    write_back(house, back.with_name("again.csv"), lambda row: {"amount": "6"})
    take_in()
    assert not workbook(house, "a.csv").exists()
    assert "Nothing is open any more" in words(page_of(house, "a.csv"))
    assert document_of(house, "a.csv")["quality"]["score"] == 100


def test_a_new_version_a_quarantined_one_and_a_replay_renew_it(
    house: Intake, drop: Drop, take_in: TakeIn, settings: Settings
) -> None:
    drop("a.csv", order(1), order(2, amount="oops"))
    take_in()
    drop("a.csv", order(1), order(2, amount="other"), order(3, amount="third"))
    take_in()
    assert amounts(house, "a.csv") == ["other", "third"]
    renew_reports(house, "orders", [one.delivery for one in replay(house, "orders")])
    assert amounts(house, "a.csv") == ["other", "third"]
    drop("a.csv", order(1))
    take_in()
    assert not workbook(house, "a.csv").exists()
    assert document_of(house, "a.csv")["open_errors"]["rows"] == 0


def test_what_another_file_changes_is_told_at_the_end_of_its_run(
    house: Intake, drop: Drop, take_in: TakeIn
) -> None:
    drop("a.csv", order(1))
    drop("b.csv", order(1), order(2))  # its first row has a key that is taken
    take_in()
    assert document_of(house, "b.csv")["rows"]["rejected"] == 1
    assert workbook(house, "b.csv").exists()
    drop("a.csv", order(7))  # the key is free, and the row of the other file has it from now on
    take_in()
    assert document_of(house, "b.csv")["rows"]["rejected"] == 0
    assert not workbook(house, "b.csv").exists()
    assert "2 rows were read: 2 are in clean.orders" in words(page_of(house, "b.csv"))


def test_a_report_that_still_says_what_the_ledger_says_is_not_written_again(
    house: Intake, drop: Drop, take_in: TakeIn
) -> None:
    drop("a.csv", order(1), order(2, amount="oops"))
    drop("b.csv", order(1), order(2, amount="oops"))
    drop("c.csv", header="nothing\n1\n")
    take_in()
    files = [path for path in house.settings.reports.rglob("*") if path.stem != "index" and path.is_file()]
    before = {path: path.stat().st_mtime_ns for path in files}
    drop("d.csv", order(5))
    take_in()
    assert {path: path.stat().st_mtime_ns for path in files} == before


def test_a_run_makes_so_many_workbooks_and_the_next_ones_the_rest(house: Intake, drop: Drop) -> None:
    for name in ("a", "b", "c"):
        drop(f"{name}.csv", order(ord(name)), f"x{order(2)}")
    workbooks = Workbooks(files=2)
    list(reported(house, take_inbox(house), workbooks=workbooks))
    write_indexes(house, ["orders"], workbooks=workbooks)
    made = [workbook(house, f"{name}.csv").exists() for name in "abc"]
    assert sum(made) == 2
    left = f"{'abc'[made.index(False)]}.csv"
    assert "made at the end of one of the next runs" in words(page_of(house, left))
    write_indexes(house, [])
    assert workbook(house, left).exists() and "Open the workbook" in words(page_of(house, left))


def test_of_too_many_rows_the_page_says_how_to_have_them(
    house: Intake, drop: Drop, take_in: TakeIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.report.write.MOST_ROWS", 2)
    drop("a.csv", order(1), *(order(number, amount="oops") for number in range(2, 5)))
    take_in()
    assert not workbook(house, "a.csv").exists()
    assert "pipeline errors orders --delivery a.csv --out errors.xlsx" in words(page_of(house, "a.csv"))
    assert documents.MOST_ROWS > 2


def test_a_workbook_that_cannot_be_written_stops_neither_its_report_nor_others(
    house: Intake, drop: Drop
) -> None:
    from pipeline.warehouse import Failures

    drop("a.csv", order(1), order(2, amount="oops"))
    drop("b.csv", order(3), order(4, amount="oops"))
    workbook(house, "a.csv").mkdir(parents=True)
    failures = Failures()
    list(reported(house, take_inbox(house), failures))
    assert [failure.where for failure in failures.found] == ["workbook orders/a.csv"]
    assert document_of(house, "a.csv")["rows"]["rejected"] == 1
    assert workbook(house, "b.csv").is_file()


def test_a_page_that_cannot_be_looked_at_stops_no_other(house: Intake, drop: Drop, take_in: TakeIn) -> None:
    from pipeline.warehouse import Failures

    drop("a.csv", order(1), order(2, amount="oops"))
    take_in()
    document = report_page(house.settings, "orders", "a.csv").with_suffix(".json")
    document.unlink()
    document.mkdir()
    gone = report_page(house.settings, "orders", "x").parent / "windows" / "gone.html"
    (gone / "below").mkdir(parents=True)
    drop("b.csv", order(3), order(4, amount="oops"))
    failures = Failures()
    list(reported(house, take_inbox(house), failures))
    write_indexes(house, ["orders"], failures)
    assert {failure.where for failure in failures.found} == {"report orders/a.csv", "report orders/windows"}
    assert "b.csv" in words(report_page(house.settings, "orders", "x").with_name("index.html").read_text())


def test_bars_are_true_to_scale(house: Intake, drop: Drop, take_in: TakeIn) -> None:
    assert 'width="0.100"' in bar(0.001, "poor") and 'width="50.000"' in bar(0.5, "poor")
    parts = stack([("good", 999), ("poor", 1), ("grey", 0)])
    assert 'width="99.900"' in parts and 'x="99.900" width="0.100"' in parts
    drop("a.csv", *(order(number) for number in range(1, 9)), order(9, amount="oops"), order(10, amount="-1"))
    take_in()
    # One row of ten: not the whole width because no other check has more.
    assert '<rect class="reject" width="10.000" height="8"/>' in page_of(house, "a.csv")


@pytest.mark.parametrize("one, other", [("a.csv", "a.csv.errors.xlsx/b"), ("windows/daily", "daily")])
def test_no_delivery_takes_the_place_of_a_workbook_or_of_a_windows_page(
    settings: Settings, one: str, other: str
) -> None:
    first, second = (report_page(settings, "orders", key) for key in (one, other))
    taken = {first, workbook_of(first)}
    assert not taken & {second, workbook_of(second), *second.parents}
    assert settings.reports / "orders" / "windows" not in (*first.parents, *second.parents)


KINDS = {
    "a value that cannot be cast": order(2, amount="oops"),
    "no value where one is required": order(2, amount=""),
    "two of them": order(2, amount="").replace("a2@example.org", ""),
    "a value out of range": order(2, amount="-1"),
    "a record that cannot be split": "2,too,few\n",
    "a key that is taken": order(1, amount="9"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["Bob", ""])
def test_the_score_of_corrected_rows_is_that_of_rows_that_were_right_at_first(
    house: Intake, drop: Drop, take_in: TakeIn, kind: str, name: str
) -> None:
    drop("a.csv", order(1), KINDS[kind], order(3))
    take_in()
    assert document_of(house, "a.csv")["quality"]["score"] < 100
    right = dict(zip(HEADER.strip().split(","), order(2, name=name).strip("\n").split(","), strict=True))
    write_back(house, house.settings.inbox / "orders" / "back.csv", lambda row: right)
    take_in()
    corrected = document_of(house, "a.csv")["quality"]
    drop("a.csv", order(1), order(2, name=name), order(3))
    take_in()
    assert corrected == document_of(house, "a.csv")["quality"]
