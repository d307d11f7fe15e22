"""Which column of a file is which column of the contract."""

from __future__ import annotations

import json

import pytest

from pipeline.contract import Dataset
from pipeline.files import UnreadableFile
from pipeline.ingest.mapping import expected_names, map_columns
from pipeline.settings import Settings
from pipeline_tests.ingest.support import ORDERS, as_csv, clean_rows, counts, model, orders, stage_text

PLAIN = Dataset("plain", schema=model(order_id=int, paid=bool), aliases={"order_id": ["Number", "Order Nr"]})
NULLABLE = Dataset("loose", schema=model(a=(str, {"nullable": True}), b=(int, {"default": 0})))


def _source_of(column: str, *file: str) -> str | None:
    return map_columns(PLAIN, file).sources[column]


@pytest.mark.parametrize(
    "header", ["order_id", "Order ID", " ORDER-ID ", "OrderId", "order.id", "ｏｒｄｅｒ id"]
)
def test_case_blanks_and_punctuation_of_a_header_are_forgiven(header: str) -> None:
    assert _source_of("order_id", header) == header


@pytest.mark.parametrize("header", ["Number", "number", "order-nr"])
def test_an_alias_stands_for_its_column_as_forgivingly(header: str) -> None:
    assert _source_of("order_id", header) == header


def test_an_exact_name_goes_before_a_forgiven_one() -> None:
    mapping = map_columns(PLAIN, ("Order-ID", "order_id", "paid"))
    assert (mapping.sources["order_id"], mapping.unknown) == ("order_id", ("Order-ID",))


def test_an_exact_alias_goes_before_a_forgiven_name() -> None:
    assert _source_of("order_id", "Order-ID", "Number") == "Number"


def test_the_name_goes_before_its_alias() -> None:
    assert _source_of("order_id", "Number", "order_id") == "order_id"


def test_a_column_without_a_name_is_unknown_and_not_lost() -> None:
    assert map_columns(PLAIN, ("", "order_id")).unknown == ("",)


def test_a_column_of_the_file_serves_one_column_of_the_contract() -> None:
    dataset = Dataset("two", schema=model(total=int, total_net=int))
    mapping = map_columns(dataset, ("Total", "Total Net"))
    assert mapping.sources == {"total": "Total", "total_net": "Total Net"}


def test_readers_are_told_every_name_by_which_a_column_may_go() -> None:
    assert expected_names(PLAIN) == ("order_id", "Number", "Order Nr", "paid")


def test_a_missing_column_is_named_with_those_that_are_there(settings: Settings) -> None:
    with pytest.raises(UnreadableFile) as caught:
        stage_text(settings, "paid,city\nyes,Rome\n", PLAIN)
    assert caught.value.code == "missing_column"
    assert "'order_id' of dataset 'plain'" in caught.value.cause
    assert "'paid', 'city'" in caught.value.cause


def test_a_missing_column_is_guessed_from_one_that_is_alike(settings: Settings) -> None:
    with pytest.raises(UnreadableFile) as caught:
        stage_text(settings, "order_idd,paid\n1,yes\n", PLAIN)
    assert (
        "`order_idd` is not in the contract; did you mean `order_id`? add it to aliases"
        in caught.value.remedy
    )


def test_a_missing_column_that_resembles_none_gets_a_plain_remedy(settings: Settings) -> None:
    with pytest.raises(UnreadableFile) as caught:
        stage_text(settings, "paid,zzz\nyes,1\n", PLAIN)
    assert "nullable or with a default" in caught.value.remedy


def test_all_missing_columns_are_named_at_once(settings: Settings) -> None:
    with pytest.raises(UnreadableFile, match="columns 'email', 'amount', 'ordered_at', 'status'"):
        stage_text(settings, "order_id,note\n1,x\n")


def test_a_nullable_column_may_be_missing_and_a_default_fills_its_column(settings: Settings) -> None:
    staged = stage_text(settings, "c,a\n1,x\n", NULLABLE)
    assert clean_rows(staged).select("a", "b").rows() == [("x", 0)]


def test_a_file_that_shares_no_column_with_a_forgiving_contract_is_refused(settings: Settings) -> None:
    with pytest.raises(UnreadableFile) as caught:
        stage_text(settings, "x,y\n1,2\n", NULLABLE)
    assert caught.value.code == "no_known_column"
    assert "it has 'x', 'y', the dataset 'a', 'b'" in caught.value.cause


def test_unknown_columns_are_kept_as_json_for_the_rows_that_have_any(settings: Settings) -> None:
    staged = stage_text(
        settings, orders({"shop": "5", "till": ""}, {"shop": "", "till": ""}, {"shop": "", "till": "x"})
    )
    rescued = [None if text is None else json.loads(text) for text in clean_rows(staged)["_rescued"]]
    assert rescued == [{"shop": "5", "till": None}, None, {"shop": None, "till": "x"}]


def test_the_manifest_notes_which_columns_are_unknown(settings: Settings) -> None:
    staged = stage_text(settings, orders({"shop": "5"}))
    assert staged.manifest.notes == ("columns that the contract does not know are kept in _rescued: 'shop'",)


@pytest.mark.parametrize(
    "name",
    [
        "record",
        "position",
        "value",
        "message",
        "v",
        "literal",
        "_rescued",
        "*",
        "^.*$",
        'we"ird',
        "two\nlines",
        "größe",
        "{value}",
        "{}",
    ],
)
def test_an_unknown_column_of_any_name_is_kept_and_disturbs_nothing(settings: Settings, name: str) -> None:
    staged = stage_text(settings, orders({name: "kept"}, {name: "kept", "amount": "x"}))
    assert [json.loads(text) for text in clean_rows(staged)["_rescued"]] == [{name: "kept"}]
    assert counts(staged) == (2, 1, 1, 0)


@pytest.mark.parametrize(
    "name",
    ["record", "position", "value", "v", "literal", "check_name", 'we"ird', "two\nlines", "größe", "{value}"],
)
def test_a_column_of_the_contract_may_have_any_name(settings: Settings, name: str) -> None:
    dataset = Dataset("odd", schema=model(**{name: (int, {"ge": 0}), "b": str}))
    staged = stage_text(
        settings, as_csv([{name: "1", "b": "x"}, {name: "-1", "b": "x"}, {name: "x", "b": ""}]), dataset
    )
    assert clean_rows(staged)[name].to_list() == [1]
    assert counts(staged) == (3, 1, 2, 0)


def test_a_column_called_like_the_row_number_keeps_both_apart(settings: Settings) -> None:
    staged = stage_text(settings, orders({"_row": "77"}, {"_row": "78"}))
    rows = clean_rows(staged)
    assert rows["_row"].to_list() == [1, 2]
    assert "77" in rows["_rescued"][0]


def test_the_contract_of_the_tests_maps_itself() -> None:
    assert map_columns(ORDERS, ORDERS.column_names).unknown == ()
