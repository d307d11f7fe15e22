"""From the inbox to the ledger: which files are taken, and what becomes of each.

What belongs here: taking waiting files through stage and commit, then into the archive or quarantine; bringing windows up to date.
What does not: how a file is read or validated (ingest), how rows are stored (warehouse), Dagster (orchestration). The command line and
Dagster both stand on this room, and do the same work by the same steps.
"""

from pipeline.intake.commit import Outcome, commit
from pipeline.intake.house import Intake, open_intake
from pipeline.intake.inbox import Stray, find_delivery, of_deliveries, strays, taken_back, wait_and_scan
from pipeline.intake.originals import (
    OriginalUnavailable,
    files_in_quarantine,
    lying_in_quarantine,
    original,
)
from pipeline.intake.prepare import Prepared, not_there, prepare, prepare_batches
from pipeline.intake.replaying import Replayed, apply_corrections, corrected_by, corrections_of, replay
from pipeline.intake.take import recompute_aside, recompute_dirty, take_inbox

__all__ = [
    "Intake",
    "OriginalUnavailable",
    "Outcome",
    "Prepared",
    "Replayed",
    "Stray",
    "apply_corrections",
    "commit",
    "corrected_by",
    "corrections_of",
    "files_in_quarantine",
    "find_delivery",
    "lying_in_quarantine",
    "not_there",
    "of_deliveries",
    "open_intake",
    "original",
    "prepare",
    "prepare_batches",
    "recompute_aside",
    "recompute_dirty",
    "replay",
    "strays",
    "take_inbox",
    "taken_back",
    "wait_and_scan",
]
