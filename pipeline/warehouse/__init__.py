"""The warehouse: DuckDB, opened in this room alone.

What belongs here: connection, migrations, commit, ledger, uniqueness, windows. What does not: reading files (`files`,
`ingest`) and Dagster (`orchestration`).
"""

from pipeline.warehouse.connection import Holder, Waiting
from pipeline.warehouse.errors import (
    FROM_WAREHOUSE,
    ContractChanged,
    CorrectionRefused,
    DeliveryRefused,
    MigrationError,
    QueryError,
    ReconciliationError,
    WarehouseBehind,
    WarehouseBusy,
    WarehouseError,
    WarehouseMissing,
    how_to_migrate,
)
from pipeline.warehouse.evolution import Change, Evolution, Step
from pipeline.warehouse.failures import Failures, PartFailed, PartsFailed, concerns_all, may_pass, told
from pipeline.warehouse.ledger import Entry
from pipeline.warehouse.loading import Records
from pipeline.warehouse.session import Session
from pipeline.warehouse.warehouse import Warehouse
from pipeline.warehouse.windows.dirty import Dirty
from pipeline.warehouse.windows.explain import explain
from pipeline.warehouse.windows.held import Released
from pipeline.warehouse.windows.recompute import Recomputed
from pipeline.warehouse.windows.retention import Retained
from pipeline.warehouse.windows.sample import Computed
from pipeline.warehouse.windows.verify import Difference, Verified, VerifiedDay

__all__ = [
    "FROM_WAREHOUSE",
    "Change",
    "Computed",
    "ContractChanged",
    "CorrectionRefused",
    "DeliveryRefused",
    "Difference",
    "Dirty",
    "Entry",
    "Evolution",
    "Failures",
    "Holder",
    "MigrationError",
    "PartFailed",
    "PartsFailed",
    "QueryError",
    "Recomputed",
    "ReconciliationError",
    "Records",
    "Released",
    "Retained",
    "Session",
    "Step",
    "Verified",
    "VerifiedDay",
    "Waiting",
    "Warehouse",
    "WarehouseBehind",
    "WarehouseBusy",
    "WarehouseError",
    "WarehouseMissing",
    "concerns_all",
    "explain",
    "how_to_migrate",
    "may_pass",
    "told",
]  # fmt: skip
