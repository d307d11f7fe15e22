"""Checks that `pa.Field(...)` gains on import of `pipeline.contract`.

What belongs here: vectorised checks on one column, registered with Pandera. What does not: casts and
cleaning; Pandera's own checks (ge, isin, str_matches, …), which work as they are.
"""

from __future__ import annotations

import polars as pl
from pandera.api.checks import Check
from pandera.api.extensions import register_check_method
from pandera.api.polars.types import PolarsData

# One @ with something on both sides and a dot in the domain: the check catches what is not an address at all.
# Whether an address exists only a mail server can say.
_EMAIL = r"^[^@\s,;<>()]+@[^@\s,;<>()]+\.[^@\s,;<>().]{2,}$"


def register_checks() -> None:
    """Register the checks once; a second call does nothing."""
    if "email" in Check.REGISTERED_CUSTOM_CHECKS:
        return

    @register_check_method(statistics=["email"])  # type: ignore[untyped-decorator]
    def email(data: PolarsData, *, email: bool) -> pl.LazyFrame:
        """`pa.Field(email=True)`: the text looks like an e-mail address."""
        found = pl.col(data.key).str.contains(_EMAIL)
        return data.lazyframe.select(found if email else ~found)
