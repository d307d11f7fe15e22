"""How well odd files are loaded with nothing given, scored as the public Pollock benchmark does.

What belongs here: the ten measures, and running readers over a folder of files (`csv/`) with what a loader should give
(`clean/`). What does not: making the files (`pollution`), peers (`pollock_peers`).

The ten measures of a file, each from 0 to 1 and added up: success; precision, recall and F1 of header cells, of records and of
cells. The score of a loader is their mean over the files ("simple"), or that weighted by how often the pollution occurs in
real files ("weighted").
"""

from __future__ import annotations

import csv
import re
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from benchmarks.other_tables import other_tables
from benchmarks.pollution import polluted_files, write_files
from benchmarks.pollution_more import more_files
from benchmarks.report import DATA, Report
from pipeline.files.dump import dump

SIMPLE, WEIGHTED, REAL = 9.9, 9.6, 9.3
_EVERY = 23
Loader = Callable[[Path, Path], None]
"""Loads a file and writes what it understood as plain CSV; an exception is a crash."""

_DATE = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})")
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
_PRICE = re.compile(r"([$€£])\s*(\d[\d,]*(?:\.\d+)?)")
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
csv.field_size_limit(sys.maxsize)


@dataclass(frozen=True)
class Scored:
    """A file's ten measures, added up."""

    name: str
    kind: str
    weight: float
    score: float
    failure: str = ""


def load_with_us(path: Path, out: Path) -> None:
    """Our reader, in this process."""
    dump(path, out)


def kind_of(name: str) -> str:
    """The kind of pollution, by a file's name."""
    return re.sub(r"^(row_[a-z_]*?)(?:\d+_col\d+|\d+_0x20)$", r"\1", name.removesuffix(".csv"))


def weights() -> dict[str, float]:
    """How often the pollution of each file occurs in real files; a file that is not named counts nothing."""
    return {file.name: file.weight for file in polluted_files()}


def score_folder(folder: Path, loader: Loader, names: Iterable[str] | None = None) -> list[Scored]:
    """The scores of the files under `folder`/csv that have a counterpart under `folder`/clean."""
    weigh = weights()
    chosen = sorted(names) if names is not None else sorted(path.name for path in (folder / "csv").iterdir())
    done = []
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "table.csv"
        for name in chosen:
            if not (folder / "clean" / name).exists():
                continue
            out.unlink(missing_ok=True)
            score, failure = 0.0, ""
            try:
                loader(folder / "csv" / name, out)
            except Exception as error:  # noqa: BLE001 - whatever a loader throws is a crash of it, and counted
                failure = f"{type(error).__name__}: {error}"
            else:
                score = sum(measures(folder / "clean" / name, out))
            done.append(Scored(name, kind_of(name), weigh.get(name, 0.0), score, failure))
    return done


def measures(clean: Path, loaded: Path) -> tuple[float, ...]:
    """The ten measures of what was loaded."""
    expected, found = _rows(clean), _rows(loaded) if loaded.exists() else []
    if not expected:
        return (1.0,) * 10
    header = _agreement(map(_normal, expected[0]), map(_normal, found[0] if found else ()))
    records = _agreement(map(_joined, expected[1:]), map(_joined, found[1:]))
    cells = _agreement((c for row in expected for c in row), (c for row in found for c in row))
    return (1.0, *header, *records, *cells)


def _rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig") as lines:
        return list(csv.reader(lines))


def _agreement(expected: Iterable[str], found: Iterable[str]) -> tuple[float, float, float]:
    """Precision (of what is expected, how much was found), recall (the other way round) and F1, as multisets."""
    wanted, got = Counter(expected), Counter(found)
    if not wanted:
        return 1.0, 1.0, 1.0
    common = (wanted & got).total()
    if not common:
        return 0.0, 0.0, 0.0
    precision, recall = common / wanted.total(), common / got.total()
    return precision, recall, 2 * precision * recall / (precision + recall)


def _joined(row: list[str]) -> str:
    return "".join(map(_normal, row))


@lru_cache(100_000)
def _normal(cell: str) -> str:
    """Numbers, dates, times and prices in one notation; a cell that holds a price among words is taken for that price."""
    if date := _DATE.fullmatch(cell):
        return f"{date[3]}-{int(date[2]):02d}-{int(date[1]):02d} 00:00:00"
    if time := _TIME.fullmatch(cell):
        return f"{int(time[1]):02d}:{time[2]}:{time[3] or '00'}"
    if _NUMBER.fullmatch(cell):
        return str(float(cell)) if "." in cell or "e" in cell.lower() else str(int(cell))
    if price := _PRICE.search(cell):
        return price[1] + str(float(price[2].replace(",", "")))
    return cell.lower()


def totals(scored: list[Scored]) -> tuple[float, float]:
    """(simple, weighted); weighted is 0 where no file has a weight."""
    weight = sum(file.weight for file in scored)
    simple = sum(file.score for file in scored) / max(len(scored), 1)
    return simple, sum(file.score * file.weight for file in scored) / weight if weight else 0.0


def generated() -> Path:
    """The folder of our own files, made if it is not there."""
    folder = DATA / "pollock"
    if not folder.exists():
        write_files(folder, polluted_files())
        write_files(DATA / "pollock_more", more_files())
    return folder


def pollock(report: Report, runs: int) -> None:
    """Our own polluted files, or those under the folder that was given; peers on a sample of them."""
    del runs
    folder = report.folder or generated()
    scored = score_folder(folder, load_with_us)
    report.title(f"Pollock's measures over {len(scored):,} files, nothing given (10 is perfect)")
    show_kinds(report, scored)
    _show_totals(report, scored)
    if report.folder is None:
        report.title("Kinds that Pollock counts no more")
        show_kinds(report, score_folder(DATA / "pollock_more", load_with_us))
        _other_tables(report)
    from benchmarks.pollock_peers import against_peers

    against_peers(report, folder, scored)


def _other_tables(report: Report) -> None:
    """A sample of the kinds, made from other tables."""
    report.title("The same pollutions of other tables: kinds that lose most")
    for table, rows in other_tables().items():
        every = enumerate(polluted_files(rows))
        sample = [file for number, file in every if not file.name.startswith("row_") or not number % _EVERY]
        with tempfile.TemporaryDirectory() as folder:
            write_files(Path(folder), iter(sample))
            scored = score_folder(Path(folder), load_with_us)
        simple, weighted = totals(scored)
        report.line(f"{table}, {len(scored)} files", f"simple {simple:5.2f}   weighted {weighted:5.2f}")
        show_kinds(report, [file for file in scored if file.score < 9.9], at_most=5)


def show_kinds(report: Report, scored: list[Scored], at_most: int = 40) -> None:
    """The kinds that lose most, worst first."""
    kinds: dict[str, list[Scored]] = defaultdict(list)
    for file in scored:
        kinds[file.kind].append(file)
    lost = {kind: sum(10 - file.score for file in files) for kind, files in kinds.items()}
    for kind in sorted(kinds, key=lambda kind: (totals(kinds[kind])[0], kind))[:at_most]:
        files = kinds[kind]
        worst = min(files, key=lambda file: file.score)
        weight = sum(file.weight for file in files)
        report.line(
            kind,
            f"{totals(files)[0]:6.3f}  {len(files):5,} files  weight {weight:7.1f}  lost {lost[kind]:7.2f}"
            f"  worst {worst.score:.2f} {worst.name}{'  ' + worst.failure if worst.failure else ''}",
        )


def _show_totals(report: Report, scored: list[Scored]) -> None:
    simple, weighted = totals(scored)
    if weighted:
        report.ratio("simple", simple, at_least=SIMPLE)
        report.ratio("weighted", weighted, at_least=WEIGHTED)
    else:
        report.ratio("simple, files of others", simple, at_least=REAL)
