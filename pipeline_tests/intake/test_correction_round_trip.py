"""Whatever cells are broken: once they are corrected, the tables equal those of a file that was right at once."""

# ruff: noqa: DTZ001  (the warehouse keeps moments in UTC without zone)

from __future__ import annotations

import csv
import io
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandera.polars as pa
from hypothesis import Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipeline.contract import Dataset, Total, Tumbling, agg, clean
from pipeline.intake import Intake, recompute_dirty, take_inbox
from pipeline.settings import Settings
from pipeline.warehouse import Warehouse
from pipeline_tests.sending_back import Exported, write_back


class Sale(pa.DataFrameModel):
    id: int = pa.Field(ge=1)
    shop: str = pa.Field(str_length={"max_value": 12})
    amount: float = pa.Field(in_range={"min_value": 0, "max_value": 100})
    sold_at: datetime
    note: str = pa.Field(nullable=True)


SALES = Dataset(
    "sales",
    schema=Sale,
    aliases={"sold_at": ["Sold at"]},
    clean={"shop": clean.strip},
    key=["id"],
    event_time="sold_at",
    windows=[
        Tumbling(
            "daily", every="1d", by=["shop"], measures={"revenue": agg.sum("amount"), "rows": agg.count()}
        ),
        Total("all", measures={"rows": agg.count()}),
    ],
)
BROKEN = {
    "id": st.sampled_from(["", "x", "-3", "1.5"]),
    "shop": st.sampled_from(["", "a name that is much too long"]),
    "amount": st.sampled_from(["", "oops", "-1", "1e9", "=1+1"]),
    "Sold at": st.sampled_from(["", "yesterday", "2024-13-01"]),
}
TEXTS = st.text("ab=+-@',;\"|é ", min_size=1, max_size=6).map(str.strip).filter(bool)


@st.composite
def _tables(draw: st.DrawFn) -> tuple[list[dict[str, str]], dict[int, dict[str, str]]]:
    """Right rows, and what is broken of some: row number → column → text."""
    size = draw(st.integers(2, 8))
    rows = [
        {
            "id": str(number),
            "shop": draw(TEXTS),
            "amount": str(draw(st.integers(0, 100))),
            "Sold at": f"{datetime(2024, 2, 27, 22) + timedelta(hours=9 * number):%Y-%m-%d %H:%M:%S}",
            "note": draw(st.one_of(st.just(""), TEXTS)),
        }
        for number in range(1, size + 1)
    ]
    bad = draw(st.sets(st.integers(1, size), min_size=1))
    columns = st.sets(st.sampled_from(sorted(BROKEN)), min_size=1)
    return rows, {row: {name: draw(BROKEN[name]) for name in draw(columns)} for row in sorted(bad)}


def _house(home: Path) -> Intake:
    settings = Settings(home=home, settle_seconds=0)
    made = Intake(settings, {"sales": SALES}, Warehouse.from_settings(settings, {"sales": SALES}))
    made.make_folders()
    return made


def _drop(intake: Intake, name: str, rows: list[dict[str, str]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    (intake.settings.inbox / "sales" / name).write_text(text.getvalue())


def _take(intake: Intake) -> list[str]:
    found = [outcome.entry.status for outcome in take_inbox(intake)]
    list(recompute_dirty(intake))
    return found


def _tables_of(intake: Intake) -> list[Any]:
    query = intake.warehouse.query
    return [
        query("SELECT * FROM clean.sales ORDER BY _delivery, _row").rows(),
        query("SELECT * EXCLUDE (computed_at, revision) FROM windows.sales_daily ORDER BY ALL").rows(),
        query("SELECT * EXCLUDE (computed_at, revision) FROM windows.sales_all ORDER BY ALL").rows(),
        query(
            "SELECT delivery, status, rows_read, rows_clean, rows_rejected, rows_filtered, event_time_min, event_time_max "
            "FROM ops.deliveries WHERE format = 'csv'"
        ).rows(),
    ]


# An example is several loads: to shrink one would take minutes.
@hypothesis_settings(max_examples=8, phases=[Phase.explicit, Phase.generate])
@given(_tables(), st.sampled_from([".xlsx", ".csv", ".parquet"]), st.booleans())
def test_a_corrected_table_equals_one_that_was_right_at_once(
    table: tuple[list[dict[str, str]], dict[int, dict[str, str]]], suffix: str, halves: bool
) -> None:
    rows, broken = table
    with tempfile.TemporaryDirectory() as folder:
        right, wrong = _house(Path(folder) / "right"), _house(Path(folder) / "wrong")
        _drop(right, "a.csv", rows)
        _take(right)
        _drop(wrong, "a.csv", [row | broken.get(number, {}) for number, row in enumerate(rows, 1)])
        assert _take(wrong) == ["partial"]

        def fix(row: Exported, least: int = 0) -> dict[str, str]:
            return rows[row.row - 1] if row.row % 2 >= least else {}

        box = wrong.settings.inbox / "sales"
        if halves and any(number % 2 for number in broken):
            write_back(wrong, box / f"odd{suffix}", lambda row: fix(row, 1), "sales")
            _take(wrong)
        if not halves or any(number % 2 == 0 for number in broken):
            write_back(wrong, box / f"errors{suffix}", fix, "sales")
            assert _take(wrong) == ["loaded"]
        assert _tables_of(wrong) == _tables_of(right)
