"""What an exported cell looks like, and that it comes back as it was."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.ingest.guard import guard, unguard
from pipeline.ingest.keys import OWN, RowKey, exported_name, source_name


def through(change, text):
    return pl.DataFrame({"text": [text]}, schema={"text": pl.String}).select(change(pl.col("text"))).item()


@pytest.mark.parametrize(
    "text", ["=1+1", "+49 30 12", "-x", "@SUM(A1)", "\t=1", "\r=1", "'=1", "''+x", "-1+cmd|' /C calc'!A0"]
)
def test_a_text_that_a_spreadsheet_would_run_gets_an_apostrophe(text):
    assert through(guard, text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "plain", "-5", "+4.2e3", "-1,5", "'quoted'", "a=b", "007"])
def test_other_texts_and_plain_numbers_stay(text):
    assert through(guard, text) == text


@given(st.text(alphabet="'=+-@\t\r\n1.,eEa") | st.text())
@example("'")
@example("'-5")
@example("-5\n")
def test_what_was_guarded_comes_back_as_it_was(text):
    assert through(unguard, through(guard, text)) == text


@pytest.mark.parametrize("delivery", ["a.csv", "week:1/a:b.csv", "ü'\".csv"])
def test_a_key_names_its_row_again(delivery):
    key = RowKey.of("orders", "ab" * 32, 17, delivery)
    assert RowKey.read(str(key)) == key


@pytest.mark.parametrize("text", ["", "orders", "orders:abababababababab:x:a.csv", "orders:ab:1:a.csv"])
def test_a_text_that_is_no_key_is_refused(text):
    with pytest.raises(ValueError, match="no key"):
        RowKey.read(text)


@pytest.mark.parametrize(
    "column", ["_errors", "_raw", "_windrow_key", "source:_raw", "source:source:_errors"]
)
def test_a_source_column_that_is_called_like_one_of_ours_is_told_apart_and_comes_back(column):
    assert exported_name(column) not in OWN
    assert source_name(exported_name(column)) == column


@pytest.mark.parametrize("column", ["amount", "source:amount", "_error", "_RAW", ""])
def test_other_columns_keep_their_names(column):
    assert exported_name(column) == source_name(column) == column
