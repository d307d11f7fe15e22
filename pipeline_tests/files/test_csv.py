"""CSV: dialects, record numbers, rejects."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
import zstandard

from pipeline.files import ReadOptions, UnreadableFile, open_table
from pipeline_tests.files.reading import read, write


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    text = "\n".join(delimiter.join(row) for row in (["id", "name"], ["1", "a"], ["2", "b"]))
    found = read(write(tmp_path / "a.csv", text))
    assert found.table.dialect.delimiter == delimiter
    assert found.values == [("1", "a"), ("2", "b")]


def test_commas_inside_numbers_do_not_hide_the_semicolon(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.csv", "id;price\n1;2,5\n2;3,5\n"))
    assert found.values == [("1", "2,5"), ("2", "3,5")]


def test_known_names_break_a_tie(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.csv", "Order ID,b;c\n1,2;3\n"), expected=("order_id",))
    assert found.table.columns == ("Order ID", "b;c")


def test_single_quotes_round_every_text_are_quotes(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.csv", "id,name\n1,'a, b'\n2,'c'\n"))
    assert found.table.dialect.quote == "'"
    assert found.values == [("1", "a, b"), ("2", "c")]


def test_a_quote_inside_an_unquoted_field_is_an_ordinary_character(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.csv", 'id,size\n1,5" disk\n2,"a ""b"" c"\n3,x\n'))
    assert found.values == [("1", '5" disk'), ("2", 'a "b" c'), ("3", "x")]
    assert not found.rejects


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_every_kind_of_line_end_is_read(tmp_path: Path, end: str, last: bool) -> None:
    text = end.join(["id,name", "1,a", '2,"b"', "3,c"]) + (end if last else "")
    found = read(write(tmp_path / "a.csv", text), chunk_rows=1)
    assert found.values == [("1", "a"), ("2", "b"), ("3", "c")]
    assert found.lines == {1: 2, 2: 3, 3: 4}


def test_an_empty_field_is_null_quoted_or_not(tmp_path: Path) -> None:
    assert read(write(tmp_path / "a.csv", 'a,b,c\n,"",x\n')).values == [(None, None, "x")]


def test_blank_lines_are_no_records_but_count_as_lines(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.csv", "\n\nid,name\n\n1,a\r\n\r\n\n2,b\n\n"))
    assert found.values == [("1", "a"), ("2", "b")]
    assert found.lines == {1: 5, 2: 8}
    assert found.table.dialect.header_line == 3


def test_blank_lines_are_no_records_in_a_file_of_one_column(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.csv", 'id\n1\n\n""\n2\n'))
    assert found.values == [("1",), (None,), ("2",)]
    assert found.lines == {1: 2, 2: 4, 3: 5}


@pytest.mark.parametrize("rows", [1, 2, 1000])
def test_records_of_the_wrong_width_are_rejected_with_row_line_and_text(tmp_path: Path, rows: int) -> None:
    found = read(write(tmp_path / "a.csv", 'a,b\n1,"x\ny"\n2\n3,z,"q,r"\n4,w\n'), chunk_rows=rows)
    assert found.values == [("1", "x\ny"), ("4", "w")]
    few, many = found.rejects[2], found.rejects[3]
    assert (few.check, few.line, few.raw, few.fields) == ("too_few_fields", 4, "2", ("2",))
    assert (many.check, many.line, many.raw) == ("too_many_fields", 5, '3,z,"q,r"')
    assert many.fields == ("3", "z", "q,r")
    assert "3 fields" in many.message


def test_the_raw_text_of_a_reject_is_bounded(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.csv", "a,b\n" + "x" * 20_000 + "\n1,2\n"))
    assert len(found.rejects[1].raw) == 10_000


@pytest.mark.parametrize("rows", [1, 1000])
def test_a_quote_that_never_closes_costs_its_own_line_only(tmp_path: Path, rows: int) -> None:
    found = read(write(tmp_path / "a.csv", 'a,b\n1,x\n2,"open\n3,y\n4,z\n'), chunk_rows=rows)
    assert found.values == [("1", "x"), ("2", '"open'), ("3", "y"), ("4", "z")]
    assert not found.rejects


def test_a_quote_closed_by_the_next_quoted_field_swallows_no_line(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.csv", 'a,b\n1,"open\n2,"x"\n3,"y"\n'))
    assert found.values == [("1", '"open'), ("2", "x"), ("3", "y")]


def test_header_cells_become_usable_names(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.csv", "\ufeff id ,name,,name,_row\n1,a,b,c,d\n"))
    assert found.table.columns == ("id", "name", "column_3", "name_2", "_row_2")


def test_trailing_delimiters_of_every_record_are_columns_without_names(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.csv", "a;b\n1;2;;\n3;4;;\n"))
    assert found.values == [("1", "2", None, None), ("3", "4", None, None)]
    assert found.table.dialect.notes


def test_surplus_values_are_rejected_as_nobody_knows_whose_they_are(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.csv", "a;b\n1;2;3\n4;5;6\n"))
    assert [reject.check for reject in found.rejects.values()] == ["too_many_fields"] * 2


@pytest.mark.parametrize(("content", "code"), [("", "empty"), ("\n\n", "empty")])
def test_a_file_without_records_is_unreadable(tmp_path: Path, content: str, code: str) -> None:
    with pytest.raises(UnreadableFile) as caught:
        open_table(write(tmp_path / "a.csv", content))
    assert caught.value.code == code
    assert caught.value.remedy


@pytest.mark.parametrize("below", ["", "\n\n", "\n" * 300_000])
def test_a_header_and_nothing_else_is_a_table_of_no_records(tmp_path: Path, below: str) -> None:
    table = open_table(write(tmp_path / "a.csv", "a,b\n" + below))
    assert table.columns == table.header == ("a", "b")
    assert not list(table.pieces())


def test_a_first_line_of_data_is_no_header_where_names_are_known(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "1,2024-01-01\n2,2024-01-02\n")
    with pytest.raises(UnreadableFile) as caught:
        open_table(path, ReadOptions(expected=("id", "day")))
    assert caught.value.code == "no_header"
    assert open_table(path).columns == ("column_1", "column_2")


@pytest.mark.parametrize("rows", [3, 100, 100_000])
def test_quoted_line_breaks_cross_the_borders_of_blocks(tmp_path: Path, rows: int) -> None:
    records = [(str(i), f'line\n{"x" * (i % 37)}, "{i}"\r\n' * (i % 5)) for i in range(1, 500)]
    quoted = ['"{}"'.format(text.replace('"', '""')) for _, text in records]
    text = "id,text\n" + "".join(f"{key},{value}\n" for (key, _), value in zip(records, quoted, strict=True))
    found = read(write(tmp_path / "a.csv", text), chunk_rows=rows)
    assert found.values == [(key, text or None) for key, text in records]
    assert found.lines[2] == 2 + 1 + records[0][1].count("\n")


@pytest.mark.parametrize("rows", [2, 1000])
def test_compressed_files_of_several_members_are_read(tmp_path: Path, rows: int) -> None:
    head, tail = b"id,name\n1,a\n2,b", b"b\n3,c\n"
    expected = [("1", "a"), ("2", "bb"), ("3", "c")]
    gz = write(tmp_path / "a.csv.gz", gzip.compress(head) + gzip.compress(tail))
    zst = write(tmp_path / "a.csv.zst", zstandard.compress(head) + zstandard.compress(tail))
    assert read(gz, chunk_rows=rows).values == expected
    assert read(zst, chunk_rows=rows).values == expected
    assert open_table(gz).dialect.compression == "gz"


@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv.zst"])
@pytest.mark.parametrize("rows", [20, 200_000])
def test_a_compressed_file_that_is_cut_off_is_damaged(tmp_path: Path, name: str, rows: int) -> None:
    text = ("id,name\n" + "".join(f"{i},{i * 7919 % 1000003}\n" for i in range(rows))).encode()
    whole = gzip.compress(text) if name.endswith("gz") else zstandard.compress(text)
    with pytest.raises(UnreadableFile) as caught:
        list(open_table(write(tmp_path / name, whole[: len(whole) * 2 // 3])).chunks())
    assert caught.value.code == "damaged"


def test_a_second_pass_gives_the_same(tmp_path: Path) -> None:
    table = open_table(write(tmp_path / "a.csv", "a,b\n1,2\n3\n"))
    assert [chunk.rows() for chunk in table.chunks()] == [[("1", "2", 1)]]
    assert [reject.row for reject in table.rejects()] == [2]
    assert [piece.records for piece in table.pieces()] == [2]
