"""Runs a command line, Dagster's or ours, in this process and kills it with SIGKILL at a named boundary.

Usage: python -m pipeline_tests.product.killer MODULE:FUNCTION:before|after:N  dagster|pipeline  ARGUMENT …
The process dies before or after the N-th call of that function: nothing is cleaned up, as when the power goes.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import Any


def die() -> None:
    """No handler, no finally, no flush."""
    os.kill(os.getpid(), signal.SIGKILL)


def arm(boundary: str) -> None:
    """Make the function at `boundary` kill this process."""
    module_name, path, when, nth = boundary.split(":")
    owner: Any = importlib.import_module(module_name)
    *parents, name = path.split(".")
    for parent in parents:
        owner = getattr(owner, parent)
    original = getattr(owner, name)
    calls = 0

    def armed(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == int(nth) and when == "before":
            die()
        result = original(*arguments, **named)
        if calls == int(nth) and when == "after":
            die()
        return result

    setattr(owner, name, armed)


def main() -> None:
    arm(sys.argv[1])
    sys.argv = sys.argv[2:]
    if sys.argv[0] == "pipeline":
        from pipeline.cli import main as pipeline

        pipeline()
    else:
        from dagster._cli import main as dagster

        dagster()


if __name__ == "__main__":
    main()
