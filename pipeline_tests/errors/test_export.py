"""The exported file: whole or not there, and every text in it comes back as it was."""

from __future__ import annotations

import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipeline.contract import Dataset
from pipeline.errors import CannotExport, rows, write_errors
from pipeline.errors.plain import CsvFile
from pipeline.errors.rows import Batch
from pipeline.errors.workbook import Workbook
from pipeline.ingest.guard import unguard
from pipeline.ingest.keys import KEY
from pipeline.settings import Settings
from pipeline.warehouse import Warehouse
from pipeline_tests.errors.support import GOOD, HEADER, load, load_file, orders, read_back
from pipeline_tests.ingest.support import model
from pipeline_tests.product.support import files_below

BAD = HEADER + "1,x,1,2026-01-01,,\"=cmd|' /C calc'!A0\"\n2,y,1,2026-01-01,,-5\n"
FORMATS = ["xlsx", "csv", "parquet"]


@pytest.mark.parametrize("ending", FORMATS)
def test_nothing_to_export_writes_nothing(settings: Settings, tmp_path: Path, ending: str) -> None:
    dataset = orders()
    warehouse = load(settings, dataset, {"a.csv": HEADER + GOOD})
    done = write_errors(warehouse, dataset, tmp_path / f"e.{ending}")
    assert (done.path, done.rows) == (None, 0)
    assert files_below(tmp_path) == [name for name in files_below(tmp_path) if name.startswith("home")]


@pytest.mark.parametrize("ending", FORMATS)
def test_a_file_that_is_there_is_overwritten_only_when_that_was_said(
    settings: Settings, tmp_path: Path, ending: str
) -> None:
    dataset = orders()
    warehouse = load(settings, dataset, {"a.csv": BAD})
    out = tmp_path / f"e.{ending}"
    out.write_text("mine")
    with pytest.raises(CannotExport, match="there already"):
        write_errors(warehouse, dataset, out)
    assert out.read_text() == "mine"
    assert write_errors(warehouse, dataset, out, force=True).rows == 2
    assert read_back(out).height == 2


@pytest.mark.parametrize(
    ("out", "words"), [("e.xls", r"\.xlsx, \.csv, \.parquet"), ("e", "endings"), ("no/e.csv", "no folder")]
)
def test_a_file_that_cannot_be_written_is_refused_before_any_work(
    settings: Settings, tmp_path: Path, out: str, words: str
) -> None:
    with pytest.raises(CannotExport, match=words):
        write_errors(load(settings, orders(), {}), orders(), tmp_path / out)


def test_an_ending_in_capitals_is_known(settings: Settings, tmp_path: Path) -> None:
    dataset = orders()
    assert write_errors(load(settings, dataset, {"a.csv": BAD}), dataset, tmp_path / "E.CSV").rows == 2
    assert (tmp_path / "E.CSV").is_file()


@pytest.mark.parametrize("ending", FORMATS)
def test_a_failure_leaves_the_old_file_and_nothing_else(
    settings: Settings, tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = orders()
    warehouse = load(settings, dataset, {"a.csv": BAD})
    folder = tmp_path / "out"
    folder.mkdir()
    out = folder / f"e.{ending}"
    out.write_text("old")
    seen = []

    def stop(*given: object) -> object:
        seen.append(files_below(folder))
        raise OSError("no space left on device")

    monkeypatch.setattr(rows, "_BATCH_ROWS", 1)
    monkeypatch.setattr(rows.RowKey, "of", stop)
    with pytest.raises(OSError, match="no space"):
        write_errors(warehouse, dataset, out, force=True)
    assert files_below(folder) == [out.name] and out.read_text() == "old"
    assert seen and all(out.name in names for names in seen)


def test_the_warehouse_is_free_while_the_file_is_written(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = orders()
    warehouse = load(settings, dataset, {"a.csv": BAD})
    other = Warehouse(warehouse.path, {dataset.name: dataset}, memory_mb=999, busy_timeout=0.1)
    written = []

    def write(self: Workbook, batch: object) -> None:
        # With another memory limit DuckDB refuses to open the file a second time in one process.
        written.append(other.query("SELECT count(*) FROM errors.orders").item())

    monkeypatch.setattr(Workbook, "write", write)
    write_errors(warehouse, dataset, tmp_path / "e.xlsx")
    assert set(written) == {2}


def test_polars_reads_the_csv_and_gives_the_source_texts_once_the_guard_is_off(
    settings: Settings, tmp_path: Path
) -> None:
    dataset = orders()
    write_errors(load(settings, dataset, {"a.csv": BAD}), dataset, tmp_path / "e.csv")
    assert (tmp_path / "e.csv").read_bytes().startswith("\ufefforder_id,".encode())
    frame = pl.read_csv(tmp_path / "e.csv", infer_schema=False)
    assert frame["zip"].to_list() == ["'=cmd|' /C calc'!A0", "-5"]
    assert frame.select(unguard(pl.col("zip")))["zip"].to_list() == ["=cmd|' /C calc'!A0", "-5"]
    assert frame.columns[-1] == KEY


def test_a_parquet_file_holds_the_texts_as_they_are(settings: Settings, tmp_path: Path) -> None:
    dataset = orders()
    write_errors(load(settings, dataset, {"a.csv": BAD}), dataset, tmp_path / "e.parquet")
    frame = pl.read_parquet(tmp_path / "e.parquet")
    assert frame["zip"].to_list() == ["=cmd|' /C calc'!A0", "-5"]
    assert set(frame.dtypes) == {pl.String}


NOTES = Dataset("notes", schema=model(number=(int, {"ge": 10**6}), note=(str, {"nullable": True})))
# Our reader takes NUL out of text files, and XML has no way to write U+FFFE and U+FFFF.
ANY = st.text(
    alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufffe\uffff"), max_size=8
)
ODD = st.text(alphabet="=+-@'\"\t\r\n ,;_x0041\x01\x0b\x85\u2028\ufffd\ufeff", max_size=12)


@hypothesis_settings(max_examples=12)
@given(st.lists(ANY | ODD, min_size=1, max_size=30))
@example(["_x000D_", "\r\n", "\x01", " a ", "\ufeff", "'=1", '"', "=\n1"])
def test_any_text_comes_back_from_every_format(notes: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder))
        source = Path(folder) / "notes.parquet"
        pl.DataFrame({"number": [str(number) for number in range(len(notes))], "note": notes}).write_parquet(
            source
        )
        warehouse = Warehouse.from_settings(settings, {NOTES.name: NOTES})
        load_file(settings, NOTES, warehouse, source)
        for ending in FORMATS:
            out = Path(folder) / f"e.{ending}"
            write_errors(warehouse, NOTES, out)
            assert [text or "" for text in read_back(out)["note"]] == notes, ending


def test_texts_that_xml_cannot_hold_are_written_as_spreadsheets_write_them(
    settings: Settings, tmp_path: Path
) -> None:
    source = settings.home / "notes.parquet"
    pl.DataFrame({"number": ["1"] * 3, "note": ["a\0b", "\ufffe", "\uffff"]}).write_parquet(source)
    warehouse = load(settings, NOTES, {})
    load_file(settings, NOTES, warehouse, source)
    write_errors(warehouse, NOTES, tmp_path / "e.xlsx")
    assert read_back(tmp_path / "e.xlsx")["note"].to_list() == ["a\0b", "_xFFFE_", "_xFFFF_"]
    write_errors(warehouse, NOTES, tmp_path / "e.csv")
    assert read_back(tmp_path / "e.csv")["note"].to_list() == ["ab", "\ufffe", "\uffff"]


@hypothesis_settings(max_examples=30)
@given(st.lists(st.lists(st.text(max_size=6) | ODD, min_size=3, max_size=3), min_size=1, max_size=5))
def test_polars_reads_any_text_of_the_csv(lines: list[list[str]]) -> None:
    frame = pl.DataFrame(lines, schema={"a": pl.String, "b": pl.String, "key": pl.String}, orient="row")
    frame = frame.with_columns(key=pl.lit("k"))
    with tempfile.TemporaryDirectory() as folder:
        with CsvFile(Path(folder) / "e.csv") as file:
            for part in frame.iter_slices(2):
                file.write(Batch(part, pl.DataFrame(), {}))
        back = pl.read_csv(Path(folder) / "e.csv", infer_schema=False).select(unguard(pl.all()))
    assert back.fill_null("").equals(frame)
