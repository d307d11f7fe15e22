"""Commands that follow a change of a contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands import completing
from pipeline.commands.app import Json, Wide, app, end_if, intake, sound_datasets

if TYPE_CHECKING:
    from pipeline.intake.again import Again
    from pipeline.warehouse import Change, Evolution


@app.command()
def migrate(
    dataset: Annotated[
        list[str] | None,
        typer.Argument(
            autocompletion=completing.datasets, help="Datasets to look at; all when none is given."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what there is to do.")] = False,
    reingest: Annotated[
        bool,
        typer.Option(
            "--reingest",
            help="Also do what leaves rows wrong until they are loaded anew, and load them anew from the archive.",
        ),
    ] = False,
    wide: Wide = False,
    json: Json = False,
) -> None:
    """Bring the tables in line with contracts that changed, and the warehouse with this version of the program.

    Windows that look at changed columns are marked as out of date; `pipeline ingest` brings them up to date.

    Example: `pipeline migrate orders --dry-run`
    """
    from pipeline.bars import progress_bar
    from pipeline.intake.again import load_again
    from pipeline.report import renew_reports
    from pipeline.terminal import print_json
    from pipeline.warehouse import Evolution, Failures, WarehouseMissing

    house, failures = intake(), Failures()
    dataset = sound_datasets(dataset, house, failures)
    try:
        found = (
            house.warehouse.planned(dataset)
            if dry_run
            else house.warehouse.migrate(dataset, convert=reingest, failures=failures)
        )
    except WarehouseMissing:
        found = Evolution((), ())
    again: list[Again] = []
    if reingest and not dry_run:
        with progress_bar() as listen:
            for change in found.changes:
                if change.stale:
                    with failures.aside("dataset", change.dataset, opens=True):
                        again += (done := list(load_again(house, change.dataset, progress=listen)))
                        renew_reports(house, change.dataset, [one.entry.delivery for one in done])
    if json:
        print_json(_as_json(found, again))
    else:
        _show(found, again, dry_run=dry_run, reingest=reingest)
    end_if(failures)
    left = not dry_run and any(change.blocked and not change.done for change in found.changes)
    raise typer.Exit(2 if left or any(done.problem for done in again) else 0)


def _as_json(found: Evolution, again: list[Again]) -> dict[str, object]:
    from dataclasses import asdict

    return {
        "migrations": list(found.migrations),
        "datasets": [asdict(change) for change in found.changes],
        "loaded_again": [
            {"dataset": done.entry.dataset, "delivery": done.entry.delivery, "problem": done.problem}
            for done in again
        ],
    }


def _show(found: Evolution, again: list[Again], *, dry_run: bool, reingest: bool) -> None:
    from pipeline.terminal import say, show_again, show_rows

    rows = [("", "warehouse", f"migration {name}", "" if dry_run else "done") for name in found.migrations]
    for change in found.changes:
        for step in change.steps:
            said = "" if dry_run or step.kind == "keep" else "done"
            if step.again and not reingest:
                said = "needs --reingest"
            rows.append((change.dataset, step.kind, step.text, said))
    if rows:
        show_rows("", ["dataset", "step", "what", ""], rows)
    else:
        say("Every table fits its contract.")
    show_again(again)
    for change in found.changes:
        if not dry_run and not reingest and change.stale:
            say(_hint(change))


def _hint(change: Change) -> str:
    if change.blocked:
        return f"{change.dataset} takes no files before `pipeline migrate {change.dataset} --reingest`."
    return f"`pipeline ingest {change.dataset} --from-archive` loads the rows of {change.dataset} anew."
