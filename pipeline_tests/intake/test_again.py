"""Loading deliveries again from the archive, after the contract changed."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.contract import Dataset, Total, agg, clean
from pipeline.errors import write_errors
from pipeline.intake import Intake, find_delivery, recompute_dirty, take_inbox
from pipeline.intake.again import NoSuchDelivery, load_again
from pipeline.settings import Settings
from pipeline.warehouse import ContractChanged, Entry, Warehouse
from pipeline_tests.ingest.support import model

TEXT = {"nullable": True}


def people(**changes: Any) -> Dataset:
    columns = changes.pop("columns", {"id": int, "name": (str, TEXT)})
    return Dataset("people", schema=model(**columns), **{"key": ["id"], **changes})


def house(settings: Settings, dataset: Dataset) -> Intake:
    """The same home, with this contract."""
    datasets = {dataset.name: dataset}
    return Intake(settings, datasets, Warehouse.from_settings(settings, datasets))


def load(intake: Intake, **files: str) -> list[Entry]:
    """Drop files and take them in; `monday="…"` is monday.csv."""
    intake.make_folders()
    for name, text in files.items():
        (intake.settings.inbox / "people" / f"{name}.csv").write_text(text, encoding="utf-8")
    return [outcome.entry for outcome in take_inbox(intake)]


def rows(intake: Intake, columns: str = "id, name, _delivery") -> list[tuple[Any, ...]]:
    return intake.warehouse.query(f"SELECT {columns} FROM clean.people ORDER BY id").rows()


def archived(settings: Settings) -> list[tuple[str, bytes]]:
    return sorted((str(path), path.read_bytes()) for path in settings.archive.rglob("*") if path.is_file())


UPPER = people(clean={"name": clean.upper})


def test_what_was_staged_under_an_older_contract_is_loaded_again_and_nothing_else(settings: Settings) -> None:
    load(house(settings, people()), a="id,name\n1,ann\n")
    later = house(settings, UPPER)
    load(later, b="id,name\n2,bob\n")
    before = archived(settings)
    (done,) = load_again(later, "people")
    assert (done.problem, done.entry.delivery, done.entry.contract_fingerprint) == (
        None,
        "a.csv",
        UPPER.fingerprint,
    )
    assert rows(later) == [(1, "ANN", "a.csv"), (2, "BOB", "b.csv")]
    assert archived(settings) == before
    assert list(load_again(later, "people")) == []
    assert not list(settings.staging.glob("[!.]*"))


def test_every_delivery_is_loaded_again_when_that_is_asked_for_as_often_as_it_is(settings: Settings) -> None:
    intake = house(settings, people())
    load(intake, a="id,name\n1,ann\n", b="id,name\n2,bob\n")
    for _ in range(3):
        done = list(load_again(intake, "people", everything=True))
        assert [(one.entry.delivery, one.entry.status, one.problem) for one in done] == [
            ("a.csv", "loaded", None),
            ("b.csv", "loaded", None),
        ]
    assert rows(intake) == [(1, "ann", "a.csv"), (2, "bob", "b.csv")]
    counted = "SELECT status, count(*) FROM ops.deliveries GROUP BY 1 ORDER BY 1"
    assert intake.warehouse.query(counted).rows() == [("loaded", 2), ("replaced", 6)]


def test_an_original_is_found_where_it_lay_first_however_often_it_was_loaded(settings: Settings) -> None:
    intake = house(settings, people())
    load(intake, a="id,name\n1,ann\n")
    (path,) = [Path(name) for name, _ in archived(settings)]
    old = path.parents[3] / "2020" / "02" / "03" / path.name
    old.parent.mkdir(parents=True)
    path.rename(old)
    with intake.warehouse.session() as session:
        session.query("UPDATE ops.deliveries SET committed_at = TIMESTAMP '2020-02-03 10:00:00'")
    for _ in range(2):
        assert [done.problem for done in load_again(intake, "people", everything=True)] == [None]
    found = find_delivery(intake, "people", "a.csv")
    assert found is not None and found.path == old


def test_a_delivery_that_is_named_is_loaded_again_whatever_its_contract(settings: Settings) -> None:
    intake = house(settings, people())
    load(intake, a="id,name\n1,ann\n", b="id,name\n2,bob\n")
    assert [done.entry.delivery for done in load_again(intake, "people", ["b.csv"])] == ["b.csv"]
    with pytest.raises(NoSuchDelivery, match=r"'c\.csv'"):
        list(load_again(intake, "people", ["c.csv", "b.csv"]))


def test_a_missing_original_is_said_and_the_others_are_loaded(settings: Settings) -> None:
    load(house(settings, people()), a="id,name\n1,ann\n", b="id,name\n2,bob\n")
    next(settings.archive.rglob("a.csv")).unlink()
    later = house(settings, UPPER)
    first, second = load_again(later, "people")
    assert (
        first.problem is not None
        and "is not in the archive any more" in first.problem
        and "stay" in first.problem
    )
    assert (first.entry.delivery, second.entry.delivery, second.problem) == ("a.csv", "b.csv", None)
    assert rows(later) == [(1, "ann", "a.csv"), (2, "BOB", "b.csv")]


def test_an_original_that_holds_something_else_by_now_is_not_loaded(settings: Settings) -> None:
    intake = house(settings, people())
    load(intake, a="id,name\n1,ann\n")
    next(settings.archive.rglob("a.csv")).write_text("id,name\n7,eve\n")
    assert [done.problem is None for done in load_again(intake, "people", everything=True)] == [False]
    assert rows(intake) == [(1, "ann", "a.csv")]


def test_a_file_that_the_new_contract_refuses_keeps_its_rows(settings: Settings) -> None:
    load(house(settings, people()), a="id,name\n1,ann\n", b="id,name,age\n2,bob,3\n")
    later = house(settings, people(columns={"id": int, "name": (str, TEXT), "age": int}))
    with pytest.raises(ContractChanged):
        list(load_again(later, "people"))
    later.warehouse.migrate(convert=True)
    first, second = load_again(later, "people")
    assert first.problem is not None and first.problem.startswith("column 'age'")
    assert second.problem is None
    assert rows(later, "id, name, age") == [(1, "ann", None), (2, "bob", 3)]


def test_keys_go_to_who_came_first_as_if_all_were_loaded_for_the_first_time(settings: Settings) -> None:
    files = {"a": "id,name\n1,ann\n#2,amy\n", "b": "id,name\n2,bob\n1,ben\n", "c": "id,name\n3,cid\n2,cat\n"}
    load(house(settings, people()), **files)  # to the old contract #2 is no number
    assert rows(house(settings, people())) == [(1, "ann", "a.csv"), (2, "bob", "b.csv"), (3, "cid", "c.csv")]
    later = house(settings, people(clean={"id": clean.replace("#", "")}))
    with_gap = load_again(later, "people")
    next(with_gap)
    assert rows(later) == [(1, "ann", "a.csv"), (2, "amy", "a.csv"), (3, "cid", "c.csv")]
    assert [done.problem for done in with_gap] == [None, None]
    assert rows(later) == [(1, "ann", "a.csv"), (2, "amy", "a.csv"), (3, "cid", "c.csv")]
    open_errors = "SELECT _delivery, _row, check_name FROM errors.people WHERE status = 'open' ORDER BY ALL"
    assert later.warehouse.query(open_errors).rows() == [
        ("b.csv", 1, "unique"), ("b.csv", 2, "unique"), ("c.csv", 2, "unique"),
    ]  # fmt: skip


def test_stopped_half_way_the_next_call_goes_on(settings: Settings) -> None:
    load(house(settings, people()), a="id,name\n1,ann\n", b="id,name\n2,bob\n", c="id,name\n3,cid\n")
    later = house(settings, UPPER)
    list(islice(load_again(later, "people", ["a.csv"]), 1))
    assert [done.entry.delivery for done in load_again(later, "people")] == ["b.csv", "c.csv"]
    assert rows(later, "name") == [("ANN",), ("BOB",), ("CID",)]


def test_columns_that_were_rescued_get_their_place_when_the_contract_learns_of_them(
    settings: Settings,
) -> None:
    load(house(settings, people()), a="id,name,age\n1,ann,7\n")
    later = house(settings, people(columns={"id": int, "name": (str, TEXT), "age": (int, TEXT)}))
    list(load_again(later, "people"))
    assert rows(later, "id, age, _rescued") == [(1, 7, None)]


def test_an_added_column_that_the_contract_declares_gets_its_type_and_every_value(settings: Settings) -> None:
    evolving = people(drift="evolve")
    load(house(settings, evolving), a="id,name,Age Now\n1,ann,7\n", b="id,name,age-now\n2,bob,eight\n")
    assert rows(house(settings, evolving), 'id, "Age Now"') == [(1, "7"), (2, "eight")]
    columns = {"id": int, "name": (str, TEXT), "age_now": (int, TEXT)}
    later = house(settings, people(drift="evolve", columns=columns))
    later.warehouse.migrate(convert=True)
    done = list(load_again(later, "people"))
    assert [(one.entry.status, one.problem) for one in done] == [("loaded", None), ("partial", None)]
    assert rows(later, "id, age_now") == [(1, 7)]


def send_back(intake: Intake, tmp_path: Path, under: str = "corrected.csv", **values: str) -> None:
    """Export what is rejected, give it these values, and take it in."""
    out = tmp_path / "errors.csv"
    write_errors(intake.warehouse, intake.datasets["people"], out, force=True)
    frame = pl.read_csv(out, infer_schema=False).with_columns(
        **{name: pl.lit(value) for name, value in values.items()}
    )
    frame.write_csv(intake.settings.inbox / "people" / under)
    [outcome] = take_inbox(intake)
    assert outcome.entry.format == "correction"


def test_what_was_corrected_stays_corrected(settings: Settings, tmp_path: Path) -> None:
    intake = house(settings, people())
    load(intake, a="id,name\nx,ann\n2,bob\n", b="id,name\n3,cid\n")
    send_back(intake, tmp_path, id="1")
    before = [(1, "ann", "a.csv"), (2, "bob", "a.csv"), (3, "cid", "b.csv")]
    assert rows(intake) == before
    later = house(settings, UPPER)
    done = list(load_again(later, "people"))
    assert [(one.entry.delivery, one.problem) for one in done] == [
        ("a.csv", None), ("b.csv", None), ("corrected.csv", None),
    ]  # fmt: skip
    assert rows(later) == [(number, name.upper(), delivery) for number, name, delivery in before]
    counts = "SELECT delivery, rows_clean, rows_rejected FROM ops.deliveries WHERE status = 'loaded' ORDER BY delivery"
    assert later.warehouse.query(counts).rows() == [
        ("a.csv", 2, 0), ("b.csv", 1, 0), ("corrected.csv", 0, 0),
    ]  # fmt: skip


def test_a_correction_under_the_name_of_its_delivery_is_not_taken_for_it(
    settings: Settings, tmp_path: Path
) -> None:
    intake = house(settings, people())
    load(intake, a="id,name\nx,ann\ny,bob\n3,cid\n")
    send_back(intake, tmp_path, under="a.csv", id="1")
    assert rows(intake) == [(1, "ann", "a.csv"), (3, "cid", "a.csv")]  # the other has a key that is taken now
    left = write_errors(intake.warehouse, intake.datasets["people"], tmp_path / "left.csv")
    assert left.rows == 1
    later = house(settings, UPPER)
    done = list(load_again(later, "people"))
    assert [(one.entry.format, one.problem) for one in done] == [("csv", None), ("correction", None)]
    assert rows(later) == [(1, "ANN", "a.csv"), (3, "CID", "a.csv")]


def test_a_correction_whose_file_is_gone_is_said(settings: Settings, tmp_path: Path) -> None:
    intake = house(settings, people())
    load(intake, a="id,name\nx,ann\n2,bob\n")
    send_back(intake, tmp_path, id="1")
    next(settings.archive.rglob("corrected.csv")).unlink()
    later = house(settings, UPPER)
    first, gone = load_again(later, "people")
    assert (first.entry.status, first.problem) == ("partial", None)
    assert gone.entry.delivery == "corrected.csv"
    assert gone.problem is not None and "are rejected again" in gone.problem
    assert rows(later) == [(2, "BOB", "a.csv")]


def test_windows_follow_what_was_loaded_again(settings: Settings) -> None:
    windows = [Total("names", measures={"names": agg.count("name")})]
    before = house(settings, people(windows=windows))
    load(before, a="id,name\n1,ann\n2,-\n")
    list(recompute_dirty(before))
    later = house(settings, people(windows=windows, clean={"name": clean.nulls("-")}))
    list(load_again(later, "people"))
    list(recompute_dirty(later))
    assert later.warehouse.query("SELECT names FROM windows.people_names WHERE _delivery IS NULL")[
        "names"
    ].to_list() == [1]
