"""The scores on polluted files, and the scorer itself."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from benchmarks.pollock import SIMPLE, WEIGHTED, load_with_us, measures, score_folder
from benchmarks.pollution import polluted_files, write_files
from pipeline_tests.files.reading import write


def test_the_scorer_gives_what_pollock_published_for_a_plain_reader(tmp_path: Path) -> None:
    # CleverCSV, which keeps two cells that run together as one, got these for a missing and a surplus delimiter.
    files = {file.name: file for file in polluted_files()}
    published = {
        "row_less_sep_row58_col3.csv": (1, 1, 1, 1, 1, 1, 1, 754 / 756, 754 / 755),
        "row_less_sep_row24_col8.csv": (1, 1, 1, 1, 1, 1, 1, 755 / 756, 1),
        "row_less_sep_row71_col7.csv": (1, 1, 1, 1, 82 / 83, 82 / 83, 82 / 83, 754 / 756, 754 / 755),
        "row_less_sep_row16_col1.csv": (1, 1, 1, 1, 82 / 83, 82 / 83, 82 / 83, 754 / 756, 754 / 755),
        "row_more_sep_row33_col1.csv": (1, 1, 1, 1, 1, 1, 1, 1, 756 / 757),
    }
    write_files(tmp_path, (files[name] for name in published))
    for name, expected in published.items():
        rows = csv.reader(io.StringIO(files[name].data.decode(), newline=""))
        plain = write(tmp_path / "plain.csv", "")
        with plain.open("w", newline="") as out:
            csv.writer(out).writerows(rows)
        assert measures(tmp_path / "clean" / name, plain)[:9] == pytest.approx(expected), name


def test_the_scores_of_a_sample_of_polluted_files_meet_the_targets(tmp_path: Path) -> None:
    every = list(polluted_files())
    sample = [
        file for number, file in enumerate(every) if not file.name.startswith("row_") or number % 19 == 0
    ]
    write_files(tmp_path, iter(sample))
    scored = score_folder(tmp_path, load_with_us)
    assert len(scored) == len(sample) > 130
    assert [file.failure for file in scored if file.failure] == []
    means = {kind: _mean([f.score for f in scored if f.kind == kind]) for kind in {f.kind for f in scored}}
    kinds = {file.name: file.kind for file in scored}
    known = [(file.weight, means[kinds.get(file.name, file.kind)]) for file in every]
    assert _mean([score for _, score in known]) >= SIMPLE
    assert sum(weight * score for weight, score in known) / sum(weight for weight, _ in known) >= WEIGHTED


def _mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers)
