"""How much a text looks like writing, once it was decoded: the wrong encoding shows.

What belongs here: what no language does (a capital after a small letter, two scripts in a word, signs among letters). What
does not: languages, and choosing.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

# One letter for what a character is: a A ASCII letters, l L other Latin, c C Cyrillic, g G Greek, h Hebrew, r Arabic,
# t Thai, k ideographs, j kana, w half-width kana, o Hangul, b boxes, s signs, p punctuation of writing, q opening quotes, x none of text.
_SCRIPTS = {
    "CYRILLIC": "c",
    "GREEK": "g",
    "HEBREW": "h",
    "ARABIC": "r",
    "THAI": "t",
    "CJK": "k",
    "HIRAGANA": "j",
    "KATAKANA": "j",
    "HALFWIDTH": "w",
    "HANGUL": "o",
    "LATIN": "l",
}
_PUNCTUATION = "«»‹›“”‘’–—…·§°€№¡¿、。・「」（），：；！？ー％～《》【】×²³\xa0\xad"
_LOW_QUOTES = "„‚"

# Letters beyond ASCII of languages in Latin script.
_ALPHABETS = tuple(
    frozenset(letters + letters.upper())
    for letters in (
        *("äöüßé", "éèêëàâîïôùûüçœæ", "áéíóúüñçº", "áâãàçéêíóôõúüª", "àèéìòùóç", "éëïóöüèêáí", "åäöéøæüá"),
        *("áðéíóúýþæö", "ąćęłńóśźż", "áčďéěíňóřšťúůýžäľĺôŕ", "áéíóöőúüű", "ăâîșțşţ", "čćđšž", "çğıöşüâîûİ"),
        *("ąčęėįšųūž", "āčēģīķļņšūž", "äöõüšž", "çëê", "ĉĝĥĵŝŭ", "ċġħżà", "àçèéíïòóúü"),
    )
)
_STRANGER = 0.6

_WORD = "aAlLcCgGhrtkjwo"
_FLAWS: tuple[tuple[re.Pattern[str], float], ...] = (
    (re.compile("x"), 4.0),
    (re.compile("[alcg][LCG]|[lcg][A]"), 1.5),
    (re.compile("[aAlL][cCgGhrtwo]|[cCgGhrtwo][aAlL]"), 1.0),
    (re.compile("[cC][gGhrtkjwo]|[gG][cChrtkjwo]|[hrt][cCgGkjwo]|o[hrtcCgGjw]|[kj][hrtcCgGow]"), 1.0),
    (re.compile(f"(?<=[{_WORD}])[sb](?=[{_WORD}])"), 1.5),
    (re.compile(f"[sb](?=[{_WORD}])|(?<=[{_WORD}])[sb]"), 0.7),
    (re.compile("(?<=[alL])p(?=[alL])|(?<=[cChrtgG])p(?=[cChrtgG])"), 0.3),
    (re.compile(f"(?<=[{_WORD}])q"), 1.5),
    (re.compile("(?<!b)b(?!b)"), 0.7),
    (re.compile("(?<![kjow])[kjo](?![kjow])"), 0.5),
    (re.compile("[aA][kjo][aA]"), 1.0),
    (re.compile("(?<!w)ww?(?!w)"), 0.5),
    (re.compile("s"), 0.2),
)


_BEYOND = re.compile("[^\x00-\x7f]")


class _Kinds(dict[int, str]):
    """Character → its letter, found once."""

    def __missing__(self, code: int) -> str:
        kind = self[code] = _kind(chr(code))
        return kind


def _kind(character: str) -> str:
    if character.isascii():
        if character.isalpha():
            return "a" if character.islower() else "A"
        return "d" if character.isdigit() else "."
    if character in _PUNCTUATION:
        return "p"
    if character in _LOW_QUOTES:
        return "q"
    category = unicodedata.category(character)
    if category in ("Cc", "Cn", "Co", "Cs", "Cf"):
        return "x"
    name = unicodedata.name(character, "")
    if name.startswith("BOX ") or "BLOCK" in name or "SHADE" in name:
        return "b"
    if category[0] in "LM":
        script = _SCRIPTS.get(name.split(" ", 1)[0], "s")
        return script.upper() if category == "Lu" else script
    return "p" if category in ("Ps", "Pe", "Zs") else "s"


_KINDS = _Kinds()


def flaws(text: str) -> float:
    """Flaws per character beyond ASCII: about 0 for writing, 1 and more for what was decoded wrongly."""
    beyond = _BEYOND.findall(text)
    if not beyond:
        return 0.0
    kinds = text.translate(_KINDS)
    found = sum(weight * len(pattern.findall(kinds)) for pattern, weight in _FLAWS)
    return (found + _STRANGER * _strangers(Counter(beyond))) / len(beyond)


def _strangers(letters: Counter[str]) -> int:
    """Latin letters that the language which has most of them lacks."""
    latin = {letter: times for letter, times in letters.items() if _KINDS[ord(letter)] in "lL"}
    known = max(sum(latin.get(letter, 0) for letter in alphabet) for alphabet in _ALPHABETS)
    return sum(latin.values()) - known


_LATIN_WORD = re.compile(r"[^\W\d_]+")
_VOWELS = "aeiouyøæœı"
# A vowel beside a vowel, or one of three consonants and more, for a letter beyond ASCII (in capitals); an r or l between consonants may be
# a vowel. No Icelandic word begins with ð, and no Romanian one has ă before e or o.
_SYLLABIC = re.compile("(?<=[cC])r(?=[cC])")
_UNSPEAKABLE = re.compile("V[vV]|vV|(?=[cCr]{0,2}C)[cCr]{3}")
_STRANGE = re.compile("^ð|ă[eo]")


def unspeakable(text: str) -> int:
    """Words in Latin script of `text` that nobody could say, for a letter beyond ASCII in them."""
    return sum(1 for word in _LATIN_WORD.findall(text) if _is_unspeakable(word.casefold()))


def _is_unspeakable(word: str) -> bool:
    sounds = []
    for letter in word:
        base = unicodedata.normalize("NFD", letter)[0]
        sound = "v" if base in _VOWELS else "r" if letter in "rl" else "c"
        sounds.append(sound if letter.isascii() else sound.upper())
    return bool(_UNSPEAKABLE.search(_SYLLABIC.sub("v", "".join(sounds))) or _STRANGE.search(word))
