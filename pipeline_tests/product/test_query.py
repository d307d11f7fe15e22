"""`pipeline query`: whatever a statement answers is printed, as text and as JSON, and nothing is lost on the way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from pipeline_tests.product.support import pipeline


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with a warehouse in which nothing is."""
    home = tmp_path_factory.mktemp("query") / "home"
    assert pipeline(home, "ingest").returncode == 0
    yield home


def no_json(constant: str) -> NoReturn:
    raise AssertionError(f"{constant} is no JSON")


def asked(home: Path, sql: str) -> tuple[list[list[str]], list[dict[str, Any]]]:
    """The lines of an answer, and the same as JSON, read by what takes nothing but JSON."""
    text, document = pipeline(home, "query", sql), pipeline(home, "query", sql, "--json")
    assert (text.returncode, document.returncode) == (0, 0), text.stderr + document.stderr
    return [line.split("\t") for line in text.stdout.splitlines()], json.loads(
        document.stdout, parse_constant=no_json
    )


VALUES: list[tuple[str, str, object]] = [
    ("INTERVAL '1 month 2 days 3.5 seconds'", "1 month 2 days 00:00:03.5", "P1M2DT3.5S"),
    ("INTERVAL '-90 seconds'", "-00:01:30", "PT-1M-30S"),
    ("INTERVAL '0 days'", "00:00:00", "PT0S"),
    ("'\\x00\\xFFab'::BLOB", "\\\\x00\\\\xFFab", "AP9hYg=="),
    ("'nan'::DOUBLE", "nan", "NaN"),
    ("'-inf'::FLOAT", "-inf", "-Infinity"),
    ("0.1::FLOAT", "0.1", 0.1),
    ("12345678901234.5678::DOUBLE", "12345678901234.568", 12345678901234.568),
    ("1.10::DECIMAL(38, 20)", "1.10000000000000000000", "1.10000000000000000000"),
    ("170141183460469231731687303715884105727::HUGEINT", f"{2**127 - 1}", 2**127 - 1),
    ("340282366920938463463374607431768211455::UHUGEINT", f"{2**128 - 1}", 2**128 - 1),
    ("1234567::BIGNUM", "1234567", 1234567),
    ("'00000000-0000-0000-0000-000000000001'::UUID", f"{'0' * 8}-0000-0000-0000-{'1':0>12}", None),
    ("TIME '12:34:56.789'", "12:34:56.789", None),
    ("'12:34:56+02'::TIMETZ", "12:34:56+02", "12:34:56+02:00"),
    ("TIMESTAMP '2026-01-02 00:00:00'", "2026-01-02 00:00:00", "2026-01-02T00:00:00"),
    (
        "'2026-01-02 00:00:00.123456789'::TIMESTAMP_NS",
        "2026-01-02 00:00:00.123456789",
        "2026-01-02T00:00:00.123456789",
    ),
    ("'2026-01-02 00:00:00+02'::TIMESTAMPTZ", "2026-01-01 22:00:00+00", "2026-01-01T22:00:00+00:00"),
    ("DATE '0044-03-15 (BC)'", "0044-03-15 (BC)", None),
    ("'infinity'::TIMESTAMP", "infinity", None),
    ("'10101'::BIT", "10101", None),
    ("'b'::ENUM ('a', 'b')", "b", None),
    ("[1, NULL, 2]", "[1, NULL, 2]", [1, None, 2]),
    ("[0.5, 1.5]::FLOAT[2]", "[0.5, 1.5]", [0.5, 1.5]),
    ("[INTERVAL '1 day', INTERVAL '1 month']", "[1 day, 1 month]", ["P1D", "P1M"]),
    (
        "{'a': INTERVAL '1 day', 'b c': [1.50::DECIMAL(4, 2)]}",
        "{'a': 1 day, 'b c': [1.50]}",
        {"a": "P1D", "b c": ["1.50"]},
    ),
    ("row(1, 'x')", "(1, x)", [1, "x"]),
    ("MAP {'k': 'nan'::DOUBLE}", "{k=nan}", {"k": "NaN"}),
    ("MAP {[1]: DATE '2026-01-02'}", "{[1]=2026-01-02}", {"[1]": "2026-01-02"}),
    ("union_value(n := 7)", "7", 7),
    ("'{\"a\": [1.5, null]}'::JSON", '{"a": [1.5, null]}', {"a": [1.5, None]}),
    ("'[0.12345678901234567890123]'::JSON", "[0.12345678901234567890123]", ["0.12345678901234567890123"]),
    ("true", "true", True),
    ("NULL", "", ...),
    ("1234567", "1234567", 1234567),
    ("'a\tb' || chr(10) || 'c\\d'", "a\\tb\\nc\\\\d", "a\tb\nc\\d"),
]
"""SQL of a value, its text, and what it is in JSON: the same text where that is None."""


def test_values_of_any_type(loaded: Path) -> None:
    sql = ", ".join(f"{value} AS c{place}" for place, (value, _, _) in enumerate(VALUES))
    [names, texts], [found] = asked(loaded, f"SELECT {sql}, 1 AS last")
    assert (len(names), texts[-1], found.pop("last")) == (len(VALUES) + 1, "1", 1)
    for (value, text, plain), printed, one in zip(VALUES, texts, found.values(), strict=False):
        assert (value, printed, one) == (
            value,
            text,
            text if plain is None else None if plain is ... else plain,
        )


@pytest.mark.parametrize(
    ("sql", "lines"),
    [
        ("SELECT 1 AS a WHERE false", 1),
        ("DESCRIBE SELECT 1 AS a", 2),
        ("SHOW TABLES", 1),
        ("PRAGMA version", 2),
        ("FROM range(250)", 251),
        ("PIVOT (VALUES ('x', 2), ('y', 4)) AS v (a, b) ON a USING sum(b)", 2),
        ("SELECT 1 AS a; -- and no more", 2),
    ],
)
def test_a_statement_of_any_kind(loaded: Path, sql: str, lines: int) -> None:
    text, rows = asked(loaded, sql)
    assert (len(text), len(rows)) == (lines, lines - 1)


def test_rows_come_in_their_order_and_columns_of_one_name_are_told_apart(loaded: Path) -> None:
    text, rows = asked(loaded, "SELECT range AS a, -range AS a FROM range(30_000) ORDER BY hash(range)")
    assert [line[0] for line in text[1:]] == [str(row["a"]) for row in rows]
    assert all(row["a_2"] == -row["a"] for row in rows)
    wanted = asked(loaded, "SELECT list(range ORDER BY hash(range)) AS l FROM range(30_000)")[1][0]["l"]
    assert [row["a"] for row in rows] == wanted


def test_a_plan_is_drawn_as_it_is(loaded: Path) -> None:
    for columns in (None, 40):
        drawn = pipeline(loaded, "query", "EXPLAIN SELECT 42", columns=columns).stdout
        assert "│         PROJECTION        │\n" in drawn and "physical_plan" not in drawn


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT 1; SELECT 2", "2 statements"),
        ("SELECT 1; SET threads = 1; SELECT 2", "3 statements"),
        ("", "no statement"),
        (" -- nothing", "no statement"),
        ("SELECT sqrt(-1)", "square root"),
        ("SELECT 1 FROM range(20_000) WHERE CAST(range || '' AS TINYINT) > 0", "Could not convert"),
    ],
)
def test_what_cannot_be_answered_is_said(loaded: Path, sql: str, said: str) -> None:
    for options in ((), ("--json",)):
        done = pipeline(loaded, "query", sql, *options)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr and "Traceback" not in done.stderr


def test_a_statement_without_an_answer_says_so(loaded: Path) -> None:
    done = pipeline(loaded, "query", "CREATE TEMP TABLE t (a INTEGER)")
    assert (done.returncode, done.stdout) == (0, "") and "no answer" in done.stderr
    assert json.loads(pipeline(loaded, "query", "SET threads = 1", "--json").stdout) == []


def test_a_terminal_shows_the_first_rows_and_a_pipe_has_all(loaded: Path) -> None:
    sql = "SELECT range AS n FROM range(105)"
    seen = pipeline(loaded, "query", sql, columns=80).stdout
    assert "│ 99 │" in seen and "│ 100 │" not in seen and "100 rows; there are more: --limit" in seen
    assert "│ 104 │" in pipeline(loaded, "query", sql, "--limit", "200", columns=80).stdout
    assert pipeline(loaded, "query", sql).stdout.splitlines()[-1] == "104"
    assert pipeline(loaded, "query", sql, "--limit", "1").stdout == "n\n0\n"
    assert "1 row; there are more" in pipeline(loaded, "query", sql, "--limit", "1", columns=80).stdout
