"""What of a state follows from the mark price, and so moves without anything happening to the account. It decides which
members do, and when two statements about one state agree; what is done where they do not is decided by who asks
(``link/live.py``, ``book/``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from nostro.domain.fact import STAMP, Fact

# A summary in USD of assets in several currencies follows from their prices whole, its balance too.
FOLLOWS: Final[Mapping[str, frozenset[str]]] = {
    "balance": frozenset({"index_price", "unrealized_pnl", "value", "collateral_value", "transferable"}),
    "margin_summary": frozenset({
        "balance", "equity", "unrealized_pnl", "unrealized_funding", "initial_margin", "maintenance_margin",
        "order_margin", "used", "available", "leverage", "leverage_long", "leverage_short", "collateral_value",
        "unrealized_as_margin", "cross_equity", "cross_unrealized_pnl", "margin_balance", "derisk_margin",
        "derisk_ratio", "vault_margin_addition", "index_price", "portfolio",
    }),
    "position": frozenset({
        "mark_price", "index_price", "quote_index_price", "notional", "unrealized_pnl", "total_pnl",
        "unrealized_funding", "roi", "margin", "initial_margin", "maintenance_margin", "isolated_balance",
        "isolated_initial_margin", "isolated_maintenance_margin", "leverage", "liquidation_price",
    }),
}  # fmt: skip
_TIMES: Final = ("effective_ns", "updated_ns")


def differences(one: Fact, other: Fact) -> tuple[str, ...]:
    """The members that both know and that differ, but for stamp, times, what has no word of ours, and what follows from
    the mark price."""
    spared = FOLLOWS.get(one.kind, frozenset())
    return tuple(
        name
        for name in one.__struct_fields__
        if name not in STAMP and name not in _TIMES and name != "extra" and name not in spared
        and _contradict(getattr(one, name), getattr(other, name))
    )  # fmt: skip


def _contradict(one: object, other: object) -> bool:
    return one is not None and other is not None and one != other
