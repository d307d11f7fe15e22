"""Names of months and of halves of the day, by language.

What belongs here: names. What does not: formats.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

# Twelve months; their spellings separated by `/`.
_NAMES = {
    "en": "january/jan february/feb march/mar april/apr may june/jun july/jul august/aug september/sep/sept october/oct"
    " november/nov december/dec",
    "de": "januar/jänner/jan/jän februar/feber/feb märz/maerz/mär/mrz april/apr mai juni/jun juli/jul august/aug"
    " september/sep/sept oktober/okt november/nov dezember/dez",
    "fr": "janvier/janv/jan février/févr/fév mars/mar avril/avr mai juin/jun juillet/juil/jul août/aou septembre/sept/sep"
    " octobre/oct novembre/nov décembre/déc",
    "es": "enero/ene febrero/feb marzo/mar abril/abr mayo/may junio/jun julio/jul agosto/ago septiembre/setiembre/sept/sep/set"
    " octubre/oct noviembre/nov diciembre/dic",
    "it": "gennaio/gen febbraio/feb marzo/mar aprile/apr maggio/mag giugno/giu luglio/lug agosto/ago settembre/set/sett"
    " ottobre/ott novembre/nov dicembre/dic",
    "nl": "januari/jan februari/feb maart/mrt april/apr mei juni/jun juli/jul augustus/aug september/sep/sept oktober/okt"
    " november/nov december/dec",
    "pl": "stycznia/styczeń/sty lutego/luty/lut marca/marzec/mar kwietnia/kwiecień/kwi maja/maj czerwca/czerwiec/cze"
    " lipca/lipiec/lip sierpnia/sierpień/sie września/wrzesień/wrz października/październik/paź listopada/listopad/lis"
    " grudnia/grudzień/gru",
    "pt": "janeiro/jan fevereiro/fev março/mar abril/abr maio/mai junho/jun julho/jul agosto/ago setembro/set outubro/out"
    " novembro/nov dezembro/dez",
}
LANGUAGES = tuple(_NAMES)


def month_numbers(languages: Iterable[str]) -> dict[str, int]:
    """Name in lower case, with its accents and without → month from 1 to 12. Raises KeyError for an unknown language."""
    numbers: dict[str, int] = {}
    for language in languages:
        for month, spellings in enumerate(_NAMES[language].split(), start=1):
            for name in spellings.split("/"):
                for spelling in (name, _plain(name)):
                    if numbers.setdefault(spelling, month) != month:
                        raise ValueError(f"{spelling!r} is two months in {', '.join(languages)}")
    return numbers


def _plain(name: str) -> str:
    decomposed = unicodedata.normalize("NFD", name)
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))
