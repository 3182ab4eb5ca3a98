"""From ALP.COM's answers to our facts, one function per route. It decides what each member means; it takes every form
of every dialect, so it has no switches. Its twin is ``serve.py``, function by function; margin stands in
``read_margin.py``, what writes answer in ``do.py``.

Facts come in the order of the answer, unstamped, with their ``offset``. What has no word of ours stands in ``extra``. A
member that says something impossible raises `values.Malformed` (a ValueError) that names it.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from nostro.domain import records
from nostro.domain.values import ZERO, exact, exact_or_none, parse_time, token
from nostro.exchanges.alp import members, messages, words
from nostro.exchanges.alp.read_margin import added_up
from nostro.link.declare import Query


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
            effective_ns=members.moment(row.timestamp, "timestamp"),
            instrument=words.instrument(row.pair),
            last=members.price(row.last, "last"),
            bid=members.price(row.buy, "buy"),
            ask=members.price(row.sell, "sell"),
            high=members.price(row.high, "high"),
            low=members.price(row.low, "low"),
            change=exact_or_none(row.diff, "diff"),
            volume=exact_or_none(row.vol, "vol"),
            extra=members.extra(
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
            effective_ns=members.moment(row.time, "time"),
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
            effective_ns=members.moment(row.timestamp, "timestamp"),
            instrument=words.instrument(row.pair),
            side=token(words.SIDES, row.type),
            price=exact(row.price, "price"),
            amount=exact(row.amount, "amount"),
            extra=members.extra(account_id=row.account_id),
        )


def time(_: Query, answer: messages.ServerTime) -> Iterator[records.ServerTime]:
    """Whole seconds, so off by up to one."""
    yield records.ServerTime(effective_ns=members.moment(answer.serverTime, "serverTime"), uncertainty_s=Decimal(1))


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
    yield from added_up(_balances(answer), _both)


def _both(one: records.Balance, other: records.Balance) -> records.Balance:
    changed_ns = [each.updated_ns for each in (one, other) if each.updated_ns is not None]
    return msgspec.structs.replace(
        one,
        total=members.total(one.total, other.total),
        used=members.total(one.used, other.used),
        free=members.total(one.free, other.free),
        updated_ns=max(changed_ns, default=None),
    )


def _balances(answer: list[messages.Balance]) -> Iterator[records.Balance]:
    for offset, row in enumerate(answer):
        total, used = exact(row.balance, "balance"), exact(row.reserve, "reserve")
        yield records.Balance(
            offset=offset,
            sub_account=str(row.account_id),
            wallet=words.wallet(row.wallet_type, row.pair),
            asset=row.currency,
            total=total,
            used=used,
            free=members.less(total, used),
            updated_ns=members.time(row.last_update_at, "last_update_at"),
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
            valid_from_ns=members.time(valid_from, "active_once"),
            valid_until_ns=members.time(valid_until, "active_once"),
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
        wallet=words.wallet(row.wallet_type, row.pair),
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
        remaining=members.less(amount, filled, canceled),
        price=members.price(row.price, "price"),
        stop_price=members.price(row.stop_price, "stop_price"),
        opened_ns=members.time(row.open_at, "open_at"),
        updated_ns=members.time(row.updated_at, "updated_at"),
        done_ns=members.time(row.done_at, "done_at"),
        expires_ns=members.time(row.expire_after, "expire_after"),
    )


def account_trades(query: Query, answer: list[messages.AccountTrade]) -> Iterator[records.Fill]:
    """The side is the one asked for. ``amount_unfilled`` and ``status`` are states of the order, not of the fill."""
    side = query.where["side"]
    for offset, row in enumerate(answer):
        yield records.Fill(
            offset=offset,
            sub_account=str(row.account_id),
            wallet=words.wallet(row.wallet_type, row.pair),
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
            extra=members.extra(amount_unfilled=row.amount_unfilled, status=row.status, currency=row.currency),
        )


def short_trades(_: Query, answer: list[messages.ShortTrade]) -> Iterator[records.Fill]:
    """2026 has the wallet SPOT alone, and does not say in which asset the fee is."""
    for offset, row in enumerate(answer):
        yield records.Fill(
            offset=offset,
            wallet="spot",
            native_id=str(row.id),
            effective_ns=members.moment(row.timestamp, "timestamp"),
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
            wallet=words.wallet(row.wallet_type, row.pair),
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
            extra=members.extra(wallet_id=row.wallet_id, op_type=row.op_type, last_update_at=row.last_update_at),
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
            tx_hash=members.optional(row.tx_hash),
            extra=members.extra(status=row.status),
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
            extra=members.extra(**{f"value:{name}": each.value for name, each in named}),
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
            tx_hash=members.optional(row.tx_hash),
            extra=members.extra(status=row.status),
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
        amount=members.less(ZERO, fact.amount),
        status="done",
    )
