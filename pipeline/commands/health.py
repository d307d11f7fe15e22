"""Commands that look for faults of the installation."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.commands.app import Json, Wide, app


@app.command()
def doctor(
    tell: Annotated[
        bool, typer.Option("--tell", help="Only send a message to each address of PIPELINE_TELL, to try it.")
    ] = False,
    wide: Wide = False,
    json: Json = False,
) -> None:
    """Look for what is wrong with settings, folders, datasets, warehouse and versions. Exit code 1 when something is.

    Example: `pipeline doctor`, and `pipeline doctor --tell` to try who is told
    """
    from pipeline.doctor import examine, tried
    from pipeline.settings import load_settings
    from pipeline.terminal import print_json, say, show_rows

    findings = tried(load_settings()) if tell else examine()
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
