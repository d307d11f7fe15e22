"""The commands `pipeline windows …`: the application that they are registered with. What does not belong here: any of them."""

import typer

from pipeline.commands.app import app

windows_app = typer.Typer(name="windows", help="Recompute, verify, release windows.", no_args_is_help=True)
app.add_typer(windows_app)
