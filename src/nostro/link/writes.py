"""Writes: sent once, and looked up where no answer came. It decides what happened to an order or a withdrawal whose
answer was lost; it never sends one twice.

Where the wire returns no client id, the lists of orders (or withdrawals) before and after tell: exactly one new row
that looks as asked is ours; none or several leave a doubt, and the write stays `Unresolved`.
"""

from __future__ import annotations

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
    known = await _known(source, command)
    try:
        reply = await source.write(do, command)
        if isinstance(command, CancelOrders) and {fact.native_id for fact in reply.facts}.isdisjoint(_ids(command)):
            raise errors.Undecodable("the answer names none of the orders", exchange=source.exchange.id)
        if isinstance(command, PlaceOrder) and not reply.facts:
            raise errors.Undecodable("the answer names no order", exchange=source.exchange.id)
        return reply
    except (errors.Failing, errors.Unanswered, errors.WireError) as lost:
        if isinstance(command, CancelOrders | CancelAll):
            return await _look_whether_canceled(source, command, lost)
        return await _look_for_new(source, command, known, lost)


async def _known(source: WireSource, command: Command) -> set[str | None]:
    """The rows before the write, by which a new one can be told. Raises `errors.NotSent` where they cannot be had."""
    listing = _listing(source, command)
    if not listing:
        return set()
    try:
        return {fact.native_id for fact in await _rows(source, listing, command)}
    except (errors.Failing, errors.LinkError, errors.WireError) as error:
        raise errors.NotSent(
            f"nothing was sent: without a list of {listing} a lost answer could not be looked up ({error.message})",
            hint="try again later", exchange=source.exchange.id, account=source.account,
        ) from error  # fmt: skip


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


async def _look_for_new(
    source: WireSource, command: Command, known: set[str | None], lost: errors.NostroError
) -> Reply:  # fmt: skip
    listing = _listing(source, command)
    for pause_s in LOOKS_S if listing else ():
        await source.clock.sleep(pause_s)
        try:
            rows = await _rows(source, listing, command)
        except errors.NostroError as error:
            raise _unresolved(f"looking it up failed ({error.message})", lost) from error
        new = [fact for fact in rows if fact.native_id not in known and _alike(command, fact)]
        if len(new) == 1:
            return Reply((), tuple(new))
        if new:
            raise _unresolved(f"{len(new)} new rows look like it", lost)
    raise _unresolved("no new row that looks like it was seen", lost)


def _alike(command: Command, fact: Fact) -> bool:
    if isinstance(command, PlaceOrder) and isinstance(fact, Order):
        asked = (command.wallet, command.instrument, command.side, command.type, command.price, command.stop_price)
        seen = (fact.wallet, fact.instrument, fact.side, fact.type, fact.price or None, fact.stop_price or None)
        return seen == asked and (command.amount is None or fact.amount == command.amount)
    return isinstance(command, RequestWithdrawal) and isinstance(fact, Transfer) and fact.amount == command.amount


async def _look_whether_canceled(
    source: WireSource, command: CancelOrders | CancelAll, lost: errors.NostroError
) -> Reply:  # fmt: skip
    """Canceling twice does no harm, but nobody asked for it: what is still open is reported, not canceled again."""
    await source.clock.sleep(LOOKS_S[0])
    try:
        rows = await (_named(source, command) if isinstance(command, CancelOrders) else _open(source, command))
    except errors.NostroError as error:
        raise _unresolved(f"looking it up failed ({error.message})", lost) from error
    ask = source.exchange.ask("orders")
    ended = ask.stream.terminal if ask and ask.stream else frozenset()
    if still := sorted(str(row.native_id) for row in rows if row.status not in ended):
        raise _unresolved(f"still open: {', '.join(still)}", lost)
    if isinstance(command, CancelOrders) and len(rows) < len(_ids(command)):
        raise _unresolved("not all of these orders were found", lost)
    return Reply((), tuple(rows))


def _ids(command: CancelOrders) -> set[str]:
    return {str(order_id) for order_id in command.order_ids}


async def _named(source: WireSource, command: CancelOrders) -> list[Order]:
    """The orders of these ids: the newest windows first, because what is canceled is mostly young."""
    wanted = _ids(command)
    until_ns = source.clock.now_ns() + LOOK_BACK_S * SECOND_NS
    found: list[Order] = []
    async for step in source.sweep("orders", source.exchange.opened_ns, until_ns, {}, newest_first=True):
        found += [fact for fact in step.facts if isinstance(fact, Order) and fact.native_id in wanted]
        if len(found) == len(wanted):
            break
    return found


async def _open(source: WireSource, command: CancelAll) -> list[Order]:
    where = {"open_only": "true"} | ({"instrument": command.instrument} if command.instrument else {})
    until_ns = source.clock.now_ns() + LOOK_BACK_S * SECOND_NS
    steps = source.sweep("orders", source.exchange.opened_ns, until_ns, where)
    return [fact async for step in steps for fact in step.facts if isinstance(fact, Order)]


def _unresolved(what: str, lost: errors.NostroError) -> errors.Unresolved:
    return errors.Unresolved(
        f"it was sent, the answer was lost ({lost.message}), and {what}",
        hint="it is not repeated: look at `nostro orders` before you send it again",
    )
