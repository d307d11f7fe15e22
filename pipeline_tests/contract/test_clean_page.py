"""Every example of docs/cleaners.md does what the page says, and the page knows every cleaner."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.contract import Cleaner, Dataset, clean
from pipeline.contract.derive import derived_text, split

PAGE = Path(__file__).parents[2] / "docs" / "cleaners.md"
TEXT = PAGE.read_text(encoding="utf-8")
_ROW = re.compile(r"^\| `((?:clean|split)\b.*?)` \| (.+?) \| (.+) \|$", re.MULTILINE)
_VALUE = r"(?:`(?P<{0}>\"(?:[^\"\\]|\\.)*\")`|(?P<{0}_word>null|refused))"
_EXAMPLE = re.compile(_VALUE.format("given") + " → " + _VALUE.format("wanted"))
_PARTS = re.compile(r"`(\"[^`]*\")` → `(\"[^`]*\")`, (?:`(\"[^`]*\")`|null)")
ROWS = [(code, examples) for code, _, examples in _ROW.findall(TEXT)]
EXAMPLES = [
    (code, match["given"], match["wanted"], match["wanted_word"])
    for code, examples in ROWS
    if code.startswith("clean")
    for match in _EXAMPLE.finditer(examples)
]
SPLITS = [
    (code, *match.groups())
    for code, examples in ROWS
    if code.startswith("split")
    for match in _PARTS.finditer(examples)
]


def _made(code: str) -> Any:
    return eval(code, {"clean": clean, "split": split})


def _literal(text: str | None) -> str | None:
    return None if text is None else str(ast.literal_eval(text))


@pytest.mark.parametrize(("code", "given", "wanted", "word"), EXAMPLES)
def test_an_example_of_the_page_does_what_it_says(
    code: str, given: str | None, wanted: str | None, word: str | None
) -> None:
    cleaner = _made(code).bound(lambda name: b"0123456789abcdef" * 2)
    column = pl.Series("v", [_literal(given)], pl.String)
    if word == "refused":
        assert cleaner.refused(column).to_list() == [0]
        assert cleaner.apply(column).to_list() == column.to_list()
    else:
        assert cleaner.refused(column).to_list() == []
        assert cleaner.apply(column).to_list() == [_literal(wanted)]


@pytest.mark.parametrize(("code", "given", "first", "last"), SPLITS)
def test_a_split_of_the_page_does_what_it_says(code: str, given: str, first: str, last: str | None) -> None:
    parts = _made(code)
    raw = pl.DataFrame({"column": [_literal(given)]})
    made = [derived_text(part, raw, {part.reads[0]: "column"}).item() for part in parts]
    assert made == [_literal(first), _literal(last or None)]


def test_the_page_shows_every_cleaner_with_an_example() -> None:
    shown = {re.match(r"clean\.(\w+)", code)[1] for code, *_ in EXAMPLES}  # type: ignore[index]
    assert shown == {name for name in vars(clean) if not name.startswith("_")}
    assert len(EXAMPLES) > 80
    assert len(SPLITS) == 3


def test_every_arrow_of_the_page_is_run() -> None:
    assert TEXT.count("→") == len(EXAMPLES) + len(SPLITS)


def test_the_dataset_of_the_page_loads() -> None:
    (block,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    names: dict[str, Any] = {"__name__": "pipeline_tests.contract.page"}
    exec(compile(block, str(PAGE), "exec", dont_inherit=True), names)
    assert isinstance(names["customers"], Dataset)
    assert all(isinstance(c, Cleaner) for given in names["customers"].cleaners.values() for c in given)
