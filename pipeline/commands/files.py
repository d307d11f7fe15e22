"""Commands that look at a file and load nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands import completing
from pipeline.commands.app import Json, Wide, app, intake, refuse, require_datasets
from pipeline.counts import counted


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="The files; nothing of them is loaded.")],
    dataset: Annotated[
        str | None,
        typer.Option(autocompletion=completing.datasets, help="Also validate them against this dataset."),
    ] = None,
    wide: Wide = False,
    json: Json = False,
) -> None:
    """Show how a file is read, how sure that is and why, and what of it would be rejected. Exit code 1 when anything would.

    With a dataset also: violations by check, the first error rows, the columns, and what loading would need. Several files are
    looked at one by one; `--json` prints one object for one file and a list for several.

    Example: `pipeline check data/inbox/orders/2026-11-16.csv --dataset orders`
    """
    from pipeline.check import check_file, is_fault, show_check
    from pipeline.files.names import shown
    from pipeline.terminal import complain, print_json, say

    house = intake()
    settings, datasets = house.settings, house.datasets
    if dataset:
        require_datasets([dataset], house)
    else:
        for waits in house.waits():
            complain(f"Whether it looks like {waits.where} cannot be told: {waits.cause}. {waits.remedy}")
    for file in files:
        if not file.is_file():
            refuse(f"There is no file {shown(file)}.")
    found = []
    for file in files:
        found.append(check_file(file, settings, datasets[dataset] if dataset else None, datasets))
        if not json:
            if len(files) > 1:
                say((shown(file), "bold"))
            show_check(found[-1])
    if json:
        print_json(found[0] if len(found) == 1 else found)
    elif len(files) > 1:
        say(f"{sum(map(is_fault, found))} of {counted(len(files), 'file')} would not be loaded whole.")
    raise typer.Exit(1 if any(map(is_fault, found)) else 0)


@app.command()
def infer(
    files: Annotated[
        list[Path], typer.Argument(help="The file, any that can be read; or several of one kind.")
    ],
    name: Annotated[
        str | None, typer.Option(help="Name of the dataset; made of the files' when not given.")
    ] = None,
    timezone: Annotated[
        str, typer.Option(help="IANA zone of times without one, such as Europe/Berlin.")
    ] = "UTC",
    out: Annotated[Path | None, typer.Option(help="Module to write; printed when not given.")] = None,
    force: Annotated[bool, typer.Option(help="Write over a module that is there.")] = False,
    json: Json = False,
) -> None:
    """Write a dataset module for a file, or for several of one kind: types, checks, cleaners, key, event time and a window, such that
    all of their rows pass.

    Every row of every file is looked at. What was a guess says so in a comment: read the module over before you use it.

    Example: `pipeline infer orders.csv --out my_datasets/orders.py`
    """
    from zoneinfo import available_timezones

    from pipeline.files import UnreadableFile
    from pipeline.files.names import shown
    from pipeline.infer import NotOneKind, require_name
    from pipeline.infer import infer as infer_module
    from pipeline.settings import load_settings
    from pipeline.terminal import print_json, say_text

    settings = load_settings()
    if name:
        require_name(name)
    if timezone not in available_timezones():
        refuse(f"There is no time zone {timezone!r}. Take a name of the tz database, such as Europe/Berlin.")
    for file in files:
        if not file.is_file():
            refuse(f"There is no file {shown(file)}.")
    if out is not None and out.exists() and not force:
        refuse(f"{out} is there already. Take another name, or write over it with --force.")
    try:
        inferred = infer_module(files, settings, name, timezone)
    except UnreadableFile as problem:
        refuse(f"{problem.cause}. {problem.remedy}.")
    except NotOneKind as problem:
        refuse(f"{problem}. Infer them one by one: they are no files of one kind.")
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(inferred.text, encoding="utf-8")
    if json:
        print_json(
            {
                "dataset": inferred.name,
                "rows": inferred.rows,
                "rejects": inferred.rejects,
                "columns": inferred.columns,
                "written": None if out is None else str(out),
                "module": inferred.text,
            }
        )
    elif out is None:
        say_text(inferred.text.removesuffix("\n"))
    else:
        import shlex

        checked = shlex.join(map(str, files))
        say_text(
            f"Wrote {out}: dataset {inferred.name!r}, {counted(inferred.columns, 'column')}, from {counted(inferred.rows, 'row')}. Read it over, then:\n"
            f"  PIPELINE_DATASETS={shlex.quote(str(out.parent))} pipeline check {checked} --dataset {inferred.name}"
        )
