"""The engine's state as bytes and back. It decides the form of a snapshot: only what is open, each list in a fixed
order, so that equal states give equal bytes. Sums that 64 bits may not hold are written as text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from nostro.paper.venue.book import LONG_SIDE, SHORT_SIDE, Order
from nostro.paper.venue.contracts import BOTH, LONG, SHORT, Contract
from nostro.paper.venue.loans import Borrow, Loan
from nostro.paper.venue.positions import position_of
from nostro.paper.venue.rows import BorrowRow, OrderRow, TransferRow, order_row
from nostro.paper.venue.transfers import Transfer
from nostro.paper.venue.wallets import User, Wallet, key_of

if TYPE_CHECKING:
    from nostro.paper.venue.book import Market
    from nostro.paper.venue.engine import Engine
    from nostro.paper.venue.positions import Position


class _Snapshot(msgspec.Struct, frozen=True, array_like=True):
    """``users``: (id, maker_ppm, taker_ppm, parent, portfolio); ``wallets``: (user, key, id, total, held, updated_ns);
    ``orders``: (row, cost, hold, sequence), open ones only; ``loans``: (user, key, id); ``borrows``: (row, amount,
    repaid, accrued, paid), open ones only; ``contracts``: (id, mark, funding rate); ``positions``: (user, instrument,
    side, isolated, leverage, opened_ns, updated_ns, and what `_SUMS` names), the house's too; ``traders``: users of
    contracts, and of them ``stirred``: to be noted down at the next full hour."""

    at_ns: int
    counters: tuple[int, ...]
    external: tuple[str, ...]
    fees: tuple[str, ...]
    lend: tuple[str, ...]
    insurance: tuple[str, ...]
    index: tuple[int, ...]
    last: tuple[tuple[int, int | None], ...]
    users: tuple[tuple[int, int, int, int | None, bool], ...]
    wallets: tuple[tuple[int, int, int, str, str, int], ...]
    orders: tuple[tuple[OrderRow, str, str, int], ...]
    transfers: tuple[tuple[TransferRow, str, str], ...]
    loans: tuple[tuple[int, int, int], ...]
    borrows: tuple[tuple[BorrowRow, str, str, str, str], ...]
    clearing: tuple[str, ...]
    rounding: tuple[str, ...]
    contracts: tuple[tuple[int, int, int], ...]
    positions: tuple[tuple[int, int, int, bool, int | None, int | None, int, tuple[str, ...]], ...]
    traders: tuple[int, ...]
    stirred: tuple[int, ...]


_SUMS: Final = (
    "size", "basis", "exit_lots", "exit_value", "exit_basis", "realized", "fees", "funding", "size_max",
    "realized_ever",
)  # fmt: skip


def encode(engine: Engine) -> bytes:
    """The snapshot of the state between two commands."""
    ledger, matching, transfers, loans = engine.ledger, engine.matching, engine.transfers, engine.loans
    under_way = [(each, False) for each in transfers.deposits.values()]
    under_way += [(each, True) for each in transfers.withdrawals.values()]
    snapshot = _Snapshot(
        at_ns=ledger.at_ns,
        counters=(
            matching.orders_made, matching.trades_made, matching.sequence, ledger.entries_made, ledger.wallets_made,
            transfers.deposits_made, transfers.withdrawals_made, engine.margin.movements_made, loans.loans_made,
            loans.borrows_made, loans.repayments_made, loans.interest_made, engine.liquidation.made,
            engine.futures.moves_made, engine.hours.rows_made, engine.hours.noted_made, engine.forced.made,
            matching.clearing.closed_made,
        ),
        external=tuple(map(str, ledger.external)),
        fees=tuple(map(str, ledger.fees)),
        lend=tuple(map(str, ledger.lend)),
        insurance=tuple(map(str, ledger.insurance)),
        index=tuple(engine.index.prices),
        last=tuple((market.id, market.last) for market in engine.markets.values()),
        users=tuple(
            (user.id, user.maker_ppm, user.taker_ppm, user.parent, user.portfolio) for user in engine.users.values()
        ),
        wallets=tuple(
            (user.id, key, wallet.id, str(wallet.total), str(wallet.held), wallet.updated_ns)
            for user in engine.users.values()
            for key, wallet in sorted(user.wallets.items())
        ),
        orders=tuple(
            ((*order_row(order)[:14], 0, *order_row(order)[15:]), str(order.cost), str(order.hold), order.sequence)
            for _, order in sorted(matching.orders.items())
        ),
        transfers=tuple(
            ((*each.row(withdrawal=out)[:4], 0, 0, *each.row(withdrawal=out)[6:]), str(each.amount), str(each.fee))
            for each, out in sorted(under_way, key=lambda pair: (pair[1], pair[0].id))
        ),
        loans=tuple(
            (user.id, key, loan.id) for user in engine.users.values() for key, loan in sorted(user.loans.items())
        ),
        borrows=tuple(_borrowed(borrow) for _, borrow in sorted(loans.borrows.items())),
        clearing=tuple(map(str, ledger.clearing)),
        rounding=tuple(map(str, ledger.rounding)),
        contracts=tuple((each.id, each.mark, each.rate) for each in engine.futures.contracts.values()),
        positions=tuple(
            _positioned(position)
            for user in (matching.clearing.house, *engine.users.values())
            for _, position in sorted(user.positions.items())
            if position.updated_ns
        ),
        traders=tuple(user.id for user in engine.users.values() if user.contracts),
        stirred=tuple(sorted(engine.hours.stirred)),
    )  # fmt: skip
    return msgspec.msgpack.encode(snapshot)


def _borrowed(borrow: Borrow) -> tuple[BorrowRow, str, str, str, str]:
    row = borrow.row()
    return (*row[:4], 0, 0, 0, 0, *row[8:]), str(row[4]), str(row[5]), str(row[6]), str(row[7])


def _positioned(
    position: Position,
) -> tuple[int, int, int, bool, int | None, int | None, int, tuple[str, ...]]:
    return (
        position.user.id, position.contract.id, position.side, position.isolated, position.leverage,
        position.opened_ns, position.updated_ns, tuple(str(getattr(position, name)) for name in _SUMS),
    )  # fmt: skip


def decode(engine: Engine, data: bytes) -> None:
    """Fills a new engine of the same profile."""
    snapshot = msgspec.msgpack.decode(data, type=_Snapshot)
    ledger, matching, transfers, loans = engine.ledger, engine.matching, engine.transfers, engine.loans
    ledger.at_ns = snapshot.at_ns
    (
        matching.orders_made, matching.trades_made, matching.sequence, ledger.entries_made, ledger.wallets_made,
        transfers.deposits_made, transfers.withdrawals_made, engine.margin.movements_made, loans.loans_made,
        loans.borrows_made, loans.repayments_made, loans.interest_made, engine.liquidation.made,
        engine.futures.moves_made, engine.hours.rows_made, engine.hours.noted_made, engine.forced.made,
        matching.clearing.closed_made,
    ) = snapshot.counters  # fmt: skip
    ledger.external[:] = map(int, snapshot.external)
    ledger.fees[:] = map(int, snapshot.fees)
    ledger.lend[:] = map(int, snapshot.lend)
    ledger.insurance[:] = map(int, snapshot.insurance)
    for asset, price in enumerate(snapshot.index):
        engine.index.set(asset, price)
    markets = {market.id: market for market in engine.markets.values()}
    for market_id, last in snapshot.last:
        markets[market_id].last = last
    for number, maker_ppm, taker_ppm, parent, portfolio in snapshot.users:
        engine.users[number] = User(
            number, maker_ppm=maker_ppm, taker_ppm=taker_ppm, parent=parent, portfolio=portfolio
        )
    for user_id, key, number, total, held, updated_ns in snapshot.wallets:
        wallet = engine.users[user_id].wallets[key] = Wallet(number)
        wallet.total, wallet.held, wallet.updated_ns = int(total), int(held), updated_ns
    _decode_positions(engine, snapshot, markets)
    _decode_orders(engine, snapshot, markets)
    _decode_loans(engine, snapshot)
    for row, amount, fee in snapshot.transfers:
        transfer = Transfer(
            row[0], engine.users[row[1]], asset=row[3], amount=int(amount), fee=int(fee), status=row[6], time_ns=row[9]
        )
        transfer.tx_hash, transfer.client_id = row[7], row[8]
        (transfers.withdrawals if row[2] else transfers.deposits)[transfer.id] = transfer


def _decode_positions(engine: Engine, snapshot: _Snapshot, markets: dict[int, Market]) -> None:
    engine.ledger.clearing[:] = map(int, snapshot.clearing)
    engine.ledger.rounding[:] = map(int, snapshot.rounding)
    contracts = {number: market for number, market in markets.items() if isinstance(market, Contract)}
    for number, mark, rate in snapshot.contracts:
        contracts[number].mark, contracts[number].rate = mark, rate
    for user_id, number, side, isolated, leverage, opened_ns, updated_ns, sums in snapshot.positions:
        user = engine.users[user_id] if user_id else engine.matching.clearing.house
        position = position_of(user, contracts[number], side=side)
        position.isolated, position.leverage = isolated, leverage
        position.opened_ns, position.updated_ns = opened_ns, updated_ns
        for name, units in zip(_SUMS, sums, strict=True):
            setattr(position, name, int(units))
        if position.size:
            position.contract.holders[user_id, side] = position
    for number in snapshot.traders:
        engine.users[number].contracts = True
    engine.hours.stirred.update(snapshot.stirred)
    engine.hours.due_after(snapshot.at_ns)


def _decode_loans(engine: Engine, snapshot: _Snapshot) -> None:
    for user_id, key, number in snapshot.loans:
        user = engine.users[user_id]
        user.loans[key] = Loan(number, user, key=key)
    for row, amount, repaid, accrued, paid in snapshot.borrows:
        number, user_id, place, asset, _, _, _, _, rate_ppm, kind, time_ns, interest_ns, _ = row
        loan = engine.users[user_id].loans[key_of(asset, place)]
        borrow = Borrow(number, loan, amount=int(amount), rate_ppm=rate_ppm, kind=kind, time_ns=time_ns)
        borrow.repaid, borrow.accrued, borrow.paid = int(repaid), int(accrued), int(paid)
        borrow.interest_ns = interest_ns
        engine.loans.enter(borrow)


def _decode_orders(engine: Engine, snapshot: _Snapshot, markets: dict[int, Market]) -> None:
    """Orders enter the book in the order of their sequence: that is the order within a level."""
    matching = engine.matching
    orders = [_order(engine, markets, stored) for stored in snapshot.orders]
    matching.orders.update((order.id, order) for order in orders)
    for order in sorted(orders, key=lambda order: (order.sequence, order.id)):
        order.user.orders[order.id] = order
        if order.position is not None:
            order.position.take_in(order)
        if order.end_ns is not None:
            matching.ends.push(order.end_ns, order.id, alive=matching.orders, count=len(matching.orders))
        if order.status == "pending":
            order.market.wait(order)
        elif order.hidden:
            order.market.resting_hidden[order.id] = order
        else:
            (order.market.bids if order.buy else order.market.asks).add(order)
            if order.position is not None:
                order.position.show(order)


def _order(engine: Engine, markets: dict[int, Market], stored: tuple[OrderRow, str, str, int]) -> Order:
    row, cost, hold, sequence = stored
    order = Order()
    (
        order.id, user, market, order.buy, order.type, order.time_in_force, order.status, order.lots, order.filled,
        order.canceled, order.price, order.stop, order.operator, order.quote, _, order.client_id, order.placed_ns,
        order.opened_ns, order.updated_ns, order.done_ns, order.valid_till_ns, order.expire_after_ns,
        order.place, order.side_effect, order.traits,
    ) = row  # fmt: skip
    order.user, order.market = engine.users[user], markets[market]
    order.position = None
    if isinstance(order.market, Contract):
        side = LONG if order.traits & LONG_SIDE else SHORT if order.traits & SHORT_SIDE else BOTH
        order.position = position_of(order.user, order.market, side=side)
    order.cost, order.hold, order.sequence = int(cost), int(hold), sequence
    return order
