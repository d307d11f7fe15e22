"""Delimited text that was once read wrongly: comments, headers and preambles that look like something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.contract.read import Read as Told
from pipeline.intake import open_intake, take_inbox, wait_and_scan
from pipeline.settings import Settings
from pipeline_tests.files.reading import Read, read, write


def _read(folder: Path, text: str | bytes, name: str = "a.csv", **options: object) -> Read:
    return read(write(folder / name, text), **options)


# Comment lines of any number, whatever words stand in them.

_PROSE = [
    "# Every range of addresses that a registry has handed out, all of them",
    "#",
    "# It takes a while to put this together, and it takes even more to",
    '# keep it right; "quoted" words, tabs\tand it\'s signs | are no records',
    "# 1.2.3.4 = 4 + (3 * 256) + (2 * 65,536) + (1 * 16,777,216)",
    '# "16777216","16777471","apnic","1313020800","AU","AUS","Australia"',
    "# from, to, registry, and so on, are told below, and, again",
    "# key: value; another: value",
]


def _comments(number: int) -> str:
    return "".join(f"{_PROSE[line % len(_PROSE)]}\n" for line in range(number))


def _ranges(records: int, mark: str = ",") -> list[str]:
    return [
        mark.join(
            f'"{cell}"'
            for cell in (
                16777216 + 256 * n,
                16777471 + 256 * n,
                "apnic",
                1313020800 + n,
                "AU",
                "AUS",
                "Australia",
            )
        )
        for n in range(records)
    ]


_RANGE_NAMES = ("first", "last", "registry", "assigned", "country", "code", "name")


@pytest.mark.parametrize(
    ("number", "mark"),
    [(1, ","), (3, ";"), (8, "\t"), (59, ","), (60, ","), (61, ";"), (205, ","), (205, "\t"), (1500, ";")],
)
@pytest.mark.parametrize("header", [False, True])
def test_comment_lines_of_any_number_are_no_records(
    tmp_path: Path, number: int, mark: str, header: bool
) -> None:
    names = mark.join(_RANGE_NAMES) + "\n" if header else ""
    found = _read(tmp_path, _comments(number) + names + "\n".join(_ranges(400, mark)) + "\n")
    assert len(found.values) == 400
    assert found.values[0] == ("16777216", "16777471", "apnic", "1313020800", "AU", "AUS", "Australia")
    assert found.table.header == (_RANGE_NAMES if header else None)
    assert found.lines[1] == number + header + 1
    assert found.table.dialect.comment == "#"


@pytest.mark.parametrize("every", [1, 2, 7, 50])
def test_comment_lines_between_records_are_none(tmp_path: Path, every: int) -> None:
    lines = [",".join(_RANGE_NAMES)]
    for number, record in enumerate(_ranges(300)):
        lines += [_PROSE[number % len(_PROSE)]] * (2 if every == 1 else number % every == 0)
        lines.append(record)
    found = _read(tmp_path, "\n".join(lines) + "\n")
    assert found.table.columns == _RANGE_NAMES
    assert len(found.values) == 300 and not found.rejects


def test_more_comments_than_the_sample_holds_are_no_records(tmp_path: Path) -> None:
    found = _read(tmp_path, _comments(20_000) + "id,name\n1,ann\n2,ben\n")
    assert found.table.columns == ("id", "name")
    assert found.values == [("1", "ann"), ("2", "ben")]


def test_the_time_zones_of_the_world_have_columns(tmp_path: Path) -> None:
    # As zone.tab of the tz database: prose, a header that has other fields than the records, and records of three fields or four.
    above = (
        "# tz zone descriptions\n#\n# From Paul Eggert (2018-06-27):\n# This file, as all others, is public.\n"
        * 6
    )
    zones = "".join(
        f"A{n % 10}\t+{1000 + n}-{20000 + n}\tPlace/Town_{n}" + ("\tmost areas" if n % 4 == 0 else "") + "\n"
        for n in range(448)
    )
    found = _read(tmp_path, f"{above}#country-\n#code\tcoordinates\tTZ\t\t\tcomments\n{zones}", "zone.tab")
    assert len(found.table.columns) == 3
    assert found.values[0] == ("A1", "+1001-20001", "Place/Town_1")
    assert len(found.values) == 336 and len(found.rejects) == 112


@pytest.mark.parametrize(
    ("text", "names", "records"),
    [
        (
            "##fileformat=VCFv4.2\n##INFO=<ID=NS,Number=1,Type=Integer>\n#CHROM\tPOS\tREF\n20\t14370\tG\n20\t17330\tT\n",
            ("#CHROM", "POS", "REF"),
            2,
        ),
        ("#id,name\n1,ann\n2,ben\n", ("#id", "name"), 2),
        ("# made by hand, today\n#id,name\n1,ann\n2,ben\n", ("#id", "name"), 2),
        (
            "#id,name,day\n# the names, above, are right\n1,ann,2024-01-01\n2,ben,2024-01-02\n",
            ("#id", "name", "day"),
            2,
        ),
        ("# time,temp,wind\n1,20.5,3\n2,21.5,4\n3,22.5,5\n", ("# time", "temp", "wind"), 3),
        ("#,name,price\n1,ann,2.5\n2,ben,3.5\n", ("#", "name", "price"), 2),
        ("# of items sold,price\n1,2.5\n2,3.5\n", ("# of items sold", "price"), 2),
        ("# c\n#place,2023,2024\nann,5,9\nben,7,3\n", ("#place", "2023", "2024"), 2),
        ("#id,,name\n1,,ann\n2,,ben\n", ("#id", "column_2", "name"), 2),
        ("# a, b\nid,name\n1,ann\n2,ben\n", ("id", "name"), 2),
        ("##x=1\n" * 300 + "#CHROM\tPOS\tREF\n20\t14370\tG\n", ("#CHROM", "POS", "REF"), 1),
    ],
)
def test_a_header_with_a_hash_is_not_lost(
    tmp_path: Path, text: str, names: tuple[str, ...], records: int
) -> None:
    found = _read(tmp_path, text)
    assert found.table.columns == names
    assert len(found.values) == records and not found.rejects


@pytest.mark.parametrize(
    ("text", "names", "records"),
    [
        ("tag,count\n" + "".join(f"#tag{n},{n}\n" for n in range(30)), ("tag", "count"), 30),
        ("#love,12\n#cat,9\n#dog,7\n#sun,3\n", ("column_1", "column_2"), 4),
        ("colour,name\nred,a\n#ff0000,b\n#00ff00,c\nblue,d\n", ("colour", "name"), 4),
        ("metric,value\nusers,5\n# of items,7\nvisits,9\n", ("metric", "value"), 3),
        ("id,colour,size\n#1,red,5\n2,blue,6\n#3,green,7\n4,grey,8\n", ("id", "colour", "size"), 4),
        ("Tags of November\n" + "".join(f"#tag{n},{n}\n" for n in range(30)), ("column_1", "column_2"), 30),
    ],
)
def test_records_that_begin_with_a_hash_are_records(
    tmp_path: Path, text: str, names: tuple[str, ...], records: int
) -> None:
    found = _read(tmp_path, text)
    assert found.table.columns == names
    assert len(found.values) == records and not found.rejects


def test_a_list_below_comments_is_one_column(tmp_path: Path) -> None:
    found = _read(tmp_path, "# Hosts that are blocked\n# of today\nhost\nexample.com\nexample.org\n")
    assert found.table.columns == ("host",)
    assert found.values == [("example.com",), ("example.org",)]


# A record is never preamble because it is broken.

_FULL = [f"{n},name{n},city{n},{3 * n}" for n in range(3, 30)]


@pytest.mark.parametrize(
    "broken",
    [
        ["1,ann,rome", "2,ben,oslo,5"],
        ["1,ann,rome,5,6", "2,ben,oslo,5"],
        ["1,ann,rome", "2,ben,oslo"],
        ["1,ann", "2,ben,oslo,5,,x"],
        ["1,ann,rome"],
        ["ann,rome,5"],
        ["1"],
        ["1,ann,,", "2,,,"],
        ["1,ann,rome", ""],
        ["1,ann,rome", ",,,", "2,ben"],
    ],
)
@pytest.mark.parametrize("header", [None, 0])
def test_a_broken_first_record_without_header_is_no_preamble(
    tmp_path: Path, broken: list[str], header: int | None
) -> None:
    text = "\n".join([*broken, *_FULL]) + "\n"
    found = _read(tmp_path, text, read=Told(header=header), positions=("id", "name", "city", "n"))
    held = [line for line in broken if line.strip(",")]
    assert found.table.columns == ("id", "name", "city", "n")
    assert len(found.rows) + len(found.rejects) == len(held) + len(_FULL)
    short = {number for number, line in enumerate(held, 1) if line.count(",") != 3}
    assert set(found.rejects) == short


@pytest.mark.parametrize(
    "above",
    [
        "Report of cities\n",
        "Report of cities, all of them\n",
        "Station,Berlin\nLat,52.5\n\n",
        "\n,,,\n",
        "PLACES,,,\n",
        "Cities,2024,,,,\n\n",
    ],
)
def test_what_is_clearly_no_record_above_records_without_header_is_none(tmp_path: Path, above: str) -> None:
    found = _read(tmp_path, above + "\n".join(_FULL) + "\n")
    assert found.table.header is None
    assert len(found.values) == len(_FULL) and not found.rejects


def test_lines_whose_ends_are_escaped_without_quotes_are_told(tmp_path: Path) -> None:
    # What MySQL writes INTO OUTFILE: a backslash before tabs and line ends in values, and no quotes round them.
    text = "0\t\\\\\t0\n1\t\\\t\t1\n2\t\\\n\t2\n3\ta\\\\a\t3\n4\tb\\\tb\t4\n5\tc\\\nc\t5\n6\t\\\\d\t6\n7\t\\\te\t7\n8\t\\\nf\t8\n"
    found = _read(tmp_path, text, "a.tsv")
    assert found.lines[1] == 1
    assert len(found.rows) + len(found.rejects) == text.count("\n")


@pytest.mark.parametrize(
    ("text", "columns", "records"),
    [
        # A broken record that blanks would split into as many fields as the others have.
        (
            "Dublin;a@x.org;Cat Kim Bern Ivy;abd;0;zz\nVienna;g@x.org;Oto;qrs;1\nRome;h@x.org;Eve;qrs;1\nOslo;i@x.org;Tom;qrs;2\n",
            5,
            4,
        ),
        # A column without name and values.
        ("country,,x\nSK,,234.55\nFR,,32.31\nPL,,406.10\n", 3, 3),
        ("# c\ncountry,,x\nSK,,234.55\n# d\nFR,,32.31\n", 3, 2),
    ],
)
def test_what_a_reading_with_another_delimiter_makes_of_it_counts_for_nothing(
    tmp_path: Path, text: str, columns: int, records: int
) -> None:
    found = _read(tmp_path, text)
    assert len(found.table.columns) == columns
    assert len(found.rows) + len(found.rejects) == records


def test_a_broken_record_below_a_header_is_a_reject(tmp_path: Path) -> None:
    found = _read(tmp_path, "id,name,city,n\n1,ann,rome\n" + "\n".join(_FULL) + "\n")
    assert found.table.header == ("id", "name", "city", "n")
    assert {row: reject.check for row, reject in found.rejects.items()} == {1: "too_few_fields"}


def test_a_title_of_as_many_words_as_there_are_columns_is_no_header(tmp_path: Path) -> None:
    found = _read(tmp_path, "Report of sales\nMar-19;A952;SKU-43-Y\nJul-18;C891;SKU-37-X\n")
    assert found.table.header is None
    assert len(found.values) == 2


def test_what_the_dataset_calls_a_header_is_one_below_a_note(tmp_path: Path) -> None:
    found = _read(tmp_path, "1,report\n1,2,3,4\n" + "\n".join(_FULL) + "\n", read=Told(header=1))
    assert found.table.header == ("1", "2", "3", "4")
    assert len(found.values) == len(_FULL)


# Keys with their values above a wider table, be there ever so few records.

_PAIRS = "Vendor Name;Test\nStart Date;06/02/2024\nEnd Date;06/29/2024\n"
_SALES = [
    "Transaction Date;Settlement;Amount",
    "06/19/2024;06/22/2024;14",
    "06/14/2024;06/15/2024;15",
    "06/15/2024;06/15/2024;7",
]


def test_pairs_of_a_report_above_records_with_a_delimiter_at_their_end(tmp_path: Path) -> None:
    text = (Path(__file__).parent / "c7h-preamble-of-pairs" / "dk13083.csv").read_bytes()
    found = _read(tmp_path, text)
    assert found.table.dialect.header_line == 4
    assert found.table.header is not None and found.table.header[:3] == (
        "Transaction Date",
        "Settlement",
        "Date",
    )
    assert [row[:3] for row in found.values] == [
        ("06/19/2024", "06/22/2024", "1435055555"),
        ("06/14/2024", "06/14/2024", "1435055555"),
    ]


@pytest.mark.parametrize("records", [1, 2, 3])
@pytest.mark.parametrize(("pairs", "mark"), [(1, ";"), (2, ","), (3, ";"), (9, "\t")])
@pytest.mark.parametrize("gap", ["", "\n"])
def test_pairs_above_a_wider_table_are_no_records(
    tmp_path: Path, records: int, pairs: int, gap: str, mark: str
) -> None:
    above = (_PAIRS * 3).splitlines()[:pairs]
    text = "\n".join([*above, *([""] if gap else []), *_SALES[: records + 1]]) + "\n"
    found = _read(tmp_path, text.replace(";", mark))
    assert found.table.columns == ("Transaction Date", "Settlement", "Amount")
    assert len(found.values) == records and not found.rejects
    assert found.table.dialect.header_line == pairs + len(gap) + 1


@pytest.mark.parametrize("below", ["Total;3\n", "Total_Rows;3\nTotal_Amount;36\n", "\nTotal_Rows;3\n"])
def test_pairs_below_a_table_below_pairs_change_nothing(tmp_path: Path, below: str) -> None:
    found = _read(tmp_path, _PAIRS + "\n".join(_SALES) + "\n" + below)
    assert found.table.columns == ("Transaction Date", "Settlement", "Amount")
    assert len(found.values) == 3


def test_pairs_above_a_very_wide_table_of_two_records(tmp_path: Path) -> None:
    names = "\t".join(f"Column of {letter}" for letter in "abcdefghijklmnopqrs")
    rows = "\n".join("\t".join(f"{row * 19 + cell}.5" for cell in range(19)) for row in range(2))
    found = _read(tmp_path, f"Vendor\tTest\nStart\t06/02/2024\nEnd\t06/29/2024\n{names}\n{rows}\n", "a.txt")
    assert len(found.table.columns) == 19
    assert len(found.values) == 2 and not found.rejects


@pytest.mark.parametrize(
    "text",
    [
        "id,name\n1,ann\n2,ben\n3,cat\n4,dan,x\n",
        "id,name\n1,ann\n2,ben\n3,cat,x\n4,dan,y\n",
        "id,name\n1,ann\n2,ben,x\n3,cat,y\n4,dan\n5,eve\n",
        "id,name\n1,ann\n2,ben\n3,cat,y\n4,dan\n",
        "id,name\n1,ann\n2,ben\n3,cat,,\n4,dan,,\n5,eve\n",
        "id,name\n1,ann,x\n2,ben\n3,cat\n4,dan\n",
    ],
)
def test_two_columns_with_longer_records_are_no_pairs(tmp_path: Path, text: str) -> None:
    found = _read(tmp_path, text)
    assert found.table.columns == ("id", "name")
    assert len(found.rows) + len(found.rejects) == text.count("\n") - 1


# Header and records that disagree in width as a whole: one decision about the file.


def _of(folder: str, name: str) -> bytes:
    return (Path(__file__).parent / folder / name).read_bytes()


def test_records_wider_than_the_header_are_not_shifted_under_its_names(tmp_path: Path) -> None:
    found = _read(tmp_path, _of("c2h-header-too-short", "shift.csv"))
    assert found.table.columns == ("id", "name", "comment")
    assert not found.values
    assert [reject.check for reject in found.rejects.values()] == ["too_many_fields"] * 4
    assert any("most records have more fields" in note for note in found.table.dialect.notes)


@pytest.mark.parametrize("names", [2, 3, 8])
@pytest.mark.parametrize(("rows", "filled"), [(4, 2), (60, 7), (5000, 2)])
@pytest.mark.parametrize("quoted", [False, True])
def test_a_header_with_a_name_too_few_loads_nothing_under_wrong_names(
    tmp_path: Path, names: int, rows: int, filled: int, quoted: bool
) -> None:
    header = ";".join(f"name{n}" for n in range(names))
    cells = [f"v{n}" for n in range(names - 1)]
    last = '"a;b"' if quoted else "b"
    lines = [";".join([str(1000 + row), *cells, last if row % filled == 1 else ""]) for row in range(rows)]
    found = _read(tmp_path, "\n".join([header, *lines]) + "\n", chunk_rows=2000)
    assert not found.values
    assert len(found.rejects) == rows


def test_records_wider_than_the_header_are_not_split_by_another_delimiter(tmp_path: Path) -> None:
    rows = "".join(f"{n};2024-01-0{n};x|y|z|w;{n + 5};b\n" for n in range(1, 9))
    found = _read(tmp_path, f"id;day;tags;n\n{rows}")
    assert not found.values
    assert len(found.rejects) == 8


@pytest.mark.parametrize(
    ("text", "records", "rejects"),
    [
        # A delimiter at the end of each record.
        ("id;name\n1;ann;\n2;ben;\n3;cat;\n", 3, 0),
        # In some records only.
        ("id;name\n1;ann;\n2;ben\n3;cat\n4;dan;\n5;eve\n", 5, 0),
        # A field too many in some records.
        ("id;name\n1;ann;\n2;ben;x\n3;cat\n4;dan\n5;eve\n6;fay\n", 5, 1),
        # Numbers of rows.
        ("x;y\n1;3.5;4\n2;5.5;6\n3;7.5;8\n", 3, 0),
    ],
)
def test_surplus_fields_that_are_empty_are_left_out_where_header_and_records_agree(
    tmp_path: Path, text: str, records: int, rejects: int
) -> None:
    found = _read(tmp_path, text)
    assert (len(found.values), len(found.rejects)) == (records, rejects)


# Names that look like values: years, months, days, codes.

_STATES = [
    "Alabama",
    "Alaska",
    "Arizona",
    "Arkansas",
    "California",
    "Colorado",
    "Delaware",
    "Florida",
    "Georgia",
    "Hawaii",
]


def _over(names: list[str], mark: str, decimals: bool, rows: int = 10) -> str:
    """A table of states with figures below `names`."""
    lines = [mark.join(names)]
    for row, state in enumerate(_STATES[:rows]):
        figures = (
            f"{7 * row - 20.5 + cell:.4f}" if decimals else str(37 * row + cell)
            for cell in range(len(names) - 1)
        )
        lines.append(mark.join([state, *figures]))
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("name", ["y1.csv", "my2.csv"])
def test_years_and_months_over_figures_are_names(tmp_path: Path, name: str) -> None:
    text = _of("c4h-header-of-years", name).decode()
    found = _read(tmp_path, text)
    assert found.table.header == tuple(text.splitlines()[0].split(","))
    assert len(found.values) == text.count("\n") - 1


@pytest.mark.parametrize(
    "names",
    [
        ["state", "2021"],
        ["State", "1999"],
        ["state", "FY2021", "2022"],
        ["state", "2010", "2015", "2020"],
        ["state", "2022", "2021", "2020"],
        ["state", "202101", "202102", "202111"],
        ["Category", "Jan-20", "Feb-20"],
        ["month", "Sep 14", "Dec 14", "Mar 15"],
        ["Category", "Jan 2020"],
        ["State", "1/22/20", "1/23/20"],
        ["name", "2020-01-31", "2020-02-29"],
        ["name", "2020/21", "2021/22"],
        ["name", "Q1 2021", "Q2 2021"],
        ["name", "A10", "B20"],
    ],
)
@pytest.mark.parametrize("decimals", [False, True])
@pytest.mark.parametrize("rows", [2, 10])
def test_a_header_of_years_months_or_codes_is_one(
    tmp_path: Path, names: list[str], decimals: bool, rows: int
) -> None:
    found = _read(tmp_path, _over(names, ";", decimals, rows))
    assert found.table.header == tuple(names)
    assert len(found.values) == rows


def test_codes_over_other_codes_are_names(tmp_path: Path) -> None:
    rows = "".join(f"AT{n}10{n};AT{n}1;{1700 + 111 * n}\n" for n in range(1, 9))
    assert _read(tmp_path, f"lau2;lau1;2021\n{rows}").table.header == ("lau2", "lau1", "2021")


@pytest.mark.parametrize(
    "lines",
    [
        ["Ann,1950,2010", "Bob,1960,2001", "Cat,1970,2011", "Dan,1948,1999"],
        ["Alabama,2021", "Alaska,2022", "Arizona,2019", "Arkansas,2023"],
        ["Alabama,1999", "Alaska,150", "Arizona,2450", "Arkansas,3120"],
        ["Jan-20,5.5", "Feb-20,6.5", "Mar-20,7.5"],
        ["2024-01-01,5.5", "2024-01-02,6.5", "2024-01-03,7.5"],
        ["2019,5.5", "2020,6.5", "2021,7.5"],
        [
            "AD,+4230+00131,Europe/Andorra",
            "AE,+2518+05518,Asia/Dubai",
            "AF,+3431+06912,Asia/Kabul",
            "AG,+1703-06148,America/Antigua",
        ],
        ["A1,x", "B2,y", "C3,x", "D4,y"],
        ["1,2,3", "4,5,6", "7,8,9"],
    ],
)
def test_records_of_years_months_or_codes_are_no_names(tmp_path: Path, lines: list[str]) -> None:
    found = _read(tmp_path, "\n".join(lines) + "\n")
    assert found.table.header is None
    assert len(found.values) == len(lines)


# Words over columns of numbers: a record in which something is not known, or more names.

_BIRTHS = "1900,120,110\n1901,130,112\n1902,140,115\n1903,150,117\n"


@pytest.mark.parametrize(
    "record",
    [
        "pre-1900,unknown,unknown",
        "before,few,many",
        "before,few,low",
        "pre-1900,n/a,unknown",
        "earlier,missing,missing",
        "x,not known,no data",
        "old,Unbekannt,Unbekannt",
        "a,b,c",
    ],
)
def test_a_first_record_of_words_over_numbers_is_a_record(tmp_path: Path, record: str) -> None:
    found = _read(tmp_path, f"year,births,deaths\n{record}\n{_BIRTHS}")
    assert found.table.header == ("year", "births", "deaths")
    assert found.table.dialect.header_rows == 1
    assert len(found.values) == 5


def test_words_over_the_numbers_of_a_real_file_are_a_record(tmp_path: Path) -> None:
    found = _read(tmp_path, _of("c6h-words-over-numbers", "h10.csv"))
    assert found.table.columns == ("year", "births", "deaths")
    assert found.values[0] == ("pre-1900", "unknown", "unknown")
    assert len(found.values) == 5


@pytest.mark.parametrize(
    ("text", "columns", "records"),
    [
        ('x,y,"test\n123"\na,b,c\n1,2,3\n', ("x", "y", "test\n123"), 2),
        (",births,deaths\npre-1900,unknown,unknown\n" + _BIRTHS, ("column_1", "births", "deaths"), 5),
        ("pre-1900,unknown,unknown\n" + _BIRTHS, ("column_1", "column_2", "column_3"), 5),
        ("Age,Male,Female,Unknown\n1,2,3,4\n2,3,4,5\n3,4,5,6\n", ("Age", "Male", "Female", "Unknown"), 3),
    ],
)
def test_words_for_what_is_not_known_are_no_names(
    tmp_path: Path, text: str, columns: tuple[str, ...], records: int
) -> None:
    found = _read(tmp_path, text)
    assert found.table.columns == columns
    assert len(found.values) == records


@pytest.mark.parametrize(
    "more",
    [
        "s,degC,m/s",
        "[s],[°C],[m/s]",
        "int,float,double",
        "year,number of births,number of deaths",
        ",Anzahl,Anzahl",
        "year,births,deaths",
        "-,%,%",
        "4d,10n,10n",
    ],
)
def test_a_second_row_of_names_is_joined(tmp_path: Path, more: str) -> None:
    found = _read(tmp_path, f"year,births,deaths\n{more}\n{_BIRTHS}")
    assert found.table.dialect.header_rows == 2
    assert len(found.values) == 4


@pytest.mark.parametrize("above", [",2010,,2011,", "left,left,left,right,right", "place,2010,,2011,"])
def test_names_below_merged_cells_are_joined(tmp_path: Path, above: str) -> None:
    found = _read(tmp_path, f"{above}\nregion,m,f,m,f\nnorth,1,2,3,4\nsouth,5,6,7,8\nwest,7,8,9,9\n")
    assert found.table.dialect.header_rows == 2
    assert len(found.values) == 3


# Encodings that differ in few letters.


def _places(names: str, codec: str) -> bytes:
    return ("id,city\n" + "".join(f"{n},{name}\n" for n, name in enumerate(names.split("|")))).encode(codec)


def test_names_of_all_the_world_are_western(tmp_path: Path) -> None:
    found = _read(tmp_path, _of("e1-cp1252-or-cp1250", "enc4.csv"))
    assert found.table.dialect.encoding == "cp1252"
    assert [row[1] for row in found.values] == [
        "Genève",
        "Liège",
        "Isère",
        "Lozère",
        "Dvur",
        "Šibenik",
        "Žabljak",
    ]


@pytest.mark.parametrize(
    "names",
    [
        "São Paulo|Maranhão|Genève|Ibáñez|Šibenik|Žabljak",
        "København|Rødovre|Ålborg|Žižka|Škoda",
        "Málaga|León|Logroño|Córdoba",
        "Logroño|Coruña|Ibáñez|Šibenik|Žabljak|Škoda",
        "Finistère|Nièvre|Žabljak|Šibenik|Žižka|Škoda",
        "Tromsø|München|Örebro|Žižka|Žabljak",
        "Conceição|João|Covilhã|Šibenik",
        "Corrèze|Drôme|Évreux|Škoda|Žižka",
        "Læsø|Ærø|Skærbæk|Žabljak|Šibenik",
    ],
)
def test_a_few_slavic_names_make_no_slavic_text(tmp_path: Path, names: str) -> None:
    found = _read(tmp_path, _places(names, "cp1252"))
    assert "|".join(str(row[1]) for row in found.values) == names


@pytest.mark.parametrize(
    ("names", "codec"),
    [
        *(
            (names, codec)
            for codec in ("cp1250", "iso8859-2")
            for names in (
                "Čakovec|Šibenik|Žabljak|Čačak",
                "Čakovec|Đakovo|Požega|Varaždin|Šid",
                "Trenčín|Košice|Banská|Nová",
                "Liptovský|Nová|Čadca|Žilina",
                "Plzeň|Šumperk|Žďár|Kroměříž",
                "Łódź|Kraków|Gdańsk|Świnoujście",
                "Kraków|Rzeszów|Tarnów|Poznań|Toruń",
                "Győr|Székesfehérvár|Pécs|Hódmezővásárhely",
                "Črnomelj|Škofja Loka|Žalec|Krško",
                "Brăila|Bacău|Iaşi|Galaţi|Târgu",
            )
        ),
        *(
            (names, "cp1257")
            for names in ("Šiauliai|Panevėžys|Klaipėda|Kėdainiai", "Rīga|Liepāja|Jūrmala|Rēzekne")
        ),
        ("İstanbul|Eskişehir|Muğla|Güneş", "cp1254"),
        ("München|Köln|Düsseldorf|Weißenfels", "mac-roman"),
        ("Besançon|Orléans|Alençon|Béziers", "cp850"),
        ("München|Köln|Düsseldorf|Weißenfels", "cp437"),
    ],
)
def test_other_encodings_stay_what_they_are(tmp_path: Path, names: str, codec: str) -> None:
    found = _read(tmp_path, _places(names, codec))
    assert "|".join(str(row[1]) for row in found.values) == names


# A header and nothing else.

_PEOPLE = """
import pandera.polars as pa
from pipeline.contract import Dataset


class Person(pa.DataFrameModel):
    id: int
    name: str


people = Dataset("people", schema=Person, key=["id"])
"""


def _statuses(settings: Settings, files: dict[str, str]) -> list[tuple[object, ...]]:
    intake = open_intake(settings)
    intake.make_folders()
    for name, text in files.items():
        write(settings.inbox / "people" / name, text)
    outcomes = list(take_inbox(intake, wait_and_scan(intake, ["people"]).waiting))
    assert len(outcomes) == len(files)
    return intake.warehouse.query(
        "SELECT delivery, status, rows_read, (SELECT count(*) FROM clean.people)::INT FROM ops.deliveries ORDER BY committed_at"
    ).rows()


def test_a_header_alone_is_loaded_and_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    write(tmp_path / "people.py", _PEOPLE)
    settings = Settings(home=tmp_path / "home", settle_seconds=0, datasets=str(tmp_path / "people.py"))
    assert _statuses(settings, {"day.csv": "id,name\n1,ann\n2,ben\n"}) == [("day.csv", "loaded", 2, 2)]
    assert _statuses(settings, {"day.csv": "id,name\n", "other.csv": "who,what\n"}) == [
        ("day.csv", "replaced", 2, 0),
        ("day.csv", "loaded", 0, 0),
        ("other.csv", "quarantined", 0, 0),
    ]
