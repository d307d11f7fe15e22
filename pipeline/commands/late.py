"""Commands about rows that come late and rows that grow old."""

from __future__ import annotations

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
    require_datasets,
    say_windows,
    sound_datasets,
    up_to_date,
    windows_json,
)
from pipeline.commands.windows_app import windows_app

if TYPE_CHECKING:
    from pipeline.intake import Intake
    from pipeline.warehouse import Retained


@windows_app.command()
def late(
    dataset: Annotated[
        str | None,
        typer.Argument(autocompletion=completing.datasets, help="The dataset; all when none is given."),
    ] = None,
    window: Annotated[
        str | None, typer.Option(autocompletion=completing.windows_of, help="Only of this window.")
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="Late rows to show; --json too.")] = 20,
    wide: Wide = False,
    json: Json = False,
) -> None:
    """Show the rows that came when their windows were final: how many by window and delivery, and the last of them.

    Example: `pipeline windows late orders`
    """
    import polars as pl

    from pipeline.terminal import print_json, say, show_rows

    house = intake()
    require_datasets([dataset] if dataset else [], house)
    if dataset and window:
        _require_window(house, dataset, window)
    with house.warehouse.reading() as session:
        counts = session.late_counts(dataset)
        rows = session.late_rows(dataset, window, limit=limit)
    if window:
        counts = counts.filter(pl.col("window_name") == window)
    if json:
        print_json({"counts": counts.to_dicts(), "rows": rows.to_dicts()})
        return
    if counts.is_empty():
        say("No row came late.")
        return
    show_rows("Late rows by window and delivery", counts.columns, counts.iter_rows(), ["rows"])
    if limit:
        show_rows("The last of them", rows.columns, rows.iter_rows(), ["_row"], stored=True)
    held = counts.filter(pl.col("status") == "held")
    for name in held["dataset"].unique().sort():
        say(f"`pipeline windows release {name}` lets its held rows count.")


@windows_app.command()
def release(
    dataset: Annotated[
        str,
        typer.Argument(autocompletion=completing.datasets, help="The dataset whose held rows are to count."),
    ],
    window: Annotated[
        str | None, typer.Option(autocompletion=completing.windows_of, help="Only for this window.")
    ] = None,
    delivery: Annotated[
        str | None, typer.Option(autocompletion=completing.deliveries, help="Only rows of this delivery.")
    ] = None,
    windows: Annotated[bool, typer.Option(help="Also bring the dirty windows up to date.")] = True,
    wide: Wide = False,
    json: Json = False,
) -> None:
    """Let late rows that are held count in their windows, and compute these again.

    Example: `pipeline windows release orders --delivery 2026-11-16.csv`
    """
    from dataclasses import asdict

    from pipeline.terminal import print_json, say, show_rows
    from pipeline.warehouse import Failures

    house = intake(writes=True)
    require_datasets([dataset], house)
    if window:
        _require_window(house, dataset, window)
    with house.warehouse.session() as session:
        done = session.release(dataset, window, delivery)
    failures = Failures()
    recomputed = up_to_date(house, [dataset], failures) if windows else []
    if json:
        told = [asdict(one) for one in done]
        print_json({"released": told, "windows": windows_json(recomputed), "failures": failures.told()})
        end_if(failures)
        return
    if not done:
        say(f"No row of {dataset} is held.")
        end_if(failures)
        return
    columns = ["window", "delivery", "rows", "days", "cannot count any more"]
    shown = [(one.window, one.delivery, one.rows, len(one.days), one.frozen) for one in done]
    show_rows("Released", columns, shown, columns[2:])
    say_windows(recomputed)
    end_if(failures)


@app.command()
def retain(
    dataset: Annotated[
        list[str] | None,
        typer.Argument(
            autocompletion=completing.datasets, help="Datasets to look at; all when none is given."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would go.")] = False,
    wide: Wide = False,
    json: Json = False,
) -> None:
    """Delete clean rows and windows that are older than their dataset keeps them (`keep_rows`, `keep_windows`).

    Windows are brought up to date first; those whose rows go stay as they are.

    Example: `pipeline retain orders --dry-run`
    """
    from dataclasses import asdict

    from pipeline.report import renew_after_retention
    from pipeline.terminal import print_json, say, say_retained
    from pipeline.warehouse import Failures

    house = intake(writes=not dry_run)
    failures = Failures()
    dataset = sound_datasets(dataset, house, failures)
    done: list[Retained] = []
    for name, declared in house.datasets.items():
        keeps = declared.keep_rows is not None or declared.keep_windows is not None
        if name in dataset if dataset else keeps:
            opening = house.warehouse.reading(name) if dry_run else house.warehouse.session()
            with failures.aside("retention", name, opens=True), opening as session:
                done.append(session.retain(name, dry_run=dry_run))
    if not dry_run:
        house.sweep()
    for one in () if dry_run else done:
        with failures.aside("reports", one.dataset, last=True):
            renew_after_retention(house, one, failures)
    if json:
        print_json([asdict(one) for one in done])
        end_if(failures)
        return
    if not done and not failures:
        say("Every dataset keeps all of its rows and windows.")
    for one in done:
        say_retained(one, dry_run=dry_run)
    end_if(failures)


def _require_window(house: Intake, dataset: str, window: str) -> None:
    try:
        house.datasets[dataset].window(window)
    except KeyError as error:
        refuse(str(error.args[0]))
