"""The check of each window: `matches_clean_rows`, what is stored is what the clean rows give.

What belongs here: the checks as Dagster lists them, and their verdicts. What does not: comparing (`warehouse`).

There is one step per dataset (of hundreds of windows: a few), not one per window. The warehouse is opened anew for each window, so that others have
their turn in between.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from dagster import (
    AssetCheckEvaluation,
    AssetCheckExecutionContext,
    AssetCheckKey,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    multi_asset_check,
)

from pipeline.contract import Dataset, Total, Window
from pipeline.counts import counted
from pipeline.intake import Intake
from pipeline.orchestration.checks.verdicts import Verdict
from pipeline.orchestration.metadata import markdown_table
from pipeline.orchestration.names import DATASETS_TAG, INFRASTRUCTURE, in_parts, window_key
from pipeline.orchestration.steps import retried_where_it_helps, sign_in
from pipeline.warehouse import Failures, Verified, WarehouseMissing

MATCHES = "matches_clean_rows"
_LISTED = 20
_NAMED = 50


def window_checks_of(dataset: Dataset) -> list[AssetChecksDefinition]:
    """`matches_clean_rows` of every window of a dataset."""
    return [_checks(dataset, part, mark) for mark, part in in_parts(dataset.windows)]


def _checks(dataset: Dataset, windows: Sequence[Window], mark: str) -> AssetChecksDefinition:
    specs = [
        AssetCheckSpec(
            MATCHES,
            asset=window_key(dataset.name, window.name),
            description="The whole total, computed anew from the clean rows, is what is stored."
            if isinstance(window, Total)
            else "The newest days and some others by turns, computed anew from the clean rows, are what is stored.",
        )
        for window in windows
    ]

    @multi_asset_check(
        name=f"{dataset.name}_verify{mark}",
        specs=specs,
        can_subset=True,
        required_resource_keys={"intake"},
        retry_policy=INFRASTRUCTURE,
    )
    @retried_where_it_helps
    def verify(context: AssetCheckExecutionContext) -> Iterator[AssetCheckResult]:
        op = context.op_execution_context
        sign_in(op)
        only = op.run.tags.get(DATASETS_TAG)
        if only is not None and dataset.name not in [name.strip() for name in only.split(",")]:
            return
        chosen = context.selected_asset_check_keys
        names = [w.name for w in windows if key_of(dataset, w.name) in chosen]
        for name, verdict in verdicts(op.resources.intake, dataset, names):
            yield AssetCheckResult(**verdict.on(window_key(dataset.name, name)))

    return verify


def key_of(dataset: Dataset, window: str) -> AssetCheckKey:
    """The check of a window."""
    return AssetCheckKey(window_key(dataset.name, window), MATCHES)


def evaluated(
    intake: Intake, dataset: Dataset, windows: Sequence[str], days: Collection[date] | None
) -> Iterator[AssetCheckEvaluation]:
    """The verdicts over a sample of some days or of all, for a step that has just computed them."""
    for name, verdict in verdicts(intake, dataset, windows, days):
        yield AssetCheckEvaluation(**verdict.on(window_key(dataset.name, name)))


def verdicts(
    intake: Intake, dataset: Dataset, windows: Sequence[str], days: Collection[date] | None = None
) -> Iterator[tuple[str, Verdict]]:
    """Window → verdict over a sample of `days`, or of all. A window that cannot be verified has not passed; the others are looked at."""
    for name in windows:
        failures, found = Failures(), Verified(dataset.name, name)
        try:
            with failures.aside("verification", dataset.name, name, opens=True):
                with intake.warehouse.session(read_only=True):
                    pass  # one that an earlier version wrote is brought up to date
                found = intake.warehouse.verify(dataset.name, name, days)
        except WarehouseMissing:
            pass  # there is nothing to look at yet
        yield name, _not_verified(failures) if failures else verdict_of(found)


def _not_verified(failures: Failures) -> Verdict:
    told = "; ".join(map(str, failures.found))
    return Verdict(MATCHES, False, AssetCheckSeverity.ERROR, told, {"failures": failures.told()})


def verdict_of(found: Verified) -> Verdict:
    """What a verification has found, in Dagster's words."""
    windows = sum(day.windows for day in found.days)
    off = [day for day in found.days if day.differences]
    metadata: dict[str, Any] = {
        "days": [str(day.day) for day in found.days[:_NAMED] if day.day is not None],
        "windows": windows,
        "differences": found.differences,
        "days_waiting_to_be_recomputed": len(found.dirty),
        "days_whose_rows_are_gone": len(found.frozen),
        "seconds": round(found.seconds, 3),
    }
    if off:
        metadata["what_differs"] = markdown_table(
            ["day", "window", "figure", "stored", "computed"], list(_rows(found))[:_LISTED]
        )
        metadata["remedy"] = _remedy(found)
    return Verdict(MATCHES, not off, AssetCheckSeverity.ERROR, _in_words(found, windows), metadata)


def _in_words(found: Verified, windows: int) -> str:
    if not found.days:
        return "it waits to be recomputed" if found.dirty else "there is nothing to look at yet"
    over = "" if found.days[0].day is None else f" of {counted(len(found.days), 'day')}"
    if not found.differences:
        return f"{counted(windows, 'window')}{over} as the clean rows give them"
    worst = max(found.days, key=lambda day: day.differences)
    on = "" if worst.day is None else f", {worst.differences:,} of them on {worst.day}"
    return f"{counted(found.differences, 'window')}{over} not as the clean rows give them{on}"


def _rows(found: Verified) -> Iterator[tuple[object, ...]]:
    for day in found.days:
        for one in day.examples:
            window = ", ".join(_plain(value) for value in one.window.values())
            if one.kind == "other":
                for name, (stored, computed) in one.figures.items():
                    yield day.day or "", window, name, stored, computed
            else:
                yield day.day or "", window, *_one_sided(one.kind, one.figures)


def _one_sided(kind: str, figures: Mapping[str, tuple[object, object]]) -> tuple[object, object, object]:
    rows = figures.get("row_count", (None, None))
    return (
        ("(window)", "none", f"{rows[1]} {'row' if rows[1] == 1 else 'rows'}")
        if kind == "missing"
        else ("(window)", f"{rows[0]} {'row' if rows[0] == 1 else 'rows'}", "none")
    )


def _plain(value: object) -> str:
    return (
        f"{value:%Y-%m-%d %H:%M:%S}"
        if isinstance(value, datetime)
        else "null"
        if value is None
        else str(value)
    )


def _remedy(found: Verified) -> str:
    if all(day.day is None for day in found.days):
        return f"`{found.mended_by}`"
    return f"`{found.mended_by}` and, as one day may not be alone, `pipeline windows verify --all`"
