"""Delimited text: delimiter, quote, escape and record ends, found with nothing given."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path

import pytest

from pipeline.contract.read import Read
from pipeline.files import ReadOptions, UnreadableFile, open_table
from pipeline_tests.files.reading import read, write

_WORDS = [
    "alpha",
    "beta",
    "gamma",
    "delta",
    "epsilon",
    "zeta",
    "eta",
    "theta",
    "iota",
    "kappa",
    "lambda",
    "mu",
]
_ROWS = [(str(number), word, f"{number}.5") for number, word in enumerate(_WORDS, start=1)]


def _text(
    delimiter: str, rows: list[tuple[str, ...]], header: tuple[str, ...] = ("id", "name", "size")
) -> str:
    return "".join(delimiter.join(row) + "\n" for row in [header, *rows])


@pytest.mark.parametrize(
    "delimiter", [",", ";", "\t", "|", " ", ":", "^", "~", ", ", "\t\t", "||", ";;", "|~|", " | "], ids=repr
)
def test_every_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    found = read(write(tmp_path / "a.csv", _text(delimiter, _ROWS)))
    assert found.table.dialect.delimiter == delimiter
    assert found.table.columns == ("id", "name", "size")
    assert found.values == _ROWS


def test_a_long_delimiter_is_found_although_its_parts_stand_in_values(tmp_path: Path) -> None:
    rows = [(key, f"{word} | {word}", size) for key, word, size in _ROWS]
    assert read(write(tmp_path / "a.csv", _text("||", rows))).values == rows


def test_a_comma_and_a_blank_are_the_delimiter_where_quotes_follow_the_blank(tmp_path: Path) -> None:
    text = "".join(f'{key}, "{word}, {word}", {size}\n' for key, word, size in _ROWS)
    found = read(write(tmp_path / "a.csv", 'id, "name", size\n' + text))
    assert found.values == [(key, f"{word}, {word}", size) for key, word, size in _ROWS]


def test_blanks_between_comma_and_quote_are_passed_over(tmp_path: Path) -> None:
    text = "".join(f'{key}, "{word}, {word}",{size}\n' for key, word, size in _ROWS)
    found = read(write(tmp_path / "a.csv", "id,name,size\n" + text))
    assert found.values == [(key, f"{word}, {word}", size) for key, word, size in _ROWS]


def test_blanks_that_align_bare_numbers_leave_the_comma_the_delimiter(tmp_path: Path) -> None:
    table = open_table(write(tmp_path / "a.csv", "".join(f"{n}.5, {n * 7}.0, 0.0\n" for n in range(20))))
    assert table.dialect.delimiter == ","
    assert len(table.columns) == 3


def test_decimal_commas_and_dates_do_not_hide_the_semicolon(tmp_path: Path) -> None:
    text = "".join(f"2020-01-{day:02};{day},5;{day},25\n" for day in range(1, 20))
    found = read(write(tmp_path / "a.csv", text))
    assert found.table.dialect.delimiter == ";"
    assert found.values[0] == ("2020-01-01", "1,5", "1,25")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("words", _WORDS),
        ("names", [f"{one.title()} {two.title()}" for one, two in pairwise(_WORDS)]),
        ("last and first", [f"{one}, {two}" for one, two in pairwise(_WORDS)]),
        (
            "sentences",
            [f"Well, the {one} is, as we know, red." if one < "l" else f"No {one}." for one in _WORDS],
        ),
        ("decimal commas", [f"{number},{number}5" for number in range(12)]),
        ("moments", [f"2024-01-{day:02} 10:{day:02}:00" for day in range(1, 13)]),
        ("links", [f"https://example.org/{one}?a=1&b={one}" for one in _WORDS]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_list_is_one_column(tmp_path: Path, name: str, values: list[str]) -> None:
    found = read(write(tmp_path / "a.csv", "\n".join(["value", *values])))
    assert found.table.columns == ("value",)
    assert [row[0] for row in found.values] == values


def test_single_quotes_are_quotes_and_apostrophes_are_not(tmp_path: Path) -> None:
    quoted = "".join(f"{number},'{word}, {word}'\n" for number, word in enumerate(_WORDS))
    found = read(write(tmp_path / "a.csv", "id,name\n" + quoted))
    assert found.table.dialect.quote == "'"
    assert found.values[1] == ("1", "beta, beta")
    plain = "".join(f"{number},{word}'s '{word}' o'clock\n" for number, word in enumerate(_WORDS))
    found = read(write(tmp_path / "b.csv", "id,name\n" + plain))
    assert found.table.dialect.quote == '"'
    assert found.values[1] == ("1", "beta's 'beta' o'clock")


def test_an_apostrophe_is_no_quote_that_spans_lines(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.csv", "first,second,third\n,,'\n,,'\n"))
    assert found.values == [(None, None, "'"), (None, None, "'")]


def test_backslash_escapes_are_found_and_paths_are_none(tmp_path: Path) -> None:
    text = "".join(f'{n},"{word} \\"{word}\\", ok","b"\n' for n, word in enumerate(_WORDS))
    found = read(write(tmp_path / "a.csv", "id,name,x\n" + text))
    assert found.table.dialect.escape == "\\"
    assert found.values[1] == ("1", 'beta "beta", ok', "b")
    text = "".join(f'{n},"C:\\{word}\\","b"\n' for n, word in enumerate(_WORDS))
    found = read(write(tmp_path / "b.csv", "id,path,x\n" + text))
    assert found.table.dialect.escape is None
    assert found.values[1] == ("1", "C:\\beta\\", "b")


def test_quotes_inside_quoted_fields_need_not_be_doubled(tmp_path: Path) -> None:
    text = "".join(f'{n},"{n}" {word}, red","{n}""\n' for n, word in enumerate(_WORDS))
    found = read(write(tmp_path / "a.csv", "id,name,size\n" + text))
    assert not found.rejects
    assert found.values[1] == ("1", '1" beta, red', '1"')


@pytest.mark.parametrize(("end", "name"), [("\n", "LF"), ("\r\n", "CRLF"), ("\r", "CR")])
def test_the_record_end_is_named(tmp_path: Path, end: str, name: str) -> None:
    table = open_table(write(tmp_path / "a.csv", end.join(["a,b", "1,2", "3,4", ""])))
    assert table.dialect.record_end == name


@pytest.mark.parametrize("plain", [0, 30])
def test_mixed_record_ends_all_end_records(tmp_path: Path, plain: int) -> None:
    lines = "".join(f"{n},{n}\n" for n in range(plain))
    found = read(write(tmp_path / "a.csv", f"a,b\n{lines}91,92\r93,94\r\n95,96\r97,98\n{lines}"))
    assert found.table.dialect.record_end == "mixed"
    assert found.values[plain : plain + 4] == [("91", "92"), ("93", "94"), ("95", "96"), ("97", "98")]


def test_a_lone_cr_inside_quotes_is_part_of_its_value(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.csv", 'a,b\n1,"x\ry"\n2,"z"\n3,"u\rv"\n'))
    assert found.values == [("1", "x\ry"), ("2", "z"), ("3", "u\rv")]


@pytest.mark.parametrize("content", ["1,5;2,5\n3,5;4,5\n2,1;3,4\n", "a,b;c,d\n1,5;2,5\n3,1;2,2\n"])
def test_what_can_be_read_in_two_ways_is_not_guessed(tmp_path: Path, content: str) -> None:
    path = write(tmp_path / "a.csv", content)
    with pytest.raises(UnreadableFile) as caught:
        open_table(path)
    assert caught.value.code == "ambiguous"
    assert "5;" in caught.value.cause and "fields" in caught.value.cause
    assert "read=Read(delimiter" in caught.value.remedy
    told = read(path, read=Read(delimiter=";"))
    assert len(told.table.columns) == 2


def test_the_contract_settles_what_the_text_leaves_open(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "a,b;c,d\n1,5;2,5\n3,1;2,2\n")
    assert read(path, expected=("a", "d", "b;c")).values == [("1", "5;2", "5"), ("3", "1;2", "2")]
    grid = write(tmp_path / "b.csv", "1,5;2,5\n3,5;4,5\n")
    found = read(grid, expected=("x", "y"), positions=("x", "y"))
    assert found.values == [("1,5", "2,5"), ("3,5", "4,5")]


@pytest.mark.parametrize(
    "content",
    [
        "a;b\n1,5;2,5\n3,1;2,2\n",
        "Name;Address\nBob;Street 1, Berlin\nAnn;Road 2, Paris\n",
        "a\tb\n1,5\t2,5\n3,1\t2,2\n",
        "52.5,13.4\n48.1,11.5\n50.9,6.9\n",
        "id;note\n1;a, b\n2;c\n",
    ],
)
def test_ordinary_files_are_not_called_ambiguous(tmp_path: Path, content: str) -> None:
    assert len(open_table(write(tmp_path / "a.csv", content)).columns) == 2


def test_what_the_dataset_says_is_not_looked_for(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "x\ny\na;b,'c;d'\n1;2,3\n4;5,6\nend\n")
    found = read(path, read=Read(delimiter=",", quote="", skip=2, header=1, footer=1))
    assert found.table.columns == ("a;b", "'c;d'")
    assert found.values == [("1;2", "3"), ("4;5", "6")]
    assert found.table.dialect.confidence == 1.0


def test_a_comment_that_the_dataset_names_is_passed_over(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "% made by hand\na,b\n1,2\n% odd, one\n3,4\n")
    found = read(path, read=Read(comment="%"))
    assert found.values == [("1", "2"), ("3", "4")]


def test_how_sure_and_why_is_said(tmp_path: Path) -> None:
    dialect = open_table(write(tmp_path / "a.csv", _text(";", _ROWS))).dialect
    assert dialect.confidence is not None and dialect.confidence > 0.8
    assert dialect.reasons[0] == "';' gives 3 fields in all 13 rows looked at"
    assert "no column of numbers" in dialect.reasons[1]
    odd = open_table(write(tmp_path / "b.csv", "x y, z\na b\nc, d e, f\n")).dialect
    assert odd.confidence is not None and odd.confidence < dialect.confidence


def test_detection_takes_no_time_that_anyone_would_notice(tmp_path: Path) -> None:
    rows = "".join(f'{n};"Men\'s boots, {n}"";2,{n:04};2024-01-{n % 28 + 1:02}\n' for n in range(8000))
    path = write(tmp_path / "a.csv", "id;name;price;day\n" + rows)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        open_table(path)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.25
    assert open_table(path, ReadOptions(expected=("id", "price"))).dialect.delimiter == ";"


def test_a_lone_backslash_before_a_quote_is_no_escape_where_other_quotes_have_none(tmp_path: Path) -> None:
    text = "".join(f"{n},'{word}, it won't bend'\n" for n, word in enumerate(_WORDS))
    found = read(write(tmp_path / "a.csv", f"id,name\n{text}99,'a 6\\'2 oar, long'\n"))
    assert found.table.dialect.escape is None
    assert found.values[-1] == ("99", "a 6\\'2 oar, long")


def test_colons_are_delimiters_where_they_make_many_columns(tmp_path: Path) -> None:
    text = "".join(f"{word}:x:{n}:{n}:/home/{word}:/bin/sh\n" for n, word in enumerate(_WORDS))
    table = open_table(write(tmp_path / "a.csv", text))
    assert table.dialect.delimiter == ":"
    assert len(table.columns) == 6
    moments = "".join(f"10:{n}:00\n" for n in range(10, 30))
    assert len(open_table(write(tmp_path / "b.csv", moments)).columns) == 1
