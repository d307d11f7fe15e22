"""Delimited text: where the table begins and ends in its file, and what its columns are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.contract.read import Read
from pipeline.files import ReadOptions, UnreadableFile, open_table
from pipeline_tests.files.reading import read, write

_TABLE = "id,name,amount,day\n1,a,5.5,2024-01-01\n2,b,6.5,2024-01-02\n3,c,7.5,2024-01-02\n"
_VALUES = [("1", "a", "5.5", "2024-01-01"), ("2", "b", "6.5", "2024-01-02"), ("3", "c", "7.5", "2024-01-02")]
_NAMES = ("id", "name", "amount", "day")


@pytest.mark.parametrize(
    "above",
    [
        "Report of sales\n\n",
        "Report of sales, all of them\nCreated: 2024-01-01\n\n",
        "Station,Berlin\nLat,52.5\n\n",
        "PREAMBLE,,,\n,,,\n",
        ",,,\n,,,\n",
        "Station,Berlin,,\n,,,\n",
        "sep=,\n",
        "# made by hand\n# second, line\n",
        '"Sales, by day"\n"C=1; O=2"\n',
    ],
)
def test_what_stands_above_the_table_is_no_record(tmp_path: Path, above: str) -> None:
    found = read(write(tmp_path / "a.csv", above + _TABLE))
    assert found.table.columns == _NAMES
    assert found.values == _VALUES
    assert found.table.dialect.header_line == above.count("\n") + 1
    assert found.lines[1] == above.count("\n") + 2


@pytest.mark.parametrize(
    ("below", "text"),
    [
        (",,,\n,,,\n", "blank"),
        ("Total,,19.5,\n", "Total"),
        ("Total,,19.5,\n\nSource: the office of figures\n", "Source"),
        ("FOOTNOTE\nFOOTNOTE\n", "FOOTNOTE"),
        ("All of these were made by hand in spring,,,\n", "made by hand"),
    ],
)
def test_what_stands_below_the_table_is_no_record(tmp_path: Path, below: str, text: str) -> None:
    found = read(write(tmp_path / "a.csv", _TABLE + below))
    assert found.values == _VALUES
    assert any(text in note for note in found.table.dialect.notes)


@pytest.mark.parametrize("below", ["4,d,8.5\n", "4\n", "5,e\n", "Totally,x,1.0,2024-01-03\n"])
def test_a_doubtful_last_row_stays_a_record(tmp_path: Path, below: str) -> None:
    found = read(write(tmp_path / "a.csv", _TABLE + below))
    assert len(found.rows) + len(found.rejects) == 4


def test_the_footer_of_a_large_file_is_found_at_its_end(tmp_path: Path) -> None:
    rows = "".join(f"{n},name {n},{n}.5,2024-01-02\n" for n in range(20_000))
    found = read(write(tmp_path / "a.csv", f"id,name,amount,day\n{rows},,,\nTotal,,99.5,\n"), chunk_rows=7000)
    assert len(found.rows) == 20_000
    assert not found.rejects


def test_records_of_delimiters_alone_are_none(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.csv", _TABLE.replace("2,b", ",,,\n2,b") + ",,,\n"))
    assert found.values == _VALUES
    assert found.lines == {1: 2, 2: 4, 3: 5}


def test_comment_lines_amid_the_records_are_passed_over(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.csv", "# top\n" + _TABLE.replace("2,b", "# amid them\n2,b")))
    assert found.values == _VALUES
    assert found.table.dialect.comment == "#"
    assert found.lines == {1: 3, 2: 5, 3: 6}


def test_a_header_may_begin_with_a_hash(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.csv", "##made=x\n#chrom\tpos\tref\nc1\t100\tA\nc1\t200\tC\n"))
    assert found.table.columns == ("#chrom", "pos", "ref")
    assert len(found.values) == 2


def test_names_in_two_rows_are_joined_and_merged_cells_carried(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.csv", ",2010,,2011,\nregion,m,f,m,f\nnorth,1,2,3,4\nsouth,5,6,7,8\n"))
    assert found.table.header == ("region", "2010 m", "2010 f", "2011 m", "2011 f")
    assert found.table.dialect.header_rows == 2
    assert len(found.values) == 2


@pytest.mark.parametrize("rows", [2, 3])
def test_names_that_are_repeated_are_joined(tmp_path: Path, rows: int) -> None:
    header = "id,name,amount,day\n"
    found = read(write(tmp_path / "a.csv", header * (rows - 1) + _TABLE))
    assert found.table.header == tuple(" ".join([name] * rows) for name in _NAMES)
    assert found.values == _VALUES


def test_a_row_of_units_belongs_to_the_header(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.csv", "time,temp,wind\ns,degC,m/s\n1,20.5,3\n2,21.5,4\n3,22.5,5\n"))
    assert found.table.columns == ("time s", "temp degC", "wind m/s")
    assert len(found.values) == 3


def test_known_names_make_the_header_one_row(tmp_path: Path) -> None:
    text = "Report,,,\nleft,left,right,right\n" + _TABLE
    assert read(write(tmp_path / "a.csv", text), expected=_NAMES).values == _VALUES


def test_years_are_names_beside_a_text(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.csv", "country,2001,2002,2003\nDE,1,2,3\nFR,4,5,6\n"))
    assert found.table.columns == ("country", "2001", "2002", "2003")


def test_a_file_without_header_has_numbered_columns_and_loses_no_record(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.csv", "1,Bob,2024-01-01\n2,Ann,2024-01-02\n3,Tim,2024-01-03\n"))
    assert found.table.header is None
    assert found.table.dialect.header_rows == 0
    assert found.table.columns == ("column_1", "column_2", "column_3")
    assert found.values[0] == ("1", "Bob", "2024-01-01")


def test_without_a_header_the_names_are_the_contracts_if_their_number_fits(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "1,2024-01-01\n2,2024-01-02\n")
    found = read(path, expected=("id", "day"), positions=("id", "day"))
    assert found.table.columns == ("id", "day")
    assert found.values == [("1", "2024-01-01"), ("2", "2024-01-02")]
    with pytest.raises(UnreadableFile) as caught:
        open_table(path, ReadOptions(expected=("id", "day", "note"), positions=("id", "day", "note")))
    assert caught.value.code == "no_header"
    assert "2 fields" in caught.value.cause and "3 columns" in caught.value.cause


def test_a_broken_first_record_of_a_file_without_header_is_no_preamble(tmp_path: Path) -> None:
    found = read(
        write(tmp_path / "a.csv", "2024-01-01,5,x\n2024-01-02,6,y,z\n2024-01-03,7,y,z\n2024-01-04,8,y,z\n")
    )
    assert found.table.header is None
    assert len(found.rows) + len(found.rejects) == 4


def test_the_dataset_may_say_that_there_is_no_header(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.csv", "a,b\nc,d\n"), read=Read(header=0))
    assert found.values == [("a", "b"), ("c", "d")]


def test_words_that_come_again_below_are_no_names(tmp_path: Path) -> None:
    text = "Bob,red,Berlin\nAnn,blue,Paris\nTim,red,Berlin\nEve,green,Rome\nBob,blue,Paris\n"
    assert read(write(tmp_path / "a.csv", text)).table.header is None
    assert read(write(tmp_path / "b.csv", "name,colour,city\n" + text)).table.columns == (
        "name",
        "colour",
        "city",
    )


def test_a_header_a_field_too_long_loses_the_name_that_is_empty(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.csv", _TABLE.replace("name,amount", "name,,amount")))
    assert found.table.columns == _NAMES
    assert found.values == _VALUES


def test_row_numbers_need_no_name(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.csv", "x,y\n1,3.5,4\n2,5.5,6\n3,7.5,8\n"))
    assert found.table.columns == ("column_1", "x", "y")
    assert found.values[0] == ("1", "3.5", "4")


@pytest.mark.parametrize("line", ['"id,name,amount,day', "id name amount day", "id;name;amount;day"])
def test_a_header_in_other_marks_is_read(tmp_path: Path, line: str) -> None:
    found = read(write(tmp_path / "a.csv", line + _TABLE[_TABLE.index("\n") :]))
    assert [name.strip('"') for name in found.table.columns] == list(_NAMES)
    assert found.values == _VALUES


_SECOND = "id,name,amount,day,note\n8,x,1.5,2024-02-01,n\n9,y,2.5,2024-02-02,m\n"


@pytest.mark.parametrize("between", ["", "\n"])
def test_a_second_table_of_another_width_is_left_out_and_named(tmp_path: Path, between: str) -> None:
    found = read(write(tmp_path / "a.csv", _TABLE + between + _SECOND))
    assert found.values == _VALUES
    notes = " ".join(found.table.dialect.notes)
    assert "left out" in notes and f"line {5 + len(between)}" in notes


def test_the_table_that_the_contract_knows_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", _TABLE + "\nplace,people,area\nHill,10,5.5\nDale,20,6.5\nLake,30,7.5\n")
    found = read(path, expected=("place", "people", "area"))
    assert found.table.columns == ("place", "people", "area")
    assert found.values[0] == ("Hill", "10", "5.5")
    assert len(found.values) == 3
    assert read(path, expected=_NAMES).values == _VALUES


def test_the_dataset_may_say_how_many_rows_hold_names(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.csv", "Report\nx,y\na,b\nc,d\n"), read=Read(header=2, skip=1))
    assert found.table.columns == ("x a", "y b")
    assert found.values == [("c", "d")]


def test_the_dataset_may_say_which_table(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", _TABLE + _SECOND)
    assert len(read(path, read=Read(table=2)).table.columns) == 5
    assert read(path, read=Read(table=1)).values == _VALUES


def test_a_header_that_comes_again_is_no_record(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.csv", _TABLE + _TABLE))
    assert found.values == _VALUES * 2
    assert any("comes again" in note for note in found.table.dialect.notes)


@pytest.mark.parametrize(("content", "code"), [("", "empty"), ("\n \n", "empty")])
def test_nothing_to_read_is_said(tmp_path: Path, content: str, code: str) -> None:
    with pytest.raises(UnreadableFile) as caught:
        open_table(write(tmp_path / "a.csv", content))
    assert caught.value.code == code


@pytest.mark.parametrize("above", ["", "Report of sales\n\n", "# made by hand\n", "sep=,\n"])
def test_a_row_of_names_alone_is_a_header(tmp_path: Path, above: str) -> None:
    found = read(write(tmp_path / "a.csv", above + "place,2023,2024\n"))
    assert found.table.columns == ("place", "2023", "2024")
    assert not found.values and not found.rejects


def test_one_row_of_values_is_a_record(tmp_path: Path) -> None:
    assert read(write(tmp_path / "a.csv", "1,2024-01-01\n")).values == [("1", "2024-01-01")]


def test_group_names_above_names_that_the_contract_knows_are_left_out(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv",
        "Person,,Order,\nname,city,amount,day\nAnn,Rome,3,2024-01-05\nBob,Oslo,4,2024-01-06\n",
    )
    assert read(path, expected=("name", "city", "amount", "day")).table.columns == (
        "name",
        "city",
        "amount",
        "day",
    )
    assert read(path, expected=("person name", "person city", "order amount", "order day")).table.columns == (
        "Person name",
        "Person city",
        "Order amount",
        "Order day",
    )
