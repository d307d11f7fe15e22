"""Many records in one block: whatever is said of them is what is said of each on its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from pipeline.files.delimited.blocks import Blocks
from pipeline.files.delimited.layout import Layout
from pipeline.files.delimited.parse import parse_block
from pipeline.files.delimited.scan import Marks, Quotes
from pipeline.files.delimited.scratch import how_often, where
from pipeline.files.delimited.spans import spans_of
from pipeline.files.table import Parsed, ReadOptions, Reject, Repair
from pipeline.files.text import TextSource
from pipeline_tests.files.delimited_parts import parse

_GOOD = "{n},x,y"
_BAD = {
    "extra": "{n},x,y,z",
    "few": "{n},x",
    "surplus": "{n},x,y,,",
    "unclosed": '{n},"x,y',
    "stray": '{n},"x" z,y',
    "with commas": '{n},"a "b, c" d",y',
    "other": "{n};x;y",
    "unreadable": '{n},"x" y',
    "not ASCII": "{n},é",
}


def _text(bad: str, every: int, count: int, end: str) -> str:
    return "".join((bad if n % every == 0 else _GOOD).format(n=n) + end for n in range(count))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("every", [1, 2, 10])
@pytest.mark.parametrize("bad", _BAD.values(), ids=_BAD)
def test_a_large_block_says_what_small_ones_say(tmp_path: Path, bad: str, every: int, end: str) -> None:
    text = _text(bad, every, 900, end)
    large = parse(tmp_path / "a.csv", text, "abc")
    assert len(large.rejects) + len({repair.row for repair in large.repairs}) == len(range(0, 900, every))
    assert parse(tmp_path / "a.csv", text, "abc", chunk_rows=20) == large


def _one_block(tmp_path: Path, text: str) -> Parsed:
    path = tmp_path / "a.csv"
    path.write_text(text)
    marks = Marks(44, 34, width=3)
    (block,) = Blocks(TextSource(path, None, "utf-8"), marks, ReadOptions(), 0, 0, 10.0)
    return parse_block(block, Layout(marks, ("a", "b", "c")))


@pytest.mark.parametrize("bad", ["few", "stray"])
def test_many_rejects_and_repairs_are_a_sequence_like_few(tmp_path: Path, bad: str) -> None:
    parsed = _one_block(tmp_path, _text(_BAD[bad], 1, 9000, "\n"))
    told: Sequence[Reject | Repair] = parsed.rejects if bad == "few" else parsed.repairs
    assert len(told) == 9000 and bool(told)
    every = list(told)
    assert [each.row for each in every] == list(range(1, 9001))
    assert [each.raw for each in every] == [_BAD[bad].format(n=n) for n in range(9000)]
    assert every == list(told) == [*told]
    assert told[0] == every[0] and told[-1] == every[-1] and told[4096] == every[4096]
    assert told[4090:4100] == tuple(every[4090:4100])
    assert told[:0] == () and told[::4000] == tuple(every[::4000])
    assert told == tuple(every) and told != tuple(every[1:])
    assert every[-1] in told and next(reversed(told)) == every[-1]
    with pytest.raises(IndexError):
        told[9000]


@pytest.mark.parametrize("fields", [2, 256, 257, 258, 600])
def test_fields_of_wide_records_are_counted(fields: int) -> None:
    data = b"a,b\n\n" + b",".join([b"x"] * fields) + b'\n"p,q\n",r\n'
    opening = data.index(b'"')
    spans = spans_of(data, Marks(44, 34), Quotes(np.array([opening, data.rindex(b'"')])))
    assert spans.counts.tolist() == [2, fields, 2]
    assert spans.starts.tolist() == [0, 5, opening]
    assert spans.line.tolist() == [0, 2, 3]


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 4003])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.5])
def test_every_byte_that_is_looked_for_is_found(size: int, share: float) -> None:
    bytes_ = (np.random.default_rng(size).random(size) < share).astype(np.uint8)
    bytes_[-1:] = 1
    assert where(bytes_, 1).tolist() == [n for n in range(size) if bytes_[n]]
    assert how_often(bytes_.tobytes(), 1) == int(bytes_.sum())
