"""What is seen of a run while it goes on: bars in a terminal, nothing of them in what programs read."""

from __future__ import annotations

import io
import json
import os
import pty
import threading
from pathlib import Path

import pytest
from rich.console import Console

from pipeline import bars, terminal
from pipeline.bars import progress_bar
from pipeline.ingest import ProgressUpdate
from pipeline_tests.product.support import SAMPLES, drop, pipeline

SIZES = {("orders", "a.csv"): 6_000_000, ("orders", "b.csv"): 3_000_000, ("sales", "a.csv"): 1_000_000}


def update(delivery: str, done: int, total: int, *, last: bool = False) -> ProgressUpdate:
    return ProgressUpdate(delivery, done, total, done // 100, 2.0, done=last)


def drawn(
    *updates: ProgressUpdate | tuple[str, str], sizes: dict[tuple[str, str], int], tty: bool = True
) -> str:
    """What is written when these come one after another; (dataset, delivery) stands for a file that is finished."""
    written = io.StringIO()
    console = Console(file=written, force_terminal=tty, width=120, color_system=None)
    with progress_bar(sizes, console) as bar:
        for one in updates:
            if isinstance(one, tuple):
                bar.finished(*one)
            else:
                bar(one)
    return written.getvalue()


def test_many_files_have_one_bar_over_all_of_them() -> None:
    seen = drawn(("orders", "a.csv"), ("sales", "a.csv"), sizes=SIZES)
    assert "2 of 3 files, 7.0 of 10.0 MB" in seen


def test_a_large_file_has_a_bar_and_moves_that_over_all() -> None:
    seen = drawn(("sales", "a.csv"), update("a.csv", 3_000_000, 6_000_000), sizes=SIZES)
    assert "1 of 3 files, 4.0 of 10.0 MB" in seen
    assert "50 %, 30,000 rows, 15,000 rows/s" in seen


def test_a_single_file_has_its_own_bar_alone_until_it_is_loaded() -> None:
    sizes = {("orders", "a.csv"): 6_000_000}
    seen = drawn(update("a.csv", 3_000_000, 6_000_000), sizes=sizes)
    assert "50 %" in seen and "of 1 file" not in seen
    seen = drawn(update("a.csv", 6_000_000, 6_000_000, last=True), sizes=sizes)
    assert "60,000 rows are read, and loaded next" in seen


def test_a_name_is_no_markup() -> None:
    assert "[red]a.csv" in drawn(update("[red]a.csv", 1, 2), sizes=SIZES)


def test_without_a_terminal_a_line_comes_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn(update("a.csv", 3_000_000, 6_000_000), ("orders", "a.csv"), sizes=SIZES, tty=False) == ""
    monkeypatch.setattr(bars, "_LINE_SECONDS", 0.0)
    seen = drawn(update("a.csv", 3_000_000, 6_000_000), ("orders", "a.csv"), sizes=SIZES, tty=False)
    assert seen == "0 of 3 files, 3.0 of 10.0 MB\n1 of 3 files, 6.0 of 10.0 MB\n"


def test_ingest_draws_in_a_terminal_and_leaves_its_output_clean(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = (SAMPLES / "orders" / "2026-11-16.csv").read_text().splitlines(keepends=True)
    source = home / "rows.csv"
    for number in range(12):
        source.write_text("".join([rows[0], *rows[1 + number * 5 : 6 + number * 5]]))
        drop(source, home, "orders", f"{number}.csv")
    main, screen = pty.openpty()
    seen: list[bytes] = []
    reader = threading.Thread(target=_read_all, args=(main, seen))
    reader.start()
    with os.fdopen(screen, "w") as shown:
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setattr(terminal, "err", Console(file=shown))
        done = pipeline(home, "ingest", "--json")
    reader.join()
    os.close(main)
    text = b"".join(seen).decode()
    assert done.returncode == 0, text
    assert "of 12 files" in text and "windows" in text
    assert "\x1b" not in done.stdout and "of 12 files" not in done.stdout
    assert len(json.loads(done.stdout)["deliveries"]) == 12


def _read_all(terminal: int, seen: list[bytes]) -> None:
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # Linux tells the end so
            return
        if not part:
            return
        seen.append(part)
