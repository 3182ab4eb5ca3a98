"""What can be asked of GRVT in our words: how a question becomes the route's request, and how the histories are paged.
It decides whose sub-account is meant and what a cursor goes on from; how answers are read stands in ``read.py`` and
``read_histories.py``, what can be done in ``do.py``.

Source: the exchange's documentation: histories come newest first, at most 1000 rows, from ``end_time`` back to
``start_time``, and go on by a cursor that holds the whole question; snapshots are kept for 30 days. That both bounds
are inclusive is *ours*. A sub-account is named in every question of its own; deposits, withdrawals and transfers are of
the main account.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from nostro import errors, limits
from nostro.exchanges.grvt import messages, read, read_histories, requests, words
from nostro.exchanges.grvt.routes import Form, route
from nostro.link.declare import Ask, Query, Stream

ROWS_MAX: Final = 1_000
RETENTION_S: Final = 30 * 86_400  # of snapshots
_ORDER_ID: Final = re.compile(r"0x(?!0+$)[0-9A-Fa-f]{1,32}", re.ASCII)
DEPTHS: Final = (10, 50, 100, 500)
SUB_ACCOUNT: Final = "sub_account"


def _history(name: str, kind: str, *, keyed: str = SUB_ACCOUNT, **more: Any) -> Stream:
    return Stream(
        name=name, kind=kind, page_size=ROWS_MAX, order="descending", until="inclusive", position="cursor",
        keyed=keyed, **more,
    )  # fmt: skip


SNAPSHOTS: Final = _history("snapshots", "snapshot", retention_s=RETENTION_S)
ORDERS: Final = _history("orders", "order", terminal=words.ORDERS_END)
FILLS: Final = _history("fills", "fill")
FUNDING_PAYMENTS: Final = _history("funding_payments", "funding_payment")
# Their rows have no id, and where stops fire together a position can begin and end more than once in one moment.
CLOSED_POSITIONS: Final = _history(
    "closed_positions", "closed_position", native_ids=False,
    identity=("sub_account", "instrument", "side", "opened_ns"),
)  # fmt: skip
DEPOSITS: Final = _history("deposits", "transfer", keyed="", terminal=frozenset({"done"}))
WITHDRAWALS: Final = _history("withdrawals", "transfer", keyed="", terminal=frozenset({"done"}))
TRANSFERS: Final = _history("internal_transfers", "transfer", keyed="")


# ── conditions ───────────────────────────────────────────────────────────────────────────────────────────────────


def _needed(query: Query, condition: str) -> str:
    value = query.where.get(condition)
    if not value:
        hint = "open the account with sub_account_id=" if condition == SUB_ACCOUNT else f"give {condition}="
        raise errors.BadValue(f"GRVT must be told which {condition}", hint=hint, exchange="grvt")
    return value


def _time(time_ns: int | None) -> str | None:
    return None if time_ns is None else str(time_ns)


def _bounds(query: Query) -> dict[str, Any]:
    """A cursor holds the bounds, and they are said all the same."""
    return {
        "start_time": _time(query.since_ns), "end_time": _time(query.until_ns),
        "limit": min(query.limit or ROWS_MAX, ROWS_MAX), "cursor": query.position,
    }  # fmt: skip


def _of_pair(query: Query) -> dict[str, Any]:
    """The lists that select an instrument: other kinds of the same two currencies come along."""
    instrument = query.where.get("instrument")
    if instrument is None:
        return {}
    base, quote = (*words.code(instrument).split("_"), "")[:2]
    return {"base": [base], "quote": [quote]}


def _market(query: Query) -> str:
    return words.code(_needed(query, "instrument"))


# ── requests ─────────────────────────────────────────────────────────────────────────────────────────────────────


def nothing(_: Query) -> requests.Nothing:
    return requests.Nothing()


def of_sub_account(query: Query) -> requests.OfSubAccount:
    return requests.OfSubAccount(sub_account_id=_needed(query, SUB_ACCOUNT))


def positions(query: Query) -> requests.ApiPositionsRequest:
    return requests.ApiPositionsRequest(sub_account_id=_needed(query, SUB_ACCOUNT), **_of_pair(query))


def open_orders(query: Query) -> requests.ApiOpenOrdersRequest:
    return requests.ApiOpenOrdersRequest(sub_account_id=_needed(query, SUB_ACCOUNT), **_of_pair(query))


def order(query: Query) -> requests.ApiGetOrderRequest:
    """By the exchange's id, or by the client's: the only one that the answer to a new order says."""
    sub_account = _needed(query, SUB_ACCOUNT)
    if client_id := query.where.get("client_id"):
        return requests.ApiGetOrderRequest(sub_account_id=sub_account, client_order_id=client_id)
    return requests.ApiGetOrderRequest(sub_account_id=sub_account, order_id=order_id(_needed(query, "order_id")))


def order_id(text: str) -> str:
    """The id of an order, checked, because this wire acknowledges the cancel of any. Raises `errors.BadValue`.

    Source: the exchange's ``api-spec`` (May 2026): 128 bits, written as a hexadecimal number; 0 is none."""
    if not _ORDER_ID.fullmatch(text):
        raise errors.BadValue(
            f"order_id is {text[:limits.SHOWN_CHARACTERS]!a}, GRVT's are hexadecimal numbers that begin with 0x",
            hint="nothing was sent; `nostro orders` shows the ids", exchange="grvt",
        )  # fmt: skip
    return text


def snapshots(query: Query) -> requests.History:
    return requests.History(sub_account_id=_needed(query, SUB_ACCOUNT), **_bounds(query))


def orders(query: Query) -> requests.ApiOrderHistoryRequest:
    return requests.ApiOrderHistoryRequest(
        sub_account_id=_needed(query, SUB_ACCOUNT), **_of_pair(query), **_bounds(query)
    )


def fills(query: Query) -> requests.ApiFillHistoryRequest:
    return requests.ApiFillHistoryRequest(
        sub_account_id=_needed(query, SUB_ACCOUNT), **_of_pair(query), **_bounds(query)
    )


def funding_payments(query: Query) -> requests.ApiFundingPaymentHistoryRequest:
    instrument = query.where.get("instrument")
    return requests.ApiFundingPaymentHistoryRequest(
        sub_account_id=_needed(query, SUB_ACCOUNT),
        instrument=None if instrument is None else words.code(instrument),
        **_bounds(query),
    )


def closed_positions(query: Query) -> requests.ApiPositionHistoryRequest:
    return requests.ApiPositionHistoryRequest(
        sub_account_id=_needed(query, SUB_ACCOUNT), **_of_pair(query), **_bounds(query)
    )


def _currencies(query: Query) -> list[str]:
    """The list is called required; an empty one is all."""
    asset = query.where.get("asset")
    return [] if asset is None else [asset]


def deposits(query: Query) -> requests.ApiDepositHistoryRequest:
    return requests.ApiDepositHistoryRequest(currency=_currencies(query), **_bounds(query))


def withdrawals(query: Query) -> requests.ApiWithdrawalHistoryRequest:
    return requests.ApiWithdrawalHistoryRequest(currency=_currencies(query), **_bounds(query))


def transfers(query: Query) -> requests.ApiTransferHistoryRequest:
    return requests.ApiTransferHistoryRequest(currency=_currencies(query), **_bounds(query))


def instruments(_: Query) -> requests.ApiGetAllInstrumentsRequest:
    return requests.ApiGetAllInstrumentsRequest(is_active=True)


def ticker(query: Query) -> requests.OfInstrument:
    return requests.OfInstrument(instrument=_market(query))


def order_book(query: Query) -> requests.ApiOrderbookLevelsRequest:
    """The next depth that there is."""
    wanted = query.limit or 100
    depth = next((each for each in DEPTHS if each >= wanted), DEPTHS[-1])
    return requests.ApiOrderbookLevelsRequest(instrument=_market(query), depth=depth)


def public_trades(query: Query) -> requests.ApiTradeRequest:
    return requests.ApiTradeRequest(instrument=_market(query), limit=min(query.limit or 100, ROWS_MAX))


def candles(query: Query) -> requests.ApiCandlestickRequest:
    interval_s = int(_needed(query, "interval_s"))
    interval = next((name for name, known_s in words.INTERVALS_S.items() if known_s == interval_s), None)
    if interval is None:
        known = ", ".join(str(each) for each in words.INTERVALS_S.values())
        raise errors.BadValue(f"interval_s is {interval_s}, GRVT has {known}", exchange="grvt")
    return requests.ApiCandlestickRequest(
        instrument=_market(query), interval=interval, type="TRADE", start_time=_time(query.since_ns),
        end_time=None if query.until_ns is None else _time(query.until_ns - 1),
        limit=min(query.limit or ROWS_MAX, ROWS_MAX),
    )  # fmt: skip


def onward(answer: messages.Paged[Any]) -> str | None:
    """The cursor of the rest."""
    return answer.next or None


# ── all of it ────────────────────────────────────────────────────────────────────────────────────────────────────


def asks(form: Form) -> tuple[Ask, ...]:
    """All that can be asked, in the dialect's encoding."""

    def asked(
        capability: str, name: str, request: Callable[[Query], Any], read: Callable[..., Any], *, part: str = ""
    ) -> Ask:
        return Ask(capability=capability, route=route(form, name), request=request, read=read, part=part)

    def history(
        capability: str, name: str, request: Callable[[Query], Any], read: Callable[..., Any], *, stream: Stream
    ) -> Ask:
        return Ask(
            capability=capability, route=route(form, name), request=request, read=read, stream=stream, position=onward
        )

    return (
        asked("currencies", "currency", nothing, read.currencies),
        asked("instruments", "all_instruments", instruments, read.instruments),
        asked("ticker", "ticker", ticker, read.ticker),
        asked("order_book", "book", order_book, read.order_book),
        asked("public_trades", "trade", public_trades, read.public_trades),
        asked("candles", "kline", candles, read.candles),
        asked("sub_accounts", "get_sub_accounts", nothing, read.sub_accounts),
        asked("balances", "account_summary", of_sub_account, read.balances, part="sub_account_balances"),
        asked("balances", "funding_account_summary", nothing, read.funding_balances, part="funding_balances"),
        asked("margin", "account_summary", of_sub_account, read.margin),
        asked("positions", "positions", positions, read.positions),
        asked("leverage", "get_all_initial_leverage", of_sub_account, read.leverage),
        asked("open_orders", "open_orders", open_orders, read.open_orders),
        asked("order", "order", order, read.one_order),
        history("orders", "order_history", orders, read_histories.order_history, stream=ORDERS),
        history("fills", "fill_history", fills, read_histories.fills, stream=FILLS),
        history("snapshots", "account_history", snapshots, read_histories.snapshots, stream=SNAPSHOTS),
        history(
            "funding_payments", "funding_payment_history", funding_payments, read_histories.funding_payments,
            stream=FUNDING_PAYMENTS,
        ),
        history(
            "closed_positions", "position_history", closed_positions, read_histories.closed_positions,
            stream=CLOSED_POSITIONS,
        ),
        history("transfers", "deposit_history", deposits, read_histories.deposits, stream=DEPOSITS),
        history("transfers", "withdrawal_history", withdrawals, read_histories.withdrawals, stream=WITHDRAWALS),
        history("transfers", "transfer_history", transfers, read_histories.transfers, stream=TRANSFERS),
    )  # fmt: skip
