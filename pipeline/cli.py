"""The entry point of the `pipeline` command.

What belongs here: running the commands, and turning known errors into a message. What does not: the commands (`commands`).
"""

from __future__ import annotations

import sys

from pipeline.commands import app


def main() -> None:
    """Run the command line; known errors become one readable message and exit code 2."""
    try:
        app(prog_name="pipeline")
    except (Exception, KeyboardInterrupt) as error:
        message = _known(error)
        if message is None:
            raise
        from pipeline.terminal import complain

        complain(message)
        sys.exit(130 if isinstance(error, KeyboardInterrupt) else 2)


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
