"""Broken records of delimited text: what is mended, what is rejected, and that nothing else is touched."""

from __future__ import annotations

import csv
import io
import itertools
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from pipeline.files.delimited.blocks import Blocks
from pipeline.files.delimited.scan import Marks
from pipeline.files.table import ReadOptions
from pipeline.files.text import TextSource
from pipeline_tests.files.delimited_parts import Result, parse

_GOOD_LINE, _GOOD = "1,x,y", ("1", "x", "y")


def _between(tmp_path: Path, line: str, chunk_rows: int = 100_000, columns: str = "abc") -> Result:
    """`line` as third record, on line 4, among good ones; those come back whatever it is."""
    text = f'{_GOOD_LINE}\n2,"p\nq",r\n{line}\n4,"s, t",u\n5,"v","w"\n'
    found = parse(tmp_path / "a.csv", text, columns, chunk_rows=chunk_rows)
    assert [found.rows[row] for row in (1, 2, 4, 5)] == [
        _GOOD,
        ("2", "p\nq", "r"),
        ("4", "s, t", "u"),
        ("5", "v", "w"),
    ]
    assert list(found.lines.values()) == [1, 2, 4, 5, 6]
    return found


_REPAIRED = [
    (
        "3,x,y,,",
        ("3", "x", "y"),
        "surplus_empty_fields",
        "5 fields, but the header has 3; the surplus ones are empty",
    ),
    ('3,"x",y,"", ', ("3", "x", "y"), "surplus_empty_fields", "5 fields, but the header has 3"),
    ('3,"x,y', ("3", '"x', "y"), "unclosed_quote", "a quote that opens in 'b' is never closed"),
    ('3,"abc,"d, e"', ("3", '"abc', "d, e"), "unclosed_quote", "a quote that opens in 'b' is never closed"),
    ('3,x,"', ("3", "x", '"'), "unclosed_quote", "a quote that opens in 'c' is never closed"),
    ('"3,x,"y"', ('"3', "x", "y"), "unclosed_quote", "a quote that opens in 'a' is never closed"),
    (
        '3,"24" bike",y',
        ("3", '24" bike', "y"),
        "stray_quote",
        "a quote in 'b' neither begins nor ends the field",
    ),
    ('3,""text",y', ("3", '"text', "y"), "stray_quote", "a quote in 'b' neither begins nor ends the field"),
    (
        '3,"a, 24"","b"',
        ("3", 'a, 24"', "b"),
        "stray_quote",
        "a quote in 'b' neither begins nor ends the field",
    ),
    (
        '3,"a "b, c" d",y',
        ("3", 'a "b, c" d', "y"),
        "stray_quote",
        "a quote in 'b' neither begins nor ends the field",
    ),
    ('3,"x" z,y', ("3", '"x" z', "y"), "stray_quote", "a quote in 'b' neither begins nor ends the field"),
    ("3;x;y", ("3", "x", "y"), "other_delimiter", "the fields are separated by ';' instead of ','"),
    ('3;"x; z";y', ("3", "x; z", "y"), "other_delimiter", "the fields are separated by ';' instead of ','"),
    ("3\tx\ty", ("3", "x", "y"), "other_delimiter", "the fields are separated by tabs instead of ','"),
    ('3 "x z" y', ("3", "x z", "y"), "other_delimiter", "the fields are separated by blanks instead of ','"),
    ("3,x\0\0,y", ("3", "x", "y"), "nul_bytes", "the record held NUL bytes; they were left out"),
]


@pytest.mark.parametrize("chunk_rows", [1, 2, 1000])
@pytest.mark.parametrize(("line", "values", "check", "message"), _REPAIRED)
def test_a_record_with_one_reading_is_read_and_the_repair_told(
    tmp_path: Path, line: str, values: tuple[str, ...], check: str, message: str, chunk_rows: int
) -> None:
    found = _between(tmp_path, line, chunk_rows)
    assert found.rows[3] == values
    assert len(found.repairs) == 1
    repair = found.repair(3)
    assert (repair.check, repair.line, repair.raw) == (check, 4, line.replace("\0", ""))
    assert repair.message.startswith(message)


_REJECTED = [
    ("3,x,y,z", "too_many_fields", "4 fields, but the header has 3", ("3", "x", "y", "z")),
    ("3,x", "too_few_fields", "2 fields, but the header has 3", ("3", "x")),
    ("3", "too_few_fields", "1 field, but the header has 3", ("3",)),
    ("3 x y", "too_few_fields", "1 field, but the header has 3", ("3 x y",)),
    ("3;x|y;z|w", "too_few_fields", "1 field, but the header has 3", ("3;x|y;z|w",)),
    ("3,x;y", "too_few_fields", "2 fields, but the header has 3", ("3", "x;y")),
    ('3,"x', "unclosed_quote", "a quote that opens in line 4 is never closed", ("3", '"x')),
    ('3,"x" y', "unclosed_quote", "a quote that opens in line 4 is never closed", ("3", "x y")),
]


@pytest.mark.parametrize("chunk_rows", [1, 2, 1000])
@pytest.mark.parametrize(("line", "check", "message", "fields"), _REJECTED)
def test_a_record_without_one_reading_is_rejected(
    tmp_path: Path, line: str, check: str, message: str, fields: tuple[str, ...], chunk_rows: int
) -> None:
    found = _between(tmp_path, line, chunk_rows)
    reject = found.rejects[3]
    assert (reject.row, reject.line, reject.raw) == (3, 4, line)
    assert (reject.check, reject.message) == (check, message)
    assert reject.fields == fields
    assert not found.repairs


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ('3,5" disk,y', ("3", '5" disk', "y")),
        ('3,x",y', ("3", 'x"', "y")),
        ('3,"x" ,"y"', ("3", "x", "y")),
        ('3,"",y', ("3", None, "y")),
        ('3,"a ""b"", c",""""', ("3", 'a "b", c', '"')),
        (",,", (None, None, None)),
    ],
)
def test_what_has_one_meaning_only_is_no_repair(tmp_path: Path, line: str, values: tuple[str, ...]) -> None:
    found = _between(tmp_path, line)
    assert found.rows[3] == values
    assert not found.repairs


def test_a_torn_last_line_is_named(tmp_path: Path) -> None:
    found = parse(tmp_path / "a.csv", "1,x,y\n2,x", "abc")
    reject = found.rejects[2]
    assert (reject.check, reject.line, reject.raw, reject.fields) == ("torn_last_line", 2, "2,x", ("2", "x"))
    assert reject.message == "the file ends in this line without a line end: 2 fields, but the header has 3"
    assert parse(tmp_path / "a.csv", "1,x,y\n2,x,y", "abc").values == [_GOOD, ("2", "x", "y")]
    assert parse(tmp_path / "a.csv", "1,x,y\n2,x\n", "abc").rejects[2].check == "too_few_fields"


def test_an_undecodable_record_is_named_by_byte_and_line(tmp_path: Path) -> None:
    found = parse(tmp_path / "a.csv", "1,é,y\n".encode() * 9 + b"2,x\xff,y\n1,\xc3\xa9,z\n", "abc")
    assert found.rejects[10].check == "undecodable"
    assert found.rejects[10].message == "byte 0xFF at offset 66 (line 10) is not valid UTF-8"
    assert found.rejects[10].fields == ("2", "x\\xff", "y")


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_nul_bytes_are_told_where_they_were(tmp_path: Path, encoding: str) -> None:
    text = "1,é,y\n\n\0\0\n2,\0é\0,y\n3,x,\0\n4,x,y,z\0\n".encode(encoding)
    found = parse(tmp_path / "a.csv", text, "abc", encoding=encoding)
    assert found.values == [("1", "é", "y"), ("2", "é", "y"), ("3", "x", None)]
    assert [(repair.row, repair.check, repair.line) for repair in found.repairs] == [
        (2, "nul_bytes", 4),
        (3, "nul_bytes", 5),
    ]
    assert found.rejects[4].raw == "4,x,y,z"


def test_a_record_may_need_two_repairs(tmp_path: Path) -> None:
    found = _between(tmp_path, '3,"24" bike\0",y')
    assert found.rows[3] == ("3", '24" bike', "y")
    assert [repair.check for repair in found.repairs] == ["stray_quote", "nul_bytes"]


def test_a_quoted_field_after_a_stray_quote_still_holds_line_breaks(tmp_path: Path) -> None:
    found = parse(tmp_path / "a.csv", '1,"a" b,"c\nd"\n2,x,y\n', "abc")
    assert found.values == [("1", '"a" b', "c\nd"), ("2", "x", "y")]
    assert found.lines == {1: 1, 2: 3}


def test_the_width_tells_a_swallowed_record_from_a_field_with_line_breaks(tmp_path: Path) -> None:
    text = '1,"open,y\n2,x,", z"\n3,"v",w\n'
    found = parse(tmp_path / "a.csv", text, "abc")
    assert found.values == [("1", '"open', "y"), ("2", "x", ", z"), ("3", "v", "w")]


def test_other_quotes_and_no_quotes(tmp_path: Path) -> None:
    single = parse(tmp_path / "a.csv", "1,'it's',y\n2,'a, b',y\n", "abc", marks=Marks(44, 39))
    assert single.values == [("1", "it's", "y"), ("2", "a, b", "y")]
    assert single.repair(1).check == "stray_quote"
    none = parse(tmp_path / "a.csv", '1,"a,b\n2,"x\n', "abc", marks=Marks(44, None))
    assert none.values == [("1", '"a', "b")]
    assert none.rejects[2].check == "too_few_fields"


@pytest.mark.parametrize("beginning", ["", '1,"open,y\n'])
def test_pieces_stay_small_where_records_turn_out_small(tmp_path: Path, beginning: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(beginning + "1,x,y\n" * 1000)
    source, options = TextSource(path, None, "utf-8"), ReadOptions(chunk_rows=10)
    blocks = list(Blocks(source, Marks(44, 34), options, 0, 0, 500.0))
    assert sum(block.records for block in blocks) == 1000 + beginning.count("\n")
    assert max(block.records for block in blocks) <= 40
    assert [block.first_line for block in blocks] == [block.first_row for block in blocks]


# Texts in which every mark has a meaning; none is a mark and nothing else.
_text = st.text("ab, ;\"'\n\té", max_size=8).filter(lambda text: text.strip(",\" ;'\n\t") != "")
_field = st.one_of(st.sampled_from(["", "7", "2024-01-31"]), _text)
_row = st.tuples(st.sampled_from(["k1", "k2", "k3"]), _field, _field, st.sampled_from(["u", "v w"]))
_plain = st.tuples(*[st.text("abc é", min_size=1, max_size=6).map(lambda text: f"t{text}")] * 4)
_KINDS = ("surplus", "extra", "few", "unclosed", "unopened", "stray", "after", "undoubled", "other", "nul")


def _broken(row: tuple[str, ...], kind: str, at: int) -> str:
    """A record of texts without marks, broken in field `at`."""
    fields = list(row)
    changed = {
        "unclosed": f'"{row[at]}',
        "unopened": f'{row[at]}"',
        "stray": f'"{row[at]}"x"',
        "after": f'"{row[at]}"x',
        "undoubled": f'""{row[at]}"',
        "nul": f"{row[at]}\0",
    }
    fields[at] = changed.get(kind, row[at])
    line = ";".join(fields) if kind == "other" else ",".join(fields)
    return {"surplus": f"{line},,", "extra": f"{line},x", "few": line.rsplit(",", 1)[0]}.get(kind, line)


def _written(row: tuple[str, ...], quoting: int) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n", quoting=quoting).writerow(row)  # type: ignore[arg-type]
    return out.getvalue()


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.one_of(_row, st.tuples(_plain, st.sampled_from(_KINDS), st.integers(0, 3))), max_size=12
    ),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    chunk_rows=st.integers(1, 1000),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_clean_records_come_back_untouched_whatever_is_broken_beside_them(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, ...] | tuple[tuple[str, ...], str, int]],
    quoting: int,
    chunk_rows: int,
    end: str,
) -> None:
    kinds = {str(row[1]) for row in rows if isinstance(row[0], tuple)}
    # One after the other, these are well-formed records: "a,b<line end>""c" and "a,b<line end>c" are texts in quotes.
    assume("unclosed" not in kinds or not kinds & {"undoubled", "unopened"})
    lines = [
        _broken(*row) + "\n" if isinstance(row[0], tuple) else _written(row, quoting)  # type: ignore[arg-type]
        for row in rows
    ]
    text = "".join(lines).replace("\n", end)
    found = parse(tmp_path_factory.mktemp("any") / "any.csv", text, "abcd", chunk_rows=chunk_rows)
    starts = itertools.accumulate((line.count("\n") for line in lines), initial=1)
    assert len(found.lines) == len(rows)
    repaired = {repair.row for repair in found.repairs}
    for number, (row, start, line) in enumerate(zip(rows, starts, lines, strict=False), 1):
        assert found.lines[number] == start
        if not isinstance(row[0], tuple):
            assert found.rows[number] == tuple(str(value).replace("\n", end) or None for value in row)
            assert number not in repaired
        elif number in found.rejects:
            assert found.rejects[number].raw == line.rstrip("\n").replace("\0", "")
        elif row[1] != "unopened":
            assert number in repaired


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text('a,;" \n\r\0é', max_size=60),
    columns=st.sampled_from(["a", "ab", "abc"]),
    chunk_rows=st.integers(1, 40),
    encoding=st.sampled_from(["utf-8", "cp1252"]),
    told=st.booleans(),
)
def test_every_record_of_any_text_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory,
    text: str,
    columns: str,
    chunk_rows: int,
    encoding: str,
    told: bool,
) -> None:
    marks = Marks(44, 34, width=len(columns) if told else 0)
    path = tmp_path_factory.mktemp("any") / "any.csv"
    found = parse(path, text.encode(encoding), columns, marks=marks, chunk_rows=chunk_rows, encoding=encoding)
    assert len(found.lines) <= text.count("\n") + 1
