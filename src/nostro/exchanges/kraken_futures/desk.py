"""What the paper server remembers of its callers beside the venue's truth: nonces, budgets, switches, preferences that
change nothing here. It decides when a key has spent too much and when a nonce is too old; it is forgotten when the
server ends.

*Ours*: how far behind the highest a nonce may come (the exchange speaks of a tolerance, without a number), and that
preferences of profit's currency and of self-trades are kept and mean nothing.
"""

from __future__ import annotations

from collections import deque
from typing import Final
from weakref import WeakKeyDictionary

from nostro.exchanges.kraken_futures.costs import Pool
from nostro.link import commands
from nostro.link.view import VenueView

NONCES_KEPT: Final = 1_000  # of each key: what comes behind the oldest of these is too old
REJECT_TAKER: Final = "REJECT_TAKER"  # Source: the default of self-trade-strategy


class Desk:
    """The memory of one server. ``switches``: when all orders of a user are canceled; ``currencies``: by user and
    symbol; ``strategies``: by user."""

    def __init__(self) -> None:
        self.switches: dict[int, int] = {}
        self.currencies: dict[int, dict[str, str]] = {}
        self.strategies: dict[int, str] = {}
        self._nonces: dict[str, deque[int]] = {}
        self._spent: dict[tuple[str, str], tuple[int, int]] = {}

    def take_nonce(self, key: str, nonce: int) -> str:
        """ "" for one that is new, else the code it is refused with."""
        known = self._nonces.setdefault(key, deque(maxlen=NONCES_KEPT))
        if nonce in known:
            return "nonceDuplicate"
        if len(known) == NONCES_KEPT and nonce < min(known):
            return "nonceBelowThreshold"
        known.append(nonce)
        return ""

    def spend(self, key: str, pool: Pool, *, cost: int, now_ns: int) -> int | None:
        """Takes the cost from the key's budget: None, or the seconds until there will be enough. Counted in tokens
        times ``refill_ns``, so that it is exact."""
        full = pool.tokens * pool.refill_ns
        left, at_ns = self._spent.get((key, pool.name), (full, now_ns))
        left = min(full, left + max(0, now_ns - at_ns) * pool.tokens)
        needed = cost * pool.refill_ns
        self._spent[key, pool.name] = (left - needed if needed <= left else left, now_ns)
        if needed <= left:
            return None
        return -(-(needed - left) // (pool.tokens * 1_000_000_000))

    def fire(self, view: VenueView) -> None:
        """Cancels the orders of every user whose switch has run out; it then is off (*believed*)."""
        now_ns = view.now_ns()
        for user in sorted(user for user, at_ns in self.switches.items() if at_ns <= now_ns):
            del self.switches[user]
            view.submit(user, commands.CancelAll())


_DESKS: Final[WeakKeyDictionary[VenueView, Desk]] = WeakKeyDictionary()


def desk(view: VenueView) -> Desk:
    """The desk of the server of this venue, with what ran out by now done."""
    found = _DESKS.setdefault(view, Desk())
    if found.switches:
        found.fire(view)
    return found
