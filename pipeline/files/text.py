"""Text in any encoding as bytes in which line ends, delimiters and quotes are ASCII.

What belongs here: the encoding of a file, and the verdict on all of it. What does not: records, and the evidence for an
encoding (`guess`, `wide`).

UTF-8 and encodings in which each byte is a character are cut as they are (an ASCII byte always means itself) and turned
into UTF-8 piece by piece, in the parsing thread. All others are transcoded while they are read: there the second byte of a
character may look like a delimiter, or a byte may be no character at all.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path

from pipeline.files.encoding.decode import (
    MARK,
    PIECEWISE,
    Transcoded,
    Undecodable,
    before_marked,
    count_marked,
    count_utf8,
    decoded,
    is_utf8,
    to_text,
    to_utf8,
    usual_name,
)
from pipeline.files.encoding.guess import fields_beyond_ascii, guess
from pipeline.files.encoding.wide import byte_order_mark, escaped, is_binary, wide
from pipeline.files.problems import UnreadableFile
from pipeline.files.streams import ByteStream, open_stream

__all__ = [
    "TextSource",
    "Undecodable",
    "count_utf8",
    "decide",
    "detect",
    "is_utf8",
    "read_sample",
    "to_text",
    "to_utf8",
]

_SAMPLE = 256 * 1024
_LONGEST_HEADER = 4 * _SAMPLE
_LONGEST_COMMENTS = 64 * _SAMPLE
_FEW_LINES = 20
_SCAN = 4 * 1024 * 1024
_TWO, _SURE, _FAR = 2, 3, 2
_PLENTY, _VERY_FAR = 100_000, 4
_EVIDENCE = 64 * 1024


@dataclass(frozen=True)
class TextSource:
    """A text file and how to read it.

    Attributes:
        path: the file.
        compression: gz, zst, bz2, xz or None.
        encoding: Python's name of it.
        bom: bytes of byte order mark to leave out.
    """

    path: Path
    compression: str | None
    encoding: str
    bom: int = 0

    @property
    def transcoded(self) -> bool:
        """Whether `open` gives UTF-8 though the file is in something else."""
        return self.encoding not in PIECEWISE

    @property
    def piece_encoding(self) -> str:
        """Encoding of the bytes that `open` gives."""
        return "utf-8" if self.transcoded else self.encoding

    def open(self) -> ByteStream:
        """The text after the byte order mark: as it is, or as UTF-8 if `transcoded`. Raises OSError."""
        stream = open_stream(self.path, self.compression)
        stream.read(self.bom)
        return Transcoded(stream, self.encoding) if self.transcoded else stream

    def undecodable(self, stream: ByteStream, data: bytes, offset: int, line: int) -> Undecodable | None:
        """The file's first undecodable byte, for who cuts it and meets the first bytes that are not valid.

        Args:
            stream: what `open` gave.
            data: bytes of it, of which all before were valid; `offset` bytes of text lie before (-1: unknown: then the file is
                read once more, up to the byte), and it starts on `line`.

        Raises:
            OSError. UnreadableFile: `damaged`.
        """
        if (
            offset < 0
            or self.piece_encoding != "utf-8"
            or self.transcoded is not isinstance(stream, Transcoded)
        ):
            return self.first_bad()
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as error:
            line += data.count(b"\n", 0, error.start) or data.count(b"\r", 0, error.start)
            if isinstance(stream, Transcoded) and stream.first_bad is not None:
                at, byte = stream.first_bad
            else:
                at, byte = offset + error.start, data[error.start]
            return Undecodable(line, self.bom + at, byte)
        return None

    def first_bad(self) -> Undecodable | None:
        """The file's first undecodable byte, by reading up to it. Raises OSError, UnreadableFile `damaged`."""
        if self.encoding in PIECEWISE and self.encoding != "utf-8":
            return None
        line_feeds = returns = 0
        decoder = codecs.getincrementaldecoder(self.encoding)(MARK)
        with open_stream(self.path, self.compression) as stream:
            done = len(stream.read(self.bom))
            while True:
                data = stream.read(_SCAN)
                done += len(data)
                text, bad = decoded(decoder, data, not data)
                text = text if bad is None else before_marked(text)
                line_feeds, returns = line_feeds + text.count("\n"), returns + text.count("\r")
                if bad is not None:
                    return Undecodable((line_feeds or returns) + 1, done - bad[0], bad[1])
                if not data:
                    return None


def read_sample(
    path: Path, compression: str | None, given: str | None = None
) -> tuple[TextSource, bytes, bool]:
    """(source, first bytes of its text with a whole line at least, whether that is all of it). Comments on top do not count, up to
    a size. Raises as `detect`, OSError."""
    size = _SAMPLE
    while True:
        with open_stream(path, compression) as stream:
            source = detect(path, compression, stream.read(size), given)
        with source.open() as stream:
            sample = stream.read(size)
            whole = len(sample) < size or not stream.read(1)
        has_line, has_table = b"\n" in sample or b"\r" in sample, not _is_all_comments(sample)
        if whole or (has_line and has_table) or size >= (_LONGEST_HEADER if has_table else _LONGEST_COMMENTS):
            return source, sample, whole
        size *= 4


def _is_all_comments(sample: bytes) -> bool:
    """Whether each of its whole lines begins with `#`, and there are more than a few: then the table begins below."""
    lines = sample.splitlines()[:-1]
    return len(lines) > _FEW_LINES and all(line.startswith(b"#") for line in lines if line.strip())


def detect(path: Path, compression: str | None, sample: bytes, given: str | None = None) -> TextSource:
    """The encoding of a text file by its first bytes, and by all of it where those leave a doubt.

    Args:
        given: the encoding, where it is known: then the sample is only held against it.

    Raises:
        UnreadableFile: `not_what_it_says`: it is no text. `damaged`: it is compressed and cut off. `undecodable`: it is not
            in the encoding given.
    """
    if given is not None:
        return _given(path, compression, sample, usual_name(given))
    if mark := byte_order_mark(sample):
        return TextSource(path, compression, *mark)
    if unmistakable := wide(sample) or escaped(sample):
        return TextSource(path, compression, unmistakable)
    if is_binary(sample):
        raise UnreadableFile(
            path,
            "not_what_it_says",
            f"the file is named {path.suffix or 'without extension'} but holds binary data, not text",
            "Export it again as CSV, Excel, JSON lines or Parquet",
        )
    good, bad = count_utf8(sample)
    if bad == 0:
        return TextSource(path, compression, "utf-8")
    if bad < _SURE or bad < _FAR * good:
        return TextSource(path, compression, decide(path, compression))
    return TextSource(path, compression, guess(_fields(sample)))


def _fields(sample: bytes) -> list[bytes]:
    """The different fields of whole lines beyond ASCII; of what there is, if there is no whole line with any."""
    lines = sample[: max(sample.rfind(b"\n"), sample.rfind(b"\r")) + 1]
    return fields_beyond_ascii(lines) or fields_beyond_ascii(sample)


def _given(path: Path, compression: str | None, sample: bytes, encoding: str) -> TextSource:
    mark, bom = byte_order_mark(sample) or (None, 0)
    family = encoding.removesuffix("-le").removesuffix("-be").removesuffix("-sig")
    if family == "utf-8":
        encoding = family
    elif encoding == family and family in ("utf-16", "utf-32"):
        encoding = next(
            name for name in (mark, wide(sample), f"{family}-le") if name is not None and family in name
        )
    source = TextSource(path, compression, encoding, bom if mark in ("utf-8", encoding) else 0)
    try:
        text, first = decoded(codecs.getincrementaldecoder(encoding)(MARK), sample[source.bom :], False)
    except UnicodeError as error:
        raise _wrong(source, f"{encoding} is no encoding of files: {error}") from error
    good, bad = count_marked(text)
    if first is not None and bad > good and bad >= (_SURE if good else _TWO):
        before = before_marked(text)
        line = (before.count("\n") or before.count("\r")) + 1
        bad_byte = Undecodable(line, len(sample) - first[0], first[1])
        raise _wrong(
            source, f"it is not in {encoding}, as the dataset says: {bad_byte} is no character there"
        )
    return source


def _wrong(source: TextSource, cause: str) -> UnreadableFile:
    remedy = "Leave read.encoding out to have the encoding found, or correct it"
    return UnreadableFile(source.path, "undecodable", cause, remedy)


def decide(path: Path, compression: str | None) -> str:
    """Encoding of a file that is not all valid UTF-8, over all of its bytes: utf-8 if that explains most of it, else what
    most likely wrote the fields beyond ASCII. Raises OSError, UnreadableFile `damaged`."""
    good = bad = 0
    fields: list[bytes] = []
    with open_stream(path, compression) as stream:
        carry = b""
        while True:
            data = stream.read(_SCAN)
            data, final = carry + data, not data
            end = len(data) if final else max(data.rfind(b"\n"), data.rfind(b"\r")) + 1 or len(data)
            data, carry = data[:end], data[end:]
            more_good, more_bad = count_utf8(data)
            good, bad = good + more_good, bad + more_bad
            if more_bad and sum(map(len, fields)) < _EVIDENCE:
                fields += _evidence(data)
            if final or max(good, bad) > max(_PLENTY, _VERY_FAR * min(good, bad)):
                return "utf-8" if good > bad or not fields else guess(list(dict.fromkeys(fields)))


def _evidence(data: bytes) -> list[bytes]:
    """Fields from the line with the first undecodable byte on."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        start = max(data.rfind(b"\n", 0, error.start), data.rfind(b"\r", 0, error.start)) + 1
        return _fields(data[start : error.start + 2 * _EVIDENCE])
    return []
