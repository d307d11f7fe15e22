"""Commands that take files in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.app import (
    Json,
    app,
    end_if,
    intake,
    refuse,
    require_datasets,
    say_windows,
    up_to_date,
    windows_json,
)

if TYPE_CHECKING:
    from pipeline.intake import Intake, Outcome
    from pipeline.intake.again import Again


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
    from_archive: Annotated[
        bool,
        typer.Option(
            "--from-archive",
            help="Load again from the archived originals what was loaded under an older contract.",
        ),
    ] = False,
    delivery: Annotated[
        list[str] | None, typer.Option(help="With --from-archive: this delivery, whatever its contract was.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="With --from-archive: every delivery.")] = False,
    windows: Annotated[bool, typer.Option(help="Also bring the dirty windows up to date.")] = True,
    json: Json = False,
) -> None:
    """Take in everything that waits in the inbox, without starting Dagster; or load deliveries again from the archive.

    Example: `pipeline ingest orders`, and after a change of the contract `pipeline ingest orders --from-archive`
    """
    from pipeline.intake import take_inbox, wait_and_scan
    from pipeline.report import Workbooks, reported, write_indexes
    from pipeline.terminal import print_json, progress_bar, say, show_entries
    from pipeline.warehouse import Failures

    house = intake()
    require_datasets(dataset or (), house.datasets)
    if (delivery or everything) and not from_archive:
        refuse("--delivery and --all go with --from-archive.")
    if from_archive:
        _load_again(house, dataset or [], delivery, everything=everything, windows=windows, json=json)
        return
    scan = wait_and_scan(house, dataset or None)
    failures, workbooks = Failures(), Workbooks()
    outcomes: list[Outcome] = []
    with progress_bar() as listen, failures.aside("inbox", "", last=True):
        taken = take_inbox(house, scan.waiting, progress=listen, failures=failures)
        outcomes.extend(reported(house, taken, failures, workbooks))
    if not failures.stopped:
        with failures.aside("reports", "", last=True):
            write_indexes(house, {outcome.entry.dataset for outcome in outcomes}, failures, workbooks)
    recomputed = up_to_date(house, dataset or None, failures) if windows else []
    if json:
        print_json(
            {
                "deliveries": [
                    _entry_json(o.entry) | {"kept_at": o.kept_at and str(o.kept_at)} for o in outcomes
                ],
                "windows": windows_json(recomputed),
                "still_being_written": [str(w.path) for w in scan.unsettled],
                "refused": [{"path": str(r.path), "reason": r.reason} for r in scan.refused],
                "failures": failures.told(),
            }
        )
        end_if(failures)
        return
    if outcomes:
        show_entries([outcome.entry for outcome in outcomes])
    else:
        say(f"Nothing waits in {house.settings.inbox}.")
    for item in scan.unsettled:
        say(f"  still being written, left for the next run: {item.path}")
    for refused in scan.refused:
        say(f"  not taken: {refused.path}: {refused.reason}")
    for outcome in outcomes:
        if outcome.left is not None:
            say(f"  taken, and still in the inbox: {outcome.dataset}/{outcome.delivery}: {outcome.left}")
    say_windows(recomputed)
    end_if(failures)


def _load_again(
    house: Intake,
    names: list[str],
    deliveries: list[str] | None,
    *,
    everything: bool,
    windows: bool,
    json: bool,
) -> None:
    """Load again what the archive holds; ends with exit code 2 where a delivery could not be."""
    from pipeline.intake.again import NoSuchDelivery, load_again
    from pipeline.report import renew_reports
    from pipeline.terminal import print_json, progress_bar, say, show_again
    from pipeline.warehouse import Failures

    if not names or (deliveries and len(names) > 1):
        refuse("Name the dataset: `pipeline ingest orders --from-archive`.")
    failures = Failures()
    again: list[Again] = []
    try:
        with progress_bar() as listen:
            for name in names:
                again += load_again(house, name, deliveries, everything=everything, progress=listen)
    except NoSuchDelivery as error:
        refuse(str(error))
    for name in names:
        with failures.aside("reports", name, last=True):
            told = [done.entry.delivery for done in again if done.entry.dataset == name]
            renew_reports(house, name, told, failures)
    recomputed = up_to_date(house, names, failures) if windows else []
    if json:
        print_json(
            {
                "deliveries": [_entry_json(done.entry) | {"problem": done.problem} for done in again],
                "windows": windows_json(recomputed),
                "failures": failures.told(),
            }
        )
    else:
        if not again:
            say("Every delivery is loaded under the contract of now; --all loads them all the same.")
        show_again(again)
        say_windows(recomputed)
    end_if(failures)
    raise typer.Exit(2 if any(done.problem for done in again) else 0)


def _entry_json(entry: object) -> dict[str, object]:
    from dataclasses import asdict

    return asdict(entry)  # type: ignore[call-overload, no-any-return]
