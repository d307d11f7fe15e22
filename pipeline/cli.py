"""The entry point of the `pipeline` command.

What belongs here: running the commands, and turning known errors into a message. What does not: the commands (`commands`).
"""

from __future__ import annotations

import os
import sys

from pipeline.commands import app
from pipeline.machine import chain


def main() -> None:
    """Run the command line; known errors become one readable message and exit code 2."""
    _open_what_is_closed()
    try:
        app(prog_name="pipeline")
    except (Exception, KeyboardInterrupt) as raised:
        error: BaseException = raised
        if any(isinstance(one, KeyboardInterrupt) for one in chain(raised)):
            error = KeyboardInterrupt()
        message = _known(error)
        if message is None:
            raise
        from pipeline.terminal import complain

        complain(message)
        sys.exit(130 if isinstance(error, KeyboardInterrupt) else 2)


def _open_what_is_closed() -> None:
    """Give what was started without input, output or errors (`>&-`) empty ones: a file that is opened later must not become its output."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115 - the lowest free number, which is its own


def _known(error: BaseException) -> str | None:
    """The message for an error that a person can act on; None for one that is ours."""
    import duckdb
    from pydantic import ValidationError

    from pipeline.contract import ContractError
    from pipeline.intake import OriginalUnavailable
    from pipeline.warehouse import PartsFailed, WarehouseError

    if isinstance(error, KeyboardInterrupt):
        return "Stopped. What was committed stays; run it again to go on."
    if isinstance(error, ValidationError) and error.title == "Settings":
        return "\n".join(
            f"PIPELINE_{str(part['loc'][0]).upper()}: {part['msg']} (it is {part['input']!r}). Set it to another value."
            for part in error.errors()
        )
    if isinstance(error, ContractError | WarehouseError | PartsFailed | OriginalUnavailable | OSError):
        return "\n".join([str(error), *getattr(error, "__notes__", ())])
    if isinstance(error, duckdb.IOException | duckdb.FatalException | duckdb.SerializationException):
        return (
            f"The warehouse cannot be read or written: {error}. A copy of the file can be put in its place."
        )
    return None


if __name__ == "__main__":
    main()
