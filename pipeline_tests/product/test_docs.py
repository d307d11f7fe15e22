"""The pages under docs are true: commands and examples of `reading.md` run and print what the page says, its tables are those of
the code, and no link is broken."""

from __future__ import annotations

import ast
import contextlib
import io
import os
import re
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest

from pipeline.contract.read import Read
from pipeline.files import ReadOptions, UnreadableFile, open_table
from pipeline_tests.product.support import ROOT, as_in_a_pipe

DOCS = ROOT / "docs"
READING = (DOCS / "reading.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(bash|python|text)\n(.*?)```", READING, re.DOTALL)
CLEAN = "id,name,city,amount\n" + "".join(f"{row},n{row},c{row},{row}.5\n" for row in range(1, 30))
LAST = "31,x,y,2.5\n"

MENDED = {
    "surplus_empty_fields": b"30,x,y,1.5,,\n",
    "stray_quote": b'30,"x "q" z",y,1.5\n',
    "unclosed_quote": b'30,"x,y,1.5\n',
    "other_delimiter": b"30;x;y;1.5\n",
    "nul_bytes": b"30,x\0,y,1.5\n",
}
REJECTED = {
    "too_few_fields": b"30,x,y\n",
    "too_many_fields": b"30,x,y,1.5,6\n",
    "unclosed_quote": b'30,"a"b","c"d",e,"1.5\n',
    "undecodable": "é,é,é,1\n".encode() + b"30,\xff,y,1.5\n",
    "torn_last_line": b"30,x,",
}


def missing_from(printed: str, shown: str) -> list[str]:
    """The lines of a page that a command did not print. A line `…` stands for any lines left out; between two of them, and
    before the first and after the last, lines follow each other as printed."""
    lines = [line.rstrip() for line in printed.splitlines() if line.rstrip()]
    parts: list[list[str]] = [[]]
    for line in as_in_a_pipe(shown):
        if line == "…":
            parts.append([])
        else:
            parts[-1].append(line)
    if len(parts) == 1:
        return [] if lines == parts[0] else parts[0]
    at = 0
    for part in filter(None, parts):
        starts = [start for start in range(at, len(lines)) if lines[start : start + len(part)] == part]
        if not starts:
            return part
        at = starts[0] + len(part)
    return []


def test_commands_and_examples_run_and_print_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".venv").symlink_to(ROOT / ".venv", target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    environment = {name: text for name, text in os.environ.items() if not name.startswith("PIPELINE_")}
    printed = ""
    for language, block in BLOCKS:
        if language == "bash":
            done = subprocess.run(
                ["bash", "-c", block],
                env=environment,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            # `check` ends with 1 where something would not be loaded.
            assert done.returncode in (0, 1) and not done.stderr, done.stderr
            printed = done.stdout
        elif language == "python":
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(block, "reading.md", "exec"), {"__name__": "reading"})
            printed = out.getvalue()
        else:
            assert missing_from(printed, block) == []


def _read(path: Path, text: bytes, **options: object) -> tuple[set[str], set[str], tuple[str, ...]]:
    path.write_bytes(text)
    table = open_table(path, ReadOptions(read=Read(**options)))  # type: ignore[arg-type]
    parsed = [piece.parse() for piece in table.pieces()]
    rejects = {reject.check for each in parsed for reject in each.rejects}
    return {repair.check for each in parsed for repair in each.repairs}, rejects, table.columns


def _words(heading: str) -> set[str]:
    """The first column of the table below a heading."""
    section = READING.split(f"## {heading}\n")[1].split("\n## ")[0]
    return {
        word
        for row in re.findall(r"^\|(.*?)\|", section, re.MULTILINE)
        for word in re.findall(r"`(\w+)`$", row.strip())
    }


@pytest.mark.parametrize("check", MENDED)
def test_what_is_mended(tmp_path: Path, check: str) -> None:
    repairs, rejects, _ = _read(tmp_path / "file.csv", CLEAN.encode() + MENDED[check] + LAST.encode())
    assert (repairs, rejects) == ({check}, set())


@pytest.mark.parametrize("check", REJECTED)
def test_what_is_rejected(tmp_path: Path, check: str) -> None:
    last = b"" if check == "torn_last_line" else LAST.encode()
    repairs, rejects, _ = _read(tmp_path / "file.csv", CLEAN.encode() + REJECTED[check] + last)
    assert (repairs, rejects) == (set(), {check})


def test_the_tables_of_checks_are_whole(tmp_path: Path) -> None:
    _, rejects, _ = _read(tmp_path / "file.ndjson", b'{"id": 1}\n{"id": 2,\n{"id": 3}\n')
    assert rejects == {"bad_json"}
    repairs, _, _ = _read(tmp_path / "again.ndjson", b'{"id": 1, "id": 1}\n{"id": 2}\n')
    assert repairs == {"duplicate_key"}
    assert _words("Records that are mended") == {*MENDED, *repairs, "check"}
    # `stray_quote` is a reject where polars does not agree that the mended text is well formed: no file is known that does it.
    assert _words("Records that are rejected") == {*REJECTED, *rejects, "stray_quote", "check"}


def _codes(path: Path) -> set[str]:
    """The codes of the problems that a module raises."""
    calls = (
        node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)
    )
    codes = [call.args[1] for call in calls if getattr(call.func, "id", "") == "UnreadableFile"]
    return {code.value for code in codes if isinstance(code, ast.Constant) and isinstance(code.value, str)}


def test_the_table_of_codes_is_that_of_the_readers() -> None:
    of_readers = set().union(*map(_codes, (ROOT / "pipeline" / "files").rglob("*.py")))
    assert _words("Files that are not read") == {*of_readers, "code"}
    of_ingest = {
        code for name in ("mapping.py", "drift.py") for code in _codes(ROOT / "pipeline" / "ingest" / name)
    }
    assert of_ingest <= set(re.findall(r"`(\w+)` \(", READING))


def test_the_table_of_what_can_be_said_is_whole() -> None:
    rows = re.findall(
        r"^\| (`[^|]+)\|", READING.split("## What you can say\n")[1].split("\n## ")[0], re.MULTILINE
    )
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(named) == sorted(field.name for field in fields(Read))


def test_what_the_page_says_of_headers(tmp_path: Path) -> None:
    file = tmp_path / "file.csv"
    rows = "".join(f"Ann,Rome,{day}.5,2026-01-{day:02}\n" for day in range(1, 29))
    groups = f"Person,,Order,\nname,city,amount,day\n{rows}".encode()
    assert _read(file, groups)[2] == ("Person name", "Person city", "Order amount", "Order day")
    assert _read(file, groups, skip=1)[2] == ("name", "city", "amount", "day")
    assert _read(file, b"a,a,,b\n1,2,3,4\n5,6,7,8\n")[2] == ("a", "a_2", "column_3", "b")
    assert _read(file, b"1,5,6\n3,5,7\n")[2] == ("column_1", "column_2", "column_3")
    with pytest.raises(UnreadableFile) as refused:
        open_table(file, ReadOptions(expected=("a", "b"), positions=("a", "b")))
    assert refused.value.code == "no_header"
    assert open_table(file, ReadOptions(expected=("a", "b", "c"), positions=("a", "b", "c"))).columns == (
        "a",
        "b",
        "c",
    )


def test_what_the_page_says_of_limits(tmp_path: Path) -> None:
    fixed = b"id   name      amount\n1    Ann       3.50\n2    Ben       4.50\n13   Cem Ali   5.50\n"
    assert _read(tmp_path / "fixed.txt", fixed)[2] == ("id   name      amount",)
    assert _read(tmp_path / "blanks.txt", b"id name city\nx1 Ann Rome\nx2 Ben Oslo\n")[2] == ("id name city",)
    assert _read(tmp_path / "blanks.txt", b"id name x\n1 Ann 3.5\n2 Ben 4.5\n")[2] == ("id", "name", "x")


@pytest.mark.parametrize("page", sorted(path.relative_to(ROOT).as_posix() for path in DOCS.rglob("*.md")))
def test_every_file_that_a_page_links_to_exists(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#\s]+)\)", text) if not link.startswith("http")]
    assert [link for link in links if not ((ROOT / page).parent / link).exists()] == []


def test_every_decision_is_in_the_list() -> None:
    listed = re.findall(
        r"^\d+\. \[(.+)\]\((.+)\)$", (DOCS / "decisions" / "README.md").read_text(), re.MULTILINE
    )
    pages = sorted(path for path in (DOCS / "decisions").glob("0*.md"))
    assert listed == [(path.read_text(encoding="utf-8").splitlines()[0][2:], path.name) for path in pages]
