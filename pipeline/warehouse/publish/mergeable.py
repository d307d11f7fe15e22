"""Whether a window's finished figures are enough to add rows to. What does not belong here: any SQL."""

from __future__ import annotations

from pipeline.contract import Dataset, TimeWindow
from pipeline.contract.windows import Session

_MERGEABLE = frozenset({"count", "sum", "min", "max", "rate", "distribution"})
"""Kinds of which the figures of two sets of rows give that of both. A mean does not: how many values it is of is not in it."""


def needs_rows(dataset: Dataset, window: TimeWindow) -> bool:
    """Whether the rows of the window's open ones are published beside their figures."""
    if dataset.publish == "nothing":
        return False
    return isinstance(window, Session) or any(
        measure.kind not in _MERGEABLE or measure.approximate for measure in window.measures.values()
    )
