"""Modules of small datasets, sound and broken, as a user keeps them in a folder. What does not belong here: tests."""

from __future__ import annotations

from pathlib import Path

HEAD = """
import pandera.polars as pa
import polars as pl
from datetime import datetime
from pipeline.contract import Dataset, Reference, Tumbling, agg, clean

class Row(pa.DataFrameModel):
    id: int
    at: datetime
    v: float

"""
ROWS = "id,at,v\n1,2026-01-01 10:00:00,1.5\n2,2026-01-02 10:00:00,2.5\n"


def dataset(name: str, more: str = "", measures: str = "{'n': agg.count()}") -> str:
    """The declaration of a dataset with one window, `daily`."""
    window = f"Tumbling('daily', every='1d', measures={measures})"
    return f"{name} = Dataset('{name}', schema=Row, event_time='at', windows=[{window}]{more})\n"


SOUND = HEAD + dataset("mid")
BROKEN = {
    "syntax": HEAD + "def broken(:\n" + dataset("mid"),
    "text cut off": SOUND[:-4],
    "import": HEAD + "import not_there\n" + dataset("mid"),
    "raised": SOUND + "1 / 0\n",
    "recursion": HEAD + "def deeper():\n    return deeper()\ndeeper()\n" + dataset("mid"),
    "exit": HEAD + "raise SystemExit(0)\n" + dataset("mid"),
    "declaration": HEAD + dataset("mid", ", key=['nope']"),
    "twice": SOUND + dataset("mid").replace("mid =", "again ="),
    "derived": HEAD + dataset("mid", ", derive={'v': pl.col('nope') * 2}"),
    "reference": HEAD + dataset("mid", ", references=[Reference('id', 'nowhere', 'id')]"),
    "name in a constant": HEAD + "NAME = 'mid'\n1 / 0\n" + dataset("mid").replace("'mid'", "NAME"),
    "named by keyword": HEAD + "1 / 0\nmid = Dataset(name='mid', schema=Row)\n",
}
"""Modules that declare a dataset `mid` which cannot be loaded, by what is wrong."""
FAILING = {
    "column of a measure": HEAD + dataset("mid", measures="{'n': agg.sql('sum(nope)', 'DOUBLE')}"),
    "syntax of a condition": HEAD + dataset("mid", measures="{'n': agg.count(where='v >> (')}"),
    "key of a hash": HEAD + dataset("mid", ", clean={'v': clean.hash('secret')}"),
    "key to seal with": HEAD + dataset("mid", ", archive='encrypt'"),
    "check": HEAD.replace(
        "    v: float\n",
        "    v: float\n\n    @pa.check('v')\n    def bad(cls, data):\n        raise KeyError('x')\n",
    )
    + dataset("mid"),
}
"""Modules that declare a dataset `mid` which loads, and cannot take a file."""


def declare(folder: Path, **sources: str) -> Path:
    """A folder of modules: name of the file → its text."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in sources.items():
        (folder / f"{name}.py").write_text(text)
    return folder
