"""A login that trades with borrowed money, in its own wallets and in those of its sub-account: it borrows, lets orders
borrow and repay for it, pays back, closes positions, and once is liquidated. It decides what is done with margin; the
market it happens in is ``makers.py``'s, and when it happens ``history.py``'s.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal
from random import Random
from typing import Final, NamedTuple

from nostro.domain.values import EXACT, quotient
from nostro.link.commands import (
    Borrow,
    ClosePosition,
    Command,
    MoveMargin,
    PlaceOrder,
    Repay,
    Side,
    SideEffect,
)
from nostro.paper.bots import Bot
from nostro.paper.draws import between
from nostro.paper.makers import House
from nostro.paper.venue.commands import SetIndex
from nostro.paper.venue.numbers import amount_of, at_most
from nostro.paper.venue.profile import INDEX_DIGITS
from nostro.paper.venue.rows import Outcome
from nostro.paper.venue.venue import Venue

STORIES: Final = 24  # of a whole history
STEPS_MAX: Final = 5  # of one story
DIGITS: Final = 8  # that every asset has
COLLATERAL_DOLLARS: Final = (1_500, 4_000)  # of one story
LEVER_PERCENT: Final = 190  # of its collateral is borrowed by who will be liquidated: a little less than may be
CRASH_PERCENT: Final = 64  # of the price is what the index then shows for a moment: that much is owed twice over


class _Story(NamedTuple):
    """``hands``: who places the orders; ``steps``: what is done, one a session."""

    hands: Bot
    wallet: str
    symbol: str
    steps: tuple[Callable[[_Story, int], list[Outcome]], ...]


class Borrower:
    """The master's margin, and its sub-account's. It asks for both; each places its own orders."""

    def __init__(self, venue: Venue, *, master: Bot, sub: Bot, house: House, random: Random) -> None:
        self._venue = venue
        self._house = house
        self._random = random
        self._user = master.user
        usual = (self._pledge, self._trade, self._lean, self._repay, self._leave)
        fatal = (self._overreach, self._crash, self._leave)
        self._stories = (
            _Story(master, "cross_margin", "BTC/USDT", usual),
            _Story(sub, "isolated_margin:ETH/USDT", "ETH/USDT", usual),
            _Story(master, "isolated_margin:BTC/USDT", "BTC/USDT", fatal),
            _Story(sub, "cross_margin", "SOL/USDT", usual),
        )

    def act(self, session: int, of: int, *, at_ns: int) -> list[Outcome]:
        """What session number ``session`` of so many brings: the next step of the story under way, or nothing."""
        pace = max(STEPS_MAX, of // STORIES)
        told, step = divmod(session, pace)
        story = self._stories[told % len(self._stories)]
        if step >= len(story.steps):
            return []
        self._house.show_prices(at_ns=at_ns)
        return self._house.quote(story.symbol, at_ns=at_ns) + story.steps[step](story, at_ns)

    def leave_open(self, at_ns: int) -> list[Outcome]:
        """Debts that stay, the master's and the sub-account's, with an order that rests beside each."""
        outcomes: list[Outcome] = []
        self._house.show_prices(at_ns=at_ns)
        for story in self._stories[:2]:
            outcomes += self._house.quote(story.symbol, at_ns=at_ns)
            outcomes += self._pledge(story, at_ns) + self._trade(story, at_ns)
        return outcomes

    # ── what most stories do ─────────────────────────────────────────────────────────────────────────────────────

    def _pledge(self, story: _Story, at_ns: int) -> list[Outcome]:
        """Collateral of both assets, and a first loan."""
        base, quote = story.symbol.split("/")
        dollars = between(self._random, COLLATERAL_DOLLARS)
        return [
            self._move(story, "add", quote, amount=story.hands.amount(quote, dollars), at_ns=at_ns),
            self._move(story, "add", base, amount=story.hands.amount(base, dollars // 2), at_ns=at_ns),
            self._borrow(story, base, amount=story.hands.amount(base, dollars), at_ns=at_ns),
        ]

    def _trade(self, story: _Story, at_ns: int) -> list[Outcome]:
        """What was borrowed is sold, and an order rests far off."""
        base = story.symbol.split("/")[0]
        sold = self._part(self._owed(story).get(base, Decimal(0)), 2)
        return [
            self._order(story, "sell", at_ns, amount=sold),
            self._order(story, "buy", at_ns, amount=self._part(sold, 4), price=self._far(story)),
        ]

    def _lean(self, story: _Story, at_ns: int) -> list[Outcome]:
        """Orders that borrow what is missing, and that repay from what they bring."""
        quote = story.symbol.split("/")[1]
        more = story.hands.amount(quote, between(self._random, (200, 600)))
        spent = EXACT.add(self._free(story).get(quote, Decimal(0)), more)
        bought = story.hands.amount(story.symbol.split("/")[0], between(self._random, (100, 400)))
        return [
            self._order(story, "buy", at_ns, quote_amount=spent, effect="auto_borrow"),
            self._order(story, "sell", at_ns, amount=bought, effect="auto_repay"),
            self._order(story, "buy", at_ns, amount=bought, effect="auto_repay"),
        ]

    def _repay(self, story: _Story, at_ns: int) -> list[Outcome]:
        """Half of each debt, as far as it is there."""
        free = self._free(story)
        parts = {asset: self._part(min(owed, free.get(asset, owed)), 2) for asset, owed in self._owed(story).items()}
        return [
            self._do(Repay(account=story.hands.user, wallet=story.wallet, asset=asset, amount=part), at_ns)
            for asset, part in parts.items()
        ]

    def _leave(self, story: _Story, at_ns: int) -> list[Outcome]:
        """The position is closed, and what is left goes home."""
        outcomes = []
        if self._owed(story):
            outcomes.append(self._do(ClosePosition(account=story.hands.user, wallet=story.wallet), at_ns))
        left = {asset: free for asset, free in self._free(story).items() if free}
        return outcomes + [self._move(story, "sub", asset, amount=free, at_ns=at_ns) for asset, free in left.items()]

    # ── what one of them does ────────────────────────────────────────────────────────────────────────────────────

    def _overreach(self, story: _Story, at_ns: int) -> list[Outcome]:
        """As much as is lent, all of it in one asset."""
        quote = story.symbol.split("/")[1]
        dollars = between(self._random, COLLATERAL_DOLLARS)
        outcomes = [
            self._move(story, "add", quote, amount=story.hands.amount(quote, dollars), at_ns=at_ns),
            self._borrow(story, quote, amount=story.hands.amount(quote, dollars * LEVER_PERCENT // 100), at_ns=at_ns),
        ]
        spent = self._free(story).get(quote, Decimal(0))
        return [*outcomes, self._order(story, "buy", at_ns, quote_amount=spent)]

    def _crash(self, story: _Story, at_ns: int) -> list[Outcome]:
        """The index falls for a moment, as one that takes a wrong price from somewhere does."""
        base = story.symbol.split("/")[0]
        low = EXACT.multiply(self._house.index_price(base), Decimal(CRASH_PERCENT).scaleb(-2))
        crashed = self._venue.carry_out(SetIndex(asset=base, price=_cut(low, INDEX_DIGITS)), at_ns=at_ns)
        self._house.show_prices(at_ns=at_ns)
        return [crashed]

    # ── the venue ────────────────────────────────────────────────────────────────────────────────────────────────

    def _order(
        self, story: _Story, side: Side, at_ns: int, *, amount: Decimal | None = None,
        quote_amount: Decimal | None = None, price: Decimal | None = None, effect: SideEffect = "none",
    ) -> Outcome:  # fmt: skip
        order = PlaceOrder(
            wallet=story.wallet, instrument=story.symbol, side=side, type="market" if price is None else "limit",
            time_in_force="ioc" if price is None else "gtc", amount=self._lots(story, amount),
            quote_amount=quote_amount, price=price, side_effect=effect,
        )  # fmt: skip
        return self._venue.carry_out(order, user=story.hands.user, at_ns=at_ns)

    def _move(self, story: _Story, direction: str, asset: str, *, amount: Decimal, at_ns: int) -> Outcome:
        command = MoveMargin(
            account=story.hands.user, wallet=story.wallet, direction="add" if direction == "add" else "sub",
            asset=asset, amount=amount,
        )  # fmt: skip
        return self._do(command, at_ns)

    def _borrow(self, story: _Story, asset: str, *, amount: Decimal, at_ns: int) -> Outcome:
        return self._do(Borrow(account=story.hands.user, wallet=story.wallet, asset=asset, amount=amount), at_ns)

    def _do(self, command: Command, at_ns: int) -> Outcome:
        return self._venue.carry_out(command, user=self._user, at_ns=at_ns)

    def _free(self, story: _Story) -> dict[str, Decimal]:
        """What the story's wallet can spend, by asset."""
        return {
            row.asset: EXACT.subtract(row.total, row.held)
            for row in self._venue.balances(story.hands.user) if row.wallet == story.wallet
        }  # fmt: skip

    def _owed(self, story: _Story) -> dict[str, Decimal]:
        """What it owes, by asset, interest included."""
        loans = [row for row in self._venue.loans(story.hands.user) if row.wallet == story.wallet]
        owed = {row.asset: EXACT.add(row.principal, row.interest) for row in loans}
        return {asset: debt for asset, debt in owed.items() if debt}

    def _far(self, story: _Story) -> Decimal:
        """A price that nobody will sell at soon: a fifth below the market's."""
        low = EXACT.multiply(self._house.price(story.symbol), Decimal("0.8"))
        instrument = self._venue.instrument(story.symbol)
        assert instrument is not None
        return _cut(low, instrument.price_digits)

    def _lots(self, story: _Story, amount: Decimal | None) -> Decimal | None:
        """The amount in whole lots."""
        instrument = self._venue.instrument(story.symbol)
        assert instrument is not None
        return None if amount is None else _cut(amount, instrument.amount_digits)

    @staticmethod
    def _part(amount: Decimal, parts: int) -> Decimal:
        """One of so many equal parts, in digits that every asset has."""
        return quotient(amount, Decimal(parts), digits=DIGITS, rounding=ROUND_DOWN)


def _cut(amount: Decimal, digits: int) -> Decimal:
    """The amount without what comes behind so many digits."""
    return amount_of(at_most(amount, digits), digits)
