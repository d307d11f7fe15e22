"""Delimited text that was once read wrongly: comments, headers and preambles that look like something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.contract.read import Read as Told
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


@pytest.mark.parametrize("number", [1, 3, 8, 59, 60, 61, 80, 205, 1500])
@pytest.mark.parametrize("mark", [",", ";", "\t"])
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
    found = _read(tmp_path, _comments(9000) + "id,name\n1,ann\n2,ben\n")
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


def test_a_broken_record_below_a_header_is_a_reject(tmp_path: Path) -> None:
    found = _read(tmp_path, "id,name,city,n\n1,ann,rome\n" + "\n".join(_FULL) + "\n")
    assert found.table.header == ("id", "name", "city", "n")
    assert {row: reject.check for row, reject in found.rejects.items()} == {1: "too_few_fields"}


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
@pytest.mark.parametrize("pairs", [1, 2, 3, 9])
@pytest.mark.parametrize("gap", ["", "\n"])
@pytest.mark.parametrize("mark", [";", ",", "\t"])
def test_pairs_above_a_wider_table_are_no_records(
    tmp_path: Path, records: int, pairs: int, gap: str, mark: str
) -> None:
    above = (_PAIRS * 3).splitlines()[:pairs]
    text = "\n".join([*above, *([""] if gap else []), *_SALES[: records + 1]]) + "\n"
    found = _read(tmp_path, text.replace(";", mark))
    assert found.table.columns == ("Transaction Date", "Settlement", "Amount")
    assert len(found.values) == records and not found.rejects
    assert found.table.dialect.header_line == pairs + len(gap) + 1


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
        "id,name\n1,ann\n2,ben\n3,cat,y\n4,dan\n",
        "id,name\n1,ann\n2,ben\n3,cat,,\n4,dan,,\n5,eve\n",
        "id,name\n1,ann,x\n2,ben\n3,cat\n4,dan\n",
    ],
)
def test_two_columns_with_longer_records_are_no_pairs(tmp_path: Path, text: str) -> None:
    found = _read(tmp_path, text)
    assert found.table.columns == ("id", "name")
    assert len(found.rows) + len(found.rejects) == text.count("\n") - 1
