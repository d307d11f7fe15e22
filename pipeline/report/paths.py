"""Where reports are, and where the originals are that they point to.

What belongs here: names of files, and links between them. What does not: reading or writing them.
"""

from __future__ import annotations

import os
from itertools import takewhile
from pathlib import Path
from urllib.parse import quote

from pipeline.files import hash_file, unescape_key
from pipeline.files.filing import places
from pipeline.files.names import place_below, safe_name
from pipeline.intake import Intake
from pipeline.intake.originals import NO_DATASET, archive_folder, sealed_place
from pipeline.settings import Settings
from pipeline.warehouse import Entry

WINDOWS = "windows"
"""Folder of the windows' pages, beside those of deliveries."""
_OURS = ("html", "json", "xlsx")


def report_page(settings: Settings, dataset: str, delivery: str) -> Path:
    """`reports/<dataset>/<delivery>.html`; the JSON document has the same name with `.json`.

    No two deliveries share a name, see `safe_name`.
    """
    *folders, name = delivery.split("/")
    name = safe_name(name)
    above = list(map(_safe_folder, folders))
    if above and above[0].casefold() == WINDOWS:
        above[0] = f"%{ord(above[0][0]):02X}{above[0][1:]}"
    below = Path(*above, f"{'%69ndex' if name == 'index' else name}.html")
    return place_below(settings.reports / safe_name(dataset or NO_DATASET), below)


def workbook_of(page: Path) -> Path:
    """The workbook of a delivery's open errors, beside its page."""
    return page.with_suffix(".errors.xlsx")


def changes_of(page: Path) -> Path:
    """The workbook of what a correction did, beside its page."""
    return page.with_suffix(".changes.xlsx")


def window_page(settings: Settings, dataset: str, window: str) -> Path:
    """`reports/<dataset>/windows/<window>.html`; the workbook has the same name with `.xlsx`."""
    return settings.reports / safe_name(dataset) / WINDOWS / f"{safe_name(window)}.html"


def index_page(settings: Settings, dataset: str | None = None) -> Path:
    """The page over a dataset's deliveries, or over all datasets."""
    folder = settings.reports if dataset is None else settings.reports / safe_name(dataset or NO_DATASET)
    return folder / "index.html"


def link(page: Path, target: Path) -> str:
    """A relative address of `target` on `page`."""
    return quote(os.fsencode(os.path.relpath(target, page.parent)))


def original_of(intake: Intake, entry: Entry) -> Path | None:
    """The delivered file in the archive or the quarantine, told from others of its name by size and, where that does not tell, by
    content; None where it is not there any more."""
    settings = intake.settings
    if entry.status == "quarantined":
        folder = settings.quarantine / (entry.dataset or NO_DATASET)
    else:
        folder = archive_folder(intake, entry)
    place = place_below(folder, unescape_key(entry.delivery))
    sealed = sealed_place(place, entry.id)
    if sealed.is_file():
        return sealed
    found = [path for path in takewhile(Path.is_file, places(place)) if path.stat().st_size == entry.bytes]
    if len(found) > 1:
        found = [path for path in found if hash_file(path) == entry.sha256]
    return found[0] if found else None


def _safe_folder(part: str) -> str:
    """A folder must not be called as the report or a workbook of a file beside it might be."""
    text = safe_name(part)
    stem, dot, suffix = text.rpartition(".")
    return f"{stem}%2E{suffix}" if dot and suffix in _OURS else text
