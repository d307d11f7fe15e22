"""JSON, Parquet, Arrow and Avro: types and keys that a library reads wrongly, panics at, or loses without a word."""

from __future__ import annotations

import json
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import fastavro
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.files import UnreadableFile, open_table
from pipeline.files.dump import dump
from pipeline.files.table import ROW

CASES = Path(__file__).parent
_MOMENT = datetime(2024, 1, 1, 2, 3, 4, 567891)  # noqa: DTZ001  (as the file has it)


def _frame(path: Path) -> pl.DataFrame:
    return pl.concat([chunk.drop(ROW) for chunk in open_table(path).chunks()])


def _rows(path: Path) -> list[tuple[Any, ...]]:
    return _frame(path).rows()


def _parquet(folder: Path, **columns: pa.Array) -> Path:
    path = folder / "a.parquet"
    pq.write_table(pa.table(columns), path)
    return path


def _arrow(folder: Path, **columns: pa.Array) -> Path:
    path = folder / "a.feather"
    table = pa.table(columns)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return path


def _ndjson(folder: Path, *lines: str) -> Path:
    path = folder / "a.ndjson"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_int96_times_outside_of_what_nanoseconds_hold() -> None:
    assert _rows(CASES / "p1-int96" / "int96.parquet") == [
        (1, _MOMENT),
        (2, datetime(1500, 1, 1)),  # noqa: DTZ001
        (3, datetime(9999, 12, 31)),  # noqa: DTZ001
    ]


def _int96(folder: Path, times: list[Any]) -> Path:
    path = folder / "int96.parquet"
    column = pa.array(times, pa.timestamp("ns"))
    pq.write_table(pa.table({"at": column}), path, use_deprecated_int96_timestamps=True)
    return path


def test_int96_times_keep_their_nanoseconds(tmp_path: Path) -> None:
    found = _frame(_int96(tmp_path, [1, None, 1_700_000_000_123_456_789]))
    assert found["at"].dt.timestamp("ns").to_list() == [1, None, 1_700_000_000_123_456_789]


def test_int96_within_lists(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    column = pa.array([[0, 1_000_000]], pa.list_(pa.timestamp("ns")))
    pq.write_table(pa.table({"at": column}), path, use_deprecated_int96_timestamps=True)
    assert _rows(path) == [('["1970-01-01 00:00:00","1970-01-01 00:00:00.001"]',)]


def test_seconds_beyond_the_years_of_milliseconds_are_not_wrapped(tmp_path: Path) -> None:
    found = _rows(_arrow(tmp_path, at=pa.array([0, 2**62], pa.timestamp("s"))))
    assert found == [("1970-01-01 00:00:00",), ("<value out of range: 4611686018427387904>",)]


@pytest.mark.parametrize("zone", ["+05:30", "-02:15", "Z", "UTC+2", "+01:00", "Europe/Berlin", "utc", "EST"])
@pytest.mark.parametrize("write", [_parquet, _arrow])
def test_zones_of_any_kind_are_the_moment(tmp_path: Path, zone: str, write: Any) -> None:
    path = write(tmp_path, at=pa.array([0, None], pa.timestamp("us", zone)))
    moments = _frame(path)["at"].dt.convert_time_zone("UTC").to_list()
    assert moments == [datetime(1970, 1, 1, tzinfo=UTC), None]


def test_the_offset_file_of_the_case() -> None:
    table = open_table(CASES / "p2-offset-zones" / "tz_+0530.parquet")
    zoned = [dtype for dtype in next(table.chunks()).dtypes if isinstance(dtype, pl.Datetime)]
    assert [dtype.time_zone for dtype in zoned] == ["UTC"]


@pytest.mark.parametrize("write", [_parquet, _arrow])
@pytest.mark.parametrize(
    ("column", "text"),
    [
        (pa.array([[b"a", b"b"], None, []]), ['["YQ==","Yg=="]', None, "[]"]),
        (pa.array([[b"ab"], [None]], pa.list_(pa.binary(2))), ['["YWI="]', "[null]"]),
        (pa.array([[{"a": 1, "b": b"x"}]]), ['[{"a":1,"b":"eA=="}]']),
        (pa.array([[("k", b"v")]], pa.map_(pa.string(), pa.binary())), ['{"k":"dg=="}']),
        (pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64())), ['{"a":1}', None]),
        (pa.array([[(1, "x"), (2, None)]], pa.map_(pa.int64(), pa.string())), ['[[1,"x"],[2,null]]']),
        (pa.array([[0]], pa.list_(pa.timestamp("us", "+05:30"))), ['["1970-01-01T00:00:00+00:00"]']),
        (pa.array([[Decimal("1" * 50)]], pa.list_(pa.decimal256(60, 0))), [f'["{"1" * 50}"]']),
        (pa.array([[timedelta(seconds=1)]]), ['["PT1S"]']),
        (pa.array([[1.5, float("nan"), None]]), ["[1.5,null,null]"]),
    ],
)
def test_nested_values_are_json_text(
    tmp_path: Path, column: pa.Array, text: list[str | None], write: Any
) -> None:
    assert [row[0] for row in _rows(write(tmp_path, x=column))] == text


def test_binary_in_lists_of_the_case() -> None:
    assert [row[-1] for row in _rows(CASES / "p3-binary-in-lists" / "listbin.parquet")] == [
        '["YQ==","Yg=="]', '["Yw=="]'
    ]  # fmt: skip


def test_decimals_of_more_digits_than_a_dtype_are_text() -> None:
    found = _frame(CASES / "p3-binary-in-lists" / "dec256.parquet")
    stored = pq.read_table(CASES / "p3-binary-in-lists" / "dec256.parquet")
    [wide] = [field.name for field in stored.schema if getattr(field.type, "precision", 0) > 38]
    assert found[wide].to_list() == [
        None if value is None else f"{value:f}" for value in stored[wide].to_pylist()
    ]


@pytest.mark.parametrize(
    ("column", "found"),
    [
        (pa.array([Decimal("1.25")], pa.decimal256(30, 2)), Decimal("1.25")),
        (pa.array([Decimal(1200)], pa.decimal128(5, -2)), Decimal(1200)),
        (pa.array([(1, 2, 3)], pa.month_day_nano_interval()), "P1M2DT0.000000003S"),
        (pa.array(["a"]).dictionary_encode(), "a"),
        (pa.array([b"a"]).dictionary_encode(), b"a"),
        (pa.RunEndEncodedArray.from_arrays([1], ["a"]), "a"),
        (pa.array([[1, 2]], pa.list_view(pa.int64())), "[1,2]"),
        (pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1], pa.int8())), True),
        (pa.UnionArray.from_sparse(pa.array([1], pa.int8()), [pa.array([1]), pa.array(["a"])]), "a"),
        (
            pa.ExtensionArray.from_storage(pa.uuid(), pa.array([bytes(16)], pa.binary(16))),
            str(UUID(int=0)),
        ),
    ],
)
def test_types_that_the_frame_library_does_not_know(tmp_path: Path, column: pa.Array, found: object) -> None:
    assert _rows(_arrow(tmp_path, x=column)) == [(found,)]


def test_a_field_of_a_struct_with_the_name_of_another_is_kept(tmp_path: Path) -> None:
    column = pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], ["t", "t"])
    assert _frame(_arrow(tmp_path, x=column)).to_dicts() == [{"x.t": 1, "x.t_2": 2}]


def test_values_that_no_text_can_be_made_of_name_their_column(tmp_path: Path) -> None:
    far = pa.array(
        [[{"t": 2**60, "b": b"x"}]], pa.list_(pa.struct({"t": pa.timestamp("ms"), "b": pa.binary()}))
    )
    table = open_table(_arrow(tmp_path, odd=far))
    with pytest.raises(UnreadableFile, match="column 'odd' of type list") as caught:
        list(table.chunks())
    assert caught.value.code == "unsupported"


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("p4-dump-of-maps/map.parquet", ['1,"{""a"":1}"', '2,"{""b"":2,""c"":3}"']),
        ("p4-dump-of-maps/dur.parquet", ["1,P2DT3H", "2,-PT5S"]),
    ],
)
def test_the_dump_writes_every_type(tmp_path: Path, name: str, lines: list[str]) -> None:
    done = dump(CASES / name, tmp_path / "table.csv")
    assert done.problem is None
    assert (tmp_path / "table.csv").read_text().splitlines()[1:] == lines


def test_the_dump_writes_times_bytes_and_structs(tmp_path: Path) -> None:
    path = _arrow(
        tmp_path,
        d=pa.array([date(2024, 1, 2)]),
        b=pa.array([b"\x01\xff"]),
        at=pa.array([0], pa.timestamp("us", "+05:30")),
        s=pa.array([{"m": [("k", 1)]}], pa.struct({"m": pa.map_(pa.string(), pa.int64())})),
        n=pa.nulls(1),
    )
    dump(path, tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_text() == (
        'd,b,at,s.m,n\n2024-01-02,01ff,1970-01-01T00:00:00+00:00,"{""k"":1}",\n'
    )


def test_a_dotted_key_beside_a_nested_one_is_rejected_and_named() -> None:
    table = open_table(CASES / "j1-dotted-keys" / "pathclash.json")
    assert table.columns == ("a.b",)
    assert [(reject.row, reject.check) for reject in table.rejects()] == [(1, "bad_json"), (2, "bad_json")]
    assert all("two values for the column 'a.b'" in reject.message for reject in table.rejects())


def test_only_the_records_with_a_clash_are_rejected(tmp_path: Path) -> None:
    path = _ndjson(tmp_path, '{"a":{"b":1}}', '{"a":{"b":{"c":1}},"a.b":{"c":2}}', '{"a.b":3,"a":4}')
    assert _frame(path).to_dicts() == [
        {"a.b": "1", "a.b.c": None, "a": None},
        {"a.b": "3", "a.b.c": None, "a": "4"},
    ]
    assert [reject.row for reject in open_table(path).rejects()] == [2]


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('{"a":1,"a":2}', "a"),
        ('{"a":1, "a" : 2}', "a"),
        ('{"a":1,"b":{"c":1,"c":"1"}}', "c"),
        ('{"a":1,"b":[{"d":1,"d":2}]}', "d"),
        ('{"a":1,"u":":x\\":","u":"y"}', "u"),
        ('{"a\\u0062":1,"ab":2}', "ab"),
        ('{"a":1\t,"a"\t:1.0}', "a"),
    ],
)
def test_a_key_that_stands_twice_is_not_swallowed(tmp_path: Path, line: str, key: str) -> None:
    path = _ndjson(tmp_path, '{"a":":","b":5}', line, '{"a":"x\\":y"}')
    [reject] = open_table(path).rejects()
    assert (reject.row, reject.check) == (2, "bad_json")
    assert f"two values for the key {key!r}" in reject.message
    assert [row[0] for row in _rows(path)] == [":", 'x":y']


def test_the_same_value_twice_is_told_and_kept(tmp_path: Path) -> None:
    table = open_table(_ndjson(tmp_path, '{"a":1,"a":1}', '{"a":2}'))
    [parsed] = [piece.parse() for piece in table.pieces()]
    assert parsed.frame["a"].to_list() == ["1", "2"]
    [repair] = parsed.repairs
    assert (repair.row, repair.check) == (1, "duplicate_key")


@pytest.mark.parametrize(
    ("kinds", "values", "found"),
    [
        (["long", "double"], [2**53 + 1, 1.5], [str(2**53 + 1), "1.5"]),
        (["null", "long", "double"], [2**62 + 1, None], [str(2**62 + 1), None]),
        (["int", "double"], [5, 1.5], [5.0, 1.5]),
        (["int", "long"], [5, 2**62 + 1], [5, 2**62 + 1]),
    ],
)
def test_whole_numbers_in_unions_keep_their_digits(
    tmp_path: Path, kinds: list[str], values: list[Any], found: list[Any]
) -> None:
    path = tmp_path / "a.avro"
    schema = {"type": "record", "name": "r", "fields": [{"name": "x", "type": kinds}]}
    with path.open("wb") as file:
        fastavro.writer(file, schema, [{"x": value} for value in values])
    assert [row[0] for row in _rows(path)] == found


def _seconds_of_cpu(path: Path, out: Path) -> float:
    began = time.process_time()
    assert dump(path, out).problem is None
    return time.process_time() - began


@pytest.mark.parametrize("kind", ["json", "csv"])
def test_the_work_grows_with_the_columns_and_not_with_their_square(tmp_path: Path, kind: str) -> None:
    def wide(columns: int) -> Path:
        path = tmp_path / f"wide{columns}.{kind}"
        names = [f"a{index}" for index in range(columns)]
        nested = {name: {"b": index} for index, name in enumerate(names)}
        text = json.dumps(nested) if kind == "json" else ",".join(names) + "\n" + ",".join(names) + "\n"
        path.write_text(text)
        return path

    small, large = wide(4_000), wide(16_000)
    # Four times the columns: four times the work and some, where the square would be sixteen times.
    assert _seconds_of_cpu(large, tmp_path / "out") < 9 * _seconds_of_cpu(small, tmp_path / "out") + 0.5


@pytest.mark.parametrize("name", ["a.parquet", "a.feather"])
def test_records_without_a_column_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    table = pa.table({"x": [1, 2]}).select([])
    if name.endswith("parquet"):
        pq.write_table(table, path)
    else:
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
    with pytest.raises(UnreadableFile, match="not one column") as caught:
        open_table(path)
    assert caught.value.code == "damaged"


def test_a_row_group_that_holds_fewer_records_than_it_announces_is_damage() -> None:
    table = open_table(CASES / "p5-announced-rows" / "garbled.parquet")
    with pytest.raises(UnreadableFile, match="are announced") as caught:
        list(table.chunks())
    assert caught.value.code == "damaged"
