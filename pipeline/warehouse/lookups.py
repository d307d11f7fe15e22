"""References, looked up in the tables as they are at the commit.

What belongs here: which staged rows refer to nothing. What does not: the declaration (`contract.references`), the list
(`conflict_list`), the order in which deliveries are taken (intake).

The usual delivery refers to what is there. So the different keys alone are compared with the other table, and the rows are gone
through only where one of them is missing.
"""

from __future__ import annotations

from pipeline.contract import ContractError, Dataset, Reference
from pipeline.warehouse.conflict_list import REJECTED, ConflictList, spelled
from pipeline.warehouse.sql import ident, idents, table, text
from pipeline.warehouse.tables import clean_columns

CHECK = "reference"
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL")


def list_missing(listed: ConflictList, dataset: Dataset, reference: Reference, source: str) -> None:
    """List the rows whose reference to another dataset is not in its table.

    Raises:
        ContractError: the table lacks the column, or has it with a type that does not compare.
    """
    missing = _keys(reference, source)
    there = _fits(listed, dataset, reference)
    if there:
        missing = _left(missing, reference, _known(reference))
    _list(listed, dataset, reference, source, missing, there)


def list_missing_here(listed: ConflictList, dataset: Dataset, source: str, there: str | None = None) -> None:
    """List the rows whose reference to their own dataset is neither in the table (or `there`) nor in a row of the delivery that will be.

    Where such rows are rejected, those that refer to them go as well, and so on.
    """
    table_rows = there or table("clean", dataset.name)
    own = [one for one in dataset.references if one.dataset == dataset.name]
    found = len(own)
    while found:
        found = 0
        for reference in own:
            known = _known(reference, table_rows)
            missing = _left(_keys(reference, source, listed.spared), reference, known)
            here = f"SELECT {_targets(reference)} FROM {source} WHERE true{listed.spared}"
            rows = _list(
                listed,
                dataset,
                reference,
                source,
                _left(missing, reference, here),
                there=True,
                spared=listed.spared,
            )
            if rows and reference.severity == "reject":
                found += rows + _list_followers(listed, dataset, reference, source, known)
        own = [one for one in own if one.severity == "reject"]


def _list_followers(
    listed: ConflictList, dataset: Dataset, reference: Reference, source: str, known: str
) -> int:
    """List the rows whose reference leads to a rejected row over any number of others; returns how many.

    Row by row that would take as many queries as the longest chain is long. Each round here doubles how far a row looks ahead. A key
    that several rows have is no step of a chain: it is lost with the last of them only, which the caller finds.
    """
    names = idents(reference.names)
    once = f"SELECT {_targets(reference)}, _row FROM {source}"
    rows = _left(
        f"SELECT _row, {names} FROM {source} WHERE {_present(reference)}{listed.spared}",
        reference,
        known,
    )
    _remake(
        listed,
        f"SELECT staged._row, ahead.next_row, ahead.next_row IN ({REJECTED}) AS lost FROM ({rows}) AS staged JOIN "
        f"(SELECT {names}, min(_row) AS next_row FROM ({once}) GROUP BY {names} HAVING count(*) = 1) AS ahead USING ({names})",
    )
    lost, before = listed.count("temp.steps WHERE lost"), 0
    while lost > before:
        _remake(
            listed,
            "SELECT near._row, far.next_row, near.lost OR coalesce(far.lost, false) AS lost "
            "FROM temp.steps AS near LEFT JOIN temp.steps AS far ON far._row = near.next_row",
        )
        lost, before = listed.count("temp.steps WHERE lost"), lost
    found = 0
    if lost:
        only = " AND _row IN (SELECT _row FROM temp.steps WHERE lost)"
        found = listed.add(CHECK, reference.severity, _messages(dataset, reference, source, only, ""))
    listed.connection.execute("DROP TABLE temp.steps")
    return found


def _remake(listed: ConflictList, rows: str) -> None:
    """The temporary table `steps` anew, from `rows`, which may read the old one: _row, next_row, lost."""
    listed.connection.execute(f"CREATE OR REPLACE TEMP TABLE next_steps AS {rows}")
    listed.connection.execute("DROP TABLE IF EXISTS temp.steps")
    listed.connection.execute("ALTER TABLE temp.next_steps RENAME TO steps")


def _fits(listed: ConflictList, dataset: Dataset, reference: Reference) -> bool:
    """Whether there is a table to look into."""
    rows = listed.connection.execute(
        "SELECT column_name, data_type FROM duckdb_columns() WHERE NOT internal AND database_name = current_database() "
        "AND schema_name = 'clean' AND table_name = ?",
        [reference.dataset],
    ).fetchall()
    theirs: dict[str, str] = dict(rows)
    mine = dict(clean_columns(dataset))
    for name, target in zip(reference.names, reference.targets, strict=True):
        if theirs and target not in theirs:
            raise _unfit(dataset, reference, f"the table has no column {target!r}")
        if theirs and _kind(theirs[target]) != _kind(mine[name]):
            raise _unfit(dataset, reference, f"{name!r} is {mine[name]} and {target!r} is {theirs[target]}")
    return bool(theirs)


def _unfit(dataset: Dataset, reference: Reference, cause: str) -> ContractError:
    return ContractError(
        dataset.name,
        f"reference of {', '.join(reference.names)!r}",
        f"cannot be looked up in clean.{reference.dataset}: {cause}",
        "Compare it with the columns of that table.",
    )


def _kind(kind: str) -> str:
    """Types of one kind compare by value."""
    name = kind.partition("(")[0]
    return "number" if name in _NUMBERS or name.removeprefix("U") in _NUMBERS else name


def _targets(reference: Reference) -> str:
    """The columns referred to, called like those that refer."""
    pairs = zip(reference.names, reference.targets, strict=True)
    return ", ".join(f"{ident(target)} AS {ident(name)}" for name, target in pairs)


def _known(reference: Reference, rows: str | None = None) -> str:
    return f"SELECT {_targets(reference)} FROM {rows or table('clean', reference.dataset)}"


def _keys(reference: Reference, source: str, spared: str = "") -> str:
    """The different keys that rows refer to."""
    return f"SELECT DISTINCT {idents(reference.names)} FROM {source} WHERE {_present(reference)}{spared}"


def _present(reference: Reference) -> str:
    return " AND ".join(f"{ident(name)} IS NOT NULL" for name in reference.names)


def _left(keys: str, reference: Reference, known: str) -> str:
    """The keys that are not among those known."""
    on = " AND ".join(f"keys.{ident(name)} = known.{ident(name)}" for name in reference.names)
    return f"SELECT keys.* FROM ({keys}) AS keys ANTI JOIN ({known}) AS known ON {on}"


def _list(
    listed: ConflictList,
    dataset: Dataset,
    reference: Reference,
    source: str,
    missing: str,
    there: bool,
    spared: str = "",
) -> int:
    """List the rows that hold a key of `missing`; returns how many."""
    listed.connection.execute(f"CREATE OR REPLACE TEMP TABLE missing AS {missing}")
    found = 0
    if listed.count("temp.missing"):
        known = listed.count(f"({_known(reference)} LIMIT 1)") if there else 0
        note = "" if known else f": {reference.dataset} has no rows yet"
        only = f"{spared} AND ({idents(reference.names)}) IN (SELECT ({idents(reference.names)}) FROM temp.missing)"
        found = listed.add(CHECK, reference.severity, _messages(dataset, reference, source, only, note))
    listed.connection.execute("DROP TABLE temp.missing")
    return found


def _messages(dataset: Dataset, reference: Reference, source: str, only: str, note: str) -> str:
    """The rows for the list: those for which `only`, a condition that begins with AND, is true."""
    name = ", ".join(reference.names)
    value = " || ', ' || ".join(spelled(dataset, column) for column in reference.names)
    return (
        f"SELECT _row, {text(name)} AS column_name, {value} AS value, "
        f"{text(f'{name} ')} AS head, {text(f' is not in {reference.target}{note}')} AS tail "
        f"FROM {source} WHERE {_present(reference)}{only}"
    )
