"""A login that bets on contracts with all that it brings, at the leverage at which a move of a percent or two ends it:
across its wallet, or of one position alone. It decides how it bets; whether it is liquidated the market decides, and
when it bets ``history.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Final, NamedTuple

from nostro.link.commands import CancelAll, Command, MarginMode, PlaceOrder, SetLeverage, SetMarginMode, Side
from nostro.link.view import VenueInstrument
from nostro.paper.draws import below, between
from nostro.paper.makers import OPENED_BY, House
from nostro.paper.prices import Prices
from nostro.paper.traders import Trader
from nostro.paper.venue.numbers import amount_of, at_most
from nostro.paper.venue.rows import Outcome
from nostro.paper.venue.venue import Venue

BETS: Final = 24  # of a whole history
STEPS_MAX: Final = 6  # of one bet
DOLLARS: Final = (200, 800)  # of one bet
LEVERAGE: Final = Decimal(50)
TIMES: Final = 44  # of what it brings is bet


class _Bet(NamedTuple):
    contract: VenueInstrument
    mode: MarginMode


class Gambler:
    """``hands``: who bets; its money waits in the spot wallet."""

    def __init__(self, venue: Venue, hands: Trader, *, house: House, prices: Prices, random: Random) -> None:
        self._venue = venue
        self._hands = hands
        self._house = house
        self._prices = prices
        self._random = random
        contracts = [each for each in venue.instruments() if each.settle]
        shared = [each for each in contracts if each.wallet == "futures"]
        across = [_Bet(each, "cross") for each in contracts]
        alone = [_Bet(each, "isolated") for each in shared]
        self._bets = [bet for pair in zip(across, alone * len(across), strict=False) for bet in pair]
        self._steps: tuple[Callable[[_Bet, int], list[Outcome]], ...] = (
            self._bring, self._wager, self._wait, self._wait, self._wait, self._leave,
        )  # fmt: skip

    def act(self, session: int, of: int, *, at_ns: int) -> list[Outcome]:
        """What session number ``session`` of so many brings: the next step of the bet under way, or nothing."""
        pace = max(STEPS_MAX, of // BETS)
        made, step = divmod(session, pace)
        if step >= len(self._steps):
            return []
        bet = self._bets[made % len(self._bets)]
        return self._house.quote(bet.contract.symbol, at_ns=at_ns) + self._steps[step](bet, at_ns)

    def leave_open(self, at_ns: int) -> list[Outcome]:
        """A last bet, undecided, with an order that rests beside it."""
        bet = self._bets[0]
        outcomes = self._leave(bet, at_ns) + self._house.quote(bet.contract.symbol, at_ns=at_ns)
        return outcomes + self._bring(bet, at_ns) + self._wager(bet, at_ns, times=TIMES // 4)

    def _bring(self, bet: _Bet, at_ns: int) -> list[Outcome]:
        contract, asset = bet.contract, bet.contract.settle
        dollars = between(self._random, DOLLARS)
        units = at_most(self._hands.amount(asset, dollars), self._hands.digits[asset])
        settings: list[Command] = [SetMarginMode(instrument=contract.symbol, mode=bet.mode)]
        settings += [
            SetLeverage(instrument=contract.symbol, position_side=side, leverage=LEVERAGE) for side in self._hands.sides
        ]
        moved = self._hands.move(contract.wallet, asset, units=units, at_ns=at_ns)
        return [moved, *(self._do(each, at_ns) for each in settings)]

    def _wager(self, bet: _Bet, at_ns: int, *, times: int = TIMES) -> list[Outcome]:
        """All of it at once, in one direction."""
        contract, settle = bet.contract, bet.contract.settle
        has = sum(
            at_most(row.total, self._hands.digits[settle])
            for row in self._venue.balances(self._hands.user)
            if row.wallet == contract.wallet and row.asset == settle
        )
        worth = max(0, has) * self._prices.dollars(settle) // 10 ** self._hands.digits[settle]
        side: Side = "buy" if below(self._random, 2) else "sell"
        lots = self._prices.lots(contract.symbol, worth * times)
        return [self._order(contract, side, at_ns, lots=lots, reduces=False)]

    def _wait(self, _: _Bet, __: int) -> list[Outcome]:
        return []

    def _leave(self, bet: _Bet, at_ns: int) -> list[Outcome]:
        """What is left of the bet is closed, and what is left of the money goes home."""
        contract, hands = bet.contract, self._hands
        outcomes = [self._do(CancelAll(instrument=contract.symbol), at_ns)]
        for row in self._venue.positions(hands.user, symbol=contract.symbol):
            lots = at_most(row.size, contract.amount_digits)
            if lots:
                side: Side = "sell" if lots > 0 else "buy"
                outcomes.append(self._order(contract, side, at_ns, lots=abs(lots), reduces=True))
        for kept in self._venue.balances(hands.user):
            if kept.wallet in hands.wallets.get(kept.asset, ()) and kept.total > 0:
                units = at_most(kept.total, hands.digits[kept.asset])
                outcomes.append(hands.move(kept.wallet, kept.asset, units=-units, at_ns=at_ns))
        return outcomes

    def _order(
        self, contract: VenueInstrument, side: Side, at_ns: int, *, lots: int, reduces: bool
    ) -> Outcome:  # fmt: skip
        other: Side = "buy" if side == "sell" else "sell"
        position_side = OPENED_BY[other if reduces else side] if self._venue.profile.hedge else "both"
        most = at_most(contract.amount_max, contract.amount_digits)
        order = PlaceOrder(
            wallet=contract.wallet, instrument=contract.symbol, side=side, type="market", time_in_force="ioc",
            amount=amount_of(max(1, min(most, lots)), contract.amount_digits), position_side=position_side,
            reduce_only=reduces, client_id=self._hands.client_id(),
        )  # fmt: skip
        return self._do(order, at_ns)

    def _do(self, command: Command, at_ns: int) -> Outcome:
        return self._venue.carry_out(command, user=self._hands.user, at_ns=at_ns)
