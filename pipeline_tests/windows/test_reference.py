"""The reference itself, against examples worked out by hand: what stands here is what the declarations promise."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from pipeline.contract import Aggregate, Cumulative, Session, Sliding, Total, Tumbling, Window, agg
from pipeline_tests.windows.readings import SPOKEN, VALUES, Row, readings
from pipeline_tests.windows.reference import reference

BLANK: Row = dict.fromkeys(VALUES)


def row(at: str, **values: Any) -> Row:
    return {**BLANK, "at": datetime.fromisoformat(at), **values}


def spans(window: Window, *rows: Row, zone: str = "UTC") -> list[str]:
    """The windows in order: start, end, group, rows."""
    found = reference(rows, readings(window, timezone=zone), window, SPOKEN)
    return sorted(
        " ".join([f"{line['window_start']:%m-%d %H:%M}–{line['window_end']:%m-%d %H:%M}",
                  *(str(line[name]) for name in window.by), f"×{line['row_count']}"])
        for line in found
    )  # fmt: skip


@pytest.mark.parametrize(
    ("window", "zone", "at", "span"),
    [
        (Tumbling("w", every="1d"), "Europe/Berlin", "2025-03-30 12:00", "03-29 23:00–03-30 22:00"),
        (Tumbling("w", every="1d"), "Europe/Berlin", "2025-10-26 22:59", "10-25 22:00–10-26 23:00"),
        (Tumbling("w", every="1d"), "America/Sao_Paulo", "2018-11-04 12:00", "11-04 03:00–11-05 02:00"),
        (Tumbling("w", every="6h"), "Europe/Berlin", "2025-10-26 01:30", "10-25 22:00–10-26 05:00"),
        (Tumbling("w", every="1h"), "Europe/Berlin", "2025-10-26 01:30", "10-26 01:00–10-26 02:00"),
        (Tumbling("w", every="1h"), "Asia/Kathmandu", "2025-10-26 01:30", "10-26 01:15–10-26 02:15"),
        (Tumbling("w", every="1d", offset="6h"), "UTC", "2025-03-05 05:59", "03-04 06:00–03-05 06:00"),
        (Tumbling("w", every="1d", offset="150m"), "Europe/Berlin", "2025-03-30 01:10", "03-30 01:00–03-31 00:30"),
        (Tumbling("w", every="1d", offset="150m"), "Europe/Berlin", "2025-10-26 12:00", "10-26 00:30–10-27 01:30"),
        (Tumbling("w", every="1w"), "UTC", "2025-03-05 12:00", "03-03 00:00–03-10 00:00"),
        (Tumbling("w", every="1mo"), "Europe/Berlin", "2024-02-29 23:30", "02-29 23:00–03-31 22:00"),
        (Tumbling("w", every="1q"), "UTC", "2024-02-29 23:30", "01-01 00:00–04-01 00:00"),
        (Tumbling("w", every="1y"), "Australia/Lord_Howe", "2024-12-31 13:30", "12-31 13:00–12-31 13:00"),
        (Tumbling("w", every="1mo", offset="1d"), "UTC", "2024-03-01 23:00", "02-02 00:00–03-02 00:00"),
    ],
    ids=repr,
)  # fmt: skip
def test_where_a_row_lies(window: Window, zone: str, at: str, span: str) -> None:
    assert spans(window, row(at), zone=zone) == [f"{span} ×1"]


def test_a_row_is_in_every_sliding_window_that_it_lies_in() -> None:
    sliding = Sliding("w", size="50m", every="20m")
    assert spans(sliding, row("2025-03-05 00:40"), row("2025-03-05 00:49")) == [
        "03-05 00:00–03-05 00:50 ×2", "03-05 00:20–03-05 01:10 ×2", "03-05 00:40–03-05 01:30 ×2"
    ]  # fmt: skip
    assert spans(sliding, row("2025-03-05 00:50"))[0] == "03-05 00:20–03-05 01:10 ×1"


def test_windows_grow_until_their_period_ends() -> None:
    growing = Cumulative("w", period="1d", every="6h", by=["place"])
    rows = [row("2025-03-05 06:00", place="A"), row("2025-03-05 13:00", place="A"), row("2025-03-05 23:00")]
    assert spans(growing, *rows) == [
        "03-05 00:00–03-05 12:00 A ×1", "03-05 00:00–03-05 18:00 A ×2", "03-05 00:00–03-06 00:00 A ×2",
        "03-05 00:00–03-06 00:00 None ×1",
    ]  # fmt: skip


def test_a_day_with_25_hours_grows_25_times_and_a_month_ends_with_itself() -> None:
    hourly = spans(Cumulative("w", period="1d", every="1h"), row("2025-10-25 22:10"), zone="Europe/Berlin")
    assert (len(hourly), hourly[-1]) == (25, "10-25 22:00–10-26 23:00 ×1")
    weekly = spans(
        Cumulative("w", period="1mo", every="1w"), row("2025-02-20 00:00"), row("2025-03-30 00:00")
    )
    assert weekly == [
        "02-01 00:00–02-22 00:00 ×1", "02-01 00:00–03-01 00:00 ×1", "03-01 00:00–04-01 00:00 ×1"
    ]  # fmt: skip


def test_a_pause_longer_than_the_gap_begins_a_session() -> None:
    rows = [
        row("2025-03-05 23:50"),
        row("2025-03-06 00:20"),
        row("2025-03-06 00:50:00.000001"),
        row("2025-03-06 00:30", place="A"),
    ]
    assert spans(Session("w", gap="30m", by=["place"]), *rows) == [
        "03-05 23:50–03-06 00:50 None ×2", "03-06 00:30–03-06 01:00 A ×1", "03-06 00:50–03-06 01:20 None ×1"
    ]  # fmt: skip


def test_windows_without_rows_are_filled_up_to_the_last_of_all_groups() -> None:
    measures = {
        "n": agg.count(),
        "price": agg.sum("price"),
        "top": agg.top("kind"),
        "of": agg.distribution("kind"),
        "most": agg.max("kind"),
    }
    zero = Tumbling("w", every="1h", by=["place"], measures=measures, fill="zero")
    rows = [row("2025-03-05 01:00", place="A"), row("2025-03-05 03:00", place="B")]
    assert spans(zero, *rows) == [
        "03-05 01:00–03-05 02:00 A ×1", "03-05 02:00–03-05 03:00 A ×0", "03-05 03:00–03-05 04:00 A ×0",
        "03-05 03:00–03-05 04:00 B ×1",
    ]  # fmt: skip
    lines = reference(rows, readings(zero), zero)
    filled = [[line[name] for name in measures] for line in lines if not line["row_count"]]
    assert filled == [[0, 0, [], {}, None]] * 2
    assert next(line for line in lines if line["row_count"])["price"] is None


FIGURES: list[tuple[Aggregate, Any]] = [
    (agg.count(), 4), (agg.count("price"), 3), (agg.count_distinct("price"), 2), (agg.sum("price"), Decimal("3.50")),
    (agg.avg("price"), 3.5 / 3), (agg.min("kind"), "x"), (agg.max("whole"), 4), (agg.stddev("whole"), 2**0.5),
    (agg.median("whole"), 3.0), (agg.quantile("price", 0.75), 1.25), (agg.first("kind"), "x"), (agg.last("kind"), "y"),
    (agg.first("price"), Decimal("1.00")), (agg.last("price"), Decimal("1.00")), (agg.rate(per="1h"), 2.0),
    (agg.rate("price", per="1h"), 1.75), (agg.top("price", 1), [{"value": Decimal("1.00"), "count": 2}]),
    (agg.top("kind"), [{"value": "x", "count": 1}, {"value": "y", "count": 1}]),
    (agg.distribution("price"), {"1.00": 2, "1.50": 1}), (agg.share(), 0.8), (agg.share("price"), 0.5),
    (agg.count(where="price > 1"), 1), (agg.sum("price", where="false"), None), (agg.share(where="false"), None),
    (agg.stddev("price", where="price > 1"), None), (agg.sql("sum(heat * whole)"), None),
]  # fmt: skip


@pytest.mark.parametrize(("measure", "figure"), FIGURES, ids=repr)
def test_what_a_measure_gives(measure: Aggregate, figure: Any) -> None:
    rows = [
        row("2025-03-05 00:00", place="A", kind="y", price=Decimal("1.50"), whole=4),
        row("2025-03-05 00:00", place="A", kind="x", price=Decimal("1.00")),
        row("2025-03-05 01:00", place="A", price=Decimal("1.00"), whole=2),
        row("2025-03-05 01:30", place="A"),
        row("2025-03-05 00:10", place="B", price=Decimal("3.50")),
    ]
    window = Tumbling("w", every="2h", by=["place"], measures={"figure": measure})
    (line,) = (line for line in reference(rows, readings(window), window, SPOKEN) if line["place"] == "A")
    assert line["figure"] == pytest.approx(figure) if isinstance(figure, float) else line["figure"] == figure
    assert line["window_end"] - line["window_start"] == timedelta(hours=2)


def test_a_total_is_there_over_all_and_per_delivery() -> None:
    window = Total("w", by=["place"], measures={"part": agg.share()})
    rows = [row("2025-03-05", place=place) | {"_delivery": file} for place, file in ("Aa", "Aa", "Ab", "Ba")]
    found = {
        (line["_delivery"], line["place"]): (line["row_count"], line["part"])
        for line in reference(rows, readings(window), window)
    }
    assert found == {
        (None, "A"): (3, 0.75), (None, "B"): (1, 0.25), ("a", "A"): (2, pytest.approx(2 / 3)),
        ("a", "B"): (1, pytest.approx(1 / 3)), ("b", "A"): (1, 1.0),
    }  # fmt: skip
