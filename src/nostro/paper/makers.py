"""The house: two users of the venue's own, one that quotes a ladder on every instrument, and one that trades with it so
that the market lives. They pay no fees and never run out. It decides how a price becomes orders; prices come from
``prices.py``, and when things happen is decided by ``history.py`` and ``live.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from random import Random
from typing import Final

from nostro.domain.values import SECOND_NS
from nostro.link.commands import Accepted, CancelAll, PlaceOrder, PositionSide, Side, TimeInForce
from nostro.paper.draws import below, between
from nostro.paper.prices import MICRO, Prices, Print
from nostro.paper.venue.commands import CreateUser, Fund, SetFundingRate, SetIndex, SetMark
from nostro.paper.venue.contracts import SIDES
from nostro.paper.venue.numbers import amount_of, at_most
from nostro.paper.venue.positions import size_of
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
MARK_PPM: Final = 300  # that a mark price may be
RATE_DIGITS: Final = 9  # of a funding rate
FLOW_DOLLARS: Final = (20, 4_000)  # of one trade of the house

OPENED_BY: Final[Mapping[Side, PositionSide]] = {"buy": "long", "sell": "short"}
CLOSED_BY: Final[Mapping[Side, PositionSide]] = {"buy": "short", "sell": "long"}


class House:
    """The two users, and what they do on one venue."""

    def __init__(self, venue: Venue, prices: Prices, *, random: Random, at_ns: int | None = None) -> None:
        """Creates and funds the users where the venue does not have them."""
        self._venue = venue
        self._prices = prices
        self._random = random
        self._quoted: dict[str, int] = {}
        self._contracts = [each for each in venue.instruments() if each.settle]
        self._marks = {each.symbol: at_most(venue.mark(each.symbol), each.price_digits) for each in self._contracts}
        self._funded: dict[str, int] = {}
        self.maker = venue.user_named(MAKER) or self._found(MAKER, at_ns)
        self.taker = venue.user_named(TAKER) or self._found(TAKER, at_ns)

    def _found(self, name: str, at_ns: int | None) -> int:
        # *ours*: market makers pay no fees
        answer = self._venue.carry_out(CreateUser(name=name, maker_ppm=0, taker_ppm=0), at_ns=at_ns).answer
        assert isinstance(answer, Accepted)
        spot = {asset for each in self._venue.instruments() if not each.settle for asset in (each.base, each.quote)}
        places = [("spot", asset.code) for asset in self._venue.assets() if asset.code in spot]
        for wallet, asset in places + list(dict.fromkeys((each.wallet, each.settle) for each in self._contracts)):
            fund = Fund(user=answer.ids[0], wallet=wallet, asset=asset, amount=HOUSE_FUNDS)
            self._venue.carry_out(fund, at_ns=at_ns)
        return answer.ids[0]

    def quote(self, symbol: str, *, at_ns: int | None = None) -> list[Outcome]:
        """A new ladder around the reference price, in place of the old one. Where an order of a user lies beyond the
        price, the ladder takes it: the market has moved through it."""
        reference = self._prices.ticks(symbol)
        self._quoted[symbol] = reference
        outcomes = self._show_mark(symbol, within_ppm=0, at_ns=at_ns)
        outcomes.append(self._venue.carry_out(CancelAll(instrument=symbol), user=self.maker, at_ns=at_ns))
        closable = self._closable(self.maker, symbol)
        for level in range(LEVELS):
            distance = max(level + 1, reference * (HALF_SPREAD_PPM + level * LEVEL_PPM) // MICRO)
            ladder: tuple[tuple[Side, int], ...] = (("sell", reference + distance), ("buy", reference - distance))
            for side, ticks in ladder:
                lots = self._lots(symbol, LEVEL_DOLLARS)
                if ticks > 0:
                    chosen = self._chosen(closable, side, lots=lots)
                    order = self._limit(symbol, side=side, ticks=ticks, lots=lots, position_side=chosen)
                    outcomes.append(self._venue.carry_out(order, user=self.maker, at_ns=at_ns))
        return outcomes

    def drifted(self, symbol: str) -> bool:
        """Whether the reference price left the spread of the last ladder, or there is none."""
        quoted = self._quoted.get(symbol)
        if quoted is None:
            return True
        return abs(self._prices.ticks(symbol) - quoted) * MICRO > quoted * HALF_SPREAD_PPM

    def show_prices(self, *, at_ns: int | None = None) -> list[Outcome]:
        """The venue's index and mark prices follow the reference prices, where they are off by more than a little, and
        a contract's funding rate follows them once an interval."""
        known, outcomes = self._venue.engine.index.prices, []
        for place, asset in enumerate(self._venue.assets()):
            price = self._index_ticks(asset.code)
            if abs(price - known[place]) * MICRO > known[place] * INDEX_PPM:
                shown = SetIndex(asset=asset.code, price=amount_of(price, INDEX_DIGITS))
                outcomes.append(self._venue.carry_out(shown, at_ns=at_ns))
        now_ns = self._venue.now_ns() if at_ns is None else at_ns
        for each in self._contracts:
            outcomes += self._show_mark(each.symbol, within_ppm=MARK_PPM, at_ns=at_ns)
            interval = now_ns // (each.funding_interval_s * SECOND_NS)
            if self._funded.get(each.symbol) != interval:
                self._funded[each.symbol] = interval
                rate = amount_of(self._prices.funding_ppb(each.symbol), RATE_DIGITS)
                outcomes.append(self._venue.carry_out(SetFundingRate(instrument=each.symbol, rate=rate), at_ns=at_ns))
        return outcomes

    def _show_mark(self, symbol: str, *, within_ppm: int, at_ns: int | None) -> list[Outcome]:
        """The mark price of a contract follows its reference price, where it is further off."""
        shown, ticks = self._marks.get(symbol), self._prices.ticks(symbol)
        if shown is None or abs(ticks - shown) * MICRO <= shown * within_ppm:
            return []
        self._marks[symbol] = ticks
        mark = amount_of(ticks, self._venue.engine.markets[symbol].price_digits)
        return [self._venue.carry_out(SetMark(instrument=symbol, price=mark), at_ns=at_ns)]

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
        lots = self._lots(symbol, FLOW_DOLLARS)
        side: Side = "buy" if below(self._random, 2) else "sell"
        order = PlaceOrder(
            wallet=self._wallet(symbol),
            instrument=symbol,
            side=side,
            type="market",
            time_in_force="ioc",
            amount=amount_of(lots, self._venue.engine.markets[symbol].amount_digits),
            position_side=self._chosen(self._closable(self.taker, symbol), side, lots=lots),
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
            chosen = self._chosen(self._closable(self.maker, symbol), other, lots=lots)
            resting = self._limit(symbol, side=other, ticks=ticks, lots=lots, position_side=chosen)
            self._venue.carry_out(resting, user=self.maker, at_ns=at_ns)
            chosen = self._chosen(self._closable(self.taker, symbol), each.side, lots=lots)
            taking = self._limit(
                symbol, side=each.side, ticks=ticks, lots=lots, position_side=chosen, time_in_force="ioc"
            )
            self._venue.carry_out(taking, user=self.taker, at_ns=at_ns)
            traded += 1
        return traded, skipped

    def _limit(
        self, symbol: str, *, side: Side, ticks: int, lots: int, position_side: PositionSide,
        time_in_force: TimeInForce = "gtc",
    ) -> PlaceOrder:  # fmt: skip
        market = self._venue.engine.markets[symbol]
        return PlaceOrder(
            wallet=self._wallet(symbol),
            instrument=symbol,
            side=side,
            type="limit",
            time_in_force=time_in_force,
            amount=amount_of(lots, market.amount_digits),
            price=amount_of(ticks, market.price_digits),
            position_side=position_side,
        )

    def _wallet(self, symbol: str) -> str:
        instrument = self._venue.instrument(symbol)
        assert instrument is not None
        return instrument.wallet or "spot"

    def _closable(self, user: int, symbol: str) -> dict[PositionSide, int] | None:
        """Lots of the long and of the short position of a contract, None where there are no two."""
        if not (self._venue.profile.hedge and symbol in self._marks):
            return None
        engine = self._venue.engine
        holder, contract = engine.users[user], engine.futures.contracts[symbol]
        return {side: abs(size_of(holder, contract, side=SIDES.index(side))) for side in CLOSED_BY.values()}

    @staticmethod
    def _chosen(closable: dict[PositionSide, int] | None, side: Side, *, lots: int) -> PositionSide:
        """Which position an order is for: the other one as long as it can take all of it, so that none grows without
        end."""
        if closable is None:
            return "both"
        other = CLOSED_BY[side]
        if closable.get(other, 0) < lots:
            return OPENED_BY[side]
        closable[other] -= lots
        return other

    def _lots(self, symbol: str, dollars: tuple[int, int]) -> int:
        """A random amount worth so many dollars, in lots, within the instrument's bounds."""
        market = self._venue.engine.markets[symbol]
        least = max(dollars[0] * MICRO, self._prices.least(symbol))
        lots = self._prices.lots(symbol, between(self._random, (least, dollars[1] * MICRO)))
        return max(market.amount_min, min(market.amount_max, lots))
