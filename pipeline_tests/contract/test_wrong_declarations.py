"""Every mistake in a declaration is found when it is loaded, and named with dataset, field and remedy."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Optional

import pandera.pandas
import pandera.polars as pa
import polars as pl
import pytest

from pipeline.contract import ContractError, Dataset, Reference, Rule, Sliding, Total, Tumbling, agg, clean


class Row(pa.DataFrameModel):
    id: int
    name: str
    note: str = pa.Field(nullable=True)
    at: datetime
    seen: datetime = pa.Field(nullable=True)
    day: date
    amount: float


class OfPandas(pandera.pandas.DataFrameModel):
    id: int


class JointlyUnique(pa.DataFrameModel):
    id: int

    class Config:
        unique = ["id", "line"]


def _error(**fields: Any) -> ContractError:
    with pytest.raises(ContractError) as caught:
        Dataset(**{"name": "rows", "schema": Row} | fields)
    return caught.value


def _daily(**fields: Any) -> dict[str, Any]:
    return {"event_time": "at", "windows": [Tumbling(**{"name": "daily", "every": "1d"} | fields)]}


def _measured(measure: Any, name: str = "figure") -> dict[str, Any]:
    return _daily(measures={name: measure})


def _column(name: str, annotation: Any = int, **field: Any) -> dict[str, Any]:
    body = {"__annotations__": {"x": annotation}, "x": pa.Field(alias=name, **field)}
    return {"schema": type("Made", (pa.DataFrameModel,), body)}


WRONG: dict[str, tuple[dict[str, Any], str, str, str]] = {
    # what is wrong: (declaration, field named, cause holds, remedy holds)
    "nightly_days is no number of days": ({"nightly_days": "7d"}, "nightly_days", "'7d'", "number of days"),
    "nightly_days is negative": ({"nightly_days": -1}, "nightly_days", "-1", "number of days"),
    "key names an unknown column": ({"key": ["nr"]}, "key", "'nr'", "id, name"),
    "aliases name an unknown column": ({"aliases": {"nr": ["No"]}}, "aliases", "'nr'", "id, name"),
    "clean names an unknown column": ({"clean": {"nr": clean.strip}}, "clean", "'nr'", "id, name"),
    "event_time names an unknown column": ({"event_time": "nr"}, "event_time", "'nr'", "id, name"),
    "unique names an unknown column": ({"schema": JointlyUnique}, "unique", "'line'", "It has: id"),
    "a limit above 1": ({"max_error_rate": 1.5}, "max_error_rate", "1.5", "from 0 to 1"),
    "a limit below 0": ({"max_errors": -1}, "max_errors", "-1", "begin with 0"),
    "a limit that is a truth": ({"max_errors": True}, "max_errors", "True", "begin with 0"),
    "an archive of another kind": ({"archive": "zip"}, "archive", "'zip'", '"encrypt"'),
    "increasing names an unknown column": ({"increasing": ["nr"]}, "increasing", "'nr'", "id, name"),
    "increasing is a text": ({"increasing": "id"}, "increasing", "one text", '["id"]'),
    "a severity of an unknown column": ({"severity": {"nr": "warn"}}, "severity", "'nr'", "id, name"),
    "a severity that there is not": ({"severity": {"id": "note"}}, "severity", "'note'", "warn"),
    "a severity of an unknown check": ({"severity": {"id": {"ge": "warn"}}}, "severity", "'ge'", "cast"),
    "a severity of a check that there is not": (
        {"severity": {"id": {"cast": "note"}}},
        "severity",
        "'cast' of 'id' is 'note'",
        "warn",
    ),
    "a cast that warns": ({"severity": {"id": {"cast": "warn"}}}, "severity", "'warn'", "cannot be loaded"),
    "a missing value that warns": (
        {"severity": {"id": {"not_nullable": "warn"}}},
        "severity",
        "'warn'",
        "nullable",
    ),
    "a reference that is none": ({"references": ["id"]}, "references", "'id'", "Reference("),
    "a reference of an unknown column": (
        {"references": [Reference("nr", "others", "id")]},
        "reference of 'nr'",
        "'nr'",
        "id, name",
    ),
    "a reference with fewer columns on one side": (
        {"references": [Reference(["id", "name"], "others", "id")]},
        "reference of 'id, name'",
        "2 columns and refers to 1",
        "as many",
    ),
    "a reference of another severity": (
        {"references": [Reference("id", "others", "id", severity="note")]},  # type: ignore[arg-type]
        "reference of 'id'",
        "'note'",
        "warn",
    ),
    "a reference that is declared twice": (
        {"references": [Reference("id", "others", "id"), Reference(["id"], "others", ["id"], "warn")]},
        "reference of 'id'",
        "twice",
        "away",
    ),
    "a reference to nothing": (
        {"references": [Reference("id", "", "id")]},
        "reference of 'id'",
        "no name",
        "Name",
    ),
    "key is a text": ({"key": "id"}, "key", "one text", '["id"]'),
    "key is none": ({"key": None}, "key", "None", "a list"),
    "key holds a number": ({"key": [1]}, "key", "1", "text"),
    "sheets is a text": ({"sheets": "Data"}, "sheets", "one text", '["Data"]'),
    "aliases of a column is a text": ({"aliases": {"id": "No"}}, "aliases", "one text", '["No"]'),
    "aliases of a column is none": ({"aliases": {"id": None}}, "aliases", "None", "a list"),
    "aliases is a list": ({"aliases": ["No"]}, "aliases", "['No']", "a mapping"),
    "clean is a list": ({"clean": [clean.strip]}, "clean", "strip", "a mapping"),
    "windows is one window": ({"windows": Total("all")}, "windows", "Total", "a list"),
    "by is a text": (_daily(by="name"), "window 'daily'", "one text", '["name"]'),
    "measures is a list": (_daily(measures=[agg.count()]), "window 'daily'", "count", "a mapping"),
    "key is nullable": ({"key": ["note"]}, "key", "'note' is nullable", "nullable=True"),
    "alias is claimed twice": (
        {"aliases": {"id": ["No."], "name": ["no"]}},
        "aliases",
        "'id' and 'name'",
        "one of them",
    ),
    "alias is another column": ({"aliases": {"id": ["Name"]}}, "aliases", "'id' and 'name'", "one of them"),
    "zone is unknown": ({"timezone": "Mars/Base"}, "timezone", "'Mars/Base'", "Europe/Berlin"),
    "zone is a folder of zones": ({"timezone": "Europe"}, "timezone", "'Europe'", "Europe/Berlin"),
    "zone is a path": ({"timezone": "../etc"}, "timezone", "'../etc'", "Europe/Berlin"),
    "zone is none": ({"timezone": None}, "timezone", "None", "Europe/Berlin"),
    "event time is a text column": ({"event_time": "name"}, "event_time", "String", "name: datetime"),
    "event time is a date": ({"event_time": "day"}, "event_time", "Date", "day: datetime"),
    "event time is nullable": ({"event_time": "seen"}, "event_time", "nullable", "not nullable"),
    "length is no length": (_daily(every="daily"), "window 'daily'", "'daily'", '"5m"'),
    "length is a number": (_daily(every=5), "window 'daily'", "5", '"5m"'),
    "length is zero": (_daily(every="0s"), "window 'daily'", "'0s'", '"5m"'),
    "step does not divide a day": (_daily(every="7m"), "window 'daily'", "0:07:00", "divides a day"),
    "step is one and a half days": (_daily(every="36h"), "window 'daily'", "do not fit", "whole days"),
    "sliding windows have gaps": (
        {"event_time": "at", "windows": [Sliding("w", size="1m", every="5m")]},
        "window 'w'",
        "gaps",
        "at most `size`",
    ),
    "window without event time": (
        {"windows": [Tumbling("daily", every="1d")]},
        "window 'daily'",
        "event time",
        "Total",
    ),
    "by names an unknown column": (_daily(by=["shop"]), "window 'daily'", "'shop'", "id, name"),
    "by names a column twice": (_daily(by=["name", "name"]), "window 'daily'", "twice", "once"),
    "measure names an unknown column": (
        _measured(agg.sum("price")),
        "measure 'figure'",
        "'price'",
        "id, name",
    ),
    "measure has no column": (_measured(agg.max(None)), "measure 'figure'", "None", "id, name"),  # type: ignore[arg-type]
    "sum of text": (_measured(agg.sum("name")), "measure 'figure'", "sum of 'name'", "Measure a number"),
    "quantile of a date": (
        _measured(agg.quantile("day", 0.5)),
        "measure 'figure'",
        "Date",
        "Measure a number",
    ),
    "quantile above one": (_measured(agg.quantile("amount", 95)), "measure 'figure'", "95", "0.95"),
    "quantile below zero": (_measured(agg.quantile("amount", -0.1)), "measure 'figure'", "-0.1", "0.95"),
    "quantile is a text": (_measured(agg.quantile("amount", "x")), "measure 'figure'", "x", "0.95"),  # type: ignore[arg-type]
    "measure is not called": (_measured(agg.count), "measure 'figure'", "not an aggregate", "agg.count()"),
    "measure has a taken name": (
        _measured(agg.count(), "row_count"),
        "measure 'row_count'",
        "not a free",
        "row_count",
    ),
    "measure is called like a group": (
        _daily(by=["name"], measures={"name": agg.count()}),
        "measure 'name'",
        "not a free",
        "letters",
    ),
    "group is called like a window's own column": (
        _column("revision") | {"windows": [Total("all", by=["revision"])]},
        "window 'all'",
        "'revision'",
        "Rename",
    ),
    "window is called like an asset": (
        _daily(name="clean"),
        "window 'clean'",
        "not a free",
        "not inbox, clean, errors",
    ),
    "window has no lower-case name": (_daily(name="Per Day"), "window 'Per Day'", "not a free", "letters"),
    "two windows have one name": (
        {"windows": [Total("all"), Total("all")]},
        "window 'all'",
        "declared twice",
        "its own name",
    ),
    "something else is among the windows": (
        {"windows": [agg.count()]},
        "windows",
        "not a window",
        "Tumbling",
    ),
    "cleaner is not called": (
        {"clean": {"name": clean.number}},
        "clean['name']",
        "not a cleaner",
        "clean.number()",
    ),
    "cleaner is a text": ({"clean": {"name": "strip"}}, "clean['name']", "'strip'", "clean.strip"),
    "name has blanks": ({"name": "Big Orders"}, "name", "plain lower-case", "daily_orders"),
    "name is a path": ({"name": "../x"}, "name", "plain lower-case", "daily_orders"),
    "name is too long": ({"name": "a" * 64}, "name", "plain lower-case", "daily_orders"),
    "name is none": ({"name": None}, "name", "plain lower-case", "daily_orders"),
    "schema is no class": ({"schema": 5}, "schema", "not a pandera.polars", "DataFrameModel"),
    "schema is a pandas model": ({"schema": OfPandas}, "schema", "not a pandera.polars", "DataFrameModel"),
    "schema has no columns": ({"schema": pa.DataFrameModel}, "schema", "no columns", "at least one"),
    "schema has an unknown type": (_column("x", "Nonsense"), "schema", "Nonsense", "shipped datasets"),
    "column is called _row": (_column("_row"), "_row", "uses itself", "something else"),
    "column is called _delivery": (_column("_delivery"), "_delivery", "uses itself", "something else"),
    "column is called _rescued": (_column("_rescued"), "_rescued", "uses itself", "something else"),
    "column has an empty name": (_column(""), "", "uses itself", "something else"),
    "column is a pattern": (_column("a.*", regex=True), "a.*", "a pattern", "Name each column"),
    "column is the pattern for all": (_column("*"), "*", "a pattern", "Name each column"),
    "column is optional": (_column("x", Optional[int]), "x", "Optional", "nullable=True"),  # noqa: UP045
    "column is a duration": (_column("x", timedelta), "x", "cannot be checked and stored", "str"),
    "column is a list": (_column("x", pl.List(pl.Int64)), "x", "cannot be checked and stored", "str"),
    "column has an incomplete type": (_column("x", pl.List), "x", "incomplete type", "with its parameters"),
    "default is of another type": (_column("x", int, default="many"), "x", "'many'", "the column's type"),
    "rules are one rule": (
        {"rules": Rule("paid", pl.col("amount") > 0)},
        "rules",
        "is Rule(",
        "a list: [Rule(",
    ),
    "rules are a text": ({"rules": "amount > 0"}, "rules", "one text", "a list: [Rule("),
    "a rule names an unknown column": (
        {"rules": [Rule("paid", pl.col("price") > 0)]},
        "rule 'paid'",
        "'price'",
        "id, name",
    ),
    "a derived column is not in the schema": (
        {"derive": {"total": pl.col("amount")}},
        "derive['total']",
        "does not have",
        "total: str",
    ),
    "derive is a text": ({"derive": "amount"}, "derive", "'amount'", "Derived("),
    "a check for text stands on a number": (
        _column("x", int, email=True),
        "x",
        "'email', which is for text",
        "x: str",
    ),
    "keep is a text": ({"keep": "amount > 0"}, "keep", "one text", "polars expression"),
    "keep names an unknown column": ({"keep": pl.col("price") > 0}, "keep", "price", "id, name"),
    "keep compares text with a number": ({"keep": pl.col("name") > 0}, "keep", "compare", "id, name"),
    "keep is not true or false": ({"keep": pl.col("amount")}, "keep", "per row", "> 0"),
    "keep sums up the chunk": ({"keep": pl.col("amount").max() > 0}, "keep", "per row", "> 0"),
    "warning above failure": ({"warn_error_rate": 0.5}, "warn_error_rate", "fail_error_rate", "0 to 1"),
    "rate is a percentage": ({"fail_error_rate": 10}, "warn_error_rate", "above 1", "0 to 1"),
    "rate is a text": ({"warn_error_rate": "low"}, "warn_error_rate", "one text", "0 to 1"),
    "freshness is no length": ({"freshness": "soon"}, "freshness", "'soon'", '"1d"'),
    "first day is a text": ({"first_day": "2020-01-01"}, "first_day", "one text", "date(2010, 1, 1)"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_declaration_is_refused_by_name_field_cause_and_remedy(what: str) -> None:
    declaration, field, cause, remedy = WRONG[what]
    error = _error(**declaration)
    assert error.dataset == str(declaration.get("name", "rows"))
    assert error.field.endswith(field)
    assert cause in error.cause
    assert remedy in error.remedy


def test_the_message_says_all_of_it() -> None:
    error = _error(key=["nr"])
    assert str(error) == f"dataset 'rows', key: {error.cause}. {error.remedy}"


@pytest.mark.parametrize("name", ['we"ird', "it's", "new\nline", "größe", "{brace}", "drop table;--"])
def test_a_column_may_have_any_other_name(name: str) -> None:
    assert Dataset("rows", **_column(name)).column_names == (name,)


@pytest.mark.parametrize("every", ["1ms", "5s", "15m", "6h", "1d", "7d", "2w"])
def test_steps_that_fit_into_days_or_are_whole_days_are_accepted(every: str) -> None:
    assert Dataset("rows", schema=Row, **_daily(every=every)).time_windows
