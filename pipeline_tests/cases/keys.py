"""Who has a key, in plain Python: the reference for what the warehouse does after any order of events.

A delivery is a list of rows (id, code, version, day). Rows are gone through in the order of arrival that `on_conflict` gives, and each is taken
whose id and code no row has that was taken before.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Row = tuple[int, str | None, int | None, int]
Place = tuple[str, int]


@dataclass
class Delivery:
    """What a name stands for now: loaded, or a duplicate of one that is."""

    rows: tuple[Row, ...]
    place: int
    loaded: bool


@dataclass
class Reference:
    """The deliveries, and who has which key.

    Attributes:
        on_conflict: as in the contract.
        codes: whether the code is unique too.
        kept_from: first day that retention keeps; rows of earlier ones that come are loaded, and go with the next retention.
    """

    on_conflict: str
    codes: bool
    now: dict[str, Delivery] = field(default_factory=dict)
    gone: set[Place] = field(default_factory=set)
    clean: set[Place] = field(default_factory=set)
    kept_from: int = 0
    clock: int = 0

    def drop(self, name: str, rows: tuple[Row, ...]) -> None:
        """A file arrives."""
        self.clock += 1
        mine = self.now.get(name)
        if mine is not None and mine.loaded and mine.rows == rows:
            return
        twin = any(one.loaded and one.rows == rows for key, one in self.now.items() if key != name)
        self.now[name] = Delivery(rows, self.clock, not twin)
        if mine is not None and mine.loaded:
            heirs = [
                (one.place, key) for key, one in self.now.items() if not one.loaded and one.rows == mine.rows
            ]
            gone = {row for key, row in self.gone if key == name}
            clean = {row for key, row in self.clean if key == name}
            self.gone -= {(name, row) for row in gone}
            self.clean -= {(name, row) for row in clean}
            if heirs:
                heir = min(heirs)[1]
                self.now[heir].loaded = True
                self.gone |= {(heir, row) for row in gone}
                self.clean |= {(heir, row) for row in clean}
        self.settle(fresh=name)

    def retain(self, kept_from: int) -> None:
        """Retention: clean rows of earlier days go."""
        self.kept_from = max(self.kept_from, kept_from)
        self.gone |= {place for place in self.clean if self.row(place)[3] < self.kept_from}
        self.clean -= self.gone
        self.settle()

    def row(self, place: Place) -> Row:
        """The row at a place."""
        return self.now[place[0]].rows[place[1] - 1]

    def settle(self, fresh: str = "") -> None:
        """Give each key to the first that is to have it. Rows that come back and are too old go at once."""
        while True:
            taken = self._taken()
            old = {
                place for place in taken - self.clean
                if place[0] != fresh and self.row(place)[3] < self.kept_from
            }  # fmt: skip
            if not old:
                self.clean = taken
                return
            self.gone |= old

    def _taken(self) -> set[Place]:
        ids: set[int] = set()
        codes: set[str] = set()
        taken = set()
        for place in sorted(self._rows(), key=self._turn):
            number, code, _, _ = self.row(place)
            if number in ids or (self.codes and code is not None and code in codes):
                continue
            taken.add(place)
            ids.add(number)
            if code is not None:
                codes.add(code)
        return taken

    def _rows(self) -> list[Place]:
        places = [
            (name, at) for name, one in self.now.items() if one.loaded for at in range(1, len(one.rows) + 1)
        ]
        return [place for place in places if place not in self.gone]

    def _turn(self, place: Place) -> tuple[float, int, int]:
        arrived, version = self.now[place[0]].place, self.row(place)[2]
        if self.on_conflict == "first":
            return 0, arrived, place[1]
        by = float("inf") if version is None else -version
        return by if self.on_conflict.startswith("latest_by") else 0, -arrived, -place[1]
