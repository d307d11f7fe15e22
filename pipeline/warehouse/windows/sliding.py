"""Sliding windows: rows are aggregated per pane, panes, not rows, are then put into each window that they lie in.

What belongs here: the SQL of windows that overlap. What does not: what they measure (`measures`), which way (`ways`).

Times on the grid's clock are microseconds since 1970 here, and groups are numbers: whole numbers are grouped and joined faster
than timestamps and texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from pipeline.contract import Sliding
from pipeline.contract.windows import MICROSECOND
from pipeline.warehouse.windows.body import Body, bucket, early_origin
from pipeline.warehouse.windows.columns import by_key, keyed_of, keyed_result, listed, matched, none_as_zero
from pipeline.warehouse.windows.ways import Planned, Way

_WIDEST_STAGE = 16
"""Panes that one stage puts together: 720 panes of a window are 9 × 8 × 10, three small aggregations instead of a large one."""


def write(body: Body, window: Sliding) -> str:
    """SQL of window_start, window_end, groups, raw columns of windows with `length` > `step`."""
    writer = _Writer(body, window)
    return body.timed(writer.slots())


def stages(panes: int) -> list[int]:
    """Factors of `panes`, each small where its prime factors are."""
    primes, rest = [], panes
    for number in range(2, panes + 1):
        while rest % number == 0:
            primes.append(number)
            rest //= number
    found: list[int] = []
    for prime in reversed(primes):
        fitting = next((n for n, factor in enumerate(found) if factor * prime <= _WIDEST_STAGE), None)
        if fitting is None:
            found.append(prime)
        else:
            found[fitting] *= prime
    return found


class _Writer:
    def __init__(self, body: Body, window: Sliding) -> None:
        self.body, self.columns = body, body.columns
        self.pane, self.step, self.length = (
            length // MICROSECOND for length in (window.pane, window.step, window.length)
        )
        self.origin = early_origin(body.grid, window.step, window.length)
        self.time = f"epoch_us({bucket(body.grid, window.pane, body.shown)})"
        self.lists = {
            one.measure.values: f"_list_{number}"
            for number, one in enumerate(self.columns.of_way(Way.LISTS))
            if one.measure.values is not None
        }

    def slots(self) -> str:
        """SQL of `_slot`, groups, raw columns."""
        placed = self._merged("coded", ["_group"], self.columns.shared.merged())
        parts = {"panes": self._panes(), "groups": self._groups(), "coded": self._coded(), **placed}
        joins: list[str] = []
        given = {name: f"merged.{name}" for name in self.columns.shared.names.values()}
        if self.lists:
            parts["blocks"] = self._blocks()
            joins += [self._block("early", 0), self._block("late", 1)]
            for one in self.columns.of_way(Way.LISTS):
                assert one.measure.values is not None and one.measure.of_values is not None
                listing = self._window_list(self.lists[one.measure.values])
                given[one.column] = one.measure.of_values.replace("{0}", listing)
        for number, one in enumerate(self.columns.of_way(Way.CHANGES)):
            table = f"distinct_{number}"
            parts |= self._distinct(one, number)
            joins.append(f"JOIN {table} USING (_slot, _group)")
            given[one.column] = f"{table}._count"
        for number, one in enumerate(self.columns.of_way(Way.KEYS)):
            table = f"keyed_{number}"
            parts |= self._keyed(one, number)
            joins.append(f"LEFT JOIN {table} USING (_slot, _group)")
            given[one.column] = none_as_zero(one, f"{table}.{one.column}")
        if self.columns.of_way(Way.ROWS):
            parts["by_rows"] = self._by_rows()
            joins.append("JOIN by_rows USING (_slot, _group)")
            given |= {one.column: f"by_rows.{one.column}" for one in self.columns.of_way(Way.ROWS)}
        return self._select(parts, joins, given)

    def _select(self, parts: dict[str, str], joins: list[str], given: dict[str, str]) -> str:
        chain = ", ".join(f"{name} AS (\n  {sql}\n  )" for name, sql in parts.items())
        picked = ["make_timestamp(merged._slot) AS _slot", *(f"groups.{name}" for name in self.columns.by)]
        picked += [f"{given[name]} AS {name}" for name in self.columns.raw]
        joined = "".join(f"\n  {join}" for join in joins)
        return f"WITH {chain}\n  SELECT {listed(picked)}\n  FROM merged JOIN groups USING (_group){joined}"

    def _panes(self) -> str:
        carried = [f"{sql} AS {name}" for sql, name in self.lists.items()]
        picked = [f"{self.time} AS _pane", *self.columns.by, *self.columns.shared.over_rows(self.body.moment)]
        groups = ", ".join(["1", *self.columns.by])
        return f"SELECT {listed([*picked, *carried])}\n  {self.body.reads}\n  GROUP BY {groups}"

    def _groups(self) -> str:
        if not self.columns.by:
            return "SELECT 0 AS _group"
        by = ", ".join(self.columns.by)
        return f"SELECT {by}, row_number() OVER () AS _group FROM (SELECT DISTINCT {by} FROM panes)"

    def _coded(self) -> str:
        picked = ", ".join(["_pane", "_group", *self.columns.shared.names.values(), *self.lists.values()])
        return f"SELECT {picked} FROM panes JOIN groups ON {matched(self.columns.by, 'panes', 'groups')}"

    def _merged(
        self, source: str, keys: Sequence[str], merged: Sequence[str], prefix: str = ""
    ) -> dict[str, str]:
        """Panes put together in stages, the last of which, `<prefix>merged`, gives windows.

        Args:
            source: the relation of the panes: `_pane`, `keys` and what `merged` merges.
            keys: what panes are told apart by beside their time.
            merged: columns of aggregates.
        """
        factors = stages(self.length // self.pane)
        groups = ", ".join(str(2 + number) for number in range(len(keys)))
        found = {}
        for number, factor in enumerate(factors):
            last = number == len(factors) - 1
            stride, slot = self.pane * prod(factors[:number]), "_slot" if last else "_pane"
            place = f"_pane - _back * {stride}"
            on_grid = (
                f"\n  WHERE ({place} - {self.origin}) % {self.step} = 0"
                if last and self.step > self.pane
                else ""
            )
            name = f"{prefix}merged" if last else f"{prefix}stage_{number}"
            found[name] = (
                f"SELECT {place} AS {slot}, {', '.join([*keys, *merged])}\n"
                f"  FROM {source}, range({factor}) AS steps(_back){on_grid}\n  GROUP BY 1, {groups}"
            )
            source = name
        return found

    def _keyed(self, one: Planned, number: int) -> dict[str, str]:
        """States per value and pane, put together per value and window."""
        keys, prefix = ["_group", "_key"], f"keyed_{number}_"
        picked = [f"{self.time} AS _pane", "_group"]
        rows = f"FROM (SELECT * FROM (\n  {self._coded_rows()})\n  {self.body.within})"
        merged = [f"{keyed_of(one).state.merge.replace('{}', '_held')} AS _held"]
        return {
            f"{prefix}panes": by_key(one, ["_pane", "_group"], rows, picked=picked),
            **self._merged(f"{prefix}panes", keys, merged, prefix),
            f"keyed_{number}": keyed_result(one, ["_slot", "_group"], f"{prefix}merged"),
        }

    def _blocks(self) -> str:
        """Pieces as long as a window, each with its values in order of panes."""
        kept = ["list(_pane ORDER BY _pane) AS _panes"]
        for name in self.lists.values():
            kept += [
                f"flatten(list({name} ORDER BY _pane)) AS {name}",
                f"list(coalesce(len({name}), 0) ORDER BY _pane) AS {name}_sizes",
            ]
        return (
            f"SELECT (_pane - {self.origin}) // {self.length} AS _block, _group, {', '.join(kept)}\n"
            "  FROM coded GROUP BY 1, 2"
        )

    def _block(self, alias: str, further: int) -> str:
        number = f"(merged._slot - {self.origin}) // {self.length}" + (f" + {further}" if further else "")
        return f"LEFT JOIN blocks AS {alias} ON {alias}._block = {number} AND {alias}._group = merged._group"

    def _window_list(self, name: str) -> str:
        """The end of the piece in which a window starts, and the start of the next one."""
        begin, end = f"early.{name}", f"late.{name}"
        before = self._values_before("early", name, "merged._slot")
        until = self._values_before("late", name, f"merged._slot + {self.length}")
        return f"list_concat({begin}[1 + {before} : len({begin})], {end}[1 : {until}])"

    def _values_before(self, alias: str, name: str, time: str) -> str:
        panes = f"len(list_filter({alias}._panes, lambda pane: pane < {time}))"
        return f"coalesce(list_sum({alias}.{name}_sizes[1 : {panes}]), 0)::BIGINT"

    def _distinct(self, one: Planned, number: int) -> dict[str, str]:
        """A value is in the windows that start from `_since`, the pane after its last occurrence or the first from which a
        window reaches it, up to its pane: +1 there, -1 behind; a running sum counts the different values."""
        measure = one.measure
        only = f" AND {measure.condition}" if measure.condition else ""
        seen, since, steps = f"seen_{number}", f"since_{number}", f"changes_{number}"
        earliest = f"_pane - {self.length - self.pane}"
        previous = f"lag(_pane) OVER (PARTITION BY _group, _value ORDER BY _pane) + {self.pane}"
        return {
            seen: f"SELECT {self.time} AS _pane, _group, {measure.distinct} AS _value\n  FROM (\n  {self._coded_rows()})\n  {self.body.within}{only}",
            since: f"SELECT _group, greatest(coalesce({previous}, {earliest}), {earliest}) AS _since, _pane\n  FROM {seen}",
            steps: (
                f"SELECT _since AS _slot, _group, count(*) AS _change FROM {since} GROUP BY 1, 2\n"
                f"  UNION ALL SELECT _pane + {self.pane}, _group, -count(*) FROM {since} GROUP BY 1, 2\n"
                "  UNION ALL SELECT _slot, _group, 0 FROM merged"
            ),
            f"distinct_{number}": (
                "SELECT _slot, _group, (sum(sum(_change)) OVER (PARTITION BY _group ORDER BY _slot))::BIGINT AS _count\n"
                f"  FROM {steps} GROUP BY 1, 2"
            ),
        }  # fmt: skip

    def _by_rows(self) -> str:
        direct = self.columns.directly(one.column for one in self.columns.of_way(Way.ROWS))
        floor = f"{self.time} - ({self.time} - {self.origin}) % {self.step}"
        overlapping = -(-self.length // self.step)
        return (
            f"SELECT {floor} - _back * {self.step} AS _slot, _group, {', '.join(direct)}\n"
            f"  FROM (\n  {self._coded_rows()}), range({overlapping}) AS steps(_back)\n  {self.body.within}\n"
            f"  AND {floor} - _back * {self.step} + {self.length} > {self.time}\n  GROUP BY 1, 2"
        )

    def _coded_rows(self) -> str:
        same = matched(self.columns.by, "source", "groups")
        return f"SELECT source.*, groups._group\n  FROM {self.body.source} AS source JOIN groups ON {same}"
