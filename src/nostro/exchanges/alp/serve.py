"""From the paper exchange's rows to ALP.COM's answers, one function per route. It decides what each member says, and
which rows a request asks for; it reads the venue's own rows, never our facts. Its twin is ``read.py``, function by
function; the public routes are in ``serve_public.py``, margin in ``serve_margin.py``, the writes in
``serve_trading.py``. A master sees its sub-accounts' rows among its own, wherever rows say whose they are.

*Ours*, because no document says it: histories come oldest first; the rows of 2026 come newest first and are the newest
of the window; a history of orders is by the time placed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Any, Final

from msgspec import UNSET

from nostro.domain.values import EXACT, SECOND_NS, number
from nostro.exchanges.alp import auth, given, messages, requests, routes, words, written
from nostro.exchanges.alp import serve_margin as margin
from nostro.exchanges.alp import serve_public as public
from nostro.exchanges.alp import serve_trading as trading
from nostro.exchanges.alp.ask import SHORT_ROWS
from nostro.exchanges.alp.dialects import Dialect
from nostro.exchanges.alp.given import login
from nostro.link import view as venue
from nostro.link.declare import Call, Serve
from nostro.link.view import VenueView

SHORT_ACTIVITY_ROWS: Final = (100, 1_000)  # Source: 2026, default and most


def sign_in(view: VenueView, call: Call) -> str:
    """A token for the key that `verify` has found."""
    now_s = view.now_ns() // SECOND_NS
    claims = auth.Claims(exp=now_s + view.token_life_s(), sub=login(call).key)
    return auth.issue_token(claims, view.sign_tokens_with())


# ── the account ──────────────────────────────────────────────────────────────────────────────────────────────────


def accounts(view: VenueView, call: Call, *, dialect: Dialect) -> list[messages.Account]:
    """The login, then its sub-accounts. The document shows a master's parent as null, 2026 leaves it out."""
    query: requests.AccountsQuery = call.message
    asked = login(call)
    subs = view.sub_accounts(asked.user) if query.include_subaccounts else ()
    parent = UNSET if asked.parent is None and dialect.short else asked.parent
    return [
        messages.Account(id=asked.user, email=asked.email, name=asked.name, parent_id=parent),
        *(_sub_account(view, user, asked.user) for user in subs),
    ]


def _sub_account(view: VenueView, user: int, parent: int) -> messages.Account:
    """A sub-account that has no key of its own has no name here."""
    known = view.login_by_user(user)
    email, name = ("", "") if known is None else (known.email, known.name)
    return messages.Account(id=user, email=email, name=name, parent_id=parent)


def balances(view: VenueView, call: Call, *, dialect: Dialect) -> list[messages.Balance]:
    query: requests.CurrencyQuery = call.message
    wanted = given.asset(view, query.currency)
    return [
        messages.Balance(
            balance=number(row.total),
            reserve=number(row.held),
            currency=row.asset,
            wallet_type=written.wallet(row.wallet),
            last_update_at=written.time(row.updated_ns),
            account_id=row.user,
            pair=written.wallet_pair(dialect, row.wallet),
        )
        for user in given.users(view, call)
        for row in view.balances(user)
        if wanted in (None, row.asset)
    ]


def fees(view: VenueView, call: Call, *, dialect: Dialect) -> list[messages.AccountFee]:
    now_ns = view.now_ns()
    return [
        messages.AccountFee(
            account_id=rule.user,
            active_once=[written.time(rule.valid_from_ns), written.time(rule.valid_until_ns)],
            taker_fee_rate=number(rule.taker_rate),
            maker_fee_rate=number(rule.maker_rate),
            fee_currency=rule.fee_asset,
            priority=rule.priority,
            currency=dialect.no_text,
            pair=dialect.no_text,
            is_active=rule.valid_from_ns <= now_ns < rule.valid_until_ns,
        )
        for user in given.users(view, call)
        for rule in view.fee_rules(user)
    ]


def orders(view: VenueView, call: Call, *, dialect: Dialect) -> Iterator[messages.Order]:
    query: requests.OrdersQuery = call.message
    if dialect.short:  # no filters: the newest alone
        newest = given.by_time(view, call, rows=partial(view.orders, newest=SHORT_ROWS), when=_placed)
        return (_order(dialect, row) for row in list(newest)[: -SHORT_ROWS - 1 : -1])
    since_ns, until_ns = given.window(query.start_time, query.end_time, now_ns=view.now_ns())
    asked = partial(
        view.orders,
        symbol=given.symbol(view, query.pair),
        side=given.side(query.side),
        open_only=bool(query.open_only),
        since_ns=since_ns,
        until_ns=until_ns,
    )
    return (_order(dialect, row) for row in given.by_time(view, call, rows=asked, when=_placed))


def _placed(row: venue.VenueOrder) -> tuple[int, int]:
    return row.placed_ns, row.id


def _order(dialect: Dialect, row: venue.VenueOrder) -> messages.Order:
    ends = [end_ns for end_ns in (row.valid_till_ns, row.expire_after_ns) if end_ns is not None]
    return messages.Order(
        id=row.id,
        account_id=row.user,
        pair=written.pair(dialect, row.instrument),
        amount=number(row.amount),
        price=written.price(row.price),
        side=words.SIDES_WRITTEN[row.side],
        status=written.status(dialect, row.status),
        type=words.TYPES_WRITTEN[row.type],
        wallet_type=written.wallet(row.wallet),
        amount_canceled=number(row.canceled),
        amount_filled=number(row.filled),
        date=written.time(row.placed_ns),
        open_at=written.time(row.opened_ns),
        tif=words.TIMES_IN_FORCE_WRITTEN[row.time_in_force],
        updated_at=written.time(row.updated_ns),
        done_at=dialect.no_text if row.done_ns is None else written.time(row.done_ns),
        expire_after=written.time(min(ends)) if ends else dialect.no_text,
        stop_price=dialect.no_number if row.stop_price is None else number(row.stop_price),
    )


def _fills(view: VenueView, call: Call, newest: int | None) -> Iterator[venue.VenueFill]:
    query: requests.AccountTradesQuery = call.message
    since_ns, until_ns = given.window(query.start_time, query.end_time, now_ns=view.now_ns())
    asked = partial(
        view.fills,
        symbol=given.symbol(view, query.pair),
        side=given.side(query.side),
        since_ns=since_ns,
        until_ns=until_ns,
        newest=newest,
    )
    return given.by_time(view, call, rows=asked)


def account_trades(view: VenueView, call: Call, *, dialect: Dialect) -> Iterator[messages.AccountTrade]:
    return (
        messages.AccountTrade(
            account_id=row.user,
            pair=written.pair(dialect, row.instrument),
            amount=number(row.amount),
            amount_unfilled=number(row.order_unfilled),
            price=number(row.price),
            currency=row.instrument.partition("/")[2],
            status=written.status(dialect, row.order_status),
            date=written.time(row.time_ns),
            fee_amount=number(row.fee),
            fee_currency=row.fee_asset,
            fee_rate=number(row.fee_rate),
            is_maker=row.maker,
            type=words.TYPES_WRITTEN[row.order_type],
            wallet_type=written.wallet(row.wallet),
        )
        for row in _fills(view, call, newest=None)
    )


def short_trades(view: VenueView, call: Call, *, dialect: Dialect) -> list[messages.ShortTrade]:
    limit = min(call.message.limit or SHORT_ROWS, SHORT_ROWS)
    return [
        messages.ShortTrade(
            id=row.id,
            pair=written.pair(dialect, row.instrument),
            side=row.side.upper(),
            price=number(row.price),
            amount=number(row.amount),
            fee=number(row.fee),
            timestamp=written.seconds(row.time_ns),
            order_id=row.order_id,
        )
        for row in list(_fills(view, call, newest=limit))[: -limit - 1 : -1]
    ]


def _entries(view: VenueView, call: Call) -> Iterator[venue.VenueEntry]:
    query: requests.ActivityQuery = call.message
    since_ns, until_ns = given.window(query.start_time, query.end_time, now_ns=view.now_ns())
    asset = given.asset(view, query.currency)
    return given.by_time(view, call, rows=partial(view.entries, asset=asset, since_ns=since_ns, until_ns=until_ns))


def activity(view: VenueView, call: Call, *, dialect: Dialect) -> Iterator[messages.Activity]:
    return (
        messages.Activity(
            id=row.id,
            account_id=row.user,
            wallet_id=row.wallet_id,
            type=row.type.upper(),
            balance=number(row.total),
            balance_delta=number(row.total_delta),
            balance_end=number(EXACT.add(row.total, row.total_delta)),
            reserve=number(row.held),
            reserve_delta=number(row.held_delta),
            reserve_end=number(EXACT.add(row.held, row.held_delta)),
            currency=row.asset,
            wallet_type=written.wallet(row.wallet),
            date=written.time(row.time_ns),
            last_update_at=written.time(row.time_ns) if dialect.wide_activity else UNSET,
            op_type=row.type.upper() if dialect.wide_activity else UNSET,
            pair=written.wallet_pair(dialect, row.wallet),
        )
        for row in _entries(view, call)
    )


def short_activity(view: VenueView, call: Call) -> list[messages.ShortActivity]:
    """``balance`` is the amount of the operation; newest first."""
    default, most = SHORT_ACTIVITY_ROWS
    limit, offset = min(call.message.limit or default, most), call.message.offset or 0
    newest = reversed(deque(_entries(view, call), maxlen=offset + limit))
    return [
        messages.ShortActivity(
            balance=number(row.total_delta),
            reserve=number(row.held_delta),
            currency=row.asset,
            wallet_type=written.wallet(row.wallet),
            last_update_at=written.time(row.time_ns),
            account_id=row.user,
            op_type=row.type.upper(),
        )
        for row in islice(newest, offset, None)
    ]


# ── deposits and withdrawals ─────────────────────────────────────────────────────────────────────────────────────


def deposit_methods(view: VenueView, call: Call) -> list[messages.DepositMethod]:
    return [
        messages.DepositMethod(
            network=method.network,
            currency=method.asset,
            attributes=[messages.Attribute(key=key, value=value) for key, value in method.attributes],
            confirmations=method.confirmations,
            min_deposit=number(method.amount_min),
            max_deposit=number(method.amount_max),
            is_enabled=method.enabled,
        )
        for method in view.deposit_methods(given.needed_asset(view, call.message.currency))
    ]


def _transfers(view: VenueView, call: Call, direction: Any) -> Iterator[venue.VenueTransfer]:
    query: requests.TransfersQuery = call.message
    since_ns, until_ns = given.window(query.start_time, query.end_time, now_ns=view.now_ns())
    asset = given.asset(view, query.currency)
    return view.transfers(login(call).user, direction, asset=asset, since_ns=since_ns, until_ns=until_ns)


def deposits(view: VenueView, call: Call) -> list[messages.Deposit]:
    return [
        messages.Deposit(
            id=row.id,
            amount=number(row.amount),
            currency=row.asset,
            status=row.status.upper(),
            tx_hash=row.tx_hash,
            date=written.time(row.time_ns),
        )
        for row in _transfers(view, call, "deposit")
    ]


def withdraw_methods(view: VenueView, call: Call, *, dialect: Dialect) -> list[messages.WithdrawMethod]:
    return [
        messages.WithdrawMethod(
            id=method.id,
            network=method.network,
            currency=method.asset,
            attributes=[_attribute(dialect, name, pattern) for name, pattern in method.attributes],
            fee_rate=number(method.fee_rate),
            fee_amount=number(method.fee),
            fee_currency=method.asset,
            min_withdraw=number(method.amount_min),
            max_withdraw=number(method.amount_max),
            is_enabled=method.enabled,
        )
        for method in view.withdraw_methods(given.needed_asset(view, call.message.currency))
    ]


def _attribute(dialect: Dialect, name: str, pattern: str) -> messages.Attribute:
    """The document has a name and a value, the client a name and a pattern: the client's form has all four."""
    if not dialect.pattern_attributes:
        return messages.Attribute(key=name, value="")
    return messages.Attribute(key=name, value="", field=name, regex=pattern or None)


def withdrawals(view: VenueView, call: Call, *, dialect: Dialect) -> list[messages.Withdrawal]:
    return [
        messages.Withdrawal(
            id=row.id,
            amount=number(row.amount),
            fee_amount=number(row.fee),
            currency=row.asset,
            fee_currency=row.asset,
            status=dialect.done if row.status == "done" else row.status.upper(),
            tx_hash=row.tx_hash,
            date=written.time(row.time_ns),
        )
        for row in _transfers(view, call, "withdrawal")
    ]


def serves(dialect: Dialect) -> tuple[Serve, ...]:
    """How each route of a dialect is answered."""
    plain: dict[str, Callable[[VenueView, Call], Any]] = {
        "sign_in": sign_in, "currencies": public.currencies, "order_book": public.order_book,
        "charts": public.charts, "version": public.version, "time": public.time,
        "currency_rates": public.currency_rates, "deposit_methods": deposit_methods, "deposits": deposits,
        "withdraw": trading.withdraw, "transfer": trading.transfer, "borrow": trading.borrow,
        "close_position": trading.close_position,
    }  # fmt: skip
    spoken: dict[str, Callable[..., Any]] = {
        "pairs": public.pairs, "ticker": public.ticker, "trades": public.trades, "accounts": accounts,
        "balances": balances, "fees": fees,
        "orders": orders, "account_trades": account_trades, "activity": activity,
        "withdraw_methods": withdraw_methods, "withdrawals": withdrawals, "place": trading.place,
        "cancel": trading.cancel, "repay": trading.repay, "loans": margin.loans,
        "margin_transfers": margin.transfers, "borrows": margin.borrows, "repays": margin.repays,
        "interests": margin.interests, "liquidations": margin.liquidations,
    }  # fmt: skip
    if dialect.short:
        spoken["account_trades"] = short_trades
        plain["activity"] = short_activity
        del spoken["activity"]
    answers = plain | {name: partial(answer, dialect=dialect) for name, answer in spoken.items()}
    return tuple(Serve(route=route, answer=answers[route.name]) for route in routes.routes(dialect))
