"""The column profile against figures computed on the whole column at once."""

# ruff: noqa: DTZ001  (moments are kept in UTC without zone)

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest

from pipeline.contract import Dataset
from pipeline.ingest import stage
from pipeline.ingest.manifest import ColumnProfile
from pipeline.ingest.profile import places_of
from pipeline.ingest.sketch import COUNTERS, NOTHING, DistinctSketch, Frequent, K, summary_of
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
    sketch.add_hashes(summary_of(values.hash().to_numpy()).smallest)


@pytest.mark.parametrize("count", [0, 1, 100, K - 1])
def test_a_sketch_is_exact_for_few_values(count: int) -> None:
    sketch = DistinctSketch()
    values = pl.Series(range(count), dtype=pl.Int64)
    take_in(sketch, values)
    take_in(sketch, values)
    assert sketch.count() == count


@pytest.mark.parametrize("count", [K, 20_000, 40_000, 200_000])
@pytest.mark.parametrize("chunk", [1_000, 200_000])
def test_a_sketch_is_within_four_percent_for_many_values(count: int, chunk: int) -> None:
    sketch = DistinctSketch()
    values = pl.Series(range(count), dtype=pl.Int64).cast(pl.String)
    for start in range(0, count, chunk):
        take_in(sketch, values[start : start + chunk])
    assert sketch.count() == pytest.approx(count, rel=0.04)


def test_a_sketch_does_not_depend_on_order_or_chunks() -> None:
    values = pl.Series(range(30_000), dtype=pl.Int64)
    one, other = DistinctSketch(), DistinctSketch()
    take_in(one, values)
    for start in range(0, 30_000, 333):
        take_in(other, values.reverse()[start : start + 333])
    assert one.count() == other.count()


def _counted(values: pl.Series, chunk: int) -> Frequent:
    found = NOTHING
    for start in range(0, len(values), chunk):
        found = found.merged(summary_of(values[start : start + chunk].hash().to_numpy()).frequent)
    return found


def _skewed(rows: int, distinct: int, heavy: int) -> pl.Series:
    """Each of `heavy` values in one of 50 rows, the other rows spread over `distinct` values."""
    numbers = [n % 50 if n % 50 < heavy else 1_000 + n * 7_919 % distinct for n in range(rows)]
    return pl.Series(numbers, dtype=pl.Int64)


@pytest.mark.parametrize(
    ("rows", "distinct", "chunk"),
    [(5_000, 10, 5_000), (120_000, 1_500, 40_000), (120_000, 1_500, 7_001), (200_000, 500, 100_000)],
)
def test_counts_are_exact_up_to_as_many_values_as_there_are_counters(
    rows: int, distinct: int, chunk: int
) -> None:
    values = _skewed(rows, distinct, 5)
    assert values.n_unique() <= COUNTERS
    found = _counted(values, chunk)
    wanted = dict(
        zip(*(column.to_list() for column in values.to_frame("v").group_by("v").len()), strict=True)
    )
    hashes = dict(zip(values.unique().hash().to_list(), values.unique().to_list(), strict=True))
    assert found.missed == 0
    assert {hashes[one]: count for one, count in found.top(10**6)} == wanted


@pytest.mark.parametrize("chunk", [3_000, 50_000, 200_000])
@pytest.mark.parametrize("distinct", [3_000, 20_000, 10**9])
@pytest.mark.parametrize("heavy", [0, 3])
def test_counts_are_within_the_bound_that_is_told(chunk: int, distinct: int, heavy: int) -> None:
    values = _skewed(200_000, distinct, heavy)
    found = _counted(values, chunk)
    wanted = values.to_frame("v").group_by("v").len()
    known = dict(zip(wanted["v"].hash().to_list(), wanted["len"].to_list(), strict=True))
    listed = dict(found.top(10**6))
    assert all(count <= known[one] <= count + found.missed for one, count in listed.items())
    counters = dict(zip(found.hashes.tolist(), found.counts.tolist(), strict=True))
    assert all(count <= counters.get(one, 0) + found.missed for one, count in known.items())
    assert found.missed < 200_000 // 50 or heavy == 0
    assert len([count for count in listed.values() if count >= 4_000 - found.missed]) >= heavy


def test_values_that_share_bits_of_their_hashes_are_told_apart() -> None:
    same = np.uint64(0xABCD) << np.uint64(48)
    low = np.arange(300, dtype=np.uint64)
    hashes = np.concatenate((same + low, same + low * np.uint64(2**16), same + low * np.uint64(2**32)))
    wanted = np.unique(hashes)
    assert (hashes[places_of(hashes, wanted)] == wanted).all()
