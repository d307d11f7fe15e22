"""The application that every command is registered with, and what commands have in common.

What belongs here: the Typer application, shared options, refusals of what was typed. What does not: any command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import wraps
from typing import TYPE_CHECKING, Annotated, NoReturn, ParamSpec

import typer

from pipeline.counts import counted

if TYPE_CHECKING:
    from pipeline.intake import Intake
    from pipeline.warehouse import Failures, Recomputed

P = ParamSpec("P")

app = typer.Typer(
    name="pipeline",
    help="Drop files in; get clean tables, an account of every bad row, and windows you can trust.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


def _say_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"windrow {version('windrow')}")
        raise typer.Exit


@app.callback()
def _pipeline(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None: ...


def _set_wide(context: typer.Context, wide: bool) -> None:
    if not context.resilient_parsing:  # completion: it has no use for a table, nor time for the import
        from pipeline.terminal import set_wide

        set_wide(wide)


Wide = Annotated[
    bool, typer.Option("--wide", callback=_set_wide, help="One line for each row of a table, however long.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a table.")]


def intake(*, writes: bool = False) -> Intake:
    """The intake of the environment's home.

    Args:
        writes: a home that is not there yet will be made: where it is, is said, if that depends on the folder one is in.
    """
    from pipeline.files.names import shown
    from pipeline.intake import open_intake
    from pipeline.settings import relative_home
    from pipeline.terminal import note, say_waiting

    house = open_intake(waiting=say_waiting)
    settings, relative = house.settings, relative_home()
    if writes and relative is not None and not settings.inbox.exists() and not settings.warehouse.exists():
        note(f"New home: {shown(settings.home)} ({shown(relative)}).")
    return house


def refuse(message: str) -> NoReturn:
    """Say what was typed wrongly, and end with exit code 2."""
    from pipeline.terminal import complain

    complain(message)
    raise typer.Exit(2)


def require_datasets(names: Iterable[str], house: Intake) -> None:
    """Refuse names that are no datasets, and datasets that wait."""
    unknown = sorted(set(names) - set(house.datasets))
    if unknown:
        waits = house.waits(unknown)
        if waits:
            refuse("\n".join(map(str, waits)))
        hidden = [f"\n{one}" for one in house.waits() if one.part == "module"]
        refuse(
            f"No dataset {', '.join(map(repr, unknown))}. There is: {', '.join(house.datasets)}.{''.join(hidden)}"
        )


def sound_datasets(names: Sequence[str] | None, house: Intake, failures: Failures) -> list[str] | None:
    """The datasets that a command is to work on, None for all; those of them that wait are in `failures`. Ends where no other is left."""
    failures.add(house.waits(names or None))
    if not names:
        return None
    waiting = {one.dataset for one in failures.found}
    sound = [name for name in names if name not in waiting]
    require_datasets(sound, house)
    if not sound:
        end_if(failures)
    return sound


def up_to_date(house: Intake, datasets: Sequence[str] | None, failures: Failures) -> list[Recomputed]:
    """Bring the dirty windows up to date: what was recomputed; what could not be is in `failures`."""
    from pipeline.bars import working
    from pipeline.intake import recompute_dirty

    done: list[Recomputed] = []
    if not failures.stopped:
        with failures.aside("windows", "", last=True), working("windows") as tell:
            for one in recompute_dirty(house, datasets, failures):
                done.append(one)
                tell(f"{one.dataset}/{one.window} {one.day or ''}")
        show_windows(house, ((one.dataset, one.window) for one in done), failures)
    return done


def show_windows(house: Intake, changed: Iterable[tuple[str, str]], failures: Failures) -> None:
    """Write the pages of windows, (dataset, name), that were computed or deleted."""
    from pipeline.report import renew_windows

    if not failures.stopped:
        with failures.aside("reports", "", last=True):
            renew_windows(house, changed, failures)


def end_if(failures: Failures) -> None:
    """End with exit code 2 where parts failed, each of them told, once everything else is said."""
    if failures:
        refuse("\n".join(map(str, failures.found)))


def tell_about(house: Intake, failures: Failures) -> None:
    """Tell whoever is configured of what failed, and of what the ledger has that is new; that this fails is said, and fails nothing."""
    if not house.settings.tells:
        return  # what sends messages takes its time to be imported
    from pipeline.telling import failed_part, tell
    from pipeline.terminal import complain

    for problem in tell(house.settings, house, [failed_part(one) for one in failures.found]).problems:
        complain(f"Not told: {problem}")


def told_if_it_fails(command: Callable[P, None]) -> Callable[P, None]:
    """A command that runs by itself: whoever is configured is told when it fails as a whole."""

    @wraps(command)
    def run(*args: P.args, **named: P.kwargs) -> None:
        from pipeline.settings import load_settings
        from pipeline.telling import failed_run, tell
        from pipeline.terminal import complain

        try:
            command(*args, **named)
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            from pydantic import ValidationError

            with suppress(ValidationError):  # settings that cannot be read say of nobody to be told
                what, remedy = f"pipeline {command.__name__}", "Run it by hand: it says more."
                why = "\n".join([str(error) or type(error).__name__, *getattr(error, "__notes__", ())])
                for problem in tell(load_settings(), events=[failed_run(what, why, remedy)]).problems:
                    complain(f"Not told: {problem}")
            raise

    return run


def windows_json(recomputed: Sequence[Recomputed]) -> list[dict[str, object]]:
    """Windows that were brought up to date, for programs."""
    return [
        {"window": f"{r.dataset}/{r.window}", "day": r.day, "rows": r.rows, "changed": r.changed}
        for r in recomputed
    ]


def say_windows(recomputed: Sequence[Recomputed]) -> None:
    """The same for people, where there are any."""
    from pipeline.terminal import say

    if recomputed:
        days = len({(r.dataset, r.day) for r in recomputed})
        windows = len({(r.dataset, r.window) for r in recomputed})
        say(f"{counted(windows, 'window')} brought up to date over {counted(days, 'day')}.")
