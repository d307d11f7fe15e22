"""`python -m benchmarks.read_one FILE [PARSER]`: read a file once in a process of its own; seconds, peak memory and counts as JSON.

What belongs here: reading with workers, as staging does, and with openpyxl. What does not: repetition and ratios (`reading`).
"""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from benchmarks.report import own_peak_mb
from pipeline.files import Parsed, Piece, open_table
from pipeline.ingest.file_rows import WORKERS


def read_all(path: Path) -> dict[str, object]:
    """Every piece parsed, as many side by side as staging has workers."""
    started = time.perf_counter()
    table = open_table(path)
    opened = time.perf_counter() - started
    records = rejects = repairs = 0
    under_way: deque[Future[tuple[int, int, int]]] = deque()
    with ThreadPoolExecutor(WORKERS) as pool:
        for piece in table.pieces():
            under_way.append(pool.submit(_counts, piece))
            if len(under_way) > WORKERS:
                counts = under_way.popleft().result()
                records, rejects, repairs = records + counts[0], rejects + counts[1], repairs + counts[2]
        for future in under_way:
            counts = future.result()
            records, rejects, repairs = records + counts[0], rejects + counts[1], repairs + counts[2]
    seconds = time.perf_counter() - started
    return {
        "seconds": seconds,
        "opening": opened,
        "records": records,
        "rejects": rejects,
        "repairs": repairs,
        "dialect": table.dialect.as_dict(),
        "peak_mb": own_peak_mb(),
    }


def _counts(piece: Piece) -> tuple[int, int, int]:
    parsed: Parsed = piece.parse()
    return piece.records, len(parsed.rejects), len(parsed.repairs)


def read_openpyxl(path: Path) -> dict[str, object]:
    """All cells of the first sheet in openpyxl's read-only mode."""
    from openpyxl import load_workbook

    started = time.perf_counter()
    book = load_workbook(path, read_only=True, data_only=True)
    records = sum(1 for _ in book.worksheets[0].iter_rows(values_only=True)) - 1
    book.close()
    return {"seconds": time.perf_counter() - started, "records": records, "peak_mb": own_peak_mb()}


if __name__ == "__main__":
    source = Path(sys.argv[1])
    print(json.dumps(read_openpyxl(source) if "openpyxl" in sys.argv[2:] else read_all(source)))
