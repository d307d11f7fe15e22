"""Commands that recompute windows and verify them.

What belongs here: their options, and what they print. What does not: the work (`warehouse`), pictures (`plots`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.commands import completing
from pipeline.commands.app import Json, Wide, end_if, intake, refuse, show_windows, windows_json
from pipeline.commands.windows_app import windows_app
from pipeline.commands.windows_named import From, To, day_range, windows_named
from pipeline.counts import counted

if TYPE_CHECKING:
    from datetime import date

    from pipeline.warehouse import Recomputed, Verified


@windows_app.command()
def recompute(
    window: Annotated[
        list[str],
        typer.Argument(
            autocompletion=completing.datasets_and_windows,
            help="DATASET/WINDOW, or DATASET for all its windows.",
        ),
    ],
    first: From = None,
    last: To = None,
    everything: Annotated[bool, typer.Option("--all", help="All days; of a total everything.")] = False,
    wide: Wide = False,
    json: Json = False,
) -> None:
    """Compute the windows of some days anew from the clean rows; without days, those that are dirty.

    Days are those of the dataset's zone on which windows start. A window whose figures come out the same keeps its revision.

    Example: `pipeline windows recompute orders/daily_by_department --from 2026-01-01 --to 2026-12-31`
    """
    from pipeline.bars import steps_bar
    from pipeline.intake import recompute_aside
    from pipeline.terminal import print_json, say
    from pipeline.warehouse import Failures

    house, failures = intake(writes=True), Failures()
    chosen = windows_named(window, house, failures=failures)
    days = day_range(first, last)
    if everything and days is not None:
        refuse("Give --from with --to, or --all.")
    done: list[Recomputed] = []
    with steps_bar("window-days", len(chosen) * max(1, len(days or ()))) as step:
        for dataset, name in chosen:
            if everything:
                with (
                    failures.aside("window", dataset, name, opens=True),
                    house.warehouse.session() as session,
                ):
                    session.mark_everything(dataset, name)
            # A month at a time: between two of them others have their turn at the warehouse.
            for part in _months(days):
                done += recompute_aside(house, dataset, name, failures, part)
                step(f"{dataset}/{name}", len(part or ()) or 1)
    show_windows(house, chosen, failures)
    if json:
        print_json(windows_json(done))
        end_if(failures)
        return
    _show_recomputed(done)
    end_if(failures)
    if not done:
        say("Nothing of these was dirty; --from with --to, or --all, computes anew what is not.")


@windows_app.command()
def verify(
    window: Annotated[
        list[str] | None,
        typer.Argument(
            autocompletion=completing.datasets_and_windows,
            help="DATASET/WINDOW, or DATASET for all its windows; all when left out.",
        ),
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, help="About how many days of each to look at.")] = None,
    first: From = None,
    last: To = None,
    everything: Annotated[bool, typer.Option("--all", help="Look at all days.")] = False,
    wide: Wide = False,
    json: Json = False,
) -> None:
    """Compute windows anew from the clean rows and compare them with what is stored. Exit code 1 when something differs.

    Looks at a sample: the newest days, and others by turns, so that all have been looked at after some dates. Days that wait to be
    recomputed are passed over, and those whose rows retention has deleted.

    Example: `pipeline windows verify orders --from 2026-11-01 --to 2026-11-30`
    """
    from pipeline.bars import steps_bar
    from pipeline.terminal import print_json
    from pipeline.warehouse import Failures
    from pipeline.warehouse.windows.sample import SAMPLED_DAYS

    if sum((days is not None, first is not None or last is not None, everything)) > 1:
        refuse("Give one of --days, --from with --to, and --all.")
    house, failures = intake(), Failures()
    failures.add([] if window else house.waits())
    chosen = windows_named(window or list(house.datasets), house, some=bool(window), failures=failures)
    asked = day_range(first, last)
    sample = None if everything or asked is not None else days or SAMPLED_DAYS
    found: list[Verified] = []
    with steps_bar("windows", len(chosen)) as step:
        for dataset, name in chosen:
            with failures.aside("verification", dataset, name, opens=True):
                found.append(house.warehouse.verify(dataset, name, asked, sample))
            step(f"{dataset}/{name}", 1)
    if json:
        print_json([_verified_json(one) for one in found])
    else:
        _show_verified(found)
    end_if(failures)
    raise typer.Exit(1 if any(one.differences for one in found) else 0)


def _months(days: Sequence[date] | None) -> list[Sequence[date] | None]:
    from pipeline.warehouse.windows.batches import MAX_DAYS

    if days is None:
        return [None]
    return [days[n : n + MAX_DAYS] for n in range(0, len(days), MAX_DAYS)]


def _show_recomputed(done: Sequence[Recomputed]) -> None:
    from pipeline.terminal import say, show_rows

    rows: dict[str, list[Any]] = {}
    for one in done:
        row = rows.setdefault(f"{one.dataset}/{one.window}", [None, None, 0, 0, 0, 0.0])
        row[:2] = [one.day if row[0] is None else row[0], one.day]
        row[2:] = [row[2] + 1, row[3] + one.rows, row[4] + one.changed, row[5] + one.seconds]
    if rows:
        columns = ["window", "first day", "last day", "days", "windows", "changed", "seconds"]
        show_rows("Recomputed", columns, [(name, *row) for name, row in rows.items()], numbers=columns[3:])
        say(f"{counted(sum(one.changed for one in done), 'window')} changed.")
    kept = sum(one.kept for one in done)
    if kept:
        stay = counted(kept, "day stays as it is", "days stay as they are")
        say(f"{stay}: retention has deleted rows that went in.")


def _show_verified(found: Sequence[Verified]) -> None:
    from pipeline.terminal import say, show_rows

    columns = ["window", "days", "windows", "missing", "extra", "other figures", "waiting", "rows gone"]
    rows = [
        (
            f"{one.dataset}/{one.window}",
            len(one.days),
            sum(day.windows for day in one.days),
            sum(day.missing for day in one.days),
            sum(day.extra for day in one.days),
            sum(day.other for day in one.days),
            len(one.dirty),
            len(one.frozen),
        )
        for one in found
    ]
    show_rows("Verified", columns, rows, numbers=columns[1:])
    examples = [
        (
            f"{one.dataset}/{one.window}",
            day.day or "",
            difference.kind,
            _named(difference.window),
            name,
            *values,
        )
        for one in found
        for day in one.days
        for difference in day.examples
        for name, values in difference.figures.items()
    ]
    if examples:
        columns = ["window", "day", "what", "which", "figure", "stored", "computed"]
        show_rows("What differs: the first of each day", columns, examples, stored=True)
    differing = sum(one.differences for one in found)
    if differing:
        say(f"{counted(differing, 'window differs', 'windows differ')}.")
    for one in found:
        if one.differences:
            say(f"`{one.mended_by}` computes them anew.")


def _named(window: Any) -> str:
    return ", ".join("null" if value is None else str(value) for value in window.values())


def _verified_json(found: Verified) -> dict[str, object]:
    return {
        "window": f"{found.dataset}/{found.window}",
        "differences": found.differences,
        "days": [
            {
                "day": day.day,
                "windows": day.windows,
                "missing": day.missing,
                "extra": day.extra,
                "other": day.other,
                "examples": [
                    {
                        "kind": one.kind,
                        "window": dict(one.window),
                        "figures": {
                            name: {"stored": stored, "computed": computed}
                            for name, (stored, computed) in one.figures.items()
                        },
                    }
                    for one in day.examples
                ],
            }
            for day in found.days
        ],
        "waiting": found.dirty,
        "rows_gone": found.frozen,
        "seconds": round(found.seconds, 3),
    }
