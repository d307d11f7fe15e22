"""Delimited text that was once read wrongly: comments, headers and preambles that look like something else."""

from __future__ import annotations

from pathlib import Path

import pytest

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
