"""What can be asked of ALP.COM in our words: how a question becomes the route's request, and how the histories are
paged. It decides windows, identity and what ends a row's changes; how answers are read stands in ``read.py`` and
``read_margin.py``, what can be done in ``do.py``.

Source: API reference of 2023: histories take at most 30 days, ``start_time`` inclusive, ``end_time`` exclusive, and
the last 30 days where both are missing. That the window is also the histories of deposits and withdrawals' is not
printed there. A borrowing does not say its currency and interest not its time; that rows of interest are found by the
hour for which they accrued is *ours*.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from nostro import errors
from nostro.domain.values import SECOND_NS, format_time
from nostro.exchanges.alp import read, read_margin, requests, routes, words
from nostro.exchanges.alp.dialects import Dialect
from nostro.link.declare import Ask, Query, Stream

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
MARGIN_TRANSFERS: Final = _history("margin_transfers", "transfer", symbols="asset")
BORROWS: Final = _history("borrows", "borrow", keyed="asset", terminal=words.DEBTS_END)
REPAYMENTS: Final = _history("repayments", "repayment", symbols="asset")
INTEREST: Final = _history("interest", "interest", symbols="asset", timed=False)
LIQUIDATIONS: Final = _history("liquidations", "liquidation", symbols="asset", terminal=words.DEBTS_END)
MARGIN: Final = (MARGIN_TRANSFERS, BORROWS, REPAYMENTS, INTEREST, LIQUIDATIONS)


# ── conditions ───────────────────────────────────────────────────────────────────────────────────────────────────


def _pair(query: Query) -> str | None:
    instrument = query.where.get("instrument")
    return None if instrument is None else words.pair(instrument)


def _open_only(query: Query) -> bool | None:
    return {"true": True, "1": True}.get(query.where.get("open_only", ""))


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
    side = words.SIDES_WRITTEN.get(query.where.get("side", ""))
    return requests.OrdersQuery(
        pair=_pair(query), open_only=_open_only(query), side=side, start_time=since, end_time=until
    )


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


def loans(_: Query, *, wallet: str) -> requests.LoansQuery:
    return requests.LoansQuery(**{wallet: True})


def margin(dialect: Dialect, query: Query) -> requests.MarginQuery:
    since, until = _bounds(dialect, query)
    return requests.MarginQuery(
        pair=_pair(query), currency=query.where.get("asset"), open_only=_open_only(query), start_time=since,
        end_time=until,
    )  # fmt: skip


def borrows(dialect: Dialect, query: Query) -> requests.MarginQuery:
    """A row does not say its currency, so that the question must."""
    _needed(query, "asset")
    return margin(dialect, query)


def closed_margin(dialect: Dialect, query: Query) -> requests.ClosedMarginQuery:
    since, until = _bounds(dialect, query)
    return requests.ClosedMarginQuery(
        pair=_pair(query), currency=query.where.get("asset"), start_time=since, end_time=until
    )


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
    if dialect.short:
        return (*public, *clock, *account, *_short_histories(dialect))
    return (*public, *clock, *account, *_histories(dialect), *_margin(dialect))


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


def _margin(dialect: Dialect) -> tuple[Ask, ...]:
    moved, closed = partial(margin, dialect), partial(closed_margin, dialect)
    owed = (
        Ask(
            capability="loans", part=f"{wallet}_loans", route=routes.LOANS, request=partial(loans, wallet=wallet),
            read=read_margin.loans,
        )
        for wallet in ("cross_margin", "isolated_margin")
    )  # fmt: skip
    return (
        *owed,
        Ask(
            capability="transfers", route=routes.MARGIN_TRANSFERS, request=moved, read=read_margin.transfers,
            stream=MARGIN_TRANSFERS,
        ),
        Ask(
            capability="borrows", route=routes.BORROWS, request=partial(borrows, dialect), read=read_margin.borrows,
            stream=BORROWS,
        ),
        Ask(
            capability="repayments", route=routes.REPAYS, request=closed, read=read_margin.repays, stream=REPAYMENTS,
        ),
        Ask(
            capability="interest", route=routes.INTERESTS, request=closed, read=read_margin.interests, stream=INTEREST,
        ),
        Ask(
            capability="liquidations", route=routes.LIQUIDATIONS, request=moved, read=read_margin.liquidations,
            stream=LIQUIDATIONS,
        ),
    )  # fmt: skip
