"""What names a fact that the wire gives no id: of a state, which wallet, asset or contract it is of. It decides which
members do; how a book makes identities of them stands in ``book/identity.py``, how the present is held in
``link/live_state.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Final

from nostro.domain.fact import Fact

Subject = tuple[object, ...]

# States have no history of their own: they are observed, and a new observation replaces the last.
SUBJECTS: Final[Mapping[str, tuple[str, ...]]] = {
    "balance": ("sub_account", "wallet", "asset"),
    "loan": ("sub_account", "wallet", "asset"),
    "margin_summary": ("sub_account", "wallet", "scope", "currency", "instrument"),
    "position": ("sub_account", "wallet", "instrument", "side"),
    "leverage": ("sub_account", "instrument"),
    "fee_rate": ("sub_account", "instrument", "asset", "fee_asset", "priority", "valid_from_ns"),
    "sub_account": ("name", "email", "parent_id"),
    "asset": ("asset",),
    "instrument": ("instrument",),
    "ticker": ("instrument",),
    "order_book": ("instrument",),
    "deposit_method": ("asset", "network"),
    "withdraw_method": ("asset", "network"),
    "server_time": (),
}
# What makes one native id two rows: both sides of a trade with oneself, an id that two lists share.
LEGS: Final[Mapping[str, str]] = {"fill": "side", "transfer": "direction"}


def _members(names: tuple[str, ...]) -> Callable[[Fact], Subject]:
    if len(names) > 1:
        return attrgetter(*names)
    return lambda fact: tuple(getattr(fact, name) for name in names)


_SUBJECT: Final = {kind: _members(names) for kind, names in SUBJECTS.items()}

_THERE: Final[Mapping[str, tuple[str, ...]]] = {
    "balance": ("total", "used"), "position": ("size",), "loan": ("principal", "interest"),
}  # fmt: skip


def is_empty(fact: Fact) -> bool:
    """Whether a state says that there is nothing, which an answer may say by leaving it out."""
    names = _THERE.get(fact.kind)
    return names is not None and not any(getattr(fact, name) for name in names)


def subject(fact: Fact) -> Subject:
    """What a state is of."""
    return _SUBJECT[fact.kind](fact)


def leg(fact: Fact) -> str:
    """Which of the rows of one native id it is; "" where there is but one."""
    name = LEGS.get(fact.kind)
    return str(getattr(fact, name)) if name else ""
