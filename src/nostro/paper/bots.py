"""Bots: users that place every kind of spot order, cancel some, and bring money in and out, so that a history has
everything a real one has. It decides what a bot does next, by its own seeded randomness; when it acts is
``history.py``'s, and what is done with contracts ``traders.py``'s.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any, Final, Literal

from nostro.domain.values import EXACT
from nostro.link.commands import (
    CancelAll,
    CancelOrders,
    Command,
    MoveFunds,
    PlaceOrder,
    RequestWithdrawal,
    Side,
    TimeInForce,
)
from nostro.paper.draws import below, between, one_of
from nostro.paper.prices import MICRO, Prices
from nostro.paper.venue.commands import Deposit
from nostro.paper.venue.numbers import amount_of
from nostro.paper.venue.rows import Outcome
from nostro.paper.venue.venue import Venue

OPEN_MAX: Final = 24  # orders that a bot leaves open; then it cancels
DOLLARS: Final = (15, 600)  # of one order, at least and at most
LARGE_CHANCE: Final = 6  # one in so many orders is ten times that: it takes several levels, or is taken in parts
START_DOLLARS: Final = 40_000  # that a bot first deposits of each asset
FEE_DOLLARS: Final = 1  # of each asset, for each fill: six times what its fee is, about, so that no asset runs out
LATER_DOLLARS: Final = (50, 2_500)  # of a later deposit or withdrawal
_HOUR_NS: Final = 3_600_000_000_000
_TIMES_IN_FORCE: Final[tuple[TimeInForce, ...]] = ("gtc", "ioc", "fok", "aon")

# Where each withdraw method of the profile can send to.
_DESTINATIONS: Final = {
    "address": {
        "Bitcoin": "bc1qq9f0l7d3vw0k5s2c8n4x6m5j7h3t2r9e8w4a6z",
        "Ethereum": "0x52908400098527886E0F7030069857D2E4169EE7",
        "Solana": "9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin",
    },
    "iban": {"SEPA": "DE89370400440532013000"},
    "account": {"Wire": "0001230456"},
    "memo": {"Solana": "4711", "SEPA": "savings", "Wire": "savings"},
}


Act = Callable[[str], dict[str, Any]]  # the fields of an order for an instrument


class Bot:
    """One user's hands. ``act`` and the others answer what came of it; a refusal is part of a life too. ``bank``: the
    user whose spot wallet its money comes to and goes from."""

    def __init__(self, venue: Venue, user: int, *, prices: Prices, random: Random) -> None:
        self.user = self.bank = user
        self._venue = venue
        self._prices = prices
        self._random = random
        self._numbered = 0
        self._acts = [act for share, act in self._kinds() for _ in range(share)]
        self.digits = {asset.code: asset.digits for asset in venue.assets()}
        self.currencies = self._held()

    def _held(self) -> list[str]:
        """The assets that it brings in."""
        return list(self.digits)

    def _kinds(self) -> tuple[tuple[int, Act], ...]:
        """The kinds of order, each with its share."""
        return (
            (14, self._market_by_amount),
            (8, self._market_by_quote),
            (22, self._limit_near),
            (10, self._limit_crossing),
            (12, self._limit_at_once),
            (8, self._limit_far),
            (6, self._post_only),
            (16, self._stop),
        )

    def act(self, symbol: str, *, at_ns: int) -> Outcome:
        """One order on an instrument, or a cancellation."""
        random, orders = self._random, self._venue.engine.users[self.user].orders
        if len(orders) > OPEN_MAX or (orders and below(random, 12) == 0):
            if below(random, 10) == 0:
                return self._do(CancelAll(instrument=symbol if below(random, 3) else None), at_ns)
            chosen = random.sample(sorted(orders), min(len(orders), between(random, (1, 4))))
            return self._do(CancelOrders(order_ids=tuple(chosen)), at_ns)
        fields = one_of(random, self._acts)(symbol)
        if below(random, 5) == 0:
            end = one_of(random, ("valid_till_ns", "expire_after_ns"))
            fields[end] = at_ns + between(random, (1, 72)) * _HOUR_NS
        return self._do(PlaceOrder(instrument=symbol, client_id=self.client_id(), **fields), at_ns)

    def client_id(self) -> str:
        self._numbered += 1
        return one_of(self._random, ("", "1", f"bot-{self._numbered}"))

    def prepare(self, *, at_ns: int) -> list[Outcome]:  # noqa: ARG002 - others have something to do
        """What is done before a session of trading."""
        return []

    def rest(self, symbol: str, *, at_ns: int) -> list[Outcome]:  # noqa: ARG002 - others have something to do
        """What is done after a session of trading an instrument."""
        return []

    def deposit(self, asset: str, *, dollars: int, at_ns: int) -> Outcome:
        amount = self.amount(asset, dollars)
        self._numbered += 1
        seen = hashlib.sha256(f"{self.user} {asset} {self._numbered} {at_ns}".encode()).hexdigest()
        return self._do(Deposit(user=self.bank, asset=asset, amount=amount, tx_hash=f"0x{seen}"), at_ns)

    def deposit_start(self, *, at_ns: int, fills: int = 0) -> None:
        """What it begins with: some of every asset, in three parts, because a deposit may be rejected; and what the
        fees of so many fills will cost it."""
        dollars = START_DOLLARS + FEE_DOLLARS * fills
        for asset in self.currencies:
            for _ in range(3):
                self.deposit(asset, dollars=dollars // 3, at_ns=at_ns)

    def deposit_some(self, *, at_ns: int) -> Outcome:
        asset = one_of(self._random, self.currencies)
        return self.deposit(asset, dollars=between(self._random, LATER_DOLLARS), at_ns=at_ns)

    def withdraw_some(self, *, at_ns: int) -> Outcome:
        methods = [method for method in self._venue.profile.withdraw_methods if method.enabled]
        method = one_of(self._random, methods)
        amount = max(method.amount_min, self.amount(method.asset, between(self._random, LATER_DOLLARS)))
        attributes = {name: _DESTINATIONS[name][method.network] for name, _ in method.attributes}
        self._make_free(method.asset, amount=EXACT.add(amount, method.fee), at_ns=at_ns)
        self._numbered += 1
        command = RequestWithdrawal(
            method=method.id, amount=amount, attributes=attributes, client_id=f"withdraw-{self._numbered}"
        )
        return self._do(command, at_ns)

    def _make_free(self, asset: str, *, amount: Decimal, at_ns: int) -> None:
        """Sees to it that an amount can leave: it lies in the spot wallet already."""

    def leave_open(self, symbol: str, *, at_ns: int) -> list[Outcome]:
        """Orders that stay: two far limits, a hidden one, and a stop."""
        kinds = [self._limit_far(symbol), self._limit_far(symbol), self._limit_far(symbol), self._stop_far(symbol)]
        kinds[2]["time_in_force"] = "aon"
        return [self._do(PlaceOrder(instrument=symbol, client_id="1", **fields), at_ns) for fields in kinds]

    # ── kinds of order ───────────────────────────────────────────────────────────────────────────────────────────

    def _market_by_amount(self, symbol: str) -> dict[str, Any]:
        rule = one_of(self._random, ("gtc", "ioc", "ioc", "ioc", "fok", "aon"))
        return self._order(symbol, "market", time_in_force=rule)

    def _market_by_quote(self, symbol: str) -> dict[str, Any]:
        fields = self._market_by_amount(symbol)
        instrument = self._venue.instrument(symbol)
        assert instrument is not None
        del fields["amount"]
        dollars = max(between(self._random, DOLLARS), 1 + int(instrument.value_min))
        fields["quote_amount"] = self.amount(instrument.quote, dollars)
        return fields

    def _limit_near(self, symbol: str) -> dict[str, Any]:
        """Inside the house's spread: it rests, and is the next to be hit."""
        return self._order(symbol, "limit", ppm=-below(self._random, 120))

    def _limit_crossing(self, symbol: str) -> dict[str, Any]:
        return self._order(symbol, "limit", ppm=between(self._random, (150, 1_200)))

    def _limit_at_once(self, symbol: str) -> dict[str, Any]:
        rule = one_of(self._random, ("ioc", "fok", "aon"))
        return self._order(symbol, "limit", ppm=between(self._random, (-100, 900)), time_in_force=rule)

    def _limit_far(self, symbol: str) -> dict[str, Any]:
        return self._order(symbol, "limit", ppm=-between(self._random, (8_000, 60_000)))

    def _post_only(self, symbol: str) -> dict[str, Any]:
        return self._order(symbol, "limit", ppm=between(self._random, (-400, 200))) | {"post_only": True}

    def _stop(self, symbol: str) -> dict[str, Any]:
        return self._stop_at(symbol, between(self._random, (1, 4_000)), one_of(self._random, _TIMES_IN_FORCE))

    def _stop_far(self, symbol: str) -> dict[str, Any]:
        return self._stop_at(symbol, 90_000, "gtc")

    def _stop_at(self, symbol: str, ppm: int, rule: TimeInForce) -> dict[str, Any]:
        """A stop so far above or below the market."""
        random = self._random
        operator: Literal["gte", "lte"] = one_of(random, ("gte", "lte"))
        kind: Literal["stop_limit", "stop_market"] = one_of(random, ("stop_limit", "stop_market"))
        fields = self._order(symbol, kind, ppm=between(random, (-200, 900)), time_in_force=rule)
        away = ppm if operator == "gte" else -ppm
        fields["stop_price"] = self._price(symbol, away)
        fields["stop_operator"] = operator
        if kind == "stop_limit":
            fields["price"] = self._price(symbol, away + between(random, (-500, 500)))
        else:
            fields.pop("price", None)
        return fields

    def _order(
        self, symbol: str, kind: str, *, ppm: int = 0, time_in_force: str = "gtc"
    ) -> dict[str, Any]:  # fmt: skip
        """``ppm``: how far the limit goes towards the other side of the market."""
        market, side = self._venue.engine.markets[symbol], self._side(symbol)
        base = symbol.split("/", maxsplit=1)[0]
        dollars = between(self._random, DOLLARS) * (1 if below(self._random, LARGE_CHANCE) else 10)
        lots = self._units(dollars, base, market.amount_digits)
        if below(self._random, 3) == 0:  # a person's number: two digits, then zeros
            written = str(lots)
            lots = int(written[:2]) * 10 ** max(0, len(written) - 2)
        lots = max(market.amount_min, min(market.amount_max, lots))
        fields: dict[str, Any] = {
            "wallet": "spot",
            "side": side,
            "type": kind,
            "time_in_force": time_in_force,
            "amount": amount_of(lots, market.amount_digits),
        }
        if kind == "limit":
            fields["price"] = self._price(symbol, ppm if side == "buy" else -ppm)
        return fields

    def _side(self, symbol: str) -> Side:
        """Mostly what the bot has more of, so that it runs out of nothing."""
        engine = self._venue.engine
        market, user = engine.markets[symbol], engine.users[self.user]
        base, quote = symbol.split("/")
        base_worth = user.free(market.base) * self._prices.dollars(base) // 10 ** self.digits[base]
        quote_worth = user.free(market.quote) * self._prices.dollars(quote) // 10 ** self.digits[quote]
        sells = below(self._random, 1 + base_worth + quote_worth) < base_worth
        return "sell" if sells else "buy"

    def _price(self, symbol: str, ppm: int) -> Decimal:
        """So far from the reference price, in whole ticks."""
        ticks = self._prices.ticks(symbol)
        return amount_of(max(1, ticks + ticks * ppm // MICRO), self._venue.engine.markets[symbol].price_digits)

    def amount(self, asset: str, dollars: int) -> Decimal:
        """An odd amount of an asset worth about so many dollars."""
        digits = self.digits[asset]
        return amount_of(self._units(dollars, asset, digits), digits)

    def _units(self, dollars: int, asset: str, digits: int) -> int:
        """An odd amount worth about so many dollars: up to 1 % more, in every digit."""
        worth = dollars * MICRO + below(self._random, dollars * MICRO // 100 + 1)
        units: int = worth * 10**digits // self._prices.dollars(asset)
        return max(1, units + between(self._random, (-(units // 200) - 1, units // 200 + 1)))

    def _do(self, command: Command | Deposit, at_ns: int) -> Outcome:
        if isinstance(command, Deposit):
            return self._venue.carry_out(command, at_ns=at_ns)
        user = self.bank if isinstance(command, RequestWithdrawal | MoveFunds) else self.user
        return self._venue.carry_out(command, user=user, at_ns=at_ns)
