"""Values that became others on their way, or took their file along: order of work, doubles, decimals, times.

What belongs here: the cases of these kinds with their right values, and further inputs of the same kinds.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any
from zipfile import ZipFile

import openpyxl
import polars as pl
import pytest

from pipeline.contract import Dataset, Rule, clean
from pipeline.files import UnreadableFile
from pipeline.ingest import stage
from pipeline.settings import Settings
from pipeline_tests.ingest.support import (
    clean_rows,
    counts,
    error_rows,
    model,
    stage_text,
    violations,
    write_parquet,
)

NOT_A_TEST = pl.col("st") != "test"


def _kept(keep: pl.Expr = NOT_A_TEST, **options: Any) -> Dataset:
    return Dataset("kept", schema=model(id=int, st=str, n=int), keep=keep, max_errors=0, **options)


def test_a_row_that_keep_leaves_out_is_not_looked_at(settings: Settings) -> None:
    staged = stage_text(settings, "id,st,n\n1,test,abc\n2,live,5\n", _kept())
    assert counts(staged) == (2, 1, 0, 1)
    assert violations(staged) == []
    assert staged.manifest.rejects == ()
    assert [column.violations for column in staged.manifest.columns] == [0, 0, 0]
    assert [column.row_count for column in staged.manifest.columns] == [1, 1, 1]


@pytest.mark.parametrize(
    "text",
    [
        "id,st,n\nx,test,abc\n2,live,5\n",
        "id,st,n\n1,test,\n2,live,5\n",
        "id,st,n\n2,live,5\n1,test,99999999999999999999\n",
    ],
    ids=["two casts", "a missing value", "out of range"],
)
def test_nothing_that_is_wrong_with_it_counts(settings: Settings, text: str) -> None:
    staged = stage_text(settings, text, _kept())
    assert (counts(staged), violations(staged)) == ((2, 1, 0, 1), [])


@pytest.mark.parametrize("severity", ["reject", "quarantine"])
def test_nor_does_what_a_cleaner_or_a_rule_refuses(settings: Settings, severity: Any) -> None:
    dataset = _kept(
        clean={"n": clean.number()},
        severity={"n": {"cast": severity}},
        rules=[Rule("small", pl.col("n") < 9, severity=severity)],
    )
    staged = stage_text(settings, "id,st,n\n1,test,abc\n2,test,10\n3,live,5\n", dataset)
    assert (counts(staged), violations(staged)) == ((3, 1, 0, 2), [])


def test_where_what_keep_looks_at_cannot_be_had_the_row_is_rejected(settings: Settings) -> None:
    loose = Dataset("kept", schema=model(id=int, st=str, n=int), keep=(pl.col("n") > 0) & NOT_A_TEST)
    staged = stage_text(settings, "id,st,n\n1,test,abc\nx,test,5\ny,live,5\n4,live,0\n", loose)
    assert counts(staged) == (4, 0, 2, 2)
    assert violations(staged) == [(1, "n", "cast"), (3, "id", "cast")]


def test_that_goes_for_what_is_derived_from_such_a_value(settings: Settings) -> None:
    dataset = Dataset(
        "kept",
        schema=model(id=int, n=int, twice=int),
        derive={"twice": pl.col("n") * 2},
        keep=pl.col("twice") > 4,
    )
    staged = stage_text(settings, "id,n\n1,abc\nx,1\n3,5\n", dataset)
    assert counts(staged) == (3, 1, 1, 1)
    assert violations(staged) == [(1, "n", "cast")]


def test_a_row_that_stays_is_rejected_as_ever(settings: Settings) -> None:
    with pytest.raises(UnreadableFile, match="1 of 2 rows"):
        stage_text(settings, "id,st,n\n1,live,abc\n2,test,abc\n", _kept())


def test_the_rows_are_told_apart_chunk_by_chunk(settings: Settings) -> None:
    rows = [(number, "test" if number % 3 else "live", "abc" if number % 2 else "7") for number in range(40)]
    text = "id,st,n\n" + "".join(f"{number},{st},{n}\n" for number, st, n in rows)
    loose = Dataset("kept", schema=model(id=int, st=str, n=int), keep=NOT_A_TEST)
    staged = stage_text(settings.model_copy(update={"chunk_rows": 7}), text, loose)
    live = [number for number, st, _ in rows if st == "live"]
    wrong = [number for number in live if number % 2]
    assert counts(staged) == (40, len(live) - len(wrong), len(wrong), 40 - len(live))
    assert violations(staged) == [(number + 1, "n", "cast") for number in wrong]
    assert clean_rows(staged)["id"].to_list() == [number for number in live if number % 2 == 0]


MONEY = Annotated[pl.Decimal, 18, 2]
NOISE = [0.1 + 0.2, 1.1 * 3, 19.99 * 3, sum([0.1] * 10), 4.35 * 100, -1.1 * 3, 12345678901.1 * 3]
CENTS = [Decimal(text) for text in ("0.30", "3.30", "59.97", "1.00", "435.00", "-3.30", "37037036703.30")]
NO_NOISE = [2.675, 1.005, 0.125, 59.969, 1234567890123.4565]


def _money(**more: Any) -> Dataset:
    return Dataset("money", schema=model(amount=MONEY, **more))


def _book(settings: Settings, rows: list[list[Any]]) -> Path:
    """A workbook with all 17 digits of its doubles, as spreadsheets write them; openpyxl leaves off the last."""
    made = openpyxl.Workbook()
    for row in rows:
        made.worksheets[0].append(row)
    plain, path = settings.home / "plain.xlsx", settings.home / "book.xlsx"
    made.save(plain)
    with ZipFile(plain) as source, ZipFile(path, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            for number in (cell for row in rows for cell in row if isinstance(cell, float)):
                cut, whole = f"<v>{number:.16g}</v>", f"<v>{number!r}</v>"
                data = data.replace(cut.encode(), whole.encode())
            target.writestr(name, data)
    plain.unlink()
    return path


def _written(settings: Settings, form: str, numbers: list[float], rows_more: list[str] | None = None) -> Path:
    """The numbers as column `amount` of a file."""
    if form == "workbook":
        return _book(settings, [["amount"], *([number] for number in numbers)])
    if form == "mixed workbook":
        return _book(
            settings,
            [["amount"], *([number] for number in numbers), *([text] for text in rows_more or ["x"])],
        )
    path = settings.home / f"rows.{form}"
    frame = pl.DataFrame({"amount": numbers})
    if form == "ndjson":
        path.write_text(
            "".join(json.dumps({"amount": number}) + "\n" for number in numbers), encoding="utf-8"
        )
    elif form == "json":
        path.write_text(json.dumps([{"amount": number} for number in numbers]), encoding="utf-8")
    else:
        {"parquet": frame.write_parquet, "arrow": frame.write_ipc, "avro": frame.write_avro}[form](path)
    return path


FORMS = ["workbook", "mixed workbook", "ndjson", "json", "parquet", "arrow", "avro"]


@pytest.mark.parametrize("form", FORMS)
def test_a_double_has_15_digits_where_it_becomes_a_decimal(settings: Settings, form: str) -> None:
    staged = stage(_written(settings, form, NOISE), _money(), settings)
    assert clean_rows(staged)["amount"].to_list() == CENTS


@pytest.mark.parametrize("form", FORMS)
def test_a_digit_too_many_stays_a_violation(settings: Settings, form: str) -> None:
    staged = stage(_written(settings, form, NO_NOISE), _money(), settings)
    assert counts(staged)[:2] == (len(NO_NOISE) + (form == "mixed workbook"), 0)
    told = [row["value"] for row in error_rows(staged)]
    assert told[: len(NO_NOISE)] == [repr(number) for number in NO_NOISE]


@pytest.mark.parametrize("form", FORMS)
def test_a_double_has_15_digits_where_it_becomes_a_whole_number(settings: Settings, form: str) -> None:
    whole = [
        0.1 * 3 * 10,
        2.9999999999999996,
        1e15,
        123456789012345.67,
        3000000000000000.5,
        4111111111111111.0,
    ]
    staged = stage(_written(settings, form, whole), Dataset("whole", schema=model(amount=int)), settings)
    assert clean_rows(staged)["amount"].to_list() == [3, 3, 10**15, 4111111111111111]
    assert [row["_row"] for row in error_rows(staged)][:2] == [4, 5]


@pytest.mark.parametrize("form", FORMS)
def test_floats_stay_what_they_are_bit_for_bit(settings: Settings, form: str) -> None:
    # The library that reads columns of numbers and texts rounds to nine digits, which shows only where digits are left.
    numbers = NOISE[:3] if form == "mixed workbook" else NOISE
    staged = stage(_written(settings, form, numbers), Dataset("floats", schema=model(amount=float)), settings)
    assert clean_rows(staged)["amount"].to_list() == numbers


def test_a_text_says_what_it_says_in_a_workbook_as_in_a_csv(settings: Settings) -> None:
    texts = ["0.30000000000000004", "3.3000000000000003"]
    book = stage(_written(settings, "mixed workbook", [0.1 + 0.2], texts), _money(), settings)
    assert clean_rows(book)["amount"].to_list() == [Decimal("0.30")]
    assert [row["value"] for row in error_rows(book)] == texts
    csv = stage_text(settings, "amount\n" + "\n".join(texts) + "\n", _money())
    assert counts(csv) == (2, 0, 2, 0)
    strings = stage_text(
        settings, "".join(json.dumps({"amount": text}) + "\n" for text in texts), _money(), "s.ndjson"
    )
    assert counts(strings) == (2, 0, 2, 0)


def test_a_number_with_more_digits_than_a_double_is_no_noise(settings: Settings) -> None:
    lines = '{"amount": 0.3000000000000000400}\n{"amount": 1.10000000000000000001}\n{"amount": 0.3}\n'
    staged = stage_text(settings, lines, _money(), "rows.ndjson")
    assert counts(staged) == (3, 2, 1, 0)


def test_cleaners_and_blank_cells_change_nothing_of_that(settings: Settings) -> None:
    dataset = Dataset(
        "money",
        schema=model(amount=(MONEY, {"nullable": True})),
        clean={"amount": clean.number(decimal=",", thousands=".")},
    )
    staged = stage(
        _book(settings, [["amount", "x"], [0.1 + 0.2, 1], [None, 2], ["1,5", 3]]), dataset, settings
    )
    assert clean_rows(staged)["amount"].to_list() == [Decimal("0.30"), None, Decimal("1.50")]


def test_error_rows_show_such_a_number_as_it_was_read_and_come_back(settings: Settings) -> None:
    rows = [["amount", "n", "left"], [0.1 + 0.2, "x", 0.1 + 0.2]]
    staged = stage(_book(settings, rows), _money(n=int), settings)
    (row,) = error_rows(staged)
    assert row["record"] == {"amount": "0.3", "n": "x", "left": "0.30000000000000004"}


def test_hidden_columns_stay_hidden(settings: Settings) -> None:
    dataset = Dataset(
        "money",
        schema=model(amount=MONEY, pay=(MONEY, {"nullable": True})),
        clean={"pay": clean.mask(keep_last=0)},
    )
    path = write_parquet(settings, pl.DataFrame({"amount": [0.1 + 0.2], "pay": [1.1 * 3]}))
    staged = stage(path, dataset, settings)
    assert counts(staged) == (1, 0, 1, 0)
    assert "3.3" not in str(error_rows(staged))


def test_what_is_computed_in_doubles_fits_a_decimal_column(settings: Settings) -> None:
    dataset = Dataset("money", schema=model(a=float, amount=MONEY), derive={"amount": pl.col("a") * 3})
    staged = stage_text(settings, "a\n1.1\n0.335\n", dataset)
    assert clean_rows(staged)["amount"].to_list() == [Decimal("3.30")]
    assert violations(staged) == [(2, "amount", "cast")]
