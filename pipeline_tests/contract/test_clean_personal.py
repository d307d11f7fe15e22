"""Personal data: what is hidden is hidden, and no key is to be seen anywhere."""

from __future__ import annotations

import hashlib
import hmac
import traceback

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.contract import Cleaner, clean
from pipeline.contract.cleaners import MissingKey
from pipeline.contract.stable import stable_text

KEY = b"a key that nobody may ever see 42"
HASH = clean.hash("customers")
BOUND = HASH.bound({"customers": KEY}.get)


def _cleaned(cleaner: Cleaner, *values: str | None) -> list[str | None]:
    return cleaner.apply(pl.Series("v", values, pl.String)).to_list()


def test_the_hash_is_hmac_sha256() -> None:
    wanted = hmac.new(KEY, "Änn".encode(), hashlib.sha256).hexdigest()
    assert _cleaned(BOUND, "Änn", None, "Änn", "") == [wanted, None, wanted, ""]


def test_another_key_gives_another_hash_and_the_same_fingerprint() -> None:
    other = HASH.bound(lambda name: KEY[::-1])
    assert _cleaned(other, "x") != _cleaned(BOUND, "x")
    assert other.fingerprint == BOUND.fingerprint == HASH.fingerprint
    assert clean.hash("customers-2").fingerprint != HASH.fingerprint


def test_the_key_is_in_no_text_about_the_cleaner() -> None:
    shown = repr(BOUND) + str(BOUND) + BOUND.fingerprint + stable_text(BOUND)
    assert KEY.decode() not in shown
    assert repr(KEY) not in shown


def test_the_key_is_not_in_an_error_on_the_way() -> None:
    with pytest.raises(pl.exceptions.PolarsError) as caught:
        BOUND.apply(pl.Series("v", [1]))
    assert KEY.decode() not in "".join(traceback.format_exception(caught.value))


def test_a_hash_without_its_key_is_never_run() -> None:
    with pytest.raises(MissingKey, match="without its key 'customers'"):
        _cleaned(HASH, "x")


def test_a_key_that_is_not_set_or_too_short_is_refused_without_showing_it() -> None:
    with pytest.raises(MissingKey, match="needs the key 'customers', which is not set"):
        HASH.bound({"default": KEY}.get)
    with pytest.raises(MissingKey, match="shorter than 16 bytes") as caught:
        HASH.bound(lambda name: b"hunter2")
    assert "hunter2" not in str(caught.value)


def test_a_cleaner_without_a_key_is_bound_to_none() -> None:
    assert clean.mask().bound(lambda name: None) is not None
    assert clean.strip.bound({}.get) is clean.strip


def test_which_cleaners_hide() -> None:
    hiding = [clean.mask(), clean.redact(), HASH, BOUND]
    assert all(cleaner.hides and not cleaner.mends for cleaner in hiding)
    assert not any(
        cleaner.hides for cleaner in (clean.strip, clean.number(), clean.map({"a": "b"}), clean.digits)
    )


@given(text=st.text(min_size=1, max_size=30), keep=st.integers(0, 6))
def test_a_mask_shows_the_end_only_and_at_most_half(text: str, keep: int) -> None:
    (masked,) = _cleaned(clean.mask(keep_last=keep), text)
    assert masked is not None
    shown = keep if len(text) >= 2 * keep else 0
    assert masked == "*" * (len(text) - shown) + text[len(text) - shown :]
