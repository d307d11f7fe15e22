"""Commands that write reports."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.commands import completing
from pipeline.commands.app import Json, app, intake, refuse, require_datasets
from pipeline.counts import counted


@app.command()
def report(
    dataset: Annotated[
        str,
        typer.Argument(autocompletion=completing.datasets, help="Its deliveries' reports are written again."),
    ],
    delivery: Annotated[
        list[str] | None,
        typer.Option(
            autocompletion=completing.deliveries, help="Only this delivery; may be given several times."
        ),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every delivery of the dataset, not only those without a report.")
    ] = False,
    json: Json = False,
) -> None:
    """Write import reports from the warehouse: those that are missing, those asked for, or all.

    Example: `pipeline report orders --delivery 2026-11-16.csv`
    """
    from pipeline.report import report_page, write_all_reports, write_indexes, write_reports, write_windows
    from pipeline.report.paths import index_page
    from pipeline.terminal import print_json, say

    house = intake(writes=True)
    require_datasets([dataset], house)
    if delivery:
        accounts = write_reports(house, dataset, delivery)
        unknown = sorted(set(delivery) - {account.entry.delivery for account in accounts})
        if unknown:
            refuse(
                f"No delivery {', '.join(map(repr, unknown))} in {dataset}. `pipeline status` lists the newest."
            )
        written = len(accounts)
    else:
        written = write_all_reports(house, dataset, only_missing=not every)
        write_windows(house, ((dataset, window.name) for window in house.datasets[dataset].windows))
    write_indexes(house, [dataset])
    pages = [str(report_page(house.settings, dataset, key)) for key in delivery or ()]
    index = str(index_page(house.settings, dataset))
    if json:
        print_json({"dataset": dataset, "written": written, "pages": pages, "index": index})
        return
    say(f"{counted(written, 'report')} written; the index is {index}")
    for page in pages:
        say(f"  {page}")
