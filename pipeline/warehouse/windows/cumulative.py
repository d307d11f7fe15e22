"""Windows that grow within a period: rows are aggregated per step, a running aggregate goes over the steps.

What belongs here: the SQL of cumulative windows. What does not: what they measure (`measures`), which way (`ways`).
"""

from __future__ import annotations

from pipeline.contract.windows import MICROSECOND
from pipeline.warehouse.sql import interval
from pipeline.warehouse.windows.body import Body, bucket
from pipeline.warehouse.windows.columns import by_key, keyed_of, keyed_result, listed, matched, none_as_zero
from pipeline.warehouse.windows.ways import Planned, Way

_FRAME = "OVER (PARTITION BY {group} ORDER BY _step ROWS UNBOUNDED PRECEDING)"


def write(body: Body) -> str:
    """SQL of window_start, window_end, groups, raw columns."""
    return _Writer(body).windows()


class _Writer:
    def __init__(self, body: Body) -> None:
        grid = body.grid
        assert grid.rises is not None
        self.body, self.columns = body, body.columns
        self.rises = grid.rises
        self.local = grid.rises_locally
        self.period = bucket(grid, grid.step, body.shown)
        self.group = ", ".join(["_slot", *self.columns.by])
        self.keys = ("_slot", *self.columns.by)

    def windows(self) -> str:
        parts = {"stepped": self._stepped(), "panes": self._panes(), "dense": self._dense()}
        joins = [f"LEFT JOIN panes ON {self._same('panes')}"]
        frame = _FRAME.replace("{group}", ", ".join(f"dense.{name}" for name in self.keys)).replace(
            "_step", "dense._step"
        )
        running = self.columns.shared.merged(frame)
        for number, one in enumerate(self.columns.of_way(Way.CHANGES)):
            parts[f"firsts_{number}"] = self._firsts(one)
            joins.append(f"LEFT JOIN firsts_{number} ON {self._same(f'firsts_{number}')}")
            count = f"(sum(coalesce(firsts_{number}._count, 0)) {frame})::BIGINT"
            running.append(f"{count} AS {one.column}")
        by_rows = self.columns.of_way(Way.ROWS)
        if by_rows:
            parts["by_rows"] = self._by_rows(by_rows)
            joins.append(f"JOIN by_rows ON {self._same('by_rows')}")
            running += [f"by_rows.{one.column}" for one in by_rows]
        for number, one in enumerate(self.columns.of_way(Way.KEYS)):
            parts |= self._keyed(one, number)
            joins.append(f"LEFT JOIN keyed_{number} ON {self._same(f'keyed_{number}')}")
            running.append(f"{none_as_zero(one, f'keyed_{number}.{one.column}')} AS {one.column}")
        chain = ", ".join(f"{name} AS (\n  {sql}\n  )" for name, sql in parts.items())
        picked = [f"dense.{name}" for name in (*self.keys, "_step")] + running
        joined = "\n  ".join(joins)
        return self._timed(f"WITH {chain}\n  SELECT {listed(picked)}\n  FROM dense {joined}")

    def _same(self, other: str) -> str:
        return f"{matched((*self.keys, '_step'), 'dense', other)}"

    def _stepped(self) -> str:
        """The rows with their period and the number of their step in it."""
        since = f"epoch_us({self.body.shown}) - epoch_us({self.period})"
        if not self.local:
            since = f"epoch_us({self.body.moment}) - epoch_us({self.body.utc(self.period)})"
        step = f"({since}) // {self.rises // MICROSECOND}"
        return f"SELECT *, {self.period} AS _slot, {step} AS _step\n  {self.body.reads}"

    def _panes(self) -> str:
        states = self.columns.shared.over_rows(self.body.moment)
        return f"SELECT {listed([self.group, '_step', *states])}\n  FROM stepped GROUP BY {self.group}, _step"

    def _dense(self) -> str:
        """Every step of a period from the first in which the group has a row."""
        end = f"_slot + {interval(self.body.grid.length)}"
        length = f"epoch_us({end}) - epoch_us(_slot)"
        if not self.local:
            length = f"epoch_us({self.body.utc(f'({end})')}) - epoch_us({self.body.utc('_slot')})"
        width = self.rises // MICROSECOND
        steps = f"({length} + {width - 1}) // {width}"
        return (
            f"SELECT {self.group}, unnest(range(min(_step), {steps})) AS _step\n"
            f"  FROM panes GROUP BY {self.group}"
        )

    def _firsts(self, one: Planned) -> str:
        only = f"\n  WHERE {one.measure.condition}" if one.measure.condition else ""
        first = f"SELECT {self.group}, min(_step) AS _step\n  FROM stepped{only} GROUP BY {self.group}, {one.measure.distinct}"
        return f"SELECT {self.group}, _step, count(*) AS _count FROM (\n  {first}\n  ) GROUP BY {self.group}, _step"

    def _keyed(self, one: Planned, number: int) -> dict[str, str]:
        """States per value and step, put together in each window that they are in."""
        keys, states = [*self.keys, "_step"], f"states_{number}"
        merged = keyed_of(one).state.merge.replace("{}", "_held")
        placed = (
            f"SELECT {', '.join(f'{states}.{name}' for name in self.keys)}, dense._step, _key, {merged} AS _held\n"
            f"  FROM {states} JOIN dense ON {matched(self.keys, states, 'dense')} AND {states}._step <= dense._step\n  GROUP BY ALL"
        )
        return {
            states: by_key(one, keys, "FROM stepped"),
            f"keyed_{number}": keyed_result(one, keys, f"(\n  {placed}\n  )"),
        }

    def _by_rows(self, measures: list[Planned]) -> str:
        direct = self.columns.directly(one.column for one in measures)
        placed = f"SELECT stepped.*, dense._step AS _until\n  FROM stepped JOIN dense ON {matched(self.keys, 'stepped', 'dense')} AND stepped._step <= dense._step"
        return (
            f"SELECT {self.group}, _until AS _step, {', '.join(direct)}\n"
            f"  FROM (\n  {placed}\n  ) GROUP BY {self.group}, _until"
        )

    def _timed(self, steps: str) -> str:
        """Start and end in UTC; the last window of a period ends with it. Of steps that end at one moment, for the clock skips what is
        between them, only the first gives a window."""
        end = self.body.utc(f"(_slot + {interval(self.body.grid.length)})")
        start = self.body.utc("_slot")

        def ends(steps: str) -> str:
            rise = f"{steps} * {interval(self.rises)}"
            grown = self.body.utc(f"(_slot + {rise})") if self.local else f"({start} + {rise})"
            return f"least({grown}, {end})"

        picked = [f"{start} AS window_start", f"{ends('(_step + 1)')} AS window_end"]
        written = (
            f"  SELECT {listed([*picked, *self.columns.by, *self.columns.raw])}\n  FROM (\n  {steps}\n  )"
        )
        return f"{written}\n  WHERE {ends('_step')} < window_end" if self.local else written
