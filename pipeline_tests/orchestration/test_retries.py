"""What is tried again in Dagster, and what fails at once."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from dagster import DagsterEventType

from pipeline.contract import ContractError
from pipeline.intake import Intake
from pipeline.warehouse import MigrationError, WarehouseBusy, may_pass
from pipeline_tests.orchestration.conftest import Drop, Run, order


@pytest.mark.parametrize("job", ["ingest", "orders_ingest", "orders_windows"])
def test_what_would_fail_again_is_not_tried_again(intake: Intake, run: Run, drop: Drop, job: str) -> None:
    drop("a.csv", order(1))
    assert run("ingest").success
    with duckdb.connect(str(intake.settings.warehouse)) as connection:
        connection.execute("DROP SCHEMA ops CASCADE")
    drop("b.csv", order(2))
    done = run(job)
    kinds = [event.event_type for event in done.all_events]
    assert not done.success
    assert DagsterEventType.STEP_FAILURE in kinds and DagsterEventType.STEP_UP_FOR_RETRY not in kinds


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (OSError(28, "No space left on device"), True),
        (MemoryError(), True),
        (WarehouseBusy(Path("w"), 1.0), True),
        (duckdb.IOException("IO Error"), True),
        (MigrationError("of another version"), False),
        (ContractError("orders", "checks", "breaks", "Mend it"), False),
        (duckdb.ConversionException("x"), False),
        (TypeError("ours"), False),
    ],
)
def test_only_what_may_pass_is_tried_again(error: Exception, passes: bool) -> None:
    assert may_pass(error) is passes
