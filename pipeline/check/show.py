"""What `check_file` found, for people. What does not belong here: finding it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pipeline.check.against import ERROR_COLUMNS
from pipeline.check.figures import Found
from pipeline.check.file import is_fault
from pipeline.counts import counted
from pipeline.ingest import approximate_count, bounded_count
from pipeline.terminal import say, show_rows

_COLUMNS = 12
_TOP = 3
_HIDDEN = "(hidden)"


def show_check(found: Found) -> None:
    """What `check_file` found, for people."""
    if "dialect" in found:
        _show_dialect(found["dialect"])
    if "records" in found:
        _show_records(found)
    if "dataset" in found:
        _show_dataset(found["dataset"])
    elif found.get("looks_like"):
        like = found["looks_like"]
        say(f"`--dataset {like['dataset']}` fits: {like['because']}.")
    if found["problem"] is not None:
        problem = found["problem"]
        say(("It would be quarantined", "red"), f" ({problem['code']}): {problem['cause']}.")
        say(f"  {problem['remedy']}")
    elif not is_fault(found):
        say(("No record would be rejected.", "green"))


def _show_dialect(dialect: Found) -> None:
    facts = {name: value for name, value in dialect.items() if name not in ("confidence", "reasons", "notes")}
    show_rows(
        "How it is written", ["", "found"], [(_words(name), _shown(value)) for name, value in facts.items()]
    )
    if "confidence" in dialect:
        say(f"{dialect['confidence']:.0%} sure of it.")
    for reason in dialect.get("reasons", ()):
        say(f"  because {reason}")
    for note in dialect.get("notes", ()):
        say(f"  note: {note}")


def _words(name: str) -> str:
    return name.replace("_", " ")


def _shown(value: object) -> str:
    if isinstance(value, str):
        return {"\t": "tab", " ": "blank"}.get(value, value)
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _show_records(found: Found) -> None:
    columns = found["columns"][:_COLUMNS]
    more = len(found["columns"]) - len(columns)
    rows = [[row.get(name) for name in columns] for row in found["first_rows"]]
    show_rows(
        f"The first rows (and {counted(more, 'more column')})" if more > 0 else "The first rows",
        columns,
        rows,
        stored=True,
    )
    repaired = sum(found["repairs"].values())
    say(
        f"{counted(found['records'], 'record')}, {found['rejected']:,} rejected, {counted(repaired, 'repair')}."
    )
    for title, faults in (
        ("Records that cannot be read", "rejects"),
        ("Records that were mended", "repairs"),
    ):
        if found[faults]:
            say(f"  {title}: {_counts(found[faults])}")
            first = found[f"first_{faults}"]
            columns = ["row", "line", "sheet", "check", "message", "raw"]
            columns = [name for name in columns if any(fault[name] is not None for fault in first)]
            show_rows(
                f"{title}: the first",
                columns,
                [[f[name] for name in columns] for f in first],
                ["row", "line"],
                stored=True,
            )


def _show_dataset(found: Found) -> None:
    say(
        f"As '{found['name']}': {counted(found['clean'], 'row')} would be loaded, {found['rejected']:,} rejected,"
        f" {found['filtered']:,} filtered."
    )
    for note in found["notes"]:
        say(f"  note: {note}")
    if found["violations"]:
        columns = ["column_name", "check_name", "severity", "violations"]
        show_rows("Violations", columns, _values(found["violations"], columns), ["violations"])
        show_rows(
            "The first error rows",
            ERROR_COLUMNS,
            _values(found["first_errors"], ERROR_COLUMNS),
            ["_row"],
            stored=True,
        )
    if "profile" in found:  # corrected rows have none: they are no file
        _show_profile(found["profile"], found["cleaned"])
        _show_needed(found["needed"])


def _show_profile(profile: Sequence[Found], cleaned: Sequence[Found]) -> None:
    """Both as tables."""
    rows = [
        (
            one["name"],
            one["nulls"],
            approximate_count(one["distinct"], one["distinct_error"]),
            _HIDDEN if one["hidden"] else one["min"],
            _HIDDEN if one["hidden"] else one["max"],
            _HIDDEN if one["hidden"] else _top(one["top_values"], one["top_error"]),
        )
        for one in profile
    ]
    columns = ["column", "nulls", "distinct", "min", "max", "most frequent"]
    show_rows("The columns", columns, rows, ["nulls", "distinct"])
    if cleaned:
        changed = [(one["column"], one["cleaner"], one["changed"]) for one in cleaned]
        show_rows("What cleaners changed", ["column", "cleaner", "values"], changed, ["values"])


def _top(values: Sequence[Sequence[Any]], error: int | None) -> str:
    """The values that come again, with their counts."""
    return ", ".join(f"{value} {bounded_count(count, error)}" for value, count in values[:_TOP] if count > 1)


def _show_needed(need: Found) -> None:
    """In one sentence."""
    say(
        f"Loading it would take about {need['seconds']:,.1f} s, {need['memory_mb']:,} MB of memory,"
        f" {need['staging_mb']:,.1f} MB of disk meanwhile and {need['warehouse_mb']:,.1f} MB in the warehouse: an estimate,"
        " as it took so much here, into an empty one."
    )


def _values(rows: Iterable[Found], columns: list[str]) -> list[list[object]]:
    return [[row[name] for name in columns] for row in rows]


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{check} {count:,}" for check, count in counts.items())
