"""From Kraken Futures' frames to what they mean, one function per feed. It decides what each member says and which
frames follow one another; its twins are ``feed_account.py`` and ``feed_market.py``.

`seq` counts the frames of one subscription; a snapshot, or the frame 0 of a feed that has none, begins it anew. What a
frame of balances leaves out is unchanged. An order that is gone says only its ids and why: whether a part of it was
filled before, the history knows. One that ended with a fill is whole. Why is said in words of the feeds' own, which are
not the history's.
Source: see ``feed_messages.py``; ccxt 4.5.90 for what is left of an order (``qty``) and for both spellings of a reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

import msgspec

from nostro import errors
from nostro.domain import records
from nostro.domain.values import ZERO, Malformed, exact, exact_or_none, token
from nostro.exchanges.kraken_futures import feed_messages as messages
from nostro.exchanges.kraken_futures import feed_read_balances as balances
from nostro.exchanges.kraken_futures import members, words
from nostro.exchanges.kraken_futures.read_history import log_entry
from nostro.link.frames import (
    About,
    Acknowledged,
    Action,
    BookChange,
    Challenged,
    Complaint,
    Meaning,
    News,
    Unread,
    Welcome,
)

AUTHENTICATION: Final = "Failed to subscribe to authenticated feed"
UNSUBSCRIBE_AUTHENTICATION: Final = "Failed to unsubscribe from authenticated feed"
ALREADY: Final = "Already subscribed to feed, re-requesting"
INVALID_FEED: Final = "Invalid feed"
INVALID_PRODUCT: Final = "Invalid product id"
JSON_ERROR: Final = "Json Error"

_ACTIONS: Final[Mapping[str, Action]] = {"subscribed": "subscribe", "unsubscribed": "unsubscribe"}
_FAILED: Final[Mapping[str, About]] = {"subscribed_failed": "subscribe", "unsubscribed_failed": "unsubscribe"}
# Why an order is gone; what is not here ended it canceled.
_ENDS: Final[Mapping[str, str]] = {
    "full_fill": "filled", "contract_expired": "expired", "not_enough_margin": "rejected",
    "ioc_order_failed_because_it_would_not_be_executed": "rejected",
    "post_order_failed_because_it_would_filled": "rejected",
    "post_order_failed_because_it_would_be_filled": "rejected",
    "would_execute_self": "rejected", "would_not_reduce_position": "rejected",
}  # fmt: skip


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def read(body: bytes) -> Meaning:
    """What a frame means. Raises `Undecodable` where it has not the members of its feed, ValueError where one of them
    says something impossible."""
    try:
        head: messages.Head = _decoder(messages.Head).decode(body)
        if head.event:
            return _event(_decoder(messages.Event).decode(body))
        reader = _READERS.get(head.feed)
        return Unread(head.feed) if reader is None else reader[1](_decoder(reader[0]).decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        sentence = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise errors.Undecodable(
            f"Kraken Futures feed: {sentence}", hint="its bytes are kept", exchange="kraken_futures"
        ) from None


def _event(said: messages.Event) -> Meaning:
    message = said.message if isinstance(said.message, str) else ""
    if said.event == "info":
        return Welcome()
    if said.event == "challenge":
        return Challenged(message)
    if said.event in _ACTIONS:
        feed = said.feed if isinstance(said.feed, str) else ""
        products = said.product_ids if isinstance(said.product_ids, list) else []
        return Acknowledged(_ACTIONS[said.event], tuple(f"{feed}:{each}" for each in products) or (feed,))
    if said.event in _FAILED:
        return Complaint(message or f"{said.event}: {said.feed}", _FAILED[said.event])
    if said.event == "alert" and message == AUTHENTICATION:
        return Complaint(message, "sign_in")
    return Complaint(message) if said.event in ("error", "alert") else Unread(said.event)


# ── positions ────────────────────────────────────────────────────────────────────────────────────────────────────


def _positions(said: messages.Positions) -> News:
    time_ns = members.moment(said.timestamp, "timestamp") if said.timestamp else None
    rows = tuple(_position(offset, row, time_ns=time_ns) for offset, row in enumerate(said.positions))
    return News(rows, series=said.feed, number=said.seq, begins=said.seq == 0, whole=("positions",))


def _position(offset: int, row: messages.Position, *, time_ns: int | None) -> records.Position:
    instrument = words.instrument(row.instrument)
    pair, _, settle = instrument.partition(":")
    currency = members.optional(row.pnl_currency)
    return records.Position(
        offset=offset,
        effective_ns=time_ns,
        wallet=words.wallet_of(instrument),
        instrument=instrument,
        side="both",
        size=exact(row.balance, "balance"),
        currency=words.asset(currency) if currency else settle.partition("-")[0] or pair,
        entry_price=exact(row.entry_price, "entry_price"),
        mark_price=exact(row.mark_price, "mark_price"),
        index_price=exact_or_none(row.index_price, "index_price"),
        unrealized_pnl=exact(row.pnl, "pnl"),
        unrealized_funding=exact_or_none(row.unrealized_funding, "unrealized_funding"),
        initial_margin=exact_or_none(row.initial_margin, "initial_margin"),
        maintenance_margin=exact_or_none(row.maintenance_margin, "maintenance_margin"),
        liquidation_price=members.price(row.liquidation_threshold, "liquidation_threshold"),
        extra=members.extra(
            effective_leverage=row.effective_leverage, return_on_equity=row.return_on_equity,
            initial_margin_with_orders=row.initial_margin_with_orders,
        ),
    )  # fmt: skip


# ── orders ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _orders(said: messages.Orders) -> News:
    return News(tuple(_order(offset, row, status=_open(row)) for offset, row in enumerate(said.orders)))


def _change(said: messages.OrderChange) -> News:
    reason = members.optional(said.reason) or ""
    why = {"feed_reason": reason} if reason else {}
    ended = _ENDS.get(reason, "canceled")
    if isinstance(said.order, messages.Order):
        if ended == "canceled" and exact(said.order.filled, "filled"):
            ended = "partially_canceled"  # what was left after a fill was not kept
        order = _order(0, said.order, status=ended if said.is_cancel else _open(said.order))
        return News((msgspec.structs.replace(order, extra=order.extra | why),))
    native_id = members.optional(said.order_id)
    if native_id is None or not said.is_cancel:
        raise Malformed("order_id", said.order_id, "the id of an order that is gone")
    client_id = members.optional(said.cli_ord_id)
    return News(
        (
            records.Order(
                native_id=native_id, client_id=client_id, instrument="", side="", type="", status=ended, extra=why,
            ),
        )
    )  # fmt: skip


def _open(row: messages.Order) -> str:
    if row.type in words.STOPS:
        return "pending"
    return "partially_filled" if exact(row.filled, "filled") else "open"


def _order(offset: int, row: messages.Order, *, status: str) -> records.Order:
    """``qty`` is what remains: the whole is that and what is filled."""
    filled, rest = exact(row.filled, "filled"), exact(row.qty, "qty")
    price = members.price(row.limit_price, "limit_price")
    stop_price = members.price(row.stop_price, "stop_price")
    stop = row.type in words.STOPS
    kind = ("stop_limit" if price else "stop_market") if stop else token(words.TYPES, row.type)
    side = {0: "buy", 1: "sell"}.get(row.direction)
    if side is None:
        raise Malformed("direction", row.direction, "0 or 1")
    rises = (side == "buy") == (row.type != "take_profit")
    instrument = words.instrument(row.instrument)
    return records.Order(
        offset=offset,
        native_id=row.order_id,
        client_id=members.optional(row.cli_ord_id),
        effective_ns=members.moment(row.time, "time"),
        updated_ns=members.moment(row.last_update_time, "last_update_time"),
        wallet=words.wallet_of(instrument),
        instrument=instrument,
        side=side,
        type=kind,
        status=status,
        amount=members.total(filled, rest),
        filled=filled,
        canceled=None if status in words.ORDERS_END else ZERO,
        remaining=rest,
        price=price,
        stop_price=stop_price if stop else None,
        stop_operator=("gte" if rises else "lte") if stop else None,
        trigger=words.trigger(row.triggerSignal) if isinstance(row.triggerSignal, str) else None,
        reduce_only=row.reduce_only,
    )


# ── fills and the log ────────────────────────────────────────────────────────────────────────────────────────────


def _fills(said: messages.Fills) -> News:
    return News(tuple(_fill(offset, row) for offset, row in enumerate(said.fills)))


def _fill(offset: int, row: messages.Fill) -> records.Fill:
    instrument, currency = words.instrument(row.instrument), members.optional(row.fee_currency)
    maker = words.MAKER.get(row.fill_type)
    return records.Fill(
        offset=offset,
        native_id=row.fill_id,
        effective_ns=members.moment(row.time, "time"),
        wallet=words.wallet_of(instrument),
        instrument=instrument,
        side="buy" if row.buy else "sell",
        price=exact(row.price, "price"),
        amount=exact(row.qty, "qty"),
        fee=exact_or_none(row.fee_paid, "fee_paid"),
        fee_asset=words.asset(currency) if currency else None,
        maker=maker,
        order_id=row.order_id,
        order_type=_order_type(row),
        liquidation=row.fill_type in words.FORCED,
        extra=members.extra(
            cli_ord_id=row.cli_ord_id, fill_type=row.fill_type, remaining_order_qty=row.remaining_order_qty, seq=row.seq
        ),
    )


def _order_type(row: messages.Fill) -> str | None:
    """Of a stop it is not known what it became."""
    given = members.optional(row.order_type)
    return None if given is None or given in words.STOPS else token(words.TYPES, given)


def _log(said: messages.Log) -> News:
    found = (log_entry(offset, row) for offset, row in enumerate(said.logs))
    return News(tuple(fact for fact in found if fact is not None))


def _notifications(said: messages.Notifications) -> News | Unread:
    """No fact of ours says what the exchange announces."""
    return Unread(said.feed) if said.notifications else News(())


def _line(said: messages.LogLine) -> News:
    fact = log_entry(0, said.new_entry)
    return News(() if fact is None else (fact,))


# ── markets ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _ticker(said: messages.Ticker) -> News:
    """``change`` is a ratio in percent here, and absolute in the fact: it stands in ``extra``."""
    ticker = records.Ticker(
        effective_ns=members.moment(said.time, "time") if said.time else None,
        instrument=words.instrument(said.product_id),
        last=exact_or_none(said.last, "last"),
        bid=exact_or_none(said.bid, "bid"),
        ask=exact_or_none(said.ask, "ask"),
        volume=exact(said.volume, "volume"),
        extra=members.extra(
            change_percent=said.change, index=said.index, markPrice=said.markPrice, openInterest=said.openInterest,
            funding_rate=said.funding_rate, relative_funding_rate=said.relative_funding_rate,
        ),
    )  # fmt: skip
    return News((ticker,))


def _trades(said: messages.Trades) -> News:
    return News(tuple(_trade(offset, row) for offset, row in enumerate(said.trades)))


def _one_trade(said: messages.Trade) -> News:
    return News((_trade(0, said),))


def _trade(offset: int, row: messages.Trade) -> records.PublicTrade:
    return records.PublicTrade(
        offset=offset,
        native_id=row.uid,
        effective_ns=members.moment(row.time, "time"),
        instrument=words.instrument(row.product_id),
        side=token(words.SIDES, row.side),
        price=exact(row.price, "price"),
        amount=exact(row.qty, "qty"),
        extra=members.extra(seq=row.seq, type=row.type),
    )


def _book(said: messages.Book) -> News:
    book = records.OrderBook(
        effective_ns=members.moment(said.timestamp, "timestamp"),
        instrument=words.instrument(said.product_id),
        bids=_levels(said.bids),
        asks=_levels(said.asks),
    )
    return News((book,), series=f"book:{said.product_id}", number=said.seq, begins=True)


def _level(said: messages.BookLevel) -> News:
    level = ((exact(said.price, "price"), exact(said.qty, "qty")),)
    side = token(words.SIDES, said.side)
    change = BookChange(
        instrument=words.instrument(said.product_id),
        effective_ns=members.moment(said.timestamp, "timestamp"),
        bids=level if side == "buy" else (),
        asks=level if side == "sell" else (),
        absolute=True,
    )
    return News((change,), series=f"book:{said.product_id}", number=said.seq)


def _levels(levels: list[messages.Level]) -> records.Amounts:
    return tuple((exact(row.price, "price"), exact(row.qty, "qty")) for row in levels)


def _heartbeat(_: messages.Heartbeat) -> News:
    return News(())


_READERS: Final[Mapping[str, tuple[type[msgspec.Struct], Callable[[Any], Meaning]]]] = {
    "account_balances_and_margins": (messages.AccountBalances, balances.margin_accounts),
    "balances_snapshot": (messages.Balances, balances.balances),
    "balances": (messages.Balances, balances.balances),
    "open_positions": (messages.Positions, _positions),
    "open_orders_snapshot": (messages.Orders, _orders),
    "open_orders": (messages.OrderChange, _change),
    "open_orders_verbose_snapshot": (messages.Orders, _orders),
    "open_orders_verbose": (messages.OrderChange, _change),
    "fills_snapshot": (messages.Fills, _fills),
    "fills": (messages.Fills, _fills),
    "account_log_snapshot": (messages.Log, _log),
    "account_log": (messages.LogLine, _line),
    "notifications_auth": (messages.Notifications, _notifications),
    "ticker": (messages.Ticker, _ticker),
    "ticker_lite": (messages.Ticker, _ticker),
    "trade_snapshot": (messages.Trades, _trades),
    "trade": (messages.Trade, _one_trade),
    "book_snapshot": (messages.Book, _book),
    "book": (messages.BookLevel, _level),
    "heartbeat": (messages.Heartbeat, _heartbeat),
}
