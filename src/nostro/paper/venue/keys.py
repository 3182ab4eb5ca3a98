"""What the keys of a paper exchange look like. They derive from the venue's seed and are no secrets. It decides their
form where the wire asks for none; a wire that does has an `Issue` of its own beside its profile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

Derive = Callable[[str], str]  # 64 hexadecimal digits of the venue's own for each word


class Keys(NamedTuple):
    """What a login signs with. ``extra``: what the wire needs besides key and secret, by its own names."""

    key: str
    secret: str
    extra: Mapping[str, str] = MappingProxyType({})


# The keys of (a name, a user's number). ``extra`` follows from the user alone, because it is not stored.
Issue = Callable[[Derive, str, int], Keys]


def texts(derive: Derive, name: str, _: int) -> Keys:
    """Their first word says what they are worth."""
    return Keys(f"paper-{name}-{derive(f'key {name}')[:12]}", f"paper-{derive(f'secret {name}')[:40]}")
