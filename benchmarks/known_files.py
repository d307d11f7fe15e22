"""A home whose inbox sensor knows very many files: they wait in the inbox, and the ledger and Dagster have as many more.

What belongs here: preparing that state and one evaluation of the sensor. What does not: timing (`runs`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dagster import DagsterInstance, DagsterRunStatus, build_sensor_context
from dagster._core.test_utils import create_run_for_test

from pipeline.intake import Intake, open_intake
from pipeline.orchestration.names import clean_key, deliveries_of, ingest_job_name
from pipeline.orchestration.sensors import evaluate_inbox
from pipeline.settings import Settings


@dataclass
class Known:
    """A prepared home: its intake, its Dagster instance, and the sensor's cursor after catching up."""

    intake: Intake
    instance: DagsterInstance
    cursor: str | None


def make_home(home: Path, count: int) -> Known:
    """`count` files in the inbox, covered by runs under way, and `count` loaded ones in ledger and event log."""
    (home / "dagster").mkdir()
    instance = DagsterInstance.local_temp(str(home / "dagster"))
    intake = open_intake(Settings(home=home, settle_seconds=0))
    intake.make_folders()
    partitions = deliveries_of("orders").name
    assert partitions is not None
    loaded = [f"loaded-{number:05d}.csv" for number in range(count)]
    instance.add_dynamic_partitions(partitions, loaded)
    _fill_ledger(intake, loaded)
    known = Known(intake, instance, None)
    # Before anything waits: the sensor tells Dagster of what the ledger holds a few hundred deliveries a tick.
    for _ in range(count // 100):
        known.cursor = evaluate(known)
        if len(instance.get_materialized_partitions(clean_key("orders"))) == count:
            break
    else:
        raise SystemExit("the sensor did not catch up with the ledger")
    waiting = [f"waiting-{number:05d}.csv" for number in range(count)]
    for name in waiting:
        (intake.settings.inbox / "orders" / name).write_text("order_id\n")
    instance.add_dynamic_partitions(partitions, waiting)
    for first in range(0, count, 100):
        tags = {
            "dagster/asset_partition_range_start": waiting[first],
            "dagster/asset_partition_range_end": waiting[min(first + 99, count - 1)],
        }
        create_run_for_test(
            instance, job_name=ingest_job_name("orders"), status=DagsterRunStatus.STARTED, tags=tags
        )
    known.cursor = evaluate(known)
    return known


def _fill_ledger(intake: Intake, names: list[str]) -> None:
    with intake.warehouse.session() as session:
        session.connection.execute(
            """INSERT INTO ops.deliveries (id, delivery, dataset, file_name, sha256, bytes, rows_read, rows_clean,
                   rows_rejected, rows_filtered, violations, status, seconds, committed_at, seq)
               SELECT name, name, 'orders', name, name, 1, 1, 1, 0, 0, 0, 'loaded', 0.1, now()::TIMESTAMP,
                   row_number() OVER ()
               FROM (SELECT unnest(?::VARCHAR[]) AS name)""",
            [names],
        )


def evaluate(known: Known) -> str | None:
    """One evaluation of the inbox sensor of `orders`; returns its new cursor."""
    context = build_sensor_context(instance=known.instance, cursor=known.cursor)
    result = evaluate_inbox(context, known.intake, known.intake.datasets["orders"])
    assert not result.run_requests, "everything in the inbox is covered by a run"
    return result.cursor
