"""From the paper exchange's rows to Kraken Futures' answers about an account, one function per route, by the route's
name. It reads the venue's own rows, never our facts. Its twin is ``read.py``, function by function; histories are in
``serve_history.py``, markets in ``serve_public.py``, orders in ``serve_trading.py``, settings and money in
``serve_money.py``.

*Ours*: of flex the currencies that it holds are listed; what backs an isolated contract is a margin account named like
it; thresholds are the maintenance margin; a place in the queue of unwinding is not estimated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from msgspec import UNSET, Raw

from nostro.domain.values import EXACT, ONE, SECOND_NS, ZERO, add, number, quotient
from nostro.exchanges.kraken_futures import (
    given,
    messages,
    messages_orders,
    requests,
    routes,
    serve_events,
    serve_history,
    serve_money,
    serve_public,
    serve_trading,
    words,
    written,
)
from nostro.exchanges.kraken_futures.desk import REJECT_TAKER, desk
from nostro.exchanges.kraken_futures.feed_account import NOUGHT, Sections
from nostro.exchanges.kraken_futures.given import login
from nostro.link.declare import Call, Serve
from nostro.link.view import VenueInstrument, VenueOrder, VenueView

SUCCESS: Final = "success"
FILL_ROWS: Final = 100  # Source: get-fills
STATUS_NS: Final = 5 * SECOND_NS  # Source: get-order-status: so long what is done is told
MONTH_NS: Final = 30 * 86_400 * SECOND_NS
_MIDDLE: Final = Raw(b"50")


# ── accounts ─────────────────────────────────────────────────────────────────────────────────────────────────────


def accounts(view: VenueView, call: Call) -> messages.Accounts:
    user = login(call).user
    sections = Sections(view, user)
    held = {code.lower(): amount for code, amount in sections.holding().items()}
    found = {words.CASH: messages.Account(type="cashAccount", balances=held)}
    found |= _margin_accounts(sections) | _isolated(view, user)
    found[words.FLEX] = _flex(sections)
    return messages.Accounts(result=SUCCESS, server_time=written.now(view), accounts=found)


def _margin_accounts(sections: Sections) -> dict[str, messages.Account]:
    found = {}
    for row in sections.margin_accounts():
        wallet = words.wallet(row.name)
        if wallet == words.SPOT:
            continue
        currency = words.currency(wallet.partition(":")[2].partition("/")[0]).lower()
        found[words.account(wallet)] = _margin_account(
            currency, balance=row.balance, pv=row.pv, pnl=row.pnl, af=row.am, im=row.im, mm=row.mm
        )
    return found


def _isolated(view: VenueView, user: int) -> dict[str, messages.Account]:
    found = {}
    for row in view.positions(user):
        if row.purse is None or not (row.purse or row.size):
            continue
        instrument = view.instrument(row.instrument)
        assert instrument is not None
        equity = EXACT.add(row.purse, row.unrealized)
        found[written.symbol(instrument).lower()] = _margin_account(
            words.currency(instrument.settle).lower(), balance=number(row.purse), pv=number(equity),
            pnl=number(row.unrealized), af=number(max(ZERO, EXACT.subtract(equity, row.margin))),
            im=number(row.margin), mm=number(row.maintenance),
        )  # fmt: skip
    return found


def _margin_account(
    currency: str, *, balance: Raw, pv: Raw, pnl: Raw, af: Raw, im: Raw, mm: Raw
) -> messages.Account:  # fmt: skip
    needs = messages.Requirements(im=im, mm=mm, lt=mm, tt=mm)
    return messages.Account(
        type="marginAccount",
        auxiliary=messages.Auxiliary(usd=NOUGHT, pv=pv, pnl=pnl, af=af, funding=NOUGHT),
        margin_requirements=needs,
        trigger_estimates=messages.Requirements(im=NOUGHT, mm=NOUGHT, lt=NOUGHT, tt=NOUGHT),
        balances={currency: balance},
        currency=currency,
    )


def _flex(sections: Sections) -> messages.Account:
    flex = sections.flex()
    held = {
        code: messages.Collateral(
            quantity=row.quantity, value=row.value, collateral=row.collateral_value, available=row.available
        )
        for code, row in flex.currencies.items()
        if row.quantity != NOUGHT
    }
    return messages.Account(
        type="multiCollateralMarginAccount",
        currencies=held,
        initial_margin=flex.initial_margin_without_orders,
        initial_margin_with_orders=flex.initial_margin,
        maintenance_margin=flex.maintenance_margin,
        balance_value=flex.balance_value,
        portfolio_value=flex.portfolio_value,
        collateral_value=flex.collateral_value,
        pnl=flex.pnl,
        unrealized_funding=flex.unrealized_funding,
        total_unrealized=flex.total_unrealized,
        total_unrealized_as_margin=flex.total_unrealized_as_margin,
        available_margin=flex.available_margin,
        margin_equity=flex.margin_equity,
    )


# ── positions, orders, fills ─────────────────────────────────────────────────────────────────────────────────────


def open_positions(view: VenueView, call: Call) -> messages.OpenPositions:
    rows = sorted((row for row in view.positions(login(call).user) if row.size), key=lambda row: -row.updated_ns)
    found = []
    for row in rows:
        instrument = view.instrument(row.instrument)
        assert instrument is not None
        found.append(
            messages.OpenPosition(
                side="long" if row.size > 0 else "short",
                symbol=written.symbol(instrument),
                price=number(written.entry_price(instrument, size=row.size, basis=row.basis)),
                fill_time=written.time(row.updated_ns),
                size=number(row.size.copy_abs()),
                unrealized_funding=NOUGHT,
                unrealized_pnl=number(row.unrealized),
                pnl_currency=UNSET if instrument.kind == "inverse" else words.currency(instrument.settle),
                max_fixed_leverage=written.price(row.leverage if row.mode == "isolated" else None),
            )
        )
    return messages.OpenPositions(result=SUCCESS, server_time=written.now(view), open_positions=found)


def open_orders(view: VenueView, call: Call) -> messages.OpenOrders:
    rows = [row for row in view.orders(login(call).user, open_only=True) if ":" in row.instrument]
    rows.sort(key=lambda row: (row.placed_ns, row.id), reverse=True)
    found = [_open_order(row) for row in rows]
    return messages.OpenOrders(result=SUCCESS, server_time=written.now(view), open_orders=found)


def _open_order(row: VenueOrder) -> messages.OpenOrder:
    waits = row.status == "pending"
    return messages.OpenOrder(
        order_id=written.order_id(row.id),
        cli_ord_id=row.client_id or UNSET,
        status="partiallyFilled" if row.filled else "untouched",
        side=row.side,
        order_type=serve_trading.stop_type(row) if waits else "lmt",
        symbol=words.symbol(row.instrument),
        limit_price=written.price(row.price),
        stop_price=written.price(row.stop_price if waits else None),
        filled_size=number(row.filled),
        unfilled_size=number(EXACT.subtract(row.amount, row.filled)),
        reduce_only=row.reduce_only,
        trigger_signal=words.TRIGGERS_WRITTEN[row.trigger] if waits else UNSET,
        last_update_time=written.time(row.updated_ns),
        received_time=written.time(row.placed_ns),
    )


def fills(view: VenueView, call: Call) -> messages.Fills:
    """The last hundred, or the hundred before ``lastFillTime`` (exclusive, *believed*), newest first."""
    user = login(call).user
    last_ns = given.moment(view, call.message.last_fill_time, name="lastFillTime")
    rows = [row for row in view.fills(user, until_ns=last_ns, newest=FILL_ROWS) if ":" in row.instrument]
    found = []
    for row in reversed(rows):
        order = view.order(user, row.order_id)
        found.append(
            messages.Fill(
                fill_id=written.fill_id(row), symbol=words.symbol(row.instrument), side=row.side,
                order_id=written.order_id(row.order_id), size=number(row.amount), price=number(row.price),
                fill_time=written.time(row.time_ns), fill_type=written.fill_type(row),
                cli_ord_id=order.client_id if order is not None and order.client_id else UNSET,
            )
        )  # fmt: skip
    return messages.Fills(result=SUCCESS, server_time=written.now(view), fills=found)


def order_statuses(view: VenueView, call: Call) -> messages_orders.OrderStatuses:
    """Open orders, and those done in the last five seconds; others are left out."""
    query: requests.Statuses = call.message
    user, since_ns = login(call).user, view.now_ns() - STATUS_NS
    numbers = {written.number_of(written.ORDER, order_id) for order_id in query.order_ids}
    rows = [row for number in numbers if number is not None and (row := view.order(user, number)) is not None]
    if query.cli_ord_ids:
        named = set(query.cli_ord_ids)
        rows += [row for row in view.orders(user, open_only=True) if row.client_id in named and row.id not in numbers]
    found = [_status(row) for row in rows if row.is_open or (row.done_ns or 0) >= since_ns]
    return messages_orders.OrderStatuses(result=SUCCESS, server_time=written.now(view), orders=found)


def _status(row: VenueOrder) -> messages_orders.OrderStatus:
    fired_ns = serve_events.fired_ns(row)
    waits = row.status == "pending"
    status, reason = "ENTERED_BOOK", None
    if waits:
        status = "TRIGGER_PLACED"
    elif row.status == "filled":
        status, reason = "FULLY_EXECUTED", "FULL_FILL"
    elif not row.is_open:
        status, reason = "CANCELLED", "CANCELLED_BY_USER"
    trigger = None
    if row.stop_price is not None:
        trigger = messages_orders.PriceTrigger(
            trigger_price=number(row.stop_price), trigger_side=words.TRIGGER_SIDES[row.stop_operator or "gte"].upper(),
            trigger_signal=f"{words.TRIGGERS_WRITTEN[row.trigger]}_price".upper(),
        )  # fmt: skip
    order = messages_orders.StatusOrder(
        type="TRIGGER_ORDER" if waits else "ORDER",
        order_id=written.order_id(row.id),
        cli_ord_id=row.client_id or None,
        symbol=words.symbol(row.instrument),
        side=row.side,
        quantity=number(EXACT.subtract(row.amount, row.filled)),
        filled=number(row.filled),
        limit_price=messages.NULL if row.price is None else number(row.price),
        reduce_only=row.reduce_only,
        timestamp=written.time(row.placed_ns),
        last_update_timestamp=written.time(row.updated_ns),
        price_trigger_options=trigger,
        trigger_time=written.time(fired_ns) if trigger is not None and fired_ns is not None else None,
    )
    return messages_orders.OrderStatus(order=order, status=status, update_reason=reason)


# ── the rest ─────────────────────────────────────────────────────────────────────────────────────────────────────


def leverage_preferences(view: VenueView, call: Call) -> messages.LeveragePreferences:
    """Isolated contracts alone; of one, where it is named."""
    wanted = given.listed(view, call.message.symbol)
    found = []
    for row in view.positions(login(call).user):
        instrument = view.instrument(row.instrument)
        assert instrument is not None
        if row.mode == "isolated" and row.leverage is not None and wanted in (None, instrument):
            preference = messages.LeveragePreference(
                symbol=written.symbol(instrument), max_leverage=number(row.leverage)
            )
            found.append(preference)
    return messages.LeveragePreferences(result=SUCCESS, server_time=written.now(view), leverage_preferences=found)


def pnl_preferences(view: VenueView, call: Call) -> messages.PnlPreferences:
    kept = desk(view).currencies.get(login(call).user, {})
    found = [messages.PnlPreference(symbol=symbol, pnl_currency=currency) for symbol, currency in kept.items()]
    return messages.PnlPreferences(result=SUCCESS, server_time=written.now(view), preferences=found)


def self_trade_strategy(view: VenueView, call: Call) -> messages.SelfTradeStrategy:
    strategy = desk(view).strategies.get(login(call).user, REJECT_TAKER)
    return messages.SelfTradeStrategy(result=SUCCESS, server_time=written.now(view), strategy=strategy)


def subaccounts(view: VenueView, call: Call) -> messages.SubAccounts:
    asked = login(call)
    master = asked.user if asked.parent is None else asked.parent
    found = []
    for user in view.sub_accounts(master):
        known = view.login_by_user(user)
        found.append(
            messages.SubAccount(
                account_uid=written.uid(written.ACCOUNT, user), email=UNSET if known is None else known.email,
                full_name=UNSET if known is None else known.name,
            )
        )  # fmt: skip
    return messages.SubAccounts(
        result=SUCCESS, server_time=written.now(view), master_account_uid=written.uid(written.ACCOUNT, master),
        subaccounts=found,
    )  # fmt: skip


def notifications(view: VenueView, _: Call) -> messages.Notifications:
    return messages.Notifications(result=SUCCESS, server_time=written.now(view), notifications=[])


def unwind_queue(view: VenueView, call: Call) -> messages.UnwindQueue:
    rows = [row for row in view.positions(login(call).user) if row.size]
    queue = [messages.Unwind(symbol=words.symbol(row.instrument), percentile=_MIDDLE) for row in rows]
    return messages.UnwindQueue(result=SUCCESS, server_time=written.now(view), queue=queue)


def volumes(view: VenueView, call: Call) -> messages.Volumes:
    since_ns = max(0, view.now_ns() - MONTH_NS)
    rows = (row for row in view.fills(login(call).user, since_ns=since_ns) if ":" in row.instrument)
    total = add(serve_events.usd_value(row) for row in rows)
    sums = {written.uid(written.SCHEDULE, 1): number(total)}
    return messages.Volumes(result=SUCCESS, server_time=written.now(view), volumes_by_fee_schedule=sums)


def initial_margin(view: VenueView, call: Call) -> messages.InitialMargin:
    """By the rate of the order's own size (*ours*): what else is open is not looked at."""
    query: requests.Margin = call.message
    instrument = given.needed(view, query.symbol)
    size = given.needed_amount(view, query.size, name="size")
    price = given.amount(view, query.limit_price, name="limitPrice") or view.mark(instrument.symbol)
    value = _value(instrument, size, price)
    margin = EXACT.multiply(value, _rate(instrument, value))
    return messages.InitialMargin(
        result=SUCCESS, server_time=written.now(view), initial_margin=number(margin), price=number(price)
    )


def max_order_size(view: VenueView, call: Call) -> messages.MaxOrderSize:
    """What the first level's rate lets the available margin back, at the asked or the mark price (*ours*)."""
    query: requests.Margin = call.message
    instrument = given.needed(view, query.symbol)
    price = given.amount(view, query.limit_price, name="limitPrice") or view.mark(instrument.symbol)
    row = next((each for each in view.collateral(login(call).user) if each.wallet == instrument.wallet), None)
    free = ZERO if row is None else max(ZERO, row.available)
    worth = EXACT.multiply(_value(instrument, ONE, price), _rate(instrument, ZERO))
    size = quotient(free, worth, digits=instrument.amount_digits, rounding="ROUND_FLOOR") if worth else ZERO
    shown = number(size)
    return messages.MaxOrderSize(
        result=SUCCESS, server_time=written.now(view), max_buy_size=shown, max_sell_size=shown,
        buy_price=number(price), sell_price=number(price),
    )  # fmt: skip


def _value(instrument: VenueInstrument, size: Decimal, price: Decimal) -> Decimal:
    """In the settle asset."""
    worth = EXACT.multiply(size, instrument.multiplier)
    if instrument.kind == "inverse":
        return quotient(worth, price, digits=written.PRICE_DIGITS, rounding=ROUND_HALF_EVEN)
    return EXACT.multiply(worth, price)


def _rate(instrument: VenueInstrument, value: Decimal) -> Decimal:
    tier = next((tier for tier in instrument.tiers if tier.up_to is None or value <= tier.up_to), instrument.tiers[-1])
    return EXACT.scaleb(Decimal(tier.initial_ppm), -6)


ANSWERS: Final[Mapping[str, Callable[[VenueView, Call], Any]]] = {
    "instruments": serve_public.instruments, "instrument_statuses": serve_public.statuses,
    "instrument_status": serve_public.status, "tickers": serve_public.tickers, "ticker": serve_public.ticker,
    "order_book": serve_public.order_book, "history": serve_public.history, "candles": serve_public.candles,
    "fee_schedules": serve_public.fee_schedules, "funding_rates": serve_public.funding_rates,
    "market_executions": serve_history.market_executions, "accounts": accounts, "open_positions": open_positions,
    "open_orders": open_orders, "fills": fills, "leverage_preferences": leverage_preferences,
    "pnl_preferences": pnl_preferences, "self_trade_strategy": self_trade_strategy, "subaccounts": subaccounts,
    "notifications": notifications, "unwind_queue": unwind_queue, "volumes": volumes,
    "initial_margin": initial_margin, "max_order_size": max_order_size, "order_statuses": order_statuses,
    "order_statuses_posted": order_statuses, "executions": serve_history.executions, "orders": serve_history.orders,
    "triggers": serve_history.triggers, "positions": serve_history.positions,
    "account_log": serve_history.account_log, "account_log_csv": serve_history.account_log_csv,
    "send_order": serve_trading.send_order, "edit_order": serve_trading.edit_order,
    "cancel_order": serve_trading.cancel_order, "cancel_all_orders": serve_trading.cancel_all_orders,
    "cancel_all_orders_after": serve_trading.cancel_all_orders_after, "batch_order": serve_trading.batch_order,
    "set_leverage_preference": serve_money.set_leverage_preference,
    "set_pnl_preference": serve_money.set_pnl_preference,
    "set_self_trade_strategy": serve_money.set_self_trade_strategy, "transfer": serve_money.transfer,
    "subaccount_transfer": serve_money.subaccount_transfer, "withdrawal": serve_money.withdrawal,
}  # fmt: skip
# What an answer cannot say; each is a member that the exchange may leave out, or a list that may be short.
LACKS: Final[Mapping[str, str]] = {
    "tickers": "without open interest: the venue counts positions by their owners alone",
    "ticker": "without open interest: the venue counts positions by their owners alone",
    "funding_rates": "with the present rate alone: the venue keeps no other, what was paid is in the account log",
}
SERVES: Final = tuple(
    Serve(route=route, answer=ANSWERS[route.name], lacks=LACKS.get(route.name, "")) for route in routes.ROUTES
)
