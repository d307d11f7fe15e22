"""The pieces of SQL that every kind of window is written with: measures as columns, states that are shared.

What belongs here: columns of a SELECT. What does not: a kind of window (`compiler`, `sliding`, `cumulative`, `sessions`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.contract import Dataset, Window
from pipeline.warehouse.sql import LAST, ident, timestamp
from pipeline.warehouse.windows.measures import Keyed, State
from pipeline.warehouse.windows.ways import Planned, Way, plan

ROWS = State("count(*)", "sum({})::BIGINT")
SECONDS = f"((epoch_us(least(window_end, {timestamp(LAST)})) - epoch_us(window_start)) / 1e6)"


@dataclass
class Shared:
    """States under short names, each once however many measures need it; `row_count` is the count of rows.

    Attributes:
        names: state → its column.
    """

    names: dict[State, str] = field(default_factory=lambda: {ROWS: "row_count"})

    def name(self, state: State) -> str:
        """The column of a state."""
        return self.names.setdefault(state, f"_{len(self.names)}")

    def over_rows(self, moment: str) -> list[str]:
        """The states as aggregates over rows."""
        return [f"{state.sql.replace('{moment}', moment)} AS {name}" for state, name in self.names.items()]

    def merged(self, over: str = "") -> list[str]:
        """The states merged from states of the same names, as columns; over a frame where one is given."""
        found = []
        for state, name in self.names.items():
            head, cast, spelled = state.merge.replace("{}", name).partition("::")
            found.append(f"{f'({head} {over})' if over else head}{cast}{spelled} AS {name}")
        return found


@dataclass(frozen=True)
class Columns:
    """The measures of one window, ready to be written.

    Attributes:
        by: group columns, quoted.
        planned: measures with their ways.
        shared: states of the measures that have any.
        direct: column of a measure without states → its aggregate over rows, but of those that go by keys.
        finals: measure → SQL of its result over the columns above.
    """

    by: tuple[str, ...]
    planned: Sequence[Planned]
    shared: Shared
    direct: Mapping[str, str]
    finals: Mapping[str, str]

    def of_way(self, way: Way) -> list[Planned]:
        """The measures that go that way."""
        return [one for one in self.planned if one.way is way]

    def over_rows(self, moment: str) -> list[str]:
        """The states, and the measures that have none, as aggregates over rows."""
        return [*self.shared.over_rows(moment), *self.directly(self.direct)]

    def directly(self, names: Iterable[str]) -> list[str]:
        """Measures without states, by their columns, as aggregates over rows."""
        return [f"{self.direct[name]} AS {name}" for name in names]

    @property
    def raw(self) -> list[str]:
        """The columns that a kind of window has to give: states, and results that have none."""
        return [
            *self.shared.names.values(),
            *(one.column for one in self.planned if one.way is Way.KEYS or one.column in self.direct),
        ]

    def results(self, window: str) -> list[str]:
        """The measures as columns; `window` are the columns that tell windows apart."""
        return [
            f"{self.finals[one.name].replace('{seconds}', SECONDS).replace('{window}', window)} AS {ident(one.name)}"
            for one in self.planned
        ]


def columns_of(dataset: Dataset, window: Window) -> Columns:
    """The measures of a window as columns."""
    planned = plan(dataset, window)
    shared = Shared()
    direct: dict[str, str] = {}
    finals: dict[str, str] = {}
    for one in planned:
        measure = one.measure
        parts = [shared.name(state) for state in measure.states]
        if not parts:
            parts = [one.column]
        if one.way is not Way.KEYS and not measure.states:
            assert measure.direct is not None
            direct[one.column] = measure.direct
        final = measure.final
        for number, part in enumerate(parts):
            final = final.replace(f"{{{number}}}", part)
        finals[one.name] = final
    return Columns(tuple(ident(name) for name in window.by), planned, shared, direct, finals)


def by_key(one: Planned, keys: Sequence[str], reads: str, *, picked: Sequence[str] | None = None) -> str:
    """SELECT of the states of a measure that goes by keys: `keys`, `_key`, `_held`.

    Args:
        keys: columns that tell windows and groups apart.
        reads: FROM of the rows.
        picked: SQL of `keys` over the rows, where they are not columns of theirs.
    """
    keyed, condition = keyed_of(one), one.measure.condition
    where = f"\n  WHERE {condition}" if condition else ""
    columns = listed([*(picked or keys), f"{keyed.key} AS _key", f"{keyed.state.sql} AS _held"])
    return f"SELECT {columns}\n  {reads}{where}\n  GROUP BY ALL"


def keyed_result(one: Planned, keys: Sequence[str], states: str) -> str:
    """SELECT of `keys` and the measure's column from the states `by_key` gives."""
    grouped = f"\n  GROUP BY {', '.join(keys)}" if keys else ""
    return f"SELECT {listed([*keys, f'{keyed_of(one).result} AS {one.column}'])}\n  FROM {states}{grouped}"


def keyed_of(one: Planned) -> Keyed:
    """How a measure is had from keys."""
    assert one.measure.keyed is not None
    return one.measure.keyed


def with_keyed(columns: Columns, keys: Sequence[str], figures: str, reads: str) -> str:
    """`figures`, a SELECT of `keys` and of all columns but those by keys, with these; `reads` is FROM of rows that have `keys` too."""
    by_keys = columns.of_way(Way.KEYS)
    if not by_keys:
        return figures
    joins, picked = [], ["figures.*"]
    for number, one in enumerate(by_keys):
        name = f"keyed_{number}"
        result = keyed_result(one, keys, f"(\n  {by_key(one, keys, reads)}\n  )")
        joins.append(f"LEFT JOIN (\n  {result}\n  ) AS {name} ON {matched(keys, 'figures', name)}")
        picked.append(f"{none_as_zero(one, f'{name}.{one.column}')} AS {one.column}")
    joined = "\n  ".join(joins)
    return f"SELECT {listed(picked)}\n  FROM (\n  {figures}\n  ) AS figures\n  {joined}"


def none_as_zero(one: Planned, column: str) -> str:
    """The column of a measure that goes by keys: zero where no value is in the window."""
    return f"coalesce({column}, {one.measure.zero})"


def listed(parts: Sequence[str], indent: str = "    ") -> str:
    """Columns of a SELECT, one a line."""
    return f",\n{indent}".join(parts)


def matched(by: Sequence[str], left: str, right: str) -> str:
    """Whether two rows are of one group: nulls are a group like any other."""
    return " AND ".join(f"{left}.{name} IS NOT DISTINCT FROM {right}.{name}" for name in by) or "true"
