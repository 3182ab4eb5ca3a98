"""The naive engine's contracts against figures calculated by hand from docs/contracts.md: values of each kind, fills
that close and flip, purses, funding, both ends of liquidation, trimming, edits, and the hours."""

from __future__ import annotations

from decimal import Decimal

from naive.commands import CreateUser, Envelope, Fund, Operator, Ordered, Outcome, SetFundingRate, SetMark, Tick
from naive.contract_grounds import ACCOUNTS, HEDGE, ContractGround
from naive.engine import NaiveEngine
from naive.workload import START_NS
from nostro.link.commands import (
    Accepted,
    EditOrder,
    MoveFunds,
    PlaceOrder,
    Refusal,
    Rejected,
    SetLeverage,
    SetMarginMode,
)
from nostro.link.contracts import VenueCollateral, VenuePosition

D = Decimal
LINEAR = "BBB/USD:USD"  # a lot is 0.1 BBB, a tick 0.1 USD: a lot at a tick is one cent
INVERSE = "AAA/USD:AAA"  # a contract is 1 USD
HOUR_S = 3600


class Script:
    """Three users without fees, with 100 USD in `futures` and 1 AAA in the margin account each; a second between."""

    def __init__(self, ground: ContractGround = ACCOUNTS) -> None:
        self.engine = NaiveEngine(ground.profile)
        self.count = 0
        for user in (1, 2, 3):
            self(None, CreateUser(name="n", email="e", maker_ppm=0, taker_ppm=0))
            self(None, Fund(user=user, wallet="futures", asset="USD", amount=D(100)))
            if ground is ACCOUNTS:
                self(None, Fund(user=user, wallet="futures:AAA/USD", asset="AAA", amount=D(1)))

    def __call__(self, user: int | None, command: Operator | Ordered, *, after_s: int = 1) -> Outcome:
        self.count += 1
        at_ns = max(self.engine.clock_ns, START_NS) + after_s * 1_000_000_000
        return self.engine.apply(Envelope(id=self.count, at_ns=at_ns, user=user, command=command))

    def traded(self, buyer: int, seller: int, amount: str, price: str, *, symbol: str = LINEAR) -> Outcome:
        self(seller, order("sell", amount, price, symbol=symbol))
        return self(buyer, order("buy", amount, price, symbol=symbol))

    def position(self, user: int) -> VenuePosition:
        (row,) = (row for row in self.engine.positions(user) if row.size)
        return row

    def collateral(self, user: int, wallet: str = "futures") -> VenueCollateral:
        return next(row for row in self.engine.collateral(user) if row.wallet == wallet)


def order(side: str, amount: str, price: str | None, *, symbol: str = LINEAR, **more: object) -> PlaceOrder:
    return PlaceOrder(
        wallet="futures" if symbol == LINEAR else "futures:AAA/USD", instrument=symbol, side=side,  # type: ignore[arg-type]
        type="market" if price is None else "limit", amount=D(amount), price=None if price is None else D(price),
        **more,  # type: ignore[arg-type]
    )  # fmt: skip


def mark(price: str, symbol: str = LINEAR) -> SetMark:
    return SetMark(instrument=symbol, price=D(price))


def refused(outcome: Outcome) -> Refusal:
    assert isinstance(outcome.answer, Rejected)
    return outcome.answer.reason


def told(outcome: Outcome, user: int) -> list[tuple[str, str, Decimal]]:
    return [(one.wallet, one.type, one.total_delta) for one in outcome.entries if one.user == user]


def test_a_linear_position_is_opened_reduced_and_flipped() -> None:
    script = Script()
    script.traded(1, 2, "3", "100")
    script(None, mark("101"))
    row = script.position(1)
    # 3 at 101 are 303; 2 % of it are needed, and 1 % to keep it.
    assert (row.basis, row.value, row.unrealized) == (D(300), D(303), D(3))
    assert (row.margin, row.maintenance, row.closable) == (D("6.06"), D("3.03"), D(3))
    wallet = script.collateral(1)
    assert (wallet.equity, wallet.initial, wallet.available) == (D(103), D("6.06"), D("96.94"))
    outcome = script.traded(2, 1, "1", "102")
    assert told(outcome, 1) == [("futures", "realized_pnl", D(2))]
    assert told(outcome, 2) == [("futures", "realized_pnl", D(-2))]
    assert script.position(1).basis == D(200)
    outcome = script.traded(2, 1, "5", "99")
    closed = next(row for row in outcome.closed if row.user == 1)
    assert (closed.long, closed.size, closed.exit_value, closed.exit_basis) == (True, D(3), D(300), D(300))
    assert (closed.realized, closed.size_max) == (D(0), D(3))
    assert (script.position(1).size, script.position(1).basis) == (D(-3), D(-297))


def test_an_inverse_position_is_worth_less_where_the_price_is_higher() -> None:
    script = Script()
    script.traded(1, 2, "70", "60", symbol=INVERSE)
    row = script.position(1)
    # 70 / 60 is 1.166666..., in five digits 1.16667.
    assert row.basis == D("1.16667")
    script(None, mark("63", INVERSE))
    row = script.position(1)
    # 70 / 63 is 1.11111...: a long one gains what the value falls.
    assert (row.value, row.unrealized) == (D("1.11111"), D("0.05556"))
    assert script.position(2).unrealized == D("-0.05556")
    assert script.collateral(1, "futures:AAA/USD").asset == "AAA"


def test_half_a_unit_goes_to_the_even_one_on_both_sides() -> None:
    script = Script()
    # 3 / 60 is 0.05, and one of three lots of it 0.016666...
    script.traded(1, 2, "30", "60", symbol=INVERSE)
    outcome = script.traded(2, 1, "10", "60", symbol=INVERSE)
    assert {fill.user: fill.basis_after for fill in outcome.fills} == {1: D("0.33333"), 2: D("-0.33333")}


def test_an_isolated_position_lives_from_its_purse() -> None:
    script = Script()
    script(1, SetMarginMode(instrument=LINEAR, mode="isolated"))
    assert refused(script(1, SetLeverage(instrument=LINEAR, leverage=None))) is Refusal.BAD_LEVERAGE
    script(1, SetLeverage(instrument=LINEAR, leverage=D(10)))
    outcome = script.traded(1, 2, "2", "100")
    purse = f"isolated_margin:{LINEAR}"
    assert told(outcome, 1) == [("futures", "isolate", D(-20)), (purse, "isolate", D(20))]
    outcome = script.traded(2, 1, "0.5", "104")
    # A quarter is closed: 2 are won, and a quarter of 22 goes back.
    assert told(outcome, 1) == [
        (purse, "realized_pnl", D(2)), (purse, "isolate", D("-5.5")), ("futures", "isolate", D("5.5")),
    ]  # fmt: skip
    # 1.5 were bought at 100: at 90 the purse is worth 16.5 - 15, and 1 % of 135 must stay; at 89.9 it is worth 1.35,
    # and 1.3485 must stay, which is 1.35 in cents.
    assert script(None, mark("90")).forced == ()
    (row,) = script(None, mark("89.9")).forced
    purse = f"isolated_margin:{LINEAR}"
    assert (row.wallet, row.asset, row.equity, row.maintenance) == (purse, "USD", D("1.35"), D("1.35"))
    assert row.deficit == 0
    assert script.collateral(1).gross == D("86.85")


def test_insurance_pays_what_an_isolated_position_loses_beyond_its_purse() -> None:
    script = Script()
    script(1, SetMarginMode(instrument=LINEAR, mode="isolated"))
    script(1, SetLeverage(instrument=LINEAR, leverage=D(10)))
    script.traded(1, 2, "2", "100")
    outcome = script(None, mark("70"))
    (row,) = outcome.forced
    assert (row.equity, row.maintenance, row.deficit) == (D(-40), D("1.4"), D(40))
    assert [(kind, amount) for _, kind, amount in told(outcome, 1)] == [("realized_pnl", D(-60)), ("insurance", D(40))]
    assert script.collateral(1).gross == D(80)
    assert script.engine.houses()["insurance", "USD"] == D(-40)


def test_a_wallet_is_liquidated_where_its_equity_is_its_maintenance_margin() -> None:
    script = Script()
    script.traded(1, 2, "5", "100")
    script.traded(1, 3, "5", "100")
    # 10 bought at 100: at 90.9 the equity is 9, and 2.5 % of 909 are 22.73; at 92.3 23 and 23.08; at 92.4 24 and 23.10.
    assert script(None, mark("92.4")).forced == ()
    (row,) = script(None, mark("92.3")).forced
    assert (row.user, row.equity, row.maintenance, row.deficit) == (1, D(23), D("23.08"), D(0))
    assert script.collateral(1).gross == D(23)
    # The house has what nobody took.
    assert script.engine.houses().get(("insurance", "USD")) is None


def test_the_market_comes_before_the_house() -> None:
    script = Script()
    script.traded(1, 2, "5", "100")
    script.traded(1, 3, "5", "100")
    script(2, order("buy", "4", "91"))
    outcome = script(None, mark("91"))
    fills = [fill for fill in outcome.fills if fill.user == 1]
    assert [(fill.amount, fill.price, fill.takeover, fill.liquidation) for fill in fills] == [
        (D(4), D(91), False, True), (D(6), D(91), True, True),
    ]  # fmt: skip
    (made,) = outcome.forced[0].orders_made
    assert [(row.status, row.origin) for row in outcome.orders if row.id == made] == [("filled", "liquidation")]


def test_funding_sums_to_nothing_with_what_was_rounded() -> None:
    script = Script()
    script.traded(1, 2, "1.5", "100")
    script.traded(1, 3, "0.5", "100")
    script(None, SetFundingRate(instrument=LINEAR, rate=D("0.000333333")))
    outcome = script(None, Tick(), after_s=HOUR_S)
    # 200 pay 0.0666666, rounded up; 150 receive 0.04999995 and 50 0.01666665, rounded down.
    assert [(row.user, row.amount) for row in outcome.funding] == [(1, D("-0.07")), (2, D("0.04")), (3, D("0.01"))]
    assert script.engine.houses()["rounding", "USD"] == D("0.02")
    # The hour has a snapshot of each, of what it was after the funding; the idle hours have none.
    assert [(row.user, row.collateral.gross) for row in outcome.snapshots] == [
        (1, D("99.93")), (2, D("100.04")), (3, D("100.01")),
    ]  # fmt: skip
    script(None, SetFundingRate(instrument=LINEAR, rate=D(0)))
    outcome = script(None, Tick(), after_s=5 * HOUR_S)
    assert (outcome.funding, outcome.snapshots) == ((), ())


def test_what_reduces_is_never_more_than_there_is() -> None:
    script = Script()
    script.traded(1, 2, "3", "100")
    assert script(1, order("sell", "2", "101", reduce_only=True)).answer == Accepted((3,))
    assert refused(script(1, order("sell", "1.1", "101", reduce_only=True))) is Refusal.REDUCE_TOO_LARGE
    assert refused(script(1, order("buy", "1", "99", reduce_only=True))) is Refusal.NO_POSITION
    assert script(1, order("sell", "1", "102", reduce_only=True)).answer == Accepted((4,))
    outcome = script.traded(2, 1, "0.5", "100")
    # 2.5 are left: the last of the two, whole.
    assert [(row.id, row.status) for row in outcome.orders if row.id in (3, 4)] == [(4, "canceled")]


def test_an_edit_keeps_its_place_where_only_the_amount_falls() -> None:
    script = Script()
    for user in (1, 2):
        script(user, order("sell", "1", "100"))
    script(1, EditOrder(order_id=1, amount=D("0.8")))
    outcome = script(3, order("buy", "0.5", "100"))
    assert [fill.order_id for fill in outcome.fills if fill.maker] == [1]
    script(1, EditOrder(order_id=1, amount=D(2)))
    outcome = script(3, order("buy", "0.5", "100"))
    assert [fill.order_id for fill in outcome.fills if fill.maker] == [2]
    assert refused(script(1, EditOrder(order_id=1, amount=D("0.5")))) is Refusal.BAD_AMOUNT
    assert refused(script(2, EditOrder(order_id=1, amount=D(1)))) is Refusal.UNKNOWN_ORDER
    outcome = script(3, order("buy", "0.5", "98"))
    outcome = script(1, EditOrder(order_id=1, price=D(98)))
    assert [(fill.price, fill.order_id) for fill in outcome.fills if not fill.maker] == [(D(98), 1)]


def test_only_what_is_available_may_leave() -> None:
    script = Script()
    script.traded(1, 2, "5", "100")

    def move(amount: str) -> MoveFunds:
        return MoveFunds(
            from_account=1, from_wallet="futures", to_account=1, to_wallet="spot", asset="USD", amount=D(amount)
        )

    # 500 need 10.
    assert refused(script(1, move("90.01"))) is Refusal.INSUFFICIENT_FUNDS
    assert script(1, move("90")).answer == Accepted((1,))


def test_hedge_mode_has_a_long_and_a_short_one() -> None:
    script = Script(HEDGE)
    symbol = "AAA/USD:USD"

    def placed(user: int, side: str, position_side: str) -> Outcome:
        return script(user, PlaceOrder(
            wallet="futures", instrument=symbol, side=side, type="limit", amount=D(1), price=D(90),  # type: ignore[arg-type]
            position_side=position_side,  # type: ignore[arg-type]
        ))  # fmt: skip

    assert refused(placed(1, "buy", "both")) is Refusal.BAD_POSITION_SIDE
    assert refused(placed(1, "sell", "long")) is Refusal.NO_POSITION
    placed(1, "sell", "short")
    placed(2, "buy", "long")
    placed(2, "sell", "short")
    outcome = placed(1, "buy", "long")
    assert [row.reduce_only for row in outcome.orders] == [False, False]
    assert [(row.side, row.size) for row in script.engine.positions(1)] == [("long", D(1)), ("short", D(-1))]
    (row,) = placed(1, "sell", "long").orders
    assert row.reduce_only
