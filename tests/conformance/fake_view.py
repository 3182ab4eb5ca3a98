"""A venue of fixed rows, written by hand, behind the `VenueView` protocol: what the wire tests read from and submit
to. Its rows are the truth that a client's facts are compared with; it imports nothing of the exchanges or the engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from nostro.link import commands, view
from nostro.link.commands import Accepted, Command, Rejected
from nostro.link.view import Login

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
NOW = 1_767_225_600 * SECOND  # 2026-01-01T00:00:00Z

ASSETS = (view.VenueAsset("BTC", "₿", 8), view.VenueAsset("ETH", "Ξ", 18), view.VenueAsset("USDT", "₮", 6))
BTC_USDT = view.VenueInstrument(
    id=1, base="BTC", quote="USDT", amount_digits=8, price_digits=2,
    amount_min=Decimal("0.0001"), amount_max=Decimal(100), value_min=Decimal(10),
)  # fmt: skip
ETH_USDT = view.VenueInstrument(
    id=2, base="ETH", quote="USDT", amount_digits=6, price_digits=2,
    amount_min=Decimal("0.001"), amount_max=Decimal(1000), value_min=Decimal(10),
)  # fmt: skip

TRADER = Login(
    user=7, name="Trader", email="trader@example.org", key="trader-key", secret="trader-secret",
    permissions=frozenset({"read", "trade"}),
)  # fmt: skip
READER = Login(
    user=7, name="Trader", email="trader@example.org", key="reader-key", secret="reader-secret",
    permissions=frozenset({"read"}),
)  # fmt: skip
TREASURER = Login(
    user=7, name="Trader", email="trader@example.org", key="treasurer-key", secret="treasurer-secret",
    permissions=frozenset({"read", "trade", "margin", "withdraw"}),
)  # fmt: skip
NEWCOMER = Login(
    user=8, name="Newcomer", email="new@example.org", key="newcomer-key", secret="newcomer-secret",
    permissions=frozenset({"read"}),
)  # fmt: skip
MASTER = Login(
    user=30, name="Master", email="master@example.org", key="master-key", secret="master-secret",
    permissions=frozenset({"read", "trade", "margin"}),
)  # fmt: skip
DESK = Login(
    user=31, name="Desk", email="desk@example.org", key="desk-key", secret="desk-secret",
    permissions=frozenset({"read", "margin"}), parent=30,
)  # fmt: skip
LOGINS = (TRADER, READER, TREASURER, NEWCOMER, MASTER, DESK)
SUB_ACCOUNTS = {30: (31, 32)}  # 32 has no key


def order(number: int, **changes: object) -> view.VenueOrder:
    placed = NOW - 5 * DAY + number * SECOND
    fields: dict[str, object] = {
        "id": number,
        "user": 7,
        "wallet": "spot",
        "instrument": "BTC/USDT",
        "side": "buy",
        "type": "limit",
        "time_in_force": "gtc",
        "status": "open",
        "amount": Decimal("1.5"),
        "filled": Decimal(0),
        "canceled": Decimal(0),
        "price": Decimal("45000.25"),
        "stop_price": None,
        "stop_operator": None,
        "quote_amount": None,
        "cost": Decimal(0),
        "client_id": "1",
        "placed_ns": placed,
        "opened_ns": placed,
        "updated_ns": placed,
        "done_ns": None,
        "valid_till_ns": None,
        "expire_after_ns": None,
    }
    return view.VenueOrder(**(fields | changes))  # type: ignore[arg-type]


ORDERS = (
    order(1, placed_ns=NOW - 40 * DAY, opened_ns=NOW - 40 * DAY, expire_after_ns=NOW + 60 * DAY),
    order(
        2, status="filled", filled=Decimal("1.5"), cost=Decimal(67500), done_ns=NOW - 4 * DAY,
        updated_ns=NOW - 4 * DAY,
    ),
    order(
        3, side="sell", type="market", price=None, status="partially_canceled", amount=Decimal("0.3"),
        filled=Decimal("0.1"), canceled=Decimal("0.2"), done_ns=NOW - 3 * DAY,
    ),
    order(
        4, instrument="ETH/USDT", side="sell", type="stop_limit", status="pending", stop_price=Decimal(1800),
        stop_operator="lte", price=Decimal("1790.5"), amount=Decimal(2),
    ),
    order(5, status="partially_filled", filled=Decimal("0.25"), time_in_force="aon"),
    order(6, status="canceled", canceled=Decimal("1.5"), time_in_force="fok", done_ns=NOW - 2 * DAY),
    order(7, status="expired", canceled=Decimal("1.5"), time_in_force="ioc", done_ns=NOW - 1 * DAY),
)  # fmt: skip


def fill(number: int, **changes: object) -> view.VenueFill:
    fields: dict[str, object] = {
        "id": number,
        "order_id": 2,
        "user": 7,
        "wallet": "spot",
        "instrument": "BTC/USDT",
        "side": "buy",
        "price": Decimal(45000),
        "amount": Decimal("0.75"),
        "cost": Decimal(33750),
        "fee": Decimal("0.0015"),
        "fee_asset": "BTC",
        "fee_rate": Decimal("0.002"),
        "maker": False,
        "order_type": "limit",
        "order_unfilled": Decimal("0.75"),
        "order_status": "partially_filled",
        "time_ns": NOW - 4 * DAY,
    }
    return view.VenueFill(**(fields | changes))  # type: ignore[arg-type]


FILLS = (
    fill(10, time_ns=NOW - 35 * DAY, order_id=1),
    fill(11, time_ns=NOW - 4 * DAY + 123_456_000),
    fill(12, time_ns=NOW - 4 * DAY + 123_456_000, order_unfilled=Decimal(0), order_status="filled"),  # a twin of 11
    fill(
        13, order_id=3, side="sell", amount=Decimal("0.1"), fee=Decimal("9.000001"), fee_asset="USDT", maker=True,
        order_type="market", order_unfilled=Decimal("0.2"), order_status="partially_canceled", time_ns=NOW - 3 * DAY,
    ),
    fill(14, order_id=5, amount=Decimal("0.00000001"), fee=Decimal(0), time_ns=NOW - 1),
)  # fmt: skip


def entry(number: int, **changes: object) -> view.VenueEntry:
    fields: dict[str, object] = {
        "id": number,
        "user": 7,
        "wallet": "spot",
        "wallet_id": 3,
        "asset": "USDT",
        "type": "trade",
        "total": Decimal(1000),
        "total_delta": Decimal("-500.25"),
        "held": Decimal(600),
        "held_delta": Decimal("-500.25"),
        "time_ns": NOW - 4 * DAY,
    }
    return view.VenueEntry(**(fields | changes))  # type: ignore[arg-type]


ENTRIES = (
    entry(20, type="deposit", total=Decimal(0), total_delta=Decimal(1000), held=Decimal(0), held_delta=Decimal(0)),
    entry(21, type="hold", total_delta=Decimal(0), held=Decimal(0), held_delta=Decimal(600)),
    entry(22),
    entry(23, type="fee", asset="BTC", wallet_id=4, total=Decimal("0.75"), total_delta=Decimal("-0.0015"),
          held=Decimal(0), held_delta=Decimal(0)),
    entry(24, type="withdrawal", total=Decimal("499.75"), total_delta=Decimal(-50), held=Decimal("99.75"),
          held_delta=Decimal(-50), time_ns=NOW - 2 * DAY),
    entry(25, wallet="funding", wallet_id=5, type="fund", total=Decimal(0), total_delta=Decimal(5),
          held=Decimal(0), held_delta=Decimal(0), time_ns=NOW - 1 * DAY),
)  # fmt: skip

DEPOSITS = tuple(
    view.VenueTransfer(
        id=number, user=7, direction="deposit", asset="USDT", amount=Decimal(1000 + number), fee=Decimal(0),
        status=status, tx_hash=f"0x{number}" if status == "confirmed" else None, client_id="",
        time_ns=NOW - 10 * DAY + number * SECOND,
    )
    for number, status in enumerate(("pending", "moderation", "confirmed", "rejected"), 1)
)  # fmt: skip
WITHDRAWALS = tuple(
    view.VenueTransfer(
        id=number, user=7, direction="withdrawal", asset="USDT", amount=Decimal(50 + number), fee=Decimal("1.5"),
        status=status, tx_hash=f"0x{number}" if status == "done" else None, client_id="w",
        time_ns=NOW - 9 * DAY + number * SECOND,
    )
    for number, status in enumerate(
        ("new", "confirmed", "verified", "moderation", "approved", "suspended", "done", "refused", "canceled"), 1
    )
)  # fmt: skip

BALANCES = (
    view.VenueBalance(
        user=7, wallet="spot", asset="USDT", total=Decimal("449.75"), held=Decimal("49.75"), updated_ns=NOW - DAY
    ),
    view.VenueBalance(
        user=7, wallet="spot", asset="ETH", total=Decimal("2.000000000000000001"), held=Decimal(2),
        updated_ns=NOW - DAY - 1,
    ),
    view.VenueBalance(user=7, wallet="funding", asset="USDT", total=Decimal(5), held=Decimal(0), updated_ns=NOW - DAY),
)  # fmt: skip
# ── margin ───────────────────────────────────────────────────────────────────────────────────────────────────────

ISOLATED_BTC, ISOLATED_ETH = "isolated_margin:BTC/USDT", "isolated_margin:ETH/USDT"
MARGIN_BALANCES = tuple(
    view.VenueBalance(
        user=7, wallet=wallet, asset="USDT", total=Decimal(total), held=Decimal("0.5"), updated_ns=NOW - number * DAY
    )
    for number, (wallet, total) in enumerate((("cross_margin", 300), (ISOLATED_BTC, 40), (ISOLATED_ETH, "2.5")), 1)
)  # fmt: skip
MOVEMENTS = tuple(
    view.VenueMovement(
        id=number, user=7, wallet=wallet, direction=direction, asset=asset, amount=Decimal(number) / 4, note=note,
        time_ns=NOW - 8 * DAY + number * SECOND,
    )
    for number, (wallet, direction, asset, note) in enumerate(
        (("cross_margin", "add", "USDT", "to work with"), (ISOLATED_BTC, "add", "BTC", ""),
         (ISOLATED_BTC, "sub", "BTC", "é"), ("funding", "add", "USDT", "")), 1,
    )
)  # fmt: skip
LOANS = tuple(
    view.VenueLoan(
        id=number, user=7, wallet=wallet, asset="USDT", principal=Decimal(100 * number), interest=Decimal("0.01")
    )
    for number, wallet in enumerate(("cross_margin", ISOLATED_BTC, ISOLATED_ETH), 1)
)


def borrow(number: int, **changes: object) -> view.VenueBorrow:
    fields: dict[str, object] = {
        "id": number, "user": 7, "wallet": "cross_margin", "asset": "USDT", "amount": Decimal(100 * number),
        "repaid": Decimal(0), "accrued": Decimal("0.01"), "paid": Decimal(0), "rate": Decimal("0.00001"),
        "type": "manual", "time_ns": NOW - 7 * DAY + number * SECOND, "interest_ns": NOW - DAY, "done_ns": None,
    }  # fmt: skip
    return view.VenueBorrow(**(fields | changes))  # type: ignore[arg-type]


BORROWS = (
    borrow(1), borrow(2, wallet=ISOLATED_BTC, type="auto", repaid=Decimal("0.5")),
    borrow(3, wallet=ISOLATED_ETH, interest_ns=None, accrued=Decimal(0)),
    borrow(4, asset="BTC", repaid=Decimal(400), accrued=Decimal(2), paid=Decimal(2), done_ns=NOW - 6 * DAY),
    borrow(5, time_ns=NOW - 33 * DAY),
)  # fmt: skip
REPAYMENTS = (
    view.VenueRepayment(
        id=1, user=7, wallet="cross_margin", asset="BTC", interest=Decimal(2), principal=Decimal(400), type="manual",
        time_ns=NOW - 6 * DAY,
    ),
    view.VenueRepayment(
        id=2, user=7, wallet=ISOLATED_BTC, asset="USDT", interest=Decimal(0), principal=Decimal("0.5"), type="auto",
        time_ns=NOW - 5 * DAY,
    ),
)  # fmt: skip
INTEREST = tuple(
    view.VenueInterest(
        id=number, user=7, wallet="cross_margin" if number % 2 else ISOLATED_BTC, borrow=2 - number % 2, asset="USDT",
        accrued=Decimal("0.0005") * number, paid=Decimal("0.25"), rate=Decimal("0.00001"),
        time_ns=NOW - 7 * DAY + number * 3600 * SECOND,
    )
    for number in range(1, 5)
)  # fmt: skip
LIQUIDATIONS = (
    view.VenueLiquidation(
        id=1, user=7, wallet=ISOLATED_ETH, asset="USDT", amount=Decimal("300.25"), fund=Decimal("1.5"),
        level=Decimal("0.04870129"), orders_closed=(4, 5), orders_created=(6,), borrows_closed=(3,),
        repayments_created=(2,), time_ns=NOW - 4 * DAY, done_ns=NOW - 4 * DAY,
    ),
    view.VenueLiquidation(
        id=2, user=7, wallet="cross_margin", asset="BTC", amount=Decimal(1), fund=Decimal(0), level=Decimal("-0.25"),
        orders_closed=(), orders_created=(), borrows_closed=(), repayments_created=(), time_ns=NOW - 3 * DAY,
        done_ns=None,
    ),
)  # fmt: skip

# What the sub-accounts of `MASTER` have: the same as its own, times woven into each other.
FAMILY = {user: number for number, user in enumerate((30, 31, 32))}


def woven(rows: Sequence[Any], user: int) -> list[Any]:
    """The rows of user 7 as a member of the family has them, each a little later than its parent's."""
    later = FAMILY[user]
    fields = ("time_ns", "placed_ns")
    return [
        msgspec.structs.replace(
            row, user=user,
            **{name: getattr(row, name) + later for name in fields if hasattr(row, name)},
            **({"id": row.id * 10 + later} if hasattr(row, "id") else {}),
        )
        for row in rows
        if row.user == 7
    ]  # fmt: skip


PUBLIC_TRADES = tuple(
    view.VenueTrade(
        id=number, instrument="BTC/USDT", price=Decimal(45000 + number), amount=Decimal("0.5"),
        side="buy" if number % 2 else "sell", user=7, time_ns=NOW - number * SECOND,
    )
    for number in range(1, 6)
)  # fmt: skip
CANDLES = tuple(
    view.VenueCandle(
        start_ns=NOW - DAY * number, open=Decimal(100 + number), high=Decimal(110 + number), low=Decimal("90.5"),
        close=Decimal(105), volume=Decimal("12.5"),
    )
    for number in range(5, 0, -1)
)  # fmt: skip
WITHDRAW_METHODS = (
    view.VenueMethod(
        id=2, asset="USDT", network="ETH", attributes=(("address", "^0x[0-9a-f]+$"), ("memo", "")), confirmations=6,
        amount_min=Decimal(10), amount_max=Decimal(1000), fee=Decimal("1.5"), fee_rate=Decimal("0.001"), enabled=True,
    ),
)  # fmt: skip
DEPOSIT_METHODS = (
    view.VenueMethod(
        id=1, asset="USDT", network="ETH", attributes=(("address", "0xabc"), ("memo", "123")), confirmations=6,
        amount_min=Decimal(10), amount_max=Decimal(1000), fee=Decimal(0), fee_rate=Decimal(0), enabled=True,
    ),
)  # fmt: skip


class FakeView:
    """`VenueView` over the rows above. ``outcome`` is what `submit` answers; ``submitted`` what it was given."""

    def __init__(self) -> None:
        self.now = NOW
        self.life_s = 3600
        self.logins = {login.key: login for login in LOGINS}
        self.outcome: Accepted | Rejected = Accepted((34,))
        self.submitted: list[tuple[int, Command]] = []
        self.order_rows: Sequence[view.VenueOrder] = ORDERS
        self.fill_rows: Sequence[view.VenueFill] = FILLS

    def now_ns(self) -> int:
        return self.now

    def login_by_key(self, key: str) -> Login | None:
        return self.logins.get(key)

    def login_by_user(self, user: int) -> Login | None:
        return next((login for login in self.logins.values() if login.user == user), None)

    def sign_tokens_with(self) -> bytes:
        return b"the venue's own secret"

    def token_life_s(self) -> int:
        return self.life_s

    def assets(self) -> Sequence[view.VenueAsset]:
        return ASSETS

    def instruments(self) -> Sequence[view.VenueInstrument]:
        return (BTC_USDT, ETH_USDT)

    def instrument(self, symbol: str) -> view.VenueInstrument | None:
        return next((each for each in self.instruments() if each.symbol == symbol), None)

    def ticker(self, symbol: str) -> view.VenueTicker:
        if symbol == "ETH/USDT":  # never traded
            return view.VenueTicker(
                instrument=ETH_USDT, open=None, last=None, bid=None, ask=None, high=None, low=None,
                volume=Decimal(0), time_ns=self.now,
            )  # fmt: skip
        return view.VenueTicker(
            instrument=BTC_USDT, open=Decimal(44000), last=Decimal(45000), bid=Decimal(44990),
            ask=Decimal(45010), high=Decimal("45500.5"), low=Decimal(43900), volume=Decimal("1000.125"),
            time_ns=self.now,
        )  # fmt: skip

    def depth(
        self, symbol: str, side: commands.Side, *, levels: int | None, grouped: bool
    ) -> Sequence[tuple[Decimal, Decimal]]:
        best, step = (44990, -10) if side == "buy" else (45010, 10)
        rows = [(Decimal(best + step * at), Decimal("0.5") * (at + 1)) for at in range(3)]
        if not grouped:
            rows.insert(1, (Decimal(best), Decimal("0.25")))
        return rows[:levels]

    def candles(self, symbol: str, interval_s: int, *, since_ns: int, until_ns: int) -> Sequence[view.VenueCandle]:
        return [row for row in CANDLES if since_ns <= row.start_ns < until_ns]

    def trades(self, symbol: str | None, *, limit: int, offset: int) -> Sequence[view.VenueTrade]:
        rows = [row for row in PUBLIC_TRADES if symbol in (None, row.instrument)]
        return rows[offset : offset + limit]

    def fee_rules(self, user: int) -> Sequence[view.VenueFeeRule]:
        return [
            view.VenueFeeRule(
                user=user, maker_rate=Decimal("0.0015"), taker_rate=Decimal("0.002"), fee_asset="USDT",
                valid_from_ns=NOW - 30 * DAY, valid_until_ns=NOW + 3000 * DAY, priority=1,
            )
        ]  # fmt: skip

    def deposit_methods(self, asset: str) -> Sequence[view.VenueMethod]:
        return [each for each in DEPOSIT_METHODS if each.asset == asset]

    def withdraw_methods(self, asset: str) -> Sequence[view.VenueMethod]:
        return [each for each in WITHDRAW_METHODS if each.asset == asset]

    def _of(self, rows: Sequence[Any], user: int) -> list[Any]:
        return woven(rows, user) if user in FAMILY else [row for row in rows if row.user == user]

    def sub_accounts(self, user: int) -> Sequence[int]:
        return SUB_ACCOUNTS.get(user, ())

    def balances(self, user: int) -> Sequence[view.VenueBalance]:
        return self._of((*BALANCES, *MARGIN_BALANCES), user)

    def orders(self, user, *, symbol=None, side=None, open_only=False, since_ns=None, until_ns=None, newest=None):
        rows = [
            row for row in sorted(self._of(self.order_rows, user), key=lambda row: row.placed_ns)
            if symbol in (None, row.instrument) and side in (None, row.side)
            and (row.is_open or not open_only) and within(row.placed_ns, since_ns, until_ns)
        ]  # fmt: skip
        return iter(rows if newest is None else rows[-newest:])

    def fills(self, user, *, symbol=None, side=None, since_ns=None, until_ns=None, newest=None):
        rows = [
            row for row in sorted(self._of(self.fill_rows, user), key=lambda row: row.time_ns)
            if symbol in (None, row.instrument) and side in (None, row.side)
            and within(row.time_ns, since_ns, until_ns)
        ]  # fmt: skip
        return iter(rows if newest is None else rows[-newest:])

    def entries(self, user, *, asset=None, since_ns=None, until_ns=None) -> Iterator[view.VenueEntry]:
        return (
            row for row in sorted(self._of(ENTRIES, user), key=lambda row: row.time_ns)
            if asset in (None, row.asset) and within(row.time_ns, since_ns, until_ns)
        )  # fmt: skip

    def transfers(self, user, direction, *, asset=None, since_ns=None, until_ns=None):
        return (
            row for row in self._of(DEPOSITS if direction == "deposit" else WITHDRAWALS, user)
            if asset in (None, row.asset) and within(row.time_ns, since_ns, until_ns)
        )  # fmt: skip

    def movements(self, user, **asked):
        return self._margin(MOVEMENTS, user, **asked)

    def loans(self, user):
        return self._of(LOANS, user)

    def borrows(self, user, *, open_only=False, **asked):
        rows = self._margin(BORROWS, user, **asked)
        return (row for row in rows if row.done_ns is None or not open_only)

    def repayments(self, user, **asked):
        return self._margin(REPAYMENTS, user, **asked)

    def interest(self, user, **asked):
        return self._margin(INTEREST, user, **asked)

    def liquidations(self, user, **asked):
        return self._margin(LIQUIDATIONS, user, **asked)

    def _margin(self, rows, user, *, wallet=None, asset=None, since_ns=None, until_ns=None):
        return (
            row for row in sorted(self._of(rows, user), key=lambda row: row.time_ns)
            if wallet in (None, row.wallet) and asset in (None, row.asset)
            and within(row.time_ns, since_ns, until_ns)
        )  # fmt: skip

    def margin(self, user):
        return []

    def submit(self, user: int, command: Command) -> Accepted | Rejected:
        self.submitted.append((user, command))
        return self.outcome


def within(time_ns: int, since_ns: int | None, until_ns: int | None) -> bool:
    return (since_ns is None or time_ns >= since_ns) and (until_ns is None or time_ns < until_ns)
