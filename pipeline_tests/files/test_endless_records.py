"""Small files that unpack to one endless record are refused soon and within the memory budget."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import zstandard

MB = 1024 * 1024
CSV, JSON = b"a,b,c\n1,2,3\n4,5,6\n", b'[{"a":1},{"a":2},'
READ = """
import re, sys
from pathlib import Path
from pipeline.files import UnreadableFile, open_table

code = "read"
try:
    for piece in open_table(Path(sys.argv[1])).pieces():
        piece.parse()
except UnreadableFile as problem:
    code = problem.code
# What getrusage says begins with the size of the process that started this one.
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
print(code, int(peak[1]) // 1024)
"""


def read(path: Path) -> tuple[str, int]:
    """(what became of it, peak memory in MB) of a process that reads a file."""
    done = subprocess.run([sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True)
    code, peak = done.stdout.split()
    return code, int(peak)


@pytest.mark.parametrize(
    ("name", "head", "unit"),
    [
        ("text.csv", CSV, b"x"),
        ("delimiters.csv", CSV, b","),
        ("quoted_fields.csv", CSV, b'"a",'),
        ("stray_quotes.csv", CSV, b'a"'),
        ("quotes.csv", CSV, b'"'),
        ("deep.json", JSON, b'{"a":'),
        ("inner_array.json", JSON + b'{"b":[', b'{"a":1},'),
        ("inner_strings.json", JSON + b'{"b":[', b'"a",'),
        ("escapes.json", JSON + b'{"b":"', b'\\"'),
        ("line.ndjson", b'{"a":1}\n{"a":', b'["b",'),
    ],
)
def test_a_file_of_one_endless_record_is_refused_within_the_budget(
    tmp_path: Path, name: str, head: bytes, unit: bytes
) -> None:
    path = tmp_path / f"{name}.zst"
    path.write_bytes(zstandard.compress(head + unit * (66 * MB // len(unit)), 1))
    code, peak = read(path)
    assert code == "record_too_large"
    assert peak < 600


def test_an_open_quote_before_endless_blank_lines_costs_its_line_alone(tmp_path: Path) -> None:
    path = tmp_path / "open.csv.zst"
    path.write_bytes(zstandard.compress(CSV + b'"7' + b"\n" * (66 * MB), 1))
    code, peak = read(path)
    assert code == "read"
    assert peak < 600


def test_a_table_of_hundreds_of_thousands_of_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv.zst"
    path.write_bytes(zstandard.compress(b"a," * (33 * MB), 1))
    code, peak = read(path)
    assert code == "too_large"
    assert peak < 600


def test_a_line_of_a_million_fields_is_a_reject_like_any_other(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv.zst"
    path.write_bytes(zstandard.compress(CSV + (b"12," * 999_999 + b"1\n") * 12))
    code, peak = read(path)
    assert code == "read"
    assert peak < 600
