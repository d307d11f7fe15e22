"""Cleaners of texts with HTML in them.

What belongs here: markup out, or only what is allowed of it. What does not: other characters that have no place in a text.
Done by nh3 on the distinct values that hold markup.
"""

from __future__ import annotations

import html as entities
import re
from collections.abc import Collection, Mapping
from functools import cache
from typing import TYPE_CHECKING

from pipeline.contract.cleaning.cleaner import Cleaner, by_distinct, fingerprint, words_of, wrong

if TYPE_CHECKING:
    import nh3

# A `<` that begins no tag and an `&` that begins no entity are plain text: `a < b`, `AT&T`.
_MARKUP = r"</?[A-Za-z][^<>]*>|<!--|<!DOCTYPE|<!\[CDATA|&(?:#[0-9]+|#[xX][0-9a-fA-F]+|[A-Za-z][A-Za-z0-9]*);"
# Where one of these stands, the words on both sides are apart.
_APART = re.compile(r"<(?:br|hr)\b[^<>]*>|</(?:p|div|li|tr|td|th|h[1-6])>", re.IGNORECASE)
_NOT_SHOWN = frozenset({"script", "style"})


@cache
def _no_tags() -> nh3.Cleaner:
    import nh3

    return nh3.Cleaner(tags=set(), attributes={}, clean_content_tags=set(_NOT_SHOWN))


def _bare(text: str) -> str:
    if "<" in text:
        text = _no_tags().clean(_APART.sub(r" \g<0>", text))
    return entities.unescape(text).strip()


html = Cleaner(
    "html", by_distinct(_bare), lambda value: value.str.contains(_MARKUP), fingerprint("html"), mends=True
)


def sanitise(
    tags: Collection[str] | None = None, attributes: Mapping[str, Collection[str]] | None = None
) -> Cleaner:
    """Safe HTML of HTML from strangers: only the allowed tags and attributes stay; scripts and handlers go.

    Args:
        tags: allowed tags; None: those of everyday text (nh3's own list).
        attributes: tag (`"*"`: every tag) → its allowed attributes; None: nh3's own list.
    """
    import nh3

    allowed = set(nh3.ALLOWED_TAGS) if tags is None else set(words_of("sanitise", "tags", tags))
    kept = _attributes(attributes)
    if allowed & _NOT_SHOWN:
        raise wrong("sanitise", "tags allows script or style", "take them out: no HTML with them is safe")
    link_rel = None if "rel" in kept.get("a", set()) | kept.get("*", set()) else "noopener noreferrer"

    sanitiser = nh3.Cleaner(
        tags=allowed, attributes=kept, clean_content_tags=set(_NOT_SHOWN), link_rel=link_rel
    )
    shown = sorted((tag, sorted(names)) for tag, names in kept.items())
    return Cleaner(
        "sanitise",
        by_distinct(sanitiser.clean),
        lambda value: value.str.contains("[<>&]"),
        fingerprint("sanitise", sorted(allowed), shown),
    )


def _attributes(given: Mapping[str, Collection[str]] | None) -> dict[str, set[str]]:
    if given is None:
        import nh3

        return {tag: set(names) for tag, names in nh3.ALLOWED_ATTRIBUTES.items()}
    if not isinstance(given, Mapping):
        raise wrong("sanitise", f"attributes is {given!r}", 'give a mapping: attributes={"a": ["href"]}')
    return {tag: set(words_of("sanitise", f"attributes[{tag!r}]", names)) for tag, names in given.items()}
