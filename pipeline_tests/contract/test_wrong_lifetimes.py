"""Every mistake in how long a dataset waits for rows and keeps them is found when it is loaded, and named with dataset, field and
remedy. What is wrong elsewhere in a declaration: `test_wrong_declarations`, `test_wrong_windows`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandera.polars as pa
import pytest

from pipeline.contract import ContractError, Cumulative, Dataset, Session, Total, Tumbling


class Row(pa.DataFrameModel):
    id: int
    at: datetime


def _error(**fields: Any) -> ContractError:
    with pytest.raises(ContractError) as caught:
        Dataset(**{"name": "rows", "schema": Row, "event_time": "at"} | fields)
    return caught.value


WRONG: dict[str, tuple[dict[str, Any], str, str, str]] = {
    # what is wrong: (fields, field named, cause holds, remedy holds)
    "a policy that there is not": ({"late": "drop"}, "late", "'drop'", '"hold"'),
    "holding without lateness": ({"late": "hold"}, "late", "no lateness", 'lateness="2h"'),
    "publishing something else": ({"publish": "rows"}, "publish", "'rows'", '"windows"'),
    "publishing none": ({"publish": None}, "publish", "None", '"nothing"'),
    "a lateness that is no length": ({"lateness": "some"}, "lateness", "'some'", '"2d"'),
    "a lateness in months": ({"lateness": "1mo"}, "lateness", "'1mo'", '"2d"'),
    "a lateness that is a number": ({"lateness": 2}, "lateness", "2", '"2h"'),
    "an idle time that is none": ({"idle_after": None}, "idle_after", "None", '"1d"'),
    "an idle time that is no length": ({"idle_after": "long"}, "idle_after", "'long'", '"2d"'),
    "an age that is no length": ({"keep_rows": "for ever"}, "keep_rows", "'for ever'", '"2d"'),
    "an age that is a number": ({"keep_windows": 5}, "keep_windows", "5", '"5y"'),
    "a lateness without event time": (
        {"lateness": "2h", "event_time": None, "windows": []},
        "lateness",
        "event time",
        "event_time=",
    ),
    "an age of rows without event time": (
        {"keep_rows": "90d", "event_time": None, "windows": []},
        "keep_rows",
        "event time",
        "event_time=",
    ),
    "an age of windows without event time": (
        {"keep_windows": "5y", "event_time": None, "windows": []},
        "keep_windows",
        "event time",
        "event_time=",
    ),
    "a total of rows that go": (
        {"keep_rows": "90d", "windows": [Total("w")]},
        "keep_rows",
        "total 'w'",
        "1y",
    ),
    "rows that go before their window ends": (
        {"keep_rows": "12h", "windows": [Tumbling("w", every="1d")]},
        "keep_rows",
        "'w'",
        "Keep them for at least",
    ),
    "rows that go before their month ends": (
        {"keep_rows": "30d", "windows": [Tumbling("w", every="1mo")]},
        "keep_rows",
        "'w'",
        "Keep them for at least",
    ),
    "rows that go before their window is final": (
        {"keep_rows": "2d", "lateness": "36h", "windows": [Tumbling("w", every="1d")]},
        "keep_rows",
        "with the lateness",
        "Keep them for at least",
    ),
    "rows that go before their session may end": (
        {"keep_rows": "1d", "windows": [Session("w", gap="36h")]},
        "keep_rows",
        "'w'",
        "Keep them for at least",
    ),
    "rows that go before their period ends": (
        {"keep_rows": "60d", "windows": [Cumulative("w", period="1q", every="1d")]},
        "keep_rows",
        "'w'",
        "Keep them for at least",
    ),
    "windows that go before their rows": (
        {"keep_rows": "90d", "keep_windows": "1mo"},
        "keep_windows",
        "shorter than keep_rows",
        "outlive",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_lifetime_is_refused_by_name_field_cause_and_remedy(what: str) -> None:
    fields, field, cause, remedy = WRONG[what]
    error = _error(**({"windows": [Tumbling("w", every="1h")]} | fields))
    assert (error.dataset, error.field) == ("rows", field)
    assert cause in error.cause
    assert remedy in error.remedy


def test_rows_may_go_when_their_windows_are_final() -> None:
    kept = Dataset("rows", schema=Row, event_time="at", windows=[Tumbling("w", every="1d")], lateness="12h", late="hold",
                   idle_after="6h", publish="all", keep_rows="36h", keep_windows="5y")  # fmt: skip
    assert kept.allowed_lateness.total_seconds() == 12 * 3_600
