"""The `pipeline` command.

What belongs here: commands, their options, help and exit codes. What does not: the work (`intake`, `warehouse`) and how
things look (`terminal`). Exit codes: 0 did its work, 1 looked for faults and found some (`check`, `doctor`), 2 could not do it.
Heavy imports stay inside the commands, so that `--help` answers at once.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pipeline.intake import Intake

app = typer.Typer(
    name="pipeline",
    help="Drop files in; get clean tables, an account of every bad row, and windows you can trust.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a table.")]


def main() -> None:
    """Run the command line; known errors become one readable message and exit code 2."""
    try:
        app()
    except (Exception, KeyboardInterrupt) as error:
        message = _known(error)
        if message is None:
            raise
        from pipeline.terminal import complain

        complain(message)
        sys.exit(130 if isinstance(error, KeyboardInterrupt) else 2)


def _known(error: BaseException) -> str | None:
    """The message for an error that a person can act on; None for one that is ours."""
    from pydantic import ValidationError

    from pipeline.contract import ContractError
    from pipeline.warehouse import WarehouseError

    if isinstance(error, KeyboardInterrupt):
        return "Stopped. What was committed stays; run it again to go on."
    if isinstance(error, ValidationError) and error.title == "Settings":
        return "\n".join(
            f"PIPELINE_{str(part['loc'][0]).upper()}: {part['msg']} (it is {part['input']!r}). Set it to another value."
            for part in error.errors()
        )
    if isinstance(error, ContractError | WarehouseError | OSError):
        return str(error)
    return None


def _intake() -> Intake:
    from pipeline.intake import open_intake

    return open_intake()


@app.command()
def demo() -> None:
    """Drop the sample files, run the `ingest` job through Dagster, and show what happened.

    Example: `pipeline demo`
    """
    from pipeline.demo import run_demo

    raise typer.Exit(run_demo(_intake()))


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
    from pipeline.terminal import complain, print_json

    settings = load_settings()
    datasets = load_datasets(settings.dataset_places) if dataset else {}
    if dataset and dataset not in datasets:
        complain(f"No dataset {dataset!r}. There is: {', '.join(datasets)}.")
        raise typer.Exit(2)
    if not file.is_file():
        complain(f"There is no file {file}.")
        raise typer.Exit(2)
    found = check_file(file, settings, datasets.get(dataset) if dataset else None)
    if json:
        print_json(found)
    else:
        show_check(found)
    raise typer.Exit(1 if is_fault(found) else 0)


@app.command()
def ingest(
    dataset: Annotated[
        list[str] | None, typer.Argument(help="Datasets to take; all when none is given.")
    ] = None,
    windows: Annotated[bool, typer.Option(help="Also bring the dirty windows up to date.")] = True,
    json: Json = False,
) -> None:
    """Take in everything that waits in the inbox, without starting Dagster.

    Example: `pipeline ingest orders`
    """
    from pipeline.intake import recompute_dirty, take_inbox, wait_and_scan
    from pipeline.terminal import complain, print_json, progress_bar, say, show_entries

    intake = _intake()
    unknown = sorted(set(dataset or ()) - set(intake.datasets))
    if unknown:
        complain(f"No dataset {', '.join(map(repr, unknown))}. There is: {', '.join(intake.datasets)}.")
        raise typer.Exit(2)
    scan = wait_and_scan(intake, dataset or None)
    with progress_bar() as listen:
        outcomes = list(take_inbox(intake, scan.waiting, progress=listen))
    recomputed = list(recompute_dirty(intake, dataset or None)) if windows else []
    if json:
        print_json(
            {
                "deliveries": [
                    _entry_json(o.entry) | {"kept_at": o.kept_at and str(o.kept_at)} for o in outcomes
                ],
                "windows": [
                    {"window": f"{r.dataset}/{r.window}", "day": r.day, "rows": r.rows, "changed": r.changed}
                    for r in recomputed
                ],
                "still_being_written": [str(w.path) for w in scan.unsettled],
                "refused": [{"path": str(r.path), "reason": r.reason} for r in scan.refused],
            }
        )
        return
    if outcomes:
        show_entries([outcome.entry for outcome in outcomes])
    else:
        say(f"Nothing waits in {intake.settings.inbox}.")
    for item in scan.unsettled:
        say(f"  still being written, left for the next run: {item.path}")
    for refused in scan.refused:
        say(f"  not taken: {refused.path}: {refused.reason}")
    if recomputed:
        days = len({(r.dataset, r.day) for r in recomputed})
        say(
            f"{len({(r.dataset, r.window) for r in recomputed})} windows brought up to date over {days} days."
        )


def _entry_json(entry: object) -> dict[str, object]:
    from dataclasses import asdict

    return asdict(entry)  # type: ignore[call-overload, no-any-return]


@app.command()
def status(
    last: Annotated[int, typer.Option(help="How many deliveries to show, newest first.")] = 10,
    json: Json = False,
) -> None:
    """What waits, what was loaded, which windows are out of date.

    Example: `pipeline status --last 20`
    """
    from pipeline.status import gather_status, show_status
    from pipeline.terminal import print_json

    found = gather_status(_intake(), last)
    if json:
        print_json(found)
    else:
        show_status(found)


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="One SQL statement; the warehouse is opened read-only.")],
    limit: Annotated[int, typer.Option(help="Rows to show in the table; --json prints all.")] = 100,
    json: Json = False,
) -> None:
    """Ask the warehouse in SQL.

    Example: `pipeline query "SELECT status, count(*) FROM clean.orders GROUP BY ALL"`
    """
    from pipeline.terminal import print_json, say, show_rows

    frame = _intake().warehouse.query(sql)
    if json:
        print_json(frame.to_dicts())
        return
    numbers = [name for name, dtype in frame.schema.items() if dtype.is_numeric()]
    show_rows("", frame.columns, frame.head(limit).iter_rows(), numbers)
    if frame.height > limit:
        say(f"{limit:,} of {frame.height:,} rows; --limit shows more.")


@app.command()
def doctor(json: Json = False) -> None:
    """Look for what is wrong with settings, folders, datasets, warehouse and versions. Exit code 1 when something is.

    Example: `pipeline doctor`
    """
    from pipeline.doctor import examine
    from pipeline.terminal import print_json, say, show_rows

    findings = examine()
    if json:
        print_json([{"check": f.check, "ok": f.ok, "found": f.found, "remedy": f.remedy} for f in findings])
    else:
        show_rows(
            "", ["", "check", "found"], [("ok" if f.ok else "FAULT", f.check, f.found) for f in findings]
        )
        for finding in findings:
            if not finding.ok:
                say(f"  {finding.check}: {finding.found} → {finding.remedy}")
    raise typer.Exit(0 if all(f.ok for f in findings) else 1)


if __name__ == "__main__":
    main()
