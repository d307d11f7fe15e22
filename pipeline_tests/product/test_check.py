"""`pipeline check`: what would become of a file, without loading it."""

from __future__ import annotations

import json
from pathlib import Path

import openpyxl
import pytest
from typer.testing import CliRunner, Result

from pipeline.check import check_file
from pipeline.cli import app
from pipeline.contract import Dataset, clean
from pipeline.settings import Settings
from pipeline_tests.files.reading import write
from pipeline_tests.ingest.support import model
from pipeline_tests.product.support import SAMPLES, files_below, pipeline

ORDERS = str(SAMPLES / "orders" / "2026-11-16.csv")


@pytest.fixture(autouse=True)
def _at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPELINE_HOME", str(home))


def check(*arguments: str) -> Result:
    """`pipeline check` in this process."""
    return CliRunner().invoke(app, ["check", *arguments])


def test_a_clean_file_is_shown_and_ends_with_0(home: Path, tmp_path: Path) -> None:
    path = write(
        tmp_path / "prices.csv", "Report\n\nname;price\nTee;1,20\nBrot;2,50\nGemüse;3,00\n".encode("cp1252")
    )
    done = check(str(path))
    assert done.exit_code == 0, done.stderr
    for part in ("cp1252", ";", "Gemüse", "3 records", "No record would be rejected"):
        assert part in done.stdout
    assert files_below(home) == []


def test_json_tells_what_was_decided_how_sure_and_why(tmp_path: Path) -> None:
    path = write(tmp_path / "prices.csv", "Report\n\nname;price\nTee;1,20\nBrot;2,50\nReis;3,00\n")
    found = json.loads(check(str(path), "--json").stdout)
    assert found["problem"] is None
    dialect = found["dialect"]
    assert (dialect["format"], dialect["delimiter"], dialect["header_line"]) == ("csv", ";", 3)
    assert 0 < dialect["confidence"] <= 1
    assert dialect["reasons"]
    assert found["columns"] == ["name", "price"]
    assert found["first_rows"][:2] == [{"name": "Tee", "price": "1,20"}, {"name": "Brot", "price": "2,50"}]


def test_records_that_cannot_be_read_end_with_1_and_are_shown(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "id,x,y\n1,a,b\n2,c,d,e,f\n3,g,h\n")
    found = json.loads((done := check(str(path), "--json")).stdout)
    assert done.exit_code == 1
    assert (found["records"], found["rejected"], found["rejects"]) == (3, 1, {"too_many_fields": 1})
    first = found["first_rejects"][0]
    assert (first["row"], first["line"], first["raw"]) == (2, 3, "2,c,d,e,f")
    assert "2,c,d,e,f" in check(str(path)).stdout


def test_a_repair_is_shown_and_is_no_fault(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "id,x,y\n1,a,b\n2,c,d,,\n3,g,h\n4,i,j\n5,k,l\n")
    done = check(str(path), "--json")
    found = json.loads(done.stdout)
    assert (done.exit_code, found["rejected"], sum(found["repairs"].values())) == (0, 0, 1)
    assert found["first_repairs"][0]["line"] == 3


def test_with_a_dataset_it_counts_as_loading_would_and_loads_nothing(home: Path) -> None:
    done = check(ORDERS, "--dataset", "orders", "--json")
    found = json.loads(done.stdout)["dataset"]
    assert done.exit_code == 1
    assert (found["records"], found["clean"], found["rejected"]) == (120, 115, 5)
    counted = {(v["column_name"], v["check_name"]): v["violations"] for v in found["violations"]}
    assert counted[("customer_email", "email")] == counted[("order_id", "unique")] == 1
    assert found["first_errors"][0]["_row"] == 7
    assert files_below(home) == []
    shown = check(ORDERS, "--dataset", "orders").stdout
    assert "115 rows would be loaded" in shown and "anna.silva(at)example.com" in shown


def test_what_a_dataset_hides_is_not_shown(tmp_path: Path, settings: Settings) -> None:
    people = Dataset("people", schema=model(id=int, email=str), clean={"email": clean.mask()})
    text = "id,email\n1,ann@example.com\n2,bob@example.com,more\n3,eve@example.com,\n4,dan@example.com\n"
    found = check_file(write(tmp_path / "people.csv", text), settings, people)
    assert (found["records"], found["rejected"], sum(found["repairs"].values())) == (4, 1, 1)
    assert [row["id"] for row in found["first_rows"]] == ["1", "3", "4"]
    assert "@example.com" not in json.dumps(found, default=str)


def test_a_file_of_another_shape_would_be_quarantined(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "id,x\n1,2\n")
    done = check(str(path), "--dataset", "orders", "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["problem"]["code"] == "missing_column"


def test_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", b"PK\x03\x04 no workbook")
    done = check(str(path))
    assert done.exit_code == 1
    assert "quarantined" in done.stdout


def test_a_workbook_shows_its_sheets(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.worksheets[0].title = "Offers"
    for row in (["name", "price"], ["Tee", 1.2], ["Brot", 2.5]):
        book.worksheets[0].append(row)
    book.save(tmp_path / "a.xlsx")
    done = check(str(tmp_path / "a.xlsx"))
    assert done.exit_code == 0
    assert "Offers" in done.stdout and "excel" in done.stdout


def test_what_is_not_there_ends_with_2(home: Path, tmp_path: Path) -> None:
    for arguments in (["none.csv"], [str(tmp_path)], [ORDERS, "--dataset", "invoices"]):
        done = check(*arguments)
        assert (done.exit_code, done.stdout) == (2, "")
        assert done.stderr.strip()
    process = pipeline(home, "check", "none.csv")
    assert process.returncode == 2
    assert process.stderr.strip() == "There is no file none.csv."


def test_help_has_an_example() -> None:
    done = check("--help")
    assert done.exit_code == 0
    assert "Example" in done.stdout
