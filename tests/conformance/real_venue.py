"""A real paper venue with a small past, made command by command: what the wire tests compare a client's facts with."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from nostro.link import commands
from nostro.link.commands import Accepted
from nostro.link.view import Login
from nostro.paper.venue.commands import AdvanceDeposit, AdvanceWithdrawal, CreateUser, SetIndex
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
    """``trader`` may do everything; ``reader`` may only read; ``maker`` is the other side; ``desk`` and ``keyless`` are
    sub-accounts of ``master``. The past is thirty-five days long, so that a window of thirty does not show it all."""

    def __init__(self, folder: Path, now_ns: int) -> None:
        self.clock = Clock(now_ns - 35 * DAY)
        self.end_ns = now_ns
        self.venue = Venue.open(folder / "venue.db", now_ns=self.clock, seed=7)
        self.maker = self.venue.create_login("maker", "maker@example.org", permissions=("read", "trade"))
        everything = ("read", "trade", "margin", "withdraw")
        self.trader = self.venue.create_login("trader", "trader@example.org", permissions=everything)
        self.reader = self.venue.create_login("reader", "reader@example.org", permissions=("read",))
        self.master = self.venue.create_login("master", "master@example.org", permissions=everything)
        self.desk = self.venue.create_login("desk", "desk@example.org", permissions=everything, parent=self.master.user)
        self.keyless = self.done(
            self.venue.carry_out(CreateUser(name="keyless", email="", parent=self.master.user)).answer
        )
        self._past()
        self.clock.now_ns = now_ns

    def close(self) -> None:
        self.venue.close()

    def wait(self, pause_s: float = 1.0) -> None:
        self.clock.now_ns += int(pause_s * SECOND)

    def done(self, outcome: Accepted | commands.Rejected) -> int:
        assert isinstance(outcome, Accepted), outcome
        return outcome.ids[0] if outcome.ids else 0

    def place(self, login: Login, side: commands.Side, **order: object) -> int:
        self.wait(0.123456789)
        fields = {name: Decimal(value) if isinstance(value, str) and name in AMOUNTS else value
                  for name, value in order.items()}  # fmt: skip
        kind = {"type": "limit", "instrument": "BTC/USDT", "wallet": "spot"} | fields
        return self.done(self.venue.submit(login.user, commands.PlaceOrder(side=side, **kind)))  # type: ignore[arg-type]

    def move(self, login: Login, wallet: str, asset: str, amount: str, *, out: bool = False, **more: object) -> int:
        fields = {"account": login.user, "note": ""} | more
        return self.margin(
            login,
            commands.MoveMargin,
            wallet=wallet,
            asset=asset,
            amount=amount,
            direction="sub" if out else "add",
            **fields,
        )

    def margin(self, login: Login, command: type, *, wallet: str, **fields: object) -> int:
        """Submits a command of margin, for the login's own account where none is named."""
        self.wait(0.123456789)
        whole = {"account": login.user} | {
            name: Decimal(value) if isinstance(value, str) and name in AMOUNTS else value
            for name, value in fields.items()
        }
        return self.done(self.venue.submit(login.user, command(wallet=wallet, **whole)))

    def index(self, asset: str, price: str) -> None:
        self.done(self.venue.carry_out(SetIndex(asset=asset, price=Decimal(price))).answer)

    def _past(self) -> None:
        venue, maker, trader = self.venue, self.maker, self.trader
        for asset, amount in (("BTC", 10), ("ETH", 100), ("USDT", 1_000_000)):
            self.done(venue.fund(maker.user, asset, amount=Decimal(amount), wallet="spot"))
        self._deposit(Decimal("100000.12345678"), ("moderation", "confirmed"))
        self.done(venue.fund(trader.user, "EUR", amount=Decimal("5.5"), wallet="funding"))
        self.place(maker, "sell", amount="0.5", price="64000")
        self.place(trader, "buy", amount="0.1", price="64000")  # filled 34 days ago
        self.done(venue.fund(trader.user, "USDT", amount=Decimal(30_000), wallet="spot"))
        self.move(trader, "cross_margin", "USDT", "20000", note="to begin with")
        self.margin(trader, commands.Borrow, wallet="cross_margin", asset="BTC", amount="0.1")
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
        self._debts()
        self._family()

    def _debts(self) -> None:
        """In every margin wallet: borrowed by hand and by orders, repaid, closed, and one liquidated."""
        maker, trader, own, other = self.maker, self.trader, "isolated_margin:BTC/USDT", "isolated_margin:ETH/USDT"
        cross = {"wallet": "cross_margin"}
        self.margin(trader, commands.Repay, asset="BTC", amount="0.001", **cross)
        self.place(trader, "sell", amount="0.2", price="66000", side_effect="auto_borrow", **cross)
        self.place(trader, "buy", type="market", quote_amount="1000", side_effect="auto_repay", **cross)
        self.move(trader, "cross_margin", "USDT", "100.5", out=True)
        self.move(trader, own, "USDT", "5000")
        self.margin(trader, commands.Borrow, wallet=own, asset="BTC", amount="0.02")
        self.place(trader, "sell", type="market", amount="0.02", wallet=own)
        self.place(trader, "buy", amount="0.01", price="60000", wallet=own)
        self.wait(7200)
        self.margin(trader, commands.ClosePosition, wallet=own)
        self.margin(trader, commands.Borrow, wallet=own, asset="USDT", amount="1000")
        self.place(maker, "sell", instrument="ETH/USDT", amount="5", price="3110")
        self.place(maker, "buy", instrument="ETH/USDT", amount="5", price="3090")
        self.move(trader, other, "USDT", "100")
        self.margin(trader, commands.Borrow, wallet=other, asset="ETH", amount="0.05")
        self.place(trader, "sell", instrument="ETH/USDT", type="market", amount="0.05", wallet=other)
        self.place(trader, "buy", instrument="ETH/USDT", amount="0.01", price="2000", wallet=other)
        self.index("ETH", "4900")
        self.index("ETH", "3100")
        self.wait(3 * 3600)
        self.venue.tick()

    def _family(self) -> None:
        """Master and sub-account, in turns."""
        for number in range(1, 4):
            for login in (self.master, self.desk):
                self.done(self.venue.fund(login.user, "USDT", amount=Decimal(1000 + number), wallet="spot"))
                self.place(login, "buy", amount="0.001", price="64100.5")
                self.place(login, "buy", amount="0.002", price="1000")
                self.move(login, "cross_margin", "USDT", f"{100 + number}")
                self.margin(login, commands.Borrow, wallet="cross_margin", asset="USDT", amount=f"{10 + number}")
                self.margin(login, commands.Repay, wallet="cross_margin", asset="USDT", amount="0.5")
        self.done(self.venue.fund(self.keyless, "EUR", amount=Decimal(7), wallet="funding"))
        self.wait(2 * 3600)
        self.venue.tick()

    def _deposit(self, amount: Decimal, statuses: tuple[str, ...]) -> None:
        self.wait()
        number = self.done(self.venue.deposit(self.trader.user, "USDT", amount=amount, tx_hash=f"0x{amount}"))
        for status in statuses:
            self.wait()
            self.done(self.venue.carry_out(AdvanceDeposit(deposit=number, status=status)).answer)  # type: ignore[arg-type]

    def _withdrawal(self, amount: Decimal, statuses: tuple[str, ...]) -> None:
        self.wait()
        command = commands.RequestWithdrawal(method=4, amount=amount, attributes=ADDRESS)
        number = self.done(self.venue.submit(self.trader.user, command))
        for status in statuses:
            self.wait()
            outcome = self.venue.carry_out(AdvanceWithdrawal(withdrawal=number, status=status))
            self.done(outcome.answer)  # type: ignore[arg-type]


AMOUNTS = frozenset({"amount", "quote_amount", "price", "stop_price"})
