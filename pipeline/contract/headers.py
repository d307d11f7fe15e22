"""When two column names are the same name. What does not belong here: which column a file's header goes to (`ingest.mapping`)."""

from __future__ import annotations

import re
import unicodedata

_NOISE = re.compile(r"[\W_]+")


def normalise(name: str) -> str:
    """A name without case, spaces and punctuation: `"Order-ID "` and `"order_id"` are both `"orderid"`.

    A name made of punctuation alone stays as it is.
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    return _NOISE.sub("", folded) or folded.strip()
