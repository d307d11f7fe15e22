"""Bringing the warehouse's own tables up to date: numbered SQL files, applied once, in order.

What belongs here: running the files of the folder `migrations/` and remembering their checksums. What does not: the
tables of datasets, which follow from their contracts (`tables`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from pipeline.warehouse.connection import transaction
from pipeline.warehouse.errors import MigrationError

FOLDER = Path(__file__).with_name("migrations")
_NAME = re.compile(r"(\d{4})_(\w+)\.sql")


@dataclass(frozen=True)
class Migration:
    """One numbered SQL file."""

    version: int
    name: str
    checksum: str
    sql: str


def available(folder: Path = FOLDER) -> list[Migration]:
    """The migrations in `folder`, in order.

    Raises:
        MigrationError: a file is named wrongly, or numbers are missing or double.
    """
    found = []
    for path in sorted(folder.glob("*.sql")):
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise MigrationError(f"{path}: is not named like 0002_what_it_does.sql. Rename it.")
        content = path.read_text(encoding="utf-8")
        checksum = hashlib.sha256(content.encode()).hexdigest()
        found.append(Migration(int(match[1]), match[2], checksum, content))
    if [migration.version for migration in found] != list(range(1, len(found) + 1)):
        raise MigrationError(
            f"{folder}: the numbers do not run 1, 2, 3, … without a gap. Renumber the newest."
        )
    return found


def pending(
    connection: duckdb.DuckDBPyConnection, there: Container[tuple[str, str]], folder: Path = FOLDER
) -> list[Migration]:
    """The migrations that are not applied yet, in order; `there` holds the (schema, table) that exist.

    Raises:
        MigrationError: see `migrate`.
    """
    applied: dict[int, str] = {}
    if ("ops", "migrations") in there:
        applied = dict(connection.execute("SELECT version, checksum FROM ops.migrations").fetchall())
    migrations = available(folder)
    _check(migrations, applied)
    return [migration for migration in migrations if migration.version not in applied]


def behind(
    connection: duckdb.DuckDBPyConnection, there: Container[tuple[str, str]], folder: Path = FOLDER
) -> list[str]:
    """The migrations that came after an earlier version of this program wrote the warehouse last, by name; `there` holds the (schema,
    table) that exist. A warehouse of a newer one is not behind: that it is newer is told where it is written to."""
    if ("ops", "migrations") not in there:
        return []
    row = connection.execute("SELECT max(version) FROM ops.migrations").fetchone()
    newest = 0 if row is None else row[0] or 0
    return [one.name for one in available(folder) if one.version > newest]


def migrate(connection: duckdb.DuckDBPyConnection, folder: Path = FOLDER) -> list[int]:
    """Apply what is missing, all in one transaction; returns the versions applied now.

    Raises:
        MigrationError: an applied migration has another checksum, or the warehouse is newer than this program.
    """
    migrations = available(folder)
    with transaction(connection):
        connection.execute("CREATE SCHEMA IF NOT EXISTS ops")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS ops.migrations (version INTEGER PRIMARY KEY, name VARCHAR NOT NULL, "
            "checksum VARCHAR NOT NULL, applied_at TIMESTAMP NOT NULL)"
        )
        applied = dict(connection.execute("SELECT version, checksum FROM ops.migrations").fetchall())
        _check(migrations, applied)
        fresh = [migration for migration in migrations if migration.version not in applied]
        for migration in fresh:
            connection.execute(migration.sql)
            connection.execute(
                "INSERT INTO ops.migrations VALUES (?, ?, ?, ?)",
                [
                    migration.version,
                    migration.name,
                    migration.checksum,
                    datetime.now(UTC).replace(tzinfo=None),
                ],
            )
    return [migration.version for migration in fresh]


def _check(migrations: list[Migration], applied: dict[int, str]) -> None:
    known = {migration.version: migration for migration in migrations}
    for version, checksum in sorted(applied.items()):
        migration = known.get(version)
        if migration is None:
            raise MigrationError(
                f"the warehouse has migration {version}, which this program does not know: it was written by a newer "
                "version. Update the program."
            )
        if migration.checksum != checksum:
            raise MigrationError(
                f"migration {version:04d}_{migration.name}.sql was changed after it had been applied. Restore the file "
                "as it was (git checkout) and write the change as a new migration with the next number."
            )
