"""What cannot be exported as it was asked for. What does not belong here: the export."""

from __future__ import annotations


class CannotExport(Exception):
    """The file cannot be written as it was asked for; names the file, the cause and the remedy."""
