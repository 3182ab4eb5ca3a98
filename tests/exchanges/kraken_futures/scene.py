"""A real paper venue of Kraken Futures with a small past, made command by command: what the tests of the wire compare a
client's facts with.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from nostro.link import commands
from nostro.link.commands import Accepted
from nostro.link.view import Login
from nostro.paper.profiles import kraken_futures
from nostro.paper.venue.commands import AdvanceDeposit, Fund, SetFundingRate, SetMark
from nostro.paper.venue.venue import Venue

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR
NOW = 1_767_225_600 * SECOND
LINEAR, INVERSE, ETHER = "BTC/USD:USD", "BTC/USD:BTC", "ETH/USD:USD"
WALLETS = {LINEAR: "futures", ETHER: "futures", INVERSE: "futures:BTC/USD"}
AMOUNTS = frozenset({"amount", "price", "stop_price", "leverage"})


class Clock:
    """The venue's time, which passes when told."""

    def __init__(self, now_ns: int) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        return self.now_ns


class Scene:
    """``trader`` may do everything, ``reader`` may only read, ``maker`` is the other side, ``desk`` is the trader's
    sub-account. The past is three days long; without ``past`` there is money, and what the maker offers."""

    def __init__(self, folder: Path, now_ns: int = NOW, *, past: bool = True) -> None:
        self.clock = Clock(now_ns - 3 * DAY)
        self.end_ns = now_ns
        self.venue = Venue.open(
            folder / "venue.db", now_ns=self.clock, seed=7, profile=kraken_futures.PROFILE, issue=kraken_futures.keys
        )
        everything = ("read", "trade", "withdraw")
        self.maker = self.venue.create_login("maker", "maker@example.org", permissions=everything)
        self.trader = self.venue.create_login("trader", "trader@example.org", permissions=everything)
        self.desk = self.venue.create_login("desk", "desk@example.org", permissions=everything, parent=self.trader.user)
        self.reader = self.venue.create_key(self.trader.user, "reader", permissions=("read",))
        self._funds()
        if past:
            self._past()
        self.clock.now_ns = now_ns
        if not past:
            self._offers()

    def close(self) -> None:
        self.venue.close()

    def wait(self, pause_s: float = 1.0) -> None:
        self.clock.now_ns += int(pause_s * SECOND)

    def done(self, answer: Any) -> int:
        assert isinstance(answer, Accepted), answer
        return answer.ids[0] if answer.ids else 0

    def submit(self, login: Login, command: Any) -> int:
        self.wait(0.123456789)
        return self.done(self.venue.submit(login.user, command))

    def operate(self, command: Any) -> int:
        return self.done(self.venue.carry_out(command).answer)

    def place(self, login: Login, side: commands.Side, instrument: str, **order: Any) -> int:
        fields = {name: Decimal(value) if name in AMOUNTS else value for name, value in order.items()}
        kind = "limit" if "price" in fields else "market"
        whole: dict[str, Any] = {"type": kind, "time_in_force": "ioc" if kind == "market" else "gtc"} | fields
        return self.submit(
            login, commands.PlaceOrder(wallet=WALLETS[instrument], instrument=instrument, side=side, **whole)
        )

    def mark(self, instrument: str, price: str) -> None:
        self.operate(SetMark(instrument=instrument, price=Decimal(price)))

    def _funds(self) -> None:
        for login in (self.maker, self.trader):
            for wallet, asset, amount in (
                ("futures", "USD", "500000"), ("futures:BTC/USD", "BTC", "5"), ("spot", "USD", "1000"),
                ("spot", "BTC", "0.5"),
            ):  # fmt: skip
                self.operate(Fund(user=login.user, wallet=wallet, asset=asset, amount=Decimal(amount)))
        self.operate(Fund(user=self.desk.user, wallet="futures", asset="USD", amount=Decimal(5_000)))

    def _offers(self) -> None:
        self.place(self.maker, "sell", LINEAR, amount="0.5", price="64000")
        self.place(self.maker, "sell", INVERSE, amount="4000", price="64100")
        self.place(self.maker, "buy", INVERSE, amount="4000", price="63900")

    def _past(self) -> None:
        self._deposit()
        self._traded()
        self._funded()
        self._isolated()
        self._left_open()

    def _deposit(self) -> None:
        self.wait()
        number = self.done(self.venue.deposit(self.trader.user, "USDT", amount=Decimal("250.5"), tx_hash="0x1"))
        self.operate(AdvanceDeposit(deposit=number, status="confirmed"))
        trader = self.trader.user
        self.submit(self.trader, commands.MoveFunds(
            from_account=trader, from_wallet="spot", to_account=trader, to_wallet="futures", asset="USDT",
            amount=Decimal("50.25"),
        ))  # fmt: skip
        self.submit(self.trader, commands.MoveFunds(
            from_account=trader, from_wallet="spot", to_account=trader, to_wallet="funding", asset="BTC",
            amount=Decimal("0.125"),
        ))  # fmt: skip

    def _traded(self) -> None:
        """Opened, increased, decreased and turned around, by taking and by resting; one order filled in parts."""
        maker, trader = self.maker, self.trader
        self.place(maker, "sell", LINEAR, amount="0.5", price="64000")
        self.place(trader, "buy", LINEAR, amount="0.2", price="64000", client_id="first")
        self.place(trader, "buy", LINEAR, amount="0.1")
        self.place(maker, "buy", LINEAR, amount="0.4", price="63900")
        self.place(trader, "sell", LINEAR, amount="0.15", price="63800", time_in_force="ioc")
        self.place(maker, "sell", INVERSE, amount="4000", price="64100")
        self.place(trader, "buy", INVERSE, amount="3000", price="64100")
        self.place(trader, "sell", INVERSE, amount="5000", price="63500.5", client_id="parts")
        self.place(maker, "buy", INVERSE, amount="1500", price="63500.5")
        self.place(maker, "buy", INVERSE, amount="1000", price="63500.5")
        self.place(maker, "buy", INVERSE, amount="2500", price="63500.5")
        self.place(trader, "sell", LINEAR, amount="1", price="63000", time_in_force="fok")
        self.place(trader, "sell", LINEAR, amount="0.3", price="63900", time_in_force="ioc")

    def _funded(self) -> None:
        self.place(self.maker, "sell", LINEAR, amount="0.3", price="64000")
        self.place(self.trader, "buy", LINEAR, amount="0.3", price="64000")
        self.operate(SetFundingRate(instrument=LINEAR, rate=Decimal("0.0001")))
        self.operate(SetFundingRate(instrument=INVERSE, rate=Decimal("-0.00005")))
        self.wait(2.5 * 3600)
        self.venue.tick()
        self.mark(LINEAR, "64500")
        self.wait(3600)
        self.venue.tick()

    def _isolated(self) -> None:
        """A contract with collateral of its own, closed with a loss."""
        self.submit(self.trader, commands.SetMarginMode(instrument=ETHER, mode="isolated"))
        self.submit(self.trader, commands.SetLeverage(instrument=ETHER, leverage=Decimal(10)))
        self.place(self.maker, "sell", ETHER, amount="5", price="3100")
        self.place(self.trader, "buy", ETHER, amount="2", price="3100")
        self.place(self.maker, "buy", ETHER, amount="3", price="3080")
        self.place(self.trader, "sell", ETHER, amount="1", price="3080", reduce_only=True)
        self.wait(3600)
        self.venue.tick()

    def _left_open(self) -> None:
        trader = self.trader
        canceled = self.place(trader, "buy", LINEAR, amount="0.05", price="62000")
        self.submit(trader, commands.CancelOrders(order_ids=(canceled,)))
        edited = self.place(trader, "buy", LINEAR, amount="0.05", price="62000", client_id="edited")
        self.submit(trader, commands.EditOrder(order_id=edited, amount=Decimal("0.07"), price=Decimal(62_100)))
        self.place(trader, "buy", INVERSE, amount="700", price="60000", post_only=True)
        stop = {"type": "stop_market", "stop_operator": "lte", "trigger": "mark", "time_in_force": "gtc"}
        self.place(trader, "sell", LINEAR, amount="0.1", stop_price="60000", **stop)
        gone = self.place(
            trader, "sell", LINEAR, amount="0.1", price="70000", stop_price="69000", type="stop_limit",
            stop_operator="gte",
        )  # fmt: skip
        self.submit(trader, commands.CancelOrders(order_ids=(gone,)))
        self.place(trader, "buy", LINEAR, amount="0.02", price="66000", stop_price="64600", type="stop_limit",
                   stop_operator="gte", trigger="mark")  # fmt: skip
        self.wait()
        self.mark(LINEAR, "64700")
        self.wait(3600)
        self.venue.tick()
