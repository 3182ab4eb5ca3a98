"""With what each paper exchange opens: what it lists, who lives there, and what their keys look like. It decides which
there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from nostro.paper.profiles import alp, bingx_v1, grvt, kraken_futures
from nostro.paper.profiles.people import Person
from nostro.paper.venue.keys import Issue, texts
from nostro.paper.venue.profile import Profile


class Opening(NamedTuple):
    profile: Profile
    people: tuple[Person, ...]
    issue: Issue = texts


# By the exchange's id, which is the profile's name.
OPENINGS: Final[Mapping[str, Opening]] = {
    "alp": Opening(alp.PROFILE, alp.PEOPLE),
    "bingx_v1": Opening(bingx_v1.PROFILE, bingx_v1.PEOPLE),
    "grvt": Opening(grvt.PROFILE, grvt.PEOPLE, grvt.keys),
    "kraken_futures": Opening(kraken_futures.PROFILE, kraken_futures.PEOPLE, kraken_futures.keys),
}
