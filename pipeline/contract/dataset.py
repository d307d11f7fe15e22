"""The declaration of a dataset: what a user writes, checked when it is loaded.

What belongs here: `Dataset` and what follows from it without a file. What does not: its validation (`dataset_rules`), doing
anything with data (ingest), tables (warehouse) or Dagster.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Literal
from zoneinfo import ZoneInfo

import pandera.polars as pa
import polars as pl

from pipeline.contract.cleaners import Cleaner, as_cleaners
from pipeline.contract.columns import Column, columns_of
from pipeline.contract.dataset_rules import check_dataset
from pipeline.contract.derive import Derived, as_derived
from pipeline.contract.due import Due, parse_due
from pipeline.contract.durations import parse_duration
from pipeline.contract.errors import ContractError
from pipeline.contract.exact import Computed
from pipeline.contract.fingerprint import fingerprint_of
from pipeline.contract.former import former_fingerprint
from pipeline.contract.read import Read
from pipeline.contract.references import Reference
from pipeline.contract.rules import Rule, Severity
from pipeline.contract.severities import Severities, severities_of
from pipeline.contract.windows import TimeWindow, Total, Window


@dataclass(frozen=True, eq=False)
class Dataset:
    """A kind of file with one contract.

    Args:
        name: lower-case identifier; the inbox folder, the tables and the assets are called so.
        schema: the Pandera model (`pandera.polars.DataFrameModel`) of a clean row.
        aliases: contract column → other names it goes by in files. Case, spaces and punctuation are forgiven anyway.
        clean: contract column → cleaner or cleaners, run on the source text before the cast.
        key: columns that identify a row over the whole table.
        on_conflict: which of two rows stays that have one key, or one value of a `unique` column: the "first" (default), the "latest" to
            arrive, or "latest_by:<column>", the one with the larger value (an empty one is the smallest; of equal ones the latest). The other
            is kept aside, and comes back when the key is free. "reject" quarantines a file with such a row.
        event_time: the datetime column that the windows go by, or None.
        timezone: IANA zone of event times without one, and of the day partitions; default UTC.
        repeated_hour: what a time without a zone means that the clocks show twice, since they are set back: the "first" (it is noted),
            the "second", "order" (for the event time: times ascend in a file, so that the second begins where they go back;
            "order:<column>": they ascend among the rows of one value of a column), or "reject" (the row).
        windows: aggregates kept up to date: Tumbling, Sliding, Cumulative, Session (need event_time), Total.
        lateness: how long after their event time rows may arrive ("2h"). A window is final when the watermark has passed its
            end: the largest event time committed less this. None: windows are final at once, and no row counts as late.
        late: what becomes of rows that would change a final window: "repair" computes it again, "hold" keeps them out of that
            window until `pipeline windows release`. Either way they are in the clean table and listed in `ops.late_rows`.
        idle_after: time without a new delivery after which the wall clock takes the place of the largest event time.
        publish: what is written to `published/` as Parquet: the "windows", "all" (the clean table too), or "nothing".
        keep_rows: age of its event time beyond which a clean row is deleted by the retention job ("90d"); None: never.
        keep_windows: age beyond which a window is deleted ("5y"); None: never. Windows may outlive their rows.
        nightly_days: so many of the last days have their windows computed again every night; 0: none.
        derive: columns that are computed: contract column → expression over other columns of the contract, or a list of
            Derived(…) and *split(…), which may also read columns of the file. A file need not have them.
        rules: what every row must fulfil over several columns: Rule, required_when, either; checked after `keep`.
        severity: contract column → severity ("reject", "warn", "quarantine") of all its checks, or check → severity; or the name
            of a check of the row → severity. A value that cannot be had (cast, cleaner, missing, not unique) never merely warns.
        references: columns whose values must be in another dataset's table at the commit: Reference.
        increasing: columns of which each value is above all before it in the file; nulls are passed over.
        keep: polars expression on the typed columns; rows for which it is not true are filtered, not validated.
        drift: what becomes of columns that the contract does not know: "rescue" keeps them in `_rescued`, "evolve" adds them to the
            table as text, "ignore" leaves them out and names them in the ledger, "reject" quarantines the file.
        sheets: names of the workbook sheets to read; none given reads every visible sheet.
        read: how its files are written (`Read(delimiter=";")`), where that is known; the rest is found out.
        warn_error_rate: share of rejected rows above which the error-rate check warns.
        fail_error_rate: share above which that check fails as an error (the run still succeeds).
        max_error_rate: share of rejected rows above which nothing of the file is loaded: it is quarantined. None: no limit.
        max_errors: number of rejected rows above which the file is quarantined. None: no limit. These two decide what is loaded;
            warn_error_rate and fail_error_rate tell people about what was: a file may be worth loading and a look.
        archive: what becomes of the original once its rows are loaded: "keep" it in the archive, "encrypt" it there (needs
            PIPELINE_ARCHIVE_RECIPIENT; its quarantine too), or "off": it is deleted.
        freshness: time within which a new delivery is expected ("1d"), or None.
        due: by when every day a file has come, on the clock of `timezone`: "08:00", or "08:00 mon-fri"; None: nobody waits for one.
        first_day: the first day that is a partition of its windows in Dagster; earlier ones are computed and stored all the same. None:
            every day that has windows is one.
        description: what it is, for people.

    Raises:
        ContractError: the declaration is wrong; names the dataset, the field and the remedy.
    """

    name: str
    schema: type[pa.DataFrameModel]
    aliases: Mapping[str, Sequence[str]] = field(default_factory=dict)
    clean: Mapping[str, Cleaner | Sequence[Cleaner]] = field(default_factory=dict)
    key: Sequence[str] = ()
    on_conflict: str = "first"
    event_time: str | None = None
    timezone: str = "UTC"
    repeated_hour: str = "first"
    windows: Sequence[Window] = ()
    lateness: str | None = None
    late: Literal["repair", "hold"] = "repair"
    idle_after: str = "1d"
    publish: Literal["windows", "all", "nothing"] = "windows"
    keep_rows: str | None = None
    keep_windows: str | None = None
    nightly_days: int = 7
    derive: Mapping[str, pl.Expr] | Sequence[Derived] = ()
    rules: Sequence[Rule] = ()
    severity: Mapping[str, Severity | Mapping[str, Severity]] = field(default_factory=dict)
    references: Sequence[Reference] = ()
    increasing: Sequence[str] = ()
    keep: pl.Expr | None = None
    drift: str = "rescue"
    sheets: Sequence[str] = ()
    read: Read = field(default_factory=Read)
    warn_error_rate: float = 0.0
    fail_error_rate: float = 0.1
    max_error_rate: float | None = None
    max_errors: int | None = None
    archive: Literal["keep", "encrypt", "off"] = "keep"
    freshness: str | None = None
    due: str | None = None
    first_day: date | None = None
    description: str = ""

    def __post_init__(self) -> None:
        check_dataset(self)

    @cached_property
    def model(self) -> pa.DataFrameSchema:
        """The Pandera schema as declared."""
        try:
            return self.schema.to_schema()
        except ContractError:
            raise
        except Exception as error:
            raise ContractError(
                self.name,
                "schema",
                f"Pandera cannot read it: {error}",
                "Compare it with the shipped datasets.",
            ) from error

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The contract's columns, in order."""
        return columns_of(self.name, self.model)

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        """Names of the contract's columns, in order."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def cleaners(self) -> dict[str, tuple[Cleaner, ...]]:
        """Contract column → its cleaners, in order."""
        return {name: as_cleaners(given) for name, given in self.clean.items()}

    @cached_property
    def derived(self) -> dict[str, Derived]:
        """Contract column → how it is derived, in the order of their declaration."""
        return {one.name: one for one in as_derived(self.derive)}

    @cached_property
    def computed_columns(self) -> dict[str, Computed]:
        """Derived column → how its values are had, from texts of the file or from columns of the contract."""
        columns = self._dtypes
        return {
            one.name: Computed(one.expression, dict.fromkeys(one.reads, pl.String()), pl.String())
            if one.source
            else Computed(one.expression, columns, columns[one.name], self.zone)
            for one in self.derived.values()
        }

    @cached_property
    def computed_rules(self) -> tuple[Computed, ...]:
        """How each of the rules is answered, in their order."""
        return tuple(Computed(rule.good, self._dtypes, zone=self.zone) for rule in self.rules)

    @cached_property
    def computed_keep(self) -> Computed | None:
        """How `keep` is answered."""
        return None if self.keep is None else Computed(self.keep, self._dtypes, zone=self.zone)

    @cached_property
    def _dtypes(self) -> dict[str, pl.DataType]:
        return {column.name: column.dtype for column in self.columns}

    def repeated_way(self, column: str) -> str:
        """What becomes of a column's times that the clocks show twice: first, second, reject, or order."""
        way = self.repeated_hour.partition(":")[0]
        return "first" if way == "order" and column != self.event_time else way

    @property
    def repeated_group(self) -> str | None:
        """The column among whose equal values times ascend, where that is said."""
        return self.repeated_hour.partition(":")[2] or None

    @cached_property
    def hidden(self) -> frozenset[str]:
        """Contract columns whose source text must not be written anywhere: those with a cleaner that masks, hashes or redacts,
        and those that such a column is derived from."""
        hidden = {name for name, cleaners in self.cleaners.items() if any(c.hides for c in cleaners)}
        for one in reversed(self.derived.values()):
            if one.name in hidden and not one.source:
                hidden |= set(one.reads)
        return frozenset(hidden)

    @cached_property
    def severities(self) -> Severities:
        """(contract column, or None for a check of the row; check) → severity, where the declaration says one."""
        return severities_of(self)

    @cached_property
    def uniqueness(self) -> tuple[tuple[str, ...], ...]:
        """Sets of columns that are unique over the table: the key first, then each `unique` column or set."""
        sets: list[tuple[str, ...]] = [tuple(self.key)] if self.key else []
        sets += [(column.name,) for column in self.columns if column.unique]
        joint = self.model.unique
        if joint:
            sets.append((joint,) if isinstance(joint, str) else tuple(joint))
        return tuple(dict.fromkeys(sets))

    @property
    def latest_by(self) -> str | None:
        """The column whose larger value has the key."""
        word, _, column = self.on_conflict.partition(":")
        return column if word == "latest_by" else None

    @property
    def later_wins(self) -> bool:
        """Whether a row may lose its key to one that arrives later."""
        return self.on_conflict.startswith("latest")

    @cached_property
    def time_windows(self) -> tuple[TimeWindow, ...]:
        """The windows over event time."""
        return tuple(window for window in self.windows if not isinstance(window, Total))

    @cached_property
    def totals(self) -> tuple[Total, ...]:
        """The windows without event time."""
        return tuple(window for window in self.windows if isinstance(window, Total))

    @cached_property
    def zone(self) -> ZoneInfo:
        """The dataset's time zone."""
        return ZoneInfo(self.timezone)

    @cached_property
    def allowed_lateness(self) -> timedelta:
        """How long after their event time rows may arrive; zero where nothing is declared."""
        return timedelta() if self.lateness is None else parse_duration(self.lateness)

    @cached_property
    def freshness_window(self) -> timedelta | None:
        """Time within which a new delivery is expected, or None."""
        return None if self.freshness is None else parse_duration(self.freshness)

    @cached_property
    def due_at(self) -> Due | None:
        """By when every day a file has come, or None."""
        return None if self.due is None else parse_due(self.due)

    @cached_property
    def fingerprint(self) -> str:
        """A short text that changes whenever the contract could stage a file differently (windows do not count)."""
        return fingerprint_of(self)

    @cached_property
    def former_fingerprint(self) -> str:
        """The fingerprint as earlier versions wrote it: a delivery that has it was judged by this contract, too."""
        return former_fingerprint(self)

    def window(self, name: str) -> Window:
        """The window called `name`; raises KeyError naming those that exist."""
        for window in self.windows:
            if window.name == name:
                return window
        names = ", ".join(window.name for window in self.windows) or "none"
        raise KeyError(f"dataset {self.name!r} has no window {name!r}; it has: {names}")
