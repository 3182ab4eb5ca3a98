"""What happened, as the paper GRVT tells it: snapshots, fills, funding, closed positions, deposits, withdrawals,
transfers. It decides which rows a page has and what each says; how pages follow one another is ``cursors.py``'s. Its
twin is ``read_histories.py``.

*Ours*, because no document says it: bounds are inclusive; a deposit is confirmed when it began; index prices of fills
are their mark prices; the margin of a closed position is that of its entry.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import partial
from itertools import islice
from typing import Any, Final, TypeVar

from nostro.domain.values import DAY_NS, EXACT, ZERO
from nostro.exchanges.grvt import accounts, cursors, given, messages, words, written
from nostro.exchanges.grvt import serve_account as account
from nostro.link import contracts
from nostro.link import view as venue
from nostro.link.declare import Call
from nostro.link.view import VenueView

RETENTION_NS: Final = 30 * DAY_NS  # of snapshots; Source: seed, sub account history
RowT = TypeVar("RowT")
Newest = Callable[[int, int, int], Iterable[Any]]  # (since_ns, until_ns, count) to rows, newest first


def happened(row: Any) -> int:
    time_ns: int = row.time_ns
    return time_ns


def newest_of(rows: Iterable[RowT], count: int) -> Iterator[RowT]:
    """The last so many of rows that come oldest first, newest first."""
    return reversed(deque(rows, maxlen=count))


def paged(view: VenueView, call: Call, *, name: str, of: str, newest: Newest) -> tuple[list[Any], str]:
    """The rows that a message asks for, and the cursor of the rest."""
    place = given.place(call.message, history=name, of=of, now_ns=view.now_ns())
    return cursors.page(place, newest, when=happened)


# ── snapshots ────────────────────────────────────────────────────────────────────────────────────────────────────


def account_history(view: VenueView, call: Call) -> messages.Paged[messages.SubAccount]:
    """One row for each hour in which something was done, kept for 30 days."""
    user = accounts.sub_account(view, call)
    kept_ns = view.now_ns() - RETENTION_NS

    def newest(since_ns: int, until_ns: int, count: int) -> Iterator[contracts.VenueSnapshot]:
        first_ns = max(since_ns, kept_ns)
        return islice(view.snapshots(user, since_ns=first_ns, until_ns=until_ns, newest_first=True), count)

    rows, onward = paged(view, call, name="account_history", of=str(user), newest=newest)
    return messages.Paged(result=[account.sub_account(_then(view, row)) for row in rows], next=onward)


def _then(view: VenueView, row: contracts.VenueSnapshot) -> account.State:
    """A sub-account as it was; an asset that it did not hold has the price of now."""
    prices = dict(row.prices)

    def price(asset: str) -> Decimal:
        return prices[asset] if asset in prices else view.index_price(asset)

    return account.State(
        view, row.user, balances=row.balances, positions=row.positions, collateral=row.collateral, prices=price,
        time_ns=row.time_ns,
    )  # fmt: skip


# ── trading ──────────────────────────────────────────────────────────────────────────────────────────────────────


def of_symbols(rows: Callable[..., Iterable[Any]], wanted: frozenset[str] | None) -> Newest:
    """The newest rows of a history of the venue, of these symbols."""

    def newest(since_ns: int, until_ns: int, count: int) -> Iterator[Any]:
        symbol = next(iter(wanted)) if wanted is not None and len(wanted) == 1 else None
        found = rows(symbol=symbol, since_ns=since_ns, until_ns=until_ns)
        chosen = (row for row in found if wanted is None or row.instrument in wanted)
        return newest_of(chosen, count)

    return newest


def fill_history(view: VenueView, call: Call) -> messages.Paged[messages.Fill]:
    user = accounts.sub_account(view, call)
    wanted = given.selected(view, call.message)

    def newest(since_ns: int, until_ns: int, count: int) -> Iterable[venue.VenueFill]:
        if wanted is not None and len(wanted) != 1:
            return of_symbols(partial(view.fills, user), wanted)(since_ns, until_ns, count)
        symbol = next(iter(wanted)) if wanted else None
        rows = view.fills(user, symbol=symbol, since_ns=since_ns, until_ns=until_ns, newest=count)
        return newest_of(rows, count)

    rows, onward = paged(view, call, name="fill_history", of=str(user), newest=newest)
    signer = accounts.account_id(view, accounts.login(call))
    return messages.Paged(result=[fill(view, row, signer=signer) for row in rows], next=onward)


def fill(view: VenueView, row: venue.VenueFill, *, signer: str) -> messages.Fill:
    """``signer``: whose signature the order had; the venue keeps none, so that it is its main account's."""
    listed = account.contract(view, row.instrument)
    order = view.order(row.user, row.order_id)
    mark = row.price if row.mark is None else row.mark
    return messages.Fill(
        event_time=written.time(row.time_ns),
        sub_account_id=str(row.user),
        instrument=written.code(listed),
        is_buyer=row.side == "buy",
        is_taker=not row.maker,
        size=written.amount(row.amount),
        price=written.price(row.price),
        mark_price=written.price(mark),
        index_price=written.price(mark),
        interest_rate=written.amount(ZERO),
        forward_price=written.amount(ZERO),
        realized_pnl=written.quote(row.realized_pnl),
        fee=written.quote(row.fee),
        fee_rate=written.amount(EXACT.scaleb(row.fee_rate, 2)),
        trade_id=f"{row.id}-1",
        order_id=written.order_id(row.order_id),
        venue="ORDERBOOK",
        is_liquidation=row.liquidation,
        client_order_id=(order.client_id if order is not None else "") or "0",
        signer=signer,
        is_rpi=False,
        builder=words.NO_ADDRESS,
        builder_fee_rate=written.amount(ZERO),
        builder_fee=written.amount(ZERO),
        fee_currency=row.fee_asset,
    )


def funding_payment_history(view: VenueView, call: Call) -> messages.Paged[messages.FundingPayment]:
    user = accounts.sub_account(view, call)
    symbol = given.symbol(view, call.message.instrument)
    wanted = frozenset({symbol}) if symbol else given.selected(view, call.message)
    newest = of_symbols(partial(view.funding, user), wanted)
    rows, onward = paged(view, call, name="funding_payment_history", of=str(user), newest=newest)
    return messages.Paged(result=[funding_payment(view, row) for row in rows], next=onward)


def funding_payment(view: VenueView, row: contracts.VenueFunding) -> messages.FundingPayment:
    """Positive when paid: the venue's is positive when received."""
    return messages.FundingPayment(
        event_time=written.time(row.time_ns),
        sub_account_id=str(row.user),
        instrument=written.code(account.contract(view, row.instrument)),
        currency=row.asset,
        amount=written.quote(row.amount.copy_negate()),
        tx_id=str(row.id),
    )


def position_history(view: VenueView, call: Call) -> messages.Paged[messages.ApiPositionHistory]:
    """Those that are closed in part come first, on the first page of a question without bounds."""
    message, user = call.message, accounts.sub_account(view, call)
    wanted = given.selected(view, message)
    modes = given.members(words.POSITION_MARGIN_TYPE, message.margin_type, field="margin_type")
    statuses = given.members(words.POSITION_CLOSE_STATUS, message.status, field="status")
    both = bool(message.is_long) == bool(message.is_short)

    def chosen(row: Any, *, status: str, long: bool) -> bool:
        mode = words.MARGIN_MODES_WRITTEN[row.mode]
        return (
            (not modes or mode in modes)
            and (not statuses or status in statuses)
            and (both or long == bool(message.is_long))
            and (wanted is None or row.instrument in wanted)
        )

    def newest(since_ns: int, until_ns: int, count: int) -> Iterator[contracts.VenueClosed]:
        rows = view.closed(user, since_ns=since_ns, until_ns=until_ns)
        return newest_of((row for row in rows if chosen(row, status=_closed_as(row), long=row.long)), count)

    rows, onward = paged(view, call, name="position_history", of=str(user), newest=newest)
    ended = [closed(view, row) for row in rows]
    if message.cursor or message.start_time or message.end_time:
        return messages.Paged(result=ended, next=onward)
    open_ones = [row for row in view.positions(user) if row.size and row.exit_size]
    partly = [row for row in open_ones if chosen(row, status="PARTIALLY_CLOSED", long=row.size > 0)]
    partly.sort(key=lambda row: row.opened_ns or 0, reverse=True)
    return messages.Paged(result=[*(partly_closed(view, row) for row in partly), *ended], next=onward)


def _closed_as(row: contracts.VenueClosed) -> str:
    return "LIQUIDATED" if row.liquidated else "CLOSED"


def closed(view: VenueView, row: contracts.VenueClosed) -> messages.ApiPositionHistory:
    return _life(
        view, row, size=row.size, status=_closed_as(row), long=row.long, close_time=written.time(row.time_ns),
        position_close_mark_price=written.price(row.mark),
    )  # fmt: skip


def partly_closed(view: VenueView, row: contracts.VenuePosition) -> messages.ApiPositionHistory:
    return _life(
        view, row, size=row.exit_size, status="PARTIALLY_CLOSED", long=row.size > 0,
        unrealized_pnl=written.quote(row.unrealized),
    )  # fmt: skip


def _life(view: VenueView, row: Any, *, size: Decimal, **more: Any) -> messages.ApiPositionHistory:
    """What a position that ended and one that still lives have in common; ``size``: closed of it."""
    listed = account.contract(view, row.instrument)
    entry = account.EXACTLY.divide(row.exit_basis, by=size) or ZERO
    value_max = EXACT.multiply(row.size_max, written.PRICE.round(entry))
    leverage = row.leverage or account.leverage_max(listed, value_max)
    margin = account.EXACTLY.divide(value_max, by=leverage)
    return messages.ApiPositionHistory(
        sub_account_id=str(row.user),
        instrument=written.code(listed),
        open_time=written.time(row.opened_ns or 0),
        status=more.pop("status"),
        is_long=more.pop("long"),
        margin_type=words.MARGIN_MODES_WRITTEN[row.mode],
        entry_price=written.price(entry),
        exit_price=written.price(account.EXACTLY.divide(row.exit_value, by=size)),
        realized_pnl=written.quote(row.realized),
        cumulative_fee=written.quote(row.fees),
        cumulative_realized_funding_payment=written.quote(row.funding.copy_negate()),
        closed_volume_base=written.amount(size),
        closed_volume_quote=written.quote(row.exit_value),
        max_open_interest_base=written.amount(row.size_max),
        max_open_interest_quote=written.quote(value_max),
        cumulative_initial_margin=written.quote(margin),
        max_initial_margin=written.quote(margin),
        leverage=written.amount(leverage),
        **more,
    )


# ── money that comes, goes and moves ─────────────────────────────────────────────────────────────────────────────


def deposit_history(view: VenueView, call: Call) -> messages.Paged[messages.DepositHistory]:
    """*Ours*: one that was rejected stays, and is never confirmed; a row that was told does not go away."""
    main = accounts.main_account(view, call)

    def newest(since_ns: int, until_ns: int, count: int) -> Iterator[venue.VenueTransfer]:
        rows = view.transfers(main, "deposit", since_ns=since_ns, until_ns=until_ns)
        return newest_of((row for row in rows if _of(call, row.asset)), count)

    rows, onward = paged(view, call, name="deposit_history", of=str(main), newest=newest)
    return messages.Paged(result=[deposit(view, row) for row in rows], next=onward)


def _of(call: Call, asset: str) -> bool:
    return not call.message.currency or asset in call.message.currency


def deposit(view: VenueView, row: venue.VenueTransfer) -> messages.DepositHistory:
    return messages.DepositHistory(
        l_1_hash=row.tx_hash or "",
        l_2_hash=written.some_hash("deposit", row.id),
        to_account_id=accounts.address(view, row.user),
        currency=row.asset,
        num_tokens=written.amount(row.amount),
        initiated_time=written.time(row.time_ns),
        confirmed_time=written.time(row.time_ns) if row.status == "confirmed" else "",
        from_address=written.some_hash("depositor", row.user)[:42],
    )


def withdrawal_history(view: VenueView, call: Call) -> messages.Paged[messages.WithdrawalHistory]:
    """*Ours*: one that was refused stays, and never gets a transaction of the first layer."""
    main = accounts.main_account(view, call)

    def newest(since_ns: int, until_ns: int, count: int) -> Iterator[venue.VenueTransfer]:
        rows = view.transfers(main, "withdrawal", since_ns=since_ns, until_ns=until_ns)
        return newest_of((row for row in rows if _of(call, row.asset)), count)

    rows, onward = paged(view, call, name="withdrawal_history", of=str(main), newest=newest)
    return messages.Paged(result=[withdrawal(view, row) for row in rows], next=onward)


def withdrawal(view: VenueView, row: venue.VenueTransfer) -> messages.WithdrawalHistory:
    return messages.WithdrawalHistory(
        tx_id=str(row.id),
        from_account_id=accounts.address(view, row.user),
        to_eth_address=recipient(row.user),
        currency=row.asset,
        num_tokens=written.amount(row.amount),
        signature=no_signature(accounts.address(view, row.user), row.time_ns),
        event_time=written.time(row.time_ns),
        l_1_hash=row.tx_hash or "" if row.status == "done" else "",
        l_2_hash=written.some_hash("withdrawal", row.id),
    )


def recipient(user: int) -> str:
    """An address that the venue does not tell."""
    return written.some_hash("recipient", user)[:42]


def no_signature(signer: str, expiration_ns: int = 0) -> messages.Signature:
    """In the place of one that the venue did not keep."""
    nothing = f"0x{0:064x}"
    return messages.Signature(
        signer=signer, r=nothing, s=nothing, v=27, expiration=written.time(expiration_ns), nonce=0, chain_id="0"
    )


def transfer_history(view: VenueView, call: Call) -> messages.Paged[messages.TransferHistory]:
    """Between the main account and the sub-accounts that the login sees."""
    message = call.message
    main, asked = accounts.main_account(view, call), accounts.login(call)
    users = sorted({main, *accounts.sub_accounts(view, asked)})
    types = given.members(words.TRANSFER_TYPE, message.transfer_types, field="transfer_types")
    wanted = given.number(message.tx_id, "tx_id")

    def newest(since_ns: int, until_ns: int, count: int) -> Iterator[contracts.VenueMove]:
        runs = [view.moves(user, since_ns=since_ns, until_ns=until_ns) for user in users]
        rows = {row.id: row for row in heapq.merge(*runs, key=lambda row: (row.time_ns, row.id))}.values()
        chosen = (row for row in rows if _of(call, row.asset) and wanted in (0, row.id))
        return newest_of(chosen if not types or "STANDARD" in types else (), count)

    rows, onward = paged(view, call, name="transfer_history", of=str(main), newest=newest)
    account_id = accounts.account_id(view, asked)
    return messages.Paged(result=[transfer(row, account_id) for row in rows], next=onward)


def transfer(row: contracts.VenueMove, account_id: str) -> messages.TransferHistory:
    """Both ends are the same main account's."""
    from_sub = accounts.sub_account_of(row.from_user, row.from_wallet)
    to_sub = accounts.sub_account_of(row.to_user, row.to_wallet)
    return messages.TransferHistory(
        tx_id=str(row.id),
        from_account_id=account_id,
        from_sub_account_id=from_sub,
        to_account_id=account_id,
        to_sub_account_id=to_sub,
        currency=row.asset,
        num_tokens=written.amount(row.amount),
        signature=no_signature(account_id, row.time_ns),
        event_time=written.time(row.time_ns),
        transfer_type="STANDARD",
        transfer_metadata="",
        from_wallet_type=_wallet_type(from_sub),
        to_wallet_type=_wallet_type(to_sub),
    )


def _wallet_type(sub_account: str) -> str:
    return "FUNDING" if sub_account == words.FUNDING_ACCOUNT else "FUTURES"
