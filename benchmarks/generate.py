"""Generated orders for the benchmarks: the shape of the shipped `orders` dataset, with bad cells of four kinds.

What belongs here: deterministic test data. What does not: timing, and anything that reads the data back.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.datasets.readings import CODES, NUMBERS, SHARES

CHUNK = 500_000
DEPARTMENTS = ["Books", "Toys", "Garden", "Electronics", "Grocery", "Clothing", "Sports", "Music"]
FIRST = ["Anna", "Bela", "Chloe", "Dmitri", "Elif", "Farid", "Grace", "Hugo", "Ines", "Jonas", "Kofi", "Lena"]
LAST = ["Okafor", "Silva", "Meyer", "Novak", "Haddad", "Tanaka", "Olsen", "Rossi", "Dubois", "Kowalski"]


def orders_frame(first_id: int, rows: int, rng: np.random.Generator, bad_rows: float) -> pl.DataFrame:
    """`rows` orders as text, seven columns; `bad_rows` is the share of rows with one bad cell (four kinds)."""
    ids = pl.int_range(first_id, first_id + rows, eager=True)
    second = rng.integers(0, 365 * 86_400, rows)
    frame = pl.DataFrame(
        {
            "order_id": ids,
            "first": pl.Series(rng.integers(0, len(FIRST), rows)),
            "last": pl.Series(rng.integers(0, len(LAST), rows)),
            "cents": rng.integers(100, 500_000, rows),
            "second": second,
            "status": pl.Series(rng.integers(0, 3, rows)),
            "department": pl.Series(rng.integers(0, len(DEPARTMENTS), rows)),
            "bad": np.where(rng.random(rows) < bad_rows, rng.integers(1, 5, rows), 0),
        }
    )

    def pick(column: str, values: list[str]) -> pl.Expr:
        return pl.col(column).replace_strict(dict(enumerate(values)), return_dtype=pl.String)

    first, last = pick("first", FIRST), pick("last", LAST)
    amount = (
        (pl.col("cents") // 100).cast(pl.String) + "." + (pl.col("cents") % 100).cast(pl.String).str.zfill(2)
    )
    when = pl.lit(np.datetime64("2025-01-01T00:00:00", "us")) + pl.duration(seconds="second")
    return frame.select(
        pl.col("order_id").cast(pl.String),
        customer_email=pl.when(pl.col("bad") == 1)
        .then(pl.lit("not-an-address"))
        .otherwise(
            first.str.to_lowercase()
            + "."
            + last.str.to_lowercase()
            + pl.col("order_id").cast(pl.String)
            + "@example.com"
        ),
        amount=pl.when(pl.col("bad") == 2)
        .then(pl.lit("twelve"))
        .when(pl.col("bad") == 3)
        .then("-" + amount)
        .otherwise(amount),
        ordered_at=when.dt.to_string("%Y-%m-%d %H:%M:%S"),
        status=pl.when(pl.col("bad") == 4)
        .then(pl.lit("lost"))
        .otherwise(pick("status", ["pending", "completed", "cancelled"])),
        department=pick("department", DEPARTMENTS),
        customer_name=first + " " + last,
    )


def write_orders(path: Path, rows: int, *, bad_rows: float = 0.014, seed: int = 7) -> Path:
    """Write `rows` orders to `path` as CSV, in chunks; an existing file is kept. Returns `path`."""
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    part = path.with_suffix(".part")
    with part.open("wb") as out:
        for start in range(0, rows, CHUNK):
            frame = orders_frame(start + 1, min(CHUNK, rows - start), rng, bad_rows)
            frame.write_csv(out, include_header=start == 0)
    return part.rename(path)


def readings_frame(rows: int, rng: np.random.Generator) -> pl.DataFrame:
    """`rows` readings as the dataset `readings` of the benchmarks declares them: 41 columns, no bad cell."""
    when = pl.Series("taken_at", np.full(rows, np.datetime64("2025-01-01T00:00:00", "us")))
    letters = np.array([f"{a}{b}{n:02d}" for a in "ABCDEFGH" for b in "KLMNOP" for n in range(100)])
    return pl.DataFrame(
        [
            (
                when + pl.Series(rng.integers(0, 365 * 86_400_000_000, rows)).cast(pl.Duration("us"))
            ).dt.to_string("%Y-%m-%d %H:%M:%S"),
            *(pl.Series(name, rng.integers(0, 10 ** (1 + n % 7), rows)) for n, name in enumerate(NUMBERS)),
            *(pl.Series(name, rng.random(rows).round(2 + n % 5)) for n, name in enumerate(SHARES)),
            *(
                pl.Series(name, letters[rng.integers(0, 10 * (1 + n) ** 2, rows)])
                for n, name in enumerate(CODES)
            ),
        ]
    )


def write_readings(path: Path, rows: int) -> Path:
    """Write `rows` readings to `path` as CSV, in chunks; an existing file is kept. Returns `path`."""
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(7)
    part = path.with_suffix(".part")
    with part.open("wb") as out:
        for start in range(0, rows, CHUNK):
            readings_frame(min(CHUNK, rows - start), rng).write_csv(out, include_header=start == 0)
    return part.rename(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--bad-rows", type=float, default=0.014)
    arguments = parser.parse_args()
    write_orders(arguments.path, arguments.rows, bad_rows=arguments.bad_rows)


if __name__ == "__main__":
    main()
