"""Which encoding bytes that are not valid UTF-8 are in.

What belongs here: weighing the encodings that could have written them. What does not: UTF with a byte order mark or NUL
bytes, the verdict on a whole file (`text`), and decoding (`decode`).

Detectors are misled by the digits and ASCII words of a table. So only the fields that hold other bytes are looked at. The
detector ranks the encodings that can decode them by the languages it knows; what each would have the text say is then
weighed by whether it looks like writing at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.files.encoding.decode import strictly, usual_name
from pipeline.files.encoding.looks import flaws, unspeakable
from pipeline.files.encoding.western import unmistakable, which_latin

# In the order of preference where nothing tells them apart.
CANDIDATES = (
    *("cp1252", "cp1250", "cp1251", "cp932", "gb18030", "cp949", "cp950", "big5hkscs", "cp1253", "cp1254"),
    *("cp1255", "cp1256", "iso8859-15", "iso8859-2", "euc-jp", "euc_jis_2004", "koi8-r", "koi8-u", "cp874"),
    *("cp1257", "mac-roman", "cp850", "cp437", "cp852", "cp866", "iso8859-7", "iso8859-9", "iso8859-5"),
    *("iso8859-8", "iso8859-6", "iso8859-13", "cp1258", "iso8859-16", "iso8859-4", "iso8859-3", "iso8859-10"),
    *("mac-latin2", "mac-cyrillic", "mac-greek", "mac-turkish", "cp737", "cp857", "cp862", "cp855", "cp775"),
    *("cp865", "cp860", "cp863", "latin-1"),
)
_PLACE = {name: place for place, name in enumerate(CANDIDATES)}
_ASKED = tuple(name for name in CANDIDATES if name not in ("cp950", "euc-jp"))
# Windows' own table first: it holds what the others hold, but for signs that nobody uses.
_NARROWER = {"big5hkscs": "cp950", "euc_jis_2004": "euc-jp", "latin-1": "cp1252"}
_WEIGHT = {
    "cp1252": 1.15,
    **dict.fromkeys(("cp1258", "cp775", "cp855", "cp863", "cp865", "cp860", "iso8859-4", "mac-latin2"), 0.8),
    **dict.fromkeys(("iso8859-3", "iso8859-16", "iso8859-10", "mac-greek", "mac-turkish"), 0.75),
}
_TOLERANT = ("cp932", "gb18030", "cp950", "cp949", "euc-jp", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255")
_HALF = 0.3
_LOOK = 8 * 1024
_WEIGHED = 8
_HARDLY_FLAWED, _DECODABLE = 0.1, 0.7
_FEW_FIELDS, _LITTLE = 10, 6
_BEYOND = bytes(range(0x80, 0x100))

# None of these is the second byte of a character in any encoding.
_BETWEEN = re.compile(rb"[\r\n\t,;\"]")


@dataclass(frozen=True)
class _Guess:
    encoding: str
    flaws: float
    score: float


def fields_beyond_ascii(data: bytes) -> list[bytes]:
    """The different fields of `data` that hold bytes beyond ASCII, in order."""
    return [field for field in dict.fromkeys(_BETWEEN.split(data)) if not field.isascii()]


def guess(fields: Sequence[bytes]) -> str:
    """The encoding that most likely wrote `fields` (`fields_beyond_ascii`), which are not valid UTF-8 together.

    cp1252 where nothing tells; latin-1 instead if they hold a byte that cp1252 lacks, latin-9 if its letters fit better.
    """
    chosen = list(_spread(fields))
    text = b"\n".join(chosen)
    if western := unmistakable(text):
        return western
    best = _best(text)
    if best.flaws > _HARDLY_FLAWED and len(fields) >= _FEW_FIELDS:
        for name in _TOLERANT:
            good = [field for field in chosen if strictly(field, name) is not None]
            if _DECODABLE * len(chosen) <= len(good) < len(chosen):
                other = _best(b"\n".join(good))
                if other.encoding == name and other.flaws < best.flaws / 2 and other.score > 2 * best.score:
                    best = other
    best = _where_it_differs(chosen, best)
    says_little = len(text) - len(text.translate(None, _BEYOND)) < _LITTLE and best.flaws > _HARDLY_FLAWED
    return which_latin(b"\n".join(fields)) if says_little or best.encoding == "cp1252" else best.encoding


def _where_it_differs(fields: Sequence[bytes], best: _Guess) -> _Guess:
    """`best`, held against cp1252 by the fields that the two read differently: all others say nothing for either. A few letters that
    both have (`Šibenik`, `Žabljak`) would make names of all the world a Slavic text else, and `Genčve` of `Genève`. Where a consonant
    in the one is a vowel in the other, what can be spoken decides; else the detector, by those fields."""
    if best.encoding != "cp1250":
        return best
    pairs = [(field, strictly(field, "cp1250") or "", strictly(field, "cp1252") or "") for field in fields]
    apart = [(field, central, western) for field, central, western in pairs if central != western]
    if not apart:
        return best
    ranked = dict(_ranked(b"\n".join(field for field, _, _ in apart)))
    central, western = "\n".join(text for _, text, _ in apart), "\n".join(text for _, _, text in apart)
    spoken = unspeakable(central) - unspeakable(western)
    for_central = ranked.get("cp1250", 0.0) * max(1.0 - flaws(central), 0.02)
    for_western = ranked.get("cp1252", 0.0) * max(1.0 - flaws(western), 0.02)
    if (spoken > 0 and for_western > _HALF * for_central) or (spoken == 0 and for_western > for_central):
        return _Guess("cp1252", 0.0, for_western)
    return best


def _spread(fields: Sequence[bytes]) -> Iterable[bytes]:
    """Fields from all over, as many as are looked at."""
    size = sum(map(len, fields)) + len(fields)
    return fields[:: size // _LOOK + 1] if len(fields) > 1 else (field[:_LOOK] for field in fields)


def _best(text: bytes) -> _Guess:
    scores: dict[str, float] = {}
    texts: dict[str, str] = {}
    ranked = _ranked(text)
    for name, confidence in ranked[:_WEIGHED]:
        most = confidence * _WEIGHT.get(name, 1.0)
        if most > max(scores.values(), default=0.0) and (decoded := strictly(text, name)) is not None:
            texts[name] = decoded
            scores[name] = most * max(1.0 - flaws(decoded), 0.02)
    if not scores:
        return _Guess("cp1252", 0.0, 0.0)
    best = max(scores, key=lambda name: (scores[name], -_PLACE[name]))
    same = [name for name, _ in ranked if strictly(text, name) == texts[best]]
    return _Guess(min(same, key=_PLACE.__getitem__), flaws(texts[best]), scores[best])


def _ranked(text: bytes) -> list[tuple[str, float]]:
    """(encoding, confidence) by the detector, the best first."""
    # The detector loads its tables of languages when it is first used: only a file that needs it pays for it.
    import chardet

    found: dict[str, float] = {}
    for result in chardet.detect_all(
        text, ignore_threshold=True, compat_names=False, include_encodings=_ASKED, max_bytes=len(text) + 1
    ):
        if result["encoding"] is None:
            continue
        name = usual_name(result["encoding"])
        narrower = _NARROWER.get(name)
        if narrower is not None and strictly(text, narrower) is not None:
            name = narrower
        if name in _PLACE:
            found[name] = max(result["confidence"], found.get(name, 0.0))
    return sorted(found.items(), key=lambda item: (-item[1], _PLACE[item[0]]))
