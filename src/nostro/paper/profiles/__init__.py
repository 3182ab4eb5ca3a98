"""With what each paper exchange opens: what it lists, who lives there, and what their keys look like. It decides which
there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from nostro.errors import BadValue
from nostro.paper.profiles import alp, bingx_v1, grvt, kraken_futures
from nostro.paper.profiles.people import Person
from nostro.paper.venue.keys import Issue, texts
from nostro.paper.venue.profile import Profile


class Opening(NamedTuple):
    """``funded``: the wallet that is credited where none is named."""

    profile: Profile
    people: tuple[Person, ...]
    issue: Issue = texts
    funded: str = "spot"


# By the exchange's id, which is the profile's name.
OPENINGS: Final[Mapping[str, Opening]] = {
    "alp": Opening(alp.PROFILE, alp.PEOPLE, funded="funding"),
    "bingx_v1": Opening(bingx_v1.PROFILE, bingx_v1.PEOPLE, funded="futures"),
    "grvt": Opening(grvt.PROFILE, grvt.PEOPLE, grvt.keys),
    "kraken_futures": Opening(kraken_futures.PROFILE, kraken_futures.PEOPLE, kraken_futures.keys),
}


def opening(exchange_id: str) -> Opening:
    """Raises `BadValue` for an exchange that there is no paper exchange of."""
    if exchange_id not in OPENINGS:
        message = f"there is no paper exchange of {exchange_id}"
        raise BadValue(message, hint=f"there are {', '.join(OPENINGS)}")
    return OPENINGS[exchange_id]
