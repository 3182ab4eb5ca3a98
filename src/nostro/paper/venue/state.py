"""The engine's state as bytes and back. It decides the form of a snapshot: only what is open, each list in a fixed
order, so that equal states give equal bytes. Sums that 64 bits may not hold are written as text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from nostro.paper.venue.book import Order
from nostro.paper.venue.rows import OrderRow, TransferRow, order_row
from nostro.paper.venue.transfers import Transfer
from nostro.paper.venue.wallets import User, Wallet

if TYPE_CHECKING:
    from nostro.paper.venue.book import Market
    from nostro.paper.venue.engine import Engine


class _Snapshot(msgspec.Struct, frozen=True, array_like=True):
    """``users``: (id, maker_ppm, taker_ppm, parent); ``wallets``: (user, key, id, total, held, updated_ns);
    ``orders``: (row, cost, hold, sequence), open ones only."""

    at_ns: int
    counters: tuple[int, ...]
    external: tuple[str, ...]
    fees: tuple[str, ...]
    last: tuple[tuple[int, int | None], ...]
    users: tuple[tuple[int, int, int, int | None], ...]
    wallets: tuple[tuple[int, int, int, str, str, int], ...]
    orders: tuple[tuple[OrderRow, str, str, int], ...]
    transfers: tuple[tuple[TransferRow, str, str], ...]


def encode(engine: Engine) -> bytes:
    """The snapshot of the state between two commands."""
    ledger, matching, transfers = engine.ledger, engine.matching, engine.transfers
    under_way = [(each, False) for each in transfers.deposits.values()]
    under_way += [(each, True) for each in transfers.withdrawals.values()]
    snapshot = _Snapshot(
        at_ns=ledger.at_ns,
        counters=(
            engine.orders_made, matching.trades_made, matching.sequence, ledger.entries_made, ledger.wallets_made,
            transfers.deposits_made, transfers.withdrawals_made,
        ),
        external=tuple(map(str, ledger.external)),
        fees=tuple(map(str, ledger.fees)),
        last=tuple((market.id, market.last) for market in engine.markets.values()),
        users=tuple((user.id, user.maker_ppm, user.taker_ppm, user.parent) for user in engine.users.values()),
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
    )  # fmt: skip
    return msgspec.msgpack.encode(snapshot)


def decode(engine: Engine, data: bytes) -> None:
    """Fills a new engine of the same profile."""
    snapshot = msgspec.msgpack.decode(data, type=_Snapshot)
    ledger, matching, transfers = engine.ledger, engine.matching, engine.transfers
    ledger.at_ns = snapshot.at_ns
    (
        engine.orders_made, matching.trades_made, matching.sequence, ledger.entries_made, ledger.wallets_made,
        transfers.deposits_made, transfers.withdrawals_made,
    ) = snapshot.counters  # fmt: skip
    ledger.external[:] = map(int, snapshot.external)
    ledger.fees[:] = map(int, snapshot.fees)
    markets = {market.id: market for market in engine.markets.values()}
    for market_id, last in snapshot.last:
        markets[market_id].last = last
    for number, maker_ppm, taker_ppm, parent in snapshot.users:
        engine.users[number] = User(number, maker_ppm=maker_ppm, taker_ppm=taker_ppm, parent=parent)
    for user_id, key, number, total, held, updated_ns in snapshot.wallets:
        wallet = engine.users[user_id].wallets[key] = Wallet(number)
        wallet.total, wallet.held, wallet.updated_ns = int(total), int(held), updated_ns
    _decode_orders(engine, snapshot, markets)
    for row, amount, fee in snapshot.transfers:
        transfer = Transfer(
            row[0], engine.users[row[1]], asset=row[3], amount=int(amount), fee=int(fee), status=row[6], time_ns=row[9]
        )
        transfer.tx_hash, transfer.client_id = row[7], row[8]
        (transfers.withdrawals if row[2] else transfers.deposits)[transfer.id] = transfer


def _decode_orders(engine: Engine, snapshot: _Snapshot, markets: dict[int, Market]) -> None:
    """Orders enter the book in the order of their sequence: that is the order within a level."""
    matching = engine.matching
    orders = [_order(engine, markets, stored) for stored in snapshot.orders]
    matching.orders.update((order.id, order) for order in orders)
    for order in sorted(orders, key=lambda order: (order.sequence, order.id)):
        order.user.orders[order.id] = order
        if order.end_ns is not None:
            matching.ends.push(order.end_ns, order.id, alive=matching.orders, count=len(matching.orders))
        if order.status == "pending":
            order.market.wait(order)
        elif order.hidden:
            order.market.resting_hidden[order.id] = order
        else:
            (order.market.bids if order.buy else order.market.asks).add(order)


def _order(engine: Engine, markets: dict[int, Market], stored: tuple[OrderRow, str, str, int]) -> Order:
    row, cost, hold, sequence = stored
    order = Order()
    (
        order.id, user, market, order.buy, order.type, order.time_in_force, order.status, order.lots, order.filled,
        order.canceled, order.price, order.stop, order.operator, order.quote, _, order.client_id, order.placed_ns,
        order.opened_ns, order.updated_ns, order.done_ns, order.valid_till_ns, order.expire_after_ns,
        order.place, order.side_effect,
    ) = row  # fmt: skip
    order.user, order.market = engine.users[user], markets[market]
    order.cost, order.hold, order.sequence = int(cost), int(hold), sequence
    return order
