"""Commands that read the warehouse."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.app import Json, Wide, app, intake
from pipeline.counts import counted

if TYPE_CHECKING:
    from pipeline.warehouse.answers import Answer

_SHOWN = 100


@app.command()
def status(
    last: Annotated[int, typer.Option(help="How many deliveries to show, newest first.")] = 10,
    wide: Wide = False,
    json: Json = False,
) -> None:
    """What waits, what was loaded, which windows are out of date; while another program is at work in the warehouse, what waits and who that
    is.

    Example: `pipeline status --last 20`
    """
    from pipeline.status import gather_status, show_status
    from pipeline.terminal import paged, print_json

    found = gather_status(intake(), last)
    if json:
        print_json(found)
    else:
        with paged():
            show_status(found)
    raise typer.Exit(2 if found["not_read"] is not None and not found["busy"] else 0)


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="One SQL statement; the warehouse is opened read-only.")],
    limit: Annotated[
        int | None, typer.Option(min=0, help="Rows to show; by default 100 in a terminal, elsewhere all.")
    ] = None,
    wide: Wide = False,
    json: Json = False,
) -> None:
    """Ask the warehouse in SQL: a table in a terminal, text parted by tabs elsewhere.

    Values stand as DuckDB writes them. With `--json`: decimals as text, so that no digit is lost, as are NaN and Infinity; blobs in Base64;
    times and intervals in ISO 8601.

    Example: `pipeline query "SELECT status, count(*) FROM clean.orders GROUP BY ALL"`
    """
    with intake().warehouse.answering(sql, plain=json) as answer:
        show = _taken(answer, limit, json)
    show()


def _taken(answer: Answer | None, limit: int | None, json: bool) -> Callable[[], None]:
    """Take the rows while the warehouse is open; what it gives prints them once others can have it."""
    from pipeline.terminal import in_terminal, json_lines, note, pour, say_text, spooled, tabbed_lines

    if json:
        lines = json_lines(answer.columns, islice(answer.rows, limit)) if answer else json_lines([], [])
        return partial(pour, spooled(lines))
    if answer is None:
        return partial(note, "Done: this statement has no answer.")
    if answer.is_plan:
        return partial(say_text, "\n".join(plan for _, plan in answer.rows))
    if not in_terminal():
        return partial(pour, spooled(tabbed_lines(answer.columns, islice(answer.rows, limit), stored=True)))
    rows = list(islice(answer.rows, _SHOWN if limit is None else limit))
    return partial(_show, answer, rows, next(answer.rows, None) is not None)


def _show(answer: Answer, rows: list[tuple[str | None, ...]], more: bool) -> None:
    from pipeline.terminal import paged, say, show_rows

    with paged():
        show_rows("", answer.columns, rows, answer.numbers, stored=True)
        if not rows:
            say("No rows.")
        if more:
            say(
                f"{counted(len(rows), 'row')}; there are more: --limit shows them, --json and a pipe have all."
            )
