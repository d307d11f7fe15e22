"""What people type for windows and days: `DATASET/WINDOW`, `DATASET`, `--from` and `--to`.

What belongs here: reading it, and refusing what does not fit. What does not: any command.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.app import refuse, require_datasets

if TYPE_CHECKING:
    from pipeline.contract import Dataset, Window
    from pipeline.intake import Intake
    from pipeline.warehouse import Failures

From = Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")]
To = Annotated[
    datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day; the first one when left out.")
]


def windows_named(
    names: Sequence[str], house: Intake, *, some: bool = True, failures: Failures | None = None
) -> list[tuple[str, str]]:
    """(dataset, window) of each name, a dataset's name standing for all its windows; each once, in the order given.

    Args:
        some: refuse a dataset without windows.
        failures: takes the datasets that wait, of which the others are asked for all the same; without it they are refused.
    """
    chosen: dict[tuple[str, str], None] = {}
    for given in names:
        dataset, _, window = given.partition("/")
        waits = [] if failures is None else house.waits([dataset])
        if failures is not None and waits:
            failures.add(waits)
            continue
        require_datasets([dataset], house)
        known = [one.name for one in house.datasets[dataset].windows]
        if window and window not in known:
            listed = ", ".join(f"{dataset}/{name}" for name in known) or "none"
            refuse(f"No window {given!r}. The windows of {dataset}: {listed}.")
        if some and not known:
            refuse(f"Dataset {dataset!r} has no windows.")
        chosen.update(dict.fromkeys((dataset, name) for name in known if window in ("", name)))
    return list(chosen)


def window_named(name: str, house: Intake) -> tuple[Dataset, Window]:
    """The one window of that name; the name of a dataset will do where it has but one."""
    chosen = windows_named([name], house)
    if len(chosen) > 1:
        refuse(
            f"Name one window of {name}: {', '.join(f'{dataset}/{window}' for dataset, window in chosen)}."
        )
    dataset = house.datasets[chosen[0][0]]
    return dataset, dataset.window(chosen[0][1])


def day_range(first: datetime | None, last: datetime | None) -> list[date] | None:
    """The days from `--from` to `--to`, both included; None where neither is given."""
    if first is None:
        if last is not None:
            refuse("--to goes with --from: the first day of the range.")
        return None
    until = last or first
    if until < first:
        refuse(f"--to {until:%Y-%m-%d} lies before --from {first:%Y-%m-%d}.")
    return [first.date() + timedelta(days=n) for n in range((until - first).days + 1)]
