"""Files that only the holder of a private key can read: the age format (age-encryption.org).

What belongs here: sealing a file to public keys, opening it again, making a pair of keys. What does not: which files are sealed, and
where keys come from (intake, settings).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.files.leftovers import half_made, put_in_place

SEALED = ".age"
"""Ending of a sealed file's name."""


class KeyProblem(ValueError):
    """A key that cannot be used; the text says what is wrong with it and never holds a private key."""


def recipients_of(text: str) -> list[Any]:
    """Public keys, parted by commas or blanks.

    Raises:
        KeyProblem: there is none, or one is none.
    """
    import pyrage

    words = text.replace(",", " ").split()
    if not words:
        raise KeyProblem("no public key is given")
    found = []
    for word in words:
        try:
            found.append(pyrage.x25519.Recipient.from_str(word))
        except pyrage.RecipientError as error:
            if word.upper().startswith("AGE-SECRET-KEY"):
                raise KeyProblem("it is a private key: give the public one, age1…") from None
            raise KeyProblem(f"{word!r} is no public key of age (age1…): {error}") from error
    return found


def identities_of(path: Path) -> list[Any]:
    """The private keys in a file: a line each; those that begin with # say nothing.

    Raises:
        KeyProblem: there is no such file, or it holds no key.
    """
    import pyrage

    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise KeyProblem(f"{path} cannot be read ({error})") from error
    keys = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not keys:
        raise KeyProblem(f"{path} holds no key")
    try:
        return [pyrage.x25519.Identity.from_str(key) for key in keys]
    except pyrage.IdentityError:
        raise KeyProblem(f"{path} holds a line that is no private key of age (AGE-SECRET-KEY-…)") from None


def new_keys(path: Path) -> str:
    """Write a new private key to `path`, for its owner alone; returns the public one.

    Raises:
        FileExistsError: there is such a file; it is not written over.
    """
    import pyrage

    identity = pyrage.x25519.Identity.generate()
    public = str(identity.to_public())
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"# public key: {public}\n{identity}\n")
    return public


def seal(path: Path, target: Path, recipients: Sequence[Any]) -> None:
    """Write `path` to `target`, sealed; block by block, whatever its size. On disk when it returns; `target` is whole or not there.

    Raises:
        OSError: it cannot be read or written.
    """
    import pyrage

    target.parent.mkdir(parents=True, exist_ok=True)
    part = half_made(target.parent)
    try:
        pyrage.encrypt_file(str(path), str(part), list(recipients))
        with part.open("rb+") as written:
            os.fsync(written.fileno())
        put_in_place(part, target)
    except pyrage.EncryptError as error:
        raise OSError(f"{path} cannot be sealed into {target.parent}: {error}") from error
    finally:
        part.unlink(missing_ok=True)


def unseal(path: Path, target: Path, identities: Sequence[Any]) -> None:
    """Write what is sealed in `path` to `target`, which its owner alone can read; it is whole or not there.

    Raises:
        KeyProblem: none of the keys opens it. OSError: it is damaged, or cannot be read or written.
    """
    import pyrage

    part = half_made(target.parent)
    part.touch(mode=0o600, exist_ok=False)
    try:
        pyrage.decrypt_file(str(path), str(part), list(identities))
        part.replace(target)
    except pyrage.DecryptError as error:
        raise KeyProblem(f"{path.name} was sealed to another key, or is damaged: {error}") from error
    except OSError as error:
        raise OSError(f"{path} cannot be opened: {error}") from error
    finally:
        part.unlink(missing_ok=True)
