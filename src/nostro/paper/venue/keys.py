"""What the keys of a paper exchange look like. They derive from the venue's seed and are no secrets. It decides their
form where the wire asks for none; a wire that does has an `Issue` of its own beside its profile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

Derive = Callable[[str], str]  # 64 hexadecimal digits of the venue's own for each word


class Keys(NamedTuple):
    """What a login signs with. ``extra``: what the wire needs besides key and secret, by its own names."""

    key: str
    secret: str
    extra: Mapping[str, str] = MappingProxyType({})


class Holder(NamedTuple):
    """Whose key it is: a user of that name, its master and its sub-accounts."""

    name: str
    user: int
    parent: int | None
    sub_accounts: Sequence[int]


# A holder's keys. ``extra`` is not stored: it must follow from the user and what is below it.
Issue = Callable[[Derive, Holder], Keys]


def texts(derive: Derive, holder: Holder) -> Keys:
    """Their first word says what they are worth: a key that has it never goes to a live exchange."""
    name = holder.name
    return Keys(f"paper-{name}-{derive(f'key {name}')[:12]}", f"paper-{derive(f'secret {name}')[:40]}")
