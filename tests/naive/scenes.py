"""Short plays for the workload: what hardly ever happens by chance. Each gives commands with the seconds that pass
before them; whether they then come out as meant is for the coverage counters to say.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Final

from naive.commands import Fund, Operator, Ordered
from nostro.link.commands import CancelAll, PlaceOrder, RequestWithdrawal

Play = list[tuple[int | None, Operator | Ordered, int]]
SYMBOL: Final = "BBB/USD"
SECOND_NS: Final = 1_000_000_000


def limit(side: str, amount: str, price: str, **more: object) -> PlaceOrder:
    return PlaceOrder(
        wallet="spot", instrument=SYMBOL, side=side, type=more.pop("type", "limit"),  # type: ignore[arg-type]
        amount=Decimal(amount), price=Decimal(price), **more,  # type: ignore[arg-type]
    )  # fmt: skip


def cleared(users: int) -> Play:
    """Nobody has an order here, three users have the means."""
    play: Play = [(user, CancelAll(instrument=SYMBOL), 0) for user in range(1, users + 1)]
    for user in range(1, users + 1):
        play += [(None, Fund(user=user, wallet="spot", asset=asset, amount=Decimal(5)), 0) for asset in ("BBB", "USD")]
    return play


def dearer_after_expiry(random: Random, now_ns: int, users: int, free_usd: Callable[[int], Decimal]) -> Play:
    """A market buyer can pay for the best order, which expires, and not for the next."""
    buyer, first, second = random.sample(range(1, users + 1), 3)
    play = cleared(users)
    spare = free_usd(buyer)  # five more come, five stay
    while spare >= 1:
        amount = min(spare, Decimal(200))
        play.append((buyer, RequestWithdrawal(method=12, amount=amount, attributes={"iban": "DE1234"}), 0))
        spare -= amount
    end_ns = now_ns + 500 * SECOND_NS
    play += [
        (first, limit("sell", "0.05", "99", expire_after_ns=end_ns), 1),
        (second, limit("sell", "0.05", "101"), 1),
        (buyer, PlaceOrder(wallet="spot", instrument=SYMBOL, side="buy", type="market",
                           time_in_force=random.choice(("gtc", "ioc", "fok", "aon")), amount=Decimal("0.05")), 1000),
    ]  # fmt: skip
    return play


def cheaper_after_expiry(random: Random, now_ns: int, users: int, free_bbb: Callable[[int], Decimal]) -> Play:
    """A market seller has enough for the money it wants from the best order, which expires, and not from the next."""
    seller, first, second = random.sample(range(1, users + 1), 3)
    play = cleared(users)
    spare = free_bbb(seller) + 5 - Decimal("0.05")
    while spare >= Decimal("0.01"):
        amount = min(spare, Decimal(3))
        play.append((seller, limit("sell", str(amount), "200"), 0))
        spare -= amount
    end_ns = now_ns + 500 * SECOND_NS
    play += [
        (first, limit("buy", "0.1", "101", valid_till_ns=end_ns), 1),
        (second, limit("buy", "0.1", "95"), 1),
        (seller, PlaceOrder(wallet="spot", instrument=SYMBOL, side="sell", type="market",
                            time_in_force=random.choice(("gtc", "ioc", "fok", "aon")), quote_amount=Decimal(5)), 1000),
        (seller, CancelAll(instrument=SYMBOL), 1),
    ]  # fmt: skip
    return play


def crossed_after_expiry(random: Random, now_ns: int, users: int) -> Play:
    """An own order stands before a hidden one; it expires, the hidden one trades, a stop follows, and rests where the
    post-only order of this very command would take it."""
    hidden, seller, stopped = random.sample(range(1, users + 1), 3)
    end_ns = now_ns + 500 * SECOND_NS
    return [
        *cleared(users),
        (seller, limit("sell", "0.03", "98"), 1),
        (hidden, limit("buy", "0.03", "98"), 1),
        (hidden, limit("sell", "0.02", "100", valid_till_ns=end_ns), 1),
        (seller, limit("sell", "0.04", "100"), 1),
        (hidden, limit("buy", "0.04", "100.5", time_in_force="aon"), 1),
        (stopped, limit("sell", "0.05", "97", type="stop_limit", stop_price=Decimal(100), stop_operator="gte"), 1),
        (seller, limit("buy", "0.06", "97", post_only=True), 1000),
    ]


def chain_of_stops(random: Random, users: int) -> Play:
    """Orders rest at 98, 99, 100, 101; the trade at 98 triggers the stop that takes 99, and so on."""
    seller, buyer, follower = random.sample(range(1, users + 1), 3)
    play = cleared(users)
    # The last price is brought below all stops first.
    play += [(seller, limit("sell", "0.03", "90"), 1), (buyer, limit("buy", "0.03", "90"), 1)]
    play += [(seller, limit("sell", "0.03", str(price)), 1) for price in (98, 99, 100, 101)]
    for price in random.sample((99, 100, 101), 3):
        kind = random.choice(("stop_limit", "stop_market"))
        stop = PlaceOrder(
            wallet="spot", instrument=SYMBOL, side="buy", type=kind,  # type: ignore[arg-type]
            time_in_force=random.choice(("gtc", "ioc", "fok", "aon")), amount=Decimal("0.03"),
            price=Decimal(price) if kind == "stop_limit" else None, stop_price=Decimal(price - 1), stop_operator="gte",
        )  # fmt: skip
        play.append((follower, stop, 1))
    play.append((buyer, limit("buy", "0.03", "98"), 1))
    return play
