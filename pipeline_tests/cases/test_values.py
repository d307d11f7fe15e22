"""Values that became others on their way, or took their file along: order of work, doubles, decimals, times.

What belongs here: the cases of these kinds with their right values, and further inputs of the same kinds.
"""

# ruff: noqa: DTZ001  (files and the warehouse hold moments without zone)
from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any
from zipfile import ZipFile

import openpyxl
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.contract import ContractError, Dataset, Rule, checks, clean
from pipeline.contract.exact import Computed
from pipeline.files import UnreadableFile
from pipeline.infer import infer
from pipeline.ingest import Staged, stage
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


PRICED = {"price": MONEY, "discount": MONEY, "qty": int}
PRICES = "price,discount,qty\n0.07,0.04,3\n0.03,0.02,1\n10.00,5.00,2\n1.10,0.55,3\n"
price, discount, qty = pl.col("price"), pl.col("discount"), pl.col("qty")


def _ruled(*rules: Rule, **declared: Any) -> Dataset:
    return Dataset("priced", schema=model(**PRICED), rules=rules, **declared)


def _broken_by(settings: Settings, good: pl.Expr, text: str = PRICES) -> list[int]:
    """Rows that break a rule."""
    return [
        row
        for row, _, check in violations(stage_text(settings, text, _ruled(Rule("good", good))))
        if check == "good"
    ]


def test_a_rule_that_divides_decimals_is_right(settings: Settings) -> None:
    assert _broken_by(settings, discount <= price / 2) == [1, 2]


@pytest.mark.parametrize(
    ("good", "broken"),
    [
        (discount / price <= 0.55, [1, 2]),
        (price * discount > 0, []),
        (price * discount * price > 0, []),
        (price * 0.5 != discount, [3, 4]),
        (price * qty == pl.lit(Decimal("0.21")), [2, 3, 4]),
        ((price / 3) * 3 - price < Decimal("0.001"), []),
        (price % discount == 0, [1, 2]),
        (price // discount == 2, [1, 2]),
        (pl.mean_horizontal("price", "discount") >= 0.055, [2]),
        ((price + discount) / 2 >= Decimal("0.055"), [2]),
        (qty / price > 20, [3, 4]),
        (1 / price > 1, [3, 4]),
        (pl.when(price > 1).then(discount / price == 0.5).otherwise(True), []),
    ],
)
def test_so_are_the_other_kinds_of_arithmetic(settings: Settings, good: pl.Expr, broken: list[int]) -> None:
    assert _broken_by(settings, good) == broken


def test_a_derived_column_has_the_digits_of_its_type(settings: Settings) -> None:
    six = Annotated[pl.Decimal, 18, 6]
    dataset = Dataset(
        "priced",
        schema=model(**PRICED, ratio=float, cents=MONEY, fine=six, vat=six, whole=int),
        derive={
            "ratio": qty / price,
            "cents": price / 3,
            "fine": price / 3,
            "vat": price * discount * 0.19,
            "whole": price // discount,
        },
    )
    (row,) = clean_rows(stage_text(settings, "price,discount,qty\n1.10,0.30,3\n", dataset)).to_dicts()
    assert row["ratio"] == pytest.approx(3 / 1.1, rel=1e-15)
    assert [row[name] for name in ("cents", "fine", "vat", "whole")] == [
        Decimal("0.37"),
        Decimal("0.366667"),
        Decimal("0.0627"),
        3,
    ]


def test_a_small_quotient_has_the_digits_of_a_double(settings: Settings) -> None:
    dataset = Dataset("priced", schema=model(**PRICED, ratio=float), derive={"ratio": discount / price})
    text = "price,discount,qty\n1234567890123456.89,0.01,1\n0.03,0.02,1\n"
    found = clean_rows(stage_text(settings, text, dataset))["ratio"].to_list()
    assert found == [pytest.approx(0.01 / 1234567890123456.89, rel=1e-15), pytest.approx(2 / 3, rel=1e-15)]


ZERO = PRICES + "0.00,0.00,4\n"


@pytest.mark.parametrize(("nullable", "rows"), [(True, (5, 5, 0, 0)), (False, (5, 4, 1, 0))])
def test_a_division_by_zero_is_a_null_by_the_columns_rule(
    settings: Settings, nullable: bool, rows: tuple[int, ...]
) -> None:
    dataset = Dataset(
        "priced", schema=model(**PRICED, ratio=(float, {"nullable": nullable})), derive={"ratio": qty / price}
    )
    staged = stage_text(settings, ZERO, dataset)
    assert counts(staged) == rows
    assert violations(staged) == ([] if nullable else [(5, "ratio", "not_nullable")])


def test_keep_and_rules_that_divide_by_zero_cost_that_row(settings: Settings) -> None:
    staged = stage_text(settings, ZERO, _ruled(keep=qty / price > 1))
    assert (counts(staged), violations(staged)) == ((5, 3, 1, 1), [(5, None, "keep")])
    staged = stage_text(settings, ZERO, _ruled(Rule("few", qty / price < 1000)))
    assert (counts(staged), violations(staged)) == ((5, 4, 1, 0), [(5, None, "few")])
    assert "divides by zero" in error_rows(staged)[0]["message"]


def test_a_row_that_lacks_a_price_does_not_divide_by_zero(settings: Settings) -> None:
    dataset = Dataset(
        "priced",
        schema=model(price=(MONEY, {"nullable": True}), qty=int),
        rules=[Rule("few", qty / price < 1000)],
    )
    assert counts(stage_text(settings, "price,qty\n,3\n0.00,1\n1.00,1\n", dataset)) == (3, 2, 1, 0)


def test_a_declaration_may_say_itself_what_holds_at_zero(settings: Settings) -> None:
    good = pl.when(price == 0).then(discount == 0).otherwise(qty / price < 1000)
    assert _broken_by(settings, good, ZERO + "0.00,1.00,1\n") == [6]


def test_checks_of_ones_own_divide_as_well(settings: Settings) -> None:
    few = checks.expression("few", lambda value: 100 / value < 3000, "{value} is too little")
    exact = checks.expression("exact", lambda value: value / 3 * 3 > value / 2, "{value} is odd")
    dataset = Dataset(
        "priced", schema=model(price=(MONEY, {"check": few}), discount=(MONEY, {"check": exact}))
    )
    staged = stage_text(settings, "price,discount\n0.03,0.01\n0.05,0.01\n0.00,0.01\n", dataset)
    assert violations(staged) == [(1, "price", "few"), (3, "price", "few")]


@pytest.mark.parametrize("chunk_rows", [2, 100])
def test_an_expression_that_fails_on_one_value_costs_that_row(settings: Settings, chunk_rows: int) -> None:
    dataset = Dataset(
        "codes",
        schema=model(code=str, big=MONEY, cube=Annotated[pl.Decimal, 38, 6]),
        derive={"cube": pl.col("big") * pl.col("big") * pl.col("big")},
        rules=[
            Rule("low", pl.col("code").cast(pl.Int64) < 50),
            Rule.in_pandas(
                "spelled", ["code"], lambda rows: rows["code"].map(lambda code: 10 / int(code) > 0)
            ),
            Rule("small", pl.col("big") * pl.col("big") * pl.col("big") * pl.col("big") < 1e50),
        ],
    )
    text = "code,big\n7,1.50\nx,2.00\n0,1.00\n60,1.00\n8,9999999999999999.99\n"
    staged = stage_text(settings.model_copy(update={"chunk_rows": chunk_rows}), text, dataset)
    assert sorted(violations(staged), key=repr) == sorted(
        [
            (2, None, "low"),
            (2, None, "spelled"),
            (3, None, "spelled"),
            (4, None, "low"),
            (5, None, "small"),
            (5, "cube", "cast"),
        ],
        key=repr,
    )
    assert clean_rows(staged)["cube"].to_list() == [Decimal("3.375")]
    assert "x" not in error_rows(staged)[0]["message"].split()


def test_what_a_product_past_all_digits_is_compared_with_is_right(settings: Settings) -> None:
    cube = pl.col("a") * pl.col("a") * pl.col("a")
    dataset = Dataset("big", schema=model(a=MONEY), rules=[Rule("large", cube > 1e40)])
    staged = stage_text(settings, "a\n9999999999999999.99\n1.00\n", dataset)
    assert violations(staged) == [(2, None, "large")]


def test_an_expression_that_works_on_no_value_is_a_mistake_of_the_declaration(settings: Settings) -> None:
    rule = Rule.in_pandas("wrong", ["qty"], lambda rows: rows["quantity"] > 0)
    with pytest.raises(ContractError, match="rule 'wrong'"):
        stage_text(settings, PRICES, _ruled(rule))


F32 = pl.Float32


@pytest.mark.parametrize(
    ("dtype", "text", "value"),
    [
        (float, "1e400", None),
        (float, "-1e400", None),
        (float, "1" * 400, None),
        (F32, "1e39", None),
        (F32, "3.4028236e38", None),
        (F32, " 1e400 ", None),
        (float, "inf", math.inf),
        (float, "-Infinity", -math.inf),
        (F32, "+INF", math.inf),
        (float, "1e-400", 0.0),
        (float, "1.7976931348623157e308", 1.7976931348623157e308),
        (float, "123456789012345678901234567890", 1.2345678901234568e29),
        (pl.Int8, "300", None),
        (pl.UInt8, "256", None),
        (int, "9223372036854775808", None),
    ],
)
def test_a_number_out_of_range_is_a_violation_for_floats_too(
    settings: Settings, dtype: Any, text: str, value: Any
) -> None:
    staged = stage_text(settings, f"x,y\n{text},1\n", Dataset("floats", schema=model(x=dtype, y=int)))
    if value is None:
        assert violations(staged) == [(1, "x", "cast")]
    else:
        assert clean_rows(staged)["x"].to_list() == [value]


def test_it_is_said_why_and_json_and_workbooks_are_no_other(settings: Settings) -> None:
    dataset = Dataset("floats", schema=model(x=float))
    (row,) = error_rows(stage_text(settings, '{"x": 1e400}\n{"x": 1.5}\n', dataset, "x.ndjson"))
    assert row["message"] == "'1e400' is out of the range of a Float64 (up to 1.8e308)"
    (row,) = error_rows(stage(_book(settings, [["x"], ["1e400"], [1.5]]), dataset, settings))
    assert row["check_name"] == "cast"


def test_no_number_is_null_where_that_is_allowed(settings: Settings) -> None:
    dataset = Dataset("floats", schema=model(x=(float, {"nullable": True}), y=int))
    assert clean_rows(stage_text(settings, "x,y\nNaN,1\n-nan,2\n", dataset))["x"].to_list() == [None, None]
    strict = Dataset("floats", schema=model(x=float, y=int))
    assert violations(stage_text(settings, "x,y\nNaN,1\n", strict)) == [(1, "x", "not_nullable")]


TIMES = Dataset("times", schema=model(at=datetime, n=int))


@pytest.mark.parametrize(
    ("text", "check"),
    [
        ("2024-01-01T10:00:00.1234567Z", "time_cut"),
        ("2024-01-01T10:00:00.123456789", "time_cut"),
        ("2024-01-01 10:00:00.123456789+02:00", "time_cut"),
        ("2024-01-01 10:00:00.0000000000001", "time_cut"),
        ("2016-12-31T23:59:60Z", "leap_second"),
        ("2016-12-31 23:59:60.5", "leap_second"),
        ("2024-01-01T10:00:00.123456000Z", None),
        ("2024-01-01T10:00:60Z", "leap_second"),
        ("2024-01-01 10:00:00.12", None),
        ("2024-01-01 10:60:00", "cast"),
    ],
)
def test_no_part_of_a_time_goes_in_silence(settings: Settings, text: str, check: str | None) -> None:
    staged = stage_text(settings, f"at,n\n{text},1\n2024-01-01T10:00:00Z,2\n", TIMES)
    assert violations(staged) == ([] if check is None else [(1, "at", check)])
    if check not in (None, "cast"):
        (row,) = error_rows(staged)
        assert (row["severity"], row["value"]) == ("repair", text)
        assert counts(staged) == (2, 2, 0, 0)
        assert [note for note in staged.manifest.remarks if note.startswith("at: ")]


@pytest.mark.parametrize("unit", ["ns", "us", "ms"])
def test_native_times_are_told_alike(settings: Settings, unit: Any) -> None:
    moments = pl.Series([datetime(2024, 1, 1, 10), datetime(2024, 1, 1, 10, 0, 0, 123_000)]).cast(
        pl.Datetime(unit)
    )
    finer = moments.to_physical() + (1 if unit == "ns" else 0)
    path = write_parquet(settings, pl.DataFrame({"at": finer.cast(pl.Datetime(unit)), "n": [1, 2]}))
    staged = stage(path, TIMES, settings)
    assert [row for row, _, _ in violations(staged)] == ([1, 2] if unit == "ns" else [])
    assert clean_rows(staged)["at"].to_list() == moments.to_list()


def test_times_of_day_and_milliseconds_are_told_alike(settings: Settings) -> None:
    dataset = Dataset("times", schema=model(clock=time, at=pl.Datetime("ms")))
    text = "clock,at\n10:00:00.1234567,2024-01-01 10:00:00.123\n10:00:00.5,2024-01-01 10:00:00.1234\n23:59:60,2024-01-01\n"
    staged = stage_text(settings, text, dataset)
    assert violations(staged) == [(1, "clock", "time_cut"), (2, "at", "time_cut"), (3, "clock", "cast")]
    assert clean_rows(staged)["clock"].to_list() == [time(10, 0, 0, 123456), time(10, 0, 0, 500000)]


@pytest.mark.parametrize(
    "text", ["2024-01-01 10:00", "2024-01-01T00:00:00.0000001", "2016-12-31 23:59:60", "2024-01-01T00:00:01Z"]
)
def test_a_day_loses_no_time_of_day(settings: Settings, text: str) -> None:
    dataset = Dataset("days", schema=model(day=date, n=int))
    assert violations(stage_text(settings, f"day,n\n{text},1\n2024-01-01T00:00:00,2\n", dataset)) == [
        (1, "day", "cast")
    ]
    path = write_parquet(
        settings, pl.DataFrame({"day": [datetime(2024, 1, 1), datetime(2024, 1, 1, 10)], "n": [1, 2]})
    )
    assert violations(stage(path, dataset, settings)) == [(2, "day", "cast")]


def test_of_many_the_first_are_listed_and_all_are_counted(settings: Settings) -> None:
    text = "at,n\n" + "".join(f"2024-01-01T10:00:00.{n:09d}Z,{n}\n" for n in range(1000))
    staged = stage_text(settings, text, TIMES)
    assert len(error_rows(staged)) == 100
    assert staged.manifest.remarks == (
        "at: more digits after the second than are kept were cut, in 999 rows",
    )


def test_a_filtered_row_is_not_told_of(settings: Settings) -> None:
    dataset = Dataset("times", schema=model(at=datetime, n=int), keep=pl.col("n") > 1)
    staged = stage_text(settings, "at,n\n2024-01-01T10:00:00.1234567Z,1\n2024-01-01T10:00:00Z,2\n", dataset)
    assert (counts(staged), violations(staged), staged.manifest.remarks) == ((2, 1, 0, 1), [], ())


TWICE = Dataset("twice", schema=model(at=datetime, n=int), event_time="at", timezone="Europe/Berlin")
NIGHT = ["01:30", "02:00", "02:30", "02:00", "02:30", "03:00"]


def _night(*clocks: str, day: str = "2024-10-27") -> str:
    return "at,n\n" + "".join(f"{day} {clock},{n}\n" for n, clock in enumerate(clocks))


def _utc(staged: Staged) -> list[str]:
    return [f"{moment:%H:%M}" for moment in clean_rows(staged)["at"]]


def _with(way: str, **more: Any) -> Dataset:
    return Dataset(
        "twice",
        schema=model(at=datetime, n=int),
        event_time="at",
        timezone="Europe/Berlin",
        repeated_hour=way,
        **more,
    )


def test_the_hour_that_comes_twice_is_told(settings: Settings) -> None:
    staged = stage_text(settings, _night(*NIGHT), TWICE)
    assert _utc(staged) == ["23:30", "00:00", "00:30", "00:00", "00:30", "02:00"]
    assert violations(staged) == [(row, "at", "repeated_hour") for row in (2, 3, 4, 5)]
    (row, *_) = error_rows(staged)
    assert row["severity"] == "repair"
    assert row["message"] == (
        "'2024-10-27 02:00' comes twice in Europe/Berlin, where the clocks are set back; it was taken as the first"
    )
    assert staged.manifest.remarks == (
        "at: times without a zone come twice where the clocks were set back, and were taken as the first, in 4 rows",
    )


@pytest.mark.parametrize(
    ("way", "expected", "rejected"),
    [
        ("first", ["23:30", "00:00", "00:30", "00:00", "00:30", "02:00"], 0),
        ("second", ["23:30", "01:00", "01:30", "01:00", "01:30", "02:00"], 0),
        ("order", ["23:30", "00:00", "00:30", "01:00", "01:30", "02:00"], 0),
        ("reject", ["23:30", "02:00"], 4),
    ],
)
@pytest.mark.parametrize("chunk_rows", [1, 100])
def test_what_it_means_can_be_said(
    settings: Settings, way: str, expected: list[str], rejected: int, chunk_rows: int
) -> None:
    staged = stage_text(settings.model_copy(update={"chunk_rows": chunk_rows}), _night(*NIGHT), _with(way))
    assert _utc(staged) == expected
    assert staged.manifest.rows_rejected == rejected
    assert len(error_rows(staged)) == (0 if way in ("second", "order") else 4)
    assert len(staged.manifest.remarks) == (0 if way == "reject" else 1)


def test_the_order_is_that_of_a_group_where_that_is_said(settings: Settings) -> None:
    dataset = Dataset(
        "meters",
        schema=model(at=datetime, meter=str),
        event_time="at",
        timezone="Europe/Berlin",
        repeated_hour="order:meter",
    )
    rows = [(clock, meter) for clock in ("01:00", "02:00", "02:00", "03:00") for meter in "ab"]
    text = "at,meter\n" + "".join(f"2024-10-27 {clock},{meter}\n" for clock, meter in rows)
    assert (
        _utc(stage_text(settings, text, dataset))
        == ["23:00"] * 2 + ["00:00"] * 2 + ["01:00"] * 2 + ["02:00"] * 2
    )
    quarters = [(clock, meter) for meter in "ab" for clock in ("02:00", "02:30", "02:00", "02:30")]
    text = "at,meter\n" + "".join(f"2024-10-27 {clock},{meter}\n" for clock, meter in quarters)
    assert _utc(stage_text(settings, text, dataset, "q.csv")) == ["00:00", "00:30", "01:00", "01:30"] * 2


@pytest.mark.parametrize("way", ["first", "second", "order"])
def test_what_has_an_offset_or_comes_once_is_not_told(settings: Settings, way: str) -> None:
    text = (
        "at,n\n2024-10-27T02:30:00+01:00,1\n2024-10-27T00:30:00Z,2\n2024-10-27 03:00,3\n2024-10-26 02:30,4\n"
    )
    staged = stage_text(settings, text, _with(way))
    assert (_utc(staged), violations(staged), staged.manifest.remarks) == (
        ["01:30", "00:30", "02:00", "00:30"],
        [],
        (),
    )


def test_an_hour_that_is_skipped_is_rejected(settings: Settings) -> None:
    staged = stage_text(settings, _night("01:59", "02:30", "03:00", day="2024-03-31"), TWICE)
    assert violations(staged) == [(2, "at", "cast")]


@pytest.mark.parametrize(
    ("zone", "text", "first", "second"),
    [
        ("Australia/Lord_Howe", "2024-04-07 01:45", "2024-04-06 14:45", "2024-04-06 15:15"),
        ("America/Havana", "2024-11-03", "2024-11-03 04:00", "2024-11-03 05:00"),
        ("America/New_York", "1999-10-31T01:30:00.5", "1999-10-31 05:30:00.5", "1999-10-31 06:30:00.5"),
        ("Europe/Berlin", "2150-10-25 02:30", "2150-10-25 00:30", "2150-10-25 01:30"),
    ],
)
def test_every_zone_and_year_is_told(
    settings: Settings, zone: str, text: str, first: str, second: str
) -> None:
    for way, expected in (("first", first), ("second", second)):
        dataset = Dataset(
            "twice", schema=model(at=datetime, n=int), event_time="at", timezone=zone, repeated_hour=way
        )
        staged = stage_text(settings, f"at,n\n{text},1\n9999-12-31 00:00,2\n", dataset, f"{way}.csv")
        assert clean_rows(staged)["at"][0] == datetime.fromisoformat(expected)
        assert len(staged.manifest.remarks) == 1


def test_native_moments_without_a_zone_are_told_too(settings: Settings) -> None:
    moments = [datetime(2024, 10, 27, 2, 30), datetime(2024, 10, 27, 2, 0)]
    path = write_parquet(settings, pl.DataFrame({"at": moments, "n": [1, 2]}))
    assert _utc(stage(path, _with("order"), settings)) == ["00:30", "01:00"]


def test_a_moment_that_is_derived_of_moments_is_in_utc(settings: Settings) -> None:
    dataset = Dataset(
        "twice",
        schema=model(at=datetime, then=datetime),
        timezone="Europe/Berlin",
        derive={"then": pl.col("at") + pl.duration(hours=2)},
    )
    (row,) = clean_rows(stage_text(settings, "at\n2024-07-01 12:00\n", dataset)).to_dicts()
    assert (row["at"], row["then"]) == (datetime(2024, 7, 1, 10), datetime(2024, 7, 1, 12))


@pytest.mark.parametrize("way", ["third", "order:nothing", "first:n", "order:"])
def test_what_is_said_wrongly_is_refused(way: str) -> None:
    with pytest.raises(ContractError, match="repeated_hour"):
        _with(way)


NOON = datetime(2024, 7, 1, 12)  # 10:00 in UTC
EARLY_AND_LATE = ["11:59", "12:00", "12:01"]


def _bounded(
    settings: Settings, zone: str, field: dict[str, Any], day: str = "2024-07-01", **more: Any
) -> list[int]:
    """Rows that are rejected."""
    dataset = Dataset("bounded", schema=model(at=(datetime, field), n=int), timezone=zone, **more)
    staged = stage_text(settings, _night(*EARLY_AND_LATE, day=day), dataset)
    assert staged.manifest.rows_clean + staged.manifest.rows_rejected == 3
    return [row["_row"] for row in error_rows(staged)]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata"])
@pytest.mark.parametrize(
    ("field", "rejected"),
    [
        ({"ge": NOON}, [1]),
        ({"gt": NOON}, [1, 2]),
        ({"le": NOON}, [3]),
        ({"lt": NOON}, [2, 3]),
        ({"eq": NOON}, [1, 3]),
        ({"ne": NOON}, [2]),
        ({"isin": [NOON]}, [1, 3]),
        ({"notin": [NOON]}, [2]),
        ({"in_range": (NOON, NOON)}, [1, 3]),
        ({"ge": date(2024, 7, 1), "lt": date(2024, 7, 2)}, []),
        ({"lt": date(2024, 7, 1)}, [1, 2, 3]),
    ],
)
def test_bounds_are_on_the_clock_of_the_dataset(
    settings: Settings, zone: str, field: dict[str, Any], rejected: list[int]
) -> None:
    assert _bounded(settings, zone, field) == rejected


def test_a_bound_with_a_zone_is_a_moment_and_the_message_says_it_as_it_is_written(settings: Settings) -> None:
    assert _bounded(settings, "Europe/Berlin", {"ge": datetime(2024, 7, 1, 10, tzinfo=UTC)}) == [1]
    dataset = Dataset("bounded", schema=model(at=(datetime, {"ge": NOON}), n=int), timezone="Europe/Berlin")
    (row,) = error_rows(stage_text(settings, _night("11:59", day="2024-07-01"), dataset))
    assert row["message"] == "2024-07-01 11:59 is less than 2024-07-01 12:00:00"


def test_so_are_bounds_of_a_column_with_a_zone(settings: Settings) -> None:
    zoned = pl.Datetime("us", "America/New_York")
    dataset = Dataset("bounded", schema=model(at=(zoned, {"ge": NOON}), n=int), timezone="Europe/Berlin")
    staged = stage_text(settings, _night(*EARLY_AND_LATE, day="2024-07-01"), dataset)
    assert [row["_row"] for row in error_rows(staged)] == [1]


at = pl.col("at")
UTC_NOON = datetime(2024, 7, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Los_Angeles"])
@pytest.mark.parametrize(
    ("good", "rejected"),
    [
        (at >= NOON, [1]),
        (at.is_between(NOON, NOON), [1, 3]),
        (at >= date(2024, 7, 1), []),
        (date(2024, 7, 2) <= at, [1, 2, 3]),
        (at - NOON >= timedelta(), [1]),
        (at > pl.datetime(2024, 7, 1, 12), [1, 2]),
        (at.is_in([NOON]), [1, 3]),
        (at.is_in([datetime(2000, 1, 1), NOON]), [1, 3]),
        (at.is_in(pl.Series([NOON])), [1, 3]),
        (~at.is_in([NOON]) | (at > NOON), [2]),
    ],
)
def test_moments_that_rules_and_keep_name_are_on_that_clock(
    settings: Settings, zone: str, good: pl.Expr, rejected: list[int]
) -> None:
    assert _bounded(settings, zone, {}, rules=[Rule("good", good)]) == rejected
    dataset = Dataset("bounded", schema=model(at=datetime, n=int), timezone=zone, keep=good)
    assert counts(stage_text(settings, _night(*EARLY_AND_LATE, day="2024-07-01"), dataset, "k.csv"))[
        3
    ] == len(rejected)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
@pytest.mark.parametrize("check", [{"ge": UTC_NOON}, {"isin": [UTC_NOON]}, {"gt": UTC_NOON - timedelta(1)}])
def test_a_bound_may_have_another_zone_than_its_column(
    settings: Settings, zone: str, check: dict[str, Any]
) -> None:
    dataset = Dataset("bounded", schema=model(at=(pl.Datetime("us", zone), check)), timezone="Europe/Berlin")
    staged = stage_text(settings, "at\n2024-07-01 14:00\n2024-07-01T12:00Z\n2024-06-30 13:59\n", dataset)
    assert [row["_row"] for row in error_rows(staged)] == [3]


def test_so_is_a_default(settings: Settings) -> None:
    dataset = Dataset(
        "bounded", schema=model(at=(datetime, {"default": NOON}), n=int), timezone="Europe/Berlin"
    )
    found = clean_rows(stage_text(settings, "at,n\n,1\n2024-07-01 12:00,2\n", dataset))["at"].to_list()
    assert found == [datetime(2024, 7, 1, 10)] * 2


def test_a_rule_that_sees_to_zones_by_itself_is_left_alone(settings: Settings) -> None:
    local = at.dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Berlin").dt.replace_time_zone(None)
    assert _bounded(settings, "Europe/Berlin", {}, rules=[Rule("good", local >= NOON)]) == [1]


def test_a_query_prints_values_as_they_are_stored(settings: Settings) -> None:
    sql = """SELECT 0.004::DOUBLE AS small, 12345 AS id, 12345.0::DOUBLE AS whole, 0.1::FLOAT AS single, 2.50::DECIMAL(18, 2) AS price,
        1e22::DOUBLE AS large, 0.30000000000000004::DOUBLE AS noise, TIMESTAMP '2024-01-01 10:00:00.123456' AS at, NULL AS nothing, true AS yes"""
    environment = {"PIPELINE_HOME": str(settings.home), "COLUMNS": "400"}
    assert CliRunner().invoke(app, ["migrate"], env=environment).exit_code == 0
    found = CliRunner().invoke(app, ["query", sql], env=environment)
    assert found.exit_code == 0, found.output
    cells = found.output.splitlines()[1].split("\t")
    assert cells == [
        "0.004",
        "12345",
        "12345.0",
        "0.1",
        "2.50",
        "1e+22",
        "0.30000000000000004",
        "2024-01-01 10:00:00.123456",
        "",
        "true",
    ]


@pytest.mark.parametrize(
    ("clocks", "day", "noticed"),
    [
        (NIGHT, "2024-10-27", True),
        (["01:00", "02:00", "02:00", "03:00"], "2024-10-27", True),
        (NIGHT, "2024-10-28", False),
        (["03:00", "02:30", "01:00"], "2024-10-27", False),
        (["01:00", "02:00", "03:00"], "2024-10-27", False),
    ],
)
def test_infer_notices_clocks_that_are_set_back(
    settings: Settings, clocks: list[str], day: str, noticed: bool
) -> None:
    path = settings.home / "meter.csv"
    path.write_text(_night(*clocks, day=day), encoding="utf-8")
    assert ('repeated_hour="order"' in infer(path, settings).text) == noticed


def test_the_basic_form_of_iso_is_told_of_alike(settings: Settings) -> None:
    text = "at,n\n20240101T100000.1234567Z,1\n20161231T235960Z,2\n20241027T023000,3\n20241027T023000+0100,4\n"
    assert violations(stage_text(settings, text, TWICE)) == [
        (1, "at", "time_cut"),
        (2, "at", "leap_second"),
        (3, "at", "repeated_hour"),
    ]


@pytest.mark.parametrize("kind", ["rule", "keep"])
def test_an_expression_that_works_on_no_row_quotes_no_hidden_value(settings: Settings, kind: str) -> None:
    def breaks(values: pl.Series) -> pl.Series:
        if len(values):
            raise ValueError(f"cannot take {values.to_list()}")
        return values.cast(pl.Boolean)

    broken = pl.col("name").map_batches(breaks, return_dtype=pl.Boolean)
    said: dict[str, Any] = {"rules": [Rule("wrong", broken)]} if kind == "rule" else {"keep": broken}
    dataset = Dataset("people", schema=model(name=str, n=int), clean={"name": clean.mask()}, **said)
    with pytest.raises(ContractError) as caught:
        stage_text(settings, "name,n\nJane Doe Miller,77\nJane Doe Miller,77\n", dataset)
    assert "hides values" in str(caught.value)
    assert "ller" not in str(caught.value)


def test_a_value_that_an_expression_cannot_take_is_not_quoted(settings: Settings) -> None:
    rule = Rule("coded", pl.col("name").cast(pl.Int64) > 0)
    dataset = Dataset(
        "people", schema=model(name=str, n=int), clean={"name": clean.mask(keep_last=0)}, rules=[rule]
    )
    (row,) = error_rows(stage_text(settings, "name,n\nMiller,77\n", dataset))
    assert "Miller" not in str(row)
    assert row["message"].startswith("the rule coded cannot be computed for this row")


def test_the_profile_and_a_look_at_a_file_show_floats_as_they_are_stored(settings: Settings) -> None:
    frame = pl.DataFrame(
        {"single": [0.1, 0.1], "double": [0.004, 12345.0]}, schema_overrides={"single": pl.Float32}
    )
    path = write_parquet(settings, frame)
    staged = stage(path, Dataset("floats", schema=model(single=pl.Float32, double=float)), settings)
    single, double = staged.manifest.columns
    assert (single.min, single.top_values, double.min) == ("0.1", (("0.1", 2),), "0.004")
    found = CliRunner().invoke(
        app, ["check", str(path)], env={"PIPELINE_HOME": str(settings.home), "COLUMNS": "400"}
    )
    assert "0.1\t0.004\n0.1\t12345.0\n" in found.output


CENTS_EACH = st.integers(-(10**9), 10**9).map(lambda cents: Fraction(cents, 100))
COMPARED: list[tuple[pl.Expr, Callable[[Fraction, Fraction, int], bool]]] = [
    (discount <= price / 2, lambda p, d, q: d <= p / 2),
    (price * discount > qty, lambda p, d, q: p * d > q),
    (price * 0.19 >= discount, lambda p, d, q: p * Fraction(19, 100) >= d),
    ((price + discount) / 4 == price / 4 + discount / 4, lambda p, d, q: True),
    (price * qty - discount * 1.5 < price * discount, lambda p, d, q: p * q - d * Fraction(3, 2) < p * d),
]


@given(st.lists(st.tuples(CENTS_EACH, CENTS_EACH, st.integers(-1000, 1000)), min_size=1, max_size=20))
@examples(max_examples=25)
def test_expressions_on_decimals_say_what_fractions_say(rows: list[tuple[Fraction, Fraction, int]]) -> None:
    columns = {"price": pl.Decimal(18, 2), "discount": pl.Decimal(18, 2), "qty": pl.Int64()}
    cents = [(Decimal(int(p * 100)) / 100, Decimal(int(d * 100)) / 100, q) for p, d, q in rows]
    frame = pl.DataFrame(cents, schema=columns, orient="row")
    for expression, meant in COMPARED:
        found, failed = Computed(expression, columns).of(frame)
        assert failed.is_empty()
        assert found.to_list() == [meant(*row) for row in rows]
    ratio, _ = Computed(discount / price, columns, pl.Float64()).of(frame)
    for (p, d, _), value in zip(rows, ratio, strict=True):
        assert value == (None if p == 0 else pytest.approx(float(d / p), rel=1e-14))


def test_a_cleaner_that_reads_times_hides_nothing_of_that(settings: Settings) -> None:
    dataset = Dataset(
        "times",
        schema=model(at=datetime, seen=datetime),
        clean={"at": clean.datetime("%d.%m.%Y %H:%M:%S.%f"), "seen": clean.epoch("ns")},
    )
    text = (
        "at,seen\n31.12.2016 23:59:60.5,1704067200000000000\n31.01.2024 10:00:00.1234567,1704067200123456789\n"
        "31.01.2024 10:00:00.5,1704067200123456000\n"
    )
    staged = stage_text(settings, text, dataset)
    assert violations(staged) == [(1, "at", "leap_second"), (2, "at", "time_cut"), (2, "seen", "time_cut")]
    assert counts(staged) == (3, 3, 0, 0)


def test_an_expression_that_fails_on_some_texts_is_exact_on_the_others(settings: Settings) -> None:
    dataset = Dataset(
        "coded",
        schema=model(code=str, price=MONEY),
        rules=[Rule("half", pl.col("code").cast(pl.Int64) <= pl.col("price") * 100 / 2)],
    )
    staged = stage_text(settings, "code,price\n4,0.07\n3,0.07\nx,0.07\n", dataset)
    assert violations(staged) == [(1, None, "half"), (3, None, "half")]


@pytest.mark.parametrize(
    ("kind", "text", "check"),
    [
        (datetime, "2024-1-2 3:4:5.1234567", "time_cut"),
        (datetime, "2024-01-02 3:4:5,12345678", "time_cut"),
        (datetime, "2024-1-2 3:4:60", "leap_second"),
        (datetime, "2024-1-2T3:4:60Z", "leap_second"),
        (time, "1:2:3.1234567", "time_cut"),
        (time, "10:20:60", "cast"),
        (time, "1:2:60.5", "cast"),
        (time, " 10:20:60 ", "cast"),
    ],
)
def test_times_without_leading_zeros_are_told_alike(
    settings: Settings, kind: Any, text: str, check: str
) -> None:
    staged = stage_text(settings, f'at\n"{text}"\n', Dataset("times", schema=model(at=kind)))
    assert violations(staged) == [(1, "at", check)]
    assert counts(staged) == ((1, 0, 1, 0) if check == "cast" else (1, 1, 0, 0))


@pytest.mark.parametrize(
    "text", ["2024-10-27T00:30:5Z", "2024-10-27T2:30:5+02:00", "2024-10-27 2:5+02", "2024-10-27T0:3 Z"]
)
@pytest.mark.parametrize("way", ["first", "second", "reject", "order"])
def test_an_offset_is_seen_behind_one_digit(settings: Settings, way: str, text: str) -> None:
    staged = stage_text(settings, f"at,n\n{text},1\n", _with(way))
    assert (violations(staged), staged.manifest.notes) == ([], ())
    assert clean_rows(staged)["at"].item().hour == 0


@pytest.mark.parametrize("way", ["first", "second", "reject", "order"])
@pytest.mark.parametrize("chunk_rows", [1, 2, 100])
def test_what_cannot_be_read_does_not_come_twice(settings: Settings, way: str, chunk_rows: int) -> None:
    text = "at,n\n2024-10-27 02:30,1\n2024-03-31 02:30,2\nx,3\n2024-10-27 04:00,4\n"
    settings = settings.model_copy(update={"chunk_rows": chunk_rows})
    staged = stage_text(settings, text, _with(way))
    told = {"first": ["repeated_hour"], "reject": ["repeated_hour"]}.get(way, [])
    assert violations(staged) == [*((1, "at", check) for check in told), (2, "at", "cast"), (3, "at", "cast")]
    assert [note.rpartition(", in ")[2] for note in staged.manifest.notes] == ["1 row"] * (way != "reject")


@pytest.mark.parametrize("chunk_rows", [1, 3, 100])
@pytest.mark.parametrize("day", ["2020-10-25", "2024-10-27"])
def test_two_hours_that_come_twice_over_midnight_of_utc_are_one_night(
    settings: Settings, day: str, chunk_rows: int
) -> None:
    clocks = ["00:50", "01:30", "01:40", "01:15", "02:15", "03:10"]
    dataset = Dataset(
        "twice",
        schema=model(at=datetime),
        event_time="at",
        timezone="Antarctica/Troll",
        repeated_hour="order",
    )
    text = "at\n" + "".join(f"{day} {clock}\n" for clock in clocks)
    staged = stage_text(settings.model_copy(update={"chunk_rows": chunk_rows}), text, dataset)
    utc = [f"{moment:%H:%M}" for moment in clean_rows(staged)["at"]]
    assert utc == ["22:50", "23:30", "23:40", "01:15", "02:15", "03:10"]


def test_an_hour_may_come_twice_at_the_end_of_a_year(settings: Settings) -> None:
    dataset = Dataset("twice", schema=model(at=datetime, n=int), timezone="America/Inuvik")
    text = "at,n\n1952-12-31 23:30,1\n"  # by a change of eight hours in the first moment of 1953
    staged = stage_text(settings, text, dataset)
    assert violations(staged) == [(1, "at", "repeated_hour")]


@pytest.mark.parametrize("way", ["order", "order:meter", "order:device"])
def test_the_order_tells_where_other_columns_are_derived(settings: Settings, way: str) -> None:
    dataset = Dataset(
        "twice",
        schema=model(at=datetime, meter=str, n=int, double=int, device=str),
        derive={"double": pl.col("n") * 2, "device": pl.col("meter") + "x"},
        event_time="at",
        timezone="Europe/Berlin",
        repeated_hour=way,
    )
    text = "at,meter,n\n" + "".join(
        f"2024-10-27 {clock},a,{n}\n" for n, clock in enumerate(["02:10", "02:40", "02:10", "02:40"])
    )
    staged = stage_text(settings, text, dataset)
    assert [moment.hour for moment in clean_rows(staged)["at"]] == [0, 0, 1, 1]
    assert clean_rows(staged)["double"].to_list() == [0, 2, 4, 6]


def test_an_event_time_that_is_derived_has_no_order_of_its_own(settings: Settings) -> None:
    dataset = Dataset(
        "twice",
        schema=model(at=datetime, later=datetime),
        derive={"later": pl.col("at") + pl.duration(hours=1)},
        event_time="later",
        timezone="Europe/Berlin",
        repeated_hour="order",
    )
    staged = stage_text(settings, "at\n2024-10-27 02:30\n2024-10-27 01:30\n", dataset)
    assert [moment.hour for moment in clean_rows(staged)["later"]] == [1, 0]
    assert violations(staged) == [(1, "at", "repeated_hour")]


@pytest.mark.parametrize("text", ["1e-400", "-3E-999", "0.001e-330", "1e-10000", " 2e-400 "])
def test_a_number_too_small_for_a_double_is_no_zero_among_decimals(settings: Settings, text: str) -> None:
    staged = stage_text(settings, f"amount\n{text}\n0\n0e-400\n0.0\n", _money())
    assert (counts(staged), violations(staged)) == ((4, 3, 1, 0), [(1, "amount", "cast")])


def test_a_time_of_day_that_becomes_text_keeps_the_fraction_of_its_second(settings: Settings) -> None:
    clocks = [time(1, 2, 3, 4), time(1, 2, 3), time(1, 2, 3, 500_000), time(0), time(23, 59, 59, 999_999)]
    path = write_parquet(settings, pl.DataFrame({"at": clocks, "n": [1, 2, 3, 4, 5], "seen": clocks}))
    staged = stage(path, Dataset("clocks", schema=model(at=str, n=int)), settings)
    rows = clean_rows(staged)
    assert [time.fromisoformat(text) for text in rows["at"]] == clocks
    assert rows["at"][1] == "01:02:03"
    assert [time.fromisoformat(json.loads(text)["seen"]) for text in rows["_rescued"]] == clocks
    wrong = stage(path, Dataset("clocks", schema=model(at=pl.Time, n=(int, {"gt": 9}))), settings)
    assert [time.fromisoformat(row["record"]["at"]) for row in error_rows(wrong)] == clocks
    nanoseconds = pl.Series("at", [3_723_000_000_001]).cast(pl.Time)
    fine = write_parquet(settings, nanoseconds.to_frame(), "fine.parquet")
    assert clean_rows(stage(fine, Dataset("fine", schema=model(at=str)), settings))["at"].item() == (
        "01:02:03.000000001"
    )
