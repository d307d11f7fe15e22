"""Looking for texts in everything that lies under a home. What does not belong here: what may be where."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl

from pipeline.warehouse import Warehouse


def everything(home: Path, spared: Iterable[Path] = ()) -> Iterator[tuple[str, str]]:
    """(where, text) of all that is under a home: names and bytes of files, and what compressed ones hold."""
    left_out = set(spared)
    for path in home.rglob("*"):
        yield "a name", str(path.relative_to(home))
        if not path.is_file() or path in left_out:
            continue
        yield str(path), path.read_bytes().decode("latin-1")
        if path.suffix == ".parquet":
            yield str(path), json.dumps(pl.read_parquet(path).to_dicts(), default=str)
        if path.suffix == ".duckdb":
            warehouse = Warehouse(path, {})
            tables = warehouse.query(
                "SELECT schema_name || '.' || table_name AS name FROM duckdb_tables() WHERE NOT internal"
            )["name"].to_list()
            for table in tables:
                yield table, json.dumps(warehouse.query(f"SELECT * FROM {table}").to_dicts(), default=str)


def leaks(home: Path, secrets: Iterable[str], spared: Iterable[Path] = ()) -> list[tuple[str, str]]:
    """(where, secret) of each of `secrets` that is anywhere, in any case, but in the files `spared`."""
    wanted = [(secret, secret.casefold()) for secret in secrets]
    return [
        (place, secret)
        for place, text in everything(home, spared)
        for secret, folded in wanted
        if folded in text.casefold()
    ]
