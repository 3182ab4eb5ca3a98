"""Short plays of margin for the workload: what hardly ever happens by chance. Each gives commands with the seconds that
pass before them; whether they then come out as meant is for the coverage counters to say.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Final

from naive.borrowers import Borrowers
from naive.commands import Fund, SetIndex, Tick
from naive.scenes import SYMBOL, Play
from nostro.link.commands import ISOLATED, Borrow, CancelAll, ClosePosition, MoveMargin, PlaceOrder, Repay

SECOND_NS: Final = 1_000_000_000
HOUR_S: Final = 3600
CROSS: Final = "cross_margin"
ISOLATED_HERE: Final = f"{ISOLATED}{SYMBOL}"


def limit(side: str, amount: str, price: str, **more: object) -> PlaceOrder:
    return PlaceOrder(
        instrument=SYMBOL, side=side, type="limit", wallet=more.pop("wallet", "spot"),  # type: ignore[arg-type]
        amount=Decimal(amount), price=Decimal(price), **more,  # type: ignore[arg-type]
    )  # fmt: skip


def provided(user: int, wallet: str, asset: str, amount: str) -> Play:
    """So much more in a margin wallet."""
    money = Decimal(amount)
    return [
        (None, Fund(user=user, wallet="spot", asset=asset, amount=money), 0),
        (user, MoveMargin(account=user, wallet=wallet, direction="add", asset=asset, amount=money), 0),
    ]


def back(borrowers: Borrowers, asset: str) -> Play:
    """The index price is again what it was at first."""
    return [(None, borrowers.index_of(asset, borrowers.first_index[asset]), 0)]


def pick(borrowers: Borrowers, users: int, count: int) -> list[int]:
    return borrowers.random.sample(range(1, users + 1), count)


def cleared(users: int, *means: int) -> Play:
    """Nobody has an order here, and these users have something to trade with."""
    play: Play = [(user, CancelAll(instrument=SYMBOL), 0) for user in range(1, users + 1)]
    for user in means:
        play += [(None, Fund(user=user, wallet="spot", asset="BBB", amount=Decimal(2)), 0)]
        play += [(None, Fund(user=user, wallet="spot", asset="USD", amount=Decimal(200)), 0)]
    return play


def crash_in_a_thin_book(borrowers: Borrowers, now_ns: int, users: int) -> Play:
    """Long on credit, and few that buy when the price has fallen: the fund pays the rest."""
    long, short, bidder = pick(borrowers, users, 3)
    wallet = borrowers.random.choice((CROSS, ISOLATED_HERE))
    bids = borrowers.random.choice(("0.04", "0.1", "0.8"))
    fall = Fraction(borrowers.random.choice(("0.35", "0.55", "0.67")))
    return [
        *cleared(users, short, bidder),
        *provided(long, wallet, "BBB", "0.5"),
        (long, Borrow(account=long, wallet=wallet, asset="USD", amount=Decimal(60)), 1),
        (short, limit("sell", "0.5", "100"), 1),
        (long, limit("buy", "0.5", "100", wallet=wallet), 1),
        (bidder, limit("buy", bids, "60"), 1),
        (long, limit("sell", "0.03", "110", wallet=wallet), 1),
        (None, borrowers.index_of("BBB", borrowers.first_index["BBB"] * fall), 1),
        *back(borrowers, "BBB"),
    ]


def nobody_there(borrowers: Borrowers, now_ns: int, users: int) -> Play:
    """Short on credit, the price doubles, and nobody sells, or hardly anybody: the order that covers fills nothing."""
    short, buyer, seller = pick(borrowers, users, 3)
    wallet = borrowers.random.choice((CROSS, ISOLATED_HERE))
    return [
        *cleared(users, buyer, seller),
        *provided(short, wallet, "USD", "30"),
        (short, Borrow(account=short, wallet=wallet, asset="BBB", amount=Decimal("0.4")), 1),
        (buyer, limit("buy", "0.4", "100"), 1),
        (short, limit("sell", "0.4", "100", wallet=wallet), 1),
        *borrowers.random.choice(([], [(seller, limit("sell", "1", "105"), 1)])),
        (None, borrowers.index_of("BBB", borrowers.first_index["BBB"] * borrowers.random.choice((2, 3))), 1),
        *back(borrowers, "BBB"),
    ]


def one_falls_with_the_other(borrowers: Borrowers, now_ns: int, users: int) -> Play:
    """Two users and three wallets, long on credit; one move of the price is too much for all of them."""
    first, second, other = pick(borrowers, users, 3)
    play = [*cleared(users, other), (other, limit("sell", "2", "100"), 1)]
    for user, wallet in ((first, CROSS), (second, CROSS), (second, ISOLATED_HERE)):
        play += provided(user, wallet, "BBB", "0.4")
        play.append((user, Borrow(account=user, wallet=wallet, asset="USD", amount=Decimal(70)), 0))
        play.append((user, limit("buy", "0.6", "100", wallet=wallet), 0))
    return [
        *play,
        (other, CancelAll(instrument=SYMBOL), 1),
        (other, limit("buy", "0.3", "95"), 1),
        (other, limit("buy", "2", "80"), 1),
        (None, borrowers.index_of("BBB", borrowers.first_index["BBB"] / borrowers.random.choice((2, 3))), 1),
        *back(borrowers, "BBB"),
    ]


def several_debts(borrowers: Borrowers, now_ns: int, users: int) -> Play:
    """One wallet owes three assets, and each is bought where it can be."""
    debtor, first, second = pick(borrowers, users, 3)
    play = cleared(users, first, second)
    play += provided(debtor, CROSS, "BBB", "2")
    for asset, amount in (("USD", "60"), ("AAA", "50"), ("CCC", "2")):
        play.append((debtor, Borrow(account=debtor, wallet=CROSS, asset=asset, amount=Decimal(amount)), 1))
        if borrowers.random.random() < 0.5:
            sub = MoveMargin(account=debtor, wallet=CROSS, direction="sub", asset=asset, amount=Decimal(amount))
            play.append((debtor, sub, 1))
    play += [(first, limit("buy", "0.6", "99"), 1), (second, limit("buy", "1", "98"), 1)]
    if borrowers.random.random() < 0.3:
        play.append((debtor, ClosePosition(account=debtor, wallet=CROSS), 1))
    play += [(None, borrowers.index_of("BBB", borrowers.first_index["BBB"] / 3), 1), *back(borrowers, "BBB")]
    return play


def repaid_before_it_is_repaid(borrowers: Borrowers, now_ns: int, users: int) -> Play:
    """An own order stands before a hidden one that repays by itself; it expires with the very command that repays or
    closes, and there is less to repay than was asked."""
    debtor, seller = pick(borrowers, users, 2)
    wallet = ISOLATED_HERE
    end_ns = now_ns + 500 * SECOND_NS
    owed = Decimal(borrowers.random.choice(("0.02", "0.02", "0.05")))
    last = (
        Repay(account=debtor, wallet=wallet, asset="BBB", amount=owed)
        if borrowers.random.random() < 0.7
        else ClosePosition(account=debtor, wallet=wallet)
    )
    return [
        *cleared(users, seller),
        *provided(debtor, wallet, "USD", "20"),
        *provided(debtor, wallet, "BBB", "0.1"),
        (debtor, ClosePosition(account=debtor, wallet=wallet), 1),
        (debtor, Borrow(account=debtor, wallet=wallet, asset="BBB", amount=owed), 1),
        (debtor, limit("sell", "0.02", "100", wallet=wallet, valid_till_ns=end_ns), 1),
        (seller, limit("sell", "0.04", "100"), 1),
        (debtor, limit("buy", "0.04", "100.5", wallet=wallet, time_in_force="aon", side_effect="auto_repay"), 1),
        (debtor, last, borrowers.random.choice((1000, HOUR_S))),
    ]


def too_little_to_sell(borrowers: Borrowers, now_ns: int, users: int) -> Play:
    """What a wallet has is less than a lot of the only instrument that could bring what it owes."""
    debtor, bidder = pick(borrowers, users, 2)
    wallet = borrowers.random.choice((CROSS, f"{ISOLATED}BBB/CCC"))
    owed = Decimal(3)
    bid = PlaceOrder(wallet="spot", instrument="BBB/CCC", side="buy", type="limit", amount=Decimal(1), price=Decimal(7))
    return [
        (debtor, CancelAll(), 1),
        (None, Fund(user=bidder, wallet="spot", asset="CCC", amount=Decimal(20)), 0),
        (bidder, bid, 1),
        *provided(debtor, wallet, "BBB", "0.9"),
        (debtor, Borrow(account=debtor, wallet=wallet, asset="CCC", amount=owed), 1),
        (debtor, MoveMargin(account=debtor, wallet=wallet, direction="sub", asset="CCC", amount=owed), 1),
        (None, borrowers.index_of("BBB", borrowers.first_index["BBB"] * Fraction("0.45")), 1),
        *back(borrowers, "BBB"),
    ]


def at_the_edge(borrowers: Borrowers, now_ns: int, users: int) -> Play:
    """A wallet just above liquidation, and then the hours pass."""
    debtors = borrowers.debtors()
    borrowers.random.shuffle(debtors)
    aimed = None
    while debtors and aimed is None:
        level = borrowers.random.choice(("0.05001", "0.05001", "0.0501", "0.052"))
        aimed = borrowers.aimed(*debtors.pop(), level=Fraction(level))
    if aimed is None:
        return [(None, Tick(), HOUR_S)]
    hours = borrowers.random.choice((1, 6, 24, 72))
    return [(None, aimed, 1), (None, Tick(), hours * HOUR_S), *back(borrowers, aimed.asset)]


def to_the_last_unit(borrowers: Borrowers, now_ns: int, users: int) -> Play:
    """An isolated wallet, emptied, then with round figures, long or short; an index price that makes its level exactly
    0.05, or next to it. Long: 0.32 BBB at 65.625 are 21 against 20. Short: 30 USD and 0.01 BBB against 0.2 BBB at 150
    are 31.5 against 30."""
    wallet = ISOLATED_HERE
    debtors = borrowers.debtors()
    solvent = [user for user in range(1, users + 1) if (user, wallet) not in debtors]
    if not solvent:
        return []
    user = borrowers.random.choice(solvent)
    play: Play = [(user, CancelAll(), 1), *back(borrowers, "BBB"), *back(borrowers, "USD")]
    for asset in ("BBB", "USD"):
        has = borrowers.totals.get((user, wallet, asset), Decimal(0))
        if has:
            play.append((user, MoveMargin(account=user, wallet=wallet, direction="sub", asset=asset, amount=has), 0))
    long = borrowers.random.random() < 0.5
    play += provided(user, wallet, "BBB", "0.32" if long else "0.01")
    if not long:
        play += provided(user, wallet, "USD", "30")
    owed, amount, price = ("USD", Decimal(20), "65.625") if long else ("BBB", Decimal("0.2"), "150")
    edge = Decimal(price) + Decimal(borrowers.random.choice((-1, 0, 0, 0, 1))).scaleb(-8)
    return [
        *play,
        (user, Borrow(account=user, wallet=wallet, asset=owed, amount=amount), 0),
        (user, MoveMargin(account=user, wallet=wallet, direction="sub", asset=owed, amount=amount), 0),
        (None, SetIndex(asset="BBB", price=edge), 0),
        *back(borrowers, "BBB"),
    ]


def too_late_to_borrow(borrowers: Borrowers, now_ns: int, users: int) -> Play:
    """An order that borrows all that may be borrowed, an hour later: the interest was before it."""
    random, left = borrowers.random, borrowers.left("USD")
    rooms = {key: borrowers.room(*key, "USD") for key in borrowers.debtors() if key[1] in (CROSS, ISOLATED_HERE)}
    debtors = [key for key, room in rooms.items() if 1 <= room <= left]
    if not debtors:
        return []
    user, wallet = random.choice(debtors)
    money = borrowers.free(user, wallet, "USD") + rooms[user, wallet]
    order = limit("buy", "0.01", str(money * 100), wallet=wallet, side_effect="auto_borrow")
    return [(user, order, random.choice((1, HOUR_S, HOUR_S, 12 * HOUR_S))), (user, CancelAll(instrument=SYMBOL), 1)]


def all_that_may_be_borrowed(borrowers: Borrowers, now_ns: int, users: int) -> Play:
    """Exactly to the limit, where prices are round, then an order that would need one more unit."""
    user = borrowers.random.randrange(1, users + 1)
    wallet = ISOLATED_HERE
    return [
        *back(borrowers, "BBB"),
        *provided(user, wallet, "BBB", "0.2"),
        (user, Borrow(account=user, wallet=wallet, asset="USD", amount=Decimal(40)), 1),
        (user, limit("buy", "0.5", "96", wallet=wallet, side_effect="auto_borrow"), 1),
    ]


Scene = Callable[[Borrowers, int, int], Play]
SCENES: Final[tuple[Scene, ...]] = (
    crash_in_a_thin_book,
    nobody_there,
    one_falls_with_the_other,
    several_debts,
    repaid_before_it_is_repaid,
    repaid_before_it_is_repaid,
    repaid_before_it_is_repaid,
    too_little_to_sell,
    at_the_edge,
    to_the_last_unit,
    too_late_to_borrow,
    too_late_to_borrow,
    all_that_may_be_borrowed,
)
