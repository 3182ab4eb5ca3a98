"""Who lives on a paper exchange. It decides the form of the list; each profile has its own, and what people do there is
``history.py``'s.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Person(NamedTuple):
    """A user. ``permissions`` of its key, None: it has none. ``share``: what part of the trader's activity it has, in
    percent; 0: it acts in stories alone; None: never. ``master``: the name of whose sub-account it is. ``portfolio``:
    whether it is margined as a portfolio."""

    name: str
    permissions: tuple[str, ...] | None
    share: int | None = None
    master: str = ""
    portfolio: bool = False


# *ours*: on every paper exchange, one to try each kind of key with
TRADER: Final = Person("trader", ("read", "trade"), 100)
READER: Final = Person("reader", ("read",), 10)
WITHDRAWER: Final = Person("withdrawer", ("read", "trade", "withdraw"), 15)
EMPTY: Final = Person("empty", ("read", "trade", "withdraw"))
