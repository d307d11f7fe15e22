"""Whatever the order, spelling and number of a file's columns: values land in their own columns, and rows reconcile."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.contract import Dataset
from pipeline.files import UnreadableFile
from pipeline.ingest import stage
from pipeline.settings import Settings
from pipeline_tests.ingest.support import clean_rows, counts, model

COLUMNS = ("order_id", "amount", "ship_to", "note")
NULLABLE = frozenset({"ship_to", "note"})
# Unlike any name of the contract, and each other.
EXTRA = ("Zzyx", "Quux 9", "_kept", "vW-k")
SPELLINGS = (
    str,
    str.upper,
    str.title,
    lambda name: name.replace("_", " "),
    lambda name: name.replace("_", "-").capitalize(),
    lambda name: name.replace("_", ""),
)


def _dataset(drift: str) -> Dataset:
    text = {"nullable": True}
    schema = model(order_id=int, amount=(int, {"ge": 0}), ship_to=(str, text), note=(str, text))
    return Dataset("orders", schema=schema, drift=drift)


@st.composite
def _headers(draw: st.DrawFn) -> list[tuple[str, str]]:
    """The columns of a file in some order: (as the contract or EXTRA has it, as the header spells it)."""
    there = [c for c in COLUMNS if c not in NULLABLE or draw(st.booleans())]
    extra = draw(st.lists(st.sampled_from(EXTRA), unique=True))
    spelled = [(name, draw(st.sampled_from(SPELLINGS))(name)) for name in there]
    return draw(st.permutations([*spelled, *((name, name) for name in extra)]))


def _text(rows: list[dict[str, str]], headers: list[tuple[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([spelled for _, spelled in headers])
    writer.writerows([[row[name] for name, _ in headers] for row in rows])
    return text.getvalue()


@settings(derandomize=True, deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    headers=_headers(),
    bad=st.lists(st.booleans(), min_size=1, max_size=7),
    drift=st.sampled_from(["rescue", "evolve", "ignore", "reject"]),
    chunk_rows=st.sampled_from([2, 100]),
)
def test_values_land_in_their_columns(
    headers: list[tuple[str, str]], bad: list[bool], drift: str, chunk_rows: int
) -> None:
    rows: list[dict[str, str]] = []
    for number, broken in enumerate(bad, 1):
        row = {name: f"{name} of {number}" for name in (*COLUMNS, *EXTRA)}
        rows.append(row | {"order_id": str(number), "amount": "-1" if broken else str(100 * number)})
    there = {name for name, _ in headers}
    extra = [name for name, _ in headers if name in EXTRA]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "orders.csv")
        path.write_text(_text(rows, headers), encoding="utf-8")
        try:
            staged = stage(path, _dataset(drift), Settings(home=Path(folder), chunk_rows=chunk_rows))
        except UnreadableFile as error:
            assert (error.code, drift, bool(extra)) == ("unknown_column", "reject", True)
            return
        found = clean_rows(staged)
        assert counts(staged) == (len(rows), bad.count(False), bad.count(True), 0)
    added = [name for name in extra if drift == "evolve" and not name.startswith("_")]
    left = [name for name in extra if drift in ("rescue", "evolve") and name not in added]
    assert list(staged.manifest.added) == added
    for row in found.iter_rows(named=True):
        source: dict[str, Any] = rows[row["_row"] - 1]
        assert (row["order_id"], row["amount"]) == (int(source["order_id"]), int(source["amount"]))
        for name in (*sorted(NULLABLE), *added):
            assert row[name] == (source[name] if name in there else None)
        assert json.loads(row["_rescued"] or "{}") == {name: source[name] for name in left}
