"""Staging: one file to one folder, whole or not at all, the same whatever the chunks."""

# ruff: noqa: DTZ001  (moments are kept in UTC without zone)

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from pipeline.contract import Dataset, clean
from pipeline.files import UnreadableFile
from pipeline.ingest import FileChanged, ProgressUpdate, Staged, read_manifest, source_records, stage
from pipeline.ingest.manifest import write_manifest
from pipeline.ingest.progress import ProgressMeter
from pipeline.settings import Settings
from pipeline_tests.ingest.support import (
    ORDERS,
    Order,
    clean_rows,
    counts,
    error_rows,
    model,
    orders,
    stage_text,
    violations,
    write_parquet,
)


def _in_staging(settings: Settings) -> list[str]:
    return sorted(path.name for path in settings.staging.glob("*"))


def _mixed(rows: int) -> str:
    changes: list[dict[str, str]] = [{} for _ in range(rows)]
    for number in range(0, rows, 5):
        changes[number] = {"amount": "x", "status": "lost"}
    for number in range(3, rows, 11):
        changes[number] = {"note": "two\nlines"}
    return orders(*changes)


def test_the_folder_is_called_by_content_and_contract(settings: Settings) -> None:
    text = orders({})
    folder = stage_text(settings, text).folder
    assert folder == settings.staging / f"{sha256(text.encode()).hexdigest()}-{ORDERS.fingerprint}"


def test_nothing_but_the_folder_is_left_in_staging(settings: Settings) -> None:
    staged = stage_text(settings, orders({}, {"amount": "x"}))
    assert _in_staging(settings) == [staged.folder.name]


def test_the_folder_holds_what_the_manifest_names_and_whose_it_is(settings: Settings) -> None:
    staged = stage_text(settings, orders({}, {"amount": "x"}))
    manifest = staged.manifest
    named = {"manifest.json", *manifest.clean_files, *manifest.error_files}
    (note,) = [path for path in staged.folder.iterdir() if path.name not in named]
    assert {path.name for path in staged.folder.iterdir()} - {note.name} == named
    assert json.loads(note.read_text())["delivery"] == staged.delivery


def test_a_file_that_cannot_be_read_leaves_nothing_in_staging(settings: Settings) -> None:
    with pytest.raises(UnreadableFile):
        stage_text(settings, "a,b\n1,2\n")
    assert _in_staging(settings) == []


def test_a_chunk_that_fails_leaves_nothing_in_staging(settings: Settings) -> None:
    def fail(value: pl.Expr) -> pl.Expr:
        raise RuntimeError("disk on fire")

    dataset = Dataset("orders", schema=Order, clean={"note": clean.custom("fail", fail)})
    with pytest.raises(RuntimeError, match="disk on fire"):
        stage_text(settings, orders({}), dataset)
    assert _in_staging(settings) == []


def test_a_file_above_the_limit_is_refused_with_both_sizes(settings: Settings) -> None:
    small = settings.model_copy(update={"max_file_mb": 1})
    with pytest.raises(UnreadableFile, match="2 MB, more than the 1 MB") as caught:
        stage_text(small, "x" * 2_000_000)
    assert caught.value.code == "too_large"


def test_a_file_that_is_gone_is_a_failure_of_the_machine(settings: Settings) -> None:
    with pytest.raises(FileNotFoundError):
        stage(settings.home / "gone.csv", ORDERS, settings)


def test_a_folder_that_is_ready_is_used_again(settings: Settings) -> None:
    first = stage_text(settings, orders({}))
    marked = {path.name: path.stat().st_mtime_ns for path in first.folder.iterdir()}
    second = stage_text(settings, orders({}), name="copy.csv")
    assert second.folder == first.folder
    found = {path.name: path.stat().st_mtime_ns for path in second.folder.iterdir()}
    assert marked.items() < found.items() and len(found) == len(marked) + 1  # the note of the second delivery


def test_a_folder_that_is_used_again_speaks_of_the_file_at_hand(settings: Settings) -> None:
    stage_text(settings, orders({}))
    second = stage_text(settings, orders({}), name="copy.csv")
    assert (second.delivery, second.source) == ("copy.csv", settings.home / "copy.csv")


def test_other_content_of_the_same_size_is_staged_anew(settings: Settings) -> None:
    stage_text(settings, orders({"note": "a"}))
    assert clean_rows(stage_text(settings, orders({"note": "b"})))["note"].to_list() == ["b"]


def test_the_same_content_under_another_contract_is_staged_anew(settings: Settings) -> None:
    other = Dataset("orders", schema=Order, clean={"note": clean.upper})
    first, second = (stage_text(settings, orders({"note": "a"}), dataset) for dataset in (ORDERS, other))
    assert first.folder != second.folder
    assert clean_rows(second)["note"].to_list() == ["A"]


def test_two_who_stage_the_same_file_at_once_get_one_folder_that_fits_its_manifest(
    settings: Settings,
) -> None:
    path = settings.home / "rows.csv"
    path.write_text(_mixed(200))
    coarse, fine = settings, settings.model_copy(update={"chunk_rows": 7})
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(stage, path, ORDERS, chosen) for chosen in (coarse, fine)]
        results = [future.result() for future in futures]
    assert len(_in_staging(settings)) == 1
    for staged in results:
        assert clean_rows(staged).height == staged.manifest.rows_clean == 164


def _meddling(path: Path, text: str) -> Dataset:
    """A contract that writes to the file while it is being staged, the way a slow sender does."""

    def write(value: pl.Expr) -> pl.Expr:
        path.write_text(text)
        return value

    return Dataset("orders", schema=Order, clean={"note": clean.custom("write", write)})


def test_a_file_that_grows_meanwhile_is_not_staged(settings: Settings) -> None:
    dataset = _meddling(settings.home / "rows.csv", orders({}, {}))
    with pytest.raises(FileChanged, match=r"rows\.csv changed while it was read"):
        stage_text(settings, orders({}), dataset)


def test_a_file_that_changes_meanwhile_leaves_no_folder_under_its_new_hash(settings: Settings) -> None:
    dataset = _meddling(settings.home / "rows.csv", orders({"note": "b"}))
    with pytest.raises(FileChanged):
        stage_text(settings, orders({"note": "a"}), dataset)
    assert _in_staging(settings) == []


def test_a_file_that_changes_meanwhile_is_taken_again_as_it_is_now(settings: Settings) -> None:
    path = settings.home / "rows.csv"
    dataset = _meddling(path, orders({"note": "b"}))
    with pytest.raises(FileChanged):
        stage_text(settings, orders({"note": "a"}), dataset)
    path.write_text(orders({"note": "c"}))
    calm = Dataset("orders", schema=Order)
    assert clean_rows(stage(path, calm, settings))["note"].to_list() == ["c"]


@pytest.mark.parametrize("chunk_rows", [1, 7, 20, 41, 1000])
def test_the_cut_into_chunks_does_not_change_the_result(settings: Settings, chunk_rows: int) -> None:
    text = _mixed(41)
    whole = stage_text(settings, text)
    cut = stage_text(
        settings.model_copy(update={"chunk_rows": chunk_rows, "home": settings.home / ".."}), text
    )
    assert cut.folder != whole.folder
    assert clean_rows(cut).equals(clean_rows(whole), null_equal=True)
    assert error_rows(cut) == error_rows(whole)
    assert counts(cut) == counts(whole)
    assert [vars(c) | {"mean": None} for c in cut.manifest.columns] == [
        vars(c) | {"mean": None} for c in whole.manifest.columns
    ]
    assert cut.manifest.days == whole.manifest.days


def test_small_chunks_make_several_files_in_the_order_of_the_rows(settings: Settings) -> None:
    staged = stage_text(settings.model_copy(update={"chunk_rows": 7}), _mixed(41))
    assert len(staged.manifest.clean_files) > 3
    assert clean_rows(staged)["_row"].is_sorted()


def test_read_is_clean_and_rejected_and_filtered(settings: Settings) -> None:
    dataset = Dataset("orders", schema=Order, keep=pl.col("order_id") % 2 == 0)
    staged = stage_text(settings, orders({}, {}, {"status": "x"}, {"status": "x"}, {}), dataset)
    assert counts(staged) == (5, 1, 1, 3)


def test_a_row_is_rejected_and_not_filtered_where_what_keep_looks_at_cannot_be_cast(
    settings: Settings,
) -> None:
    dataset = Dataset("orders", schema=Order, keep=pl.col("order_id") > 1)
    staged = stage_text(settings, orders({"order_id": "x"}, {}, {"amount": "x", "order_id": "0"}), dataset)
    assert (counts(staged), violations(staged)) == ((3, 1, 1, 1), [(1, "order_id", "cast")])


def test_rows_are_numbered_by_the_file_when_others_are_filtered(settings: Settings) -> None:
    dataset = Dataset("orders", schema=Order, keep=pl.col("order_id") > 2)
    staged = stage_text(settings, orders({}, {}, {}, {"status": "x"}, {}, {"amount": "y"}), dataset)
    assert clean_rows(staged)["_row"].to_list() == [3, 5]
    assert [(row["_row"], row["record"]["order_id"]) for row in error_rows(staged)] == [(4, "4"), (6, "6")]


def test_a_null_in_keep_filters_the_row(settings: Settings) -> None:
    dataset = Dataset("orders", schema=Order, keep=pl.col("note") != "no")
    assert counts(stage_text(settings, orders({"note": "yes"}, {"note": ""}), dataset)) == (2, 1, 0, 1)


def test_a_filter_by_a_column_itself_leaves_that_column_alone(settings: Settings) -> None:
    dataset = Dataset("flags", schema=model(flag=bool, number=int), keep=pl.col("flag"))
    staged = stage_text(settings, "flag,number\nfalse,x\ntrue,1\nperhaps,1\n", dataset)
    (profile, _) = staged.manifest.columns
    assert counts(staged) == (3, 1, 1, 1)
    assert (profile.min, profile.max, profile.null_count) == ("true", "true", 0)


def test_the_days_are_those_of_the_datasets_zone(settings: Settings) -> None:
    dataset = Dataset("orders", schema=Order, event_time="ordered_at", timezone="Europe/Berlin")
    times = ["2024-01-31T22:30:00Z", "2024-01-31T23:30:00Z", "2024-02-01T12:00:00Z"]
    staged = stage_text(settings, orders(*({"ordered_at": time} for time in times)), dataset)
    first, second = staged.manifest.days
    assert (first.day, second.day) == (date(2024, 1, 31), date(2024, 2, 1))
    assert (second.first, second.last) == (datetime(2024, 1, 31, 23, 30), datetime(2024, 2, 1, 12))
    assert (staged.manifest.event_time_min, staged.manifest.event_time_max) == (first.first, second.last)


def test_the_last_moment_of_the_calendar_has_a_day_in_every_zone(settings: Settings) -> None:
    dataset = Dataset("late", schema=model(at=datetime), event_time="at", timezone="Asia/Tokyo")
    staged = stage_text(settings, "at\n9999-12-31T23:59:59Z\n", dataset)
    assert [span.day for span in staged.manifest.days] == [date(9999, 12, 31)]


def test_rejected_rows_have_no_day(settings: Settings) -> None:
    staged = stage_text(settings, orders({"status": "x", "ordered_at": "2020-01-01"}, {}))
    assert [span.day for span in staged.manifest.days] == [date(2024, 1, 31)]


def test_a_dataset_without_event_time_has_no_days(settings: Settings) -> None:
    staged = stage_text(settings, "number\n1\n", Dataset("plain", schema=model(number=int)))
    assert (staged.manifest.days, staged.manifest.event_time_min) == ((), None)


def test_times_with_a_zone_are_stored_in_utc_without(settings: Settings) -> None:
    dataset = Dataset(
        "zoned",
        schema=model(at=pl.Datetime("us", "America/New_York")),
        event_time="at",
        timezone="Europe/Berlin",
    )
    staged = stage_text(settings, "at\n2024-01-31 10:00:00\n", dataset)
    assert clean_rows(staged)["at"].to_list() == [datetime(2024, 1, 31, 9)]
    assert clean_rows(staged)["at"].dtype == pl.Datetime("us")


def test_the_clean_columns_are_the_contracts_then_row_and_rescued(settings: Settings) -> None:
    staged = stage_text(settings, orders({"shop": "x"}))
    assert clean_rows(staged).columns == [*ORDERS.column_names, "_row", "_rescued"]


def test_the_manifest_reads_back_as_it_was_written(settings: Settings, tmp_path: Path) -> None:
    manifest = stage_text(settings, orders({"shop": "x"}, {"amount": "x"})).manifest
    write_manifest(tmp_path, manifest)
    assert read_manifest(tmp_path) == manifest


def test_the_manifest_in_the_folder_is_the_one_handed_on(settings: Settings) -> None:
    staged = stage_text(settings, orders({}, {"amount": "x"}))
    assert read_manifest(staged.folder) == staged.manifest


def test_the_manifest_says_how_the_file_is_written(settings: Settings) -> None:
    staged = stage_text(settings, orders({}, {}).replace(",", ";"))
    assert (staged.manifest.format, staged.manifest.dialect["delimiter"]) == ("csv", ";")


def _records(staged: Staged, rows: list[int], settings: Settings) -> list[dict[str, object]]:
    frames = source_records(staged, pl.Series(rows, dtype=pl.Int64), ORDERS, settings)
    return [row | {"record": json.loads(row["record"])} for frame in frames for row in frame.to_dicts()]


@pytest.mark.parametrize("chunk_rows", [7, 1000])
def test_source_records_are_those_of_the_error_rows(settings: Settings, chunk_rows: int) -> None:
    settings = settings.model_copy(update={"chunk_rows": chunk_rows})
    staged = stage_text(settings, _mixed(41))
    wanted = {row["_row"]: (row["line"], row["sheet"], row["record"]) for row in error_rows(staged)}
    found = _records(staged, sorted(wanted), settings)
    assert {row["_row"]: (row["line"], row["sheet"], row["record"]) for row in found} == wanted


def test_no_source_records_are_read_for_no_rows(settings: Settings) -> None:
    assert _records(stage_text(settings, _mixed(5)), [], settings) == []


def test_sheets_with_different_columns_are_read_one_after_the_other(settings: Settings) -> None:
    book = openpyxl.Workbook()
    first, second = book.active, book.create_sheet("More")
    first.title = "First"
    for row in (["number", "city"], [1, "Rome"], [2, "Oslo"]):
        first.append(row)
    for row in (["Number", "shop"], [3, "A"], ["x", "B"]):
        second.append(row)
    path = settings.home / "book.xlsx"
    book.save(path)
    dataset = Dataset(
        "cities", schema=model(number=int, city=(str, {"nullable": True})), sheets=["First", "More"]
    )
    staged = stage(path, dataset, settings)
    assert clean_rows(staged).select("number", "city", "_row").rows() == [
        (1, "Rome", 1),
        (2, "Oslo", 2),
        (3, None, 3),
    ]
    assert json.loads(clean_rows(staged)["_rescued"][2]) == {"shop": "A", "_sheet": "More"}
    assert [(row["_row"], row["sheet"], row["line"]) for row in error_rows(staged)] == [(4, "More", 3)]


def test_parquet_is_staged_with_its_own_types(settings: Settings) -> None:
    frame = pl.DataFrame(
        {
            "number": [1, 2],
            "amount": [1.5, 2.345],
            "at": [datetime(2024, 1, 1), datetime(2024, 1, 2)],
            "note": [" a ", None],
        }
    )
    schema = model(number=pl.Int32, amount=pl.Decimal(18, 2), at=datetime, note=(str, {"nullable": True}))
    dataset = Dataset("native", schema=schema, clean={"note": clean.strip, "amount": clean.number()})
    staged = stage(write_parquet(settings, frame), dataset, settings)
    assert clean_rows(staged)["note"].to_list() == ["a"]
    assert violations(staged) == [(2, "amount", "cast")]


def test_cleaners_reach_native_values_of_another_kind_than_the_contracts(settings: Settings) -> None:
    frame = pl.DataFrame({"at": [1_700_000_000_123, None], "code": [7, 12]})
    schema = model(at=(datetime, {"nullable": True}), code=str)
    dataset = Dataset(
        "native",
        schema=schema,
        clean={"at": clean.epoch("ms"), "code": clean.custom("pad", lambda v: v.str.zfill(4))},
    )
    staged = stage(write_parquet(settings, frame), dataset, settings)
    assert clean_rows(staged).select("at", "code").rows() == [
        (datetime(2023, 11, 14, 22, 13, 20, 123000), "0007"),
        (None, "0012"),
    ]


@pytest.mark.parametrize("dtype", [str, pl.Categorical, pl.Enum(["a b"]), pl.Binary], ids=str)
def test_texts_of_every_type_are_cleaned(settings: Settings, dtype: object) -> None:
    dataset = Dataset(
        "words",
        schema=model(word=dtype, other=(str, {"nullable": True})),
        clean={"word": [clean.strip, clean.spaces]},
    )
    (word,) = clean_rows(stage_text(settings, "word,other\n  a  b ,x\n", dataset))["word"]
    assert word in ("a b", b"a b")


def test_a_pool_of_the_callers_is_used_and_left_open(settings: Settings) -> None:
    path = settings.home / "rows.csv"
    path.write_text(_mixed(41))
    with ThreadPoolExecutor(1, "callers") as pool:
        staged = stage(path, ORDERS, settings.model_copy(update={"chunk_rows": 7}), workers=pool)
        assert pool.submit(threading.current_thread).result().name.startswith("callers")
    assert staged.manifest.rows_read == 41


def test_a_short_file_is_not_spoken_of(settings: Settings) -> None:
    told: list[ProgressUpdate] = []
    path = settings.home / "rows.csv"
    path.write_text(_mixed(41))
    stage(path, ORDERS, settings, progress=told.append)
    assert told == []


def test_progress_is_told_at_most_once_a_second_and_at_the_end() -> None:
    told: list[ProgressUpdate] = []
    meter = ProgressMeter(told.append, "rows.csv", 200, quiet=0)
    meter.advance(50, 10)
    meter.advance(100, 20)
    meter.finish(40)
    assert [(update.bytes_done, update.rows, update.done) for update in told] == [
        (50, 10, False),
        (200, 40, True),
    ]


def test_progress_that_was_never_told_is_not_told_at_the_end() -> None:
    told: list[ProgressUpdate] = []
    meter = ProgressMeter(told.append, "rows.csv", 200)
    meter.advance(50, 10)
    meter.finish(40)
    assert told == []


def test_progress_gives_percent_speed_and_time_left() -> None:
    update = ProgressUpdate("rows.csv", 50_000_000, 200_000_000, 1000, 10.0)
    assert (update.percent, update.rows_per_second, update.seconds_left) == (25.0, 100.0, 30.0)
    assert update.in_words() == "rows.csv: 25 % of 200 MB, 1,000 rows, 100 rows/s, about 30 s left"


def test_progress_of_an_empty_file_is_complete() -> None:
    update = ProgressUpdate("rows.csv", 0, 0, 0, 0.0)
    assert (update.percent, update.rows_per_second, update.seconds_left) == (100.0, 0.0, None)
