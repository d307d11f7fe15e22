"""Commands that look at a file and load nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.app import Json, app, refuse, require_datasets


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="The file; nothing of it is loaded.")],
    dataset: Annotated[str | None, typer.Option(help="Also validate it against this dataset.")] = None,
    json: Json = False,
) -> None:
    """Show how a file is read, how sure that is and why, and what of it would be rejected. Exit code 1 when anything would.

    Example: `pipeline check data/inbox/orders/2026-11-16.csv --dataset orders`
    """
    from pipeline.check import check_file, is_fault, show_check
    from pipeline.contract.registry import load_datasets
    from pipeline.settings import load_settings
    from pipeline.terminal import print_json

    settings = load_settings()
    datasets = load_datasets(settings.dataset_places) if dataset else {}
    if dataset:
        require_datasets([dataset], datasets)
    if not file.is_file():
        refuse(f"There is no file {file}.")
    found = check_file(file, settings, datasets.get(dataset) if dataset else None)
    if json:
        print_json(found)
    else:
        show_check(found)
    raise typer.Exit(1 if is_fault(found) else 0)
