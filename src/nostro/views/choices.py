"""What a person who watches has chosen, and which key chooses what. It decides nothing of what is known (``live.py``)
or how it is drawn (``screen.py``): a key turns one set of choices into another."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

Sort = Literal["account", "value", "distance", "freshness"]

SORTS: Final[tuple[Sort, ...]] = ("account", "value", "distance", "freshness")
SECTIONS: Final = ("positions", "margin", "balances", "accounts")  # in their order on the screen; keys 1 to 4
FILTER_CHARACTERS: Final = 40
# What `q` and the others do, as the help says it.
KEYS: Final = (
    ("q, Ctrl-C", "quit"),
    ("s", "sort by account, value, distance, freshness"),
    ("/", "filter by account, exchange, contract, asset: all the words"),
    ("Esc", "no filter"),
    ("1 2 3 4", "positions, margin, balances, accounts: show or hide"),
    ("0", "show all sections"),
    ("z", "also what is zero"),
    ("p, Space", "pause, and go on"),
    ("↑ ↓ PgUp PgDn", "scroll; Home and End, or k j b f g G"),
    ("Ctrl-L", "draw everything anew"),
    ("?", "this help"),
)


class Choices(msgspec.Struct, frozen=True, kw_only=True):
    """``filter``: words that a row must have; ``typing``: whether keys go there. ``hidden``: sections that are not
    shown. ``top``: the first line of the body that is shown. ``ended``: whether watching is over."""

    sort: Sort = "account"
    filter: str = ""
    typing: bool = False
    hidden: frozenset[str] = frozenset()
    zeros: bool = False
    paused: bool = False
    helping: bool = False
    top: int = 0
    ended: bool = False

    def at(self, top: int) -> Choices:
        """The same, from that line on: as far as there is one."""
        return self if self.top == top else msgspec.structs.replace(self, top=top)

    def over(self) -> Choices:
        return msgspec.structs.replace(self, ended=True)


_STEPS: Final = {"up": -1, "k": -1, "down": 1, "j": 1}
_PAGES: Final = {"page up": -1, "b": -1, "page down": 1, "f": 1}
_EDGES: Final = {"home": 0, "g": 0, "end": 2**31, "G": 2**31}


def pressed(choices: Choices, key: str, *, page: int) -> Choices:
    """The choices after a key. ``page``: how many lines of the body are shown. Any other key changes nothing."""
    if choices.typing:
        return _typed(choices, key)
    if choices.helping:
        return msgspec.structs.replace(choices, helping=False, ended=key == "q")
    if key in _STEPS or key in _PAGES or key in _EDGES:
        return msgspec.structs.replace(choices, top=_top(choices.top, key, page=page))
    changes = _changes(choices, key)
    return msgspec.structs.replace(choices, **changes) if changes else choices


def _top(top: int, key: str, *, page: int) -> int:
    if key in _EDGES:
        return _EDGES[key]
    return max(0, top + _STEPS.get(key, 0) + _PAGES.get(key, 0) * max(page - 1, 1))


def _changes(choices: Choices, key: str) -> dict[str, object]:
    match key:
        case "q":
            return {"ended": True}
        case "s":
            return {"sort": SORTS[(SORTS.index(choices.sort) + 1) % len(SORTS)], "top": 0}
        case "/":
            return {"typing": True}
        case "escape":
            return {"filter": "", "top": 0}
        case "1" | "2" | "3" | "4":
            return {"hidden": choices.hidden ^ {SECTIONS[int(key) - 1]}, "top": 0}
        case "0":
            return {"hidden": frozenset(), "top": 0}
        case "z":
            return {"zeros": not choices.zeros}
        case "p" | " ":
            return {"paused": not choices.paused}
        case "?" | "h":
            return {"helping": True}
    return {}


def _typed(choices: Choices, key: str) -> Choices:
    """A key while the filter is typed."""
    text = choices.filter
    match key:
        case "enter":
            return msgspec.structs.replace(choices, typing=False)
        case "escape":
            return msgspec.structs.replace(choices, typing=False, filter="", top=0)
        case "backspace":
            return msgspec.structs.replace(choices, filter=text[:-1], top=0)
    if len(key) == 1 and key.isprintable() and len(text) < FILTER_CHARACTERS:
        return msgspec.structs.replace(choices, filter=text + key, top=0)
    return choices
