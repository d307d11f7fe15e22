"""An invented table of orders whose texts make trouble in CSV, and ways to write it.

What belongs here: the clean table, cell by cell, and writing cells with given marks. What does not: doing it wrong
(`pollution`).
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

RECORDS = 83
COLUMNS = ("DAY", "CLOCK", "Pieces", "ARTICLE", "Cost", "GoodsName", "GoodsStory", "Page", "Remarks")
_WHOSE = ["Men's", "Women's", "Kids'", "Girls'", "Boys'", "Grandma's"]
_WHAT = ["Rain Cape", "Garden Boots", "Wool Socks", "Tea Kettle", "Reading Lamp", "Canvas Bag", "Rope Ladder"]
_HOW = ["Striped", "Extra-Large", "Two-Pack", "Fleece-Lined", "Round", "Foldable", "Cotton/Linen"]
_INCHES = {
    9: 'Picnic Table, Oval 42"',
    20: 'Kite, 5" Tail',
    21: 'Tricycle, 16"',
    38: 'Wellingtons, 12"',
    70: '9" Pan',
}
_BACKSLASH = 11
_START = [
    "This one keeps you dry, warm and in a good mood, whatever the sky has in store.",
    "A friend for long evenings: quiet, sturdy and easy to clean.",
    "Made by hand in a small workshop; it won't bend, warp or lose its colour.",
    "Light enough for a rucksack, and strong enough for a grown bear.",
    "We took our oldest pattern and left it alone, because nobody could better it.",
]
_MORE = [
    "The seams are sewn twice, so they don't give.",
    "Comes with a spare button, a needle and some thread.",
    "Rated 50+ by people who know.",
    "Fits most hands (and some paws).",
    "Washes at 30 degrees, dries in the wind.",
]


@dataclass(frozen=True)
class Cell:
    """A cell: its text, and whether it is written in quotes."""

    text: str
    quoted: bool = False


Row = list[Cell]


@dataclass(frozen=True)
class Writing:
    """How cells become text: `quote` surrounds quoted ones, `escape` stands before a `"` in a text."""

    delimiter: str = ","
    quote: str = '"'
    escape: str = '"'
    end: str = "\r\n"

    def cell(self, cell: Cell, extra: str = "") -> str:
        """`extra` stands before the text, inside the quotes."""
        text = extra + cell.text.replace('"', self.escape + '"')
        return self.quote + text + self.quote if cell.quoted else text

    def row(self, cells: Iterable[Cell]) -> str:
        """A row with its end."""
        return self.delimiter.join(self.cell(cell) for cell in cells) + self.end

    def table(self, rows: Iterable[Row]) -> str:
        """Rows, one after the other."""
        return "".join(self.row(row) for row in rows)


def source_table() -> list[Row]:
    """Header and 83 records of 9 columns, the same at every call: some cells in quotes, texts with commas, apostrophes, quotes
    and blanks, one with a lone backslash, the last column empty."""
    chance = random.Random(20_180_128)
    header = [Cell(name, quoted=name in ("GoodsStory", "Page")) for name in COLUMNS]
    return [header, *[_record(number, chance) for number in range(RECORDS)]]


def _record(number: int, chance: random.Random) -> Row:
    article = f"{chance.choice(['KL', 'OM', 'ST', 'VX', 'ZA'])}-{1000 + 97 * number}"
    name = chance.choice(_WHAT)
    if chance.random() < 0.6:
        name = f"{chance.choice(_WHOSE)} {name}"
    if chance.random() < 0.4:
        name = f"{name}, {chance.choice(_HOW)}"
    name = _INCHES.get(number, name)
    story = f"{chance.choice(_START)} {chance.choice(_MORE)}"
    if number == _BACKSLASH:
        name, story = (
            "Women's  Oar, No. 7",
            "Balanced to the gram, this 6\\'2\" long oar goes through water like a thought.",
        )
    cents = chance.randint(5, 9999)
    cost = f"${cents / 100:.2f}".removesuffix("0") if number % 9 == 4 else f"${cents / 100:.2f}"
    return [
        Cell(f"{13 + number % 17}/{1 + number // 17:02d}/2018"),
        Cell(f"{number // 4 % 24:02d}:{15 * (number % 4):02d}"),
        Cell(str(chance.choice([0, 1, 1, 2, 3, 9, 15, 30]))),
        Cell(article),
        Cell(cost),
        Cell(name, quoted="," in name or '"' in name),
        Cell(story, quoted=True),
        Cell(f"https://shop.example.org/goods/{article.replace('-', '_')}.html", quoted=True),
        Cell(""),
    ]


def texts(rows: Iterable[Sequence[Cell]]) -> list[list[str]]:
    """What a loader should give for `rows`."""
    return [[cell.text for cell in row] for row in rows]
