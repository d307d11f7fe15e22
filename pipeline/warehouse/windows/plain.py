"""The figures of windows by a second road, which a verification compares the stored ones with.

What belongs here: the bounds of windows, one by one, in plain Python; rows put into each window between whose bounds they lie; one
aggregation over those. What does not: the SQL of the compiler, its clock and its grid. Nothing of them is used here, so that what is
wrong there is found; see `docs/decisions/0022-windows-verified-by-turns.md`.

Windows overlap: a row would be in thousands of them. So of windows that overlap often a part is looked at, another each day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import duckdb
import polars as pl

from pipeline.contract import (
    Aggregate,
    Cumulative,
    Dataset,
    Session,
    Sliding,
    TimeWindow,
    Total,
    Tumbling,
    Window,
)
from pipeline.contract.durations import Months, Period, longest, parse_duration
from pipeline.contract.windows import MICROSECOND, longest_pause
from pipeline.warehouse.sql import ident, table, timestamp
from pipeline.warehouse.windows.columns import matched
from pipeline.warehouse.windows.figures import counted
from pipeline.warehouse.windows.limits import Limits
from pipeline.warehouse.windows.measures import Measure, measure_of

_ALL_PLACES = 2_000_000
"""Places of rows in windows that are looked at without leaving windows out."""
_TIMES = 8
"""Windows that a row is put into where there are more places."""
_AT_A_MOMENT = 256
"""Windows looked at that are open at one moment, at most."""
_BATCH_ROWS = 200_000
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_WEEKS_BEGIN, _YEARS_BEGIN, _FIRST = datetime(2000, 1, 3), datetime(2000, 1, 1), datetime(1, 1, 1)  # noqa: DTZ001
_LAST = datetime(9999, 12, 31, 23, 59, 59, 999_999)  # noqa: DTZ001
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001
_SMALL = 2.0**-64
_LATEST = "TIMESTAMP '9999-12-31 23:59:59.999999'"
_SHOWN_END = f"CASE WHEN _end > {_LATEST} THEN {_LATEST} ELSE _end END"


@dataclass(frozen=True)
class Plain:
    """What to compare with.

    Attributes:
        sql: SELECT of `compiler.figure_columns` of the windows that are looked at.
        scope: SQL condition on stored windows: those that would be among them.
    """

    sql: str
    scope: str = "true"


def plain_total(dataset: Dataset, window: Total, source: str) -> list[Plain]:
    """The figures of a total, over the table and per delivery where it has these."""
    return [
        Plain(
            _aggregated(
                dataset,
                window,
                f"SELECT *, NULL::TIMESTAMP AS _begin, NULL::TIMESTAMP AS _end, {delivery} AS _of FROM {source} AS rows",
            )
        )
        for delivery in ("NULL::VARCHAR", *(["_delivery"] if window.per_delivery else []))
    ]


def plain_windows(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    window: TimeWindow,
    lower: datetime,
    upper: datetime,
    limits: Limits,
    turn: int = 0,
    only: str | None = None,
    relation: str | None = None,
) -> Plain:
    """The figures of the windows that start in [lower, upper) (UTC), without those that retention has frozen or deleted.

    Args:
        turn: says which windows are looked at where not all are.
        only: SQL condition on rows that whole groups fulfil, where not all groups are wanted.
        relation: SQL of a relation with the columns of the clean table, in its place.
    """
    source = everything = relation or counted(dataset, window)
    if only is not None:
        source = f"(SELECT * FROM {source} AS rows WHERE {only})"
    if isinstance(window, Session):
        placed, scope, windows = _in_sessions(connection, dataset, window, source, lower, upper), "true", ""
    else:
        placed, scope, windows = _in_bounds(connection, dataset, window, source, lower, upper, turn)
    figures = f"SELECT * FROM ({_aggregated(dataset, window, placed)}) WHERE {limits.open_sql(window)}"
    fill = getattr(window, "fill", None)
    if fill is None or isinstance(window, Session | Cumulative):
        return Plain(figures, scope)
    if fill == "forward":
        return Plain(figures, f"{scope} AND row_count > 0")
    empty = _empty(dataset, window, source, windows, limits, everything)
    if (pauses := _pauses(connection, dataset, window, everything, limits)) is not None:
        empty += f" AND NOT ({pauses})"
    return Plain(
        f"WITH figures AS MATERIALIZED ({figures}) SELECT * FROM figures UNION ALL {empty} AND {limits.open_sql(window)}",
        scope,
    )


# Bounds: what the zone's clock shows, and windows one by one.


def _moment(zone: ZoneInfo, local: datetime) -> datetime:
    """The first UTC moment at which the zone's clock shows a time or a later one."""
    try:
        early, late = (
            local.replace(tzinfo=zone, fold=fold).astimezone(UTC).replace(tzinfo=None) for fold in (1, 0)
        )
    except OverflowError:
        return local
    if early >= late:
        return late  # shown once, or twice: by the offset before the change first
    # The clock skips it: between these two moments it is put forward.
    before = _shown(zone, early) - early
    while late - early > MICROSECOND:
        middle = early + (late - early) // 2
        early, late = (middle, late) if _shown(zone, middle) - middle == before else (early, middle)
    return late


def _shown(zone: ZoneInfo, moment: datetime) -> datetime:
    try:
        return moment.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)
    except OverflowError:
        return moment


def _later(moment: datetime, length: Period, times: int = 1) -> datetime:
    try:
        if isinstance(length, timedelta):
            return moment + length * times
        months = moment.year * 12 + moment.month - 1 + length.count * times
        return moment.replace(year=months // 12, month=months % 12 + 1)
    except (OverflowError, ValueError):
        return _LAST if times > 0 else _FIRST


def _by_local_clock(step: Period, length: Period) -> bool:
    whole = isinstance(step, timedelta) and step > _HOUR and not step % _HOUR
    return isinstance(step, Months) or (whole and isinstance(length, timedelta) and not length % _HOUR)


def _lengths(window: Tumbling | Sliding | Cumulative) -> tuple[Period, Period, timedelta]:
    """Step, length and offset."""
    offset = timedelta() if window.offset is None else parse_duration(window.offset)
    if isinstance(window, Sliding):
        return window.step, window.length, offset
    return window.unit, window.unit, offset


def _bounds(
    dataset: Dataset, window: Tumbling | Sliding | Cumulative, lower: datetime, upper: datetime
) -> list[tuple[datetime, datetime]]:
    """Start and end (UTC) of each window of the local clock, or period, that starts in [lower, upper)."""
    step, length, offset = _lengths(window)
    zone = dataset.zone
    found: list[tuple[datetime, datetime]] = []
    local = _by_local_clock(step, length)
    clock = (
        _later(_shown(zone, lower), offset + 2 * _DAY, -1)
        if local
        else _later(lower, offset + longest(step), -1)
    )
    origin = _WEEKS_BEGIN if local else _moment(zone, _WEEKS_BEGIN)
    if isinstance(step, Months):
        origin, number = _YEARS_BEGIN, ((clock.year - 2000) * 12 + clock.month - 1) // step.count
    else:
        number = (clock - origin) // step

    def at(place: int) -> datetime:
        """The start of a window on the clock that it goes by."""
        if isinstance(step, Months):
            return _later(_later(origin, step, place), offset)
        return _later(origin + offset, step, place)

    number -= 1
    while True:
        start, following = at(number), at(number + 1)
        end = following if length == step else _later(start, length)
        # Of windows that overlap those that would begin before the calendar are not there.
        early = length != step and start == _FIRST and following - start < longest(step)
        begins = _moment(zone, start) if local else start
        ends = _moment(zone, end) if local and end != _LAST else end
        if begins >= upper or start == _LAST:
            return found
        if begins >= lower and begins < ends and not early:
            found.append((begins, ends))
        number += 1


def _rises(dataset: Dataset, window: Cumulative, begins: datetime, over: datetime) -> list[datetime]:
    """The ends of a period's windows."""
    step = window.step
    local = _by_local_clock(step, step)
    start = _shown(dataset.zone, begins)
    if local:
        # Where midnight is skipped it is one o'clock when the period begins: steps are counted from what was skipped.
        start = _local_start(dataset, window, begins)
    ends: set[datetime] = set()
    number = 1
    while True:
        end = _later(start if local else begins, step, number)
        if local and end != _LAST:
            end = _moment(dataset.zone, end)
        ends.add(min(end, over))
        if end >= over:
            return sorted(ends - {begins})
        number += 1


def _local_start(dataset: Dataset, window: Cumulative, begins: datetime) -> datetime:
    """The local time at which a period starts, be it skipped."""
    step, _, offset = _lengths(window)
    shown = _later(_shown(dataset.zone, begins), offset, -1)
    if isinstance(step, Months):
        months = (shown.year - 2000) * 12 + shown.month - 1
        return _later(_YEARS_BEGIN, Months(1), months // step.count * step.count) + offset
    return _WEEKS_BEGIN + (shown - _WEEKS_BEGIN) // step * step + offset


# Rows in windows: SQL of the rows with `_begin` and `_end` of each window that they are in, and `_of`.


def _in_bounds(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    window: Tumbling | Sliding | Cumulative,
    source: str,
    lower: datetime,
    upper: datetime,
    turn: int,
) -> tuple[str, str, str]:
    """The rows, which stored windows are looked at, and SQL of all windows that are, with or without rows."""
    step, length, _ = _lengths(window)
    if not isinstance(window, Cumulative) and not _by_local_clock(step, length):
        return _by_elapsed_time(connection, dataset, window, source, lower, upper, turn)
    bounds = _bounds(dataset, window, lower, upper)
    overlap = -(-longest(length) // longest(step))
    if isinstance(window, Cumulative):
        bounds = [(begins, end) for begins, over in bounds for end in _rises(dataset, window, begins, over)]
        overlap = -(-window.length // window.step)
    every = (
        _every(connection, dataset, source, bounds[0][0], max(end for _, end in bounds), overlap)
        if bounds
        else 1
    )
    looked = [one for number, one in enumerate(bounds) if number % every == turn % every]
    _keep(connection, "plain_windows", looked)
    scope = "true"
    if every > 1:
        _keep(connection, "plain_bounds", bounds)
        scope = (
            f"NOT EXISTS (SELECT 1 FROM temp.plain_bounds AS bound WHERE (_begin, {_SHOWN_END}) = (window_start, window_end)) OR "
            f"EXISTS (SELECT 1 FROM temp.plain_windows AS bound WHERE (_begin, {_SHOWN_END}) = (window_start, window_end))"
        )
    # Between two bounds that follow each other a moment is in the same windows.
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE plain_cells AS SELECT cell._at, one._begin, one._end FROM "
        "(SELECT _begin AS _at FROM temp.plain_windows UNION SELECT _end FROM temp.plain_windows) AS cell "
        "JOIN temp.plain_windows AS one ON cell._at >= one._begin AND cell._at < one._end"
    )
    moment = ident(dataset.event_time or "")
    low, high = (looked[0][0], max(end for _, end in looked)) if looked else (lower, lower)
    near = (
        f"SELECT * FROM {source} AS rows WHERE {moment} >= {timestamp(low)} AND {moment} < {timestamp(high)}"
    )
    placed = (
        f"SELECT near.* EXCLUDE (_at), cells._begin, cells._end, NULL AS _of FROM (SELECT near.*, cell._at FROM ({near}) AS near ASOF JOIN "
        "(SELECT _begin AS _at FROM temp.plain_windows UNION SELECT _end FROM temp.plain_windows) AS cell "
        f"ON near.{moment} >= cell._at) AS near JOIN temp.plain_cells AS cells ON cells._at = near._at"
    )
    return placed, f"({scope})", "SELECT _begin, _end FROM temp.plain_windows"


def _by_elapsed_time(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    window: Tumbling | Sliding,
    source: str,
    lower: datetime,
    upper: datetime,
    turn: int,
) -> tuple[str, str, str]:
    step, length, offset = _lengths(window)
    assert isinstance(step, timedelta) and isinstance(length, timedelta)
    moment = ident(dataset.event_time or "")
    first = _moment(dataset.zone, _WEEKS_BEGIN) + offset
    begin = (first - _EPOCH) // MICROSECOND - ((first - _FIRST + 2 * length) // step + 2) * (
        step // MICROSECOND
    )
    width, size = step // MICROSECOND, length // MICROSECOND
    overlap = -(-size // width)
    until = _later(upper, length)
    every = _every(connection, dataset, source, lower, until, overlap)
    phase = turn % every
    number = f"((epoch_us({moment}) - {begin}) // {width})"
    start = f"(make_timestamp({begin} + (_number - _back) * {width}))"
    placed = (
        f"SELECT * EXCLUDE (_number, _back), {start} AS _begin, {start} + to_microseconds({size}) AS _end, NULL AS _of FROM "
        f"(SELECT *, unnest(range((_number - {phase}) % {every}, {overlap}, {every})) AS _back FROM "
        f"(SELECT *, {number} AS _number FROM {source} AS rows WHERE {moment} >= {timestamp(lower)} AND {moment} < {timestamp(until)})) "
        f"WHERE _begin >= {timestamp(lower)} AND _begin < {timestamp(upper)} AND _end > {moment}"
    )
    stored = f"(epoch_us(window_start) - {begin})"
    scope = "true" if every == 1 else f"({stored} % {width} <> 0 OR {stored} // {width} % {every} = {phase})"
    low, high = (-(-((at - _EPOCH) // MICROSECOND - begin) // width) for at in (lower, upper))
    windows = (
        f"SELECT make_timestamp({begin} + _number * {width}) AS _begin, _begin + to_microseconds({size}) AS _end "
        f"FROM range({low}, {high}) AS numbers(_number) WHERE _number % {every} = {phase}"
    )
    return placed, scope, windows


def _every(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    source: str,
    lower: datetime,
    upper: datetime,
    overlap: int,
) -> int:
    """One window of how many is looked at."""
    if overlap == 1:
        return 1
    moment = ident(dataset.event_time or "")
    [(rows,)] = connection.execute(
        f"SELECT count(*) FROM {source} AS rows WHERE {moment} >= {timestamp(lower)} AND {moment} < {timestamp(upper)}"
    ).fetchall()
    most = overlap if rows * overlap <= _ALL_PLACES else _TIMES
    return -(-overlap // min(most, _AT_A_MOMENT))


def _keep(
    connection: duckdb.DuckDBPyConnection, name: str, bounds: Sequence[tuple[datetime, datetime]]
) -> None:
    # What ends with the calendar has the rows of its last moment too.
    ends = [(one - _EPOCH) // MICROSECOND + (one == _LAST) for _, one in bounds]
    frame = pl.DataFrame(
        {
            "_begin": [one for one, _ in bounds],
            "_end": pl.Series(ends, dtype=pl.Int64).cast(pl.Datetime("us")),
        },
        schema={"_begin": pl.Datetime("us"), "_end": pl.Datetime("us")},
    )
    connection.register("plain_given", frame.to_arrow())
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM plain_given")
    connection.unregister("plain_given")


def _in_sessions(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    window: Session,
    source: str,
    lower: datetime,
    upper: datetime,
) -> str:
    """Rows are gone through in order of time until no session that began before `upper` is open, and those of [lower, upper) are kept;
    then each row belongs to the latest of its group that began by it."""
    moment, gap = ident(dataset.event_time or ""), window.pause
    by = [ident(name) for name in window.by]
    names = ", ".join(by)
    grouped = (
        f"SELECT {names}, row_number() OVER () AS _group FROM (SELECT DISTINCT {names} FROM {source} AS rows)"
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE plain_groups AS {grouped if by else 'SELECT 1::BIGINT AS _group'}"
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE plain_sessions (_group BIGINT, _begin TIMESTAMP, _last TIMESTAMP)"
    )
    same = matched(by, "rows", "groups")
    since = timestamp(_later(lower, gap, -1))
    coded = f"SELECT rows.*, groups._group FROM {source} AS rows JOIN temp.plain_groups AS groups ON {same}"
    reader = connection.execute(
        f"SELECT _group, {moment} AS _moment FROM ({coded}) WHERE {moment} >= {since} ORDER BY {moment}"
    ).to_arrow_reader(_BATCH_ROWS)
    alive = pl.DataFrame(schema={"_group": pl.Int64, "_begin": pl.Datetime("us"), "_last": pl.Datetime("us")})
    closed: list[pl.DataFrame] = []
    for batch in reader:
        rows = pl.DataFrame(pl.from_arrow(batch)).with_columns(pl.col("_moment").cast(pl.Datetime("us")))
        sessions = _walked(alive, rows, gap)
        latest = rows["_moment"][-1]
        open_still = pl.col("_last") >= latest - gap
        closed.append(sessions.filter(~open_still, pl.col("_begin").is_between(lower, upper, closed="left")))
        alive = sessions.filter(open_still)
        if latest >= upper and not alive["_begin"].lt(upper).any():
            break
    closed.append(alive.filter(pl.col("_begin").is_between(lower, upper, closed="left")))
    connection.register("plain_given", pl.concat(closed).to_arrow())
    connection.execute("INSERT INTO temp.plain_sessions SELECT * FROM plain_given")
    connection.unregister("plain_given")
    return (
        f"SELECT coded.* EXCLUDE (_group), sessions._begin, sessions._last + to_microseconds({gap // MICROSECOND}) AS _end, NULL AS _of "
        f"FROM ({coded} WHERE rows.{moment} >= {timestamp(lower)}) AS coded ASOF JOIN temp.plain_sessions AS sessions "
        f"ON coded._group = sessions._group AND coded.{moment} >= sessions._begin WHERE coded.{moment} <= sessions._last"
    )


def _walked(alive: pl.DataFrame, rows: pl.DataFrame, gap: timedelta) -> pl.DataFrame:
    """Sessions that are open and rows that follow, in order of time → sessions: `_group`, `_begin`, `_last`."""
    before = alive.select("_group", pl.col("_last").alias("_moment"), pl.col("_begin").alias("_known"))
    walk = pl.concat(
        [before, rows.select("_group", "_moment", pl.lit(None, pl.Datetime("us")).alias("_known"))]
    )
    pause = (pl.col("_moment") - pl.col("_moment").shift(1).over("_group")).fill_null(gap + MICROSECOND) > gap
    begins = pl.coalesce("_known", pl.when(pause).then("_moment"))
    return (
        walk.with_columns(begins.alias("_begin"))
        .with_columns(pl.col("_begin").forward_fill().over("_group"))
        .group_by("_group", "_begin")
        .agg(pl.col("_moment").max().alias("_last"))
    )


# Figures: one aggregation over the rows of each window.


def _aggregated(dataset: Dataset, window: Window, placed: str) -> str:
    by = [ident(name) for name in window.by]
    of = ["_of AS _delivery"] if isinstance(window, Total) else []
    figures = [f"{sql} AS {ident(name)}" for name, sql in _figures(dataset, window).items()]
    picked = ", ".join(
        ["_begin AS window_start", f"{_SHOWN_END} AS window_end", *of, *by, *figures, "count(*) AS row_count"]
    )
    groups = ", ".join(["_begin", "_end", "_of", *by])
    return f"SELECT {picked} FROM ({placed}) AS placed GROUP BY {groups}"


def _figures(dataset: Dataset, window: Window) -> dict[str, str]:
    return {name: _figure(dataset, aggregate) for name, aggregate in window.measures.items()}


def _figure(dataset: Dataset, aggregate: Aggregate) -> str:
    """A measure as SQL over the rows of a window and group."""
    kind, moment = aggregate.kind, ident(dataset.event_time or "")
    column = {column.name: column for column in dataset.columns}.get(aggregate.column or "")
    value = None if column is None else ident(column.name)
    conditions = [f"{value} IS NOT NULL"] if value else []
    conditions += [f"({aggregate.where})"] if aggregate.where else []
    rows = f" FILTER (WHERE {' AND '.join(conditions)})" if conditions else ""
    if kind == "count":
        return f"count(*){rows}"
    if kind in ("rate", "share", "sum", "avg"):
        amount = f"count(*){rows}" if column is None else _sum(f"{value}", column.dtype, rows)
        return _of_amount(aggregate, amount, f"count(*){rows}")
    if kind == "count_distinct":
        return f"count(DISTINCT {value}){rows}"
    if kind in ("min", "max"):
        return f"{kind}({value}){rows}"
    if kind in ("first", "last"):
        least = "min" if kind == "first" else "max"
        return f"struct_extract({least}(struct_pack(t := {moment}, v := {value})){rows}, 'v')"
    if kind in ("quantile", "quantile_discrete") and not aggregate.approximate:
        share = repr(float(aggregate.parameter or 0))
        return (
            f"quantile_cont({value}::DOUBLE, {share}){rows}"
            if kind == "quantile"
            else f"quantile_disc({value}, {share}){rows}"
        )
    return _over_rows(measure_of(aggregate, column), moment)


def _over_rows(measure: Measure, moment: str) -> str:
    """What a measure is over rows by its own definition: of those that are not merged there is no other."""
    if measure.direct is not None:
        return measure.direct
    result = measure.final
    for number, state in enumerate(measure.states):
        result = result.replace(f"{{{number}}}", f"({state.sql.replace('{moment}', moment)})")
    return result


def _sum(value: str, dtype: pl.DataType, rows: str) -> str:
    if isinstance(dtype, pl.Decimal):
        return f"sum({value}){rows}::DECIMAL(38,{dtype.scale})"
    if not dtype.is_float():
        return f"sum({value}){rows}::HUGEINT"
    # What passes the largest float on its way, or is not finite, is added up small.
    return f"(CASE WHEN isfinite(fsum({value}){rows}) THEN fsum({value}){rows} ELSE sum({value} * {_SMALL!r}){rows} / {_SMALL!r} END)"


def _of_amount(aggregate: Aggregate, amount: str, count: str) -> str:
    if aggregate.kind == "avg":
        return f"({amount})::DOUBLE / nullif({count}, 0)"
    if aggregate.kind == "share":
        return (
            f"({amount})::DOUBLE / nullif((sum({amount}) OVER (PARTITION BY _begin, _end, _of))::DOUBLE, 0)"
        )
    if aggregate.kind == "rate":
        seconds, unit = (
            f"((epoch_us(least(_end, {timestamp(_LAST)})) - epoch_us(_begin)) / 1e6)",
            float(aggregate.parameter or 1),
        )
        return f"({amount})::DOUBLE * {unit!r} / {seconds}"
    return amount


def _pauses(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    window: Tumbling | Sliding,
    everything: str,
    limits: Limits,
) -> str | None:
    """SQL: whether a window lies in a pause of all the data that is too long to be filled; None where there is none."""
    moment = ident(dataset.event_time or "")
    pause = longest_pause(window)
    # No pause that is too long is within half of such a one.
    short = pause // 2 // MICROSECOND or 1
    some = connection.execute(
        f"SELECT min({moment}), max({moment}) FROM {everything} AS rows GROUP BY epoch_us({moment}) // {short} ORDER BY 1"
    ).fetchall()
    known = sorted([*some, *([(limits.rows, limits.rows)] if limits.rows is not None else [])])
    found = [
        f"(_begin > {timestamp(before[1])} AND _end <= {timestamp(after[0])})"
        for before, after in pairwise(known)
        if after[0] - before[1] > pause
    ]
    return " OR ".join(found) or None


def _empty(
    dataset: Dataset, window: Tumbling | Sliding, source: str, windows: str, limits: Limits, everything: str
) -> str:
    """SELECT of the windows that are filled in: of each group those from its first row's to that of the last row of all."""
    moment, by = ident(dataset.event_time or ""), [ident(name) for name in window.by]
    names = "".join(f"{name}, " for name in by)
    grouped = f" GROUP BY {', '.join(by)}" if by else ""
    born = f"SELECT {names}min({moment}) AS _first FROM {source} AS rows{grouped}"
    if limits.rows is not None:
        kept = f"FROM {table('windows', f'{dataset.name}_{window.name}')} WHERE window_start < {timestamp(limits.rows)}"
        born = f"SELECT {names}min(_first) AS _first FROM ({born} UNION ALL SELECT {names}window_start AS _first {kept}){grouped}"
    columns = {column.name: column for column in dataset.columns}
    fills = [
        f"{measure_of(one, columns.get(one.column or '')).zero if window.fill == 'zero' else 'NULL'} AS {ident(name)}"
        for name, one in window.measures.items()
    ]
    picked = [
        "_begin AS window_start",
        f"{_SHOWN_END} AS window_end",
        *(f"born.{name}" for name in by),
        *fills,
        "0 AS row_count",
    ]
    same = matched(by, "figures", "born")
    return (
        f"SELECT {', '.join(picked)} FROM ({windows}) AS windows JOIN ({born}) AS born ON _end > born._first "
        f"WHERE _begin <= (SELECT max({moment}) FROM {everything} AS rows) AND NOT EXISTS "
        f"(SELECT 1 FROM figures WHERE figures.window_start = _begin AND figures.window_end = {_SHOWN_END} AND {same})"
    )
