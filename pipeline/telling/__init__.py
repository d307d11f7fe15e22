"""Somebody is told: of files that are quarantined, of runs that failed, of datasets without their file, by e-mail or a webhook.

What belongs here: what is told (`message`), by which way (`ways`), and that it is told once and in the end (`tell`). What does not:
finding out that something failed, which the ledger and the runs do; Dagster (orchestration). docs/telling.md is its page,
docs/decisions/0040-somebody-is-told.md says why it is done so.
"""

from pipeline.telling.daily import Overdue, overdue
from pipeline.telling.message import Event, failed_part, failed_run
from pipeline.telling.tell import Told, tell, trial
from pipeline.telling.ways import BadAddress, ways_of

__all__ = [
    "BadAddress",
    "Event",
    "Overdue",
    "Told",
    "failed_part",
    "failed_run",
    "overdue",
    "tell",
    "trial",
    "ways_of",
]
