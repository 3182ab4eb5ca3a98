"""From ALP.COM's answers to our facts, one function per route. It decides what each member means; it takes every form
of every dialect, so it has no switches. Its twin is ``serve.py``, function by function.

Facts come in the order of the answer, unstamped, with their ``offset``. What has no word of ours stands in ``extra``. A
member that says something impossible raises `values.Malformed` (a ValueError) that names it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from msgspec import Raw

from nostro.domain import records
from nostro.domain.values import (
    ABSENT,
    EXACT,
    ZERO,
    canonical,
    exact,
    exact_or_none,
    parse_time,
    seconds_to_ns,
    token,
)  # fmt: skip
from nostro.exchanges.alp import messages, words
from nostro.link.declare import Query
from nostro.link.view import CancelAll, CancelOrders, PlaceOrder, RequestWithdrawal

_NEVER: Final = re.compile(r"[3-9][0-9]{3}-[0-9]{2}-[0-9]{2}[T ][0-9:.]{8,18}(Z|[+-][0-9:]{4,5})", re.ASCII)


# ── members ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _time(text: Any, field: str) -> int | None:
    """A time that may be missing: absent, null, or empty as in the document's examples. From the year 3000 on it means
    never (the client's default for ``expire_after``)."""
    if not isinstance(text, str) or not text or _NEVER.fullmatch(text):
        return None
    return parse_time(text, field)


def _moment(seconds: Raw, field: str) -> int:
    return seconds_to_ns(exact(seconds, field), field)


def _price(number: Raw, field: str) -> Decimal | None:
    """A price where 0 stands for none: market orders, and markets without a trade or an order."""
    return exact_or_none(number, field) or None


def _less(amount: Decimal, *parts: Decimal) -> Decimal:
    """What is left of an amount, in its one form: equal facts are equal bytes."""
    for part in parts:
        amount = EXACT.subtract(amount, part)
    return Decimal(canonical(amount))


def _extra(**members: object) -> dict[str, str]:
    """Members without a word of ours, as text; what is missing is left out."""
    shown: dict[str, str] = {}
    for name, member in members.items():
        value = _text(member) if isinstance(member, Raw) else member
        if isinstance(value, str | int) and value != "":
            shown[name] = str(value)
    return shown


def _text(number: Raw) -> str | None:
    return None if number is ABSENT or bytes(number) == b"null" else bytes(number).decode().strip('"')


def _asked_for(query: Query, order: records.Order) -> bool:
    """Whether an order is among those asked for: in 2026 the route takes no filter, so its answer is filtered here."""
    where = query.where
    return (
        where.get("instrument", order.instrument) == order.instrument
        and where.get("side", order.side) == order.side
        and (where.get("open_only", "false") == "false" or order.status not in words.ORDERS_END)
    )


# ── public ───────────────────────────────────────────────────────────────────────────────────────────────────────


def currencies(_: Query, answer: list[messages.Currency]) -> Iterator[records.Asset]:
    for offset, row in enumerate(answer):
        yield records.Asset(offset=offset, asset=row.short_name, sign=row.sign)


def pairs(_: Query, answer: list[messages.Pair]) -> Iterator[records.Instrument]:
    for offset, row in enumerate(answer):
        yield records.Instrument(
            offset=offset,
            instrument=words.instrument(row.name),
            base=row.currency1,
            quote=row.currency2,
            amount_digits=row.amount_precision,
            price_digits=row.price_precision,
            amount_min=exact(row.minimum_order_size, "minimum_order_size"),
            amount_max=exact(row.maximum_order_size, "maximum_order_size"),
            cost_min=exact(row.minimum_order_value, "minimum_order_value"),
        )


def ticker(_: Query, answer: list[messages.Ticker] | messages.Ticker) -> Iterator[records.Ticker]:
    for offset, row in enumerate(answer if isinstance(answer, list) else [answer]):
        yield records.Ticker(
            offset=offset,
            effective_ns=_moment(row.timestamp, "timestamp"),
            instrument=words.instrument(row.pair),
            last=_price(row.last, "last"),
            bid=_price(row.buy, "buy"),
            ask=_price(row.sell, "sell"),
            high=_price(row.high, "high"),
            low=_price(row.low, "low"),
            change=exact_or_none(row.diff, "diff"),
            volume=exact_or_none(row.vol, "vol"),
            extra=_extra(
                open=row.open,
                diff_percent=row.diff_percent,
                price_precision=row.price_precision,
                amount_precision=row.amount_precision,
            ),
        )


def order_book(query: Query, answer: messages.OrderBook) -> Iterator[records.OrderBook]:
    """The answer does not name its pair: it is the one asked for."""
    yield records.OrderBook(
        instrument=query.where["instrument"], bids=_levels(answer.buy, "buy"), asks=_levels(answer.sell, "sell")
    )


def _levels(levels: list[messages.Level], side: str) -> records.Amounts:
    return tuple((exact(row.price, f"{side}.price"), exact(row.amount, f"{side}.amount")) for row in levels)


def charts(query: Query, answer: list[messages.Candle]) -> Iterator[records.Candle]:
    for offset, row in enumerate(answer):
        yield records.Candle(
            offset=offset,
            effective_ns=_moment(row.time, "time"),
            instrument=query.where["instrument"],
            interval_s=int(query.where["interval_s"]),
            open=exact(row.open, "open"),
            high=exact(row.high, "high"),
            low=exact(row.low, "low"),
            close=exact(row.close, "close"),
            volume=exact(row.volume, "volume"),
        )


def trades(_: Query, answer: list[messages.Trade]) -> Iterator[records.PublicTrade]:
    for offset, row in enumerate(answer):
        yield records.PublicTrade(
            offset=offset,
            native_id=str(row.id),
            effective_ns=_moment(row.timestamp, "timestamp"),
            instrument=words.instrument(row.pair),
            side=token(words.SIDES, row.type),
            price=exact(row.price, "price"),
            amount=exact(row.amount, "amount"),
            extra=_extra(account_id=row.account_id),
        )


def time(_: Query, answer: messages.ServerTime) -> Iterator[records.ServerTime]:
    """Whole seconds, so off by up to one."""
    yield records.ServerTime(effective_ns=_moment(answer.serverTime, "serverTime"), uncertainty_s=Decimal(1))


# ── the account ──────────────────────────────────────────────────────────────────────────────────────────────────


def accounts(_: Query, answer: list[messages.Account]) -> Iterator[records.SubAccount]:
    for offset, row in enumerate(answer):
        parent = row.parent_id if isinstance(row.parent_id, int) else None
        yield records.SubAccount(
            offset=offset,
            native_id=str(row.id),
            sub_account=str(row.id),
            name=row.name,
            email=row.email,
            parent_id=None if parent is None else str(parent),
        )


def balances(_: Query, answer: list[messages.Balance]) -> Iterator[records.Balance]:
    """``free`` is what the document calls available: balance minus reserve."""
    for offset, row in enumerate(answer):
        total, used = exact(row.balance, "balance"), exact(row.reserve, "reserve")
        yield records.Balance(
            offset=offset,
            sub_account=str(row.account_id),
            wallet=token(words.WALLETS, row.wallet_type),
            asset=row.currency,
            total=total,
            used=used,
            free=_less(total, used),
            updated_ns=_time(row.last_update_at, "last_update_at"),
        )


def fees(_: Query, answer: list[messages.AccountFee]) -> Iterator[records.FeeRate]:
    for offset, row in enumerate(answer):
        valid_from, valid_until, *_rest = (*row.active_once, "", "")
        pair = words.instrument(str(row.pair)) if isinstance(row.pair, str | int) else None
        yield records.FeeRate(
            offset=offset,
            sub_account=str(row.account_id),
            maker_rate=exact(row.maker_fee_rate, "maker_fee_rate"),
            taker_rate=exact(row.taker_fee_rate, "taker_fee_rate"),
            fee_asset=row.fee_currency,
            instrument=pair,
            asset=str(row.currency) if isinstance(row.currency, str | int) else None,
            priority=row.priority,
            active=row.is_active,
            valid_from_ns=_time(valid_from, "active_once"),
            valid_until_ns=_time(valid_until, "active_once"),
        )


def orders(query: Query, answer: list[messages.Order]) -> Iterator[records.Order]:
    for offset, row in enumerate(answer):
        order = _order(offset, row)
        if _asked_for(query, order):
            yield order


def _order(offset: int, row: messages.Order) -> records.Order:
    amount = exact(row.amount, "amount")
    filled, canceled = exact(row.amount_filled, "amount_filled"), exact(row.amount_canceled, "amount_canceled")
    time_in_force = None if row.tif in ("", words.NO_TIME_IN_FORCE) else token(words.TIMES_IN_FORCE, row.tif)
    placed_ns = parse_time(row.date, "date")
    return records.Order(
        offset=offset,
        sub_account=str(row.account_id),
        wallet=token(words.WALLETS, row.wallet_type),
        native_id=str(row.id),
        effective_ns=placed_ns,
        instrument=words.instrument(row.pair),
        side=token(words.SIDES, row.side),
        type=token(words.TYPES, row.type),
        status=token(words.ORDER_STATUSES, row.status),
        time_in_force=time_in_force,
        amount=amount,
        filled=filled,
        canceled=canceled,
        remaining=_less(amount, filled, canceled),
        price=_price(row.price, "price"),
        stop_price=_price(row.stop_price, "stop_price"),
        opened_ns=_time(row.open_at, "open_at"),
        updated_ns=_time(row.updated_at, "updated_at"),
        done_ns=_time(row.done_at, "done_at"),
        expires_ns=_time(row.expire_after, "expire_after"),
    )


def account_trades(query: Query, answer: list[messages.AccountTrade]) -> Iterator[records.Fill]:
    """The side is the one asked for. ``amount_unfilled`` and ``status`` are states of the order, not of the fill."""
    side = query.where["side"]
    for offset, row in enumerate(answer):
        yield records.Fill(
            offset=offset,
            sub_account=str(row.account_id),
            wallet=token(words.WALLETS, row.wallet_type),
            effective_ns=parse_time(row.date, "date"),
            instrument=words.instrument(row.pair),
            side=side,
            price=exact(row.price, "price"),
            amount=exact(row.amount, "amount"),
            fee=exact(row.fee_amount, "fee_amount"),
            fee_asset=row.fee_currency,
            fee_rate=exact(row.fee_rate, "fee_rate"),
            maker=row.is_maker,
            order_type=token(words.TYPES, row.type),
            extra=_extra(amount_unfilled=row.amount_unfilled, status=row.status, currency=row.currency),
        )


def short_trades(_: Query, answer: list[messages.ShortTrade]) -> Iterator[records.Fill]:
    """2026 has the wallet SPOT alone, and does not say in which asset the fee is."""
    for offset, row in enumerate(answer):
        yield records.Fill(
            offset=offset,
            wallet="spot",
            native_id=str(row.id),
            effective_ns=_moment(row.timestamp, "timestamp"),
            instrument=words.instrument(row.pair),
            side=token(words.SIDES, row.side),
            price=exact(row.price, "price"),
            amount=exact(row.amount, "amount"),
            fee=exact(row.fee, "fee"),
            order_id=str(row.order_id),
        )


def activity(_: Query, answer: list[messages.Activity]) -> Iterator[records.Entry]:
    for offset, row in enumerate(answer):
        yield records.Entry(
            offset=offset,
            sub_account=str(row.account_id),
            wallet=token(words.WALLETS, row.wallet_type),
            native_id=str(row.id),
            effective_ns=parse_time(row.date, "date"),
            asset=row.currency,
            type=row.type.lower(),
            amount=exact(row.balance_delta, "balance_delta"),
            before=exact(row.balance, "balance"),
            after=exact(row.balance_end, "balance_end"),
            held_amount=exact(row.reserve_delta, "reserve_delta"),
            held_before=exact(row.reserve, "reserve"),
            held_after=exact(row.reserve_end, "reserve_end"),
            extra=_extra(wallet_id=row.wallet_id, op_type=row.op_type, last_update_at=row.last_update_at),
        )


# ── deposits and withdrawals ─────────────────────────────────────────────────────────────────────────────────────


def deposit_methods(_: Query, answer: list[messages.DepositMethod]) -> Iterator[records.DepositMethod]:
    for offset, row in enumerate(answer):
        yield records.DepositMethod(
            offset=offset,
            asset=row.currency,
            network=row.network,
            attributes={str(each.key or ""): str(each.value or "") for each in row.attributes},
            confirmations=row.confirmations,
            amount_min=exact(row.min_deposit, "min_deposit"),
            amount_max=exact(row.max_deposit, "max_deposit"),
            enabled=row.is_enabled,
        )


def deposits(_: Query, answer: list[messages.Deposit]) -> Iterator[records.Transfer]:
    for offset, row in enumerate(answer):
        yield records.Transfer(
            offset=offset,
            native_id=str(row.id),
            effective_ns=parse_time(row.date, "date"),
            direction="deposit",
            asset=row.currency,
            amount=exact(row.amount, "amount"),
            status=token(words.DEPOSIT_STATUSES, row.status),
            tx_hash=row.tx_hash if isinstance(row.tx_hash, str) and row.tx_hash else None,
            extra=_extra(status=row.status),
        )


def withdraw_methods(_: Query, answer: list[messages.WithdrawMethod]) -> Iterator[records.WithdrawMethod]:
    """An attribute's name stands in ``field`` (client) or ``key`` (document), its pattern in ``regex``; what the
    document calls its ``value`` has no meaning there and goes to ``extra``."""
    for offset, row in enumerate(answer):
        named = [(str(each.field or each.key or ""), each) for each in row.attributes]
        yield records.WithdrawMethod(
            offset=offset,
            native_id=str(row.id),
            asset=row.currency,
            network=row.network,
            attributes={name: str(each.regex or "") for name, each in named},
            fee_rate=exact(row.fee_rate, "fee_rate"),
            fee=exact(row.fee_amount, "fee_amount"),
            fee_asset=row.fee_currency,
            amount_min=exact(row.min_withdraw, "min_withdraw"),
            amount_max=exact(row.max_withdraw, "max_withdraw"),
            enabled=row.is_enabled,
            extra=_extra(**{f"value:{name}": each.value for name, each in named}),
        )


def withdrawals(_: Query, answer: list[messages.Withdrawal]) -> Iterator[records.Transfer]:
    for offset, row in enumerate(answer):
        yield records.Transfer(
            offset=offset,
            native_id=str(row.id),
            effective_ns=parse_time(row.date, "date"),
            direction="withdrawal",
            asset=row.currency,
            amount=exact(row.amount, "amount"),
            fee=exact(row.fee_amount, "fee_amount"),
            fee_asset=row.fee_currency,
            status=token(words.WITHDRAW_STATUSES, row.status),
            tx_hash=row.tx_hash if isinstance(row.tx_hash, str) and row.tx_hash else None,
            extra=_extra(status=row.status),
        )


def withdrawal_of_entry(fact: records.Fact) -> records.Fact | None:
    """A withdrawal as the ledger shows it, for keys that may not read withdrawals: when it left, and what left; its
    own id, fee and hash are not there."""
    if not isinstance(fact, records.Entry) or fact.type != "withdrawal":
        return None
    return records.Transfer(
        offset=fact.offset,
        sub_account=fact.sub_account,
        wallet=fact.wallet,
        native_id=f"entry:{fact.native_id}",
        effective_ns=fact.effective_ns,
        direction="withdrawal",
        asset=fact.asset,
        amount=_less(ZERO, fact.amount),
        status="done",
    )


# ── what a write acknowledges ────────────────────────────────────────────────────────────────────────────────────


def place(command: PlaceOrder, answer: list[int]) -> Iterator[records.Order]:
    """The new ids; that the order was taken is all that is known of its state."""
    for offset, order_id in enumerate(answer):
        yield records.Order(
            offset=offset,
            wallet=command.wallet,
            native_id=str(order_id),
            instrument=command.instrument,
            side=command.side,
            type=command.type,
            time_in_force=command.time_in_force,
            amount=command.amount,
            quote_amount=command.quote_amount,
            price=command.price,
            stop_price=command.stop_price,
            stop_operator=command.stop_operator,
            client_id=command.client_id or None,
            expires_ns=min(filter(None, (command.valid_till_ns, command.expire_after_ns)), default=None),
        )


def cancel(_: CancelOrders | CancelAll, answer: dict[str, str]) -> Iterator[records.Order]:
    """One row for each id that the answer names: canceled, or `Unknown` ("order not found"). All else about the order
    is not in the answer."""
    for offset, (order_id, said) in enumerate(answer.items()):
        status = token(words.ORDER_STATUSES, said)
        yield records.Order(offset=offset, native_id=order_id, instrument="", side="", type="", status=status)


def withdraw(command: RequestWithdrawal, _: Any) -> Iterator[records.Transfer]:
    """The answer is not documented; that there is one means that the request was taken. It names no id and no asset."""
    yield records.Transfer(
        direction="withdrawal",
        asset="",
        amount=command.amount,
        status="pending",
        client_id=command.client_id or None,
        extra={"method": canonical(Decimal(command.method))},
    )
