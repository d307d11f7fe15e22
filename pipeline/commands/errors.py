"""Commands about rejected rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.commands import completing
from pipeline.commands.app import Json, Wide, app, intake, refuse, require_datasets
from pipeline.counts import counted

if TYPE_CHECKING:
    import polars as pl

    from pipeline.intake import Intake

_COLUMNS = ["_delivery", "_row", "line", "column_name", "check_name", "value", "message"]


@app.command()
def errors(
    dataset: Annotated[str, typer.Argument(autocompletion=completing.datasets, help="The dataset.")],
    delivery: Annotated[
        list[str] | None,
        typer.Option(
            autocompletion=completing.deliveries,
            help="Only rows of this delivery; may be given several times.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Write the rows to this file: .xlsx to correct them, .csv or .parquet."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    limit: Annotated[int, typer.Option(min=0, help="Error rows to show; a file holds all.")] = 20,
    wide: Wide = False,
    json: Json = False,
) -> None:
    """Show the rejected rows of a dataset and what is wrong with them, or export them to be corrected.

    Example: `pipeline errors orders --out errors.xlsx`
    """
    house = intake()
    require_datasets([dataset], house)
    _require_deliveries(house, dataset, delivery or [])
    if out is None:
        _show(house, dataset, delivery or None, limit, json)
    else:
        _export(house, dataset, delivery or None, out, force, json)


def _require_deliveries(house: Intake, dataset: str, deliveries: list[str]) -> None:
    """Refuse keys that are no deliveries of the dataset."""
    if not deliveries:
        return
    from difflib import get_close_matches

    from pipeline.warehouse.rejected import deliveries_of

    with house.warehouse.reading(dataset) as session:
        known = deliveries_of(session, dataset)
    for key in deliveries:
        if key not in known:
            close = get_close_matches(key, known, n=3) or known[-3:]
            hint = f" There is, among others: {', '.join(map(repr, close))}." if close else ""
            refuse(f"Dataset {dataset!r} has no delivery {key!r}.{hint} `pipeline status` lists the newest.")


def _show(house: Intake, dataset: str, deliveries: list[str] | None, limit: int, json: bool) -> None:
    from pipeline.terminal import paged, print_json, say
    from pipeline.warehouse.rejected import first_rejected, rejected_counts, rejected_rows

    with house.warehouse.reading(dataset) as session:
        counts = rejected_counts(session, dataset, deliveries)
        rows = rejected_rows(session, dataset, deliveries)
        first = first_rejected(session, dataset, limit, deliveries)
    if json:
        found = {"dataset": dataset, "rows": rows, "errors": counts.to_dicts(), "first": first.to_dicts()}
        print_json(found)
        return
    if not rows:
        say(f"No row of {dataset} is rejected.")
        return
    with paged():
        _show_first(dataset, rows, counts, first)


def _show_first(dataset: str, rows: int, counts: pl.DataFrame, first: pl.DataFrame) -> None:
    from pipeline.terminal import say, show_rows

    total = int(counts["violations"].sum())
    show_rows("Errors by check and column", counts.columns, counts.iter_rows(), ["violations"])
    if first.height:
        told = first["sheet"].null_count() < first.height
        columns = [*_COLUMNS[:2], "sheet", *_COLUMNS[2:]] if told else _COLUMNS
        show_rows(
            "The first of them", columns, first.select(columns).iter_rows(), ["_row", "line"], stored=True
        )
    left = counted(total - first.height, "error is not shown", "errors are not shown")
    more = f"; {left}, --limit shows more" if total > first.height else ""
    say(f"{counted(rows, 'row')} of {dataset} {'is' if rows == 1 else 'are'} rejected{more}.")
    say(f"`pipeline errors {dataset} --out errors.xlsx` writes them to a workbook to correct.")


def _export(
    house: Intake, dataset: str, deliveries: list[str] | None, out: Path, force: bool, json: bool
) -> None:
    from pipeline.errors import CannotExport, write_errors
    from pipeline.files.names import shown
    from pipeline.terminal import print_json, say

    try:
        done = write_errors(house.warehouse, house.datasets[dataset], out, deliveries, force=force)
    except CannotExport as problem:
        refuse(str(problem))
    if json:
        told: dict[str, Any] = {"dataset": dataset, "rows": done.rows, "left_out": done.left_out}
        print_json(told | {"path": done.path and str(done.path)})
        return
    if done.path is None:
        say(f"No row of {dataset} is rejected: nothing is written.")
        return
    written = counted(done.rows - done.left_out, "rejected row is", "rejected rows are")
    say(f"{written} in {shown(done.path)}.")
    if done.left_out:
        holding = counted(done.left_out, "row holds", "rows hold")
        say(f"{holding} a text that is too long for a cell: export to .csv or .parquet instead.")
