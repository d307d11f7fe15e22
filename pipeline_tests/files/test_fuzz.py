"""Noise and spoilt files of every format: they are read, or refused in words; nothing else happens.

`python -m benchmarks fuzz` goes on with other cases for as long as you like.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.fuzz import read_carefully
from benchmarks.fuzz_cases import case, seeds
from pipeline_tests.files.reading import write

CASES, GROUPS = 400, 4
SUFFIXES = [
    ".csv",
    ".tsv",
    ".txt",
    ".ndjson",
    ".json",
    ".xlsx",
    ".xls",
    ".xlsb",
    ".ods",
    ".parquet",
    ".zip",
    ".gz",
    "",
]
MAGIC = [
    b"",
    b"PK\x03\x04",
    b"PAR1",
    b"\x1f\x8b\x08",
    b"\x28\xb5\x2f\xfd",
    b"BZh9",
    b"\xfd7zXZ\0",
    b"ARROW1\0\0",
    b"Obj\x01",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"{",
    b"[",
]


@settings(max_examples=300)
@given(magic=st.sampled_from(MAGIC), noise=st.binary(max_size=300), suffix=st.sampled_from(SUFFIXES))
def test_noise_is_read_or_refused(magic: bytes, noise: bytes, suffix: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert read_carefully(write(Path(folder) / f"a{suffix}", magic + noise))


@settings(max_examples=200)
@given(
    text=st.text(st.sampled_from("ab1é,;\t|'\"\\\n\r\0# .:-"), max_size=120),
    chunk_rows=st.sampled_from([1, 3, 1000]),
)
def test_any_text_with_csv_marks_is_read_or_refused(text: str, chunk_rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert read_carefully(write(Path(folder) / "a.csv", text), chunk_rows)


@pytest.mark.parametrize("group", range(GROUPS))
def test_spoilt_files_are_read_or_refused(tmp_path: Path, group: int) -> None:
    valid, outcomes = seeds(), Counter[str]()
    for number in range(group, CASES, GROUPS):
        name, data = case(number, valid)
        path = write(tmp_path / name, data)
        outcomes[read_carefully(path, chunk_rows=7 if number % 2 else 100_000)] += 1
        path.unlink()
    assert outcomes["csv"] and outcomes["damaged"], outcomes


def test_the_files_to_be_spoilt_are_read_as_they_are(tmp_path: Path) -> None:
    known = {"csv", "excel", "ndjson", "json", "parquet", "arrow", "several_files"}
    for name, data in seeds().items():
        outcome = read_carefully(write(tmp_path / name, data))
        assert outcome in known, (name, outcome)
