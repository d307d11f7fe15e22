"""Bids of a NEXMark auction: the shape of the public generator, in small, from a seed.

What belongs here: the bids. What does not: persons and auctions as rows; their numbers count, but no window query reads them.

As there, 1 of 50 events is a new person, 3 are new auctions, 46 are bids. Half of all bids go to the newest hot auction, 3 in 4 are
made by the newest hot bidder (one auction, one person in 100 is hot); the others go to one of the last 100 auctions, and come from
any person so far. Prices are log-uniform from 1 to 1,000,000. Events leave in groups of 50 whose order is mixed, and 1 in 10 is
up to three seconds late.
"""

from __future__ import annotations

import argparse
import csv
import random
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import datetime, timedelta
from pathlib import Path

START = datetime(2026, 11, 16, 23, 58)  # noqa: DTZ001  (UTC without zone, so that sessions cross midnight)
PERSONS, AUCTIONS, EVENTS = 1, 3, 50
FIRST_ID = 1_000
_HOT_EVERY = 100
_IN_FLIGHT = 100
_LEAD = 10
_GROUP = 50
_MIXER = 953
_LATE_SHARE, _LATEST = 0.1, timedelta(seconds=3)


@dataclass(frozen=True)
class Bid:
    """One bid.

    Attributes:
        auction: id from 1000.
        bidder: id from 1000.
        price: in cents.
        date_time: when it was made, in UTC, to the millisecond.
        arrived_at: when it was received, in UTC.
    """

    auction: int
    bidder: int
    price: int
    date_time: datetime
    arrived_at: datetime


def bids(events: int, seed: int, per_second: float = 20.0) -> Iterator[Bid]:
    """The bids among the first `events` events, in order of leaving; always the same for a seed."""
    rng = random.Random(seed)
    for sent in range(events):
        number = sent // _GROUP * _GROUP + sent * _MIXER % _GROUP
        epoch, place = divmod(number, EVENTS)
        if place < PERSONS + AUCTIONS:
            continue
        made = START + timedelta(milliseconds=round(number * 1_000 / per_second))
        delay = _LATEST * rng.random() if rng.random() < _LATE_SHARE else timedelta(milliseconds=20)
        left = START + timedelta(milliseconds=round((sent + 1) * 1_000 / per_second))
        arrived = max(left, made) + timedelta(milliseconds=delay // timedelta(milliseconds=1))
        auction, bidder = _auction(rng, epoch), _bidder(rng, epoch)
        yield Bid(auction, bidder, round(10 ** (rng.random() * 6) * 100), made, arrived)


def _auction(rng: random.Random, epoch: int) -> int:
    newest = epoch * AUCTIONS + AUCTIONS - 1
    if rng.randrange(2):
        return FIRST_ID + newest // _HOT_EVERY * _HOT_EVERY
    oldest = max(newest - _IN_FLIGHT, 0)
    return FIRST_ID + oldest + rng.randrange(newest - oldest + 1 + _LEAD)


def _bidder(rng: random.Random, epoch: int) -> int:
    newest = epoch * PERSONS + PERSONS - 1
    if rng.randrange(4):
        return FIRST_ID + newest // _HOT_EVERY * _HOT_EVERY + 1
    return FIRST_ID + rng.randrange(newest + 1 + _LEAD)


def write(path: Path, rows: Sequence[Bid]) -> None:
    """Bids as CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow([field.name for field in fields(Bid)])
        writer.writerows([[_text(value) for value in astuple(row)] for row in rows])


def _text(value: int | datetime) -> str:
    return value.isoformat(" ", "milliseconds") if isinstance(value, datetime) else str(value)


def main() -> None:
    """Write the bids of an auction into files, as they arrive."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.nexmark", description=main.__doc__)
    parser.add_argument("folder", type=Path, help="where the files go")
    parser.add_argument("--events", type=int, default=5_000, help="persons, auctions and bids together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--files", type=int, default=4)
    given = parser.parse_args()
    rows = sorted(bids(given.events, given.seed), key=lambda bid: bid.arrived_at)
    size = -(-len(rows) // given.files)
    for number in range(given.files):
        write(given.folder / f"bids-{number + 1}.csv", rows[number * size :][:size])
    print(f"{len(rows)} bids in {given.files} files in {given.folder}")


if __name__ == "__main__":
    main()
