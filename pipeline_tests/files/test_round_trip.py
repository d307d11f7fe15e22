"""What Python's csv writer writes comes back as it was, whatever is in it."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline_tests.files.reading import read, write

_CELL = st.text(st.sampled_from("ab1 ,;|'\"\n\té€"), max_size=8)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(_CELL, _CELL, _CELL), min_size=1, max_size=12),
    chunk_rows=st.sampled_from([1, 2, 5, 1000]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_tables_of_any_text_come_back(rows: list[tuple[str, str, str]], chunk_rows: int, end: str) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=end)
    writer.writerows([("first", "second", "third"), *rows])
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "a.csv", text.getvalue())
        found = read(path, chunk_rows=chunk_rows, expected=("first", "second", "third"))
    assert not found.rejects
    assert found.values == [tuple(cell or None for cell in row) for row in rows]
