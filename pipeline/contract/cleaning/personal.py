"""Cleaners that keep personal data from the disk: masked, hashed, or replaced.

What belongs here: changes after which the value cannot be had back. What does not: where keys come from (settings; ingest hands
them over), and what else must not be written for such a column (ingest acts on `Cleaner.hides`).
"""

from __future__ import annotations

import hmac

import polars as pl

from pipeline.contract.cleaning.cleaner import (
    Change,
    Cleaner,
    by_distinct,
    fingerprint,
    require_text,
    unbound,
    wrong,
)


def mask(keep_last: int = 4, char: str = "*") -> Cleaner:
    """All but the last characters hidden: `"DE89370400440532013000"` → `"******************3000"`.

    A text shorter than twice `keep_last` is hidden as a whole: of a short one the end would tell most.
    """
    if not isinstance(keep_last, int) or isinstance(keep_last, bool) or keep_last < 0:
        raise wrong("mask", f"keep_last is {keep_last!r}", "give a whole number from 0")
    if not isinstance(char, str) or len(char) != 1:
        raise wrong("mask", f"char is {char!r}", "give one character")

    def change(value: pl.Expr) -> pl.Expr:
        length = value.str.len_chars().cast(pl.Int64)
        shown = pl.when(length >= 2 * keep_last).then(keep_last).otherwise(0)
        return value.str.slice(length - shown).str.pad_start(length, char)

    return Cleaner("mask", change, None, fingerprint("mask", keep_last, char), hides=True)


def redact(text: str = "(redacted)") -> Cleaner:
    """Every value that is not empty becomes one text."""
    require_text("redact", "text", text)
    return Cleaner(
        "redact",
        lambda value: pl.when(value.is_not_null()).then(pl.lit(text, pl.String)),
        lambda value: value != "",
        fingerprint("redact", text),
        hides=True,
    )


def hashed(key: str = "default") -> Cleaner:
    """Keyed hash, irreversible: 64 hex digits of HMAC-SHA256. Equal values have equal hashes, so that they still join.

    Clean the value first (`[clean.strip, clean.lower, clean.hash()]`): `Ann` and `ann` have different hashes.

    Args:
        key: name of the key in the settings. A new key gets a new name: the name, never the key, is in the fingerprint.
    """
    require_text("hash", "key", key)
    return Cleaner(
        "hash",
        unbound("hash", key),
        lambda value: value != "",
        fingerprint("hash", key),
        hides=True,
        key=key,
        keyed=_keyed,
    )


def _keyed(key: bytes) -> Change:
    return by_distinct(lambda text: hmac.digest(key, text.encode(), "sha256").hex())
