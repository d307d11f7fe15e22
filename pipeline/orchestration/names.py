"""The names by which Dagster knows things: asset keys, partitions, jobs, tags, the pool.

What belongs here: a name that two modules must agree on. What does not: the things themselves.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar

from dagster import (
    AssetKey,
    Backoff,
    DagsterRun,
    DynamicPartitionsDefinition,
    Jitter,
    RetryPolicy,
)

from pipeline.contract import Window

_NO_KEY = re.compile(r"[^A-Za-z0-9_]")
W = TypeVar("W", bound=Window)
_WINDOWS_A_STEP = 100

POOL = "warehouse"
"""Steps that write to the warehouse take turns in this pool."""

INGEST_JOB = "ingest"
RETENTION_JOB = "retention"
VERIFY_JOB = "verify_windows"

LEDGER_TAG = "pipeline/ledger_id"
"""On an asset event: the ledger row that it tells of."""

INBOX_ONLY_TAG = "pipeline/inbox_only"
"""On a run that a sensor asked for: take what waits in the inbox, fetch nothing back from the archive."""

DIRTY_ONLY_TAG = "pipeline/dirty_only"
"""On runs that the sensor asks for: of the days, each window recomputes only those that are dirty for it."""
DATASETS_TAG = "pipeline/datasets"
"""On a run of `verify_windows`: the datasets, parted by commas, to keep to."""
QUARANTINED_TAG = "pipeline/quarantined"
"""On a run that has failed only to show that it quarantined files: how many."""
WINDOWS_FAILED_TAG = "pipeline/windows_failed"
"""On a run that took in its files, of which windows alone have failed: how many of them. They stay marked, and are no reason to slow
down what is dropped."""
ABANDONED_TAG = "pipeline/abandoned"
"""On a run that was ended because its process is gone: whether what it has committed was looked up."""
COMMITTED_TAG = "pipeline/committed_before_the_end"
"""On a run that has failed after it had committed deliveries that it could not tell of: how many it has committed."""
WORKER_TAG = "pipeline/worker"
"""On a run: host and process that execute it."""

INFRASTRUCTURE = RetryPolicy(max_retries=3, delay=1, backoff=Backoff.EXPONENTIAL, jitter=Jitter.PLUS_MINUS)
"""What the machine fails with is tried again, with growing pauses; what would fail again fails the run at once (`steps.failing_at_once`)."""


INBOX_KEY = AssetKey("inbox")
"""The inbox as a whole: on it is seen what lies in no dataset's folder."""


def mark(run_id: str, value: str) -> str:
    """The value of a tag that a run is marked with. It names the run: who re-executes a run from Dagster's page has all tags copied, and
    they would say of the new run what is true of the old one."""
    return f"{value} (run {run_id[:8]})"


def mark_of(run: DagsterRun, tag: str) -> str:
    """The value that this very run was marked with; empty where it was not."""
    value, _, named = run.tags.get(tag, "").rpartition(" (run ")
    return value if named == f"{run.run_id[:8]})" else ""


def inbox_key(dataset: str) -> AssetKey:
    """`<dataset>/inbox`."""
    return AssetKey([dataset, "inbox"])


def clean_key(dataset: str) -> AssetKey:
    """`<dataset>/clean`."""
    return AssetKey([dataset, "clean"])


def errors_key(dataset: str) -> AssetKey:
    """`<dataset>/errors`."""
    return AssetKey([dataset, "errors"])


def broken_key(name: str) -> AssetKey:
    """`<dataset>/broken`, of one that waits; of a module whose datasets are not known by the module's name."""
    return AssetKey([_NO_KEY.sub("_", name) or "_", "broken"])


def window_key(dataset: str, window: str) -> AssetKey:
    """`<dataset>/<window>`."""
    return AssetKey([dataset, window])


def ingest_job_name(dataset: str) -> str:
    """The job that takes in deliveries of one dataset."""
    return f"{dataset}_ingest"


def windows_job_name(dataset: str) -> str:
    """The job that recomputes windows of one dataset."""
    return f"{dataset}_windows"


def deliveries_of(dataset: str) -> DynamicPartitionsDefinition:
    """The partitions of `<dataset>/clean` and `<dataset>/errors`: one per delivery."""
    return DynamicPartitionsDefinition(name=f"{dataset}_deliveries")


def days_of(dataset: str) -> DynamicPartitionsDefinition:
    """The partitions of a dataset's windows: the days that exist, on its own clock, as `2026-11-16`. Why they are dynamic:
    docs/decisions/0034."""
    return DynamicPartitionsDefinition(name=f"{dataset}_days")


def in_parts(windows: Sequence[W]) -> list[tuple[str, Sequence[W]]]:
    """Windows in parts, each with what its steps' names end with. What Dagster does with the outputs of one step takes time that
    grows with the square of their number, so the steps of a dataset with hundreds of windows are several."""
    return [
        (f"_{n // _WINDOWS_A_STEP + 1}" if n else "", windows[n : n + _WINDOWS_A_STEP])
        for n in range(0, len(windows), _WINDOWS_A_STEP)
    ]
