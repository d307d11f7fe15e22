"""Commands about the keys that originals are sealed to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.app import Json, app, refuse


@app.command()
def keygen(
    file: Annotated[Path, typer.Argument(help="Where the private key is written; it must not be there yet.")],
    json: Json = False,
) -> None:
    """Make a pair of keys for `archive="encrypt"`: the private one goes into a file, the public one is printed.

    Example: `pipeline keygen archive-key.txt`
    """
    from pipeline.files.sealing import new_keys
    from pipeline.settings import IDENTITY_VARIABLE, RECIPIENT_VARIABLE
    from pipeline.terminal import print_json, say_text

    if file.exists():
        refuse(f"{file} is there already, and a key is never written over. Name another file.")
    public = new_keys(file)
    if json:
        print_json({"recipient": public, "identity_file": str(file)})
        return
    say_text(f"{RECIPIENT_VARIABLE}={public}")
    say_text(
        f"# The private key is in {file}. Keep it elsewhere; {IDENTITY_VARIABLE} names it when originals are read again."
    )


@app.command()
def decrypt(
    file: Annotated[Path, typer.Argument(help="A sealed original: its name ends in .age.")],
    out: Annotated[Path, typer.Option(help="Where to write it; it must not be there yet.")],
) -> None:
    """Open a sealed original of the archive or the quarantine with the private key that PIPELINE_ARCHIVE_IDENTITY names.

    Example: `pipeline decrypt data/quarantine/people/may.csv.0199….age --out may.csv`
    """
    from pipeline.files.sealing import KeyProblem, identities_of, unseal
    from pipeline.settings import IDENTITY_VARIABLE, load_settings

    settings = load_settings()
    if not settings.archive_identity:
        refuse(f"{IDENTITY_VARIABLE} is not set. Set it to the path of the private key's file.")
    if not file.is_file():
        refuse(f"There is no file {file}.")
    if out.exists():
        refuse(f"{out} is there already, and nothing is written over. Name another file.")
    try:
        unseal(file, out, identities_of(Path(settings.archive_identity).expanduser()))
    except KeyProblem as problem:
        refuse(f"{problem}.")
