"""What a line of an exported file holds: Parquet shows it without any guard."""

from __future__ import annotations

import json
from pathlib import Path

import pandera.polars as pa
import polars as pl
import pyarrow.parquet as pq
import pytest

from pipeline.contract import Dataset, Derived, clean
from pipeline.errors import rows, write_errors
from pipeline.ingest.keys import KEY, RAW, REASONS, RowKey
from pipeline.settings import Settings
from pipeline.warehouse import Warehouse
from pipeline_tests.errors.support import GOOD, HEADER, load, load_file, orders
from pipeline_tests.ingest.support import model


def exported(warehouse: Warehouse, dataset: Dataset, tmp_path: Path, **options) -> pl.DataFrame:
    out = tmp_path / "errors.parquet"
    write_errors(warehouse, dataset, out, force=True, **options)
    return pl.read_parquet(out)


def test_a_rejected_row_is_one_line_with_its_source_columns_all_reasons_and_its_key(
    settings: Settings, tmp_path: Path
) -> None:
    dataset = orders()
    warehouse = load(settings, dataset, {"a.csv": HEADER + GOOD + "2,nobody,-5,2026-01-01,,00501\n"})
    with warehouse.session(read_only=True) as session:
        entry = session.current("orders", "a.csv")
    assert entry is not None and entry.sha256 is not None
    assert exported(warehouse, dataset, tmp_path).to_dicts() == [
        {
            "order_id": "2",
            "email": "nobody",
            "amount": "-5",
            "Order Date": "2026-01-01",
            "shipped_at": None,
            "zip": "00501",
            REASONS: "line 3: email: 'nobody' is not an e-mail address; amount: -5 is less than 0",
            KEY: str(RowKey.of("orders", entry.sha256, 2, "a.csv")),
        }
    ]


def test_lines_are_in_the_order_of_delivery_and_row_and_say_where_they_are_from(
    settings: Settings, tmp_path: Path
) -> None:
    dataset = orders()
    rows = HEADER + "".join(f"{number},x,1,2026-01-01,,\n" for number in range(1, 12))
    warehouse = load(settings, dataset, {"b.csv": rows, "a.csv": HEADER + "1,y,1,2026-01-01,,\n"})
    found = exported(warehouse, dataset, tmp_path)
    assert [RowKey.read(key).row for key in found[KEY]] == [1, *range(1, 12)]
    assert [RowKey.read(key).delivery for key in found[KEY]] == ["a.csv", *["b.csv"] * 11]
    assert found[REASONS][1] == "b.csv, line 2: email: 'x' is not an e-mail address"


@pytest.mark.parametrize("bad", [1, 2, 300])
def test_few_rows_are_made_in_one_go(settings: Settings, tmp_path: Path, bad: int) -> None:
    wrong = "".join(f"{number},x,-1,2026-01-01,,\n" for number in range(1, bad + 1))
    exported(load(settings, orders(), {"a.csv": HEADER + wrong}), orders(), tmp_path)
    with pq.ParquetFile(tmp_path / "errors.parquet") as file:
        assert (file.metadata.num_rows, file.num_row_groups) == (bad, 1)


def test_a_row_of_a_workbook_is_told_with_its_sheet(settings: Settings, tmp_path: Path) -> None:
    dataset = orders()
    warehouse = load(settings, dataset, {})
    path = settings.home / "week.xlsx"
    header, row = HEADER.strip().split(","), [1, "x", 1, "2026-01-01", None, None]
    pl.DataFrame([row], schema=header, orient="row").write_excel(path, worksheet="Monday")
    load_file(settings, dataset, warehouse, path)
    assert exported(warehouse, dataset, tmp_path)[REASONS][0].startswith("sheet 'Monday', line 2: email: ")


def test_columns_are_those_of_all_deliveries_in_order_of_appearance(
    settings: Settings, tmp_path: Path
) -> None:
    dataset = orders()
    more = "email,order_id,amount,ordered_at,note\nx,1,1,2026-01-01,hello\n"
    warehouse = load(settings, dataset, {"a.csv": HEADER + "1,x,1,2026-01-01,,7\n", "b.csv": more})
    found = exported(warehouse, dataset, tmp_path)
    assert found.columns == [*HEADER.strip().split(","), "ordered_at", "note", REASONS, KEY]
    assert found["note"].to_list() == [None, "hello"]
    assert found["ordered_at"].to_list() == [None, "2026-01-01"]


def test_a_column_that_only_later_records_have_comes_after_the_others(
    settings: Settings, tmp_path: Path
) -> None:
    dataset = Dataset("plain", schema=model(id=int))
    records = [{"id": 1}] * 300 + [{"id": "x", "late": "yes"}]
    text = "".join(json.dumps(record) + "\n" for record in records)
    warehouse = load(settings.model_copy(update={"chunk_rows": 100}), dataset, {"a.ndjson": text})
    found = exported(warehouse, dataset, tmp_path)
    assert found.columns == ["id", "late", REASONS, KEY]
    assert found.row(0)[:2] == ("x", "yes")


def test_a_row_that_could_not_be_split_has_its_fields_by_position_and_its_raw_text(
    settings: Settings, tmp_path: Path
) -> None:
    dataset = orders()
    text = HEADER + GOOD + "2,a@b.de,5,2026-01-01,,01234,more\n" + "3,x,5,2026-01-01,,01234\n"
    found = exported(load(settings, dataset, {"a.csv": text}), dataset, tmp_path)
    assert found.columns == [*HEADER.strip().split(","), REASONS, RAW, KEY]
    assert found.row(0)[:6] == ("2", "a@b.de", "5", "2026-01-01", None, "01234")
    assert found[RAW].to_list() == ["2,a@b.de,5,2026-01-01,,01234,more", None]
    assert found[REASONS][0].startswith("line 3: ")


def test_a_record_that_is_no_record_at_all_has_its_raw_text_only(settings: Settings, tmp_path: Path) -> None:
    dataset = Dataset("plain", schema=model(id=int))
    warehouse = load(settings, dataset, {"a.ndjson": '{"id": 1}\n{"id": 2,,}\n{"id": 3}\n'})
    found = exported(warehouse, dataset, tmp_path)
    assert found[RAW].to_list() == ['{"id": 2,,}']
    assert found["id"].to_list() == [None]


def test_warnings_and_rows_of_an_earlier_version_are_not_exported(settings: Settings, tmp_path: Path) -> None:
    dataset = orders()
    warehouse = load(settings, dataset, {"a.csv": HEADER + "1,x,1,2026-01-01,,\n"})
    # A surplus empty field is mended, and noted.
    better = HEADER + GOOD + "2,c@d.de,1,2026-01-01,,,\n"
    (settings.home / "a.csv").write_text(better)
    load_file(settings, dataset, warehouse, settings.home / "a.csv")
    assert warehouse.query("SELECT status FROM errors.orders ORDER BY 1")["status"].to_list() == [
        "noted",
        "superseded",
    ]
    assert write_errors(warehouse, dataset, tmp_path / "errors.csv").path is None


def test_only_the_deliveries_that_were_asked_for(settings: Settings, tmp_path: Path) -> None:
    dataset = orders()
    bad = HEADER + "1,x,1,2026-01-01,,\n"
    warehouse = load(
        settings, dataset, {"a.csv": bad, "b'.csv": bad + "2,y,1,2026-01-01,,\n", "c.csv": bad + "\n" * 3}
    )
    found = exported(warehouse, dataset, tmp_path, deliveries=["b'.csv"])
    assert [RowKey.read(key).delivery for key in found[KEY]] == ["b'.csv"] * 2


@pytest.mark.parametrize("name", ["_errors", "_raw", "source:_raw", "*", "^a$", "=1+1", "n", "_row_2", "a b"])
def test_any_name_of_a_source_column_is_kept_or_told_apart(
    settings: Settings, tmp_path: Path, name: str
) -> None:
    dataset = Dataset("plain", schema=model(id=int), aliases={"id": ["number"]})
    warehouse = load(settings, dataset, {"a.ndjson": json.dumps({"number": "x", name: "kept"}) + "\n"})
    found = exported(warehouse, dataset, tmp_path)
    own = name in ("_errors", "_raw", "source:_raw")
    assert found.columns == ["number", f"source:{name}" if own else name, REASONS, KEY]
    assert found.row(0)[:2] == ("x", "kept")


def test_a_batch_never_parts_a_row(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = orders()
    text = HEADER + "".join(f"x{number},no,-1,never,,\n" for number in range(50))
    warehouse = load(settings, dataset, {"a.csv": text})
    whole = exported(warehouse, dataset, tmp_path)
    assert whole.height == 50 and whole[REASONS].str.count_matches("; ").to_list() == [3] * 50
    for size in (1, 3, 7):
        monkeypatch.setattr(rows, "_BATCH_ROWS", size)
        assert exported(warehouse, dataset, tmp_path).equals(whole)


def test_hidden_values_stay_hidden(settings: Settings, tmp_path: Path) -> None:
    dataset = orders(clean={"email": clean.redact(), "amount": clean.number()})
    text = HEADER + "1,ann@secret.de,-1,2026-01-01,,\n" + "2,bob@secret.de,1,2026-01-01,,,,9\n"
    found = exported(load(settings, dataset, {"a.csv": text}), dataset, tmp_path)
    assert found.height == 2 and "secret" not in found.write_csv()


class Person(pa.DataFrameModel):
    first: str
    last: str
    full: str = pa.Field(str_length={"max_value": 8})
    code: str = pa.Field(nullable=True, isin=["a"])


def test_reasons_of_derived_columns_name_the_column_of_the_contract(
    settings: Settings, tmp_path: Path
) -> None:
    dataset = Dataset(
        "people",
        schema=Person,
        derive=[
            Derived("full", pl.concat_str("first", pl.lit(" "), "last")),
            Derived("code", pl.col("Kind"), source=True),
        ],
    )
    warehouse = load(settings, dataset, {"a.csv": "first,last,Kind\nMaximilian,Meyer,b\n"})
    reasons = exported(warehouse, dataset, tmp_path)[REASONS][0]
    assert "full: " in reasons and "Kind: 'b' is not one of a" in reasons
