"""What people get for rows that break a contract: the workbook of rejected rows.

What belongs here: these figures beside their targets. What does not: loading such rows (`loading.bad_rows`).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from benchmarks.generate import orders_frame
from benchmarks.report import DATA, Report, run_way

REJECTED = 200_000


def workbook_of_errors(report: Report, runs: int) -> None:
    """Exporting 200,000 rejected rows, each with one or two bad cells."""
    source = DATA / f"orders_{REJECTED}_all_bad.csv"
    if not source.exists():
        DATA.mkdir(parents=True, exist_ok=True)
        frame = orders_frame(1, REJECTED, np.random.default_rng(7), bad_rows=1.0)
        every_other = pl.int_range(pl.len()) % 2 == 0
        frame = frame.with_columns(status=pl.when(every_other).then(pl.lit("lost")).otherwise("status"))
        frame.write_csv(source)
    report.title(f"{REJECTED:,} rejected orders x 7 columns into a workbook")
    found = run_way("workbook of errors", source, min(runs, 2))
    assert found["rows"] == REJECTED, found
    report.line("seconds of each run", ", ".join(map(str, found["all"])))
    report.ratio("seconds", found["seconds"], at_most=60)
    report.ratio("peak memory, MB", found["peak_mb"], at_most=500)
