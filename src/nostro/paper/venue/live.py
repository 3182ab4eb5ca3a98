"""The present of a running paper exchange: what happens in it from second to second. It decides the market's pace; the
server calls it with the time, and everything it does goes through the venue's commands.
"""

from __future__ import annotations

from random import Random
from typing import Final

from nostro.domain.values import SECOND_NS
from nostro.paper.makers import House
from nostro.paper.prices import Prices
from nostro.paper.venue.numbers import amount_of, at_most
from nostro.paper.venue.operations import Desk
from nostro.paper.venue.profile import INDEX_DIGITS
from nostro.paper.venue.venue import Venue

STEP_S_MAX: Final = 86_400  # a longer absence moves prices no further than this
FLOW_CHANCE: Final = 3  # one in so many steps has a trade of the house


class Market:
    """Prices, the house and the desk of one venue. After a restart prices go on from the index."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        # The last command's number makes each run's chances its own, and a replayed run's the same.
        self._random = Random(f"live {venue.seed} {venue.last_command}")
        self._prices = Prices(venue.profile, self._random)
        for asset, price in zip(venue.assets(), venue.engine.index.prices, strict=True):
            self._prices.resume(asset.code, amount_of(price, INDEX_DIGITS))
        for contract in venue.instruments():
            if contract.settle:
                self._prices.lean(contract.symbol, at_most(venue.mark(contract.symbol), contract.price_digits))
        self._house = House(venue, self._prices, random=self._random)
        self._desk = Desk(venue)
        self._symbols = [instrument.symbol for instrument in venue.instruments()]
        self._turn = 0
        self._stepped_ns = venue.engine.at_ns

    def advance(self, now_ns: int) -> None:
        """Lets the venue catch up: prices move, one instrument gets its turn, orders end, transfers go on. One
        transaction; call it about once a second. Raises what `Venue.carry_out` raises."""
        passed_s = (now_ns - self._stepped_ns) // SECOND_NS
        if passed_s < 1:
            return
        self._stepped_ns += passed_s * SECOND_NS
        symbol = self._symbols[self._turn % len(self._symbols)]
        self._turn += 1
        with self._venue.batch():
            self._venue.tick(at_ns=now_ns)
            self._desk.advance(now_ns)
            self._prices.step(min(passed_s, STEP_S_MAX))
            self._house.show_prices(at_ns=now_ns)
            if self._house.drifted(symbol):
                self._house.quote(symbol, at_ns=now_ns)
            if self._random.randrange(FLOW_CHANCE) == 0:
                self._house.flow(symbol, at_ns=now_ns)
