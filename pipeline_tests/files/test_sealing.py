"""Files sealed to a public key."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from pipeline.files.sealing import KeyProblem, identities_of, new_keys, recipients_of, seal, unseal


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return tmp_path / "key.txt"


@pytest.mark.parametrize("size", [0, 1, 65_536, 1_000_003])
def test_what_was_sealed_opens_with_the_private_key_alone(tmp_path: Path, key: Path, size: int) -> None:
    public = new_keys(key)
    file, sealed, opened = (tmp_path / name for name in ("file", "below/file.age", "opened"))
    file.write_bytes(os.urandom(size))
    seal(file, sealed, recipients_of(public))
    assert sealed.read_bytes().startswith(b"age-encryption.org/v1\n")
    unseal(sealed, opened, identities_of(key))
    assert opened.read_bytes() == file.read_bytes()
    assert opened.stat().st_mode & 0o077 == 0
    other = tmp_path / "other.txt"
    new_keys(other)
    with pytest.raises(KeyProblem, match=r"file\.age was sealed to another key"):
        unseal(sealed, tmp_path / "again", identities_of(other))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "below",
        "file",
        "key.txt",
        "opened",
        "other.txt",
    ]


def test_each_of_several_keys_opens(tmp_path: Path, key: Path) -> None:
    second = tmp_path / "second.txt"
    given = f"{new_keys(key)}, {new_keys(second)}"
    file, sealed = tmp_path / "file", tmp_path / "sealed"
    file.write_text("text")
    seal(file, sealed, recipients_of(given))
    for one in (key, second):
        unseal(sealed, file, identities_of(one))
        assert file.read_text() == "text"


def test_a_sealed_file_that_is_cut_short_is_not_opened(tmp_path: Path, key: Path) -> None:
    file, sealed = tmp_path / "file", tmp_path / "sealed"
    file.write_bytes(os.urandom(200_000))
    seal(file, sealed, recipients_of(new_keys(key)))
    sealed.write_bytes(sealed.read_bytes()[:100_000])
    with pytest.raises(OSError, match="cannot be opened"):
        unseal(sealed, tmp_path / "opened", identities_of(key))
    assert not (tmp_path / "opened").exists()


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "no public key is given"),
        (" , ", "no public key is given"),
        ("age1xyz", "'age1xyz' is no public key"),
        ("AGE-SECRET-KEY-1QQQ", "it is a private key"),
    ],
)
def test_a_public_key_that_is_none(text: str, cause: str) -> None:
    with pytest.raises(KeyProblem, match=cause) as caught:
        recipients_of(text)
    assert "1QQQ" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (None, "cannot be read"),
        ("", "holds no key"),
        ("# a note\n", "holds no key"),
        ("AGE-SECRET-KEY-1X\n", "no private key"),
    ],
)
def test_a_private_key_that_is_none(key: Path, content: str | None, cause: str) -> None:
    if content is not None:
        key.write_text(content)
    with pytest.raises(KeyProblem, match=cause) as caught:
        identities_of(key)
    assert "SECRET-KEY-1X" not in str(caught.value)


def test_a_new_key_is_for_its_owner_alone_and_writes_over_nothing(key: Path) -> None:
    public = new_keys(key)
    assert re.fullmatch(rf"# public key: {public}\nAGE-SECRET-KEY-1[0-9A-Z]+\n", key.read_text())
    assert key.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        new_keys(key)
