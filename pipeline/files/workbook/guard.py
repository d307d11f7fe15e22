"""What an archive may expand to.

What belongs here: judging a zip by its directory, before anything is expanded. What does not: reading its parts.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

from pipeline.files.problems import UnreadableFile

MB = 1024 * 1024
_BOMB_BYTES, _BOMB_RATIO = 256 * MB, 250
_BLOCK = MB


def refuse_bombs(path: Path, archive: zipfile.ZipFile) -> None:
    """Raises UnreadableFile `too_large` for a part that says it expands to a size that no workbook has, zipfile.BadZipFile for
    one that says it begins before the file."""
    for part in archive.infolist():
        if part.header_offset < 0:
            raise zipfile.BadZipFile(f"its part {part.filename!r} lies outside the file")
        if part.file_size > _BOMB_BYTES and part.file_size > _BOMB_RATIO * max(part.compress_size, 1):
            raise UnreadableFile(
                path,
                "too_large",
                f"its part {part.filename!r} expands {part.compress_size:,} bytes to {part.file_size:,}: "
                "it looks like an archive made to fill memory",
                "Open it in a spreadsheet program, save it again and send that",
            )


def verify(path: Path, archive: zipfile.ZipFile) -> None:
    """Expand every part once, holding none, so that a library that trusts the archive can be given it.

    Raises:
        UnreadableFile: `damaged`: a part is not what the directory says (longer ones too).
    """
    for part in archive.infolist():
        try:
            with archive.open(part) as file:
                while file.read(_BLOCK):
                    pass
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise damaged_workbook(path, error) from error


def too_large(path: Path, needs: int, memory_mb: int, save_as: str) -> UnreadableFile:
    """The problem of a workbook whose values do not fit into memory, where they can only be read at once."""
    return UnreadableFile(
        path,
        "too_large",
        f"reading it takes about {max(1, needs // MB):,} MB of memory, and the run may use {memory_mb:,} MB",
        f"Save it as {save_as} and send that, or raise PIPELINE_MEMORY_MB",
    )


def damaged_workbook(path: Path, error: BaseException) -> UnreadableFile:
    """The problem of a workbook that cannot be read."""
    return UnreadableFile(
        path,
        "damaged",
        f"the workbook is cut off or garbled ({str(error).splitlines()[0] if str(error) else type(error).__name__})",
        "Open it in a spreadsheet program, save it again and send that",
    )
