"""Commands that read the warehouse."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.commands.app import Json, app, intake


@app.command()
def status(
    last: Annotated[int, typer.Option(help="How many deliveries to show, newest first.")] = 10,
    json: Json = False,
) -> None:
    """What waits, what was loaded, which windows are out of date; while another program is at work in the warehouse, what waits and who that
    is.

    Example: `pipeline status --last 20`
    """
    from pipeline.status import gather_status, show_status
    from pipeline.terminal import print_json

    found = gather_status(intake(), last)
    if json:
        print_json(found)
    else:
        show_status(found)
    raise typer.Exit(2 if found["not_read"] is not None and not found["busy"] else 0)


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="One SQL statement; the warehouse is opened read-only.")],
    limit: Annotated[int, typer.Option(help="Rows to show in the table; --json prints all.")] = 100,
    json: Json = False,
) -> None:
    """Ask the warehouse in SQL.

    Example: `pipeline query "SELECT status, count(*) FROM clean.orders GROUP BY ALL"`
    """
    import polars as pl

    from pipeline.terminal import print_json, say, show_rows

    frame = intake().warehouse.query(sql)
    if json:
        print_json(frame.to_dicts())
        return
    numbers = [name for name, dtype in frame.schema.items() if dtype.is_numeric()]
    single = [name for name, dtype in frame.schema.items() if dtype == pl.Float32]
    shown = frame.head(limit).with_columns(
        pl.col(single).cast(pl.String)
    )  # of Python's floats they show digits of their own
    show_rows("", shown.columns, shown.iter_rows(), numbers, stored=True)
    if frame.height > limit:
        say(f"{limit:,} of {frame.height:,} rows; --limit shows more.")
