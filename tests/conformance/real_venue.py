"""A real paper venue with a small past, made command by command: what the wire tests compare a client's facts with."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from nostro.link import view
from nostro.link.view import Accepted, Login
from nostro.paper.venue.commands import AdvanceDeposit, AdvanceWithdrawal
from nostro.paper.venue.venue import Venue

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
ADDRESS = {"address": "0x" + "ab" * 20}


class Clock:
    """The venue's time, which passes when told."""

    def __init__(self, now_ns: int) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        return self.now_ns


class Scene:
    """``trader`` may read, trade and withdraw; ``reader`` may only read; ``maker`` is the other side. The past is
    thirty-five days long, so that a window of thirty does not show it all."""

    def __init__(self, folder: Path, now_ns: int) -> None:
        self.clock = Clock(now_ns - 35 * DAY)
        self.end_ns = now_ns
        self.venue = Venue.open(folder / "venue.db", now_ns=self.clock, seed=7)
        self.maker = self.venue.create_login("maker", "maker@example.org", permissions=("read", "trade"))
        self.trader = self.venue.create_login("trader", "trader@example.org", permissions=("read", "trade", "withdraw"))
        self.reader = self.venue.create_login("reader", "reader@example.org", permissions=("read",))
        self._past()
        self.clock.now_ns = now_ns

    def close(self) -> None:
        self.venue.close()

    def wait(self, pause_s: float = 1.0) -> None:
        self.clock.now_ns += int(pause_s * SECOND)

    def done(self, outcome: Accepted | view.Rejected) -> int:
        assert isinstance(outcome, Accepted), outcome
        return outcome.ids[0] if outcome.ids else 0

    def place(self, login: Login, side: view.Side, **order: object) -> int:
        self.wait(0.123456789)
        fields = {name: Decimal(value) if isinstance(value, str) and name in AMOUNTS else value
                  for name, value in order.items()}  # fmt: skip
        kind = {"type": "limit", "instrument": "BTC/USDT"} | fields
        return self.done(self.venue.submit(login.user, view.PlaceOrder(wallet="spot", side=side, **kind)))  # type: ignore[arg-type]

    def _past(self) -> None:
        venue, maker, trader = self.venue, self.maker, self.trader
        for asset, amount in (("BTC", 10), ("ETH", 100), ("USDT", 1_000_000)):
            self.done(venue.fund(maker.user, asset, amount=Decimal(amount), wallet="spot"))
        self._deposit(Decimal("100000.12345678"), ("moderation", "confirmed"))
        self.done(venue.fund(trader.user, "EUR", amount=Decimal("5.5"), wallet="funding"))
        self.place(maker, "sell", amount="0.5", price="64000")
        self.place(trader, "buy", amount="0.1", price="64000")  # filled 34 days ago
        self.wait(30 * 86_400)
        self._deposit(Decimal(50), ("rejected",))
        self._deposit(Decimal(60), ())
        self.place(maker, "sell", amount="0.5", price="64100.5")
        self.place(maker, "buy", amount="1", price="63900")
        self.place(trader, "buy", amount="0.2", price="64000", client_id="a")
        self.place(trader, "buy", type="market", quote_amount="20000")
        self.place(trader, "sell", type="market", amount="0.05", time_in_force="ioc")
        self.place(trader, "sell", amount="0.1", price="65000.25", expire_after_ns=self.end_ns + 90 * DAY)
        self.place(trader, "buy", amount="0.9", price="64100.5", time_in_force="fok")
        self.place(
            trader, "sell", type="stop_limit", amount="0.01", price="60000", stop_price="60500", stop_operator="lte"
        )
        self._withdrawal(Decimal(100), ("confirmed", "verified", "approved", "done"))
        self._withdrawal(Decimal(30), ("refused",))
        self._withdrawal(Decimal(40), ("confirmed",))

    def _deposit(self, amount: Decimal, statuses: tuple[str, ...]) -> None:
        self.wait()
        number = self.done(self.venue.deposit(self.trader.user, "USDT", amount=amount, tx_hash=f"0x{amount}"))
        for status in statuses:
            self.wait()
            self.done(self.venue.carry_out(AdvanceDeposit(deposit=number, status=status)).answer)  # type: ignore[arg-type]

    def _withdrawal(self, amount: Decimal, statuses: tuple[str, ...]) -> None:
        self.wait()
        command = view.RequestWithdrawal(method=4, amount=amount, attributes=ADDRESS)
        number = self.done(self.venue.submit(self.trader.user, command))
        for status in statuses:
            self.wait()
            outcome = self.venue.carry_out(AdvanceWithdrawal(withdrawal=number, status=status))
            self.done(outcome.answer)  # type: ignore[arg-type]


AMOUNTS = frozenset({"amount", "quote_amount", "price", "stop_price"})
