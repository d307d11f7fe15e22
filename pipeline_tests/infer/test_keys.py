"""Uniqueness over chunks is that of the whole, in bounded memory."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.infer.keys import Uniqueness, hashes_of


def over_chunks(chunks: list[list[int]]) -> Uniqueness:
    """The chunks taken in one after the other."""
    one = Uniqueness()
    for chunk in chunks:
        one.add(hashes_of([pl.Series(chunk, dtype=pl.Int64)]))
    return one


@given(st.lists(st.lists(st.integers(0, 60), max_size=8), max_size=8))
def test_it_holds_exactly_where_no_value_comes_twice(chunks: list[list[int]]) -> None:
    values = [value for chunk in chunks for value in chunk]
    assert over_chunks(chunks).settle() == (len(set(values)) == len(values))


def test_it_takes_eight_bytes_a_row_and_none_after_a_duplicate() -> None:
    chunks = [list(range(start, start + 1_000)) for start in range(0, 20_000, 1_000)]
    one = over_chunks(chunks)
    assert one.bytes == 8 * 20_000
    assert one.settle()
    one.add(hashes_of([pl.Series([5])]))
    assert not one.settle()
    assert one.bytes == 0


@pytest.mark.parametrize("values", [[1, None], [1, 1]])
def test_a_null_or_a_repeated_value_in_a_chunk_ends_it(values: list[int | None]) -> None:
    assert hashes_of([pl.Series(values)]) is None


def test_several_columns_count_together() -> None:
    first, second = pl.Series("a", [1, 1, 2]), pl.Series("b", ["x", "y", "x"])
    assert hashes_of([first]) is None
    assert hashes_of([first, second]) is not None
