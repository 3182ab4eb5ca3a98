"""From GRVT's histories to our facts, one function per route; see ``read.py``. Its twin is ``serve_histories.py``.

What the wire counts positive when it is paid (funding) is positive when received here. Where rows have no id, one is
made of what tells them apart: a snapshot's sub-account and time, a funding payment's transaction and instrument (one
transaction may pay for several), a closed position's instrument, opening and side.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

import msgspec

from nostro.domain import records
from nostro.domain.values import EXACT, exact, exact_or_none
from nostro.exchanges.grvt import members, messages, orders, read, words
from nostro.link.commands import FUTURES
from nostro.link.declare import Query

DIRECTIONS: Final = {"deposit": "deposit", "withdrawal": "withdrawal"}


def snapshots(_: Query, answer: messages.Paged[messages.SubAccount]) -> Iterator[records.Snapshot]:
    for offset, row in enumerate(answer.result):
        time_ns = members.needed_time(row.event_time, "event_time")
        yield records.Snapshot(
            offset=offset,
            native_id=f"{row.sub_account_id}:{row.event_time}",
            effective_ns=time_ns,
            sub_account=row.sub_account_id,
            wallet=FUTURES,
            margin=read.summary(row),
            balances=tuple(read.spot_balances(row.spot_balances, sub_account=row.sub_account_id, time_ns=time_ns)),
            positions=tuple(read.position(each, number) for number, each in enumerate(row.positions)),
        )


def fills(_: Query, answer: messages.Paged[messages.Fill]) -> Iterator[records.Fill]:
    for offset, row in enumerate(answer.result):
        yield fill(row, offset)


def fill(row: messages.Fill, offset: int = 0) -> records.Fill:
    """``fee_rate`` is in percent on the wire, as captures show. A fee without a currency is in the quote's."""
    return records.Fill(
        offset=offset,
        native_id=row.trade_id,
        effective_ns=members.needed_time(row.event_time, "event_time"),
        sub_account=row.sub_account_id,
        wallet=FUTURES,
        instrument=words.instrument(row.instrument),
        side="buy" if row.is_buyer else "sell",
        price=exact(row.price, "price"),
        amount=exact(row.size, "size"),
        fee=exact(row.fee, "fee"),
        fee_asset=row.fee_currency or read.quote(row.instrument),
        fee_rate=EXACT.scaleb(exact(row.fee_rate, "fee_rate"), -read.PERCENT),
        maker=not row.is_taker,
        order_id=members.optional(row.order_id),
        realized_pnl=exact(row.realized_pnl, "realized_pnl"),
        mark_price=members.positive(row.mark_price, "mark_price"),
        index_price=members.positive(row.index_price, "index_price"),
        liquidation=row.is_liquidation,
        extra=members.extra(
            client_order_id=members.optional(row.client_order_id), venue=row.venue, signer=row.signer,
            builder=members.optional(row.builder), broker=row.broker,
        ),
    )  # fmt: skip


def order_history(_: Query, answer: messages.Paged[orders.Order]) -> Iterator[records.Order]:
    for offset, row in enumerate(answer.result):
        yield read.order(row, offset)


def funding_payments(_: Query, answer: messages.Paged[messages.FundingPayment]) -> Iterator[records.FundingPayment]:
    for offset, row in enumerate(answer.result):
        amount = members.turned(exact(row.amount, "amount"))
        assert amount is not None
        yield records.FundingPayment(
            offset=offset,
            native_id=f"{row.tx_id}:{row.instrument}",
            effective_ns=members.needed_time(row.event_time, "event_time"),
            sub_account=row.sub_account_id,
            wallet=FUTURES,
            instrument=words.instrument(row.instrument),
            asset=row.currency,
            amount=amount,
        )


def closed_positions(
    _: Query, answer: messages.Paged[messages.ApiPositionHistory]
) -> Iterator[records.ClosedPosition]:  # fmt: skip
    for offset, row in enumerate(answer.result):
        yield records.ClosedPosition(
            offset=offset,
            effective_ns=members.time(row.close_time, "close_time"),
            sub_account=row.sub_account_id,
            wallet=FUTURES,
            instrument=words.instrument(row.instrument),
            side="long" if row.is_long else "short",
            status=words.word(words.POSITION_CLOSE_STATUS, words.CLOSE_STATUSES, raw=row.status),
            opened_ns=members.time(row.open_time, "open_time"),
            closed_ns=members.time(row.close_time, "close_time"),
            entry_price=exact(row.entry_price, "entry_price"),
            exit_price=exact(row.exit_price, "exit_price"),
            mark_price=members.positive(row.position_close_mark_price, "position_close_mark_price"),
            realized_pnl=exact(row.realized_pnl, "realized_pnl"),
            unrealized_pnl=exact_or_none(row.unrealized_pnl, "unrealized_pnl"),
            fees=exact(row.cumulative_fee, "cumulative_fee"),
            funding=members.turned(
                exact(row.cumulative_realized_funding_payment, "cumulative_realized_funding_payment")
            ),
            closed_size=exact(row.closed_volume_base, "closed_volume_base"),
            closed_value=exact(row.closed_volume_quote, "closed_volume_quote"),
            size_max=exact(row.max_open_interest_base, "max_open_interest_base"),
            value_max=exact(row.max_open_interest_quote, "max_open_interest_quote"),
            initial_margin_sum=exact(row.cumulative_initial_margin, "cumulative_initial_margin"),
            initial_margin_max=exact(row.max_initial_margin, "max_initial_margin"),
            leverage=exact(row.leverage, "leverage"),
            margin_mode=words.word(words.POSITION_MARGIN_TYPE, words.MARGIN_MODES, raw=row.margin_type),
        )


# ── money that comes, goes and moves ─────────────────────────────────────────────────────────────────────────────


def deposits(_: Query, answer: messages.Paged[messages.DepositHistory]) -> Iterator[records.Transfer]:
    """The second layer's hash is the row's own; the first layer's is the transaction that brought it."""
    for offset, row in enumerate(answer.result):
        confirmed_ns = members.time(row.confirmed_time, "confirmed_time")
        yield records.Transfer(
            offset=offset,
            native_id=row.l_2_hash,
            effective_ns=members.needed_time(row.initiated_time, "initiated_time"),
            sub_account=words.FUNDING_ACCOUNT,
            wallet=read.FUNDING,
            direction="deposit",
            asset=row.currency,
            amount=exact(row.num_tokens, "num_tokens"),
            status="pending" if confirmed_ns is None else "done",
            tx_hash=members.optional(row.l_1_hash),
            extra=members.extra(from_address=row.from_address, to_account_id=row.to_account_id),
        )


def withdrawals(_: Query, answer: messages.Paged[messages.WithdrawalHistory]) -> Iterator[records.Transfer]:
    """Done once the first layer knows it; a fee is not in the row."""
    for offset, row in enumerate(answer.result):
        yield records.Transfer(
            offset=offset,
            native_id=row.tx_id,
            effective_ns=members.needed_time(row.event_time, "event_time"),
            sub_account=words.FUNDING_ACCOUNT,
            wallet=read.FUNDING,
            direction="withdrawal",
            asset=row.currency,
            amount=exact(row.num_tokens, "num_tokens"),
            status="done" if members.optional(row.l_1_hash) else "pending",
            tx_hash=members.optional(row.l_1_hash),
            extra=members.extra(to_eth_address=row.to_eth_address, l_2_hash=row.l_2_hash),
        )


def transfers(_: Query, answer: messages.Paged[messages.TransferHistory]) -> Iterator[records.Transfer]:
    for offset, row in enumerate(answer.result):
        yield transfer(row, offset)


def transfer(row: messages.TransferHistory, offset: int = 0) -> records.Transfer:
    """Between the funding account and itself it is one over a bridge, whose direction stands in its metadata."""
    outside = row.from_sub_account_id == row.to_sub_account_id == words.FUNDING_ACCOUNT
    direction = DIRECTIONS.get(_metadata(row).get("direction", "")) if outside else None
    ends = (_wallet(row.from_sub_account_id), _wallet(row.to_sub_account_id))
    return records.Transfer(
        offset=offset,
        native_id=row.tx_id,
        effective_ns=members.needed_time(row.event_time, "event_time"),
        sub_account=row.to_sub_account_id,
        wallet=ends[1],
        direction=direction or "internal",
        asset=row.currency,
        amount=exact(row.num_tokens, "num_tokens"),
        status="done",
        from_wallet=None if direction else ends[0],
        to_wallet=None if direction else ends[1],
        extra=members.extra(
            from_account_id=row.from_account_id, from_sub_account_id=row.from_sub_account_id,
            to_account_id=row.to_account_id, to_sub_account_id=row.to_sub_account_id, transfer_type=row.transfer_type,
            transfer_metadata=row.transfer_metadata,
        ),
    )  # fmt: skip


def _metadata(row: messages.TransferHistory) -> dict[str, Any]:
    """What the text says, nothing where it is no object of JSON."""
    with suppress(msgspec.DecodeError, UnicodeError, RecursionError):
        found = msgspec.json.decode(row.transfer_metadata or "{}")
        return found if isinstance(found, dict) else {}
    return {}


def _wallet(sub_account: str) -> str:
    return read.FUNDING if sub_account == words.FUNDING_ACCOUNT else FUTURES
