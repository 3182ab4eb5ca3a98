"""How fast the paper exchange is: its engine alone against the naive engine on the same random commands, on a busy book
of its own, and the making of a history with its journal. Prints one line a figure.

    python benchmarks/venue.py --commands 50000 --rows 3000
"""

from __future__ import annotations

import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from random import Random

import click

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from naive.engine import NaiveEngine
from naive.grounds import NARROW
from naive.workload import Workload
from nostro.link.view import Borrow, CancelOrders, MoveMargin, PlaceOrder, SideEffect
from nostro.paper.history import generate
from nostro.paper.venue.commands import AnyCommand, CreateUser, Envelope, Fund, SetIndex
from nostro.paper.venue.engine import Engine
from nostro.paper.venue.profile import PROFILE
from nostro.paper.venue.venue import Venue
from paper.differential import venue_envelope, venue_profile

NOW_NS = 1_763_600_000_000_000_000
USERS = 20


@click.command()
@click.option("--commands", default=50_000, show_default=True)
@click.option("--rows", default=3_000, show_default=True, help="Fills of the trader in the history that is made.")
def main(commands: int, rows: int) -> None:
    naive_rate, engine_rate = against_naive(min(commands, 5_000))
    click.echo(f"random commands, naive engine   {naive_rate:10,.0f} commands/s")
    click.echo(
        f"random commands, engine         {engine_rate:10,.0f} commands/s   {engine_rate / naive_rate:.1f} times"
    )
    rate, fills = busy_book(commands, wallet="spot")
    click.echo(f"busy book, engine               {rate:10,.0f} commands/s   {fills:,.0f} fills/s")
    rate, fills = busy_book(commands, wallet="cross_margin")
    click.echo(f"busy book of margin, engine     {rate:10,.0f} commands/s   {fills:,.0f} fills/s")
    rate, size, again_s = history(rows)
    click.echo(
        f"history with journal            {rate:10,.0f} fills/s   {size / 1e6:.0f} MB, opened again in {again_s:.2f} s"
    )


def against_naive(count: int) -> tuple[float, float]:
    """Commands a second of both on the same commands, each without the other."""
    workload, naive = Workload(Random(1), NARROW), NaiveEngine(NARROW.profile)
    given, spent_s = [], 0.0
    for _ in range(count):
        envelope = workload.next()
        given.append(envelope)
        began_s = time.perf_counter()
        outcome = naive.apply(envelope)
        spent_s += time.perf_counter() - began_s
        workload.seen(outcome)
    engine, envelopes = Engine(venue_profile(NARROW.profile)), [venue_envelope(envelope) for envelope in given]
    began_s = time.perf_counter()
    for each in envelopes:
        engine.apply(each)
    return count / spent_s, count / (time.perf_counter() - began_s)


def busy_book(count: int, *, wallet: str) -> tuple[float, float]:
    """Limit orders of twenty users around one price, three of ten commands cancel: commands and fills a second. Of
    margin: all of them owe something, borrow for their orders or repay from them, and the index moves now and then."""
    engine, random, number = Engine(PROFILE), Random(1), 0
    setup: list[AnyCommand] = [CreateUser(name=f"user {user}") for user in range(USERS)]
    setup += [
        Fund(user=user + 1, wallet="spot", asset=asset.code, amount=Decimal(10**9))
        for user in range(USERS)
        for asset in PROFILE.assets
    ]
    if wallet != "spot":
        setup += [_collateral(user + 1, asset.code, wallet) for user in range(USERS) for asset in PROFILE.assets]
        setup += [
            Borrow(account=user + 1, wallet=wallet, asset=asset, amount=Decimal(1), type="manual")
            for user in range(USERS)
            for asset in ("BTC", "USDT")
        ]
    for command in setup:
        number += 1
        engine.apply(Envelope(id=number, at_ns=NOW_NS, command=command, user=getattr(command, "account", 0)))
    envelopes = [
        Envelope(
            id=number + each,
            at_ns=NOW_NS + each,
            user=random.randrange(1, USERS + 1),
            command=_random(random, each, wallet=wallet),
        )
        for each in range(1, count + 1)
    ]
    fills, began_s = 0, time.perf_counter()
    for envelope in envelopes:
        fills += len(engine.apply(envelope).fill_rows)
    spent_s = time.perf_counter() - began_s
    return count / spent_s, fills / spent_s


def _collateral(user: int, asset: str, wallet: str) -> MoveMargin:
    return MoveMargin(account=user, wallet=wallet, direction="add", asset=asset, amount=Decimal(10**8))


def _random(random: Random, number: int, *, wallet: str) -> PlaceOrder | CancelOrders | SetIndex:
    if wallet != "spot" and number % 500 == 0:
        return SetIndex(asset="BTC", price=Decimal(random.randrange(63_000, 65_000)))
    if random.randrange(10) < 3:
        return CancelOrders(order_ids=(random.randrange(max(1, number - 200), number + 1),))
    side = "buy" if random.randrange(2) else "sell"
    price = Decimal(6_400_000 + random.randrange(-300, 300) + (-100 if side == "buy" else 100)) / 100
    amount = Decimal(random.randrange(1, 1_000)) / 1_000
    effect: SideEffect = "none" if wallet == "spot" else random.choice(("none", "auto_borrow", "auto_repay"))
    return PlaceOrder(
        wallet=wallet, instrument="BTC/USDT", side=side, type="limit", amount=amount, price=price, side_effect=effect
    )  # fmt: skip


def history(rows: int) -> tuple[float, int, float]:
    """Fills of all users a second while a history is made, bytes of the file, and seconds to open it again."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "venue.db"
        began_s = time.perf_counter()
        with Venue.open(path, now_ns=lambda: NOW_NS, seed=7) as venue:
            generate(venue, until_ns=NOW_NS, rows=rows)
            spent_s = time.perf_counter() - began_s
            fills = 2 * venue.engine.matching.trades_made
        began_s = time.perf_counter()
        Venue.open(path, now_ns=lambda: NOW_NS).close()
        return fills / spent_s, path.stat().st_size, time.perf_counter() - began_s


if __name__ == "__main__":
    main()
