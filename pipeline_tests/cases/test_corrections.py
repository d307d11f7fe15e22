"""Corrections say what they change and nothing else; error rows show what stands in the file."""

from __future__ import annotations

import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest

from pipeline.contract import Dataset, Reference, clean
from pipeline.errors import write_errors
from pipeline.ingest.keys import KEY, REASONS
from pipeline.intake import Intake, Outcome, take_inbox
from pipeline.settings import Settings
from pipeline.warehouse import Warehouse
from pipeline_tests.ingest.support import model

TEXT = {"nullable": True}
FILE = "id,name,city,Customer Name\n1,ann,Rome,A. A.\nx,bob,Oslo,B. B.\ny,cid,,C. C.\n"


def people(**changes: Any) -> Dataset:
    columns = changes.pop(
        "columns", {"id": int, "name": str, "city": (str, TEXT), "customer_name": (str, TEXT)}
    )
    return Dataset("people", schema=model(**columns), **{"key": ["id"], **changes})


def house(settings: Settings, *datasets: Dataset) -> Intake:
    named = {one.name: one for one in datasets}
    intake = Intake(settings, named, Warehouse.from_settings(settings, named))
    intake.make_folders()
    return intake


def load(intake: Intake, text: str, name: str = "a.csv", dataset: str = "people") -> Outcome:
    (intake.settings.inbox / dataset / name).write_text(text, encoding="utf-8")
    [outcome] = take_inbox(intake)
    return outcome


def rows(intake: Intake, sql: str) -> list[tuple[Any, ...]]:
    return intake.warehouse.query(sql).rows()


def exported(intake: Intake, tmp_path: Path, ending: str = ".csv") -> Path:
    out = tmp_path / f"errors{ending}"
    write_errors(intake.warehouse, intake.datasets["people"], out, force=True)
    return out


def edit(path: Path, change: Any) -> None:
    """Let `change` do something to the lists of cells of an exported CSV or workbook."""
    if path.suffix == ".csv":
        frame = pl.read_csv(path, infer_schema=False)
        cells = [frame.columns, *map(list, frame.iter_rows())]
        change(cells)
        pl.DataFrame(cells[1:], schema=dict.fromkeys(cells[0], pl.String), orient="row").write_csv(path)
        return
    book = openpyxl.load_workbook(path)
    sheet = book["Rejected rows"]
    cells = [[cell.value for cell in row] for row in sheet.iter_rows()]
    change(cells)
    sheet.delete_rows(1, sheet.max_row)
    for row in cells:
        sheet.append(row)
    book.save(path)


def send_back(intake: Intake, path: Path) -> Outcome:
    target = intake.settings.inbox / "people" / path.name
    target.write_bytes(path.read_bytes())
    [outcome] = take_inbox(intake)
    return outcome


def correct(cells: list[list[Any]]) -> None:
    for number, row in enumerate(cells[1:], 2):
        row[cells[0].index("id")] = str(number)


def without(*names: str) -> Any:
    def change(cells: list[list[Any]]) -> None:
        correct(cells)
        for name in names:
            at = cells[0].index(name)
            for row in cells:
                del row[at]

    return change


def renamed(name: str, to: str | None) -> Any:
    def change(cells: list[list[Any]]) -> None:
        correct(cells)
        cells[0][cells[0].index(name)] = to

    return change


@pytest.mark.parametrize("offset", ["", "+01:00"])
def test_a_corrected_row_of_the_hour_that_comes_twice_has_no_order_and_that_is_told(
    settings: Settings, tmp_path: Path, offset: str
) -> None:
    dataset = people(
        columns={"id": int, "seen": datetime, "n": int},
        event_time="seen",
        timezone="Europe/Berlin",
        repeated_hour="order",
    )
    intake = house(settings, dataset)
    clocks = ["02:15", "02:45", "02:15", "02:45"]
    text = "".join(f"{n},2024-10-27 {clock},{'x' if n == 2 else n}\n" for n, clock in enumerate(clocks))
    load(intake, f"id,seen,n\n{text}")
    path = exported(intake, tmp_path)

    def change(cells: list[list[Any]]) -> None:
        cells[1][cells[0].index("n")] = "2"
        cells[1][cells[0].index("seen")] += offset

    edit(path, change)
    send_back(intake, path)
    hours = [seen.hour for (seen,) in rows(intake, "SELECT seen FROM clean.people ORDER BY id")]
    assert hours == [0, 0, 1 if offset else 0, 1]
    told = rows(
        intake, "SELECT _row, severity, message FROM errors.people WHERE check_name = 'repeated_hour'"
    )
    if offset:
        assert told == []
    else:
        [(row, severity, message)] = told
        assert (row, severity) == (3, "repair")
        assert message.endswith("it was taken as the first, as its row came without those around it")


CLEAN = "SELECT id, name, city, customer_name, _rescued FROM clean.people ORDER BY id"
KEPT = [
    (1, "ann", "Rome", "A. A.", None),
    (2, "bob", "Oslo", "B. B.", None),
    (3, "cid", None, "C. C.", None),
]


@pytest.mark.parametrize("ending", [".csv", ".xlsx"])
@pytest.mark.parametrize("names", [("Customer Name",), ("name",), ("city", "name", "Customer Name")])
def test_a_column_that_a_correction_lacks_keeps_the_values_of_the_source(
    settings: Settings, tmp_path: Path, ending: str, names: tuple[str, ...]
) -> None:
    intake = house(settings, people())
    load(intake, FILE)
    path = exported(intake, tmp_path, ending)
    edit(path, without(*names))
    assert send_back(intake, path).entry.status == "loaded"
    assert rows(intake, CLEAN) == KEPT


def test_what_an_earlier_correction_said_stays(settings: Settings, tmp_path: Path) -> None:
    intake = house(settings, people())
    load(intake, FILE)

    def half(cells: list[list[Any]]) -> None:
        for row in cells[1:]:
            row[cells[0].index("name")] += "!"

    path = exported(intake, tmp_path)
    edit(path, half)
    send_back(intake, path)
    path = exported(intake, tmp_path)
    edit(path, without("name"))
    send_back(intake, path)
    assert rows(intake, "SELECT name FROM clean.people ORDER BY id") == [("ann",), ("bob!",), ("cid!",)]


def test_the_record_of_a_row_that_still_fails_keeps_its_column(settings: Settings, tmp_path: Path) -> None:
    intake = house(settings, people())
    load(intake, FILE)

    def only_name_is_gone(cells: list[list[Any]]) -> None:
        without("name")(cells)
        for row in cells[1:]:
            row[cells[0].index("id")] = "?"

    path = exported(intake, tmp_path)
    edit(path, only_name_is_gone)
    send_back(intake, path)
    told = "SELECT record->>'name', value FROM errors.people WHERE status = 'open' ORDER BY _row"
    assert rows(intake, told) == [("bob", "?"), ("cid", "?")]


@pytest.mark.parametrize("ending", [".csv", ".xlsx"])
@pytest.mark.parametrize(
    ("name", "to"),
    [("Customer Name", "Client"), ("Customer Name", "customer_name"), ("name", "who"), ("city", "Citty")],
)
def test_a_renamed_header_is_named_and_refused(
    settings: Settings, tmp_path: Path, ending: str, name: str, to: str
) -> None:
    intake = house(settings, people())
    load(intake, FILE)
    path = exported(intake, tmp_path, ending)
    edit(path, renamed(name, to))
    entry = send_back(intake, path).entry
    assert entry.status == "quarantined"
    assert f"a column {to!r} where the header {name!r} is expected" in str(entry.reason)
    assert rows(intake, CLEAN) == KEPT[:1]


def test_columns_of_ones_own_are_no_renamed_headers(settings: Settings, tmp_path: Path) -> None:
    intake = house(settings, people())
    load(intake, FILE)

    def remark(cells: list[list[Any]]) -> None:
        without("city")(cells)
        for number, row in enumerate(cells):
            row.append("asked by phone" if number else "Remark")

    path = exported(intake, tmp_path)
    edit(path, remark)
    assert send_back(intake, path).entry.status == "loaded"
    assert rows(intake, CLEAN) == KEPT


@pytest.mark.parametrize("ending", [".csv", ".xlsx"])
def test_an_export_without_its_key_is_refused_in_words(
    settings: Settings, tmp_path: Path, ending: str
) -> None:
    intake = house(settings, people())
    load(intake, FILE)
    path = exported(intake, tmp_path, ending)
    edit(path, without(KEY))
    entry = send_back(intake, path).entry
    assert entry.status == "quarantined"
    assert f"an export of rejected rows (it has the column {REASONS}) without the column {KEY}" in str(
        entry.reason
    )
    assert rows(intake, CLEAN) == KEPT[:1]


@pytest.mark.parametrize(
    ("sheet", "mark"), [("Rejected rows", "sheet is called"), ("Sheet1", "title says so")]
)
def test_a_workbook_is_known_by_its_sheet_and_its_title(
    settings: Settings, tmp_path: Path, sheet: str, mark: str
) -> None:
    intake = house(settings, people())
    load(intake, FILE)
    path = exported(intake, tmp_path, ".xlsx")
    edit(path, without(KEY, REASONS))
    book = openpyxl.load_workbook(path)
    book["Rejected rows"].title = sheet
    book.save(path)
    entry = send_back(intake, path).entry
    assert entry.status == "quarantined" and mark in str(entry.reason)
    with zipfile.ZipFile(path) as archive:
        assert b"Rejected rows of people" in archive.read("docProps/core.xml")


def test_a_file_with_a_column_of_that_name_that_says_something_else_is_loaded(settings: Settings) -> None:
    intake = house(settings, people())
    assert load(intake, f"id,name,{REASONS}\n1,ann,none so far\n").entry.status == "loaded"


LOCAL = "2020-07-01 12:00:00"


def test_a_moment_is_shown_as_it_stands_in_the_file(settings: Settings) -> None:
    intake = house(
        settings, people(columns={"at": (datetime, {"unique": True})}, key=[], timezone="Europe/Berlin")
    )
    load(intake, f"at\n{LOCAL}\n{LOCAL}\n")
    load(intake, f"at\n{LOCAL}\n", "b.csv")
    assert rows(intake, "SELECT value, message FROM errors.people ORDER BY _delivery, _row") == [
        (LOCAL, f"at {LOCAL} is already in row 1 of this file"),
        (LOCAL, f"at {LOCAL} is already in delivery 'a.csv' (row 1)"),
    ]


def test_a_text_is_shown_as_it_stood_before_it_was_cleaned(settings: Settings) -> None:
    lower = people(
        columns={"id": (str, {"unique": True}), "on": datetime},
        key=["id", "on"],
        clean={"id": clean.lower},
    )
    intake = house(settings, lower)
    load(intake, "id,on\nabc,2020-01-01\nABC,2020-02-01\nAbC,2020-01-01\n")
    told = "SELECT column_name, value, message FROM errors.people ORDER BY _row"
    assert rows(intake, told) == [
        ("id", "ABC", "id ABC is already in row 1 of this file"),
        ("id, on", "AbC, 2020-01-01", "id, on AbC, 2020-01-01 is already in row 1 of this file"),
    ]


def test_references_and_order_show_what_stands_in_the_file(settings: Settings) -> None:
    shops = Dataset("shops", schema=model(id=str), key=["id"])
    columns = {"shop": str, "at": datetime}
    judged = people(
        columns=columns, key=[], timezone="Europe/Berlin", clean={"shop": clean.lower}, increasing=["at"],
        references=[Reference("shop", "shops", "id")],
    )  # fmt: skip
    intake = house(settings, shops, judged)
    load(intake, "id\na\n", "s.csv", "shops")
    load(intake, "shop,at\nA,2020-07-01 12:00\nB,2020-07-01 13:00\na,2020-07-01T11:00\n")
    told = "SELECT check_name, value, message FROM errors.people ORDER BY _row"
    assert rows(intake, told) == [
        ("reference", "B", "shop B is not in shops.id"),
        (
            "increasing",
            "2020-07-01T11:00",
            f"at 2020-07-01T11:00 is not above {LOCAL}, which comes before it",
        ),
    ]


def test_a_hidden_key_is_shown_as_it_was_stored(settings: Settings) -> None:
    intake = house(settings, people(columns={"id": str}, clean={"id": clean.mask()}))
    load(intake, "id\nsecret-1234\nsecret-1234\n")
    [(value, message, record)] = rows(intake, "SELECT value, message, record FROM errors.people")
    assert "secret" not in f"{value}{message}{record}"


def test_a_correction_shows_the_value_as_it_was_typed(settings: Settings, tmp_path: Path) -> None:
    intake = house(settings, people(columns={"id": str, "n": int}, clean={"id": clean.lower}))
    load(intake, "id,n\nabc,1\nx,?\n")

    def taken(cells: list[list[Any]]) -> None:
        cells[1][:2] = ["ABC", "2"]

    path = exported(intake, tmp_path)
    edit(path, taken)
    send_back(intake, path)
    told = "SELECT value, message FROM errors.people WHERE status = 'open'"
    assert rows(intake, told) == [("ABC", "id ABC is already in delivery 'a.csv' (row 1)")]


@pytest.mark.parametrize("wrong", ["", "two"])
def test_a_corrected_file_has_the_score_of_one_that_was_right_at_once(
    settings: Settings, tmp_path: Path, wrong: str
) -> None:
    intake = house(settings, people())
    header = "id,name,city,Customer Name\n"
    load(intake, f"{header}1,ann,Rome,A. A.\n{wrong},bob,Oslo,B. B.\n")
    score = "SELECT quality FROM ops.quality WHERE delivery = 'a.csv'"
    [(before,)] = rows(intake, score)
    path = exported(intake, tmp_path)
    edit(path, lambda cells: cells[1].__setitem__(cells[0].index("id"), "2"))
    send_back(intake, path)
    assert before < 100
    assert rows(intake, score) == [(100.0,)]
