"""The house: two users of the venue's own, one that quotes a ladder on every instrument, and one that trades with it so
that the market lives. They pay no fees and never run out. It decides how a price becomes orders; prices come from
``prices.py``, and when things happen is decided by ``history.py`` and ``live.py``.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from random import Random
from typing import Final

from nostro.link.commands import Accepted, CancelAll, PlaceOrder, Side, TimeInForce
from nostro.paper.draws import below, between
from nostro.paper.prices import MICRO, Prices, Print
from nostro.paper.venue.commands import CreateUser, Fund, SetIndex
from nostro.paper.venue.numbers import amount_of, at_most
from nostro.paper.venue.profile import INDEX_DIGITS
from nostro.paper.venue.rows import Outcome
from nostro.paper.venue.venue import Venue

MAKER: Final = "house-maker"
TAKER: Final = "house-taker"
HOUSE_FUNDS: Final = Decimal(100_000_000)  # of every asset, to each of the two: more than any user can take
LEVELS: Final = 4  # of a ladder, on each side
HALF_SPREAD_PPM: Final = 150  # from the reference price to the first level
LEVEL_PPM: Final = 250  # from level to level
LEVEL_DOLLARS: Final = (2_000, 20_000)  # what stands on a level, at least and at most
INDEX_PPM: Final = 1_000  # that an index price may be off by
FLOW_DOLLARS: Final = (20, 4_000)  # of one trade of the house


class House:
    """The two users, and what they do on one venue."""

    def __init__(self, venue: Venue, prices: Prices, *, random: Random, at_ns: int | None = None) -> None:
        """Creates and funds the users where the venue does not have them."""
        self._venue = venue
        self._prices = prices
        self._random = random
        self._quoted: dict[str, int] = {}
        self.maker = venue.user_named(MAKER) or self._found(MAKER, at_ns)
        self.taker = venue.user_named(TAKER) or self._found(TAKER, at_ns)

    def _found(self, name: str, at_ns: int | None) -> int:
        # *ours*: market makers pay no fees
        answer = self._venue.carry_out(CreateUser(name=name, maker_ppm=0, taker_ppm=0), at_ns=at_ns).answer
        assert isinstance(answer, Accepted)
        for asset in self._venue.assets():
            fund = Fund(user=answer.ids[0], wallet="spot", asset=asset.code, amount=HOUSE_FUNDS)
            self._venue.carry_out(fund, at_ns=at_ns)
        return answer.ids[0]

    def quote(self, symbol: str, *, at_ns: int | None = None) -> list[Outcome]:
        """A new ladder around the reference price, in place of the old one. Where an order of a user lies beyond the
        price, the ladder takes it: the market has moved through it."""
        reference = self._prices.ticks(symbol)
        self._quoted[symbol] = reference
        outcomes = [self._venue.carry_out(CancelAll(instrument=symbol), user=self.maker, at_ns=at_ns)]
        for level in range(LEVELS):
            distance = max(level + 1, reference * (HALF_SPREAD_PPM + level * LEVEL_PPM) // MICRO)
            ladder: tuple[tuple[Side, int], ...] = (("sell", reference + distance), ("buy", reference - distance))
            for side, ticks in ladder:
                lots = self._lots(symbol, LEVEL_DOLLARS)
                if ticks > 0:
                    order = self._limit(symbol, side=side, ticks=ticks, lots=lots)
                    outcomes.append(self._venue.carry_out(order, user=self.maker, at_ns=at_ns))
        return outcomes

    def drifted(self, symbol: str) -> bool:
        """Whether the reference price left the spread of the last ladder, or there is none."""
        quoted = self._quoted.get(symbol)
        if quoted is None:
            return True
        return abs(self._prices.ticks(symbol) - quoted) * MICRO > quoted * HALF_SPREAD_PPM

    def show_index(self, *, at_ns: int | None = None) -> None:
        """The venue's index prices follow the reference prices, where they are off by more than a little."""
        known = self._venue.engine.index.prices
        for place, asset in enumerate(self._venue.assets()):
            price = self._index_ticks(asset.code)
            if abs(price - known[place]) * MICRO > known[place] * INDEX_PPM:
                shown = SetIndex(asset=asset.code, price=amount_of(price, INDEX_DIGITS))
                self._venue.carry_out(shown, at_ns=at_ns)

    def index_price(self, asset: str) -> Decimal:
        """What one of the asset is worth at the reference prices, in the venue's quote asset."""
        return amount_of(self._index_ticks(asset), INDEX_DIGITS)

    def price(self, symbol: str) -> Decimal:
        """The reference price of an instrument."""
        return amount_of(self._prices.ticks(symbol), self._venue.engine.markets[symbol].price_digits)

    def _index_ticks(self, asset: str) -> int:
        quote = self._venue.profile.quote_asset
        return self._prices.dollars(asset) * 10**INDEX_DIGITS // self._prices.dollars(quote)

    def flow(self, symbol: str, *, at_ns: int | None = None) -> Outcome:
        """One trade of the house with whoever stands best."""
        instrument = self._venue.engine.markets[symbol]
        amount = amount_of(self._lots(symbol, FLOW_DOLLARS), instrument.amount_digits)
        order = PlaceOrder(
            wallet="spot",
            instrument=symbol,
            side="buy" if below(self._random, 2) else "sell",
            type="market",
            time_in_force="ioc",
            amount=amount,
        )
        return self._venue.carry_out(order, user=self.taker, at_ns=at_ns)

    def replay(self, symbol: str, prints: Iterable[Print], *, shift_ns: int = 0) -> tuple[int, int]:
        """Makes recorded trades happen again, each at its own price and amount, ``shift_ns`` later than recorded. How
        many did, and how many were too small for the instrument and only moved the price."""
        traded = skipped = 0
        market = self._venue.engine.markets[symbol]
        for each in prints:
            ticks = max(1, at_most(each.price, market.price_digits))
            lots = at_most(each.amount, market.amount_digits)
            self._prices.take(symbol, ticks)
            at_ns = each.time_ns + shift_ns
            self.quote(symbol, at_ns=at_ns)
            if lots < market.amount_min or lots * ticks < market.value_min:
                skipped += 1
                continue
            other: Side = "sell" if each.side == "buy" else "buy"
            resting = self._limit(symbol, side=other, ticks=ticks, lots=lots)
            self._venue.carry_out(resting, user=self.maker, at_ns=at_ns)
            taking = self._limit(symbol, side=each.side, ticks=ticks, lots=lots, time_in_force="ioc")
            self._venue.carry_out(taking, user=self.taker, at_ns=at_ns)
            traded += 1
        return traded, skipped

    def _limit(
        self, symbol: str, *, side: Side, ticks: int, lots: int, time_in_force: TimeInForce = "gtc"
    ) -> PlaceOrder:
        market = self._venue.engine.markets[symbol]
        return PlaceOrder(
            wallet="spot",
            instrument=symbol,
            side=side,
            type="limit",
            time_in_force=time_in_force,
            amount=amount_of(lots, market.amount_digits),
            price=amount_of(ticks, market.price_digits),
        )

    def _lots(self, symbol: str, dollars: tuple[int, int]) -> int:
        """A random amount worth so many dollars, in lots, within the instrument's bounds."""
        market = self._venue.engine.markets[symbol]
        asset = symbol.split("/", maxsplit=1)[0]
        worth = between(self._random, (dollars[0] * MICRO, dollars[1] * MICRO))
        lots: int = worth * 10**market.amount_digits // self._prices.dollars(asset)
        return max(market.amount_min, min(market.amount_max, lots))
