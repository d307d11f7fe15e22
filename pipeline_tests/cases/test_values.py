"""Values that became others on their way, or took their file along: order of work, doubles, decimals, times.

What belongs here: the cases of these kinds with their right values, and further inputs of the same kinds.
"""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from pipeline.contract import Dataset, Rule, clean
from pipeline.files import UnreadableFile
from pipeline.settings import Settings
from pipeline_tests.ingest.support import clean_rows, counts, model, stage_text, violations

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
