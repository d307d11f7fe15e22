"""Commands that take rejected rows once more."""

from __future__ import annotations

from typing import Annotated

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
    up_to_date,
    windows_json,
)


@app.command()
def replay(
    dataset: Annotated[
        str,
        typer.Argument(
            autocompletion=completing.datasets, help="The dataset whose open errors are looked at again."
        ),
    ],
    delivery: Annotated[
        list[str] | None,
        typer.Option(
            autocompletion=completing.deliveries,
            help="Only rows of this delivery; may be given several times.",
        ),
    ] = None,
    windows: Annotated[bool, typer.Option(help="Also bring the dirty windows up to date.")] = True,
    wide: Wide = False,
    json: Json = False,
) -> None:
    """Validate rejected rows against the contract as it is now; those that pass become clean rows.

    Example: `pipeline replay orders --delivery 2026-11-16.csv`
    """
    from dataclasses import asdict

    from pipeline.intake import replay as take_again
    from pipeline.report import renew_reports
    from pipeline.terminal import print_json, say, show_rows
    from pipeline.warehouse import Failures

    house = intake(writes=True)
    require_datasets([dataset], house)
    if delivery:
        with house.warehouse.session() as session:
            unknown = [key for key in delivery if session.current(dataset, key) is None]
        if unknown:
            refuse(
                f"No delivery {', '.join(map(repr, unknown))} of {dataset!r} is loaded; see `pipeline status`."
            )
    found = take_again(house, dataset, delivery or None)
    failures = Failures()
    with failures.aside("reports", dataset, last=True):
        renew_reports(house, dataset, [one.delivery for one in found], failures)
    recomputed = up_to_date(house, [dataset], failures) if windows else []
    if json:
        print_json(
            {
                "dataset": dataset,
                "deliveries": [asdict(one) for one in found],
                "windows": windows_json(recomputed),
                "failures": failures.told(),
            }
        )
        end_if(failures)
        return
    if not found:
        say(f"No row of {dataset} is rejected and open.")
        end_if(failures)
        return
    columns = ["delivery", "looked at", "passed", "left out", "still rejected"]
    show_rows(
        "Replayed",
        columns,
        [(one.delivery, one.looked_at, one.passed, one.filtered, one.still_rejected) for one in found],
        columns[1:],
    )
    unread = sum(one.unread for one in found)
    if unread:
        say(f"{unread:,} of them could not be read: they take a correction, or their file loaded again.")
    say_windows(recomputed)
    end_if(failures)
