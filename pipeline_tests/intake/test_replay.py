"""Open rows against a contract that has changed, and corrections of originals that are loaded anew."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pandera.polars as pa
import polars as pl
import pytest

from pipeline.contract import Dataset, Read, Rule, Sliding, Total, agg, clean
from pipeline.files import landing_of
from pipeline.intake import (
    Intake,
    Replayed,
    apply_corrections,
    commit,
    find_delivery,
    prepare,
    recompute_dirty,
    replay,
    take_inbox,
)
from pipeline.settings import Settings
from pipeline.warehouse import Warehouse
from pipeline_tests.sending_back import write_back

HEADER = "id,at,amount,note\n"


class Reading(pa.DataFrameModel):
    id: int
    at: datetime
    amount: float = pa.Field(ge=0)
    note: str = pa.Field(nullable=True)


class Looser(pa.DataFrameModel):
    id: int
    at: datetime
    amount: float = pa.Field(ge=-10)
    note: str = pa.Field(nullable=True)


def readings(schema: type[pa.DataFrameModel] = Reading, **more: Any) -> Dataset:
    declared: dict[str, Any] = {
        "key": ["id"],
        "event_time": "at",
        "windows": [
            Sliding("hourly", size="1h", every="1h", measures={"total": agg.sum("amount")}),
            Total("all", measures={"total": agg.sum("amount")}),
        ],
    }
    return Dataset("readings", schema=schema, **(declared | more))


def house(settings: Settings, dataset: Dataset) -> Intake:
    datasets: Mapping[str, Dataset] = {dataset.name: dataset}
    made = Intake(settings, datasets, Warehouse.from_settings(settings, datasets))
    made.make_folders()
    return made


def line(number: int, amount: str = "1.5", at: str = "2024-03-01 10:00:00", note: str = "n") -> str:
    return f"{number},{at},{amount},{note}\n"


def drop(intake: Intake, name: str, *lines: str) -> Path:
    path = intake.settings.inbox / "readings" / name
    path.write_text(HEADER + "".join(lines))
    return path


def take(intake: Intake) -> list[str | None]:
    found = [outcome.entry.reason for outcome in take_inbox(intake)]
    list(recompute_dirty(intake))
    return found


def rows(intake: Intake, columns: str = "id, amount, _delivery, _row") -> list[tuple[Any, ...]]:
    return intake.warehouse.query(f"SELECT {columns} FROM clean.readings ORDER BY _delivery, _row").rows()


def errors(intake: Intake) -> list[tuple[Any, ...]]:
    return intake.warehouse.query(
        "SELECT _delivery, _row, check_name, status FROM errors.readings ORDER BY ALL"
    ).rows()


def counts(intake: Intake, delivery: str = "a.csv") -> tuple[Any, ...]:
    with intake.warehouse.session() as session:
        entry = session.current("readings", delivery)
    assert entry is not None
    return entry.status, entry.rows_read, entry.rows_clean, entry.rows_rejected, entry.rows_filtered


def test_rows_that_the_contract_allows_now_become_clean(settings: Settings) -> None:
    before = house(settings, readings())
    drop(before, "a.csv", line(1), line(2, amount="-5"), line(3, amount="-50"), line(4, amount="x"))
    drop(before, "b.csv", line(5, amount="-1", at="2024-03-09 10:00:00"))
    take(before)

    after = house(settings, readings(Looser))
    found = replay(after, "readings")

    assert found == [Replayed("a.csv", 3, 1, 0, 2, 0), Replayed("b.csv", 1, 1, 0, 0, 0)]
    assert rows(after) == [(1, 1.5, "a.csv", 1), (2, -5.0, "a.csv", 2), (5, -1.0, "b.csv", 1)]
    assert counts(after) == ("partial", 4, 2, 2, 0) and counts(after, "b.csv") == ("loaded", 1, 1, 0, 0)
    with after.warehouse.session() as session:
        marks = {(mark.window, str(mark.day), mark.delivery) for mark in session.dirty()}
    assert marks == {
        ("hourly", "2024-03-01", None), ("hourly", "2024-03-09", None), ("all", "None", "a.csv"), ("all", "None", "b.csv"),
    }  # fmt: skip
    assert replay(after, "readings", ["b.csv"]) == []


def test_rows_that_fail_as_before_are_not_touched_and_others_get_the_new_reason(settings: Settings) -> None:
    before = house(settings, readings())
    drop(before, "a.csv", line(1), line(2, amount="-50"), line(3, amount="x"))
    take(before)
    untouched = before.warehouse.query("SELECT * FROM errors.readings WHERE _row = 3").rows()

    after = house(settings, readings(Looser))
    assert replay(after, "readings") == [Replayed("a.csv", 2, 0, 0, 2, 0)]

    assert after.warehouse.query("SELECT * FROM errors.readings WHERE _row = 3").rows() == untouched
    messages = after.warehouse.query(
        "SELECT status, message FROM errors.readings WHERE _row = 2 ORDER BY 1"
    ).rows()
    assert messages == [("open", "-50 is less than -10"), ("superseded", "-50 is less than 0")]


def test_rows_that_the_contract_filters_now_count_as_filtered(settings: Settings) -> None:
    before = house(settings, readings())
    drop(before, "a.csv", line(1), line(2, amount="-5"))
    take(before)
    after = house(settings, readings(keep=pl.col("amount") > 0))
    assert replay(after, "readings") == [Replayed("a.csv", 1, 0, 1, 0, 0)]
    assert counts(after) == ("loaded", 2, 1, 0, 1)
    assert errors(after) == [("a.csv", 2, "greater_than_or_equal_to", "replayed")]


def test_a_rule_that_refuses_files_keeps_a_row_open(settings: Settings) -> None:
    before = house(settings, readings())
    drop(before, "a.csv", line(1), line(2, amount="x"))
    take(before)
    write_back(
        before, before.settings.inbox / "readings" / "errors.csv", lambda _: {"amount": "700"}, "readings"
    )
    strict = readings(rules=[Rule("sane", pl.col("amount") < 500, severity="quarantine")])
    after = house(settings, strict)
    assert take(after) == ["0 rows corrected, 1 still rejected"]
    assert errors(after) == [("a.csv", 2, "cast", "superseded"), ("a.csv", 2, "sane", "open")]


def test_records_that_could_not_be_split_stay_open_and_are_counted(settings: Settings) -> None:
    intake = house(settings, readings())
    drop(intake, "a.csv", line(1), "2,too,few\n", line(3, amount="x"))
    take(intake)
    assert replay(intake, "readings") == [Replayed("a.csv", 2, 0, 0, 2, 1)]


def test_many_rows_go_through_in_pieces(settings: Settings) -> None:
    small = settings.model_copy(update={"chunk_rows": 7})
    before = house(small, readings())
    drop(before, "a.csv", *(line(number, amount="-5" if number % 3 else "1") for number in range(1, 61)))
    take(before)
    after = house(small, readings(Looser))
    assert replay(after, "readings") == [Replayed("a.csv", 40, 40, 0, 0, 0)]
    assert [row[0] for row in rows(after)] == list(range(1, 61))
    assert not any(path.suffix == ".part" for path in settings.staging.iterdir())


def test_rows_that_are_corrected_while_a_replay_validates_them_are_left_to_that(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = house(settings, readings())
    drop(before, "a.csv", line(1), line(2, amount="-5"))
    take(before)
    after = house(settings, readings(Looser))
    from pipeline.intake import replaying as module

    batches = module._batches

    def meanwhile(path: Path, size: int) -> Any:
        write_back(before, settings.inbox / "readings" / "e.csv", lambda _: {"amount": "-6"}, "readings")
        take(before)
        return batches(path, size)

    monkeypatch.setattr(module, "_batches", meanwhile)
    assert replay(after, "readings") == [Replayed("a.csv", 1, 0, 0, 1, 0)]
    monkeypatch.undo()
    replay(after, "readings")
    assert rows(after)[1] == (2, -6.0, "a.csv", 2)


def _load_anew(intake: Intake, *deliveries: str) -> None:
    for delivery in deliveries:
        found = find_delivery(intake, "readings", delivery)
        assert found is not None
        list(commit(intake, prepare(intake, [found])))


def test_an_original_that_is_loaded_anew_gets_its_corrections_again(settings: Settings) -> None:
    before = house(settings, readings())
    drop(before, "a.csv", line(1), line(2, amount="x"), line(3, amount="y"), line(4, amount="-5"))
    take(before)
    box = settings.inbox / "readings"
    write_back(
        before,
        box / "first.xlsx",
        lambda r: {2: {"amount": "2"}, 3: {"amount": "bad"}}.get(r.row, {}),
        "readings",
    )
    take(before)
    write_back(before, box / "second.csv", lambda r: {"amount": "3"} if r.row == 3 else {}, "readings")
    take(before)
    assert [row[0] for row in rows(before)] == [1, 2, 3]

    after = house(settings, readings(Looser))
    _load_anew(after, "a.csv")
    assert [row[0] for row in rows(after)] == [1, 4]
    outcomes = list(apply_corrections(after, "readings"))

    assert [row[:2] for row in rows(after)] == [(1, 1.5), (2, 2.0), (3, 3.0), (4, -5.0)]
    assert counts(after) == ("loaded", 4, 4, 0, 0)
    assert [(o.delivery, o.entry.status, o.entry.reason) for o in outcomes] == [
        (
            "first.xlsx",
            "partial",
            "1 row of 1 delivery corrected, 1 still rejected, 1 skipped (already corrected)",
        ),
        ("second.csv", "loaded", "1 row of 1 delivery corrected, 1 skipped (already corrected)"),
    ]
    ledger = after.warehouse.query("SELECT count(*) AS n FROM ops.deliveries WHERE format = 'correction'")
    assert ledger["n"][0] == 2
    everything = after.warehouse.query("SELECT * FROM clean.readings ORDER BY _row").rows()
    list(apply_corrections(after, "readings"))
    assert after.warehouse.query("SELECT * FROM clean.readings ORDER BY _row").rows() == everything


def test_a_correction_of_an_original_with_other_content_by_now_is_passed_over(settings: Settings) -> None:
    intake = house(settings, readings())
    drop(intake, "a.csv", line(1), line(2, amount="x"))
    take(intake)
    write_back(intake, settings.inbox / "readings" / "errors.csv", lambda _: {"amount": "2"}, "readings")
    take(intake)
    drop(intake, "a.csv", line(1), line(2, amount="z"))
    take(intake)
    [outcome] = apply_corrections(intake, "readings")
    assert outcome.entry.reason == "1 row of 1 delivery corrected"
    assert counts(intake) == ("partial", 2, 1, 1, 0)
    with intake.warehouse.session() as session:
        assert [entry.status for entry in session.entries("readings")] == ["replaced", "loaded", "partial"]


def test_what_a_dataset_says_of_its_files_is_not_expected_of_a_correction(settings: Settings) -> None:
    dataset = readings(read=Read(delimiter=";", header=0), sheets=["Data"])
    intake = house(settings, dataset)
    box = settings.inbox / "readings"
    (box / "a.csv").write_text(
        "1;2024-03-01 10:00:00;x;n\n2;2024-03-01 10:00:00;y;n\n3;2024-03-01 10:00:00;3;n\n"
    )
    take(intake)
    for name, wanted in (("one.csv", 1), ("two.xlsx", 2)):
        write_back(
            intake,
            box / name,
            lambda r, wanted=wanted: {"amount": "2"} if r.row == wanted else {},
            "readings",
        )  # type: ignore[misc]
        take(intake)
    assert [row[0] for row in rows(intake)] == [1, 2, 3]


def test_columns_that_only_later_records_of_json_have_come_back(settings: Settings) -> None:
    intake = house(settings, readings())
    records = [{"id": n, "at": "2024-03-01 10:00:00", "amount": "x", "note": "n"} for n in (1, 2)]
    records[1]["extra"] = "e"
    text = "\n".join(map(json.dumps, records))
    (settings.inbox / "readings" / "a.ndjson").write_text(text)
    take(intake)
    write_back(intake, settings.inbox / "readings" / "errors.xlsx", lambda _: {"amount": "2"}, "readings")
    take(intake)
    found = rows(intake, "id, _rescued")
    assert [(number, json.loads(rescued or "{}").get("extra")) for number, rescued in found] == [
        (1, None),
        (2, "e"),
    ]


def test_warnings_of_the_corrected_row_are_noted(settings: Settings) -> None:
    dataset = readings(rules=[Rule("small", pl.col("amount") < 100, severity="warn")])
    intake = house(settings, dataset)
    drop(intake, "a.csv", line(1), line(2, amount="x"))
    take(intake)
    write_back(intake, settings.inbox / "readings" / "errors.csv", lambda _: {"amount": "200"}, "readings")
    take(intake)
    assert errors(intake) == [("a.csv", 2, "cast", "replayed"), ("a.csv", 2, "small", "noted")]
    assert counts(intake) == ("loaded", 2, 2, 0, 0)


def test_a_correction_can_be_asked_for_by_its_name(settings: Settings) -> None:
    intake = house(settings, readings())
    drop(intake, "a.csv", line(1), line(2, amount="x"))
    take(intake)
    write_back(intake, settings.inbox / "readings" / "errors.csv", lambda _: {"amount": "2"}, "readings")
    take(intake)
    before = rows(intake)
    found = find_delivery(intake, "readings", "errors.csv")
    assert found is not None and found == landing_of(found.path, "readings", "errors.csv")
    [outcome] = commit(intake, prepare(intake, [found]))
    assert outcome.entry.reason == "0 rows corrected, 1 skipped (already corrected)"
    assert rows(intake) == before


def test_text_cleaners_see_what_a_file_would_have_given(settings: Settings) -> None:
    intake = house(
        settings, readings(clean={"note": clean.strip, "amount": clean.number(decimal=",", thousands=".")})
    )
    drop(intake, "a.csv", line(1, amount='"1,5"'), line(2, amount="x"))
    take(intake)
    write_back(
        intake, settings.inbox / "readings" / "e.csv", lambda _: {"amount": "2,5", "note": "  b "}, "readings"
    )
    take(intake)
    assert rows(intake, "amount, note") == [(1.5, "n"), (2.5, "b")]
