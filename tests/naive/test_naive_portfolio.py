"""The naive engine's portfolio margin against figures calculated by hand from docs/contracts.md: what offsets what,
what orders add, and where it ends."""

from __future__ import annotations

from decimal import Decimal

from naive.commands import CreateUser, Envelope, Fund, Operator, Ordered, Outcome, SetMark
from naive.contract_grounds import HEDGE
from naive.engine import NaiveEngine
from naive.workload import START_NS
from nostro.link.commands import MoveFunds, PlaceOrder, PositionSide, Refusal, Rejected, Side
from nostro.link.contracts import VenueCollateral

D = Decimal
AAA, CCC = "AAA/USD:USD", "CCC/USD:USD"  # lots of 0.01 at 90.0, and of 1 at 4.00, which is 0.1 of a CCC


class Script:
    """In hedge mode, without fees: user 1 in portfolio mode with 20 USD, user 2 as everybody with 1000. The grid is 3 %
    either way, at least 1 %, and one and a half of it for the initial margin."""

    def __init__(self) -> None:
        self.engine = NaiveEngine(HEDGE.profile)
        self.count = 0
        for user, amount in ((1, 20), (2, 1000)):
            self(None, CreateUser(name="n", email="e", maker_ppm=0, taker_ppm=0, portfolio=user == 1))
            self(None, Fund(user=user, wallet="futures", asset="USD", amount=D(amount)))

    def __call__(self, user: int | None, command: Operator | Ordered) -> Outcome:
        self.count += 1
        at_ns = max(self.engine.clock_ns, START_NS) + 1_000_000_000
        return self.engine.apply(Envelope(id=self.count, at_ns=at_ns, user=user, command=command))

    def order(
        self, user: int, side: Side, amount: str, price: str, *, symbol: str = AAA, opens: bool = True
    ) -> Outcome:
        position_side: PositionSide = "long" if (side == "buy") == opens else "short"
        return self(user, PlaceOrder(
            wallet="futures", instrument=symbol, side=side, type="limit", amount=D(amount), price=D(price),
            position_side=position_side,
        ))  # fmt: skip

    def held(self, side: Side, amount: str, price: str, *, symbol: str = AAA) -> None:
        self.order(2, "sell" if side == "buy" else "buy", amount, price, symbol=symbol)
        self.order(1, side, amount, price, symbol=symbol)

    @property
    def wallet(self) -> VenueCollateral:
        return next(row for row in self.engine.collateral(1) if row.wallet == "futures")


def test_sides_of_an_underlying_offset_each_other_and_two_underlyings_do_not() -> None:
    script = Script()
    script.held("buy", "3", "90")
    # 270 lose 8.1 where the price falls by 3 %.
    assert (script.wallet.maintenance, script.wallet.initial) == (D("8.1"), D("12.15"))
    script.held("sell", "1", "90")
    # 90 of it come back; and 1 % of 360 is less.
    assert (script.wallet.maintenance, script.wallet.initial_positions) == (D("5.4"), D("8.1"))
    script.held("sell", "1.5", "90")
    # 45 are left open, 1.35; the least is 1 % of 270 + 225.
    assert (script.wallet.maintenance, script.wallet.initial) == (D("4.95"), D("7.425"))
    script.held("sell", "100", "4", symbol=CCC)
    # 100 contracts of 0.1 are worth 40, which lose 1.2 where that price rises.
    assert (script.wallet.maintenance, script.wallet.initial) == (D("6.15"), D("9.225"))
    assert [row.liquidation for row in script.engine.positions(1)] == [None, None, None]


def test_an_order_adds_what_it_could_make_worse() -> None:
    script = Script()
    script.held("buy", "3", "90")
    script.held("sell", "1", "90")
    script.order(1, "sell", "1", "90.5")
    # 2 short at most, which less than the 3 long one loses where the price rises; the least is 1 % of 270 + 180.
    assert script.wallet.initial == D("8.1")
    script.order(1, "buy", "1", "89.5")
    # 4 long at most and 1 short at least: 270 lose 8.1.
    assert script.wallet.initial == D("12.15")
    refused = script.order(1, "buy", "1.94", "90").answer
    # 5.94 long at most: 444.6 would lose 13.338, and 20.007 would be needed.
    assert isinstance(refused, Rejected)
    assert refused.reason is Refusal.INSUFFICIENT_FUNDS
    script.order(1, "buy", "1.93", "90")
    assert script.wallet.initial == D("19.9665")


def test_it_ends_where_the_equity_is_not_above_the_maintenance_margin() -> None:
    script = Script()
    script.held("buy", "4", "90")
    script.held("sell", "1", "90")
    # 3 long in the end: at 86 the equity is 8, and 3 % of 258 are 7.74; at 85.9 it is 7.7, and 7.731.
    assert script(None, SetMark(instrument=AAA, price=D(86))).forced == ()
    (row,) = script(None, SetMark(instrument=AAA, price=D("85.9"))).forced
    assert (row.user, row.equity, row.maintenance, row.deficit) == (1, D("7.7"), D("7.731"), D(0))
    # The long one goes first; then the short one by itself needs 3 % of 85.9, which the wallet has.
    assert len(row.orders_made) == 1
    assert [(each.side, each.size) for each in script.engine.positions(1) if each.size] == [("short", D(-1))]
    assert script.wallet.maintenance == D("2.577")


def test_to_close_one_side_may_end_the_other() -> None:
    script = Script()
    script.held("buy", "4", "90")
    script.held("sell", "4", "90")
    assert (script.wallet.maintenance, script.wallet.initial) == (D("7.2"), D("10.8"))
    script(1, MoveFunds(
        from_account=1, from_wallet="futures", to_account=1, to_wallet="spot", asset="USD", amount=D("9.2")
    ))  # fmt: skip
    script.order(2, "buy", "4", "90", opens=False)
    # The short one by itself needs 3 % of 360, which is all that there is.
    (row,) = script.order(1, "sell", "4", "90", opens=False).forced
    assert (row.equity, row.maintenance, len(row.orders_made)) == (D("10.8"), D("10.8"), 1)
    assert not any(each.size for each in script.engine.positions(1))
