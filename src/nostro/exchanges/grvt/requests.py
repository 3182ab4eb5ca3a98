"""What is asked of GRVT: bodies of JSON objects, members and their order as in the specification (the lite names follow
from that order, ``lite.py``). It decides their members; ``ask.py`` and ``do.py`` fill them, ``serve*.py`` read them.

A member that is None is not sent; the server takes it as absent or null, numbers also as text, and ignores what it does
not know, the empty name too: clients send all of that. Orders stand in ``orders.py``.

Source: the exchange's ``api-spec`` (May 2026), the requests of each route; what its clients send was observed.
"""

from __future__ import annotations

from msgspec import Raw

from nostro.domain.values import ABSENT
from nostro.exchanges.grvt.messages import Message, Number, Signature, Word
from nostro.exchanges.grvt.orders import Order


class ApiKeyLogin(Message, frozen=True, kw_only=True):
    api_key: str

    def __repr__(self) -> str:
        return "ApiKeyLogin(...)"


class WalletLogin(Message, frozen=True, kw_only=True):
    address: str
    signature: Signature


class Nothing(Message, frozen=True, kw_only=True):
    """``{}``."""


# ── the account ──────────────────────────────────────────────────────────────────────────────────────────────────


class OfSubAccount(Message, frozen=True, kw_only=True):
    sub_account_id: Number | None = None


class History(OfSubAccount, frozen=True, kw_only=True):
    """Snapshots of a sub-account. ``cursor`` says where to go on, and then decides alone."""

    start_time: Number | None = None
    end_time: Number | None = None
    limit: Number | None = None
    cursor: str | None = None


class ApiPositionsRequest(OfSubAccount, frozen=True, kw_only=True):
    """Lists select; an empty one, as null, selects all."""

    kind: list[Word] | None = None
    base: list[str] | None = None
    quote: list[str] | None = None


class ApiPositionHistoryRequest(OfSubAccount, frozen=True, kw_only=True):
    """``is_long`` and ``is_short``: both false, or neither said, is both."""

    start_time: Number | None = None
    end_time: Number | None = None
    kind: list[Word] | None = None
    base: list[str] | None = None
    quote: list[str] | None = None
    limit: Number | None = None
    cursor: str | None = None
    status: list[Word] | None = None
    is_long: bool | None = None
    is_short: bool | None = None
    margin_type: list[Word] | None = None


class ApiFillHistoryRequest(OfSubAccount, frozen=True, kw_only=True):
    kind: list[Word] | None = None
    base: list[str] | None = None
    quote: list[str] | None = None
    start_time: Number | None = None
    end_time: Number | None = None
    limit: Number | None = None
    cursor: str | None = None


class ApiOrderHistoryRequest(ApiFillHistoryRequest, frozen=True, kw_only=True):
    pass


class ApiFundingPaymentHistoryRequest(OfSubAccount, frozen=True, kw_only=True):
    instrument: str | None = None
    start_time: Number | None = None
    end_time: Number | None = None
    limit: Number | None = None
    cursor: str | None = None
    kind: list[Word] | None = None
    base: list[str] | None = None
    quote: list[str] | None = None


class ApiDepositHistoryRequest(Message, frozen=True, kw_only=True):
    """``currency``: a list, though the name is not; empty or null is all. ``main_account_id``: the caller's."""

    currency: list[str] | None = None
    start_time: Number | None = None
    end_time: Number | None = None
    limit: Number | None = None
    cursor: str | None = None
    main_account_id: str | None = None


class ApiWithdrawalHistoryRequest(ApiDepositHistoryRequest, frozen=True, kw_only=True):
    pass


class ApiTransferHistoryRequest(Message, frozen=True, kw_only=True):
    """``tx_id`` 0 is any."""

    currency: list[str] | None = None
    start_time: Number | None = None
    end_time: Number | None = None
    limit: Number | None = None
    cursor: str | None = None
    tx_id: Number | None = None
    main_account_id: str | None = None
    transfer_types: list[Word] | None = None


class AuthorizeBuilder(Message, frozen=True, kw_only=True):
    main_account_id: str
    builder_account_id: str
    max_futures_fee_rate: Raw
    max_spot_fee_rate: Raw
    signature: Signature


# ── orders ───────────────────────────────────────────────────────────────────────────────────────────────────────


class CreateOrder(Message, frozen=True, kw_only=True):
    order: Order


class ApiCancelOrderRequest(OfSubAccount, frozen=True, kw_only=True):
    order_id: str | None = None
    client_order_id: Number | None = None
    time_to_live_ms: Number | None = None


class ApiCancelAllOrdersRequest(OfSubAccount, frozen=True, kw_only=True):
    kind: list[Word] | None = None
    base: list[str] | None = None
    quote: list[str] | None = None


class ApiCancelOnDisconnectRequest(OfSubAccount, frozen=True, kw_only=True):
    countdown_time: Number | None = None


class ApiBulkOrdersRequest(OfSubAccount, frozen=True, kw_only=True):
    """The tables print the lists as ``order_i_ds`` and ``client_order_i_ds``, the text beside them the last two."""

    orders: list[Order] | None = None
    order_i_ds: list[str] | None = None
    client_order_i_ds: list[Number] | None = None
    time_to_live_ms: Number | None = None
    order_ids: list[str] | None = None
    client_order_ids: list[Number] | None = None


class ApiGetOrderRequest(OfSubAccount, frozen=True, kw_only=True):
    order_id: str | None = None
    client_order_id: Number | None = None


class ApiOpenOrdersRequest(OfSubAccount, frozen=True, kw_only=True):
    kind: list[Word] | None = None
    base: list[str] | None = None
    quote: list[str] | None = None


class SetInitialLeverage(OfSubAccount, frozen=True, kw_only=True):
    instrument: str
    leverage: Raw


class SetPositionConfig(OfSubAccount, frozen=True, kw_only=True):
    instrument: str
    margin_type: Word | None = None
    leverage: Raw = ABSENT
    signature: Signature | None = None


# ── markets ──────────────────────────────────────────────────────────────────────────────────────────────────────


class OfInstrument(Message, frozen=True, kw_only=True):
    instrument: str | None = None


class ApiGetAllInstrumentsRequest(Message, frozen=True, kw_only=True):
    is_active: bool | None = None


class ApiGetFilteredInstrumentsRequest(Message, frozen=True, kw_only=True):
    kind: list[Word] | None = None
    base: list[str] | None = None
    quote: list[str] | None = None
    is_active: bool | None = None
    limit: Number | None = None


class ApiOrderbookLevelsRequest(OfInstrument, frozen=True, kw_only=True):
    depth: Number | None = None


class ApiTradeRequest(OfInstrument, frozen=True, kw_only=True):
    limit: Number | None = None


class ApiTradeHistoryRequest(OfInstrument, frozen=True, kw_only=True):
    start_time: Number | None = None
    end_time: Number | None = None
    limit: Number | None = None
    cursor: str | None = None


class ApiCandlestickRequest(OfInstrument, frozen=True, kw_only=True):
    interval: Word | None = None
    type: Word | None = None
    start_time: Number | None = None
    end_time: Number | None = None
    limit: Number | None = None
    cursor: str | None = None


class ApiFundingRateRequest(OfInstrument, frozen=True, kw_only=True):
    start_time: Number | None = None
    end_time: Number | None = None
    limit: Number | None = None
    cursor: str | None = None
    agg_type: Word | None = None
