"""Names of a generated module: columns, the dataset, its class, and what a header's words hint at.

What belongs here: words. What does not: values, and how the module is written (`write`).
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from pipeline.contract.headers import normalise

_LONGEST = 40
_LETTERS = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "o", "å": "a", "ł": "l", "đ": "d"}
# A change from small to capital parts words; `kWh` and `pH` are one.
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z0-9])(?=[A-Z][a-z])")
_SHORTEST_CAMEL, _SHORTEST_NAME = 5, 3
# Names that the module itself uses, and that a field of the class would hide.
_USED = frozenset({"int", "float", "str", "bool", "dt", "pa", "pl", "Annotated"})
_IMPORTED = frozenset({"agg", "clean", "pa", "pl", "date", "datetime", "dt", "pipeline"})
_CLASSES = frozenset({"Dataset", "Read", "Total", "Tumbling", "Annotated"})
_DATE_LIKE = re.compile(
    r"(?<![0-9])(?:19|20)[0-9]{2}(?:[-_. ]?[0-9]{2}){0,2}(?:[-_ T]?[0-9]{4,6})?(?![0-9])|(?<![0-9])[0-9]{2}[-_.][0-9]{2}[-_.](?:19|20)?[0-9]{2}(?![0-9])"
)
_CALENDAR = re.compile(r"(?i)(?<![a-z])(?:week|kw|cw|month|quarter|q)[-_. ]?[0-9]{1,2}(?![0-9])")
_NO_NAME = frozenset({"", "file", "export", "download", "upload", "inbox", "tmp", "output", "out"})
_SAME_IN_PLURAL = frozenset(
    {"data", "series", "news", "status", "species", "gas", "bus", "lens", "address", "glass"}
)


@dataclass(frozen=True)
class Named:
    """A column of the file and the field that it becomes.

    Attributes:
        header: its name in the file.
        field: its name in the contract.
        needs_alias: whether the two differ by more than case, blanks and punctuation.
    """

    header: str
    field: str
    needs_alias: bool


def field_names(headers: Sequence[str]) -> tuple[list[Named], list[str]]:
    """Fields for the columns of a file, in its order; and the columns that a contract cannot tell from another one of the file,
    because they differ in case, blanks or punctuation alone.

    Args:
        headers: names of the columns, each different.
    """
    wished = {header: _identifier(header) for header in headers}
    groups: dict[str, list[str]] = {}
    for header in headers:
        groups.setdefault(normalise(header), []).append(header)
    # Of two that are one name to the contract the exact match is taken, or else the first.
    chosen = {
        next((one for one in group if one == wished[one]), group[0]): key for key, group in groups.items()
    }
    plain = {header for header, key in chosen.items() if normalise(wished[header]) == key}
    taken = set(chosen.values())
    named: dict[str, Named] = {header: Named(header, wished[header], False) for header in plain}
    for header in headers:
        if header not in chosen or header in plain:
            continue
        field = _free(wished[header], taken)
        taken.add(normalise(field))
        named[header] = Named(header, field, True)
    return [named[header] for header in headers if header in named], [h for h in headers if h not in named]


def _free(wished: str, taken: set[str]) -> str:
    field, number = wished, 2
    while normalise(field) in taken:
        field, number = f"{wished.rstrip('_')}_{number}", number + 1
    return field


def _identifier(header: str) -> str:
    name = snake(header)
    if not name:
        # Other scripts have letters of their own, which Python takes as they are.
        name = re.sub(r"\W+", "_", unicodedata.normalize("NFKC", header).casefold()).strip("_") or "column"
    name = _cut(name)
    if name[0].isdigit():
        name = f"{'year' if re.fullmatch('(?:19|20)[0-9]{2}', name) else 'n'}_{name}"
    if not name.isidentifier():
        name = "column"
    return f"{name}_" if keyword.iskeyword(name) or name in _USED or _of_pandera(name) else name


def _cut(name: str) -> str:
    """Of a long name the first words."""
    return name if len(name) <= _LONGEST else name[: _LONGEST + 1].rpartition("_")[0] or name[:_LONGEST]


def _of_pandera(name: str) -> bool:
    """Whether a field of this name would take the place of a method of the model."""
    import pandera.polars as pa

    return hasattr(pa.DataFrameModel, name)


def snake(text: str) -> str:
    """Words in lower case between underscores, ASCII alone: `"Größe [cm]"` → `"groesse_cm"`, `"InvoiceNo"` → `"invoice_no"`."""
    plain = "".join(_LETTERS.get(letter, letter) for letter in text.replace("Ä", "Ae").replace("Ö", "Oe"))
    plain = unicodedata.normalize("NFKD", plain.replace("Ü", "Ue"))
    plain = plain.encode("ascii", "ignore").decode()
    parts = re.findall(r"[A-Za-z0-9]+", plain)
    return "_".join(_CAMEL.sub("_", part) if len(part) >= _SHORTEST_CAMEL else part for part in parts).lower()


def words(name: str) -> frozenset[str]:
    """The words of a header, for hints."""
    return frozenset(snake(name).split("_"))


def dataset_name(*paths: Path) -> str:
    """A dataset's name for files: what their names have in common, or else that of the first."""
    names = [_name_of(path) for path in paths]
    if len(set(names)) == 1:
        return names[0]
    same = [
        letters[0] for letters in takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    ]
    common = re.sub("[0-9_]+$", "", "".join(same))
    return common if len(common) >= _SHORTEST_NAME else names[0]


def _name_of(path: Path) -> str:
    """That of the file, without dates and endings; or of its folder, where only those are left."""
    for text in (_stem(path.name), path.resolve().parent.name):
        name = re.sub(r"_+", "_", snake(_CALENDAR.sub("_", _DATE_LIKE.sub("_", text)))).strip("_")
        name = re.sub(r"^[0-9_]+|_[0-9]{3,}$", "", name).strip("_")
        if name not in _NO_NAME and name[0].isalpha():
            return _cut(name)
    return "data"


def _stem(file_name: str) -> str:
    stem = file_name
    while (ending := re.search(r"\.[A-Za-z][A-Za-z0-9]{1,7}$", stem)) and ending.start():
        stem = stem[: ending.start()]
    return stem


def variable_name(dataset: str) -> str:
    """What the module calls the dataset: its name, unless the module needs that for something else."""
    return f"{dataset}_data" if dataset in _IMPORTED or keyword.iskeyword(dataset) else dataset


def class_name(dataset: str) -> str:
    """One row of the dataset, in CamelCase and singular: `daily_orders` → `DailyOrder`."""
    *first, last = dataset.split("_")
    name = "".join(part.capitalize() for part in (*first, singular(last)))
    return f"{name}Row" if name in _CLASSES or keyword.iskeyword(name) or last == "data" else name


def singular(word: str) -> str:
    """An English noun in the singular, as far as its ending tells."""
    if (
        word in _SAME_IN_PLURAL
        or len(word) < 4
        or not word.endswith("s")
        or word.endswith(("ss", "us", "is"))
    ):
        return word
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    if word.endswith(("ches", "shes", "sses", "xes", "zes")):
        return word[:-2]
    return word[:-1]
