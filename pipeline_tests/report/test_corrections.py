"""What the report of a correction says: row by row of its originals, whenever it is written."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from pipeline.intake import Intake, open_intake, replay, take_inbox
from pipeline.report import corrections, renew_reports, report_page, reported, write_indexes, write_reports
from pipeline.report.paths import changes_of
from pipeline.settings import Settings
from pipeline_tests.report.conftest import HEADER, Drop, TakeIn, order
from pipeline_tests.report.test_reports import document_of, page_of, parsed
from pipeline_tests.sending_back import Exported, write_back


def told(house: Intake, delivery: str, dataset: str = "orders") -> list[tuple[Any, ...]]:
    """(original, row, what became of it, cells that were changed, reasons) of each row on the page."""
    return [
        (
            row["delivery"],
            row["row"],
            row["became"],
            {one["column"]: (one["was"], one["is"]) for one in row["changes"]},
            row["reasons"],
        )
        for row in document_of(house, delivery, dataset)["correction"]["rows"]
    ]


def words(page: str) -> str:
    return " ".join(" ".join(parsed(page).itertext()).split())


def back(house: Intake, name: str, fix: Any, dataset: str = "orders") -> None:
    write_back(house, house.settings.inbox / dataset / name, fix, dataset)


@pytest.mark.parametrize("name", ["back.csv", "back.xlsx", "back.parquet"])
def test_a_correction_tells_each_row_what_was_changed_and_what_became_of_it(
    house: Intake, drop: Drop, take_in: TakeIn, name: str
) -> None:
    drop("deep/a.csv", order(1), order(2, amount="oops"), order(3, amount="bad", name=""))
    drop("b.csv", order(4, amount="-1"), order(5))
    take_in()
    fixes = {2: {"amount": "5"}, 3: {"amount": "worse", "customer_name": "Eve"}}
    back(house, name, lambda row: fixes.get(row.row, {}))
    take_in()
    found = told(house, name)
    assert [one[:4] for one in found] == [
        ("b.csv", 1, "unchanged", {}),
        ("deep/a.csv", 2, "clean", {"amount": ("oops", "5")}),
        ("deep/a.csv", 3, "still rejected", {"amount": ("bad", "worse"), "customer_name": (None, "Eve")}),
    ]
    assert found[0][4] == ["amount: -1 is less than 0"] and "'worse' is not a number" in found[2][4][0]
    text = words(page_of(house, name))
    assert "amount oops → 5" in text and "1 row of 1 delivery corrected, 2 still rejected" in text
    assert [one["rows_corrected"] for one in document_of(house, name)["correction"]["originals"]] == [0, 1]
    page = report_page(house.settings, "orders", name)
    hrefs = [one.attrib["href"] for one in parsed(page_of(house, name)).findall(".//td/a")]
    assert hrefs and all((page.parent / href).resolve().is_file() for href in hrefs)
    header, *rows = load_workbook(changes_of(page))["Table"].values
    assert header == corrections._HEADER
    assert ("deep/a.csv", 2, None, 3, "clean", "amount", "oops", "5", None) in [
        tuple(one or None for one in row) for row in rows
    ]


def test_each_correction_of_a_row_tells_its_own_also_when_they_are_written_again(
    house: Intake, drop: Drop, take_in: TakeIn
) -> None:
    drop("a.csv", order(1), order(2, amount="oops"))
    take_in()
    for number, amount in enumerate(("worse", "worst", "7")):
        back(house, f"{number}.csv", lambda row, amount=amount: {"amount": amount})
        take_in()
    expected = [
        [("still rejected", {"amount": ("oops", "worse")})],
        [("still rejected", {"amount": ("worse", "worst")})],
        [("clean", {"amount": ("worst", "7")})],
    ]
    assert [[one[2:4] for one in told(house, f"{number}.csv")] for number in range(3)] == expected
    before = [document_of(house, f"{number}.csv")["correction"] for number in range(3)]
    write_reports(house, "orders", [f"{number}.csv" for number in range(3)])
    assert [document_of(house, f"{number}.csv")["correction"] for number in range(3)] == before


def test_rows_that_could_not_be_split_come_twice_or_are_of_other_content(
    house: Intake, drop: Drop, take_in: TakeIn
) -> None:
    drop("a.csv", order(1), "2,too,few\n", order(3, amount="oops"))
    drop("b.csv", order(4, amount="oops"))
    take_in()
    path = house.settings.inbox / "orders" / "back.csv"
    whole = dict(zip(HEADER.strip().split(","), order(2).strip().split(","), strict=True))
    write_back(house, path, lambda row: whole if "_raw" in row.record else {"amount": "3"})
    path.write_text(path.read_text() + path.read_text().splitlines()[-1] + "\n")
    take_in()
    rows = told(house, "back.csv")
    by_row = {one[:2]: one for one in rows}
    raw = by_row["a.csv", 2]
    assert raw[2] == "clean" and raw[3]["_raw"][0] == "2,too,few" and raw[3]["order_id"] == (None, "2")
    assert [one[2] for one in rows if one[0] == "b.csv"] == ["clean", "skipped"]
    drop("b.csv", order(4), order(5))
    take_in()
    write_reports(house, "orders", ["back.csv"])
    assert {one[2] for one in told(house, "back.csv") if one[0] == "b.csv"} == {"not known"}


def test_what_a_replay_does_later_is_not_told_of_the_correction(
    house: Intake, drop: Drop, take_in: TakeIn
) -> None:
    drop("a.csv", order(1), order(2, amount="oops"), order(3, amount="-2"))
    take_in()
    back(house, "back.csv", lambda row: {"amount": "none"} if row.row == 2 else {})
    take_in()
    before = told(house, "back.csv")
    assert [one[2] for one in before] == ["still rejected", "unchanged"]
    renew_reports(house, "orders", [one.delivery for one in replay(house, "orders")])
    write_reports(house, "orders", ["back.csv"])
    assert told(house, "back.csv") == before


def test_values_are_escaped_and_much_is_bounded_with_the_rest_counted(
    house: Intake, drop: Drop, take_in: TakeIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corrections, "_ON_PAGE", 3)
    evil = "<script>alert(1)</script>" + "x" * 1_000
    drop("a.csv", *(order(number, amount=f"{evil}{number}") for number in range(1, 9)))
    take_in()
    back(house, "back.csv", lambda row: {"amount": "=1+1" if row.row == 1 else str(row.row)})
    take_in()
    page = page_of(house, "back.csv")
    assert "<script" not in page and "x" * 300 not in page
    assert "5 more rows are not listed here; the workbook has them all" in words(page)
    header, *rows = load_workbook(changes_of(report_page(house.settings, "orders", "back.csv")))[
        "Table"
    ].values
    assert len(rows) == 8 and rows[0][header.index("is")] == "'=1+1"


def test_without_its_file_the_counts_are_told(house: Intake, drop: Drop, take_in: TakeIn) -> None:
    drop("a.csv", order(1), order(2, amount="oops"))
    take_in()
    back(house, "back.csv", lambda row: {"amount": "5"})
    take_in()
    for kept in house.settings.archive.rglob("back.csv"):
        kept.unlink()
    write_reports(house, "orders", ["back.csv"])
    assert told(house, "back.csv") == []
    text = words(page_of(house, "back.csv"))
    assert "its file is not in the archive any more" in text and "a.csv 1 0 0 0" in text
    assert not changes_of(report_page(house.settings, "orders", "back.csv")).exists()


HIDDEN = """
    import pandera.polars as pa
    from pipeline.contract import Dataset, clean

    class Person(pa.DataFrameModel):
        name: str
        pin: str = pa.Field(str_length={"min_value": 3})
        age: int

    people = Dataset("people", schema=Person, clean={"pin": clean.mask(2)})
"""


def test_what_a_dataset_hides_is_in_no_report_of_a_correction(settings: Settings, tmp_path: Path) -> None:
    module = tmp_path / "declared" / "people.py"
    module.parent.mkdir()
    module.write_text(textwrap.dedent(HIDDEN))
    house = open_intake(settings.model_copy(update={"datasets": str(module.parent)}))
    house.make_folders()
    (house.settings.inbox / "people" / "p.csv").write_text("name,pin,age\nAnn,secret1,x\nBob,secret2,9\n")

    def take() -> None:
        write_indexes(house, {one.dataset for one in reported(house, take_inbox(house))})

    def fix(row: Exported) -> dict[str, str]:
        return {"age": "7", "pin": "secret3"}

    take()
    back(house, "back.csv", fix, "people")
    take()
    [(_, _, became, changes, _)] = told(house, "back.csv", "people")
    assert became == "clean" and changes["age"] == ("x", "7") and changes["pin"][1] == "***"
    for path in house.settings.reports.rglob("*.*"):
        assert b"secret" not in path.read_bytes()
