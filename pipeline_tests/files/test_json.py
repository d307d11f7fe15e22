"""JSON that is not one object per line."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.contract.read import Read
from pipeline.files import ReadOptions, UnreadableFile, open_table
from pipeline.files.json import cut
from pipeline_tests.files.reading import Read as Whole
from pipeline_tests.files.reading import read, write

_RECORDS: list[dict[str, object]] = [
    {"id": 1, "name": "Zoë", "at": {"x": 1.5, "tags": ["a", 'b"]},{']}},
    {"id": 2, "name": 'say "no", {now}', "at": None},
    {"id": 3, "name": "line\nend \\", "at": {"x": -2, "tags": []}},
]


def _pretty(records: object) -> str:
    return json.dumps(records, indent=2, ensure_ascii=False)


_SHAPES: dict[str, Callable[[list[dict[str, object]]], str]] = {
    "lines": lambda records: "\n".join(map(json.dumps, records)),
    "array": json.dumps,
    "pretty array": _pretty,
    "line in an array": lambda records: "[\n" + ",\n".join(map(json.dumps, records)) + "\n]\n",
    "objects in a row": lambda records: "".join(map(json.dumps, records)),
    "pretty objects": lambda records: "\n".join(map(_pretty, records)),
    "wrapped": lambda records: json.dumps({"count": 3, "data": records, "next": None}),
    "pretty wrapped": lambda records: _pretty({"meta": {"a": [1]}, "data": records}),
    "arrays in a row": lambda records: "\n".join(json.dumps([record]) for record in records),
}


def _expected(record: dict[str, object]) -> dict[str, str]:
    at = record["at"] or {}
    assert isinstance(at, dict)
    flat = {"id": str(record["id"]), "name": str(record["name"])}
    if at:
        flat |= {"at.x": str(at["x"]), "at.tags": json.dumps(at["tags"], separators=(",", ":"))}
    return flat


def _named(found: Whole) -> list[dict[str, str]]:
    """The records without their nulls."""
    records: list[dict[str, str]] = []
    for frame in found.table.chunks():
        records += [
            {name: value for name, value in row.items() if value is not None and name != "_row"}
            for row in frame.iter_rows(named=True)
        ]
    return records


@pytest.mark.parametrize("shape", list(_SHAPES))
@pytest.mark.parametrize("chunk_rows", [1, 100])
def test_every_shape_gives_the_same_table(tmp_path: Path, shape: str, chunk_rows: int) -> None:
    found = read(write(tmp_path / "a.json", _SHAPES[shape](_RECORDS)), chunk_rows=chunk_rows)
    assert _named(found) == list(map(_expected, _RECORDS))
    assert not found.rejects
    assert found.table.dialect.format == ("ndjson" if shape == "lines" else "json")


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_encodings_and_compressions(tmp_path: Path, codec: str) -> None:
    content = _pretty(_RECORDS).encode(codec)
    for name, packed in (
        ("a.json", content),
        ("a.json.gz", gzip.compress(content)),
        ("b.json", gzip.compress(content)),
        ("a.json.bz2", bz2.compress(content)),
        ("a.json.xz", lzma.compress(content)),
    ):
        assert _named(read(write(tmp_path / name, packed))) == list(map(_expected, _RECORDS))


def test_a_dataset_can_say_the_encoding(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", '[{"name": "Łódź"}, {"name": "é"}]'.encode("cp1250"))
    assert read(path, read=Read(encoding="cp1250")).values == [("Łódź",), ("é",)]


def test_rejects_tell_row_line_and_text(tmp_path: Path) -> None:
    text = '[\n{"id": 1},\n{"id": 2,\n "name": "x" "y"},\n5,\n["id"],\n{"id": NaN},\n{"id": 3}\n]\n'
    found = read(write(tmp_path / "a.json", text))
    assert found.values == [("1",), ("3",)]
    assert [(reject.row, reject.line, reject.raw) for reject in found.rejects.values()] == [
        (2, 3, '{"id": 2,\n "name": "x" "y"}'),
        (3, 5, "5"),
        (4, 6, '["id"]'),
        (5, 7, '{"id": NaN}'),
    ]
    assert {reject.check for reject in found.rejects.values()} == {"bad_json"}


def test_an_array_that_is_cut_off_says_so(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.json", '[{"id": 1}, {"id": 2}, {"id": 3, "na'))
    assert found.values == [("1",), ("2",)]
    assert found.rejects[3].raw == '{"id": 3, "na'
    table = open_table(write(tmp_path / "b.json", '[{"id": 1}, {"id": 2}'))
    assert sum(frame.height for frame in table.chunks()) == 2
    assert "not closed" in table.dialect.notes[0]


def test_an_undecodable_element_is_a_reject(tmp_path: Path) -> None:
    content = '[{"name": "Zoë €"}, {"name": "Ærø"},\n'.encode() + b'{"name": "Zo\xeb"}, {"name": "x"}]'
    found = read(write(tmp_path / "a.json", content))
    assert found.values == [("Zoë €",), ("Ærø",), ("x",)]
    assert (found.rejects[3].check, found.rejects[3].line) == ("undecodable", 2)


def test_a_wrapping_object_is_told(tmp_path: Path) -> None:
    text = json.dumps({"count": 2, "items": [{"id": 1}, {"id": 2}], "next": None, "more": []})
    table = open_table(write(tmp_path / "a.json", text))
    assert sum(frame.height for frame in table.chunks()) == 2
    said = "the records are the array 'items' of a JSON object; left out beside it: 'count', 'next', 'more'"
    assert table.dialect.notes == (said,)


def test_several_arrays_are_ambiguous_unless_the_contract_knows_one(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", '{"users": [{"name": "a"}], "orders": [{"order_id": 7}]}')
    with pytest.raises(UnreadableFile, match="'users', 'orders'") as caught:
        open_table(path)
    assert caught.value.code == "ambiguous"
    found = read(path, expected=("Order ID", "amount"))
    assert (found.table.columns, found.values) == (("order_id",), [("7",)])


def test_a_second_array_far_behind_the_first_is_ambiguous_too(tmp_path: Path) -> None:
    document = {"data": [{"id": number, "text": "x" * 100} for number in range(4000)], "errors": [{"id": 9}]}
    table = open_table(write(tmp_path / "a.json", json.dumps(document)))
    with pytest.raises(UnreadableFile, match="'data', 'errors'"):
        list(table.chunks())


def test_one_object_with_lines_of_its_own_is_one_record_if_the_contract_says_so(tmp_path: Path) -> None:
    text = '{"order_id": 7, "items": [{"sku": "a"}, {"sku": "b"}]}'
    assert len(read(write(tmp_path / "a.json", text)).values) == 2
    assert read(write(tmp_path / "a.json", text), expected=("order_id", "items")).values == [
        ("7", '[{"sku":"a"},{"sku":"b"}]')
    ]
    assert len(read(write(tmp_path / "a.jsonl", text + "\n")).values) == 1


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("[]", "empty"),
        ("[1, 2]", "unsupported"),
        ('{"a": [], "b"', "damaged"),
        ('[{"a": 1', "damaged"),
        ("[[1, 2], [3, 4]]", "unsupported"),
    ],
)
def test_what_holds_no_record_is_unreadable(tmp_path: Path, content: str, code: str) -> None:
    with pytest.raises(UnreadableFile) as caught:
        list(open_table(write(tmp_path / "a.json", content)).chunks())
    assert caught.value.code == code


def test_a_large_array_is_read_in_pieces(tmp_path: Path) -> None:
    element = '{"id": %d, "text": "' + 'x\\"' * 30 + '"}'
    text = "[" + ",".join(element % number for number in range(60_000)) + "]"
    table = open_table(write(tmp_path / "a.json", text), ReadOptions(chunk_rows=1000))
    pieces = list(table.pieces())
    assert len(pieces) > 30
    assert sum(piece.records for piece in pieces) == 60_000
    assert max(piece.records for piece in pieces) < 2000


def test_an_element_that_never_ends_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.files.json.values.LARGEST_RECORD", 500_000)
    monkeypatch.setattr(cut, "LARGEST_RECORD", 500_000)
    text = '[{"id": 1}, {"id": [' + "1," * 2_000_000
    with pytest.raises(UnreadableFile) as caught:
        list(open_table(write(tmp_path / "a.json", text)).chunks())
    assert caught.value.code == "record_too_large"


def _spoiled(text: str, kind: int, place: int) -> str:
    """One record as text, broken: at `place` where that matters."""
    inside = text[1:-1]
    return {
        0: text[:-1],  # its brace is lost
        1: text.replace('"name": "', '"name": ', 1),  # an opening quote is lost
        2: text.replace('", "n"', ', "n"', 1),  # a closing quote is lost
        3: "{" + inside[: max(6, place % len(inside))],  # it is torn
        4: text.replace('"n": ', '"n": [', 1),  # a bracket opens
        5: text.replace('"n"', "n", 1),  # a key without quotes
    }[kind]


@given(
    kinds=st.lists(st.one_of(st.none(), st.integers(0, 5)), min_size=8, max_size=30),
    shape=st.sampled_from(["array", "lines in an array", "objects"]),
    place=st.integers(6, 200),
    inner=st.sampled_from(["id", "item"]),
)
@settings(max_examples=60)
def test_a_broken_element_takes_no_other_with_it(
    tmp_path_factory: pytest.TempPathFactory, kinds: list[int | None], shape: str, place: int, inner: str
) -> None:
    kinds = [None, None, None, *kinds]
    texts = [
        json.dumps({"id": number, "name": f"a b, {number}", "n": {"k": number}, "list": [{inner: 1}]})
        for number in range(len(kinds))
    ]
    broken = [
        text if kind is None else _spoiled(text, kind, place) for text, kind in zip(texts, kinds, strict=True)
    ]
    whole = {
        "array": "[" + ", ".join(broken) + "]",
        "lines in an array": "[\n" + ",\n".join(broken) + "\n]",
        "objects": "\n\n".join(text.replace(', "', ',\n"') for text in broken),
    }[shape]
    found = read(write(tmp_path_factory.mktemp("json") / "a.json", whole))
    ids = found.table.columns.index("id")
    good = [str(number) for number, kind in enumerate(kinds) if kind is None]
    assert [row[ids] for row in found.values] == good
    bad = len(kinds) - len(good)
    # Where objects inside a record begin as records do, broken records in a row can be one reject.
    assert len(found.rejects) == bad if inner == "item" else min(bad, 1) <= len(found.rejects) <= bad


_TEXTS = st.text(st.sampled_from('ab"\\\\{}[],: \n/é😀'), max_size=8)
_VALUES: st.SearchStrategy[object] = st.recursive(
    st.one_of(_TEXTS, st.integers(), st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_TEXTS, inner, max_size=3)),
    max_leaves=5,
)


@given(
    values=st.lists(_VALUES, min_size=2, max_size=12),
    shape=st.sampled_from([name for name in _SHAPES if name not in ("wrapped", "pretty wrapped")]),
    window=st.sampled_from([16, 100, 5000]),
    block=st.sampled_from([40, 1000]),
)
@settings(max_examples=100)
def test_it_does_not_matter_where_the_text_is_cut(
    tmp_path_factory: pytest.TempPathFactory, values: list[object], shape: str, window: int, block: int
) -> None:
    records: list[dict[str, object]] = [{"id": 1, "v": [value], "z": ""} for value in values]
    path = write(tmp_path_factory.mktemp("json") / "a.json", _SHAPES[shape](records))
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_WINDOW", "_NARROW", "_PATIENCE"):
            patch.setattr(f"pipeline.files.json.values.{name}", window)
        patch.setattr(cut, "_LARGEST_BLOCK", block)
        found = read(path)
        texts = [text for frame in found.table.chunks() for text in frame["v"].to_list()]
    assert [json.loads(text) for text in texts] == [[value] for value in values]


@given(st.binary(max_size=300))
@settings(max_examples=100)
def test_no_bytes_bring_it_down(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = write(tmp_path_factory.mktemp("json") / "a.json", b'[{"a": 1}, ' + data)
    try:
        read(path)
    except UnreadableFile as problem:
        assert problem.cause
