"""The warehouse: DuckDB, opened in this room alone.

What belongs here: connection, migrations, commit, ledger, uniqueness, windows. What does not: reading files (`files`,
`ingest`) and Dagster (`orchestration`).
"""

from pipeline.warehouse.errors import (
    ContractChanged,
    CorrectionRefused,
    MigrationError,
    QueryError,
    ReconciliationError,
    WarehouseBusy,
    WarehouseError,
    WarehouseMissing,
)
from pipeline.warehouse.ledger import Entry
from pipeline.warehouse.loading import Records
from pipeline.warehouse.session import Session
from pipeline.warehouse.warehouse import Warehouse
from pipeline.warehouse.windows.dirty import Dirty
from pipeline.warehouse.windows.recompute import Recomputed

__all__ = [
    "ContractChanged",
    "CorrectionRefused",
    "Dirty",
    "Entry",
    "MigrationError",
    "QueryError",
    "Recomputed",
    "ReconciliationError",
    "Records",
    "Session",
    "Warehouse",
    "WarehouseBusy",
    "WarehouseError",
    "WarehouseMissing",
]  # fmt: skip
