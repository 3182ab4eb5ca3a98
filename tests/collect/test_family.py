"""Shows that a master key's lists are its own and its sub-accounts' rows, all of them and once, over windows of thirty
days whose bounds some of the rows stand on; and that fills which are alike in everything, of two sub-accounts and of
one at one instant, are as many in the book as they were."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from collect.scene import START_NS, Scene, equal, run, scene
from nostro.domain.values import DAY_NS, SECOND_NS
from nostro.link import commands
from nostro.link.commands import Accepted
from nostro.link.view import Login
from nostro.paper.venue.commands import Fund

EVERYTHING = ("read", "trade", "margin", "withdraw")
BEGIN_NS = START_NS - START_NS % (3600 * SECOND_NS) + 3600 * SECOND_NS  # a full hour, as interest has
# From the begin on: thirty days exactly, less by the least, and more by the least.
AT_NS = (0, 30 * DAY_NS - 1, 30 * DAY_NS, 30 * DAY_NS + 1, 60 * DAY_NS - 1, 60 * DAY_NS, 61 * DAY_NS)
LISTS = ("orders", "fills", "entries", "borrows", "repayments", "interest", "transfers")


def family(world: Scene) -> list[Login]:
    """A master and its two sub-accounts, who all do the same at the same instants."""
    venue, found = world.venue, list[Login]()
    for name in ("seller", "master", "first", "second"):
        parent = found[1].user if len(found) > 1 else None
        found.append(venue.create_login(name, "", permissions=EVERYTHING, parent=parent))

    def do(user: int, command: Any, at_ns: int) -> None:
        outcome = venue.carry_out(command, user=user, at_ns=at_ns).answer
        assert isinstance(outcome, Accepted), outcome

    def place(user: int, side: commands.Side, amount: str, *, at_ns: int) -> None:
        order = commands.PlaceOrder(
            wallet="spot", instrument="BTC/USDT", side=side, type="limit", amount=Decimal(amount), price=Decimal(64_000)
        )
        do(user, order, at_ns)

    cross = "cross_margin"
    for login in found:
        for asset in ("BTC", "USDT"):
            do(0, Fund(user=login.user, wallet="spot", asset=asset, amount=Decimal(1_000_000)), BEGIN_NS)
    for number, at_ns in enumerate(BEGIN_NS + each for each in AT_NS):
        place(found[0].user, "sell", "0.6", at_ns=at_ns)
        for login in found[1:]:
            user, usdt = login.user, {"account": login.user, "wallet": cross, "asset": "USDT"}
            place(user, "buy", "0.1", at_ns=at_ns)
            place(user, "buy", "0.1", at_ns=at_ns)
            do(found[1].user, commands.MoveMargin(direction="add", amount=Decimal(100), **usdt), at_ns)
            if number % 2 == 0:
                do(user, commands.Borrow(amount=Decimal(10), **usdt), at_ns)
            else:
                (loan,) = venue.loans(user)
                do(found[1].user, commands.Repay(amount=loan.principal + loan.interest, **usdt), at_ns)
    world.clock.at_ns = BEGIN_NS + 62 * DAY_NS
    venue.tick()
    return found[1:]


def rows(world: Scene, name: str, users: list[int]) -> Counter[tuple[str, int]]:
    """How many rows of each account and time the venue has; of interest, to which the wire gives no time, without."""
    read = {"transfers": "movements"}.get(name, name)
    found = (row for user in users for row in getattr(world.venue, read)(user))
    return Counter((str(row.user), _cut(name, getattr(row, "placed_ns", None) or row.time_ns)) for row in found)


def _cut(name: str, time_ns: int) -> int:
    return 0 if name == "interest" else time_ns // 1000 * 1000


@pytest.mark.parametrize("dialect", ["cli", "d23"])
def test_a_master_s_lists_are_the_rows_of_all(tmp_path: Path, dialect: str) -> None:
    with scene(tmp_path, rows=0, dialect=dialect) as world:
        users = [login.user for login in family(world)]
        account = world.account("master")
        for name in LISTS:
            seen = run(getattr(account, name)(BEGIN_NS - DAY_NS, world.clock.at_ns).all())
            assert Counter((row.sub_account, _cut(name, row.effective_ns)) for row in seen) == rows(world, name, users)
            assert {row.sub_account for row in seen} == set(map(str, users))
            assert not seen.coverage
        with world.book("master", since_ns=BEGIN_NS - DAY_NS) as book:
            run(world.full_pass(book, world.source("master")))
            world.clock.pass_s(3600)
            run(world.full_pass(book, world.source("master")))
            counts = equal(book, world, "master")
            fills = Counter((fill.sub_account, fill.effective_ns) for fill in book.facts("fill", str(users[0])))
        assert counts["fills of sub-accounts"] == 2 * 2 * len(AT_NS)
        assert sorted(fills.values()) == [2] * (3 * (len(AT_NS) - 2)) + [4] * 3, "two instants are one microsecond"
