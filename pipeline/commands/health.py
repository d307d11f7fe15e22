"""Commands that look for faults of the installation."""

from __future__ import annotations

import typer

from pipeline.commands.app import Json, Wide, app


@app.command()
def doctor(wide: Wide = False, json: Json = False) -> None:
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
