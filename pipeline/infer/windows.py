"""Windows that a person would likely want of a table.

What belongs here: choosing groups, measures and length. What does not: how they are written down (`write`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pipeline.infer import hints
from pipeline.infer.decide import Decided
from pipeline.infer.facts import span_days
from pipeline.infer.fields import Field

_MOST_GROUPS, _MOST_MEASURES, _LONGEST = 50, 4, 40
_HOURLY_DAYS = 7
_GROUPING_CHECKS = frozenset({"isin", "str_length", "country", "currency", "language"})
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_TAKEN = frozenset(
    {"window_start", "window_end", "row_count", "revision", "computed_at", "is_final", "_delivery"}
    | {"local_start", "local_end", "day"}
)


@dataclass(frozen=True)
class Window:
    """A window.

    Attributes:
        name: its name; every: its length, None for totals over the table.
        by: fields that it groups by.
        measures: name → the aggregate as written.
    """

    name: str
    every: str | None
    by: tuple[str, ...]
    measures: dict[str, str]


def likely_window(dataset: str, decided: Decided) -> Window | None:
    """The window to begin with; None where there is neither a time nor anything to add up."""
    group = _group(decided)
    by = (group.name,) if group else ()
    measures = _measures(decided, by)
    tail = f"_by_{group.name}" if group else ""
    if decided.event_time is None:
        if not group or not measures:
            return None
        return Window(_fitting(f"by_{group.name}"), None, by, measures)
    time = next(field for field in decided.fields if field.name == decided.event_time)
    hourly = (
        isinstance(time.facts.least, datetime)
        and not time.facts.midnight
        and span_days(time.facts) <= _HOURLY_DAYS
    )
    plural = dataset.endswith("s") and _usable(dataset) and dataset not in (*by, *measures)
    all_measures = {dataset if plural else "rows": "agg.count()", **measures}
    word = "hourly" if hourly else "daily"
    return Window(_fitting(f"{word}{tail}"), "1h" if hourly else "1d", by, all_measures)


def _fitting(name: str) -> str:
    return name[:60].rstrip("_")


def _usable(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and name not in _TAKEN


def _group(decided: Decided) -> Field | None:
    """A column of few values, rather one by which figures are often told."""
    groups = [
        field
        for field in decided.fields
        if _usable(field.name)
        and field.name not in decided.key[:1]
        and not _is_address(field)
        and not field.cleaners[1:]
        and (field.distinct or 0) in range(2, _MOST_GROUPS + 1)
        and (field.distinct or 0) * 2 <= field.facts.values
        and field.facts.longest <= _LONGEST
        and any(letter.isalpha() for value in field.facts.counts or () for letter in value)
    ]
    groups.sort(key=lambda field: (not hints.groups(field.header), not _has_set(field), field.nullable))
    return groups[0] if groups else None


def _is_address(field: Field) -> bool:
    """Whether it holds e-mail addresses, UUIDs and the like: they name one thing each, even where few of them come."""
    return bool(field.checks) and field.checks[0].partition("=")[0] not in _GROUPING_CHECKS


def _has_set(field: Field) -> bool:
    return any(check.startswith("isin=") for check in field.checks)


def _measures(decided: Decided, by: Sequence[str]) -> dict[str, str]:
    """Sums of what adds up, means of other measures."""
    numbers = [
        field
        for field in decided.fields
        if field.kind in ("int", "float", "decimal")
        and _usable(field.name)
        and field.name not in decided.key
        and not (hints.identifies(field.header) or hints.is_calendar(field.header))
        and not any(check in ("latitude=True", "longitude=True") for check in field.checks)
    ]
    sums = [field for field in numbers if hints.adds_up(field.header)]
    means = [field for field in numbers if field not in sums and (field.kind != "int" or not sums)]
    measures = {field.name: f'agg.sum("{field.name}")' for field in sums}
    measures |= {_fitting(f"average_{field.name}"): f'agg.avg("{field.name}")' for field in means}
    chosen = {name: code for name, code in measures.items() if _usable(name) and name not in by}
    return dict(list(chosen.items())[:_MOST_MEASURES])
