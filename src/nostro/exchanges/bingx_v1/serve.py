"""From the paper exchange's rows to the answers of BingX's swap API v1, one function per route. It decides what each
member says; it reads the venue's own rows, never our facts. Its twin is ``read.py``; the writes are in
``serve_trading.py``, the market in ``serve_public.py``.

*Ours*, because no document says it: ``balance`` includes the money of isolated positions, ``usedMargin`` is the margin
of positions (of an isolated one, all that it is worth), ``freezedMargin`` that of orders, so that ``availableMargin`` =
``equity`` - ``usedMargin`` - ``freezedMargin``; the leverages beside the balance are those of the first contract.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from itertools import islice
from typing import Any, Final

from nostro.domain.values import EXACT, ZERO, add, number
from nostro.exchanges.bingx_v1 import given, messages, requests, routes, serve_public, words, written
from nostro.exchanges.bingx_v1 import serve_trading as trading
from nostro.exchanges.bingx_v1.ask import PAGE_ROWS
from nostro.exchanges.bingx_v1.refusals import NO_ORDER, bad_parameter, refusal, refused
from nostro.link.contracts import VenuePosition
from nostro.link.declare import Call, Serve
from nostro.link.view import VenueOrder, VenueView

STOPS: Final = frozenset({"stop_market", "stop_limit"})


def balance(view: VenueView, call: Call) -> messages.Balance:
    query: requests.CurrencyQuery = call.message
    currency = query.currency or words.CURRENCY
    if currency != words.CURRENCY:
        raise bad_parameter("currency", f"{currency[:20]} is no margin here; {words.CURRENCY} is")
    user = given.user(call)
    account = _account(view, user, currency)
    flat = {name: getattr(account, name) for name in account.__struct_fields__}
    return messages.Balance(**flat, account=account)


def _account(view: VenueView, user: int, currency: str) -> messages.Account:
    held = view.positions(user)
    wallet = next((each for each in view.collateral(user) if each.wallet == words.WALLET), None)
    isolated = [each for each in held if each.purse is not None]
    purses = add(each.purse or ZERO for each in isolated)
    unrealized = add(each.unrealized for each in held)
    total = purses if wallet is None else EXACT.add(wallet.gross, purses)
    positions, orders = (ZERO, ZERO) if wallet is None else (wallet.initial_positions, wallet.initial)
    worth = add([purses, *(each.unrealized for each in isolated)])
    long, short = _first_leverages(view, held)
    return messages.Account(
        userId=str(user),
        currency=currency,
        balance=number(total),
        equity=number(EXACT.add(total, unrealized)),
        unrealisedPNL=number(unrealized),
        realisedPNL=number(ZERO if wallet is None else wallet.realized),
        availableMargin=number(ZERO if wallet is None else wallet.available),
        usedMargin=number(EXACT.add(positions, worth)),
        freezedMargin=number(EXACT.subtract(orders, positions)),
        longLeverage=number(long),
        shortLeverage=number(short),
    )


def _first_leverages(view: VenueView, held: Iterable[VenuePosition]) -> tuple[Decimal, Decimal]:
    first = view.instruments()[0]
    of_sides = {each.side: each.leverage for each in held if each.instrument == first.symbol}
    most = first.tiers[0].leverage_max
    return of_sides.get("long") or most, of_sides.get("short") or most


def positions(view: VenueView, call: Call) -> messages.Positions:
    query: requests.SymbolQuery = call.message
    symbol = given.optional_symbol(view, query.symbol)
    rows = []
    for held in view.positions(given.user(call), symbol=symbol):
        listed = view.instrument(held.instrument)
        if held.size and listed is not None:
            rows.append(_position(held, number_of=listed.id, most=listed.tiers[0].leverage_max))
    return messages.Positions(positions=rows)


def _position(held: VenuePosition, *, number_of: int, most: Decimal) -> messages.Position:
    return messages.Position(
        symbol=words.symbol(held.instrument),
        positionId=given.position_id(held, number_of),
        currency=words.CURRENCY,
        positionSide=words.HEDGE_SIDES_WRITTEN[held.side],
        marginMode=words.MARGIN_MODES_WRITTEN[held.mode],
        volume=number(abs(held.size)),
        availableVolume=number(abs(held.closable)),
        unrealisedPNL=number(held.unrealized),
        realisedPNL=number(held.realized),
        margin=number(held.margin if held.purse is None else held.purse),
        avgPrice=number(written.average(abs(held.basis), amount=abs(held.size))),
        liquidatedPrice=written.price(held.liquidation),
        leverage=number(held.leverage or most),
    )


# ── orders ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _written(view: VenueView, user: int, rows: list[VenueOrder]) -> list[messages.Order]:
    """Orders with what their fills cost and gained."""
    filled = [row for row in rows if row.filled]
    since_ns = min((row.placed_ns for row in filled), default=0)
    until_ns = max((row.updated_ns for row in filled), default=-1) + 1
    executed = written.Executed(view.fills(user, since_ns=since_ns, until_ns=until_ns) if filled else ())
    marks = {row.instrument: view.mark(row.instrument) for row in rows}
    return [written.order(row, executed, marks=marks) for row in rows]


def pending_orders(view: VenueView, call: Call) -> messages.Orders:
    """Stop orders have a list of their own."""
    symbol, user = given.optional_symbol(view, call.message.symbol), given.user(call)
    rows = [row for row in view.orders(user, symbol=symbol, open_only=True) if row.type not in STOPS]
    return messages.Orders(orders=_written(view, user, rows))


def order(view: VenueView, call: Call) -> messages.Order:
    query: requests.OrderQuery = call.message
    user = given.user(call)
    found = view.order(user, given.order_id(query.orderId))
    if found is None or (query.symbol and found.instrument != given.instrument(view, query.symbol).symbol):
        raise refused(NO_ORDER, f"order {query.orderId} does not exist")
    return _written(view, user, [found])[0]


def history_orders(view: VenueView, call: Call) -> messages.Orders:
    """All orders, newest first, those of liquidations and stops too: ``Pending`` is among the statuses of its rows."""
    return _history(view, call, lambda _: True)


def force_orders(view: VenueView, call: Call) -> messages.Orders:
    """Orders that closed a position by force; nobody is deleveraged here, so that the list of ``ADL`` is empty."""
    kind = (call.message.autoCloseType or "").lower()
    return _history(view, call, lambda row: row.origin == "liquidation" and kind in ("", words.LIQUIDATION.lower()))


def _history(view: VenueView, call: Call, wanted: Callable[[VenueOrder], bool]) -> messages.Orders:
    query: requests.HistoryQuery = call.message
    user = given.user(call)
    rows = islice((row for row in _backwards(view, user, query) if wanted(row)), _length(query.length))
    return messages.Orders(orders=_written(view, user, list(rows)))


def _length(text: str | None) -> int:
    """*Ours*: what is above the most is cut to it."""
    if not text:
        return PAGE_ROWS
    if not text.isdecimal() or not text.isascii() or int(text[:9]) < 1:
        raise bad_parameter("length", f"is {text[:12]!r}, and must be between 1 and {PAGE_ROWS}")
    return min(int(text[:9]), PAGE_ROWS)


def _backwards(view: VenueView, user: int, query: requests.HistoryQuery) -> Iterator[VenueOrder]:
    """Orders before the id given, the newest first, some at a time."""
    symbol = given.optional_symbol(view, query.symbol)
    before = given.order_id(query.lastOrderId, "lastOrderId") if query.lastOrderId else 0
    known = view.order(user, before) if before else None
    if before and known is None:
        raise refused(NO_ORDER, f"order {before} does not exist")
    until_ns = None if known is None else known.placed_ns + 1
    seen: set[int] = set()
    while True:
        rows = list(view.orders(user, symbol=symbol, until_ns=until_ns, newest=2 * PAGE_ROWS + len(seen)))
        fresh = [row for row in reversed(rows) if row.id not in seen and (not before or row.id < before)]
        if not fresh:
            return
        yield from fresh
        seen = {row.id for row in rows if row.placed_ns == rows[0].placed_ns}
        until_ns = rows[0].placed_ns + 1


# ── stop orders, leverage and mode ───────────────────────────────────────────────────────────────────────────────


def pending_stops(view: VenueView, call: Call) -> messages.StopOrders:
    symbol, user = given.optional_symbol(view, call.message.symbol), given.user(call)
    rows = [row for row in view.orders(user, symbol=symbol, open_only=True) if row.type in STOPS]
    return messages.StopOrders(orders=[_stop(view, row) for row in rows])


def history_stops(view: VenueView, call: Call) -> messages.StopOrders:
    query: requests.HistoryQuery = call.message
    user = given.user(call)
    ended = (row for row in _backwards(view, user, query) if row.type in STOPS and not row.is_open)
    return messages.StopOrders(orders=[_stop(view, row) for row in islice(ended, _length(query.length))])


def _stop(view: VenueView, row: VenueOrder) -> messages.StopOrder:
    listed = view.instrument(row.instrument)
    held = next(
        (each for each in view.positions(row.user, symbol=row.instrument) if each.side == row.position_side), None
    )
    gains = row.stop_operator == ("gte" if row.position_side == "long" else "lte")
    triggered = row.opened_ns > row.placed_ns
    ended = "Cancelled" if not triggered else "TriggerTakeProfit" if gains else "TriggerStopLoss"
    return messages.StopOrder(
        userId=str(row.user),
        orderId=str(row.id),
        symbol=words.symbol(row.instrument),
        positionId="" if held is None or listed is None else given.position_id(held, listed.id),
        stopLossPrice=written.price(None if gains else row.stop_price),
        takeProfitPrice=written.price(row.stop_price if gains else None),
        entrustVolume=number(row.amount),
        side=words.SIDES_WRITTEN[row.side],
        entrustTm=written.time(row.placed_ns),
        orderStatus="" if row.is_open else ended,
        triggerTm=written.time(row.opened_ns) if triggered else "",
    )


def leverage(view: VenueView, call: Call) -> messages.Leverage:
    listed = given.instrument(view, call.message.symbol)
    held = view.positions(given.user(call), symbol=listed.symbol)
    set_here = {each.side: each.leverage for each in held}
    most = listed.tiers[0].leverage_max
    return messages.Leverage(
        longLeverage=number(set_here.get("long") or most), shortLeverage=number(set_here.get("short") or most)
    )


def margin_mode(view: VenueView, call: Call) -> messages.MarginMode:
    listed = given.instrument(view, call.message.symbol)
    held = next(iter(view.positions(given.user(call), symbol=listed.symbol)), None)
    return messages.MarginMode(marginMode=words.MARGIN_MODES_WRITTEN["cross" if held is None else held.mode])


def listen_key(view: VenueView, call: Call) -> messages.ListenKey:
    """A key for the wire's private stream, which is not served: one a user, as long as the venue lives."""
    named = f"listen {given.user(call)}".encode()
    return messages.ListenKey(listenKey=hashlib.sha256(view.sign_tokens_with() + named).hexdigest())


def keep_key(view: VenueView, call: Call) -> messages.Nothing:
    """Raises 404 for a key that is not this user's."""
    if call.message.listenKey != listen_key(view, call).listenKey:
        raise refusal(404, "there is no such listenKey")
    return messages.Nothing()


_ANSWERS: Final[dict[str, Callable[[VenueView, Call], Any]]] = {
    "balance": balance, "positions": positions, "pending_orders": pending_orders, "order": order,
    "history_orders": history_orders, "force_orders": force_orders, "pending_stops": pending_stops,
    "history_stops": history_stops, "leverage": leverage, "margin_mode": margin_mode, "listen_key": listen_key,
    "keep_key": keep_key, "end_key": keep_key,
    "trade": trading.trade, "cancel": trading.cancel, "cancel_some": trading.cancel_some,
    "cancel_all": trading.cancel_all, "close": trading.close, "close_all": trading.close_all,
    "stop_order": trading.stop_order, "cancel_stop": trading.cancel, "set_margin_mode": trading.set_margin_mode,
    "set_leverage": trading.set_leverage, "time": serve_public.time, "time_posted": serve_public.time,
    "contracts": serve_public.contracts, "latest_price": serve_public.latest_price, "ticker": serve_public.ticker,
    "depth": serve_public.depth, "trades": serve_public.trades, "latest_funding": serve_public.latest_funding,
    "latest_candle": serve_public.latest_candle, "candles": serve_public.candles,
}  # fmt: skip
SERVES: Final = tuple(Serve(route=route, answer=_ANSWERS[route.name]) for route in routes.ROUTES)
