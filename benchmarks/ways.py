"""The ways that are compared, each run in a process of its own.

What belongs here: one function per way, from a file to rows in a DuckDB file; imports are made before the clock starts.
What does not: repetition, ratios and printing (`__main__`).
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

COLUMNS = {
    "order_id": "BIGINT",
    "customer_email": "VARCHAR",
    "amount": "DECIMAL(18,2)",
    "ordered_at": "TIMESTAMP",
    "status": "VARCHAR",
    "department": "VARCHAR",
    "customer_name": "VARCHAR",
}
EMAIL = r"^[^@\s,;<>()]+@[^@\s,;<>()]+\.[^@\s,;<>().]{2,}$"
Work = Callable[[], dict[str, object]]


def windrow(source: Path, home: Path, dataset: str = "orders") -> Work:
    """Ours, everything on: detection, row numbers, cleaning, validation, profile, reconciliation, uniqueness, dirty windows."""
    from pipeline.files import landing_of
    from pipeline.intake import open_intake, take_inbox
    from pipeline.settings import Settings

    intake = open_intake(Settings(home=home, settle_seconds=0, datasets="benchmarks.datasets"))
    intake.make_folders()
    inbox = home / "inbox" / dataset / source.name
    inbox.hardlink_to(source)

    def work() -> dict[str, object]:
        (outcome,) = take_inbox(intake, [landing_of(inbox, dataset, source.name)])
        entry = outcome.entry
        return {"clean": entry.rows_clean, "rejected": entry.rows_rejected, "staging": entry.seconds}

    return work


def duckdb_floor(source: Path, home: Path) -> Work:
    """DuckDB's typed loader with rejects: types only, no rules."""
    import duckdb

    def work() -> dict[str, object]:
        with duckdb.connect(str(home / "floor.duckdb")) as connection:
            connection.execute("SET preserve_insertion_order = false")
            connection.execute(
                "CREATE TABLE orders AS SELECT * FROM read_csv(?, header = true, delim = ',', quote = '\"',"
                f" columns = {COLUMNS!r}, store_rejects = true)",
                [str(source)],
            )
            count = connection.execute("SELECT count(*) FROM orders").fetchone()
        return {"clean": count[0] if count else 0}

    return work


def duckdb_rules(source: Path, home: Path) -> Work:
    """The same rules written in DuckDB SQL: trim, casts, e-mail, range, membership, required, one error row per violation."""
    import duckdb

    text = dict.fromkeys(COLUMNS, "VARCHAR")
    checks = {
        ("order_id", "cast"): "order_id IS NULL",
        (
            "customer_email",
            "email",
        ): f"customer_email IS NULL OR NOT regexp_matches(customer_email, '{EMAIL}')",
        ("amount", "cast"): "amount IS NULL",
        ("amount", "ge"): "amount < 0",
        ("ordered_at", "cast"): "ordered_at IS NULL",
        ("status", "isin"): "status IS NULL OR status NOT IN ('pending', 'completed', 'cancelled')",
        ("department", "required"): "department IS NULL",
    }

    def work() -> dict[str, object]:
        with duckdb.connect(str(home / "rules.duckdb")) as connection:
            connection.execute("SET preserve_insertion_order = false")
            connection.execute(
                "CREATE TEMP TABLE source AS SELECT row_number() OVER () AS _row, * FROM"
                f" read_csv(?, header = true, delim = ',', quote = '\"', columns = {text!r})",
                [str(source)],
            )
            connection.execute(
                "CREATE TEMP TABLE typed AS SELECT _row, TRY_CAST(order_id AS BIGINT) AS order_id,"
                " lower(trim(customer_email)) AS customer_email,"
                " TRY_CAST(replace(trim(amount), ',', '') AS DECIMAL(18,2)) AS amount,"
                " TRY_CAST(ordered_at AS TIMESTAMP) AS ordered_at, status, department,"
                " trim(customer_name) AS customer_name FROM source"
            )
            failures = " UNION ALL ".join(
                f"SELECT _row, '{column}' AS column_name, '{check}' AS check_name FROM typed WHERE {rule}"
                for (column, check), rule in checks.items()
            )
            connection.execute(f"CREATE TEMP TABLE failures AS {failures}")
            connection.execute(
                "CREATE TABLE errors AS SELECT f.*, to_json(s) AS record FROM failures f JOIN source s USING (_row)"
            )
            connection.execute(
                "CREATE TABLE orders AS SELECT * FROM typed WHERE _row NOT IN (SELECT _row FROM failures)"
                " QUALIFY row_number() OVER (PARTITION BY order_id ORDER BY _row) = 1"
            )
            count = connection.execute("SELECT count(*) FROM orders").fetchone()
        return {"clean": count[0] if count else 0}

    return work


def pandas_pandera(source: Path, home: Path) -> Work:
    """The same rules with pandas chunks, Pandera's pandas backend and DuckDB."""
    import duckdb
    import pandas as pd
    import pandera.pandas as pa

    schema = pa.DataFrameSchema(
        {
            "order_id": pa.Column("Int64"),
            "customer_email": pa.Column(str, pa.Check.str_matches(EMAIL)),
            "amount": pa.Column(float, pa.Check.ge(0)),
            "ordered_at": pa.Column("datetime64[us]"),
            "status": pa.Column(str, pa.Check.isin(["pending", "completed", "cancelled"])),
            "department": pa.Column(str),
            "customer_name": pa.Column(str, nullable=True),
        }
    )

    def typed(chunk: pd.DataFrame) -> pd.DataFrame:
        return chunk.assign(
            order_id=pd.to_numeric(chunk["order_id"], errors="coerce").astype("Int64"),
            customer_email=chunk["customer_email"].str.strip().str.lower(),
            amount=pd.to_numeric(chunk["amount"].str.replace(",", ""), errors="coerce"),
            ordered_at=pd.to_datetime(
                chunk["ordered_at"], errors="coerce", format="%Y-%m-%d %H:%M:%S"
            ).astype("datetime64[us]"),
            customer_name=chunk["customer_name"].str.strip(),
        )

    def work() -> dict[str, object]:
        clean = 0
        with duckdb.connect(str(home / "pandas.duckdb")) as connection:
            columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
            connection.execute(f"CREATE TABLE orders ({columns})")
            connection.execute(
                "CREATE TABLE errors (row BIGINT, column_name VARCHAR, check_name VARCHAR, value VARCHAR)"
            )
            connection.execute("BEGIN")
            for chunk in pd.read_csv(source, dtype=str, chunksize=200_000):
                frame = typed(chunk)
                try:
                    schema.validate(frame, lazy=True)
                except pa.errors.SchemaErrors as error:
                    cases = error.failure_cases.dropna(subset=["index"])
                    errors = cases[["index", "column", "check", "failure_case"]].astype(
                        {"index": "int64", "column": str, "check": str, "failure_case": str}
                    )
                    connection.register("bad", errors)
                    connection.execute("INSERT INTO errors SELECT * FROM bad")
                    frame = frame.drop(index=cases["index"].unique())
                clean += len(frame)
                connection.register("good", frame)
                connection.execute("INSERT INTO orders SELECT * FROM good")
            connection.execute("COMMIT")
        return {"clean": clean}

    return work


def workbook_of_errors(source: Path, home: Path) -> Work:
    """The rejected rows of a file as a workbook; another process has loaded it."""
    from pipeline.errors import write_errors
    from pipeline.intake import open_intake
    from pipeline.settings import Settings

    subprocess.run(
        [sys.executable, "-m", "benchmarks.ways", "windrow", str(source), str(home)],
        check=True,
        capture_output=True,
    )
    intake = open_intake(Settings(home=home))

    def work() -> dict[str, object]:
        done = write_errors(intake.warehouse, intake.datasets["orders"], home / "errors.xlsx")
        return {"rows": done.rows - done.left_out}

    return work


def inference(source: Path, home: Path) -> Work:
    """A dataset module for the file, decided over all of its rows."""
    from pipeline.infer import infer
    from pipeline.settings import Settings

    settings = Settings(home=home)

    def work() -> dict[str, object]:
        return {"rows": infer(source, settings).rows}

    return work


WAYS: dict[str, Callable[[Path, Path], Work]] = {
    "windrow": windrow,
    "windrow, rich contract": partial(windrow, dataset="rich_orders"),
    "windrow, wide table": partial(windrow, dataset="readings"),
    "duckdb floor": duckdb_floor,
    "duckdb rules": duckdb_rules,
    "pandas + pandera": pandas_pandera,
    "workbook of errors": workbook_of_errors,
    "inference": inference,
}


def main() -> None:
    """`python -m benchmarks.ways WAY SOURCE HOME`: do the work once, print seconds, peak memory and counts as JSON."""
    way, source, home = sys.argv[1], Path(sys.argv[2]).resolve(), Path(sys.argv[3]).resolve()
    work = WAYS[way](source, home)
    started = time.perf_counter()
    counts = work()
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mb": peak, **counts}))


if __name__ == "__main__":
    main()
