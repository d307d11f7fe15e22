"""Fixtures that several rooms' tests share. What does not belong here: helpers of one room."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

from pipeline.settings import Settings

# The same examples in every run: a test that fails, fails for everyone. `HYPOTHESIS_PROFILE=search` looks for new ones.
hypothesis_settings.register_profile("default", derandomize=True, deadline=None, max_examples=60)
hypothesis_settings.register_profile("search", derandomize=False, deadline=None, max_examples=2_000)
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


_LONGEST_FIRST = ("product/test_readme.py", "product/test_dev.py", "product/test_killed.py", "product/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, so that of several workers none is left with one of them at the end."""

    def place(item: pytest.Item) -> int:
        path = item.path.as_posix()
        return next((n for n, part in enumerate(_LONGEST_FIRST) if part in path), len(_LONGEST_FIRST))

    items.sort(key=place)


@pytest.fixture(autouse=True)
def _no_outside_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests see no PIPELINE_ or DAGSTER_ variable of the person who runs them."""
    for name in list(os.environ):
        if name.startswith("PIPELINE_") or name == "DAGSTER_HOME":
            monkeypatch.delenv(name)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty PIPELINE_HOME."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def settings(home: Path) -> Settings:
    """Settings over an empty home; files are taken at once."""
    return Settings(home=home, settle_seconds=0)


@pytest.fixture(scope="session")
def shared_data() -> Iterator[Path]:
    """The folder with real files nobody here wrote: WINDROW_SHARED_DATA, or ../shared/data beside the checkout."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("WINDROW_SHARED_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"no real files at {folder}: set WINDROW_SHARED_DATA to the folder that holds them")
    yield folder
