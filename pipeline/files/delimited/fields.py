"""One record at a time, exactly, in plain Python: for records that the fast parser does not understand.

What belongs here: splitting a record. What does not: finding where it ends (`scan`).
"""

from __future__ import annotations

import csv

from pipeline.files.delimited.scan import Marks


def split_records(texts: list[str], marks: Marks) -> list[list[str]]:
    """Fields of each of many records whose quotes are in order: as `split_record`, and faster."""
    delimiter = chr(marks.delimiter)
    quote = chr(marks.quote) if marks.quote is not None else ""
    fields = [text.split(delimiter) for text in texts]
    held = [number for number, text in enumerate(texts) if quote in text] if quote else []
    if not held:
        return fields
    quoted = [texts[number] for number in held]
    try:
        rows = list(csv.reader(iter(quoted), delimiter=delimiter, quotechar=quote))
    except csv.Error:
        rows = []
    if len(rows) != len(quoted):
        rows = [split_record(text, marks) for text in quoted]
    for number, row in zip(held, rows, strict=True):
        fields[number] = row
    return fields


def split_record(text: str, marks: Marks) -> list[str]:
    """Fields of one record. A quote inside an unquoted field, and all after a closing quote, are ordinary characters; a
    quote that never closes is one too."""
    delimiter = chr(marks.delimiter)
    quote = chr(marks.quote) if marks.quote is not None else ""
    if not quote or quote not in text:
        return text.split(delimiter)
    fields: list[str] = []
    position = 0
    while True:
        value, position = _field(text, position, delimiter, quote)
        fields.append(value)
        if position >= len(text):
            return fields
        position += 1


def _field(text: str, position: int, delimiter: str, quote: str) -> tuple[str, int]:
    """(value, position of the delimiter after it)."""
    closing = _closing(text, position + 1, quote) if text.startswith(quote, position) else -1
    rest_from = closing + 1 if closing >= 0 else position
    end = text.find(delimiter, rest_from)
    end = len(text) if end < 0 else end
    rest = text[rest_from:end]
    if closing < 0:
        return rest, end
    value = text[position + 1 : closing].replace(quote * 2, quote)
    return (value + rest if rest.strip(" ") else value), end


def _closing(text: str, position: int, quote: str) -> int:
    """Where the quote that opened before `position` closes, or -1."""
    while (position := text.find(quote, position)) >= 0:
        if not text.startswith(quote, position + 1):
            return position
        position += 2
    return -1
