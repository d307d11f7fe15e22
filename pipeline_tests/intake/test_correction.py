"""Corrected error rows that are dropped into the inbox."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.ingest.keys import KEY, RowKey
from pipeline.intake import Intake, Outcome, open_intake, recompute_dirty, take_inbox
from pipeline.settings import Settings
from pipeline_tests.sending_back import Fix, leave, write_back

HEADER = "order_id,customer_email,amount,ordered_at,status,department,customer_name"
WINDOWS = ("daily_by_department", "last_hour")
FIGURES = "EXCLUDE (computed_at, revision)"


def order(
    number: int, amount: str = "1.50", email: str = "a@example.com", day: int = 1, name: str = "Ann"
) -> str:
    return f"{number},{email},{amount},2024-03-0{day} 10:00:00,pending,toys,{name}"


@pytest.fixture
def intake(settings: Settings) -> Intake:
    made = open_intake(settings)
    made.make_folders()
    return made


def drop(intake: Intake, name: str, *rows: str, header: str = HEADER) -> Path:
    path = intake.settings.inbox / "orders" / name
    path.write_text("\n".join((header, *rows)) + "\n")
    return path


def take(intake: Intake) -> list[Outcome]:
    found = list(take_inbox(intake))
    list(recompute_dirty(intake))
    return found


def send_back(intake: Intake, fix: Fix = leave, name: str = "errors.xlsx", sheets: int = 1) -> Outcome:
    write_back(intake, intake.settings.inbox / "orders" / name, fix, sheets=sheets)
    [outcome] = take(intake)
    return outcome


def clean(intake: Intake) -> list[tuple[object, ...]]:
    return intake.warehouse.query("SELECT * FROM clean.orders ORDER BY _delivery, _row").rows()


def windows(intake: Intake) -> list[list[tuple[object, ...]]]:
    return [
        intake.warehouse.query(f"SELECT * {FIGURES} FROM windows.orders_{name} ORDER BY ALL").rows()
        for name in WINDOWS
    ]


def statuses(intake: Intake) -> list[tuple[int, str, str]]:
    return intake.warehouse.query(
        "SELECT _row, check_name, status FROM errors.orders ORDER BY _delivery, _row, check_name, detected_at"
    ).rows()


def counts(intake: Intake, delivery: str = "a.csv") -> tuple[object, ...]:
    [row] = intake.warehouse.query(
        "SELECT status, rows_read, rows_clean, rows_rejected, rows_filtered, violations FROM ops.deliveries "
        f"WHERE delivery = '{delivery}' AND format <> 'correction' AND status <> 'replaced'"
    ).rows()
    return row


def everything(intake: Intake) -> list[object]:
    return [
        clean(intake),
        statuses(intake),
        windows(intake),
        intake.warehouse.query(
            "SELECT * FROM ops.deliveries WHERE format <> 'correction' ORDER BY seq"
        ).rows(),
    ]


def test_a_row_that_is_right_now_joins_its_delivery(intake: Intake) -> None:
    drop(intake, "a.csv", order(1), order(2, amount="oops", day=2), order(3, email="x", day=3))
    take(intake)
    outcome = send_back(
        intake, lambda row: {"amount": "9.50"} if row.row == 2 else {"customer_email": "c@d.de"}
    )

    assert (outcome.entry.status, outcome.entry.format) == ("loaded", "correction")
    assert outcome.entry.reason == "2 rows of 1 delivery corrected"
    assert counts(intake) == ("loaded", 3, 3, 0, 0, 2)
    assert statuses(intake) == [(2, "cast", "replayed"), (3, "email", "replayed")]
    assert [row[-3:-1] for row in clean(intake)] == [("a.csv", 1), ("a.csv", 2), ("a.csv", 3)]
    entry = outcome.entry
    assert (
        entry.rows_read,
        entry.rows_clean,
        entry.rows_rejected,
        entry.rows_filtered,
        entry.violations,
    ) == (0,) * 5
    assert outcome.kept_at is not None and outcome.kept_at.is_relative_to(intake.settings.archive)


@pytest.mark.parametrize("name", ["errors.xlsx", "errors.csv", "errors.parquet", "a.csv", "sub/notes.xlsx"])
def test_the_table_and_the_windows_equal_those_of_a_file_that_was_right_at_once(
    intake: Intake, tmp_path: Path, name: str
) -> None:
    rows = [
        order(1, name="=1+1"),
        order(2, day=2, name="-x"),
        order(3, day=3, name="'=quoted"),
        order(4, name="@b"),
    ]
    other = open_intake(Settings(home=tmp_path / "other", settle_seconds=0))
    other.make_folders()
    drop(other, "a.csv", *rows)
    take(other)
    drop(
        intake,
        "a.csv",
        rows[0].replace("pending", "lost"),
        rows[1].replace("1.50", "?"),
        rows[2].replace("@", " "),
        rows[3],
    )
    take(intake)

    send_back(
        intake,
        lambda row: {1: {"status": "pending"}, 2: {"amount": "1.50"}, 3: {"customer_email": "a@example.com"}}[
            row.row
        ],
        name,
    )

    assert clean(intake) == clean(other)
    assert windows(intake) == windows(other)


def test_a_row_that_is_still_wrong_stays_open_with_the_new_reason(intake: Intake) -> None:
    drop(intake, "a.csv", order(1, amount="oops"), order(2, email="x"))
    take(intake)
    outcome = send_back(intake, lambda row: {1: {"amount": "-5"}, 2: {"customer_email": "c@d.de"}}[row.row])

    assert outcome.entry.status == "partial"
    assert outcome.entry.reason == "1 row of 1 delivery corrected, 1 still rejected"
    assert counts(intake) == ("partial", 2, 1, 1, 0, 2)
    assert statuses(intake) == [
        (1, "cast", "superseded"),
        (1, "greater_than_or_equal_to", "open"),
        (2, "email", "replayed"),
    ]
    [error] = intake.warehouse.query("SELECT * FROM errors.orders WHERE status = 'open'").to_dicts()
    assert error["line"] == 2 and '"amount":"-5"' in error["record"]
    assert send_back(intake, lambda _: {"amount": "5"}, "again.xlsx").entry.status == "loaded"
    assert counts(intake)[:4] == ("loaded", 2, 2, 0)


def test_a_row_that_nobody_has_corrected_is_left_as_it_is(intake: Intake) -> None:
    drop(intake, "a.csv", order(1, amount="oops"), order(2))
    take(intake)
    before = everything(intake)
    outcome = send_back(intake)
    assert outcome.entry.reason == "0 rows corrected, 1 still rejected"
    assert everything(intake) == before


def test_the_same_bytes_again_are_a_duplicate_and_an_edited_workbook_changes_nothing_twice(
    intake: Intake,
) -> None:
    drop(intake, "a.csv", order(1, amount="oops"), order(2, amount="?"))
    take(intake)
    path = intake.settings.inbox / "orders" / "errors.csv"
    write_back(intake, path, lambda row: {"amount": "5"} if row.row == 1 else {})
    text = path.read_text()
    take(intake)
    after = everything(intake)

    path.write_text(text)
    [again] = take(intake)
    assert again.entry.status == "duplicate" and everything(intake) == after
    path.with_name("errors 2.csv").write_text(text.replace(",5,", ",7,"))
    [edited] = take(intake)
    assert edited.entry.reason == "0 rows corrected, 1 still rejected, 1 skipped (already corrected)"
    assert everything(intake) == after


def test_of_a_row_that_a_workbook_holds_twice_the_first_counts(intake: Intake) -> None:
    drop(intake, "a.csv", order(1, amount="oops"))
    take(intake)
    path = write_back(intake, intake.settings.inbox / "orders" / "errors.csv", lambda _: {"amount": "5"})
    header, row = path.read_text().splitlines()
    path.write_text("\n".join((header, row, row.replace(",5,", ",6,"))) + "\n")
    [outcome] = take(intake)
    assert outcome.entry.reason == "1 row of 1 delivery corrected, 1 skipped (already corrected)"
    assert [str(row[2]) for row in clean(intake)] == ["5.00"]


def test_rows_of_deliveries_with_other_headers_go_by_their_own(intake: Intake) -> None:
    drop(intake, "a.csv", order(1, amount="oops"), order(2, amount="?"))
    other = "order_id,customer_email,amount,Order Date,status,department,comment"
    drop(intake, "b.csv", order(3, amount="oops"), order(4), header=other)
    take(intake)

    outcome = send_back(intake, lambda row: {"amount": "5", "done?": "yes"}, sheets=2)

    assert outcome.entry.reason == "3 rows of 2 deliveries corrected"
    rows = intake.warehouse.query(
        "SELECT order_id, customer_name, _rescued FROM clean.orders ORDER BY 1"
    ).rows()
    assert rows == [
        (1, "Ann", None),
        (2, "Ann", None),
        (3, None, '{"comment":"Ann"}'),
        (4, None, '{"comment":"Ann"}'),
    ]


def test_a_key_that_was_changed_refuses_its_row_and_says_where(intake: Intake) -> None:
    drop(
        intake,
        "a.csv",
        order(1, amount="oops"),
        order(2, amount="?"),
        order(3, amount="!"),
        order(4, amount="#"),
    )
    take(intake)
    sha = "0" * 64
    keys = {2: "mine", 3: str(RowKey.of("sales", sha, 3, "a.csv")), 4: ""}
    outcome = send_back(
        intake, lambda row: {"amount": "5"} | ({KEY: keys[row.row]} if row.row in keys else {})
    )

    assert outcome.entry.status == "partial"
    reason = outcome.entry.reason or ""
    assert reason.startswith("1 row of 1 delivery corrected, 3 refused: ")
    assert "row 3 of sheet 'Rejected rows': its key was changed or cut off" in reason
    assert "row 4 of sheet 'Rejected rows': it is a row of dataset 'sales'" in reason
    assert "row 5 of sheet 'Rejected rows': it has no key" in reason
    assert counts(intake)[:4] == ("partial", 4, 1, 3)


def test_a_file_without_a_key_that_can_be_used_is_quarantined(intake: Intake) -> None:
    drop(intake, "a.csv", order(1, amount="oops"))
    take(intake)
    before = everything(intake)
    outcome = send_back(intake, lambda _: {KEY: "nonsense"})
    assert outcome.entry.status == "quarantined" and "its key was changed" in (outcome.entry.reason or "")
    assert everything(intake) == before
    assert outcome.kept_at is not None and outcome.kept_at.with_name("errors.xlsx.reason.json").exists()


def test_errors_of_a_version_that_was_replaced_are_refused(intake: Intake) -> None:
    drop(intake, "a.csv", order(1, amount="oops"))
    drop(intake, "b.csv", order(2, amount="oops"))
    take(intake)
    workbook = write_back(intake, intake.settings.home / "errors.xlsx", lambda _: {"amount": "5"})
    only_a = write_back(
        intake,
        intake.settings.home / "a.xlsx",
        lambda r: {"amount": "5"} | ({KEY: None} if r.delivery == "b.csv" else {}),
    )
    drop(intake, "a.csv", order(1, amount="what"), order(9))
    take(intake)

    workbook.rename(intake.settings.inbox / "orders" / "errors.xlsx")
    only_a.rename(intake.settings.inbox / "orders" / "only a.xlsx")
    taken, refused = take(intake)

    assert taken.entry.reason == (
        "1 row of 1 delivery corrected, 1 refused: row 2 of sheet 'Rejected rows': delivery 'a.csv' has other content now than"
        " when its errors were exported"
    )
    assert counts(intake, "a.csv")[:4] == ("partial", 2, 1, 1) and counts(intake, "b.csv")[:4] == (
        "loaded",
        1,
        1,
        0,
    )
    assert refused.entry.status == "quarantined" and "other content now" in (refused.entry.reason or "")


def test_a_correction_under_the_name_of_its_original_leaves_that_in_place(intake: Intake) -> None:
    drop(intake, "a.csv", order(1), order(2, amount="oops"), order(3, amount="?"))
    take(intake)
    first = send_back(intake, lambda row: {"amount": "5"} if row.row == 2 else {}, "a.csv")
    assert first.entry.is_correction and counts(intake) == ("partial", 3, 2, 1, 0, 2)
    second = send_back(intake, lambda row: {"amount": "6"}, "a.csv")
    assert second.entry.reason == "1 row of 1 delivery corrected" and counts(intake)[:3] == ("loaded", 3, 3)
    drop(intake, "a.csv", order(7))
    [new] = take(intake)
    assert new.entry.status == "loaded" and [row[0] for row in clean(intake)] == [7]
    assert {status for _, _, status in statuses(intake)} == {"superseded"}


def test_a_file_named_like_a_correction_is_a_delivery_of_its_own(intake: Intake) -> None:
    drop(intake, "a.csv", order(1, amount="oops"))
    take(intake)
    send_back(intake, lambda _: {"amount": "5"}, "errors.csv")
    drop(intake, "errors.csv", order(2))
    take(intake)
    assert [row[0] for row in clean(intake)] == [1, 2]


def test_a_key_that_another_row_has_taken_is_rejected(intake: Intake) -> None:
    drop(intake, "a.csv", order(1), order(2, amount="oops"), order(3, amount="oops"), order(4, amount="oops"))
    take(intake)
    ids = {2: "1", 3: "8", 4: "8"}
    outcome = send_back(intake, lambda row: {"amount": "5", "order_id": ids[row.row]})
    assert outcome.entry.reason == "1 row of 1 delivery corrected, 2 still rejected"
    found = intake.warehouse.query(
        "SELECT _row, check_name, message, line FROM errors.orders WHERE status = 'open' ORDER BY _row"
    )
    assert found.rows() == [
        (2, "unique", "order_id 1 is already in delivery 'a.csv' (row 1)", 3),
        (4, "unique", "order_id 8 is already in row 2 of the correction 'errors.xlsx'", 5),
    ]


def test_a_record_that_the_reader_could_not_split_is_corrected_in_its_columns(intake: Intake) -> None:
    drop(intake, "a.csv", order(1), "2,too,few", "3,too,few", order(4))
    take(intake)
    whole = dict(zip(HEADER.split(","), order(2).split(","), strict=True))
    outcome = send_back(intake, lambda row: whole if row.row == 2 else {})
    assert outcome.entry.reason == "1 row of 1 delivery corrected, 1 without any value"
    assert statuses(intake) == [(2, "too_few_fields", "replayed"), (3, "too_few_fields", "open")]
    assert counts(intake)[:4] == ("partial", 4, 3, 1)


def test_a_workbook_with_a_sheet_of_its_own_tells_that_it_was_left_out(intake: Intake) -> None:
    drop(intake, "a.csv", order(1, amount="oops"))
    take(intake)
    path = write_back(intake, intake.settings.inbox / "orders" / "errors.csv", lambda _: {"amount": "5"})
    path.write_text(path.read_text() + "an,extra\n")
    [outcome] = take(intake)
    assert outcome.entry.status == "partial"
    assert "1 row of 1 delivery corrected, 1 refused: line 3: " in (outcome.entry.reason or "")


def test_an_old_version_of_the_workbook_is_kept_beside_the_new_one(intake: Intake) -> None:
    drop(intake, "a.csv", order(1, amount="oops"), order(2, amount="?"))
    take(intake)
    send_back(intake, lambda row: {"amount": "5"} if row.row == 1 else {})
    send_back(intake, lambda row: {"amount": "6"})
    with intake.warehouse.session() as session:
        assert [entry.status for entry in session.corrections("orders")] == ["partial", "loaded"]


Change = Callable[[Intake], None]


def test_figures_of_the_dataset_do_not_count_corrections(intake: Intake) -> None:
    from pipeline.warehouse.overview import dataset_figures

    drop(intake, "a.csv", order(1), order(2, amount="oops"))
    take(intake)
    send_back(intake, lambda _: {"amount": "5"})
    with intake.warehouse.session() as session:
        figures = dataset_figures(session, len)["orders"]
        assert (figures.deliveries, figures.rows_clean, figures.rows_rejected) == (1, 2, 0)
        assert session.current("orders", "errors.xlsx") is None
        [correction] = session.corrections("orders")
        assert [entry.delivery for entry in session.corrected_by(correction.id)] == ["a.csv"]
