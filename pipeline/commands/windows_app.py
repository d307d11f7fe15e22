"""The application `pipeline windows …`. What does not belong here: any command."""

from __future__ import annotations

import typer

from pipeline.commands.app import app

windows_app = typer.Typer(name="windows", help="Recompute, verify, release windows.", no_args_is_help=True)
app.add_typer(windows_app)
