"""Every setting, typed, in one place; the only module that reads the environment.

What belongs here: settings, their defaults, and the paths that follow from `PIPELINE_HOME`.
What does not: anything about one dataset (its contract says that) and anything that opens a file.
"""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

HASH_KEYS_VARIABLE = "PIPELINE_HASH_KEYS"
RECIPIENT_VARIABLE = "PIPELINE_ARCHIVE_RECIPIENT"
IDENTITY_VARIABLE = "PIPELINE_ARCHIVE_IDENTITY"
TELL_VARIABLE = "PIPELINE_TELL"


class Settings(BaseSettings):
    """What a user can set, read from `PIPELINE_…` variables; frozen once made.

    Attributes:
        home: folder that holds inbox, warehouse and the rest; absolute after loading.
        datasets: extra places with dataset modules (importable modules or folders of .py files).
        memory_mb: memory budget of one run, in MiB.
        chunk_rows: target rows of one chunk; a chunk is the unit that is cleaned and validated.
        max_file_mb: a larger file is quarantined, in MiB.
        settle_seconds: a file is taken once its size and times have stood still this long.
        hash_keys: keys of `clean.hash(name)`: `name=key` of each, parted by commas. A key is a random text of 32 characters or
            more, without commas and blanks (`openssl rand -hex 32`). Never shown, and part of no fingerprint.
        archive_recipient: public keys of age (age1…), parted by commas, that the originals of datasets with `archive="encrypt"` are
            sealed to.
        archive_identity: path of the file with the private key; needed only while such originals are read again.
        tell: who is told of quarantined files, failed runs and files that did not come: addresses parted by blanks, smtp:// for
            e-mail, https:// for a webhook. Never shown.
    """

    model_config = SettingsConfigDict(env_prefix="PIPELINE_", frozen=True, extra="ignore")

    home: Path = Field(default=Path("data"), description="folder that holds inbox, warehouse and the rest")
    datasets: str = Field(
        default="", description=f"extra places with dataset modules, separated by `{os.pathsep}`"
    )
    memory_mb: int = Field(default=1024, ge=256, description="memory budget of one run, in MiB")
    chunk_rows: int = Field(default=100_000, ge=1, description="target rows of one chunk")
    max_file_mb: int = Field(default=100_000, ge=1, description="a larger file is quarantined, in MiB")
    settle_seconds: float = Field(
        default=2.0, ge=0, description="a file is taken once it has stood still this long"
    )

    hash_keys: SecretStr = Field(default=SecretStr(""), description="keys of `clean.hash`: `name=key,…`")
    archive_recipient: str = Field(default="", description="public key that archived originals are sealed to")
    archive_identity: str = Field(
        default="", description="file with the private key, while sealed originals are read again"
    )
    tell: SecretStr = Field(
        default=SecretStr(""), description="who is told of what goes wrong: smtp:// and https:// addresses"
    )

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        try:
            return home.expanduser().resolve()
        except (RuntimeError, OSError) as error:  # nobody of that name, links in a circle
            raise ValueError(f"it leads nowhere: {error}") from error

    @property
    def dataset_places(self) -> tuple[str, ...]:
        """`datasets` split at the path separator, empty parts dropped."""
        return tuple(place for place in self.datasets.split(os.pathsep) if place.strip())

    def hash_key(self, name: str) -> bytes | None:
        """The key called `name`, or None; raises ValueError where the setting is not written as `name=key,…`."""
        pairs = [part.partition("=") for part in self.hash_keys.get_secret_value().split(",") if part.strip()]
        if any(not sign or not known.strip() for known, sign, _ in pairs):
            raise ValueError(f"{HASH_KEYS_VARIABLE} holds a part that is not name=key")
        found = {known.strip(): key.strip() for known, _, key in pairs}
        return found[name].encode() if name in found else None

    @property
    def warehouse(self) -> Path:
        """The DuckDB file."""
        return self.home / "warehouse.duckdb"

    @property
    def inbox(self) -> Path:
        """The watched folder; one folder per dataset below it."""
        return self.home / "inbox"

    @property
    def staging(self) -> Path:
        """Staged Parquet, one folder per content and contract."""
        return self.home / "staging"

    @property
    def archive(self) -> Path:
        """Original files of committed deliveries, by dataset and day."""
        return self.home / "archive"

    @property
    def quarantine(self) -> Path:
        """Files that could not be loaded as a whole, each with its reason beside it."""
        return self.home / "quarantine"

    @property
    def published(self) -> Path:
        """What readers outside use without holding the warehouse."""
        return self.home / "published"

    @property
    def reports(self) -> Path:
        """One report per delivery."""
        return self.home / "reports"

    @property
    def told(self) -> Path:
        """What somebody was told of, and is to be told."""
        return self.home / "told.json"

    @property
    def tells(self) -> bool:
        """Whether anybody is to be told of anything."""
        return bool(self.tell.get_secret_value().strip())


def load_settings() -> Settings:
    """Settings from the environment as it is now; raises `pydantic.ValidationError` naming a bad one."""
    return Settings()


def relative_home() -> str | None:
    """How the home depends on the folder that one is in, in words; None where it does not."""
    given = os.environ.get("PIPELINE_HOME")
    if given is None:
        return f"PIPELINE_HOME is not set: {str(Settings.model_fields['home'].default)!r} in this folder"
    return None if Path(given).expanduser().is_absolute() else f"PIPELINE_HOME is relative: {given!r}"


def dagster_environment() -> dict[str, str]:
    """Environment for a Dagster process: this one's, with DAGSTER_HOME on the checkout where none is set.

    Without a dagster.yaml in the working folder Dagster is left to its temporary instance.
    """
    environment = dict(os.environ)
    if not environment.get("DAGSTER_HOME") and Path("dagster.yaml").exists():
        environment["DAGSTER_HOME"] = str(Path.cwd())
    return environment


def frugal_environment() -> dict[str, str]:
    """Environment for a helper process that should keep to one core: this one's, with one thread for polars."""
    return os.environ | {"POLARS_MAX_THREADS": "1"}


def pager(*, wide: bool) -> tuple[list[str], dict[str, str]] | None:
    """The command that shows what is longer than the terminal, with its environment: `PAGER`; `less` where that is not set and there is
    one. None where `PAGER` is empty or `cat`.

    Args:
        wide: for lines that are longer than the terminal is wide: they are not broken.
    """
    command = shlex.split(os.environ.get("PAGER", "less" if shutil.which("less") else ""))
    if not command or command == ["cat"]:
        return None
    return command, {"LESS": "FRSX" if wide else "FRX", **os.environ}


def is_quoted_by_shell() -> bool:
    """Whether the shell that asks for completions puts quotes or backslashes into them itself: bash does not, unless a quote is open."""
    if os.environ.get("_PIPELINE_COMPLETE") != "complete_bash":
        return True
    words, at = os.environ.get("COMP_WORDS", "").split("\n"), os.environ.get("COMP_CWORD", "")
    return at.isdecimal() and int(at) < len(words) and words[int(at)].startswith(("'", '"'))
