"""Staging small files in processes of their own, beside the process that commits.

What belongs here: both ends of the pipe. What does not: staging itself (`prepare`), and when it pays (`prepare` too).

A small file costs interpreter time rather than computing, and one interpreter does one thing at a time: staging in threads
would only take turns with the commits. Objects go over the pipes as pickles; both ends are this very program.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, BinaryIO

from pipeline.files import Waiting
from pipeline.intake.house import Intake, open_intake
from pipeline.settings import frugal_environment


class WorkerLost(OSError):
    """A staging process ended before its work was done (killed, or out of memory)."""


class StagingProcesses:
    """`count` processes that stage; each is driven by a thread of `pool`, started with its first file.

    Use as a context manager: leaving it ends the processes.
    """

    def __init__(self, intake: Intake, count: int) -> None:
        self._intake = intake
        self._mine = threading.local()
        self._started: list[subprocess.Popen[bytes]] = []
        self.pool = ThreadPoolExecutor(count, "windrow-process")

    def __enter__(self) -> StagingProcesses:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._started:
            if error is not None:
                process.kill()
        self.pool.shutdown(wait=True, cancel_futures=True)
        for process in self._started:
            process.communicate()

    def stage(self, item: Waiting) -> Any:
        """Stage one file in this thread's process; gives what `prepare` would give here, and raises what it would raise.

        Raises:
            WorkerLost: the process is gone.
        """
        process = getattr(self._mine, "process", None) or self._start()
        answer = _exchange(process, item)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-c", "from pipeline.intake.worker import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=frugal_environment(),
        )
        self._started.append(process)
        self._mine.process = process
        known = {name: dataset.fingerprint for name, dataset in self._intake.datasets.items()}
        if _exchange(process, self._intake.settings.model_dump()) != known:
            raise WorkerLost(
                "the staging process found other datasets than this one: were they edited just now?"
            )
        return process


def _exchange(process: subprocess.Popen[bytes], message: object) -> Any:
    assert process.stdin is not None and process.stdout is not None
    try:
        pickle.dump(message, process.stdin)
        process.stdin.flush()
        return pickle.load(process.stdout)
    except (EOFError, BrokenPipeError) as error:
        raise WorkerLost(f"a staging process ended with code {process.wait()}; run it again") from error


def main() -> None:
    """The process: settings in, fingerprints out; then file by file, until the pipe is closed."""
    from pipeline.intake.prepare import prepare_one
    from pipeline.settings import Settings

    source, sink = sys.stdin.buffer, _own_output()
    intake = open_intake(Settings(**pickle.load(source)))
    _send(sink, {name: dataset.fingerprint for name, dataset in intake.datasets.items()})
    with ThreadPoolExecutor(1, "windrow-chunk") as chunks:
        while True:
            try:
                item = pickle.load(source)
            except EOFError:
                return
            try:
                answer: object = prepare_one(intake, item, None, chunks)
            except Exception as error:  # noqa: BLE001  (it is raised again at the other end)
                answer = error
            _send(sink, answer)


def _own_output() -> BinaryIO:
    """The pipe to the other end; whatever else is printed goes to standard error."""
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return sink


def _send(sink: BinaryIO, answer: object) -> None:
    pickle.dump(answer, sink)
    sink.flush()
