"""What the conformance tests stand on for each exchange: a venue behind its wire, a key that may do everything there,
and questions and commands that its rows answer. ALP.COM's venue is the one written by hand; the others are paper
exchanges as they open, with a short made-up past and a clock that stands still.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from conformance.fake_view import NOW, SECOND, TREASURER, FakeView
from nostro.domain.values import quotient
from nostro.exchanges import exchange
from nostro.link import commands
from nostro.link.commands import Accepted
from nostro.link.declare import Query
from nostro.link.view import Login
from nostro.paper.host import PaperExchange

DAY = 86_400 * SECOND
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
ROWS = 60  # fills of the past: a second or two


class Recorder:
    """A venue that notes what is submitted to it."""

    def __init__(self, view: Any) -> None:
        self._view = view
        self.submitted: list[tuple[int, Any]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._view, name)

    def submit(self, user: int, command: Any) -> Any:
        self.submitted.append((user, command))
        return self._view.submit(user, command)


class Ground(NamedTuple):
    """``where`` of an ask by its name, "" for all others; ``commands`` by capability. ``silent``: asks whose answers
    have no row here, and why."""

    login: Login
    user: int
    now_ns: int
    view: Any
    where: Mapping[str, Mapping[str, str]]
    commands: Mapping[str, Any]
    silent: Mapping[str, str] = NOTHING
    limit: int | None = None

    def query(self, name: str, *, timed: bool) -> Query:
        where = dict(self.where.get(name, self.where[""]))
        if not timed:
            return Query(where=where)
        return Query(since_ns=self.now_ns - 20 * DAY, until_ns=self.now_ns, limit=self.limit, where=where)


def _alp() -> Ground:
    where = {"instrument": "BTC/USDT", "asset": "USDT", "side": "buy", "interval_s": "86400"}
    return Ground(
        TREASURER, TREASURER.user, NOW, FakeView(),
        {"": where, "liquidations": where | {"instrument": "ETH/USDT"}, "margin_transfers": where | {"asset": "BTC"}},
        {
            "place": commands.PlaceOrder(
                wallet="spot", instrument="BTC/USDT", side="sell", type="limit", amount=Decimal("0.05"),
                price=Decimal(1800),
            ),
            "cancel": commands.CancelOrders(order_ids=(1, 5)),
            "cancel_all": commands.CancelAll(instrument="BTC/USDT"),
            "withdraw": commands.RequestWithdrawal(
                method=2, amount=Decimal(50), attributes={"address": "0xab", "memo": "é"}
            ),
            "transfer": commands.MoveMargin(
                account=7, wallet="isolated_margin:BTC/USDT", direction="sub", asset="BTC", amount=Decimal("0.5"),
                note="é",
            ),
            "borrow": commands.Borrow(account=31, wallet="cross_margin", asset="USDT", amount=Decimal("1000.000001")),
            "repay": commands.Repay(
                account=7, wallet="isolated_margin:ETH/USDT", asset="ETH", amount=Decimal("1E-18")
            ),
            "close_position": commands.ClosePosition(account=7, wallet="isolated_margin:BTC/USDT"),
        },
        limit=3,
    )  # fmt: skip


def _contracts(
    running: PaperExchange, *, asset: str, side: str = "both", silent: Mapping[str, str] = NOTHING
) -> Ground:
    """A paper exchange with a past, and an order far from the market in the contract that was traded most; leverage is
    set for one without a position."""
    venue, now_ns = running.venue, running.venue.now_ns()
    login = next(each for each in running.logins() if each.name == "trader")
    user = int(login.extra.get("sub_account_id", login.user))
    traded = Counter(fill.instrument for fill in venue.fills(user))
    instrument = traded.most_common(1)[0][0]
    held = {row.instrument for row in venue.positions(user) if row.size}
    listed = venue.instrument(instrument)
    empty = next(each.symbol for each in venue.instruments() if each.kind == "linear" and each.symbol not in held)
    assert listed is not None
    price = quotient(venue.mark(instrument) * 97, Decimal(100), digits=listed.price_digits, rounding="ROUND_FLOOR")
    order = commands.PlaceOrder(
        wallet=listed.wallet, instrument=instrument, side="buy", type="limit", amount=listed.amount_min * 100,
        price=price, position_side=side,  # type: ignore[arg-type]
    )  # fmt: skip
    resting = venue.submit(user, order)
    assert isinstance(resting, Accepted), resting
    where = {"instrument": instrument, "asset": asset, "side": "buy", "interval_s": "86400"}
    return Ground(
        login, user, now_ns, Recorder(venue), {"": where},
        {
            "place": order,
            "edit": commands.EditOrder(order_id=resting.ids[0], amount=order.amount and order.amount * 2),
            "cancel": commands.CancelOrders(order_ids=resting.ids),
            "cancel_all": commands.CancelAll(instrument=None if side == "long" else instrument),
            "set_leverage": commands.SetLeverage(
                instrument=empty, position_side="long" if side == "long" else "both", leverage=Decimal(5)
            ),
            "set_margin_mode": commands.SetMarginMode(instrument=instrument, mode="cross"),
            "transfer": commands.MoveFunds(
                from_account=user, from_wallet="futures", to_account=user, to_wallet="spot", asset=asset,
                amount=Decimal(1),
            ),
        },
        silent,
    )  # fmt: skip


class Grounds:
    """Those that were asked for, each made once in a folder of its own. Nothing is changed there but by who says so."""

    def __init__(self, folder: Callable[[str], Path]) -> None:
        self._folder = folder
        self._made: dict[str, Ground] = {}
        self._running: list[PaperExchange] = []

    def __call__(self, exchange_id: str) -> Ground:
        if exchange_id not in self._made:
            self._made[exchange_id] = self._make(exchange_id)
        return self._made[exchange_id]

    def _make(self, exchange_id: str) -> Ground:
        if exchange_id == "alp":
            return _alp()
        at_ns = NOW + 7 * 3_600 * SECOND
        running = PaperExchange(
            self._folder(exchange_id), exchange(exchange_id), now_ns=lambda: at_ns, seed=7, rows=ROWS
        )  # fmt: skip
        self._running.append(running)
        if exchange_id == "bingx_v1":
            return _contracts(running, asset="USDT", side="long")
        if exchange_id == "kraken_futures":
            return _contracts(running, asset="BTC", silent={"leverage": "contracts in cross mode are left out"})
        return _contracts(running, asset="USDT")

    def close(self) -> None:
        for running in self._running:
            running.close()
