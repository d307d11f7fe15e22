"""Commands that take files in."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.commands.app import Json, app, intake, require_datasets


@app.command()
def demo() -> None:
    """Drop the sample files, run the `ingest` job through Dagster, and show what happened.

    Example: `pipeline demo`
    """
    from pipeline.demo import run_demo

    raise typer.Exit(run_demo(intake()))


@app.command()
def ingest(
    dataset: Annotated[
        list[str] | None, typer.Argument(help="Datasets to take; all when none is given.")
    ] = None,
    windows: Annotated[bool, typer.Option(help="Also bring the dirty windows up to date.")] = True,
    json: Json = False,
) -> None:
    """Take in everything that waits in the inbox, without starting Dagster.

    Example: `pipeline ingest orders`
    """
    from pipeline.intake import recompute_dirty, take_inbox, wait_and_scan
    from pipeline.report import reported, write_indexes
    from pipeline.terminal import print_json, progress_bar, say, show_entries

    house = intake()
    require_datasets(dataset or (), house.datasets)
    scan = wait_and_scan(house, dataset or None)
    with progress_bar() as listen:
        outcomes = list(reported(house, take_inbox(house, scan.waiting, progress=listen)))
    write_indexes(house, {outcome.entry.dataset for outcome in outcomes})
    recomputed = list(recompute_dirty(house, dataset or None)) if windows else []
    if json:
        print_json(
            {
                "deliveries": [
                    _entry_json(o.entry) | {"kept_at": o.kept_at and str(o.kept_at)} for o in outcomes
                ],
                "windows": [
                    {"window": f"{r.dataset}/{r.window}", "day": r.day, "rows": r.rows, "changed": r.changed}
                    for r in recomputed
                ],
                "still_being_written": [str(w.path) for w in scan.unsettled],
                "refused": [{"path": str(r.path), "reason": r.reason} for r in scan.refused],
            }
        )
        return
    if outcomes:
        show_entries([outcome.entry for outcome in outcomes])
    else:
        say(f"Nothing waits in {house.settings.inbox}.")
    for item in scan.unsettled:
        say(f"  still being written, left for the next run: {item.path}")
    for refused in scan.refused:
        say(f"  not taken: {refused.path}: {refused.reason}")
    if recomputed:
        days = len({(r.dataset, r.day) for r in recomputed})
        say(
            f"{len({(r.dataset, r.window) for r in recomputed})} windows brought up to date over {days} days."
        )


def _entry_json(entry: object) -> dict[str, object]:
    from dataclasses import asdict

    return asdict(entry)  # type: ignore[call-overload, no-any-return]
