"""The window queries of NEXMark, as docs/nexmark.md declares them, give what plain Python gives; and the page is true."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks.nexmark import START, Bid, bids, write
from pipeline_tests.product.support import ROOT, as_in_a_pipe, environment, pipeline, run, sql

PAGE = (ROOT / "docs" / "nexmark.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(bash|python|text)\n(.*?)```", PAGE, re.DOTALL)
TEN, TWO = timedelta(seconds=10), timedelta(seconds=2)
SEED, EVENTS, A_SECOND = 7, 4_000, 2.0
Counted = list[tuple[object, ...]]


@pytest.fixture(scope="module")
def made() -> list[Bid]:
    """The bids, in order of arrival."""
    return sorted(bids(EVENTS, SEED, A_SECOND), key=lambda bid: bid.arrived_at)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, made: list[Bid]) -> Iterator[Path]:
    """A home into which the bids came in three files: the second and third at once, then the first."""
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("datasets")
    (folder / "nexmark.py").write_text(BLOCKS[0][1], encoding="utf-8")
    half, rest = len(made) // 2, len(made) * 3 // 4
    files = {"early.csv": made[:half], "middle.csv": made[half:rest], "late.csv": made[rest:]}
    for names in (["middle.csv", "late.csv"], ["early.csv"]):
        for dataset in ("bids", "arriving_bids"):
            for name in names:
                write(home / "inbox" / dataset / name, files[name])
        done = pipeline(home, "ingest", PIPELINE_DATASETS=str(folder))
        assert done.returncode == 0, done.stderr
    yield home


def tens(moment: datetime) -> datetime:
    """The last full ten seconds at or before a moment."""
    return moment - (moment - START) % TEN


def test_the_bids_have_hot_auctions_hot_bidders_and_some_come_late(made: list[Bid]) -> None:
    auctions, bidders = Counter(bid.auction for bid in made), Counter(bid.bidder for bid in made)
    assert auctions.most_common(1)[0][1] > len(made) / 8
    assert bidders.most_common(1)[0][1] > len(made) / 2
    assert any(one.date_time > other.date_time for one, other in pairwise(made))
    assert list(bids(500, SEED)) == list(bids(500, SEED)) != list(bids(500, SEED + 1))


def test_q5_the_hottest_auctions_of_ten_seconds_every_two(home: Path, made: list[Bid]) -> None:
    counts: dict[datetime, Counter[int]] = defaultdict(Counter)
    for bid in made:
        start = bid.date_time - (bid.date_time - START) % TWO
        for back in range(5):
            counts[start - back * TWO][bid.auction] += 1
    expected = [
        (start, start + TEN, auction, count)
        for start, of in counts.items()
        for auction, count in of.items()
        if count == max(of.values())
    ]
    found = sql(
        home,
        "SELECT window_start, window_end, auction, bids FROM windows.bids_hot_items "
        "QUALIFY rank() OVER (PARTITION BY window_start ORDER BY bids DESC) = 1",
    )
    assert sorted(found.rows()) == sorted(expected)
    assert len(expected) > len(counts), "no window in which several auctions are the hottest"


def test_q7_the_highest_bids_of_each_ten_seconds(home: Path, made: list[Bid]) -> None:
    best: dict[datetime, int] = {}
    for bid in made:
        best[tens(bid.date_time)] = max(best.get(tens(bid.date_time), 0), bid.price)
    expected = [
        (bid.auction, bid.bidder, bid.price, bid.date_time)
        for bid in made
        if bid.price == best[tens(bid.date_time)]
    ]
    found = sql(
        home,
        "SELECT bid.auction, bid.bidder, bid.price, bid.date_time FROM windows.bids_highest_bid AS best "
        "JOIN clean.bids AS bid ON bid.price = best.price AND bid.date_time >= window_start AND bid.date_time < window_end",
    )
    assert sorted(found.rows()) == sorted(expected)


def test_q11_the_bids_of_each_session_of_each_user(home: Path, made: list[Bid]) -> None:
    expected: Counted = []
    for bidder in {bid.bidder for bid in made}:
        times = sorted(bid.date_time for bid in made if bid.bidder == bidder)
        begins = [n for n, time in enumerate(times) if n == 0 or time - times[n - 1] > TEN]
        for begin, end in zip(begins, [*begins[1:], len(times)], strict=True):
            expected.append((bidder, end - begin, times[begin], times[end - 1] + TEN))
    found = sql(home, "SELECT bidder, bids, window_start, window_end FROM windows.bids_user_sessions").rows()
    assert sorted(found) == sorted(expected)
    midnight = START + 2 * timedelta(minutes=1)
    assert any(row[2] < midnight < row[3] for row in found), "no session goes on over midnight"


def test_q12_the_bids_of_each_user_in_ten_seconds_of_arrival(home: Path, made: list[Bid]) -> None:
    counts = Counter((tens(bid.arrived_at), bid.bidder) for bid in made)
    found = sql(home, "SELECT window_start, bidder, bids FROM windows.arriving_bids_per_user").rows()
    assert sorted(found) == sorted((*key, count) for key, count in counts.items())


def test_the_page_prints_what_it_says(tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "datasets"
    folder.mkdir()
    settings = {"PIPELINE_DATASETS": str(folder)}
    told = environment(home, **settings) | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    printed = ""
    for language, block in BLOCKS:
        if language == "python":
            (folder / "nexmark.py").write_text(block, encoding="utf-8")
        elif language == "text":
            assert [line for line in as_in_a_pipe(block) if line not in printed] == []
        else:
            for command in block.splitlines():
                words = shlex.split(command)
                done = (
                    pipeline(home, *words[1:], **settings)
                    if words[0] == "pipeline"
                    else run(["bash", "-ec", command], told)
                )
                assert done.returncode == 0, done.stderr
                printed = done.stdout
