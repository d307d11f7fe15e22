"""Files that somebody takes away or writes to while they are being taken in."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.files import scan_inbox
from pipeline.intake import Intake, open_intake, take_inbox
from pipeline.intake.commit import commit
from pipeline.intake.prepare import Prepared, prepare
from pipeline.settings import Settings

HEADER = "order_id,customer_email,amount,ordered_at,status,department,customer_name\n"


def order(number: int) -> str:
    return f"{number},a@example.com,1.50,2024-03-01 10:00:00,pending,toys,Ann\n"


@pytest.fixture
def intake(settings: Settings) -> Intake:
    made = open_intake(settings)
    made.make_folders()
    return made


def staged(intake: Intake, **files: str) -> tuple[list[Path], list[Prepared]]:
    """Files in the inbox, staged and not yet committed."""
    paths = [intake.settings.inbox / "orders" / f"{name}.csv" for name in files]
    for path, rows in zip(paths, files.values(), strict=True):
        path.write_text(HEADER + rows)
    return paths, list(prepare(intake, scan_inbox(intake.settings.inbox, 0).waiting))


def ids(intake: Intake) -> list[int]:
    return list(intake.warehouse.query("SELECT order_id FROM clean.orders ORDER BY ALL")["order_id"])


def test_a_file_that_is_gone_is_passed_over_and_the_others_go_on(intake: Intake) -> None:
    (gone, _), prepared = staged(intake, a=order(1), b=order(2))
    gone.unlink()
    assert [outcome.delivery for outcome in commit(intake, prepared)] == ["b.csv"]
    assert ids(intake) == [2]


def test_a_file_that_was_written_to_is_left_and_taken_the_next_time(intake: Intake) -> None:
    (path,), prepared = staged(intake, a=order(1))
    path.write_text(HEADER + order(3) + order(4))
    assert list(commit(intake, prepared)) == []
    assert path.exists() and ids(intake) == []
    assert [outcome.entry.rows_clean for outcome in take_inbox(intake)] == [2]
    assert ids(intake) == [3, 4]


def test_a_new_version_that_comes_during_the_commit_is_not_put_away_as_the_old_one(intake: Intake) -> None:
    (path, _), prepared = staged(intake, a=order(1), b=order(2))
    outcomes = commit(intake, prepared)

    # The rows are committed together; the originals are put away one after another.
    first = next(outcomes)
    assert first.delivery == "a.csv" and first.kept_at is not None and not path.exists()
    other = path.with_name("b.csv")
    other.write_text(HEADER + order(5))
    second = next(outcomes)
    assert (second.entry.status, second.kept_at) == ("loaded", None)
    assert other.read_text() == HEADER + order(5)
    assert [outcome.entry.status for outcome in take_inbox(intake)] == ["loaded"]
    assert ids(intake) == [1, 5]
