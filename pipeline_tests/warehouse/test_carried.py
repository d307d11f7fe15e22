"""A home of an earlier version: its windows stay clean and its deliveries current when the declarations are those of then."""

from __future__ import annotations

import shutil
import sys
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from pipeline.contract.registry import load_datasets
from pipeline.intake import Intake, recompute_dirty, take_inbox
from pipeline.settings import Settings
from pipeline.warehouse import Warehouse

DATASET = '''
from datetime import datetime
from functools import partial

import pandera.polars as pa
import polars as pl
from pandera.polars import PolarsData
from pipeline.contract import (Cumulative, Dataset, Rule, Session, Sliding, Total, Tumbling, agg, checks, clean)

LIMIT = 1000

def small(value):
    """Not too large."""
    return value < LIMIT

def cut(word, value):
    return value.str.replace(word, "")

class Sale(pa.DataFrameModel):
    number: int = pa.Field(check=checks.python("small", small, "{value} is too large"))
    amount: float = pa.Field(ge=0, check=checks.expression("even", lambda value: value % 2 != 1.5, "odd"))
    shop: str = pa.Field(isin=["a", "b", "c"])
    at: datetime

    @pa.check("shop")
    def named(cls, data: PolarsData) -> pl.LazyFrame:
        """Has a name."""
        return data.lazyframe.select(pl.col(data.key) != "")

sales = Dataset(
    "shop",
    schema=Sale,
    clean={"shop": [clean.strip, clean.custom("cut", partial(cut, "x"))]},
    event_time="at",
    keep=pl.col("amount") != 7,
    rules=[Rule.in_pandas("bought", ["number", "amount"], lambda rows: rows["amount"] < rows["number"] * 1000)],
    windows=[
        Tumbling("daily", every="1d", by=["shop"], measures={"n": agg.count(), "top": agg.max_by("number", "amount")}, fill="zero"),
        Tumbling("hourly", every="1h", measures={"n": agg.count(where="amount > 1")}, fill="null", fill_limit=10),
        Sliding("last", size="2h", every="1h", measures={"p": agg.quantile("amount", 0.5)}),
        Cumulative("grown", period="1d", every="1h", measures={"s": agg.sum("amount")}),
        Session("visits", gap="30m", by=["shop"], measures={"n": agg.count()}),
        Total("all", by=["shop"], measures={"n": agg.count()}),
        Total("whole", measures={"n": agg.count()}, per_delivery=False),
    ],
)
'''
FORMER_FINGERPRINTS = {(3, 11): "a1a8fd0757c28530"}
"""As the version before wrote it, from bytecode."""
FORMER_COMMENTS = {
    "shop_all": "specification cb2e067f4b8134c5",
    "shop_daily": "specification 623a49d2e54f173b, with local time",
    "shop_grown": "specification eea8b1bd3ab99e13, with local time",
    "shop_hourly": "specification 4569304fb2b4a798, with local time",
    "shop_last": "specification 4deca28986ab7efa, with local time",
    "shop_visits": "specification 175373d2010f93f7, with local time",
    "shop_whole": "specification 14c223e482103e3f",
}
ROWS = "number,amount,shop,at\n1,2.5,a,2026-01-01 10:00\n2,3,b,2026-01-01 12:00\n3,4,a,2026-01-03 12:00\n"


def _opened(folder: Path, text: str = DATASET) -> Intake:
    (folder / "datasets").mkdir(exist_ok=True)
    (folder / "datasets" / "shop.py").write_text(text)
    settings = Settings(home=folder / "home", settle_seconds=0, memory_mb=512)
    datasets = {"shop": load_datasets([str(folder / "datasets")])["shop"]}
    return Intake(settings, datasets, Warehouse.from_settings(settings, datasets))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a home that a version before left: what it had written differently stands there as it wrote it."""
    folder = tmp_path_factory.mktemp("old")
    intake = _opened(folder)
    inbox = intake.settings.inbox / "shop"
    inbox.mkdir(parents=True)
    (inbox / "one.csv").write_text(ROWS)
    assert [outcome.entry.status for outcome in take_inbox(intake)] == ["loaded"]
    assert list(recompute_dirty(intake))
    former = FORMER_FINGERPRINTS.get(sys.version_info[:2], intake.datasets["shop"].former_fingerprint)
    with duckdb.connect(str(intake.settings.warehouse)) as connection:
        connection.execute("UPDATE ops.deliveries SET contract_fingerprint = ?", [former])
        for name, said in FORMER_COMMENTS.items():
            connection.execute(f"COMMENT ON TABLE windows.{name} IS '{said}'")
        connection.execute("DELETE FROM ops.migrations WHERE name = 'fingerprints'")
    return folder


@pytest.fixture
def old(made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(made, tmp_path / "old")


def _computed(intake: Intake) -> dict[str, list[datetime]]:
    with duckdb.connect(str(intake.settings.warehouse), read_only=True) as connection:
        return {
            name: [
                at
                for (at,) in connection.execute(
                    f"SELECT computed_at FROM windows.{name} ORDER BY ALL"
                ).fetchall()
            ]
            for name in FORMER_COMMENTS
        }


def test_nothing_is_stale_and_nothing_computed_after_an_upgrade(old: Path) -> None:
    intake = _opened(old)
    before = _computed(intake)
    plan = intake.warehouse.planned()
    assert plan.migrations == ("fingerprints",)
    assert [(change.stale, change.steps) for change in plan.changes] == [(0, ())]
    with intake.warehouse.session() as session:
        assert session.dirty() == []
        fingerprints = session.query("SELECT DISTINCT contract_fingerprint FROM ops.deliveries").rows()
    assert fingerprints == [(intake.datasets["shop"].fingerprint,)]
    assert list(recompute_dirty(intake)) == []
    assert _computed(intake) == before
    assert [(change.stale, change.steps) for change in intake.warehouse.planned().changes] == [(0, ())]


def test_reading_alone_carries_it_over(old: Path) -> None:
    intake = _opened(old)
    with intake.warehouse.session(read_only=True) as session:
        assert session.dirty() == []
        said = session.query(
            "SELECT DISTINCT split_part(comment, '-', 1) FROM duckdb_tables() WHERE schema_name = 'windows' AND comment IS NOT NULL"
        ).rows()
    assert said == [("specification v2",)]


def test_the_same_file_is_a_duplicate_of_its_row_of_before(old: Path) -> None:
    intake = _opened(old)
    (intake.settings.inbox / "shop" / "again.csv").write_text(ROWS)
    assert [outcome.entry.status for outcome in take_inbox(intake)] == ["duplicate"]


@pytest.mark.parametrize(
    ("before", "after", "stale", "windows"),
    [
        ("LIMIT = 1000", "LIMIT = 1001", 0, []),  # no version before knew of it
        ("return value < LIMIT", "return value <= LIMIT", 1, []),
        ('partial(cut, "x")', 'partial(cut, "y")', 1, []),
        ('!= ""', '!= "-"', 1, []),
        ('by=["shop"], measures={"n": agg.count(), "top"', 'measures={"n": agg.count(), "top"', 0, ["daily"]),
        ("fill_limit=10", "fill_limit=11", 0, ["hourly"]),
    ],
)  # fmt: skip
def test_what_was_changed_with_the_upgrade_is_seen(
    old: Path, before: str, after: str, stale: int, windows: list[str]
) -> None:
    assert DATASET.count(before) == 1
    intake = _opened(old, DATASET.replace(before, after))
    assert [change.stale for change in intake.warehouse.planned().changes] == [stale]
    with intake.warehouse.session() as session:
        assert sorted({one.window for one in session.dirty()}) == windows
