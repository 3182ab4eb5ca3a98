"""The facts: what nostro knows, field by field, with type, unit and sign. A fact is a small immutable value read
from a page; this module decides what its fields are called, not where they come from (``exchanges/*/read.py``)
or how they are kept (``book/``). The words that hold for all of them stand in ``fact.py``; positions, collateral and
funding in ``contracts.py``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar, Final, TypeVar

import msgspec

from nostro.domain.contracts import (
    ClosedPosition,
    FundingPayment,
    Leverage,
    MarginSummary,
    Position,
    PositionEvent,
    Snapshot,
)
from nostro.domain.fact import STAMP, Balance, Fact

# Whoever wants a fact asks here: the names of these two modules are this one's too.
__all__ = [
    "STAMP", "Balance", "ClosedPosition", "Fact", "FundingPayment", "Leverage", "MarginSummary", "Position",
    "PositionEvent", "Snapshot",
]  # fmt: skip

Amounts = tuple[tuple[Decimal, Decimal], ...]
FactT = TypeVar("FactT", bound="Fact")


# ── the account ──────────────────────────────────────────────────────────────────────────────────────────────────


class Order(Fact, frozen=True, kw_only=True):
    """An order in its latest known state; ``effective_ns`` is when it was placed.

    ``side`` buy or sell. ``type`` market, limit, stop_limit, stop_market. ``time_in_force`` gtc, ioc, fok, aon.
    ``status`` pending (a stop that waits), open, partially_filled, filled, canceled, partially_canceled, expired,
    rejected. ``amount, filled, canceled, remaining``: base units, amount = filled + canceled + remaining; all None
    where the order is funded in quote units (``quote_amount``) and not yet done. ``price`` and ``stop_price``:
    quote per base, None for a market order. ``stop_operator`` gte or lte: the trigger's side of ``stop_price``.
    Of a contract amounts are in contracts of the exchange (`Instrument.multiplier`); ``position_side`` both, long or
    short; ``trigger`` the price that a stop watches: last, mark, index. ``average_price`` of what is filled."""

    kind: ClassVar[str] = "order"
    instrument: str
    side: str
    type: str
    status: str | None = None
    time_in_force: str | None = None
    amount: Decimal | None = None
    filled: Decimal | None = None
    canceled: Decimal | None = None
    remaining: Decimal | None = None
    quote_amount: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    stop_operator: str | None = None
    client_id: str | None = None
    opened_ns: int | None = None
    updated_ns: int | None = None
    done_ns: int | None = None
    expires_ns: int | None = None
    post_only: bool | None = None
    reduce_only: bool | None = None
    position_side: str | None = None
    trigger: str | None = None
    average_price: Decimal | None = None


class Fill(Fact, frozen=True, kw_only=True):
    """One execution of an order of ours. ``price`` quote per base; ``amount`` base units, positive; ``fee`` in
    ``fee_asset``, positive when paid; ``fee_rate`` a ratio (0.002 = 0.2 %); ``maker`` whether our order rested. Of a
    contract ``amount`` is in contracts, and ``realized_pnl`` in its settle asset, without fee and funding."""

    kind: ClassVar[str] = "fill"
    instrument: str
    side: str
    price: Decimal
    amount: Decimal
    fee: Decimal | None = None
    fee_asset: str | None = None
    fee_rate: Decimal | None = None
    maker: bool | None = None
    order_id: str | None = None
    order_type: str | None = None
    position_side: str | None = None
    realized_pnl: Decimal | None = None
    mark_price: Decimal | None = None
    index_price: Decimal | None = None
    liquidation: bool | None = None


class Entry(Fact, frozen=True, kw_only=True):
    """One line of the exchange's ledger: what changed a balance. Units of ``asset``.

    ``type`` the exchange's word in lower case (deposit, withdrawal, trade, fee, hold, release, ...).
    ``amount``: signed change of the total; ``before`` and ``after``: the running total. ``held_amount, held_before,
    held_after``: the same for the part held by orders and withdrawals. after = before + amount."""

    kind: ClassVar[str] = "entry"
    asset: str
    type: str
    amount: Decimal
    before: Decimal | None = None
    after: Decimal | None = None
    held_amount: Decimal | None = None
    held_before: Decimal | None = None
    held_after: Decimal | None = None


class Transfer(Fact, frozen=True, kw_only=True):
    """Money that crosses the account's edge, or moves between its wallets. ``direction`` deposit, withdrawal or
    internal. ``amount`` units of ``asset``, positive: what arrived, or what was asked to leave. ``fee`` in
    ``fee_asset``, on top of ``amount``. ``status`` pending, moderation, approved, suspended, done, rejected, canceled.
    ``tx_hash`` None until known. ``from_wallet`` and ``to_wallet`` of an internal one."""

    kind: ClassVar[str] = "transfer"
    direction: str
    asset: str
    amount: Decimal
    status: str | None = None
    fee: Decimal | None = None
    fee_asset: str | None = None
    tx_hash: str | None = None
    client_id: str | None = None
    from_wallet: str | None = None
    to_wallet: str | None = None
    note: str | None = None


class Loan(Fact, frozen=True, kw_only=True):
    """What a margin wallet owes of one asset, as the exchange reports it. Units of ``asset``, positive; the debt is
    ``principal`` + ``interest``. A complete answer shows every debt."""

    kind: ClassVar[str] = "loan"
    asset: str
    principal: Decimal | None = None
    interest: Decimal | None = None


class Borrow(Fact, frozen=True, kw_only=True):
    """One borrowing, in its latest known state. Units of ``asset``, positive: ``amount`` lent, ``repaid`` of it;
    ``interest_accrued`` and ``interest_paid`` so far. ``interest_rate``: a ratio of the principal (0.00001 = 0.001 %),
    an hour on the exchanges known here. ``type`` manual or auto. ``status`` open, or closed where nothing is owed:
    ours, from the amounts."""

    kind: ClassVar[str] = "borrow"
    asset: str
    amount: Decimal
    repaid: Decimal | None = None
    interest_accrued: Decimal | None = None
    interest_paid: Decimal | None = None
    interest_rate: Decimal | None = None
    type: str | None = None
    status: str | None = None
    opened_ns: int | None = None
    last_interest_ns: int | None = None


class Repayment(Fact, frozen=True, kw_only=True):
    """A part of a debt paid back: ``principal`` and ``interest`` in units of ``asset``, positive. ``type`` manual or
    auto. A row of the history has both amounts; the answer to a repayment may name its id alone."""

    kind: ClassVar[str] = "repayment"
    asset: str
    principal: Decimal | None = None
    interest: Decimal | None = None
    type: str | None = None


class Interest(Fact, frozen=True, kw_only=True):
    """Interest of one borrowing. Units of ``asset``, positive: ``accrued`` by this row, ``paid`` as the exchange says.
    ``rate`` as in `Borrow`. Where the wire gives no time, it is within [``effective_ns``, ``until_ns``), the smallest
    window that returned the row; else ``until_ns`` is None."""

    kind: ClassVar[str] = "interest"
    asset: str
    accrued: Decimal
    paid: Decimal | None = None
    rate: Decimal | None = None
    borrow_id: str | None = None
    until_ns: int | None = None


class Liquidation(Fact, frozen=True, kw_only=True):
    """A debt that the exchange settled by force; ``effective_ns`` is when it began. ``amount`` units of ``asset`` were
    owed, ``fund_amount`` of it the exchange's fund paid. ``margin_level``: (assets - debt) / debt when it began.
    ``status`` open or closed. The tuples are the exchange's ids."""

    kind: ClassVar[str] = "liquidation"
    asset: str
    amount: Decimal
    fund_amount: Decimal | None = None
    margin_level: Decimal | None = None
    instrument: str | None = None
    status: str | None = None
    closed_ns: int | None = None
    orders_closed: tuple[str, ...] = ()
    orders_created: tuple[str, ...] = ()
    borrows_closed: tuple[str, ...] = ()
    repayments_created: tuple[str, ...] = ()


class FeeRate(Fact, frozen=True, kw_only=True):
    """A rule of fees. Rates are ratios of the trade's value (0.002 = 0.2 %). ``instrument`` and ``asset`` None: it
    holds for all. ``priority``: where several rules fit, the exchange takes the highest."""

    kind: ClassVar[str] = "fee_rate"
    maker_rate: Decimal
    taker_rate: Decimal
    fee_asset: str | None = None
    instrument: str | None = None
    asset: str | None = None
    priority: int | None = None
    active: bool | None = None
    valid_from_ns: int | None = None
    valid_until_ns: int | None = None


class SubAccount(Fact, frozen=True, kw_only=True):
    """A login or a sub-account of it. ``parent_id`` None for the master; ``email`` and ``name`` as registered."""

    kind: ClassVar[str] = "sub_account"
    name: str = ""
    email: str = ""
    parent_id: str | None = None


# ── market and reference ─────────────────────────────────────────────────────────────────────────────────────────


class Asset(Fact, frozen=True, kw_only=True):
    """A currency of the exchange; ``sign`` is how it draws it."""

    kind: ClassVar[str] = "asset"
    asset: str
    sign: str = ""


class Instrument(Fact, frozen=True, kw_only=True):
    """What can be traded. ``amount_digits`` and ``price_digits``: decimals that an order may have. ``amount_min,
    amount_max`` base units, ``cost_min`` quote units, of one order. ``type`` spot, linear, inverse or quanto; of a
    contract amounts are contracts: linear ones of ``multiplier`` base each, inverse ones of ``multiplier`` quote,
    quanto ones of ``multiplier`` settle assets for each whole of price. ``code``: the wire's own name. ``hash``: what
    signatures call it."""

    kind: ClassVar[str] = "instrument"
    instrument: str
    base: str
    quote: str
    amount_digits: int
    price_digits: int
    amount_min: Decimal | None = None
    amount_max: Decimal | None = None
    cost_min: Decimal | None = None
    type: str = "spot"
    settle: str | None = None
    multiplier: Decimal | None = None
    code: str | None = None
    hash: str | None = None
    price_step: Decimal | None = None
    position_max: Decimal | None = None
    leverage_max: Decimal | None = None
    funding_interval_s: int | None = None
    active: bool | None = None


class Ticker(Fact, frozen=True, kw_only=True):
    """Prices in quote per base, over the last 24 hours: ``last, bid, ask, high, low``; ``change`` absolute, signed;
    ``volume`` base units."""

    kind: ClassVar[str] = "ticker"
    instrument: str
    last: Decimal | None = None
    bid: Decimal | None = None
    ask: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    change: Decimal | None = None
    volume: Decimal | None = None
    mark: Decimal | None = None
    index: Decimal | None = None
    funding_rate: Decimal | None = None
    next_funding_ns: int | None = None
    open_interest: Decimal | None = None


class OrderBook(Fact, frozen=True, kw_only=True):
    """Levels of (price, amount), best first: price in quote per base, amount in base units."""

    kind: ClassVar[str] = "order_book"
    instrument: str
    bids: Amounts
    asks: Amounts


class Candle(Fact, frozen=True, kw_only=True):
    """Prices of one interval that starts at ``effective_ns``; ``volume`` base units."""

    kind: ClassVar[str] = "candle"
    instrument: str
    interval_s: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


class PublicTrade(Fact, frozen=True, kw_only=True):
    """A trade of anyone; ``side`` is the taker's."""

    kind: ClassVar[str] = "public_trade"
    instrument: str
    side: str
    price: Decimal
    amount: Decimal


class DepositMethod(Fact, frozen=True, kw_only=True):
    """A way in: ``attributes`` (address, memo, ...) are where to send; amounts in units of ``asset``."""

    kind: ClassVar[str] = "deposit_method"
    asset: str
    network: str
    attributes: dict[str, str] = msgspec.field(default_factory=dict)
    confirmations: int | None = None
    amount_min: Decimal | None = None
    amount_max: Decimal | None = None
    enabled: bool | None = None


class WithdrawMethod(Fact, frozen=True, kw_only=True):
    """A way out: ``attributes`` are the names that a request must give, with the pattern that each must match ("" for
    none). ``fee_rate`` a ratio, ``fee`` in ``fee_asset``, both paid on top; amounts in units of ``asset``."""

    kind: ClassVar[str] = "withdraw_method"
    asset: str
    network: str
    attributes: dict[str, str] = msgspec.field(default_factory=dict)
    fee_rate: Decimal | None = None
    fee: Decimal | None = None
    fee_asset: str | None = None
    amount_min: Decimal | None = None
    amount_max: Decimal | None = None
    enabled: bool | None = None


class ServerTime(Fact, frozen=True, kw_only=True):
    """The exchange's clock (``effective_ns``) and by how much it may differ from what was read, seconds."""

    kind: ClassVar[str] = "server_time"
    uncertainty_s: Decimal | None = None


KINDS: Final[Mapping[str, type[Fact]]] = {
    fact.kind: fact
    for fact in (
        Balance, Order, Fill, Entry, Transfer, Loan, Borrow, Repayment, Interest, Liquidation, MarginSummary, Position,
        FundingPayment, Snapshot, ClosedPosition, PositionEvent, Leverage, FeeRate, SubAccount, Asset, Instrument,
        Ticker, OrderBook, Candle, PublicTrade, DepositMethod, WithdrawMethod, ServerTime,
    )
}  # fmt: skip

# `str` spells what msgspec does not know by itself: the words of a wire that are none of ours (`values.Unknown`).
_ENCODER: Final = msgspec.json.Encoder(decimal_format="string", order="deterministic", enc_hook=str)
_DECODERS: Final = {kind: msgspec.json.Decoder(fact) for kind, fact in KINDS.items()}


def stamped(
    fact: FactT, *, exchange: str, account: str, observed_ns: int, page: int = 0, offset: int | None = None
) -> FactT:
    """The same fact with its stamp; a state without a time of its own is effective when it was seen."""
    return msgspec.structs.replace(
        fact,
        exchange=exchange,
        account=account,
        observed_ns=observed_ns,
        page=page,
        offset=fact.offset if offset is None else offset,
        effective_ns=observed_ns if fact.effective_ns is None else fact.effective_ns,
    )


def content(fact: Fact) -> bytes:
    """The canonical bytes of all but the stamp; equal content, equal bytes."""
    bare = msgspec.structs.replace(fact, exchange="", account="", observed_ns=0, page=0, offset=0)
    return _ENCODER.encode(bare)


def restore(kind: str, stored: bytes | str) -> Fact:
    """The fact that `content` wrote, without its stamp."""
    return _DECODERS[kind].decode(stored)


def digest(stored: bytes) -> bytes:
    """16 bytes that tell one content from another."""
    return hashlib.sha256(stored).digest()[:16]
