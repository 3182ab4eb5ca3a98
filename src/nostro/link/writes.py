"""Writes: sent once, and looked up where no answer came. It decides what happened to an order, a withdrawal or what is
done with margin when its answer was lost; it never sends one twice.

Where the wire returns no client id, the lists of such rows before and after tell: exactly one new row that looks as
asked is ours; none or several leave a doubt, and the write stays `Unresolved`. What should be gone afterwards (open
orders, a debt) is looked for: if it is gone, all is well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from nostro import errors
from nostro.domain import records
from nostro.domain.records import Fact, Order, Transfer
from nostro.domain.values import SECOND_NS, add
from nostro.link.commands import (
    ISOLATED,
    Borrow,
    CancelAll,
    CancelOrders,
    ClosePosition,
    Command,
    MoveMargin,
    PlaceOrder,
    Repay,
    RequestWithdrawal,
)
from nostro.link.declare import Do
from nostro.link.source import Reply

if TYPE_CHECKING:
    from nostro.link.wire import WireSource

LOOK_BACK_S: Final = 600  # orders of the last ten minutes could be taken for the new one
LOOKS_S: Final = (1.0, 3.0, 8.0)  # pauses before each look for a write whose answer was lost
# Where a new row of each write is found; what is not listed here leaves none, or makes something go away.
LISTINGS: Final[Mapping[type[Command], str]] = {
    PlaceOrder: "orders", RequestWithdrawal: "withdrawals", MoveMargin: "margin_transfers", Borrow: "borrows",
    Repay: "repayments",
}  # fmt: skip
_NAMES_ROW: Final = (PlaceOrder, MoveMargin, Borrow, Repay)  # whose answers name what was made
_NAMES_BARELY: Final = (MoveMargin, Borrow, Repay)  # and say no more: half of a number is a number too


async def carry_out(source: WireSource, do: Do, command: Command) -> Reply:
    """Sends ``command`` once. Raises `errors.Refused` or `errors.NotSent` where it did not happen, `errors.Unresolved`
    where no answer came and looking it up left a doubt."""
    known = await _known(source, command)
    try:
        reply = await source.write(do, command)
        if isinstance(command, CancelOrders) and {fact.native_id for fact in reply.facts}.isdisjoint(_ids(command)):
            raise errors.Undecodable("the answer names none of the orders", exchange=source.exchange.id)
        if isinstance(command, _NAMES_ROW) and not reply.facts:
            raise errors.Undecodable("the answer names nothing that was made", exchange=source.exchange.id)
        if isinstance(command, CancelOrders) and _only_received(reply):
            received = errors.Unanswered("the answer says only that it was received", exchange=source.exchange.id)
            return Reply(reply.pages, (await _look_whether_canceled(source, command, received)).facts)
        return await _confirmed(source, command, known, reply) if isinstance(command, _NAMES_BARELY) else reply
    except errors.Unresolved:  # it was looked up already
        raise
    except (errors.Failing, errors.Unanswered, errors.WireError) as lost:
        if isinstance(command, CancelOrders | CancelAll):
            return await _look_whether_canceled(source, command, lost)
        if isinstance(command, ClosePosition):
            return await _look_whether_closed(source, command, lost)
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
    listing = LISTINGS.get(type(command), "")
    return listing if source.exchange.ask(listing) else ""


async def _rows(source: WireSource, listing: str, command: Command) -> list[Fact]:
    where = {}
    if isinstance(command, PlaceOrder):
        where = {"instrument": command.instrument}
    elif isinstance(command, MoveMargin | Borrow | Repay):
        where = {"asset": command.asset}
    now_ns = source.clock.now_ns()
    since_ns, until_ns = now_ns - LOOK_BACK_S * SECOND_NS, now_ns + LOOK_BACK_S * SECOND_NS
    opened = await _asked_open(source, where) if isinstance(command, PlaceOrder) else []
    return opened + [fact async for step in source.sweep(listing, since_ns, until_ns, where) for fact in step.facts]


async def _asked_open(source: WireSource, where: Mapping[str, str]) -> list[Fact]:
    """The open orders, of a wire whose history may not have them yet."""
    return list((await source.ask("open_orders", where)).facts) if source.exchange.asks_for("open_orders") else []


async def _confirmed(source: WireSource, command: Command, known: set[str | None], reply: Reply) -> Reply:
    """The row that the answer names, as its history shows it: all that is known of it. Raises `errors.Undecodable`
    where the history shows that another is meant. Where it does not show it yet, the answer stands."""
    named = reply.facts[0].native_id
    try:
        new = await _new(source, command, known)
    except errors.NostroError:
        return reply
    if same := [fact for fact in new if fact.native_id == named]:
        return Reply(reply.pages, tuple(same))
    if new or named in known:
        raise errors.Undecodable(f"the answer names {named}, which is no new row", exchange=source.exchange.id)
    return reply


async def _new(source: WireSource, command: Command, known: set[str | None]) -> list[Fact]:
    """The rows that were not there before, and look as asked; one that two lists show is one."""
    rows = await _rows(source, _listing(source, command), command)
    new = {fact.native_id: fact for fact in rows if fact.native_id not in known and _alike(command, fact)}
    return list(new.values())


async def _look_for_new(
    source: WireSource, command: Command, known: set[str | None], lost: errors.NostroError
) -> Reply:  # fmt: skip
    for pause_s in LOOKS_S if _listing(source, command) else ():
        await source.clock.sleep(pause_s)
        try:
            new = await _new(source, command, known)
        except errors.NostroError as error:
            raise _unresolved(f"looking it up failed ({error.message})", lost) from error
        if len(new) == 1:
            return Reply((), tuple(new))
        if new:
            raise _unresolved(f"{len(new)} new rows look like it", lost)
    raise _unresolved("no new row that looks like it was seen", lost)


def _alike(command: Command, fact: Fact) -> bool:
    """Whether a row looks as what was asked for."""
    match command, fact:
        case PlaceOrder(), Order():
            wallet = fact.wallet if ":" in command.instrument else command.wallet  # a contract has but one
            asked = (wallet, command.instrument, command.side, command.type, command.price, command.stop_price)
            seen = (fact.wallet, fact.instrument, fact.side, fact.type, fact.price or None, fact.stop_price or None)
            side = fact.position_side in (None, command.position_side)
            return seen == asked and side and (command.amount is None or fact.amount == command.amount)
        case RequestWithdrawal(), Transfer():
            return fact.amount == command.amount
        case MoveMargin(), Transfer():
            inward = fact.from_wallet == "spot"
            return _is_of(command, fact) and inward == (command.direction == "add") and fact.amount == command.amount
        case Borrow(), records.Borrow():
            return _is_of(command, fact) and (fact.type, fact.amount) == (command.type, command.amount)
        case Repay(), records.Repayment(principal=principal, interest=interest):
            amount = None if principal is None or interest is None else add((principal, interest))
            return _is_of(command, fact) and (fact.type, amount) == (command.type, command.amount)
    return False


def _is_of(command: MoveMargin | Borrow | Repay | ClosePosition, fact: Fact) -> bool:
    """Whether a row is of the command's account, wallet and asset, as far as it says: it may not say which isolated
    wallet is meant."""
    wallets = (command.wallet, ISOLATED.rstrip(":") if command.wallet.startswith(ISOLATED) else command.wallet)
    asset = getattr(command, "asset", None)
    return (
        fact.sub_account == str(command.account)
        and fact.wallet in wallets
        and asset in (None, getattr(fact, "asset", None))
    )


def _only_received(reply: Reply) -> bool:
    """Whether an answer to a cancel tells what became of none of the orders."""
    return all(isinstance(fact, Order) and fact.status is None for fact in reply.facts)


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


async def _look_whether_closed(source: WireSource, command: ClosePosition, lost: errors.NostroError) -> Reply:
    """A wallet that owes nothing has no position; closing what is left of one is for the caller to ask again."""
    await source.clock.sleep(LOOKS_S[0])
    try:
        if command.position:
            found = [fact for fact in (await source.ask("positions", {})).facts if fact.native_id == command.position]
            if found:
                raise _unresolved(f"the position {command.position} is still there", lost)
            return Reply((), ())
        loans = [fact for fact in (await source.ask("loans", {})).facts if _is_of(command, fact)]
    except errors.NostroError as error:
        raise _unresolved(f"looking it up failed ({error.message})", lost) from error
    if still := sorted({loan.asset for loan in loans if isinstance(loan, records.Loan) and _owes(loan)}):
        raise _unresolved(f"the wallet still owes {', '.join(still)}", lost)
    return Reply((), ())


def _owes(loan: records.Loan) -> bool:
    return bool(loan.principal or loan.interest)


def _ids(command: CancelOrders) -> set[str]:
    return {str(order_id) for order_id in command.order_ids}


async def _named(source: WireSource, command: CancelOrders) -> list[Order]:
    """The orders of these ids: the newest windows first, because what is canceled is mostly young."""
    wanted = _ids(command)
    until_ns = source.clock.now_ns() + LOOK_BACK_S * SECOND_NS
    opened = await _asked_open(source, {})
    found = [fact for fact in opened if isinstance(fact, Order) and fact.native_id in wanted]
    if len(found) == len(wanted):
        return found
    async for step in source.sweep("orders", source.exchange.opened_ns, until_ns, {}, newest_first=True):
        found += [fact for fact in step.facts if isinstance(fact, Order) and fact.native_id in wanted]
        if len(found) == len(wanted):
            break
    return found


async def _open(source: WireSource, command: CancelAll) -> list[Order]:
    where = {"instrument": command.instrument} if command.instrument else {}
    if source.exchange.asks_for("open_orders"):
        return [fact for fact in await _asked_open(source, where) if isinstance(fact, Order)]
    where |= {"open_only": "true"}
    until_ns = source.clock.now_ns() + LOOK_BACK_S * SECOND_NS
    steps = source.sweep("orders", source.exchange.opened_ns, until_ns, where)
    return [fact async for step in steps for fact in step.facts if isinstance(fact, Order)]


def _unresolved(what: str, lost: errors.NostroError) -> errors.Unresolved:
    return errors.Unresolved(
        f"it was sent, the answer was lost ({lost.message}), and {what}",
        hint="it is not repeated: look at what the exchange holds before you send it again",
    )
