"""Cleaners that read texts as people of one place write them, on columns that hold numbers beside texts."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from zipfile import ZipFile

import openpyxl
import polars as pl
import pytest

from pipeline.contract import Dataset, clean
from pipeline.files.workbook import book
from pipeline.ingest import stage
from pipeline.settings import Settings
from pipeline_tests.ingest.support import clean_rows, model

PRICES = Dataset(
    "prices",
    schema=model(article=str, price=float),
    clean={"price": clean.number(decimal=",", thousands=".")},
)
WRITTEN = [
    ("a", 1.234),
    ("b", "1.234"),
    ("c", "1.234,5"),
    ("d", 5),
    ("e", "5"),
    ("f", "-0,25"),
    ("g", 0.125),
]
MEANT = [1.234, 1234.0, 1234.5, 5.0, 5.0, -0.25, 0.125]


def workbook(path: Path, rows: list[tuple[object, ...]]) -> Path:
    made = openpyxl.Workbook()
    sheet = made.worksheets[0]
    for row in rows:
        sheet.append(row)
    made.save(path)
    return path


def prices(path: Path, settings: Settings) -> list[float]:
    staged = stage(path, PRICES, settings)
    assert staged.manifest.rows_rejected == 0
    return clean_rows(staged)["price"].to_list()


def test_a_number_cell_among_german_texts_is_the_number_that_it_is(settings: Settings) -> None:
    path = workbook(settings.home / "prices.xlsx", [("article", "price"), *WRITTEN])
    assert prices(path, settings) == MEANT


def test_number_cells_are_told_below_title_rows_and_beside_a_margin(settings: Settings) -> None:
    rows = [("Prices",), (), (None, "article", "price"), *((None, *row) for row in WRITTEN)]
    assert prices(workbook(settings.home / "prices.xlsx", rows), settings) == MEANT


def test_number_cells_are_told_in_every_piece_of_a_sheet(settings: Settings) -> None:
    rows = [("article", "price"), *(WRITTEN * 40)]
    path = workbook(settings.home / "prices.xlsx", rows)
    small = settings.model_copy(update={"chunk_rows": 11})
    assert prices(path, small) == MEANT * 40


def test_number_cells_are_told_in_a_workbook_read_row_by_row(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(book, "_GRID_SHARE", 0)
    path = workbook(settings.home / "prices.xlsx", [("article", "price"), *WRITTEN])
    assert prices(path, settings) == MEANT


def test_number_cells_of_an_open_document_are_told(settings: Settings) -> None:
    def cell(value: object) -> str:
        if isinstance(value, str):
            return f'<table:table-cell office:value-type="string"><text:p>{value}</text:p></table:table-cell>'
        shown = str(value).replace(".", ",")
        return f'<table:table-cell office:value-type="float" office:value="{value}"><text:p>{shown}</text:p></table:table-cell>'

    rows = "".join(
        f"<table:table-row>{''.join(map(cell, row))}</table:table-row>"
        for row in [("article", "price"), *WRITTEN]
    )
    names = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    content = (
        f"<office:document-content{names}><office:body><office:spreadsheet>"
        f'<table:table table:name="Prices">{rows}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    path = settings.home / "prices.ods"
    with ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
    assert prices(path, settings) == MEANT


def test_a_date_cell_among_texts_is_the_day_that_it_is(settings: Settings) -> None:
    days = Dataset("days", schema=model(name=str, day=date), clean={"day": clean.date("%Y-%d-%m")})
    rows = [("name", "day"), ("a", datetime(2024, 3, 2)), ("b", "2024-03-02")]  # noqa: DTZ001
    staged = stage(workbook(settings.home / "days.xlsx", rows), days, settings)
    assert clean_rows(staged)["day"].to_list() == [date(2024, 3, 2), date(2024, 2, 3)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("prices.ndjson", '{"article":"a","price":1.234}\n{"article":"b","price":"1.234"}\n'),
        ("prices.json", '[{"article":"a","price":1.234},{"article":"b","price":"1.234"}]'),
        ("listed.json", '[{"article":"a","price":1.234,"x":[1]},{"article":"b","price":"1.234","x":[2]}]'),
        ("broken.ndjson", '{"article":"a","price":1.234}\n{"article":\n{"article":"b","price":"1.234"}\n'),
    ],
)
def test_a_number_in_json_is_the_number_that_it_is(settings: Settings, name: str, text: str) -> None:
    path = settings.home / name
    path.write_text(text, encoding="utf-8")
    staged = stage(path, PRICES, settings)
    assert clean_rows(staged)["price"].to_list() == [1.234, 1234.0]


def test_a_number_within_an_object_in_json_is_the_number_that_it_is(settings: Settings) -> None:
    nested = Dataset(
        "nested",
        schema=model(**{"data.value": float}),
        clean={"data.value": clean.number(decimal=",", thousands=".")},
    )
    path = settings.home / "nested.ndjson"
    path.write_text('{"data":{"value":2.500}}\n{"data":{"value":"2.500"}}\n', encoding="utf-8")
    assert clean_rows(stage(path, nested, settings))["data.value"].to_list() == [2.5, 2500.0]


def test_a_text_file_holds_nothing_but_texts(settings: Settings) -> None:
    path = settings.home / "prices.csv"
    pl.DataFrame({"article": ["a"], "price": ["1.234"]}).write_csv(path)
    assert prices(path, settings) == [1234.0]
