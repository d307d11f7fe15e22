"""Cleaners of dates and times as people and spreadsheets write them.

What belongs here: text in declared formats → ISO text, which the cast reads. What does not: the cast, and zones of times
without one (the dataset's `timezone`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import polars as pl

from pipeline.contract.cleaning.cleaner import Cleaner, fingerprint, words_of, wrong
from pipeline.contract.cleaning.formats import DateFormat, date_format, read_as, refuse_ambiguous
from pipeline.contract.cleaning.months import LANGUAGES, month_numbers

AUTO = "auto"
# Of these no text can be read by two; days and months with slashes between them are not here for that reason.
AUTO_DATES = (
    *("%d.%m.%Y", "%Y.%m.%d", "%d %B %Y", "%d. %B %Y", "%d-%B-%Y", "%d/%B/%Y"),
    *("%B %d, %Y", "%B %d %Y", "%Y %B %d", "%Y-%B-%d"),
)
AUTO_CLOCKS = ("%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p")
_SEVERAL_ORDERS = r"^\s*[0-9]{1,2}[/\-][0-9]{1,2}[/\-](?:[0-9]{4}|[0-9]{2})(?:$|[^0-9])"


def date(*formats: str, languages: str | Collection[str] = "en", pivot: int | None = None) -> Cleaner:
    """Dates in the declared formats → ISO: `clean.date("%d.%m.%Y")` makes `"2024-01-31"` of `"31.1.2024"`; other texts stay.

    Args:
        formats: strptime formats, tried in this order; leading zeros may lack, a blank stands for one or more. `"auto"` alone
            stands for those that cannot be mistaken for each other (`AUTO_DATES`); a text like `03/04/2024`, whose day and
            month it cannot tell, is then refused.
        languages: whose month names `%b` and `%B` read, long or short: one of en, de, fr, es, it, nl, pl, pt, or several.
        pivot: first of the hundred years that `%y` stands for: with 1950, `49` is 2049 and `50` is 1950.

    Raises:
        ValueError: a format that gives no date, or two that read one text as two dates.
    """
    return _dates("date", formats, AUTO_DATES, languages, pivot)


def moments(*formats: str, languages: str | Collection[str] = "en", pivot: int | None = None) -> Cleaner:
    """As `date`, with a time of day: `clean.datetime("%d.%m.%Y %H:%M")` makes `"2024-01-31T08:05:00"` of `"31.1.2024 8:05"`.

    A format without a time of day is allowed and gives a date, which a cast to a datetime reads as midnight. `"auto"` stands
    for every date of `AUTO_DATES` alone and with each time of `AUTO_CLOCKS`.
    """
    auto = [*AUTO_DATES, *(f"{day} {clock}" for day in AUTO_DATES for clock in AUTO_CLOCKS)]
    return _dates("datetime", formats, auto, languages, pivot)


def _dates(
    name: str, given: Sequence[str], auto: Sequence[str], languages: str | Collection[str], pivot: int | None
) -> Cleaner:
    if not given:
        raise wrong(name, "no format is given", f'write for example clean.{name}("%d.%m.%Y")')
    if pivot is not None and (not isinstance(pivot, int) or not 1 <= pivot <= 9900):
        raise wrong(name, f"pivot is {pivot!r}", "give the first of the hundred years: pivot=1950")
    spoken = (languages,) if isinstance(languages, str) else words_of(name, "languages", languages)
    unknown = sorted(set(spoken) - set(LANGUAGES))
    if unknown or not spoken:
        raise wrong(name, f"languages is {languages!r}", f"take from {', '.join(LANGUAGES)}")
    is_auto = AUTO in given
    if is_auto and len(given) > 1:
        raise wrong(name, '"auto" stands beside other formats', 'write "auto" alone, or the formats alone')
    forms = [date_format(name, text, pivot) for text in (auto if is_auto else given)]
    if name == "date" and any(form.with_time for form in forms):
        raise wrong(name, "a format has a time of day", "take clean.datetime")
    if not is_auto:
        refuse_ambiguous(name, forms, pivot, spoken)
    return _cleaner(name, forms, spoken, pivot, is_auto)


def _cleaner(
    name: str, forms: Sequence[DateFormat], languages: Sequence[str], pivot: int | None, is_auto: bool
) -> Cleaner:
    months = month_numbers(languages)

    def change(value: pl.Expr) -> pl.Expr:
        return value.map_batches(read, return_dtype=pl.String)

    def read(column: pl.Series) -> pl.Series:
        """Format after format, each on what is left; days repeat, so each distinct text is read once."""
        distinct = column.unique().drop_nulls().rename("text")
        left, olds, news = distinct, [], []
        for form in forms:
            if left.is_empty():
                break
            iso = left.to_frame().select(read_as(pl.col("text"), form, pivot, months)).to_series()
            hit = iso.is_not_null()
            if hit.any():
                olds.append(left.filter(hit))
                news.append(iso.filter(hit))
                left = left.filter(~hit)
        if not olds:
            return column
        return column.replace_strict(pl.concat(olds), pl.concat(news), default=column, return_dtype=pl.String)

    texts = "|".join(form.unnamed for form in forms)
    refuses = (lambda value: value.str.contains(_SEVERAL_ORDERS)) if is_auto else None
    return Cleaner(
        name,
        change,
        lambda value: value.str.contains(texts),
        fingerprint(name, [form.text for form in forms], sorted(languages), pivot),
        mends=all(form.unlike_iso for form in forms),
        by_locale=any(form.looks_iso for form in forms),
        refuses=refuses,
        refusal="whether `{value}` begins with the day or the month cannot be told: declare its format, such as"
        f' clean.{name}("%d/%m/%Y")',
    )
