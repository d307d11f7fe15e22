"""Which process executes a run, and whether it still lives. What does not belong here: runs."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def this_worker() -> str:
    """This process as `host:pid:birth`."""
    return f"{platform.node()}:{os.getpid()}:{_birth(os.getpid())}"


def worker_parts(worker: str) -> tuple[str, int | None, str]:
    """Host, process id and birth of `this_worker()`; no process id for any other text."""
    host, _, rest = worker.partition(":")
    process, _, birth = rest.partition(":")
    return host, int(process) if process.isdigit() else None, birth


def process_lives(process: int, birth: str) -> bool:
    """Whether that process of this machine is alive, and is not another one that was given its number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return _birth(process) == birth


def _birth(process: int) -> str:
    """When a process began, in ticks since the machine did; empty where the system does not say.

    A process that has ended and that its parent has not looked after yet counts as born never.
    """
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "ended" if fields[0] == "Z" else fields[19]
