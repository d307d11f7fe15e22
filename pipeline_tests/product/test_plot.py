"""`pipeline plot`: pictures of windows in files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline_tests.product.support import SAMPLES, drop, pipeline


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the sample orders and sales of one file each."""
    home = tmp_path_factory.mktemp("plot")
    drop(SAMPLES / "orders" / "2026-11-16.csv", home, "orders")
    drop(SAMPLES / "sales" / "week 47.csv", home, "sales")
    assert pipeline(home, "ingest").returncode == 0
    return home


def test_pictures_of_every_format_are_written_where_the_command_says(filled: Path, tmp_path: Path) -> None:
    page = tmp_path / "new" / "orders.html"
    done = pipeline(filled, "plot", "orders/daily_by_department", "--measure", "p95", "--out", str(page))
    assert done.returncode == 0 and str(page) in done.stdout
    assert "Garden: " in page.read_text(encoding="utf-8")
    told = json.loads(pipeline(filled, "plot", "orders/last_hour", "--from", "2026-11-16", "--json").stdout)
    assert told["measure"] == "orders"
    assert Path(told["picture"]) == filled / "reports" / "orders-last_hour.svg"
    assert Path(told["picture"]).read_text(encoding="utf-8").rstrip().endswith("</svg>")
    bars = tmp_path / "bars.png"
    assert pipeline(filled, "plot", "sales", "--out", str(bars)).returncode == 0
    assert bars.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["orders"], "orders/daily_by_department, orders/last_hour"),
        (["orders/daily_by_department", "--measure", "profit"], "revenue, p95, row_count"),
        (["orders/daily_by_department", "--by", "status"], "department"),
        (["orders/daily_by_department", "--out", "x.pdf"], ".svg, .png, .html"),
        (["events/last_minute"], "no windows yet"),
        (["sales/by_department", "--from", "2026-01-01"], "total"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_what_can(
    filled: Path, arguments: list[str], message: str
) -> None:
    done = pipeline(filled, "plot", *arguments)
    assert done.returncode == 2 and message in done.stderr.replace("\n", " ")


def test_it_has_help_with_an_example(home: Path) -> None:
    assert "Example" in pipeline(home, "plot", "--help").stdout
