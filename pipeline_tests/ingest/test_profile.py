"""The column profile against figures computed on the whole column at once."""

# ruff: noqa: DTZ001  (moments are kept in UTC without zone)

from __future__ import annotations

from datetime import datetime

import pandas as pd
import polars as pl
import pytest

from pipeline.contract import Dataset
from pipeline.ingest import stage
from pipeline.ingest.manifest import ColumnProfile
from pipeline.ingest.sketch import DistinctSketch, K, smallest
from pipeline.settings import Settings
from pipeline_tests.ingest.support import model, write_parquet


def _profile(settings: Settings, frame: pl.DataFrame, **columns: object) -> dict[str, ColumnProfile]:
    nullable = {name: (annotation, {"nullable": True}) for name, annotation in columns.items()}
    staged = stage(write_parquet(settings, frame), Dataset("made", schema=model(**nullable)), settings)
    return {column.name: column for column in staged.manifest.columns}


@pytest.mark.parametrize("chunk_rows", [7, 1000])
def test_the_figures_are_those_of_pandas(settings: Settings, chunk_rows: int) -> None:
    numbers = [None if n % 9 == 0 else (n * 37) % 23 for n in range(150)]
    words = [None if n % 4 == 0 else f"w{n % 6}" for n in range(150)]
    settings = settings.model_copy(update={"chunk_rows": chunk_rows})
    found = _profile(settings, pl.DataFrame({"number": numbers, "word": words}), number=int, word=str)
    number, word = pd.Series(numbers), pd.Series(words)
    assert found["number"].mean == pytest.approx(number.mean())
    assert (found["number"].min, found["number"].max) == (f"{number.min():.0f}", f"{number.max():.0f}")
    assert (found["number"].row_count, found["number"].null_count) == (len(number), number.isna().sum())
    assert (found["number"].distinct_count, found["word"].distinct_count) == (
        number.nunique(),
        word.nunique(),
    )
    counts = word.value_counts()
    wanted = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:5]
    assert list(found["word"].top_values) == wanted
    assert found["word"].mean is None


def test_times_are_profiled_as_iso_text(settings: Settings) -> None:
    found = _profile(
        settings, pl.DataFrame({"at": [datetime(2024, 1, 2, 3), datetime(2024, 1, 1)]}), at=datetime
    )
    assert (found["at"].min[:16], found["at"].max[:16]) == ("2024-01-01T00:00", "2024-01-02T03:00")


def test_a_column_of_nulls_has_no_figures(settings: Settings) -> None:
    found = _profile(settings, pl.DataFrame({"a": [None, None], "b": ["x", "y"]}), a=int, b=str)["a"]
    assert (found.null_count, found.distinct_count, found.min, found.max, found.mean, found.top_values) == (
        2, 0, None, None, None, (),
    )  # fmt: skip


def test_the_mean_of_large_whole_numbers_does_not_wrap(settings: Settings) -> None:
    stamps = [1_700_000_000_000_000_000] * 20
    assert _profile(settings, pl.DataFrame({"ns": stamps}), ns=int)["ns"].mean == pytest.approx(1.7e18)


def test_categories_are_counted_alike_over_all_chunks(settings: Settings) -> None:
    frame = pl.DataFrame({"c": [["b", "a", "c"][n % 3] for n in range(30)]})
    settings = settings.model_copy(update={"chunk_rows": 4})
    found = _profile(settings, frame, c=pl.Categorical)["c"]
    assert (found.distinct_count, found.top_values) == (3, (("a", 10), ("b", 10), ("c", 10)))


def test_violations_are_counted_at_their_column(settings: Settings) -> None:
    path = settings.home / "rows.csv"
    path.write_text("a,b\n1,x\nq,2\nr,y\n")
    staged = stage(path, Dataset("made", schema=model(a=int, b=int)), settings)
    assert [column.violations for column in staged.manifest.columns] == [2, 2]


def take_in(sketch: DistinctSketch, values: pl.Series) -> None:
    """What one chunk does."""
    sketch.add_hashes(smallest(values.hash().to_numpy()))


@pytest.mark.parametrize("count", [0, 1, 100, K - 1])
def test_a_sketch_is_exact_for_few_values(count: int) -> None:
    sketch = DistinctSketch()
    values = pl.Series(range(count), dtype=pl.Int64)
    take_in(sketch, values)
    take_in(sketch, values)
    assert sketch.count() == count


@pytest.mark.parametrize("count", [K, 5_000, 40_000, 200_000])
@pytest.mark.parametrize("chunk", [1_000, 200_000])
def test_a_sketch_is_within_eight_percent_for_many_values(count: int, chunk: int) -> None:
    sketch = DistinctSketch()
    values = pl.Series(range(count), dtype=pl.Int64).cast(pl.String)
    for start in range(0, count, chunk):
        take_in(sketch, values[start : start + chunk])
    assert sketch.count() == pytest.approx(count, rel=0.08)


def test_a_sketch_does_not_depend_on_order_or_chunks() -> None:
    values = pl.Series(range(10_000), dtype=pl.Int64)
    one, other = DistinctSketch(), DistinctSketch()
    take_in(one, values)
    for start in range(0, 10_000, 333):
        take_in(other, values.reverse()[start : start + 333])
    assert one.count() == other.count()
