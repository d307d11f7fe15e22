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


def test_with_a_dataset_it_shows_the_columns_and_what_cleaners_changed() -> None:
    found = json.loads(check(ORDERS, "--dataset", "orders", "--json").stdout)["dataset"]
    profile = {one["name"]: one for one in found["profile"]}
    assert list(profile)[:3] == ["order_id", "customer_email", "amount"]
    assert (profile["order_id"]["min"], profile["order_id"]["max"]) == ("1000", "1119")
    assert profile["amount"]["nulls"] == 0  # `twelve` is no number, and no null either
    assert profile["status"]["top_values"][0] == ["completed", 53]
    assert {"column": "amount", "cleaner": "number", "changed": 1} in found["cleaned"]
    shown = check(ORDERS, "--dataset", "orders").stdout
    assert "The columns" in shown and "completed 53" in shown and "What cleaners changed" in shown


def test_with_a_dataset_it_says_what_loading_needs() -> None:
    done = check(ORDERS, "--dataset", "orders", "--json")
    needed = json.loads(done.stdout)["dataset"]["needed"]
    assert set(needed) == {"seconds", "memory_mb", "staging_mb", "warehouse_mb"}
    assert 0 < needed["seconds"] < 60
    assert 50 < needed["memory_mb"] < 5_000
    assert 0 < needed["staging_mb"] < 1
    assert 0 < needed["warehouse_mb"] < 10
    assert "an estimate" in check(ORDERS, "--dataset", "orders").stdout


def test_more_rows_need_more_room(tmp_path: Path) -> None:
    rows = "".join(
        f"{row},a{row}@example.com,{row}.5,2026-11-16 10:00:00,pending,D{row},\n" for row in range(30_000)
    )
    header = "order_id,customer_email,amount,ordered_at,status,department,customer_name\n"
    path = write(tmp_path / "many.csv", header + rows)
    needed = json.loads(check(str(path), "--dataset", "orders", "--json").stdout)["dataset"]["needed"]
    assert needed["staging_mb"] > 0.2 and needed["warehouse_mb"] > 0.2


def test_several_files_are_looked_at_one_by_one(tmp_path: Path) -> None:
    good = write(tmp_path / "good.csv", "id,x\n1,a\n2,b\n")
    bad = write(tmp_path / "bad.csv", "id,x,y\n1,a,b\n2,c,d,e,f\n3,g,h\n")
    done = check(str(good), str(bad), "--json")
    found = json.loads(done.stdout)
    assert done.exit_code == 1
    assert [(one["file"], one["rejected"]) for one in found] == [(str(good), 0), (str(bad), 1)]
    assert check(str(good), str(good)).exit_code == 0
    assert "1 of 2 files" in check(str(good), str(bad)).stdout


def test_a_missing_file_among_several_ends_with_2_before_any_is_read(tmp_path: Path) -> None:
    good = write(tmp_path / "good.csv", "id,x\n1,a\n2,b\n")
    done = check(str(good), str(tmp_path / "none.csv"))
    assert (done.exit_code, done.stdout) == (2, "")


def test_without_a_dataset_it_says_which_one_has_the_columns(tmp_path: Path) -> None:
    done = check(str(SAMPLES / "sales" / "week 47.csv"))
    assert "`--dataset sales` fits" in done.stdout
    found = json.loads(check(ORDERS, "--json").stdout)
    assert found["looks_like"]["dataset"] == "orders" and "dataset" not in found
    other = write(tmp_path / "other.csv", "id,x\n1,a\n2,b\n")
    assert json.loads(check(str(other), "--json").stdout)["looks_like"] is None


def test_without_a_dataset_the_inbox_tells_which_one(home: Path) -> None:
    path = home / "inbox" / "events" / "odd.csv"
    path.parent.mkdir(parents=True)
    write(path, "a,b\n1,2\n2,3\n")
    found = json.loads(check(str(path), "--json").stdout)
    assert found["looks_like"] == {"dataset": "events", "because": "it lies in the inbox of that dataset"}


def test_a_broken_dataset_does_not_keep_a_file_from_being_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "broken.py", "import nothing_of_this_name\n")
    monkeypatch.setenv("PIPELINE_DATASETS", str(tmp_path / "broken.py"))
    done = check(ORDERS, "--json")
    assert (done.exit_code, json.loads(done.stdout)["records"]) == (0, 120)
    assert "nothing_of_this_name" in done.stderr


def test_values_of_hidden_columns_are_not_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    write(
        tmp_path / "mine" / "people.py",
        "import pandera.polars as pa\n"
        "from pipeline.contract import Dataset, clean\n"
        "class Person(pa.DataFrameModel):\n"
        "    number: int\n"
        "    mail: str = pa.Field(nullable=True)\n"
        "people = Dataset('people', schema=Person, clean={'mail': clean.mask()})\n",
    )
    monkeypatch.setenv("PIPELINE_DATASETS", str(tmp_path / "mine"))
    path = write(tmp_path / "people.csv", "number,mail\n1,ann.secret@example.com\nx,bob.secret@example.com\n")
    for arguments in ([], ["--json"]):
        done = check(str(path), "--dataset", "people", *arguments)
        assert done.exit_code == 1
        assert "secret" not in done.stdout + done.stderr
        assert "number" in done.stdout


LIMITED = """
import pandera.polars as pa
from pipeline.contract import Dataset, Reference


class Row(pa.DataFrameModel):
    id: int = pa.Field(ge=1, unique=True)
    parent: int = pa.Field(nullable=True)
    other: int = pa.Field(nullable=True, lt=10)


rows = Dataset(
    "rows",
    schema=Row,
    references=[Reference("parent", "rows", "id"), Reference("other", "orders", "order_id")],
    severity={"other": "quarantine"},
    max_errors=1,
)
"""


def test_a_file_beyond_its_limits_is_shown_row_by_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELINE_DATASETS", str(write(tmp_path / "rows.py", LIMITED)))
    path = write(tmp_path / "file.csv", "id,parent,other\n0,,\n7,99,5\nx,,\n7,,\n")
    found = json.loads((done := check(str(path), "--dataset", "rows", "--json")).stdout)
    assert done.exit_code == 1
    assert found["problem"]["code"] == "too_many_errors"
    assert found["problem"]["cause"].startswith(
        "3 of 4 rows (75.00%) are rejected, more than max_errors=1 allows: "
    )
    assert {row["check_name"] for row in found["dataset"]["first_errors"]} == {
        "greater_than_or_equal_to", "cast", "unique",
    }  # fmt: skip
    assert (
        "references are looked up when the file is loaded, not here: rows.id, orders.order_id"
        in found["dataset"]["notes"]
    )
    assert "It would be quarantined (too_many_errors)" in check(str(path), "--dataset", "rows").stdout


def test_a_file_that_one_value_refuses_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPELINE_DATASETS", str(write(tmp_path / "rows.py", LIMITED)))
    path = write(tmp_path / "file.csv", "id,parent,other\n1,,\n2,,50\n")
    found = json.loads((done := check(str(path), "--dataset", "rows", "--json")).stdout)
    assert (done.exit_code, found["problem"]["code"]) == (1, "refused_by_rule")
