"""Commands that take files in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands import completing
from pipeline.commands.app import (
    Json,
    Wide,
    app,
    end_if,
    intake,
    refuse,
    say_windows,
    sound_datasets,
    tell_about,
    told_if_it_fails,
    up_to_date,
    windows_json,
)

if TYPE_CHECKING:
    from pipeline.bars import FilesProgress
    from pipeline.intake import Intake, Outcome
    from pipeline.intake.again import Again
    from pipeline.warehouse import Failures


@app.command()
def demo() -> None:
    """Drop the sample files, run the `ingest` job through Dagster, and show what happened.

    Example: `pipeline demo`
    """
    from pipeline.demo import run_demo

    raise typer.Exit(run_demo(intake(writes=True)))


@app.command()
@told_if_it_fails
def ingest(
    dataset: Annotated[
        list[str] | None,
        typer.Argument(autocompletion=completing.datasets, help="Datasets to take; all when none is given."),
    ] = None,
    from_archive: Annotated[
        bool,
        typer.Option(
            "--from-archive",
            help="Load again from the archived originals what was loaded under an older contract.",
        ),
    ] = False,
    from_quarantine: Annotated[
        bool,
        typer.Option(
            "--from-quarantine",
            help="Take the quarantined files once more: the contract has changed, or they were mended there.",
        ),
    ] = False,
    delivery: Annotated[
        list[str] | None,
        typer.Option(
            autocompletion=completing.deliveries,
            help="With --from-archive: this delivery, whatever its contract was; with --from-quarantine: this one alone.",
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="With --from-archive: every delivery.")] = False,
    windows: Annotated[bool, typer.Option(help="Also bring the dirty windows up to date.")] = True,
    wide: Wide = False,
    json: Json = False,
) -> None:
    """Take in everything that waits in the inbox, without starting Dagster; or load deliveries again from the archive or the quarantine.

    Example: `pipeline ingest orders`, and after a change of the contract `pipeline ingest orders --from-archive`
    """
    from pipeline.bars import progress_bar
    from pipeline.files import Scan
    from pipeline.files.names import shown
    from pipeline.intake import take_inbox, wait_and_scan
    from pipeline.intake.again import take_quarantined
    from pipeline.report import Workbooks, reported, write_indexes
    from pipeline.terminal import print_json, say, show_entries
    from pipeline.warehouse import Failures

    house, failures = intake(writes=True), Failures()
    dataset = sound_datasets(dataset, house, failures)
    if from_archive and from_quarantine:
        refuse("Choose one of --from-archive and --from-quarantine.")
    if (everything and not from_archive) or (delivery and not from_archive and not from_quarantine):
        refuse("--delivery goes with --from-archive or --from-quarantine, --all with --from-archive.")
    if from_quarantine and (not dataset or (delivery and len(dataset) > 1)):
        refuse("Name the dataset: `pipeline ingest orders --from-quarantine`.")
    if from_archive:
        _load_again(
            house, dataset or [], delivery, failures, everything=everything, windows=windows, json=json
        )
        return
    workbooks = Workbooks()
    outcomes: list[Outcome] = []
    scan = Scan((), (), ()) if from_quarantine else wait_and_scan(house, dataset or None, failures)
    sizes = {(file.dataset, file.delivery): file.size for file in scan.waiting}
    with progress_bar(sizes) as listen, failures.aside("inbox", "", last=True):
        for name in (dataset or ()) if from_quarantine else ():
            again = take_quarantined(house, name, delivery, progress=listen, failures=failures)
            outcomes.extend(reported(house, _counted(again, listen), failures, workbooks))
        taken = take_inbox(house, scan.waiting, progress=listen, failures=failures)
        outcomes.extend(reported(house, _counted(taken, listen), failures, workbooks))
    if not failures.stopped:
        with failures.aside("reports", "", last=True):
            write_indexes(house, {outcome.entry.dataset for outcome in outcomes}, failures, workbooks)
    recomputed = up_to_date(house, dataset, failures) if windows else []
    tell_about(house, failures)
    if json:
        print_json(
            {
                "deliveries": [
                    _entry_json(o.entry) | {"kept_at": o.kept_at and str(o.kept_at), "again": o.again}
                    for o in outcomes
                ],
                "windows": windows_json(recomputed),
                "still_being_written": [str(w.path) for w in scan.unsettled],
                "refused": [{"path": str(r.path), "reason": r.reason} for r in scan.refused],
                "failures": failures.told(),
            }
        )
        end_if(failures)
        _end_where_still_quarantined(outcomes, from_quarantine)
        return
    if outcomes:
        show_entries([outcome.entry for outcome in outcomes])
    elif failures or scan.unsettled or scan.refused:
        say("No file was taken.")  # why is told below
    elif from_quarantine:
        say(f"No file of {', '.join(dataset or ())} lies in {house.settings.quarantine} that is to be taken.")
    else:
        say(f"Nothing waits in {house.settings.inbox}.")
    for item in scan.unsettled:
        say(f"  still being written, left for the next run: {shown(item.path)}")
    for refused in scan.refused:
        say(f"  not taken: {shown(refused.path)}: {refused.reason}")
    for outcome in outcomes:
        if outcome.again is not None:
            say(f"  {shown(outcome.delivery)}: {outcome.again}")
        if outcome.left is not None:
            say(f"  taken, and still in the inbox: {outcome.dataset}/{outcome.delivery}: {outcome.left}")
    say_windows(recomputed)
    end_if(failures)
    _end_where_still_quarantined(outcomes, from_quarantine)


def _counted(outcomes: Iterable[Outcome], listen: FilesProgress) -> Iterator[Outcome]:
    """Outcomes as they come, each of them counted in the bar."""
    for outcome in outcomes:
        listen.finished(outcome.dataset, outcome.delivery)
        yield outcome


def _end_where_still_quarantined(outcomes: list[Outcome], from_quarantine: bool) -> None:
    """What was asked for by name could not be done where a file stays in the quarantine."""
    if from_quarantine and any(outcome.entry.status == "quarantined" for outcome in outcomes):
        raise typer.Exit(2)


def _load_again(
    house: Intake,
    names: list[str],
    deliveries: list[str] | None,
    failures: Failures,
    *,
    everything: bool,
    windows: bool,
    json: bool,
) -> None:
    """Load again what the archive holds; ends with exit code 2 where a delivery could not be."""
    from pipeline.bars import progress_bar
    from pipeline.contract import ContractError
    from pipeline.intake.again import NoSuchDelivery, load_again
    from pipeline.report import renew_reports
    from pipeline.terminal import print_json, say, show_again
    from pipeline.warehouse import ContractChanged

    if not names or (deliveries and len(names) > 1):
        refuse("Name the dataset: `pipeline ingest orders --from-archive`.")
    again: list[Again] = []
    try:
        with progress_bar() as listen:
            for name in names:
                try:
                    for one in load_again(house, name, deliveries, everything=everything, progress=listen):
                        listen.finished(name, one.entry.delivery)
                        again.append(one)
                except (ContractChanged, ContractError) as error:
                    failures.take(error, "dataset", name)
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
