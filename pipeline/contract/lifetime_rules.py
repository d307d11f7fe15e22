"""Validation of how long a dataset waits for rows, and how long it keeps them. What does not belong here: what is done about it
(`warehouse`)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pipeline.contract.durations import longest, parse_duration, parse_period
from pipeline.contract.errors import ContractError
from pipeline.contract.windows import Session

if TYPE_CHECKING:
    from pipeline.contract.dataset import Dataset

_CHOICES = {"late": ("repair", "hold"), "publish": ("windows", "all", "nothing")}


def check_lifetime(dataset: Dataset) -> None:
    """Raise ContractError for the first of lateness, publishing and retention that is declared wrongly."""
    for field, choices in _CHOICES.items():
        value: Any = getattr(dataset, field)
        if value not in choices:
            said = ", ".join(f'"{choice}"' for choice in choices)
            raise ContractError(dataset.name, field, f"is {value!r}", f"Write one of {said}.")
    for field in ("lateness", "idle_after", "keep_rows", "keep_windows"):
        _length(dataset, field)
    nights: Any = dataset.nightly_days
    if not isinstance(nights, int) or isinstance(nights, bool) or nights < 0:
        raise ContractError(dataset.name, "nightly_days", f"is {nights!r}", "Write a number of days: 7.")
    if dataset.late == "hold" and dataset.lateness is None:
        raise ContractError(
            dataset.name, "late", "holds late rows, but no lateness is declared", 'Set lateness="2h".'
        )
    if dataset.event_time is None:
        for field in ("lateness", "keep_rows", "keep_windows"):
            if getattr(dataset, field) is not None:
                raise ContractError(
                    dataset.name, field, "needs an event time", "Set event_time= to a datetime column."
                )
    _check_retention(dataset)


def _length(dataset: Dataset, field: str) -> timedelta | None:
    given: str | None = getattr(dataset, field)
    if given is None:
        return None
    try:
        return longest(parse_period(given)) if field.startswith("keep") else parse_duration(given)
    except ValueError as error:
        raise ContractError(dataset.name, field, str(error), 'Write for example "2d".') from error


def _check_retention(dataset: Dataset) -> None:
    rows, windows = _length(dataset, "keep_rows"), _length(dataset, "keep_windows")
    if rows is None:
        return
    if dataset.totals:
        raise ContractError(
            dataset.name,
            "keep_rows",
            f"would shrink the total {dataset.totals[0].name!r} as its rows go",
            'Use Tumbling(every="1y") in its place, or keep all rows.',
        )
    for window in dataset.time_windows:
        length = window.pause if isinstance(window, Session) else window.length
        if rows < length + dataset.allowed_lateness:
            raise ContractError(
                dataset.name,
                "keep_rows",
                f"is shorter than window {window.name!r} with the lateness: its rows would go before it is final",
                f'Keep them for at least {-(-(length + dataset.allowed_lateness) // timedelta(days=1))} days: keep_rows="…d".',
            )
    if windows is not None and windows < rows:
        raise ContractError(
            dataset.name, "keep_windows", "is shorter than keep_rows", "Windows are to outlive their rows."
        )
