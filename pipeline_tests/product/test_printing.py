"""What the commands print: fitted to a terminal, for programs where there is none, and never a command to the terminal."""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.cells import cell_len

from pipeline.counts import counted
from pipeline.layout import column_widths, longest_word, wrapped
from pipeline_tests.product.support import SAMPLES, Screen, drop, pipeline

MESSAGE = "a message of many words that has to be read to its very end, where the remedy stands"
EVIL = "a\x1b[31mred\x1b]0;title\x07 \u202eback\u2066 \x9b5n \x00 \r \x7f z"


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with one delivery of orders."""
    home = tmp_path_factory.mktemp("printing") / "home"
    drop(SAMPLES / "orders" / "2026-11-16.csv", home, "orders")
    assert pipeline(home, "ingest").returncode == 0
    yield home


def seen(home: Path, *arguments: str, columns: int) -> list[str]:
    """What a terminal of so many columns shows, without colours."""
    done = pipeline(home, *arguments, columns=columns, NO_COLOR="1", TERM="dumb")
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def literal(text: str) -> str:
    """A text in SQL, whatever it holds."""
    return " || ".join(f"chr({ord(character)})" for character in text)


@pytest.mark.parametrize("columns", [40, 60, 80, 132])
def test_a_table_fits_and_no_word_is_broken(loaded: Path, columns: int) -> None:
    sql = f"SELECT range AS number, '{MESSAGE}' AS message, 'greater_than_or_equal_to' AS check FROM range(3)"
    lines = seen(loaded, "query", sql, columns=columns)
    assert max(map(cell_len, lines)) <= columns
    words = re.findall(r"[\w,]+", " ".join(lines))
    for word in [*MESSAGE.split(), "greater_than_or_equal_to", "message", "number"]:
        assert word in words


def test_sixty_columns_become_a_block_for_each_row(loaded: Path) -> None:
    named = ", ".join(f"{place} AS column_{place}" for place in range(60))
    lines = seen(loaded, "query", f"SELECT {named} FROM range(2)", columns=80)
    assert len(lines) == 2 * 61 and lines[0].startswith("── 1 of 2 ─")
    assert lines[60].split() == ["column_59", "59"] and max(map(cell_len, lines)) <= 80


def test_a_word_that_is_longer_than_the_terminal_stays_whole(loaded: Path) -> None:
    link = "https://example.com/" + "x" * 100
    lines = seen(loaded, "query", f"SELECT '{link}' AS link, '{MESSAGE}' AS message", columns=50)
    assert any(line.endswith(link) for line in lines)


@pytest.mark.parametrize(
    "text",
    [
        "日本語の長い文章には空白がありません" * 3,
        "e\u0301a\u0308o\u0302 " * 20,
        "👩‍👩‍👧 👍🏽 🇩🇪 " * 12,
        "ไทย " * 30,
    ],
)
def test_widths_are_those_of_the_terminal(loaded: Path, text: str) -> None:
    lines = seen(loaded, "query", f"SELECT '{text}' AS one, 'x' AS two", columns=60)
    assert len({cell_len(line) for line in lines}) == 1 and cell_len(lines[0]) <= 60
    cells = [line.split("│")[1].strip() for line in lines if line.startswith("│")]
    assert "".join(cells).replace(" ", "") == text.replace(" ", "")
    assert not any(unicodedata.combining(cell[0]) for cell in cells)


def test_narrow_tables_lose_their_frame_before_their_texts_are_broken() -> None:
    assert column_widths([["status", "loaded"], ["reason", "not a date"]], 16) == [6, 10]
    assert column_widths([["status", "loaded"], ["reason", "not a date"]], 13) == [6, 7]
    assert column_widths([["status", "loaded"], ["reason", "not a date"]], 11) is None
    assert wrapped("  one two\nthree", 7) == ["  one", "two", "three"]
    assert longest_word("日本語 ab") == 2


def test_wide_tables_have_a_line_for_each_row(loaded: Path) -> None:
    sql = f"SELECT '{MESSAGE}' || chr(10) || '{MESSAGE}' AS message FROM range(2)"
    lines = seen(loaded, "query", sql, "--wide", columns=40)
    assert len(lines) == 6 and lines[3].count(MESSAGE) == 2
    assert len(seen(loaded, "query", sql, columns=40)) > 6


@pytest.mark.parametrize(
    "command",
    [["status"], ["errors", "orders"], ["doctor"], ["explain", "orders/last_hour"], ["windows", "verify"]],
)
def test_every_table_is_made_alike(loaded: Path, command: list[str]) -> None:
    piped = pipeline(loaded, *command)
    assert piped.returncode == 0 and not re.search("[│┃─━]", piped.stdout) and "\t" in piped.stdout
    words = [word for word in re.split(r"\s+", piped.stdout) if len(word) < 40]
    shown = " ".join(seen(loaded, *command, columns=70)).split()
    assert {word for word in words if word.isalpha()} <= set(shown)


def test_figures_have_commas_for_people_alone_and_numbers_of_rows_never(home: Path) -> None:
    rows = "".join(f"id{n};ok\n" for n in range(1500))
    drop(SAMPLES / "orders" / "2026-11-16.csv", home, "orders")
    (home / "many.csv").write_text(f"id;state\n{rows}odd\n")
    shown = pipeline(home, "check", str(home / "many.csv"), columns=200).stdout
    assert "│ 1501 │ 1502 │" in shown and "1,501 records" in shown
    assert "1501\t1502" in pipeline(home, "check", str(home / "many.csv")).stdout


@pytest.mark.parametrize("options", [(), ("--json",)])
@pytest.mark.parametrize("columns", [None, 40, 200])
def test_no_value_reaches_the_terminal_as_a_command(
    loaded: Path, options: tuple[str, ...], columns: int | None
) -> None:
    sql = f"SELECT {literal(EVIL.replace(chr(0), ''))} AS v, {literal('[red]x[/red] :smile:')} AS m"
    done = pipeline(loaded, "query", sql, *options, columns=columns, NO_COLOR="1", TERM="dumb")
    assert_harmless(done.stdout)
    assert "[red]x[/red]" in done.stdout and ":smile:" in done.stdout
    if options:
        assert json.loads(done.stdout)[0]["v"] == EVIL.replace("\0", "")
    else:
        assert "\\x1b[31mred" in done.stdout and "\\u202eback" in done.stdout and "\\x9b5n" in done.stdout


@pytest.mark.parametrize("columns", [None, 80])
def test_nor_does_what_a_file_holds_or_is_called(home: Path, columns: int | None) -> None:
    name = EVIL.replace("\0", "")
    folder = home / "inbox" / "orders"
    folder.mkdir(parents=True)
    header, row = (SAMPLES / "orders" / "2026-11-16.csv").read_text().splitlines()[:2]
    spoilt = row.replace(row.split(",")[2], name.replace("\r", ""))
    (folder / f"{name}.csv").write_text(f"{header}\n{spoilt}\n")
    (folder / f"{name}.xyz").write_bytes(b"\x00\x01\x02" * 50)
    (home / "inbox" / f"{name}.csv").write_text("a,b\n1,2\n")
    (home / "inbox" / "nowhere\x1b[2J").mkdir()
    (home / "inbox" / "nowhere\x1b[2J" / "x.csv").write_text("a,b\n1,2\n")
    for command in (
        ["check", str(folder / f"{name}.csv"), "--dataset", "orders"],
        ["check", str(folder / f"{name}.csv"), str(folder / f"{name}.xyz")],
        ["check", str(folder / f"{name}.none")],
        ["infer", str(folder / f"{name}.csv")],
        ["status"],
        ["ingest"],
        ["status"],
        ["errors", "orders"],
        ["errors", "orders", "--delivery", name],
        ["errors", name],
        ["report", "orders", "--delivery", name],
        ["query", f"SELECT * FROM clean.orders WHERE status = '{name}' AND"],
    ):
        done = pipeline(home, *command, columns=columns, NO_COLOR="1", TERM="dumb")
        assert "Traceback" not in done.stderr
        assert_harmless(done.stdout)
        assert_harmless(done.stderr)


def assert_harmless(printed: str) -> None:
    """Nothing but lines of text."""
    found = {character for character in printed if unicodedata.category(character) in ("Cc", "Cf", "Cs")}
    assert found <= {"\n", "\t"}, found


def test_what_is_longer_than_the_terminal_comes_in_the_pager(
    loaded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Screen())
    kept = tmp_path / "paged"
    settings = {"PAGER": f"sh -c 'cat > {kept}'", "LINES": "20", "TERM": "dumb"}
    sql = "SELECT range AS n FROM range(30)"
    assert pipeline(loaded, "query", sql, columns=80, **settings).stdout == ""
    assert kept.read_text().splitlines()[-2] == "│ 29 │"
    kept.unlink()
    for how in ({"LINES": "50"}, {"PAGER": ""}, {"PAGER": "cat"}):
        assert "│ 29 │" in pipeline(loaded, "query", sql, columns=80, **settings | how).stdout
    gone = pipeline(loaded, "query", sql, columns=80, **settings | {"PAGER": "no-such-pager"})
    assert "│ 29 │" in gone.stdout and "no-such-pager" in gone.stderr
    assert pipeline(loaded, "query", sql, **settings).stdout.endswith("\n29\n")
    assert not kept.exists()


def test_counts_stand_before_the_word_for_so_many() -> None:
    assert [counted(n, "delivery") for n in (0, 1, 2)] == ["0 deliveries", "1 delivery", "2 deliveries"]
    assert [counted(n, "day") for n in (1, 1200)] == ["1 day", "1,200 days"]
    assert [counted(n, "match") for n in (1, 2)] == ["1 match", "2 matches"]
    assert [counted(n, "row is", "rows are") for n in (1, 2)] == ["1 row is", "2 rows are"]


MODULE = """
from datetime import datetime
import pandera.polars as pa
from pipeline.contract import Dataset, Tumbling

class One(pa.DataFrameModel):
    at: datetime
    name: str = pa.Field(str_length={"max_value": 1})

ones = Dataset("ones", schema=One, event_time="at", keep_rows="1d", windows=[Tumbling("daily", every="1d")])
"""


def test_one_of_a_thing_is_told_in_the_singular(home: Path, tmp_path: Path) -> None:
    (tmp_path / "ones.py").write_text(MODULE)
    (tmp_path / "i.csv").write_text("a\n1\n")
    told = []
    for number, text in enumerate(
        ("at,name\n2024-03-01 10:00,a\n", "at,name\n2024-03-02 10:00,ab\n", "a\n1\n")
    ):
        path = home / "inbox" / "ones" / f"{number}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        told += [pipeline(home, "check", str(path), "--dataset", "ones", PIPELINE_DATASETS=str(tmp_path))]
        told += [pipeline(home, "ingest", "ones", PIPELINE_DATASETS=str(tmp_path))]
    for command in (
        ["errors", "ones"],
        ["errors", "ones", "--limit", "0"],
        ["errors", "ones", "--out", str(tmp_path / "e.xlsx")],
        ["replay", "ones"],
        ["report", "ones", "--delivery", "0.csv"],
        ["windows", "recompute", "ones", "--all"],
        ["windows", "verify", "ones"],
        ["infer", str(tmp_path / "i.csv"), "--out", str(tmp_path / "i" / "i.py")],
        ["retain", "ones"],
        ["status"],
    ):
        told.append(pipeline(home, *command, PIPELINE_DATASETS=str(tmp_path)))
        assert told[-1].returncode == 0, told[-1].stderr
    said = "\n".join(done.stdout + done.stderr for done in told)
    for right in (
        "1 window brought up to date over 1 day.",
        "is not at most 1 character long",
        "1 row of ones is rejected; 1 error is not shown",
        "1 rejected row is in",
        "1 report written",
        "1 column, from 1 row.",
        "1 clean row before",
    ):
        assert right in said, right
    pages = "\n".join(path.read_text() for path in (home / "reports").rglob("*.html"))
    things = (
        "rows|files|fields|columns|deliveries|windows|days|records|errors|reports|characters|repairs|lines"
    )
    for text in (said, re.sub("<[^>]+>", " ", pages)):
        assert re.findall(rf"[^\d.,:-]1 (?:\w+ )?(?:{things})\b.*", text) == []
