"""A column on its way to a decision, and what the first chunk says of it.

What belongs here: the evidence on a column and the choice that follows from it, possible keys. What does not: going through the file
(`scan`), which readings there are (`candidates`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, islice

import polars as pl

from pipeline.files.canonical import as_text
from pipeline.infer import hints
from pipeline.infer.candidates import NUMBER, PLAIN_OR_GROUPED, Choice, choose, native
from pipeline.infer.facts import Facts, Open
from pipeline.infer.formats import tried_on
from pipeline.infer.keys import hashes_of
from pipeline.infer.readings import TEXT, ZONE, Reading, means_nothing

_EVIDENCE, _FEW = 20_000, 100
_TRIED, _SINGLE_KEYS, _PAIRS, _PARTS = 40, 4, 2, 6
_LONGEST_KEY = 64
Key = tuple[str, ...]


@dataclass(eq=False)
class Found:
    """A column on its way to a decision.

    Attributes:
        header: its name in the file.
        choice: the readings that are possible by the evidence.
        facts: what each of them made of the whole file.
        agree: whether, where there are several, they gave the same values.
        native: the type that the file says it has; None for texts.
        evidence: distinct texts that the choice rests on.
        zone: IANA zone of times without one.
    """

    header: str
    choice: Choice
    native: pl.DataType | None
    evidence: pl.Series
    facts: dict[Reading, Facts] = field(default_factory=dict)
    agree: bool = True
    zone: str = ZONE

    @property
    def unseen(self) -> bool:
        """Whether nothing of the evidence means anything, so that there was nothing to choose by."""
        return self.native is None and all(map(means_nothing, self.evidence.to_list()))

    @property
    def alive(self) -> list[Reading]:
        """Readings that no value has spoken against."""
        return [one for one in self.choice.rivals if not self.facts[one].bad]

    def restart(self) -> None:
        """Forget what was counted."""
        self.facts = {one: Facts() for one in self.choice.rivals}
        self.agree = True

    def still(self, reading: Reading) -> Open:
        """What the chunks so far have left open."""
        facts = self.facts[reading]
        formats = frozenset(tried_on(self.header)) if facts.formats is None else facts.formats
        return Open(formats, facts.counts is not None, facts.whole, not facts.free)


def first_look(header: str, frames: Sequence[pl.DataFrame], zone: str = ZONE) -> Found:
    """A column by the first chunk, or that of each of several files."""
    nothing = pl.Series(header, [], pl.String)
    sources = [frame[header] for frame in frames if header in frame.columns]
    if not sources:
        return Found(header, Choice((TEXT,)), None, nothing, zone=zone)
    own = _native_of([source.dtype for source in sources])
    if own is not None:
        dtype = own.dtype if len(sources) > 1 else sources[0].dtype
        return Found(header, Choice((own.within(zone),)), dtype, nothing, zone=zone)
    distinct = pl.concat([evidence_of(source) for source in sources]).unique(maintain_order=True)
    choice = choose(header, distinct, zone)
    return Found(header, choice, None, _kept(choice, distinct), zone=zone)


def _native_of(dtypes: Sequence[pl.DataType]) -> Reading | None:
    """The reading of a column whose files all say its type: theirs, or doubles where their numbers differ; None for texts, and where
    they agree in nothing."""
    readings = [native(dtype) for dtype in dict.fromkeys(dtypes)]
    if len(set(readings)) == 1:
        return readings[0]
    if all(one is not None and one.kind == "number" for one in readings):
        return native(pl.Float64())
    return None


def evidence_of(source: pl.Series) -> pl.Series:
    """Distinct texts of a chunk, many of them."""
    return as_text(source).drop_nulls().unique(maintain_order=True).head(_EVIDENCE)


def _kept(choice: Choice, distinct: pl.Series) -> pl.Series:
    """What of the evidence may be needed again. Texts may be long and are no evidence for anything else: a few of them are copied,
    as a part of a column holds on to the whole."""
    return distinct if choice.rivals != (TEXT,) else pl.Series(distinct.head(_FEW).to_list(), dtype=pl.String)


def choose_late(column: Found) -> bool:
    """The choice for a column whose first values have come late; whether the file has to be gone through again for it."""
    before = column.choice
    column.choice = choose(column.header, column.evidence, column.zone)
    column.evidence = _kept(column.choice, column.evidence)
    return column.choice.rivals != before.rivals


def choose_again(column: Found, settle: bool) -> None:
    """The values that spoke against every reading join the evidence."""
    if column.native is not None:
        timed = isinstance(column.native, pl.Datetime | pl.Time)
        finer = next((value for facts in column.facts.values() for value in facts.bad if timed), "")
        column.choice = Choice((Reading("text", pl.String(), native=True),), finer=finer)
        column.native = None
        return
    odd = [value for facts in column.facts.values() for value in facts.bad]
    column.evidence = pl.concat([column.evidence, pl.Series(odd, dtype=pl.String)]).unique(
        maintain_order=True
    )
    column.choice = Choice((TEXT,)) if settle else choose(column.header, column.evidence, column.zone)


def in_doubt(column: Found) -> bool:
    """Whether plain numbers may be whole ones with points between thousands; the column is then to be read in both ways."""
    if column.choice.rivals != (NUMBER,) or hints.is_coordinate(column.header):
        return False
    facts = column.facts[NUMBER]
    if not facts.grouped or facts.free:
        return False
    column.choice = Choice(PLAIN_OR_GROUPED)
    return True


def possible_keys(frame: pl.DataFrame, columns: Sequence[Found]) -> list[Key]:
    """Columns, or pairs of them where none is enough, that differ in every row of the first chunk; the likeliest first."""
    single = [column for column in columns if _may_be_key(column)]
    single.sort(key=lambda column: not hints.identifies(column.header))
    alone: Iterator[Key] = ((one.header,) for one in single[:_TRIED])
    found = list(islice((key for key in alone if _differs(frame, key)), _SINGLE_KEYS))
    if found:
        return found
    parts = [column for column in single if _is_part(column)]
    pairs: list[Key] = [(a.header, b.header) for a, b in combinations(parts[:_PARTS], 2)]
    return [pair for pair in pairs if _differs(frame, pair)][:_PAIRS]


def _may_be_key(column: Found) -> bool:
    kind = column.choice.rivals[0].kind
    return kind in ("number", "text", "datetime", "date", "time") and len(column.choice.rivals) == 1


def _is_part(column: Found) -> bool:
    kind = column.choice.rivals[0].kind
    return kind in ("datetime", "date") or hints.identifies(column.header) or hints.groups(column.header)


def _differs(frame: pl.DataFrame, key: Key) -> bool:
    if not frame.height or any(name not in frame.columns for name in key):
        return False
    texts = [frame[name] for name in key if frame.schema[name] == pl.String]
    if any((text.str.len_bytes() > _LONGEST_KEY).any() for text in texts):
        return False
    return hashes_of([as_text(frame[name]) for name in key]) is not None
