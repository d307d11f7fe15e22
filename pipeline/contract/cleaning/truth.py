"""Cleaners of truth values.

What belongs here: words for yes and no, by language. What does not: the cast to Boolean, which reads a few English ones itself.
"""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from pipeline.contract.cleaning.cleaner import Cleaner, fingerprint, words_of, wrong

SIGNS = (("1", "x", "✓", "✔", "☑"), ("0", "✗", "✘", "☐"))
WORDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "en": (("true", "t", "yes", "y", "on"), ("false", "f", "no", "n", "off")),
    "de": (("wahr", "ja", "j"), ("falsch", "nein")),
    "fr": (("vrai", "oui", "o"), ("faux", "non")),
    "es": (("verdadero", "sí", "si", "s"), ("falso", "no")),
    "it": (("vero", "sì", "si", "s"), ("falso", "no")),
    "nl": (("waar", "ja", "j"), ("onwaar", "niet waar", "nee", "neen")),
    "pl": (("prawda", "tak"), ("fałsz", "falsz", "nie")),
    "pt": (("verdadeiro", "sim", "s"), ("falso", "não", "nao")),
}
# What the cast to Boolean reads itself.
_CAST = ({"true", "t", "yes", "y", "1"}, {"false", "f", "no", "n", "0"})


def boolean(
    true: Collection[str] = (), false: Collection[str] = (), languages: Collection[str] = tuple(WORDS)
) -> Cleaner:
    """Words for yes and no → `"true"` and `"false"`; whole value, any case, blanks round it forgiven.

    Args:
        true: further words for true; they go before the built-in ones.
        false: further words for false.
        languages: whose built-in words are read (en, de, fr, es, it, nl, pl, pt); none: only the words given and no signs.

    Raises:
        ValueError: a word for both, or an unknown language.
    """
    yes = {_folded(word) for word in words_of("boolean", "true", true)}
    no = {_folded(word) for word in words_of("boolean", "false", false)}
    both = sorted(yes & no)
    if both:
        raise wrong("boolean", f"{both[0]!r} stands for true and for false", "give it to one of them")
    chosen = words_of("boolean", "languages", languages)
    unknown = sorted(set(chosen) - set(WORDS))
    if unknown:
        raise wrong("boolean", f"language {unknown[0]!r} is not known", f"take from {', '.join(WORDS)}")
    built_in = [WORDS[language] for language in chosen] + ([SIGNS] if chosen else [])
    given = yes | no
    yes |= {_folded(word) for words, _ in built_in for word in words} - given
    no |= {_folded(word) for _, words in built_in for word in words} - given
    table = dict.fromkeys(yes, "true") | dict.fromkeys(no, "false")
    if not table:
        raise wrong("boolean", "there is no word to read", "give true=[…] and false=[…]")

    def change(value: pl.Expr) -> pl.Expr:
        plain = value.str.strip_chars().str.to_lowercase()
        return plain.replace_strict(list(table), list(table.values()), default=value, return_dtype=pl.String)

    return Cleaner(
        "boolean",
        change,
        lambda value: ~value.is_in(["true", "false"]),
        fingerprint("boolean", sorted(yes), sorted(no)),
        mends=not (yes & _CAST[1] or no & _CAST[0]),
    )


def _folded(word: str) -> str:
    return word.strip().lower()
