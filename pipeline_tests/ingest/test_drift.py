"""Columns of a file that the contract does not know: the four policies, and what is said of each."""

from __future__ import annotations

import json
from typing import Any

import openpyxl
import polars as pl
import pytest

from pipeline.contract import ContractError, Dataset, clean, split
from pipeline.files import UnreadableFile
from pipeline.ingest import Staged, stage
from pipeline.ingest.drift import MOST_ADDED
from pipeline.settings import Settings
from pipeline_tests.ingest.support import as_csv, clean_rows, counts, model, stage_text, write_parquet

FILE = "order_id,shop,note,till\n1,A,x,\n2,,y,7\n"


def made(drift: str, **changes: Any) -> Dataset:
    """A small dataset: order_id, and a nullable note."""
    columns = {"order_id": int, "note": (str, {"nullable": True})} | changes.pop("columns", {})
    return Dataset("orders", schema=model(**columns), drift=drift, **changes)


def rescued(staged: Staged) -> list[Any]:
    return [None if text is None else json.loads(text) for text in clean_rows(staged)["_rescued"]]


def test_rescue_keeps_them_as_json_and_says_so(settings: Settings) -> None:
    staged = stage_text(settings, FILE, made("rescue"))
    assert rescued(staged) == [{"shop": "A", "till": None}, {"shop": None, "till": "7"}]
    assert staged.manifest.notes == (
        "columns that the contract does not know are kept in _rescued: 'shop', 'till'",
    )
    assert staged.manifest.dialect["notes"] == list(staged.manifest.notes)


def test_rescue_is_what_happens_when_nothing_is_declared(settings: Settings) -> None:
    assert Dataset("a", schema=model(a=int)).drift == "rescue"


def test_ignore_leaves_them_out_and_names_them_for_the_ledger(settings: Settings) -> None:
    staged = stage_text(settings, FILE, made("ignore"))
    assert clean_rows(staged).columns == ["order_id", "note", "_row", "_rescued"]
    assert rescued(staged) == [None, None]
    assert staged.manifest.remarks == ("columns left out by drift='ignore': 'shop', 'till'",)
    assert staged.manifest.dialect["notes"] == list(staged.manifest.remarks)


def test_reject_refuses_the_file_and_names_them(settings: Settings) -> None:
    with pytest.raises(UnreadableFile) as caught:
        stage_text(settings, FILE, made("reject"))
    assert caught.value.code == "unknown_column"
    assert "columns 'shop', 'till' not in the contract of dataset 'orders'" in caught.value.cause
    assert caught.value.remedy.startswith("Declare the column")


def test_reject_asks_whether_a_missing_column_was_meant(settings: Settings) -> None:
    with pytest.raises(UnreadableFile) as caught:
        stage_text(settings, "order_id,notes\n1,x\n", made("reject"))
    assert "`notes` is not in the contract; did you mean `note`? add it to aliases" in caught.value.remedy


def test_reject_lets_files_without_unknown_columns_pass(settings: Settings) -> None:
    assert counts(stage_text(settings, "Note,Order-ID\nx,1\n", made("reject"))) == (1, 1, 0, 0)


def test_reject_also_sees_a_column_that_comes_late(settings: Settings) -> None:
    with pytest.raises(UnreadableFile, match="'late'"):
        stage(late_file(settings), made("reject", columns={"shop": (str, {"nullable": True})}), settings)


def test_evolve_gives_each_a_column_of_text(settings: Settings) -> None:
    staged = stage_text(settings, FILE, made("evolve"))
    assert clean_rows(staged).select("shop", "till").rows() == [("A", None), (None, "7")]
    assert rescued(staged) == [None, None]
    assert staged.manifest.added == ("shop", "till")
    assert staged.manifest.notes == (
        "columns that the contract does not know go to the table: 'shop', 'till'",
    )


def test_evolve_stores_native_values_as_canonical_text(settings: Settings) -> None:
    frame = pl.DataFrame({"order_id": [1, 2], "price": [1.5, None], "tags": [["a"], []]})
    staged = stage(write_parquet(settings, frame), made("evolve"), settings)
    assert clean_rows(staged).select("price", "tags").rows() == [("1.5", '["a"]'), (None, "[]")]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("_shop", "the name is reserved"),
        ("_delivery", "the name is reserved"),
        ("_row", "the name is reserved"),
        ("RowID", "the name is reserved"),
        ("x" * 64, "the name is longer than 63 characters"),
        ("two\nlines", "the name is not plain text"),
        ("***", "the name is not plain text"),
        ("Order ID", "a column of the contract has this name"),
        ("NUMBER", "a column of the contract has this name"),
        ("column_7", "it has no name of its own"),
        ("", "it has no name of its own"),
    ],
)
def test_a_name_that_no_column_can_have_is_rescued_and_why_is_said(
    settings: Settings, name: str, why: str
) -> None:
    dataset = made("evolve", aliases={"order_id": ["number"]})
    staged = stage_text(settings, as_csv([{"order_id": "1", name: "kept", "note": "x"}]), dataset)
    assert staged.manifest.added == ()
    assert list(rescued(staged)[0].values()) == ["kept"]
    assert any(why in note for note in staged.manifest.notes)


@pytest.mark.parametrize(
    "name", ["select", 'we"ird', "größe", "a.b", "*", "^a$", "Shop Code", "{value}", "x" * 63]
)
def test_any_other_name_is_a_column(settings: Settings, name: str) -> None:
    staged = stage_text(settings, as_csv([{"order_id": "1", name: "kept"}]), made("evolve"))
    if name == "*":
        assert staged.manifest.added == ()
    else:
        assert clean_rows(staged)[name].to_list() == ["kept"]


def test_of_two_names_that_are_one_the_first_is_added_and_the_other_rescued(settings: Settings) -> None:
    staged = stage_text(settings, "order_id,shop,SHOP\n1,a,b\n", made("evolve"))
    assert staged.manifest.added == ("shop",)
    assert (clean_rows(staged)["shop"].to_list(), rescued(staged)) == (["a"], [{"SHOP": "b"}])
    assert "since another column of the file has this name: 'SHOP'" in staged.manifest.notes[1]


def test_a_file_adds_a_bounded_number_of_columns(settings: Settings) -> None:
    row = {"order_id": "1"} | {f"extra {n}": str(n) for n in range(MOST_ADDED + 20)}
    staged = stage_text(settings, as_csv([row]), made("evolve"))
    assert len(staged.manifest.added) == MOST_ADDED
    assert rescued(staged) == [{f"extra {n}": str(n) for n in range(MOST_ADDED, MOST_ADDED + 20)}]
    assert f"since a file adds {MOST_ADDED} columns at most" in staged.manifest.notes[1]


def late_file(settings: Settings) -> Any:
    """JSON lines whose last record brings a column that the beginning of the file does not show."""
    path = settings.home / "late.ndjson"
    lines = [json.dumps({"order_id": n, "note": "x" * 200, "shop": "A"}) for n in range(1, 3001)]
    path.write_text(
        "\n".join([*lines, json.dumps({"order_id": 3001, "late": "seen"})]) + "\n", encoding="utf-8"
    )
    return path


def test_a_column_that_comes_late_is_a_column_of_every_chunk(settings: Settings) -> None:
    small = settings.model_copy(update={"chunk_rows": 500})
    staged = stage(late_file(settings), made("evolve"), small)
    assert staged.manifest.added == ("shop", "late")
    assert len(staged.clean_paths) > 1
    assert {tuple(pl.read_parquet_schema(path)) for path in staged.clean_paths} == {
        ("order_id", "note", "_row", "_rescued", "shop", "late")
    }
    assert clean_rows(staged)["late"].drop_nulls().to_list() == ["seen"]


def test_sheets_with_columns_of_their_own_fill_the_same_added_column(settings: Settings) -> None:
    book = openpyxl.Workbook()
    first, second = book.active, book.create_sheet("More")
    for row in (["order_id", "Shop Code"], [1, "A"]):
        first.append(row)
    for row in (["Order ID", "shop_code", "till"], [2, "B", 7]):
        second.append(row)
    path = settings.home / "book.xlsx"
    book.save(path)
    both = ["Sheet", "More"]  # of other columns: read as one table because they are asked for
    staged = stage(path, made("evolve", sheets=both), settings)
    assert staged.manifest.added == ("Shop Code", "till")
    assert clean_rows(staged).select("Shop Code", "till").rows() == [("A", None), ("B", "7")]
    assert rescued(staged) == [{"_sheet": "Sheet"}, {"_sheet": "More"}]
    assert rescued(stage(path, made("ignore", sheets=both), settings)) == [
        {"_sheet": "Sheet"},
        {"_sheet": "More"},
    ]


def test_a_column_that_others_are_derived_from_is_not_added(settings: Settings) -> None:
    derive = split("Full name", into=["first", "last"])
    text = {"nullable": True}
    dataset = made("evolve", columns={"first": (str, text), "last": (str, text)}, derive=derive)
    staged = stage_text(settings, "order_id,Full name,first\n1,Ann Lee,Zed\n", dataset)
    assert staged.manifest.added == ()
    assert clean_rows(staged).select("first", "last").rows() == [("Ann", "Lee")]
    assert rescued(staged) == [{"first": "Zed"}]


def test_a_column_that_resembles_a_hidden_one_is_added_as_stars(settings: Settings) -> None:
    dataset = made("evolve", columns={"phone": str}, clean={"phone": clean.mask()})
    staged = stage_text(settings, "order_id,phone,phone2,shop\n1,0301234567,0309999999,A\n", dataset)
    assert clean_rows(staged).select("phone2", "shop").rows() == [("***", "A")]


def test_rejected_rows_keep_their_whole_record_whatever_the_policy(settings: Settings) -> None:
    for drift in ("rescue", "evolve", "ignore"):
        staged = stage_text(settings, "order_id,shop\nx,A\n", made(drift), f"{drift}.csv")
        (record,) = pl.read_parquet(staged.error_paths)["record"]
        assert json.loads(record) == {"order_id": "x", "shop": "A"}


def test_a_probable_rename_is_remarked_where_the_column_may_be_missing(settings: Settings) -> None:
    dataset = made("rescue", columns={"customer_email": (str, {"nullable": True})})
    staged = stage_text(settings, "order_id,customer_mail\n1,a@b.de\n", dataset)
    hint = "`customer_mail` is not in the contract; did you mean `customer_email`? add it to aliases"
    assert staged.manifest.remarks == (hint,)
    assert staged.manifest.notes[-1] == hint


def test_a_drift_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(ContractError, match="'rescue', 'evolve', 'reject', 'ignore'"):
        made("grow")


def test_another_drift_is_another_contract() -> None:
    assert len({made(drift).fingerprint for drift in ("rescue", "evolve", "reject", "ignore")}) == 4
