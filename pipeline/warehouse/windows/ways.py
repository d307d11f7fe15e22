"""Which way each measure of a window is computed, by rule, and why.

What belongs here: the rule. What does not: the SQL of a way (`compiler`, `sliding`, `cumulative`, `sessions`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pipeline.contract import Cumulative, Dataset, Sliding, Window
from pipeline.warehouse.sql import ident
from pipeline.warehouse.windows.measures import Measure, measure_of


class Way(StrEnum):
    """How a measure is computed."""

    ROWS = "rows"
    PANES = "panes"
    LISTS = "lists"
    CHANGES = "changes"
    KEYS = "keys"


@dataclass(frozen=True)
class Planned:
    """A measure of a window and its way.

    Attributes:
        name: of the result column.
        measure: its SQL.
        way: how it is computed in this window.
        reason: why, for people.
    """

    name: str
    measure: Measure
    way: Way
    reason: str

    @property
    def column(self) -> str:
        """The quoted column that holds the result of a measure without states, on the way to its name."""
        return ident(f"_{self.name}")


def plan(dataset: Dataset, window: Window) -> list[Planned]:
    """The measures of a window, in order, each with its way."""
    columns = {column.name: column for column in dataset.columns}
    found = []
    for name, aggregate in window.measures.items():
        measure = measure_of(aggregate, None if aggregate.column is None else columns[aggregate.column])
        found.append(Planned(name, measure, *_way(window, measure)))
    return found


def overlap(window: Window) -> float:
    """In how many windows a row is."""
    if isinstance(window, Sliding):
        return window.length / window.step
    return window.length / window.step / 2 if isinstance(window, Cumulative) else 1.0


def _way(window: Window, measure: Measure) -> tuple[Way, str]:
    if isinstance(window, Sliding) and window.length > window.step:
        return _sliding(window, measure)
    if isinstance(window, Cumulative):
        return _cumulative(measure)
    if measure.direct is None and measure.keyed is not None:
        return Way.KEYS, "rows are put into registers, of which each window has so many at most"
    return Way.ROWS, "each row is in one window: one aggregation over the rows"


def _sliding(window: Sliding, measure: Measure) -> tuple[Way, str]:
    panes = window.length // window.pane
    if measure.states:
        return Way.PANES, f"rows are aggregated per {window.pane} once, {panes} of these make a window"
    if measure.keyed is not None:
        return (
            Way.KEYS,
            f"rows are aggregated per value and {window.pane} once, {panes} of these make a window",
        )
    if measure.distinct is not None:
        return (
            Way.CHANGES,
            "each value counts from the pane that it comes with until the one after its last: a running sum",
        )
    if measure.of_values is not None and overlap(window) >= 2:
        return (
            Way.LISTS,
            f"values are listed once, in pieces of {window.length}; a window is the end of one and the start of the next",
        )
    if measure.of_values is not None:
        return (
            Way.ROWS,
            "windows overlap so little that placing each row in its windows costs less than lists",
        )
    return Way.ROWS, "it cannot be merged from parts: each row is placed in its windows"


def _cumulative(measure: Measure) -> tuple[Way, str]:
    if measure.states:
        return Way.PANES, "rows are aggregated per step once, a running aggregate over the steps of a period"
    if measure.keyed is not None:
        return (
            Way.KEYS,
            "rows are aggregated per value and step once, these are placed in the windows that follow",
        )
    if measure.distinct is not None:
        return Way.CHANGES, "each value counts from the step in which it first occurs: a running sum"
    return (
        Way.ROWS,
        "it cannot be merged from parts: each row is placed in the windows of its period that follow",
    )
