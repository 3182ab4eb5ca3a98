"""Traders: bots that trade contracts. They open, add, reduce, close and flip, on one side or on both, rest, stop, edit
and cancel, set leverage and modes, and move money between their wallets. It decides what a trader does next; what all
bots share is ``bots.py``'s.
"""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any, Final, NamedTuple

from nostro.link.commands import (
    CancelAll,
    EditOrder,
    MarginMode,
    MoveFunds,
    PlaceOrder,
    PositionSide,
    SetLeverage,
    SetMarginMode,
    Side,
    Trigger,
)
from nostro.paper.bots import Act, Bot
from nostro.paper.draws import below, between, one_of
from nostro.paper.prices import MICRO, Prices
from nostro.paper.venue.contracts import SIDES
from nostro.paper.venue.numbers import amount_of, at_most
from nostro.paper.venue.positions import size_of
from nostro.paper.venue.rows import Outcome
from nostro.paper.venue.venue import Venue

DOLLARS: Final = (150, 2_500)  # of one order, at least and at most
LARGE_CHANCE: Final = 8  # one in so many orders is four times that
POSITION_DOLLARS: Final = 12_000  # a larger position is only made smaller
LEVERAGES: Final = (Decimal(2), Decimal(3), Decimal("4.5"), Decimal(5), Decimal(8), Decimal(10), Decimal(20), None)
MODES: Final[tuple[MarginMode, ...]] = ("cross", "isolated")
TRIGGERS: Final[tuple[Trigger, ...]] = ("last", "mark", "index")
NUMBERS: Final = 10**9  # of orders that one user can give a number
NIGHTS_HELD: Final = 5  # one night in so many a position is held over
KEPT_PERCENT: Final = 20  # of what is free in the spot wallet stays there


class Stance(NamedTuple):
    """A position: signed lots."""

    side: PositionSide
    size: int


class Trader(Bot):
    """One user's hands on contracts. A sub-account's money comes from its master."""

    def __init__(self, venue: Venue, user: int, *, prices: Prices, random: Random, bank: int | None = None) -> None:
        self._contracts = {each.symbol: each for each in venue.instruments() if each.settle}
        super().__init__(venue, user, prices=prices, random=random)
        self.bank = user if bank is None else bank
        self.sides: tuple[PositionSide, ...] = ("long", "short") if venue.profile.hedge else ("both",)
        self._places = {asset.code: place for place, asset in enumerate(venue.assets())}
        self.wallets = self._collateral_wallets()

    def _held(self) -> list[str]:
        profile = self._venue.profile
        settled = [each.settle for each in self._contracts.values()]
        return list(dict.fromkeys([each.asset for each in profile.collateral] + settled))

    def _collateral_wallets(self) -> dict[str, list[str]]:
        """Which wallets take an asset."""
        taken: dict[str, dict[str, None]] = {each.asset: {"futures": None} for each in self._venue.profile.collateral}
        for each in self._contracts.values():
            taken.setdefault(each.settle, {})[each.wallet] = None
        return {asset: list(wallets) for asset, wallets in taken.items()}

    def _kinds(self) -> tuple[tuple[int, Act], ...]:
        return (
            (16, self._market),
            (8, self._market_less),
            (3, self._market_out),
            (3, self._market_over),
            (22, self._limit_near),
            (10, self._limit_crossing),
            (10, self._limit_at_once),
            (6, self._limit_far),
            (6, self._post_only),
            (6, self._limit_less),
            (8, self._stop),
            (6, self._stop_less),
        )

    def act(self, symbol: str, *, at_ns: int) -> Outcome:
        """One order, an edit, a cancellation, or a setting of an instrument."""
        roll = below(self._random, 200)
        if roll < 14 and self._venue.engine.users[self.user].orders:
            return self._do(self._edit(), at_ns)
        if roll >= 198:
            return self._do(self._leverage(symbol), at_ns)
        if roll == 197:
            return self._do(SetMarginMode(instrument=symbol, mode=one_of(self._random, MODES)), at_ns)
        return super().act(symbol, at_ns=at_ns)

    def prepare(self, *, at_ns: int) -> list[Outcome]:
        """What came in is moved to where it can be traded with, but for a part."""
        outcomes = []
        bank = self._venue.engine.users[self.bank]
        for asset, wallets in self.wallets.items():
            free = bank.free(self._places[asset])
            moved = free * (100 - KEPT_PERCENT) // (100 * len(wallets))
            if moved * self._prices.dollars(asset) >= 10 * MICRO * 10 ** self.digits[asset]:
                outcomes += [self.move(wallet, asset, units=moved, at_ns=at_ns) for wallet in wallets]
        return outcomes

    def rest(self, symbol: str, *, at_ns: int) -> list[Outcome]:
        """Most nights are spent without a position: holding one costs, and each hour of it is a row."""
        if below(self._random, NIGHTS_HELD) == 0:
            return []
        engine, outcomes = self._venue.engine, [self._do(CancelAll(instrument=symbol), at_ns)]
        user, contract = engine.users[self.user], engine.futures.contracts[symbol]
        for side in self.sides:
            size = size_of(user, contract, side=SIDES.index(side))
            if size:
                order = PlaceOrder(
                    wallet=self._contracts[symbol].wallet, instrument=symbol, type="market", time_in_force="ioc",
                    side="sell" if size > 0 else "buy", position_side=side, reduce_only=True,
                    amount=amount_of(abs(size), contract.amount_digits), client_id=self.client_id(),
                )  # fmt: skip
                outcomes.append(self._do(order, at_ns))
        return outcomes

    def move(self, wallet: str, asset: str, *, units: int, at_ns: int) -> Outcome:
        """Moves so many units to a wallet from the spot wallet, or back where they are negative."""
        amount = amount_of(abs(units), self.digits[asset])
        here, there = (self.bank, "spot"), (self.user, wallet)
        source, target = (here, there) if units > 0 else (there, here)
        command = MoveFunds(
            from_account=source[0], from_wallet=source[1], to_account=target[0], to_wallet=target[1], asset=asset,
            amount=amount,
        )  # fmt: skip
        return self._do(command, at_ns)

    def _make_free(self, asset: str, *, amount: Decimal, at_ns: int) -> None:
        """What is to leave first comes back from where it is traded with."""
        units = at_most(amount, self.digits[asset])
        self.move(one_of(self._random, self.wallets[asset]), asset, units=-units, at_ns=at_ns)

    def leave_open(self, symbol: str, *, at_ns: int) -> list[Outcome]:
        """A position, and orders that stay: two far limits and a stop."""
        kinds = [self._market(symbol), self._limit_far(symbol), self._limit_far(symbol), self._stop_far(symbol)]
        return [
            self._do(PlaceOrder(instrument=symbol, client_id=self.client_id(), **fields), at_ns) for fields in kinds
        ]

    def client_id(self) -> str:
        """A number of its own for each order: some wires know no other."""
        self._numbered += 1
        return str(self.user * NUMBERS + self._numbered)

    # ── settings and edits ───────────────────────────────────────────────────────────────────────────────────────

    def _leverage(self, symbol: str) -> SetLeverage:
        side = one_of(self._random, self.sides)
        return SetLeverage(instrument=symbol, position_side=side, leverage=one_of(self._random, LEVERAGES))

    def _edit(self) -> EditOrder:
        """An open order becomes smaller or larger, cheaper or dearer."""
        random, orders = self._random, self._venue.engine.users[self.user].orders
        order = orders[one_of(random, sorted(orders))]
        market = order.market
        resized, moved = one_of(random, ((True, False), (False, True), (True, True)))
        lots = order.filled + max(market.amount_min, (order.lots - order.filled) * between(random, (40, 150)) // 100)
        far = between(random, (-3_000, 3_000))
        price, stop = (None if ticks is None else ticks + ticks * far // MICRO for ticks in (order.price, order.stop))
        return EditOrder(
            order_id=order.id,
            amount=amount_of(lots, market.amount_digits) if resized else None,
            price=amount_of(price, market.price_digits) if moved and price is not None else None,
            stop_price=amount_of(stop, market.price_digits) if moved and stop is not None else None,
        )

    # ── kinds of order ───────────────────────────────────────────────────────────────────────────────────────────

    def _market(self, symbol: str) -> dict[str, Any]:
        rule = one_of(self._random, ("gtc", "ioc", "ioc", "fok"))
        return self._more(symbol, "market", time_in_force=rule)

    def _market_less(self, symbol: str) -> dict[str, Any]:
        return self._less(symbol, "market", time_in_force="ioc")

    def _market_out(self, symbol: str) -> dict[str, Any]:
        return self._less(symbol, "market", time_in_force="ioc", percent=100)

    def _market_over(self, symbol: str) -> dict[str, Any]:
        """From one side to the other; where a position has one side, out of it."""
        return self._less(symbol, "market", time_in_force="ioc", percent=100 if self._venue.profile.hedge else 180)

    def _limit_near(self, symbol: str) -> dict[str, Any]:
        return self._more(symbol, "limit", ppm=-below(self._random, 120))

    def _limit_crossing(self, symbol: str) -> dict[str, Any]:
        return self._more(symbol, "limit", ppm=between(self._random, (150, 1_200)))

    def _limit_at_once(self, symbol: str) -> dict[str, Any]:
        rule = one_of(self._random, ("ioc", "fok"))
        return self._more(symbol, "limit", ppm=between(self._random, (-100, 900)), time_in_force=rule)

    def _limit_far(self, symbol: str) -> dict[str, Any]:
        return self._more(symbol, "limit", ppm=-between(self._random, (8_000, 60_000)))

    def _post_only(self, symbol: str) -> dict[str, Any]:
        return self._more(symbol, "limit", ppm=between(self._random, (-400, 200))) | {"post_only": True}

    def _limit_less(self, symbol: str) -> dict[str, Any]:
        return self._less(symbol, "limit", ppm=between(self._random, (-900, 300)))

    def _stop(self, symbol: str) -> dict[str, Any]:
        return self._stopped(symbol, self._more(symbol, "limit"), ppm=between(self._random, (1, 4_000)))

    def _stop_less(self, symbol: str) -> dict[str, Any]:
        return self._stopped(symbol, self._less(symbol, "limit"), ppm=between(self._random, (1, 6_000)))

    def _stop_far(self, symbol: str) -> dict[str, Any]:
        return self._stopped(symbol, self._more(symbol, "limit"), ppm=90_000)

    def _stopped(self, symbol: str, fields: dict[str, Any], *, ppm: int) -> dict[str, Any]:
        """The order, as one that waits until the price has gone so far up or down."""
        random = self._random
        operator = one_of(random, ("gte", "lte"))
        away = ppm if operator == "gte" else -ppm
        fields |= {
            "type": one_of(random, ("stop_limit", "stop_market")),
            "stop_price": self._price(symbol, away),
            "stop_operator": operator,
            "trigger": one_of(random, TRIGGERS),
        }
        if fields["type"] == "stop_limit":
            fields["price"] = self._price(symbol, away + between(random, (-500, 500)))
        else:
            del fields["price"]
        return fields

    def _more(self, symbol: str, kind: str, *, ppm: int = 0, time_in_force: str = "gtc") -> dict[str, Any]:
        """An order that opens or adds, unless the position is large already."""
        stance, large = self._stance(symbol), self._prices.lots(symbol, POSITION_DOLLARS * MICRO)
        if abs(stance.size) > large:
            return self._less(symbol, kind, ppm=ppm, time_in_force=time_in_force)
        dollars = between(self._random, DOLLARS) * (1 if below(self._random, LARGE_CHANCE) else 4)
        lots = self._prices.lots(symbol, dollars * MICRO + below(self._random, MICRO))
        side: Side = "buy" if below(self._random, 2) else "sell"
        if stance.side != "both":
            side = "buy" if stance.side == "long" else "sell"
        return self._fields(symbol, kind, stance.side, side=side, lots=lots, ppm=ppm) | {"time_in_force": time_in_force}

    def _less(
        self, symbol: str, kind: str, *, ppm: int = 0, time_in_force: str = "gtc", percent: int | None = None
    ) -> dict[str, Any]:
        """An order against the position, of a part of it; more than all of it flips it. Where there is none, one that
        the venue refuses."""
        stance = self._stance(symbol)
        part = between(self._random, (5, 101)) if percent is None else percent
        lots = -(-abs(stance.size) * part // 100)
        side: Side = "sell" if stance.size > 0 or stance.side == "long" else "buy"
        fields = self._fields(symbol, kind, stance.side, side=side, lots=lots, ppm=ppm)
        return fields | {"time_in_force": time_in_force, "reduce_only": part <= 100}

    def _fields(
        self, symbol: str, kind: str, position_side: PositionSide, *, side: Side, lots: int, ppm: int
    ) -> dict[str, Any]:
        market = self._venue.engine.markets[symbol]
        if below(self._random, 3) == 0:  # a person's number: two digits, then zeros
            written = str(lots)
            lots = int(written[:2]) * 10 ** max(0, len(written) - 2)
        lots = max(market.amount_min, min(market.amount_max, lots))
        fields: dict[str, Any] = {
            "wallet": self._contracts[symbol].wallet,
            "type": kind,
            "side": side,
            "position_side": position_side,
            "amount": amount_of(lots, market.amount_digits),
        }
        if kind == "limit":
            fields["price"] = self._price(symbol, ppm if side == "buy" else -ppm)
        return fields

    def _stance(self, symbol: str) -> Stance:
        """One of its positions in a contract, chosen by chance where there are two."""
        engine, side = self._venue.engine, one_of(self._random, self.sides)
        return Stance(side, size_of(engine.users[self.user], engine.futures.contracts[symbol], side=SIDES.index(side)))
