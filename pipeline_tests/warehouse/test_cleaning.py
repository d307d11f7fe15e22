"""What each cleaner changed, as the warehouse keeps it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pipeline.ingest import CleanerCount, Staged
from pipeline.warehouse import Warehouse
from pipeline_tests.warehouse.conftest import sale

Stage = Callable[..., Staged]
COUNTS = (
    CleanerCount("shop", "strip", 2),
    CleanerCount("shop", "upper", 1),
    CleanerCount("amount", "number", 0),
    CleanerCount("code", "strip", 3),
)


def test_what_changed_is_kept_in_the_order_of_columns_and_cleaners(
    warehouse: Warehouse, stage: Stage
) -> None:
    with warehouse.session() as session:
        entry = session.commit(stage("a.csv", [sale(1)], cleaned=COUNTS))
        assert session.cleaning(entry.id) == [COUNTS[0], COUNTS[1], COUNTS[3]]
        rows = session.query("SELECT * EXCLUDE (entry_id) FROM ops.cleaning ORDER BY position").rows()
    assert rows == [
        ("sales", "a.csv", "shop", 0, "strip", 2),
        ("sales", "a.csv", "shop", 1, "upper", 1),
        ("sales", "a.csv", "code", 3, "strip", 3),
    ]


def test_a_newer_version_has_its_own_counts_and_a_duplicate_none(warehouse: Warehouse, stage: Stage) -> None:
    with warehouse.session() as session:
        first = session.commit(stage("a.csv", [sale(1)], sha256="one", cleaned=COUNTS))
        second = session.commit(stage("a.csv", [sale(2)], sha256="two", cleaned=COUNTS[:1]))
        again = session.commit(stage("b.csv", [sale(2)], sha256="two", cleaned=COUNTS[:1]))
        assert again.status == "duplicate"
        found = [len(session.cleaning(entry.id)) for entry in (first, second, again)]
    assert found == [3, 1, 0]


def test_counts_are_kept_only_with_their_delivery(warehouse: Warehouse, stage: Stage) -> None:
    broken = stage("a.csv", [sale(1), sale(2)], parts=2, cleaned=COUNTS)
    (broken.folder / "clean-00001.parquet").unlink()
    with warehouse.session() as session:
        with pytest.raises(Exception, match="clean-00001"):
            session.commit(broken)
        assert session.query("SELECT count(*) AS n FROM ops.cleaning")["n"].item() == 0
