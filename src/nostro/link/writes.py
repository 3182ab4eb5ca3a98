"""Writes: sent once, and looked up where no answer came. It decides what happened to an order or a withdrawal whose
answer was lost; it never sends one twice.

Where the wire returns no client id, the lists of orders (or withdrawals) before and after tell: exactly one new row
that looks as asked is ours; none or several leave a doubt, and the write stays `Unresolved`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from nostro import errors
from nostro.domain.records import Fact, Order, Transfer
from nostro.domain.values import SECOND_NS
from nostro.link.declare import Do
from nostro.link.source import Reply
from nostro.link.view import CancelAll, CancelOrders, Command, PlaceOrder, RequestWithdrawal

if TYPE_CHECKING:
    from nostro.link.wire import WireSource

LOOK_BACK_S: Final = 600  # orders of the last ten minutes could be taken for the new one
LOOKS_S: Final = (1.0, 3.0, 8.0)  # pauses before each look for a write whose answer was lost


async def carry_out(source: WireSource, do: Do, command: Command) -> Reply:
    """Sends ``command`` once. Raises `errors.Refused` or `errors.NotSent` where it did not happen, `errors.Unresolved`
    where no answer came and looking it up left a doubt."""
    listing = _listing(source, command)
    known = {fact.native_id for fact in await _rows(source, listing, command)} if listing else set()
    try:
        return await source.write(do, command)
    except (errors.Failing, errors.Unanswered, errors.WireError) as lost:
        if isinstance(command, CancelOrders | CancelAll):
            return await _look_whether_canceled(source, command, lost)
        for pause_s in LOOKS_S if listing else ():
            await source.clock.sleep(pause_s)
            new = [
                fact
                for fact in await _rows(source, listing, command)
                if fact.native_id not in known and _alike(command, fact)
            ]
            if len(new) == 1:
                return Reply((), tuple(new))
            if new:
                raise _unresolved(f"{len(new)} new rows look like it", lost) from lost
        raise _unresolved("no new row that looks like it was seen", lost) from lost


def _listing(source: WireSource, command: Command) -> str:
    if isinstance(command, PlaceOrder):
        return "orders"
    if isinstance(command, RequestWithdrawal) and source.exchange.ask("withdrawals"):
        return "withdrawals"
    return ""


async def _rows(source: WireSource, listing: str, command: Command) -> list[Fact]:
    where = {"instrument": command.instrument} if isinstance(command, PlaceOrder) else {}
    now_ns = source.clock.now_ns()
    since_ns, until_ns = now_ns - LOOK_BACK_S * SECOND_NS, now_ns + LOOK_BACK_S * SECOND_NS
    return [fact async for step in source.sweep(listing, since_ns, until_ns, where) for fact in step.facts]


def _alike(command: Command, fact: Fact) -> bool:
    if isinstance(command, PlaceOrder) and isinstance(fact, Order):
        asked = (command.instrument, command.side, command.type, command.price, command.stop_price)
        same = (fact.instrument, fact.side, fact.type, fact.price or None, fact.stop_price or None) == asked
        return same and (command.amount is None or fact.amount == command.amount)
    return isinstance(command, RequestWithdrawal) and isinstance(fact, Transfer) and fact.amount == command.amount


async def _look_whether_canceled(source: WireSource, command: CancelOrders | CancelAll, lost: Exception) -> Reply:
    """Canceling twice does no harm, but nobody asked for it: what is still open is reported, not canceled again."""
    await source.clock.sleep(LOOKS_S[0])
    rows = [fact for fact in await _open_rows(source, command) if isinstance(fact, Order)]
    if rows:
        ids = ", ".join(sorted(str(row.native_id) for row in rows))
        raise _unresolved(f"still open: {ids}", lost) from lost
    return Reply((), ())


async def _open_rows(source: WireSource, command: CancelOrders | CancelAll) -> Iterable[Fact]:
    instrument = command.instrument if isinstance(command, CancelAll) else None
    where = {"open_only": "true"} | ({"instrument": instrument} if instrument else {})
    now_ns = source.clock.now_ns()
    wanted = {str(order_id) for order_id in command.order_ids} if isinstance(command, CancelOrders) else None
    return [
        fact
        async for step in source.sweep("orders", source.exchange.opened_ns, now_ns, where)
        for fact in step.facts
        if wanted is None or fact.native_id in wanted
    ]


def _unresolved(what: str, lost: Exception) -> errors.Unresolved:
    return errors.Unresolved(
        f"it was sent, the answer was lost ({lost}), and {what}",
        hint="it is not repeated: look at `nostro orders` before you send it again",
    )
