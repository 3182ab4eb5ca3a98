"""What can be asked of ALP.COM in our words: how a question becomes the route's request, and how the histories are
paged. It decides windows, identity and what ends a row's changes; how answers are read stands in ``read.py``.

Source: API reference of 2023: histories take at most 30 days, ``start_time`` inclusive, ``end_time`` exclusive, and
the last 30 days where both are missing. That the window is also the histories of deposits and withdrawals' is not
printed there.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Final

from msgspec import Raw

from nostro import errors
from nostro.domain.values import ABSENT, LATEST_NS, SECOND_NS, canonical, format_time, number, number_or_absent
from nostro.exchanges.alp import read, requests, routes, words
from nostro.exchanges.alp.dialects import Dialect
from nostro.link.declare import Ask, Do, Query, Stream
from nostro.link.view import CancelAll, CancelOrders, PlaceOrder, RequestWithdrawal

WINDOW_S: Final = 30 * 86_400
SHORT_ROWS: Final = 100  # of 2026: the most trades of one answer, and all orders that can be seen

# What of a fill never changes: a row's own state of its order (amount_unfilled, status) is not among it.
FILL_IDENTITY: Final = (
    "sub_account", "wallet", "instrument", "side", "effective_ns", "price", "amount", "fee", "fee_asset", "fee_rate",
    "maker", "order_type",
)  # fmt: skip
# What a row of 2026 shares with the same fill in the older rows.
SHORT_FILL_IDENTITY: Final = ("instrument", "side", "effective_ns", "price", "amount", "fee")


def _history(name: str, kind: str, **more: object) -> Stream:
    settings: dict[str, object] = {
        "window_s": WINDOW_S, "default_window_s": WINDOW_S, "precision_ns": SECOND_NS, "order": "any",
    }  # fmt: skip
    return Stream(name=name, kind=kind, **(settings | more))  # type: ignore[arg-type]


ORDERS: Final = _history("orders", "order", symbols="instrument", terminal=words.ORDERS_END)
SHORT_ORDERS: Final = Stream(
    name="orders", kind="order", newest=SHORT_ROWS, order="descending", since="absent", until="absent",
    terminal=words.ORDERS_END,
)  # fmt: skip
FILLS: Final = _history(
    "fills", "fill", symbols="instrument", splits=(("side", ("buy", "sell")),), native_ids=False,
    identity=FILL_IDENTITY,
)  # fmt: skip
SHORT_FILLS: Final = _history(
    "fills", "fill", symbols="instrument", page_size=SHORT_ROWS, order="descending", position="time",
    identity=SHORT_FILL_IDENTITY,
)  # fmt: skip
ENTRIES: Final = _history("entries", "entry", symbols="asset")
DEPOSITS: Final = _history("deposits", "transfer", symbols="asset", terminal=words.TRANSFERS_END)
WITHDRAWALS: Final = _history("withdrawals", "transfer", symbols="asset", terminal=words.TRANSFERS_END)


# ── conditions ───────────────────────────────────────────────────────────────────────────────────────────────────


def _pair(query: Query) -> str | None:
    instrument = query.where.get("instrument")
    return None if instrument is None else words.pair(instrument)


def _needed(query: Query, condition: str) -> str:
    value = query.where.get(condition)
    if not value:
        raise errors.BadValue(f"ALP.COM must be told which {condition}", hint=f"give {condition}=", exchange="alp")
    return value


def _bound(dialect: Dialect, time_ns: int | None) -> str | None:
    """Whole seconds as the dialect writes them; the declared precision makes them whole."""
    if time_ns is None:
        return None
    if dialect.query_time == "unix":
        return str(time_ns // SECOND_NS)
    text = format_time(time_ns, 0)
    return text if dialect.query_time == "zulu" else text.replace("Z", "+00:00")


def _bounds(dialect: Dialect, query: Query) -> tuple[str | None, str | None]:
    return _bound(dialect, query.since_ns), _bound(dialect, query.until_ns)


# ── requests ─────────────────────────────────────────────────────────────────────────────────────────────────────


def nothing(_: Query) -> None:
    return None


def pairs(query: Query) -> requests.PairsQuery:
    return requests.PairsQuery(currency1=query.where.get("base"), currency2=query.where.get("quote"))


def ticker(query: Query) -> requests.TickerQuery:
    return requests.TickerQuery(pair=_pair(query))


def order_book(query: Query) -> requests.OrderBookQuery:
    pair = words.pair(_needed(query, "instrument"))
    return requests.OrderBookQuery(pair=pair, group=1, limit_buy=query.limit, limit_sell=query.limit)


def charts(dialect: Dialect, query: Query) -> requests.ChartsQuery:
    """A candle starts on a whole second: bounds between two of them are rounded up."""
    pair = words.pair(_needed(query, "instrument"))
    interval_s = int(_needed(query, "interval_s"))
    if interval_s not in words.INTERVALS_S.values():
        known = ", ".join(str(each) for each in sorted(set(words.INTERVALS_S.values())))
        raise errors.BadValue(f"interval_s is {interval_s}, ALP.COM has {known}", exchange="alp")
    return requests.ChartsQuery(
        pair=pair,
        interval=dialect.day if interval_s == 86_400 else str(interval_s // 60),
        since=None if query.since_ns is None else -(-query.since_ns // SECOND_NS),
        until=None if query.until_ns is None else -(-query.until_ns // SECOND_NS),
        limit=query.limit,
    )


def trades(query: Query) -> requests.TradesQuery:
    offset = None if query.position is None else int(query.position)
    return requests.TradesQuery(pair=_pair(query), limit=query.limit, offset=offset)


def accounts(_: Query) -> requests.AccountsQuery:
    return requests.AccountsQuery(include_subaccounts=True)


def balances(query: Query) -> requests.CurrencyQuery:
    return requests.CurrencyQuery(currency=query.where.get("asset"))


def methods(query: Query) -> requests.CurrencyQuery:
    return requests.CurrencyQuery(currency=_needed(query, "asset"))


def orders(dialect: Dialect, query: Query) -> requests.OrdersQuery:
    since, until = _bounds(dialect, query)
    open_only = {"true": True, "1": True}.get(query.where.get("open_only", ""))
    side = words.SIDES_WRITTEN.get(query.where.get("side", ""))
    return requests.OrdersQuery(pair=_pair(query), open_only=open_only, side=side, start_time=since, end_time=until)


def account_trades(dialect: Dialect, query: Query) -> requests.AccountTradesQuery:
    since, until = _bounds(dialect, query)
    side = words.SIDES_WRITTEN[_needed(query, "side")]
    return requests.AccountTradesQuery(pair=_pair(query), side=side, start_time=since, end_time=until)


def short_trades(dialect: Dialect, query: Query) -> requests.AccountTradesQuery:
    since, until = _bounds(dialect, query)
    side = words.SIDES_WRITTEN.get(query.where.get("side", ""))
    limit = min(query.limit or SHORT_ROWS, SHORT_ROWS)
    return requests.AccountTradesQuery(pair=_pair(query), side=side, start_time=since, end_time=until, limit=limit)


def activity(dialect: Dialect, query: Query) -> requests.ActivityQuery:
    since, until = _bounds(dialect, query)
    return requests.ActivityQuery(currency=query.where.get("asset"), start_time=since, end_time=until)


def transfers(dialect: Dialect, query: Query) -> requests.TransfersQuery:
    since, until = _bounds(dialect, query)
    return requests.TransfersQuery(currency=query.where.get("asset"), start_time=since, end_time=until)


def asks(dialect: Dialect) -> tuple[Ask, ...]:
    """All that can be asked in a dialect."""
    book = routes.order_book(dialect)
    public = (
        Ask(capability="currencies", route=routes.CURRENCIES, request=nothing, read=read.currencies),
        Ask(capability="instruments", route=routes.PAIRS, request=pairs, read=read.pairs),
        Ask(capability="ticker", route=routes.TICKER, request=ticker, read=read.ticker),
        Ask(capability="order_book", route=book, request=order_book, read=read.order_book),
        Ask(capability="candles", route=routes.CHARTS, request=partial(charts, dialect), read=read.charts),
        Ask(capability="public_trades", route=routes.TRADES, request=trades, read=read.trades),
    )
    server_time = Ask(capability="server_time", route=routes.TIME, request=nothing, read=read.time)
    account = (
        Ask(capability="sub_accounts", route=routes.ACCOUNTS, request=accounts, read=read.accounts),
        Ask(capability="balances", route=routes.BALANCES, request=balances, read=read.balances),
        Ask(capability="fees", route=routes.FEES, request=nothing, read=read.fees),
        Ask(
            capability="orders", route=routes.ORDERS, request=nothing if dialect.short else partial(orders, dialect),
            read=read.orders, stream=SHORT_ORDERS if dialect.short else ORDERS,
        ),
    )  # fmt: skip
    clock = (server_time,) if dialect.clock else ()
    return (*public, *clock, *account, *(_short_histories(dialect) if dialect.short else _histories(dialect)))


def _short_histories(dialect: Dialect) -> tuple[Ask, ...]:
    return (
        Ask(
            capability="fills", route=routes.SHORT_TRADES, request=partial(short_trades, dialect),
            read=read.short_trades, stream=SHORT_FILLS,
        ),
    )  # fmt: skip


def _histories(dialect: Dialect) -> tuple[Ask, ...]:
    moved: Callable[[Query], requests.TransfersQuery] = partial(transfers, dialect)
    return (
        Ask(
            capability="fills", route=routes.ACCOUNT_TRADES, request=partial(account_trades, dialect),
            read=read.account_trades, stream=FILLS,
        ),
        Ask(
            capability="entries", route=routes.ACTIVITY, request=partial(activity, dialect),
            read=read.activity, stream=ENTRIES,
        ),
        Ask(
            capability="transfers", route=routes.DEPOSITS, request=moved, read=read.deposits, stream=DEPOSITS,
        ),
        Ask(
            capability="transfers", route=routes.WITHDRAWALS, request=moved, read=read.withdrawals,
            stream=WITHDRAWALS, fallback=("entries", read.withdrawal_of_entry),
        ),
        Ask(
            capability="deposit_methods", route=routes.DEPOSIT_METHODS, request=methods, read=read.deposit_methods,
        ),
        Ask(
            capability="withdraw_methods", route=routes.WITHDRAW_METHODS, request=methods,
            read=read.withdraw_methods,
        ),
    )  # fmt: skip


# ── writes ───────────────────────────────────────────────────────────────────────────────────────────────────────


def place(dialect: Dialect, command: PlaceOrder) -> requests.PlaceOrder:
    """What the wire cannot say is refused here, because an exchange that ignores it would do something else."""
    written = _text_number if dialect.text_amounts else number_or_absent
    if command.post_only and not dialect.short:
        raise _unsaid("post_only")
    if dialect.short and command.time_in_force == "aon":
        raise _unsaid("the time in force aon")
    if dialect.short and (command.valid_till_ns or command.expire_after_ns):
        raise _unsaid("an end of an order")
    return requests.PlaceOrder(
        pair=words.pair(command.instrument),
        order_side=words.SIDES_WRITTEN[command.side],
        client_order_id=command.client_id or "1",
        wallet_type=words.WALLETS_WRITTEN.get(command.wallet, command.wallet),
        side_effect=None if dialect.short else "NO_SIDE_EFFECT",
        valid_till=None if command.valid_till_ns is None else format_time(command.valid_till_ns),
        expire_after=None if dialect.short else format_time(command.expire_after_ns or LATEST_NS),
        base_amount=written(command.amount),
        quote_amount=written(command.quote_amount),
        limit_price=written(command.price),
        stop_price=written(command.stop_price),
        stop_operator=None if command.stop_operator is None else command.stop_operator.upper(),
        order_type=words.TYPES_WRITTEN[command.type],
        tif=_time_in_force(dialect, command),
        post_only=command.post_only or None,
    )


def _time_in_force(dialect: Dialect, command: PlaceOrder) -> str | None:
    """As the client: market orders do not say it, unless they must; in 2026 what is not said is GTC."""
    if command.time_in_force == "gtc" and (dialect.short or command.type == "market"):
        return None
    return words.TIMES_IN_FORCE_WRITTEN[command.time_in_force]


def _text_number(amount: Decimal | None) -> Raw:
    return ABSENT if amount is None else Raw(f'"{canonical(amount)}"'.encode())


def _unsaid(what: str) -> errors.NotSupported:
    return errors.NotSupported(f"ALP.COM's wire cannot say {what}", hint="nothing was sent", exchange="alp")


def cancel(command: CancelOrders) -> requests.CancelOrders:
    return requests.CancelOrders(order_ids=list(command.order_ids))


def cancel_all(command: CancelAll) -> requests.CancelOrders:
    if command.instrument is None:
        return requests.CancelOrders(all=True)
    return requests.CancelOrders(pair=words.pair(command.instrument))


def withdraw(command: RequestWithdrawal) -> requests.RequestWithdrawal:
    return requests.RequestWithdrawal(
        amount=number(command.amount),
        method=command.method,
        attributes=command.attributes,
        client_order_id=command.client_id or None,
    )


def dos(dialect: Dialect) -> tuple[Do, ...]:
    """All that can be done in a dialect."""
    trading = (
        Do(capability="place", route=routes.PLACE, request=partial(place, dialect), read=read.place),
        Do(capability="cancel", route=routes.CANCEL, request=cancel, read=read.cancel),
        Do(capability="cancel_all", route=routes.CANCEL, request=cancel_all, read=read.cancel),
    )
    leaving = Do(capability="withdraw", route=routes.WITHDRAW, request=withdraw, read=read.withdraw)
    return trading if dialect.short else (*trading, leaving)
