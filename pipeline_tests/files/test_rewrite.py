"""Unusual dialects: the text is rewritten on its way, values and source text come back as they were."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.files.delimited import rewrite as rewriting
from pipeline.files.delimited.rewrite import Codes, Rewrite, rewrite_bytes, rewritten
from pipeline.files.delimited.scan import Marks
from pipeline.files.streams import ByteStream
from pipeline_tests.files.delimited_parts import Result, parse

_BACKSLASH = ord("\\")
_WIDE = Marks(rewriting.DELIMITER, 34, width=3)


def _wide(path: Path, text: str, delimiter: bytes, **options: object) -> Result:
    return parse(path, text, "abc", marks=_WIDE, rewrite=Rewrite(delimiter=delimiter), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("delimiter", [", ", "\t\t", "||", "<>"])
@pytest.mark.parametrize("chunk_rows", [1, 1000])
def test_a_delimiter_of_several_bytes_comes_back_inside_values(
    tmp_path: Path, delimiter: str, chunk_rows: int
) -> None:
    rows = [("1", f"a{delimiter}b", "c"), ("2", "x,y", "\x1f\x1e"), ("3", f"p\n{delimiter}{delimiter}q", "r")]
    text = "".join(delimiter.join((a, f'"{b}"', c)) + "\n" for a, b, c in rows)
    found = _wide(tmp_path / "a.csv", text, delimiter.encode(), chunk_rows=chunk_rows)
    assert found.values == rows
    assert list(found.lines.values()) == [1, 2, 3]
    assert not found.repairs


def test_rejects_and_repairs_of_rewritten_text_show_the_source(tmp_path: Path) -> None:
    text = '1||x||y\n2||x||"p||q"||z\n3||"24" \x1f bike||s"||y\n4||x||y||||\n5;x;y\n'
    found = _wide(tmp_path / "a.csv", text, b"||")
    reject = found.rejects[2]
    assert (reject.raw, reject.fields) == ('2||x||"p||q"||z', ("2", "x", "p||q", "z"))
    assert found.rows[3] == ("3", '24" \x1f bike||s', "y")
    assert found.repair(3).raw == '3||"24" \x1f bike||s"||y'
    assert (found.repair(4).check, found.repair(4).raw) == ("surplus_empty_fields", "4||x||y||||")
    assert (found.rows[5], found.repair(5).check) == (("5", "x", "y"), "other_delimiter")
    assert found.repair(5).message == "the fields are separated by ';' instead of '||'; they were split so"


@pytest.mark.parametrize("chunk_rows", [1, 1000])
def test_escapes_make_ordinary_characters(tmp_path: Path, chunk_rows: int) -> None:
    cases = [
        (r'"a \"b\" c"', 'a "b" c'),
        (r'"a\\"', "a\\"),
        (r'"\\\"a\\\\"', '\\"a\\\\'),
        (r"a\,b", "a,b"),
        ("a\\\nb", "a\nb"),
        ('"a\\\nb\nc"', "a\nb\nc"),
        (r"\"a", '"a'),
        (r"C:\temp\new", r"C:\temp\new"),
        (r"8\'9", r"8\'9"),
        (r"\;\N", r"\;\N"),
        ('"a ""b"""', 'a "b"'),
        ("\x1eQ\x1f", "\x1eQ\x1f"),
    ]
    text = "".join(f"{number},{written},z\n" for number, (written, _) in enumerate(cases))
    rewrite = Rewrite(escape=_BACKSLASH)
    found = parse(tmp_path / "a.csv", text, "abc", rewrite=rewrite, chunk_rows=chunk_rows)
    assert found.values == [(str(number), meant, "z") for number, (_, meant) in enumerate(cases)]
    assert list(found.lines.values()) == [1, 2, 3, 4, 5, 7, 10, 11, 12, 13, 14, 15]
    assert not found.repairs


def test_escaped_records_are_rejected_with_their_source(tmp_path: Path) -> None:
    found = parse(
        tmp_path / "a.csv", 'x\\\r\n,"\\"y\\\\"\r\n1,2,3\r\n', "abc", rewrite=Rewrite(escape=_BACKSLASH)
    )
    reject = found.rejects[1]
    assert (reject.raw, reject.line, reject.fields) == ('x\\\r\n,"\\"y\\\\"', 1, ("x\r\n", '"y\\'))
    assert (found.rows[2], found.lines[2]) == (("1", "2", "3"), 3)


@pytest.mark.parametrize("chunk_rows", [1, 2, 1000])
def test_mixed_line_ends_are_one_kind(tmp_path: Path, chunk_rows: int) -> None:
    text = '1,x,y\r2,x,"p\r\nq"\r\n3,x,y\n\n4,x\r5,x,y'
    found = parse(tmp_path / "a.csv", text, "abc", rewrite=Rewrite(mixed_ends=True), chunk_rows=chunk_rows)
    assert found.values == [("1", "x", "y"), ("2", "x", "p\r\nq"), ("3", "x", "y"), ("5", "x", "y")]
    assert (found.rejects[4].line, found.lines[5]) == (6, 7)


@pytest.mark.parametrize("chunk_rows", [1, 1000])
def test_blanks_round_quotes_are_dropped(tmp_path: Path, chunk_rows: int) -> None:
    text = '1, "a, ""b"" , c" ,  "d"  \n "2" ,x y , z\n3, "", "p\n , ""q"""\n' + "4," + " " * 40 + '"x",y\n'
    rewrite = Rewrite(quote_space=True)
    found = parse(tmp_path / "a.csv", text, "abc", rewrite=rewrite, chunk_rows=chunk_rows)
    assert found.values == [
        ("1", 'a, "b" , c', "d"),
        ("2", "x y ", " z"),
        ("3", None, 'p\n , "q"'),
        ("4", "x", "y"),
    ]
    assert not found.repairs


def test_nothing_after_the_stop_is_a_record(tmp_path: Path) -> None:
    text = "1,x,y\n2,x,y\nTotal;2\n"
    for rows in (1, 2, 1000):
        found = parse(tmp_path / "a.csv", text, "abc", stop=12, chunk_rows=rows)
        assert found.values == [("1", "x", "y"), ("2", "x", "y")]
        assert not found.rejects


def test_comments_are_no_records_outside_quotes(tmp_path: Path) -> None:
    text = '# a,b "c\n1,x,y\n#2,x,y\n\n3,"p\n# q",y\n4,#,y\n#'
    for rows in (1, 2, 1000):
        found = parse(tmp_path / "a.csv", text, "abc", comment=(b"#",), chunk_rows=rows)
        assert found.values == [("1", "x", "y"), ("3", "p\n# q", "y"), ("4", "#", "y")]
        assert list(found.lines.values()) == [2, 5, 7]


_REWRITES = [
    Rewrite(delimiter=b", "),
    Rewrite(delimiter=b"||", mixed_ends=True),
    Rewrite(escape=_BACKSLASH),
    Rewrite(escape=_BACKSLASH, mixed_ends=True, quote_space=True),
    Rewrite(delimiter=b"\t\t", escape=_BACKSLASH, mixed_ends=True, quote_space=True),
    Rewrite(quote_space=True),
]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text('a,| \t\\"\r\n\x1e\x1fé', max_size=60),
    rewrite=st.sampled_from(_REWRITES),
    sizes=st.lists(st.integers(1, 30), min_size=1, max_size=20),
    piece=st.integers(1, 40),
)
def test_a_stream_gives_what_the_bytes_give_wherever_its_pieces_end(
    tmp_path_factory: pytest.TempPathFactory, text: str, rewrite: Rewrite, sizes: list[int], piece: int
) -> None:
    path = tmp_path_factory.mktemp("any") / "any.csv"
    data = text.encode()
    path.write_bytes(data)
    parts: list[bytes] = []
    with pytest.MonkeyPatch.context() as patch, rewritten(ByteStream(path), rewrite, 34) as stream:
        patch.setattr(rewriting, "_PIECE", piece)
        for index in range(200):
            size = sizes[index % len(sizes)]
            parts.append(stream.read_lines(size, 10) if index % 3 else stream.read(size))
            if len(parts[-1]) < size:
                break
        assert stream.position == len(data)
    assert b"".join(parts) == rewrite_bytes(data, rewrite, 34)


@settings(max_examples=200, deadline=None)
@given(text=st.text('a,;| \t\\"\x1e\x1fé', max_size=40), delimiter=st.sampled_from([None, b", ", b"||"]))
def test_source_text_comes_back_whole(text: str, delimiter: bytes | None) -> None:
    rewrite = Rewrite(delimiter=delimiter, escape=_BACKSLASH)
    codes = Codes(rewrite, 34, rewriting.DELIMITER if delimiter else 44)
    assert codes.source(rewrite_bytes(text.encode(), rewrite, 34).decode()) == text


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(*[st.text('a,;\\" \t\né', max_size=6)] * 3), min_size=1, max_size=8),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_NONE]),
    chunk_rows=st.integers(1, 9),
)
def test_what_python_writes_with_escapes_comes_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]], quoting: int, chunk_rows: int
) -> None:
    out = io.StringIO()
    writer = csv.writer(
        out,
        quoting=quoting,  # type: ignore[arg-type]
        escapechar="\\",
        doublequote=False,
        lineterminator="\n",
    )
    writer.writerows(("k", *row[1:]) for row in rows)
    path = tmp_path_factory.mktemp("any") / "any.csv"
    found = parse(path, out.getvalue(), "abc", rewrite=Rewrite(escape=_BACKSLASH), chunk_rows=chunk_rows)
    assert found.values == [("k", *(value or None for value in row[1:])) for row in rows]
