"""What a profile says of a column is exact, or says how far it may be off; and what a score counts."""

from __future__ import annotations

import pytest

from pipeline.contract import Dataset
from pipeline.ingest import ColumnProfile, stage
from pipeline.settings import Settings
from pipeline.warehouse import Warehouse, quality
from pipeline_tests.ingest.support import model


def _profile(settings: Settings, lines: list[str], **columns: object) -> dict[str, ColumnProfile]:
    path = settings.home / "rows.csv"
    path.write_text("\n".join([",".join(columns), *lines]) + "\n")
    staged = stage(path, Dataset("made", schema=model(**columns)), settings)
    return {column.name: column for column in staged.manifest.columns}


@pytest.mark.parametrize("rows", [5_000, 60_000])
@pytest.mark.parametrize("period", [2, 3, 20])
def test_values_in_turn_are_counted_and_not_sampled(settings: Settings, rows: int, period: int) -> None:
    words = ["yes", "no", "maybe", *(f"w{n}" for n in range(17))][:period]
    lines = [f"{n},{words[n % period]}" for n in range(rows)]
    found = _profile(settings, lines, n=int, answer=str)["answer"]
    wanted = {word: len(range(index, rows, period)) for index, word in enumerate(words)}
    assert (found.distinct_count, found.distinct_error, found.top_error) == (period, 0.0, 0)
    top = dict(found.top_values)
    assert len(top) == min(period, 5)
    assert all(wanted[word] == count for word, count in top.items())
    assert sorted(top.values(), reverse=True) == sorted(wanted.values(), reverse=True)[:5]


def test_each_of_500_addresses_is_counted_2000_times_whatever_the_order(settings: Settings) -> None:
    lines = [f"{n},a{n * 7_919 % 500}@example.org" for n in range(1_000_000)]
    found = _profile(settings, lines, n=int, address=str)["address"]
    assert (found.distinct_count, found.top_error) == (500, 0)
    assert [count for _, count in found.top_values] == [2_000] * 5


def test_of_many_values_only_those_are_named_that_stand_out(settings: Settings) -> None:
    lines = [f"{n},{'often' if n % 10 == 0 else f'v{n}'}" for n in range(200_000)]
    found = _profile(settings, lines, n=int, word=str)
    assert found["n"].top_values == ()
    assert found["n"].distinct_error == pytest.approx(0.011, rel=0.01)
    [(value, count)] = found["word"].top_values
    error = found["word"].top_error
    assert error is not None
    assert value == "often"
    assert count <= 20_000 <= count + error
    assert error < 200_000 / 500


def test_a_value_that_cannot_be_cast_is_no_null(settings: Settings) -> None:
    found = _profile(settings, ["1,5", "2,five", "3,"], id=int, n=(int, {"nullable": True}))["n"]
    assert (found.row_count, found.null_count, found.violations, found.mean) == (3, 1, 1, 5.0)


def _score(settings: Settings, text: str) -> float | None:
    path = settings.home / "rows.csv"
    path.write_text(text)
    dataset = Dataset("made", schema=model(id=int, n=int), key=["id"])
    with Warehouse(settings.home / "warehouse.duckdb", {"made": dataset}).session() as session:
        entry = session.commit(stage(path, dataset, settings))
        return quality.of_entries(session.connection, [entry.id])[entry.id].quality


def test_the_score_counts_a_value_that_cannot_be_cast_once(settings: Settings) -> None:
    rows = [f"{n},{n}" for n in range(9)]
    # One of ten rows is rejected: a tenth of the 60 points of validity, and nothing of those for empty cells.
    assert _score(settings, "\n".join(["id,n", *rows, "9,nine"]) + "\n") == 94.0


def test_the_score_counts_an_empty_cell_too(settings: Settings) -> None:
    rows = [f"{n},{n}" for n in range(9)]
    assert _score(settings, "\n".join(["id,n", *rows, "9,"]) + "\n") == 93.0
