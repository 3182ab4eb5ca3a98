"""Lies about fills and orders: one side of what the other proves."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

from nostro.domain.values import DAY_NS
from simulation import lies
from simulation.lies import Row, amount, text, time
from simulation.stage import OPENED_NS, Stage
from simulation.told import HOUR_NS, SHIFT, SIDES, TELLERS, Teller, Told, ended, filled, pick, told
from simulation.verdicts import FEES, FILLS, STATES, TRADES, Want, anywhere, day, fill_wants

# ── fills ────────────────────────────────────────────────────────────────────────────────────────────────────────


def fills(here: Stage, draw: random.Random) -> tuple[str, Row]:
    table = draw.choice(("buys", "sells"))
    row = pick(here.tables[table], draw)
    assert row is not None
    return table, row


@told
def a_fill_deleted(here: Stage, draw: random.Random) -> Told | None:
    table, row = fills(here, draw)
    return Told({table: lies.deleted(row)}, fill_wants(row, share=Decimal(-1), side=SIDES[table]), [time(row)])


@told
def a_fill_doubled(here: Stage, draw: random.Random) -> Told | None:
    table, row = fills(here, draw)
    return Told({table: lies.doubled(row)}, fill_wants(row, share=Decimal(1), side=SIDES[table]), [time(row)])


@told
def a_fill_of_another_amount(here: Stage, draw: random.Random) -> Told | None:
    table, row = fills(here, draw)
    more = draw.choice((-1, 1, 5)) * amount(row, "amount") / 8
    name = "extra_fill" if more > 0 else "missing_fill"
    base = text(row, "pair").partition("/")[0]
    wants = [
        Want(check=FILLS, names=(name,), subjects=(text(row, "pair"),), at_ns=time(row), missing=-more),
        Want(check=TRADES, names=("trades_differ",), subjects=(base,), at_ns=time(row), size=more.copy_abs()),
        *anywhere(row)[1:2],
    ]
    return Told({table: lies.altered(row, amount=amount(row, "amount") + more)}, wants, [time(row)])


@told
def a_fill_at_another_price(here: Stage, draw: random.Random) -> Told | None:
    table, row = fills(here, draw)
    quote = text(row, "pair").partition("/")[2]
    factor = draw.choice((-1, 3, 10))
    moved = (factor - 1) * amount(row, "price") * amount(row, "amount")
    wants = [
        Want(check=TRADES, names=("trades_differ",), subjects=(quote,), at_ns=time(row), needed=abs(moved) > 10)
    ]  # what is smaller may hide in the cutting of a day's costs to whole units
    return Told({table: lies.altered(row, price=factor * amount(row, "price"))}, wants, [time(row)])


@told
def a_fill_with_another_fee(here: Stage, draw: random.Random) -> Told | None:
    table, row = fills(here, draw)
    more = draw.choice((1, 40)) * SHIFT
    asset = (text(row, "fee_currency"),)
    wants = [Want(check=FEES, names=("fees_differ",), subjects=asset, at_ns=time(row), size=more)]
    return Told({table: lies.altered(row, fee_amount=amount(row, "fee_amount") + more)}, wants, [time(row)])


@told
def a_fill_with_its_fee_in_another_currency(here: Stage, draw: random.Random) -> Told | None:
    table, row = fills(here, draw)
    fee = amount(row, "fee_amount")
    wants = [
        Want(check=FEES, names=("fees_differ",), subjects=(asset,), at_ns=time(row), size=fee, needed=bool(fee))
        for asset in (text(row, "fee_currency"), "ZZZ")
    ]
    return Told({table: lies.altered(row, fee_currency="ZZZ")}, wants, [time(row)])


@told
def a_fill_of_the_other_side(here: Stage, draw: random.Random) -> Told | None:
    table, row = fills(here, draw)
    other = "sells" if table == "buys" else "buys"
    size = amount(row, "amount")
    wants = [
        Want(check=FILLS, names=("missing_fill",), subjects=(text(row, "pair"),), at_ns=time(row), missing=size),
        Want(check=FILLS, names=("extra_fill",), subjects=(text(row, "pair"),), at_ns=time(row), missing=-size),
        *anywhere(row)[1:2],
    ]
    return Told({table: lies.deleted(row), other: lies.invented(row)}, wants, [time(row)])


def strange_fill(member: str, word: str, *, token: bool) -> Teller:
    def teller(here: Stage, draw: random.Random) -> Told | None:
        table, row = fills(here, draw)
        size, at_ns = amount(row, "amount"), time(row)
        wants = anywhere(row, word, *word.split("/"))
        if member != "type":
            wants.append(
                Want(check=FILLS, names=("missing_fill",), subjects=(text(row, "pair"),), at_ns=at_ns, missing=size)
            )
            wants.append(Want(check=FILLS, names=("extra_fill",), at_ns=at_ns, missing=-size))
        if token:
            wants.append(Want(check="history", names=("unknown_token",), subjects=("fills",), at_ns=at_ns))
        return Told({table: lies.altered(row, **{member: word})}, wants, [at_ns])

    return teller


TELLERS["a_fill_of_an_unknown_wallet"] = strange_fill("wallet_type", "VAULT", token=True)
TELLERS["a_fill_of_an_unknown_type"] = strange_fill("type", "HAUNTED", token=True)
TELLERS["a_fill_of_an_unknown_pair"] = strange_fill("pair", "ZZZ/QQQ", token=False)


@told
def a_fill_moved_to_another_day(here: Stage, draw: random.Random) -> Told | None:
    table, row = fills(here, draw)
    by_ns = draw.choice((-3, -1, 1, 3)) * DAY_NS
    to_ns = time(row) + by_ns
    if not OPENED_NS < to_ns < here.now_ns - DAY_NS:
        return None
    base = (text(row, "pair").partition("/")[0],)
    size = amount(row, "amount")
    wants = [
        Want(check=TRADES, names=("trades_differ",), subjects=base, size=size, at_ns=at_ns)
        for at_ns in (time(row), to_ns)
    ]
    assert day(to_ns) != day(time(row))
    return Told({table: lies.moved(row, by_ns=by_ns)}, [*wants, *anywhere(row)], [time(row), to_ns])


@told
def fills_that_are_forgotten(here: Stage, draw: random.Random) -> Told | None:
    before_ns = draw.randrange(OPENED_NS + 20 * DAY_NS, here.now_ns - 10 * DAY_NS)
    lost = [(table, row) for table in SIDES for row in here.tables[table] if time(row) < before_ns]
    wants = [want for table, row in lost for want in (*anywhere(row), sums_to(row, table, lost))]
    forgotten = dict.fromkeys(SIDES, lies.forgotten(before_ns=before_ns))
    return Told(forgotten, wants, [time(row) for _, row in lost], len(lost)) if lost else None


def sums_to(row: Row, table: str, lost: Sequence[tuple[str, Row]]) -> Want:
    return Want(check=FILLS, names=("missing_fill",), subjects=(text(row, "pair"),), at_ns=time(row))


# ── orders ───────────────────────────────────────────────────────────────────────────────────────────────────────


@told
def a_filled_order_deleted(here: Stage, draw: random.Random) -> Told | None:
    row = pick(here.tables["orders"], draw, where=filled)
    wants = [Want(check=FILLS, names=("extra_fill",), subjects=(text(row, "pair"),))] if row else []
    return row and Told({"orders": lies.deleted(row)}, wants, [time(row)])


@told
def a_filled_order_doubled_with_a_new_id(here: Stage, draw: random.Random) -> Told | None:
    row = pick(here.tables["orders"], draw, where=filled)
    if row is None:
        return None
    size = amount(row, "amount_filled")
    at_ns = last_change(row)
    wants = [Want(check=FILLS, names=("missing_fill",), subjects=(text(row, "pair"),), at_ns=at_ns, missing=size)]
    return Told({"orders": lies.doubled(row, new_id="99999")}, wants, [time(row)])


def late(row: Row) -> str:
    return lies.format_time(lies.parse_time(text(row, "done_at")) + HOUR_NS)


def altered_order(**change: Callable[[Row], Decimal | str]) -> Teller:
    """An order that has ended and that says of itself what cannot be."""

    def teller(here: Stage, draw: random.Random) -> Told | None:
        row = pick(here.tables["orders"], draw, where=lambda row: ended(row) and bool(amount(row, "price")))
        assert row is not None
        members = {member: value(row) for member, value in change.items()}
        names = ("status_differs", "filled_out_of_range", "negative_amount", "parts_differ", "times_differ")
        pair = (text(row, "pair"),)
        wants = [
            Want(check=STATES, names=names, subjects=pair),
            Want(check=FILLS, names=("missing_fill", "extra_fill"), subjects=pair, needed=False),
        ]
        return Told({"orders": lies.altered(row, **members)}, wants, [time(row)])

    return teller


OTHER_STATUS: Final = {"FILLED": "CANCELLED"}
TELLERS["an_order_of_another_amount"] = altered_order(amount=lambda row: amount(row, "amount") + SHIFT)
TELLERS["an_order_with_more_filled"] = altered_order(amount_filled=lambda row: amount(row, "amount_filled") + SHIFT)
TELLERS["an_order_with_less_canceled"] = altered_order(
    amount_canceled=lambda row: amount(row, "amount_canceled") - SHIFT
)
TELLERS["an_order_of_a_negative_price"] = altered_order(price=lambda row: amount(row, "price").copy_negate())
TELLERS["an_order_of_a_negative_amount"] = altered_order(amount=lambda row: amount(row, "amount").copy_negate())
TELLERS["an_ended_order_that_says_it_is_open"] = altered_order(status=lambda row: "OPEN")
TELLERS["an_order_of_another_end"] = altered_order(
    status=lambda row: OTHER_STATUS.get(text(row, "status"), "FILLED"),
)
TELLERS["an_order_placed_after_its_end"] = altered_order(date=late)


def strange_order(member: str, word: str) -> Teller:
    def teller(here: Stage, draw: random.Random) -> Told | None:
        row = pick(here.tables["orders"], draw, where=ended)
        assert row is not None
        wants = [
            Want(check="history", names=("unknown_token",), subjects=("orders",), at_ns=time(row)),
            Want(check=FILLS, names=("missing_fill", "extra_fill"), subjects=(text(row, "pair"),), needed=False),
        ]
        return Told({"orders": lies.altered(row, **{member: word})}, wants, [time(row)])

    return teller


for each in ("status", "wallet_type", "type", "side", "tif"):
    TELLERS[f"an_order_of_an_unknown_{each}"] = strange_order(each, "HAUNTED")


def other_order(member: str, change: Callable[[Row], str]) -> Teller:
    """A filled order that says that it belongs elsewhere."""

    def teller(here: Stage, draw: random.Random) -> Told | None:
        row = pick(here.tables["orders"], draw, where=filled)
        assert row is not None
        word, size = change(row), amount(row, "amount_filled")
        pairs = (text(row, "pair"), word)
        wants = [
            Want(check=FILLS, names=("missing_fill",), subjects=pairs, at_ns=last_change(row), missing=size),
            Want(check=FILLS, names=("extra_fill",), subjects=pairs[:1]),
        ]
        return Told({"orders": lies.altered(row, **{member: word})}, wants, [time(row)])

    return teller


def last_change(row: Row) -> int:
    """When an order was filled last, at the latest: before it was triggered a stop lived without fills."""
    return lies.parse_time(text(row, "updated_at"))


TELLERS["an_order_of_an_unknown_pair"] = other_order("pair", lambda row: "ZZZ/QQQ")
TELLERS["an_order_of_the_other_side"] = other_order("side", lambda row: "BID" if text(row, "side") == "ASK" else "ASK")


@told
def orders_that_are_forgotten(here: Stage, draw: random.Random) -> Told | None:
    before_ns = draw.randrange(OPENED_NS + 20 * DAY_NS, here.now_ns - 10 * DAY_NS)
    lost = [row for row in here.tables["orders"] if time(row) < before_ns]
    wants = [Want(check=FILLS, names=("extra_fill",), subjects=(text(row, "pair"),)) for row in lost if filled(row)]
    return Told({"orders": lies.forgotten(before_ns=before_ns)}, wants, [time(row) for row in lost], len(lost))
