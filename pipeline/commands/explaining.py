"""The command that says how a window is computed."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import typer

from pipeline.commands import completing
from pipeline.commands.app import Json, Wide, app, intake
from pipeline.commands.windows_named import window_named


@app.command()
def explain(
    window: Annotated[
        str, typer.Argument(autocompletion=completing.windows, help="The window, as DATASET/WINDOW.")
    ],
    day: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Day whose windows the SQL computes; today if left out."),
    ] = None,
    wide: Wide = False,
    json: Json = False,
) -> None:
    """Say how a window is computed: the way of each measure and why, and the SQL.

    Example: `pipeline explain orders/daily_by_department`
    """
    from dataclasses import asdict

    from pipeline.terminal import paged, print_json, say, say_text, show_rows
    from pipeline.warehouse import explain as explained

    dataset, spec = window_named(window, intake())
    found = explained(dataset, spec, date.today() if day is None else day.date())  # noqa: DTZ011
    if json:
        print_json(asdict(found))
        return
    with paged():
        say(f"{found.window}: {found.kind}.")
        say(f"Starts by {found.clock}.")
        show_rows("", ["measure", "way", "why"], found.measures)
        say_text(f"\n{found.sql}")
