"""`ops.quality`: the score of a delivery, from what the ledger and the profile say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.ingest.manifest import Staged
from pipeline.warehouse import Warehouse, quality
from pipeline.warehouse.migrations import migrate
from pipeline_tests.warehouse.conftest import sale

Stage = Callable[..., Staged]


def score_of(warehouse: Warehouse, entry_id: str) -> quality.Quality:
    with warehouse.session() as session:
        return quality.of_entries(session.connection, [entry_id])[entry_id]


def with_nulls(staged: Staged, nulls: int) -> Staged:
    """The same delivery, with so many nulls in its first column."""
    first, *others = staged.manifest.columns
    columns = (replace(first, null_count=nulls), *others)
    return replace(staged, manifest=replace(staged.manifest, columns=columns))


def test_the_score_is_what_the_page_says(warehouse: Warehouse, stage: Stage) -> None:
    staged = stage(
        "a.csv", [sale(n) for n in range(8)], errors=[{"_row": 9}, {"_row": 10}], rows_warned=1, rows_mended=5
    )
    found = score_of(warehouse, warehouse.commit(with_nulls(staged, 4)).id)
    shares = (found.validity, found.completeness, found.cleanliness, found.structure)
    assert shares == (0.8, 36 / 50, 0.9, 0.5)
    assert found.quality == 76.4
    assert sum(quality.WEIGHTS.values()) == 100


def test_a_file_without_fault_has_100_and_one_bad_row_is_seen(warehouse: Warehouse, stage: Stage) -> None:
    perfect = warehouse.commit(stage("a.csv", [sale(n) for n in range(5)]))
    assert score_of(warehouse, perfect.id).quality == 100
    with warehouse.session() as session:
        session.connection.execute(
            "UPDATE ops.deliveries SET rows_read = 1000000, rows_clean = 999999, rows_rejected = 1 WHERE id = ?",
            [perfect.id],
        )
        session.connection.execute(
            "UPDATE ops.columns SET row_count = 1000000 WHERE entry_id = ?", [perfect.id]
        )
    assert score_of(warehouse, perfect.id).quality == 99.9


def test_a_refused_file_has_0_an_empty_one_and_a_duplicate_have_none(
    warehouse: Warehouse, stage: Stage
) -> None:
    with warehouse.session() as session:
        refused = session.record_quarantine("sales", "bad.csv", "bad.csv", "no table in it", bytes=3)
    assert score_of(warehouse, refused.id).quality == 0
    empty = warehouse.commit(stage("empty.csv", [], filtered=3))
    assert score_of(warehouse, empty.id).quality is None
    one = stage("a.csv", [sale(1)])
    warehouse.commit(one)
    copy = warehouse.commit(replace(one, delivery="b.csv"))
    assert copy.status == "duplicate"
    with warehouse.session() as session:
        assert quality.of_entries(session.connection, [copy.id]) == {}
        assert [found.delivery for found in quality.newest(session.connection, "sales", 9)] == [
            "bad.csv",
            "a.csv",
        ]


def test_rows_that_are_corrected_raise_the_score(warehouse: Warehouse, stage: Stage) -> None:
    entry = warehouse.commit(stage("a.csv", [sale(1)], errors=[{"_row": 2}]))
    before = score_of(warehouse, entry.id).quality
    with warehouse.session() as session:
        session.connection.execute(
            "UPDATE ops.deliveries SET rows_clean = 2, rows_rejected = 0, status = 'loaded' WHERE id = ?",
            [entry.id],
        )
    after = score_of(warehouse, entry.id).quality
    assert before is not None and after is not None and after > before


COUNTS = st.integers(0, 1_000)


@settings(max_examples=60)
@given(
    clean=COUNTS,
    rejected=COUNTS,
    filtered=COUNTS,
    warned=COUNTS,
    mended=COUNTS,
    nulls=COUNTS,
    more=st.integers(1, 50),
)
def test_the_score_lies_between_0_and_100_and_more_rejected_rows_never_raise_it(
    clean: int, rejected: int, filtered: int, warned: int, mended: int, nulls: int, more: int
) -> None:
    import duckdb

    connection = duckdb.connect()
    migrate(connection)

    def score(rejected: int, clean: int) -> float | None:
        connection.execute("DELETE FROM ops.deliveries")
        connection.execute("DELETE FROM ops.columns")
        connection.execute(
            "INSERT INTO ops.deliveries (id, delivery, dataset, file_name, bytes, rows_read, rows_clean, rows_rejected, "
            "rows_filtered, rows_warned, rows_mended, violations, status, seconds, committed_at, seq) "
            "VALUES ('1', 'a', 'x', 'a', 1, ?, ?, ?, ?, ?, ?, 0, 'partial', 1, '2026-01-01', 1)",
            [clean + rejected + filtered, clean, rejected, filtered, warned, mended],
        )
        looked_at = clean + rejected // 2  # some rejected rows could not be read, and are in no profile
        connection.execute(
            "INSERT INTO ops.columns VALUES ('1', 'x', 'a', 0, 'c', ?, ?, 1, NULL, NULL, NULL, '[]', 0, 0, 0)",
            [looked_at, min(nulls, looked_at)],
        )
        [found] = connection.execute("SELECT quality FROM ops.quality").fetchall()
        return None if found[0] is None else float(found[0])

    before = score(rejected, clean)
    assert (before is None) == (clean + rejected == 0)
    assert before is None or 0 <= before <= 100
    worse = score(rejected + min(more, clean), clean - min(more, clean))
    assert before is None or (worse is not None and worse <= before)


def test_a_warehouse_of_an_earlier_program_gets_the_view(tmp_path: Path, warehouse: Warehouse) -> None:
    import duckdb

    from pipeline.warehouse.migrations import FOLDER

    earlier = tmp_path / "earlier"
    earlier.mkdir()
    for path in sorted(FOLDER.glob("*.sql"))[:2]:
        (earlier / path.name).write_text(path.read_text())
    connection = duckdb.connect()
    migrate(connection, earlier)
    connection.execute(
        "INSERT INTO ops.deliveries (id, delivery, dataset, file_name, bytes, rows_read, rows_clean, rows_rejected, rows_filtered, "
        "violations, status, seconds, committed_at, seq) "
        "VALUES ('1', 'a', 'x', 'a', 1, 4, 3, 1, 0, 1, 'partial', 1, '2026-01-01', 1)"
    )
    migrate(connection)
    assert connection.execute("SELECT quality FROM ops.quality").fetchone() == (85.0,)
