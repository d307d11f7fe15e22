"""A home with the shipped datasets, and files taken in as `pipeline ingest` does it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.intake import Intake, Outcome, open_intake, take_inbox
from pipeline.report import reported, write_indexes
from pipeline.settings import Settings

HEADER = "order_id,customer_email,amount,ordered_at,status,department,customer_name\n"

Drop = Callable[..., Path]
TakeIn = Callable[[], list[Outcome]]


def order(number: int, amount: str = "12.50", day: str = "2026-01-05", name: str = "Bob") -> str:
    """One line of an orders file."""
    return f"{number},a{number}@example.org,{amount},{day} 10:00:00,pending,toys,{name}\n"


@pytest.fixture
def house(settings: Settings) -> Intake:
    made = open_intake(settings)
    made.make_folders()
    return made


@pytest.fixture
def drop(house: Intake) -> Drop:
    """Puts an orders file into the inbox."""

    def put(name: str, *lines: str, folder: str = "orders", header: str = HEADER) -> Path:
        path = house.settings.inbox / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(header + "".join(lines), encoding="utf-8")
        return path

    return put


@pytest.fixture
def take_in(house: Intake) -> TakeIn:
    """Takes in all that waits, with reports and their indexes."""

    def take() -> list[Outcome]:
        outcomes = list(reported(house, take_inbox(house)))
        write_indexes(house, {outcome.dataset for outcome in outcomes})
        return outcomes

    return take
