"""What a call costs, and how much a key may spend. It decides numbers only; who counts is the server's desk.

Source: Kraken Futures documentation, *Rate limits* of May 2026: two pools, for ``/derivatives`` and for the histories.
Public calls are free. The account log's cost grows with ``count``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from nostro.domain.values import SECOND_NS
from nostro.link.declare import Route


class Pool(msgspec.Struct, frozen=True):
    """``tokens`` at the most, and so many again after ``refill_ns``, little by little."""

    name: str
    tokens: int
    refill_ns: int


DERIVATIVES: Final = Pool("derivatives", 500, 10 * SECOND_NS)
HISTORY: Final = Pool("history", 100, 600 * SECOND_NS)

_COSTS: Final[Mapping[str, int]] = {
    "accounts": 2, "open_positions": 2, "open_orders": 2, "fills": 2, "leverage_preferences": 2, "pnl_preferences": 2,
    "self_trade_strategy": 2, "set_self_trade_strategy": 2, "unwind_queue": 200, "order_statuses": 1,
    "order_statuses_posted": 1, "send_order": 10, "edit_order": 10, "cancel_order": 10, "cancel_all_orders": 25,
    "cancel_all_orders_after": 25, "set_leverage_preference": 10, "set_pnl_preference": 10, "account_log_csv": 6,
}  # fmt: skip
_PAGED_FILLS: Final = 25  # with lastFillTime
_BATCH: Final = 9  # and one for each item
_LOG: Final = ((25, 1), (50, 2), (1_000, 3), (5_000, 6), (100_000, 10))  # up to so many rows, so much
LOG_DEFAULT: Final = 500


def pool(route: Route) -> Pool:
    return HISTORY if route.path.startswith("api/history") else DERIVATIVES


def cost(route: Route, given: Mapping[str, str], *, items: int = 0) -> int:
    """Tokens for a call with these parameters, and ``items`` in its batch."""
    if route.name == "batch_order":
        return _BATCH + items
    if route.name == "fills" and given.get("lastFillTime"):
        return _PAGED_FILLS
    if route.name == "account_log":
        text = given.get("count", "")
        count = int(text) if text.isascii() and text.isdecimal() and len(text) <= 6 else LOG_DEFAULT
        return next((price for most, price in _LOG if count <= most), _LOG[-1][1])
    return _COSTS.get(route.name, 1)
