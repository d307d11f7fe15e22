"""Readers from other packages."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from pipeline.files import ReadOptions, Table, UnreadableFile, open_table, plugins
from pipeline_tests.files.reading import read, write

_ROOT = Path(__file__).resolve().parents[2]
_READ = """
import json, sys
from pathlib import Path
from pipeline.files import open_table
table = open_table(Path(sys.argv[1]))
rows = [row for frame in table.chunks() for row in frame.iter_rows()]
print(json.dumps([table.dialect.format, table.columns, rows, [reject.line for reject in table.rejects()]]))
"""


def _example(folder: Path) -> Path:
    """The files that the documentation shows, by the names that it gives them."""
    text = (_ROOT / "docs" / "readers.md").read_text("utf-8")
    files = re.findall(r"^`([\w.]+)`\n\n```\w+\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert [name for name, _ in files] == ["pyproject.toml", "windrow_fixed_width.py"]
    folder.mkdir()
    for name, content in files:
        write(folder / name, content)
    return folder


def test_the_package_in_the_documentation_can_be_installed_and_reads_its_files(tmp_path: Path) -> None:
    package, target = _example(tmp_path / "package"), tmp_path / "installed"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    install += ["--no-index", "--disable-pip-version-check", "--target", str(target), str(package)]
    subprocess.run(install, check=True, capture_output=True, timeout=120)
    path = write(tmp_path / "a.txt", "#fixed id:4 name:6\n1   Ann\n2   a line that is too long\n3\n")
    found = subprocess.run(
        [sys.executable, "-c", _READ, str(path)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(target), str(_ROOT)])},
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert json.loads(found.stdout) == [
        "fixed_width",
        ["id", "name"],
        [["1", "Ann", 1], ["3", None, 3]],
        [3],
    ]


class Shouting:
    """A reader that reads any file as CSV, and claims those that begin with an exclamation mark."""

    name = "shouting"
    suffixes = (".loud",)

    def matches(self, head: bytes, path: Path) -> bool:
        if head.startswith(b"?"):
            raise RuntimeError("a question")
        return head.startswith(b"!")

    def open(self, path: Path, compression: str | None, options: ReadOptions) -> Table:
        from pipeline.files.delimited.reader import open_csv

        if path.name.startswith("bad"):
            raise ZeroDivisionError("no luck")
        if path.name.startswith("odd"):
            return None  # type: ignore[return-value]
        return open_csv(path, compression, options)


not_a_reader = 5


@pytest.fixture
def brought(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Three entry points, one of which works."""
    points = [
        EntryPoint("gone", "no_such_module_anywhere:reader", plugins.GROUP),
        EntryPoint("number", f"{__name__}:not_a_reader", plugins.GROUP),
        EntryPoint("shouting", f"{__name__}:Shouting", plugins.GROUP),
    ]
    monkeypatch.setattr(plugins, "_points", lambda: iter(points))
    plugins.installed.cache_clear()
    yield
    plugins.installed.cache_clear()


@pytest.mark.usefixtures("brought")
def test_a_broken_reader_is_named_and_stops_no_file(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.csv", "id,name\n1,a\n"))
    assert found.values == [("1", "a")]
    said = " ".join(found.table.dialect.notes)
    assert "'gone' (no_such_module_anywhere:reader) could not be loaded" in said
    assert "'number'" in said and "lacks one of" in said
    with pytest.raises(UnreadableFile, match="'gone'"):
        open_table(write(tmp_path / "a.pdf", "%PDF-1.7"))
    asked = read(write(tmp_path / "b.csv", "?id,name\n1,a\n"))
    assert "'shouting' could not be asked: RuntimeError: a question" in " ".join(asked.table.dialect.notes)


@pytest.mark.usefixtures("brought")
def test_content_claims_before_every_other_reader_and_suffixes_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    reader = plugins.installed().readers["shouting"]
    own = reader.open

    def noted(path: Path, compression: str | None, options: ReadOptions) -> Table:
        opened.append(path.name)
        return own(path, compression, options)

    monkeypatch.setattr(reader, "open", noted)
    open_table(write(tmp_path / "a.csv", "!id,name\n1,a\n"))
    open_table(write(tmp_path / "b.loud", "id,name\n1,a\n"))
    open_table(write(tmp_path / "c.loud", '{"id": 1}\n{"id": 2}\n'))
    open_table(write(tmp_path / "d.csv", "id,name\n1,a\n"))
    assert opened == ["a.csv", "b.loud"]


@pytest.mark.usefixtures("brought")
@pytest.mark.parametrize(
    ("name", "said"), [("bad.csv", "ZeroDivisionError: no luck"), ("odd.csv", "NoneType")]
)
def test_a_reader_that_fails_costs_its_file_alone(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(UnreadableFile, match=said) as caught:
        open_table(write(tmp_path / name, "!id,name\n1,a\n"))
    assert caught.value.code == "reader_failed"
