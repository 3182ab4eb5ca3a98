"""How fast the paper exchange is: its engine alone against the naive engine on the same random commands, on a busy book
of its own, and the making of a history with its journal.

    python benchmarks/venue.py --commands 50000 --fills 5000
    python benchmarks/venue.py --fills 1000000
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import click
import msgspec

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from served import spread

from naive.engine import NaiveEngine
from naive.grounds import NARROW
from naive.workload import Workload
from nostro.link.commands import Borrow, CancelOrders, MoveMargin, PlaceOrder, SideEffect
from nostro.paper.history import generate
from nostro.paper.profiles import grvt
from nostro.paper.profiles.alp import PROFILE
from nostro.paper.venue.commands import AnyCommand, CreateUser, Envelope, Fund, SetIndex, SetMark
from nostro.paper.venue.engine import Engine
from nostro.paper.venue.venue import Venue
from paper.differential import venue_envelope, venue_profile

NOW_NS = 1_763_600_000_000_000_000
USERS = 20
PERPETUAL = "BTC/USDT:USDT"
# Nobody is held up by how many orders may be open: in the book of spot nobody is.
CONTRACTS = msgspec.structs.replace(
    grvt.PROFILE,
    instruments=tuple(msgspec.structs.replace(each, orders_max=10**6) for each in grvt.PROFILE.instruments),
)
LONG = 200_000  # fills: such a history is made once
HISTORY_DIGITS = {"history_fills_per_s": 0, "history_fills_per_cpu_s": 0, "history_mb": 1, "opened_again_s": 3}


@click.command()
@click.option("--commands", default=50_000, show_default=True)
@click.option("--fills", default=5_000, show_default=True, help="Of the trader in the history that is made.")
@click.option("--rounds", default=3, show_default=True)
def main(commands: int, *, fills: int, rounds: int) -> None:
    naive = [against_naive(min(commands, 5_000)) for _ in range(rounds)]
    figures: dict[str, Any] = {
        "benchmark": "venue", "rounds": rounds, "naive_commands_per_s": spread([rates[0] for rates in naive]),
        "random_commands_per_s": spread([rates[1] for rates in naive]),
    }  # fmt: skip
    for name, wallet in (("busy", "spot"), ("busy_margin", "cross_margin"), ("busy_contracts", "futures")):
        rates = [busy_book(commands, wallet=wallet) for _ in range(rounds)]
        figures[f"{name}_commands_per_s"] = spread([each[0] for each in rates])
        figures[f"{name}_fills_per_s"] = spread([each[1] for each in rates])
    made = [history(fills) for _ in range(rounds if fills < LONG else 1)]
    figures |= {name: spread([each[name] for each in made], digits) for name, digits in HISTORY_DIGITS.items()}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1 << 20)
    click.echo(json.dumps(figures | {"history_fills": made[0]["fills"], "peak_mb": round(peak, 1)}))


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
    margin: all of them owe something, borrow for their orders or repay from them, and the index moves now and then. Of
    contracts: the mark does."""
    profile = CONTRACTS if wallet == "futures" else PROFILE
    engine, random, number = Engine(profile), Random(1), 0
    setup: list[AnyCommand] = [CreateUser(name=f"user {user}") for user in range(USERS)]
    setup += [
        Fund(user=user + 1, wallet="futures" if profile is CONTRACTS else "spot", asset=asset, amount=Decimal(10**9))
        for user in range(USERS)
        for asset in ([each.asset for each in profile.collateral] or [each.code for each in profile.assets])
    ]
    if wallet == "cross_margin":
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


def _random(random: Random, number: int, *, wallet: str) -> PlaceOrder | CancelOrders | SetIndex | SetMark:
    if wallet != "spot" and number % 500 == 0:
        price = Decimal(random.randrange(63_000, 65_000))
        return SetMark(instrument=PERPETUAL, price=price) if wallet == "futures" else SetIndex(asset="BTC", price=price)
    if random.randrange(10) < 3:
        return CancelOrders(order_ids=(random.randrange(max(1, number - 200), number + 1),))
    side = "buy" if random.randrange(2) else "sell"
    price = Decimal(6_400_000 + random.randrange(-300, 300) + (-100 if side == "buy" else 100)) / 100
    amount = Decimal(random.randrange(1, 1_000)) / 1_000
    if wallet == "futures":
        price, amount = price.quantize(Decimal("0.1")), amount + Decimal("0.001")
        return PlaceOrder(wallet=wallet, instrument=PERPETUAL, side=side, type="limit", amount=amount, price=price)
    effect: SideEffect = "none" if wallet == "spot" else random.choice(("none", "auto_borrow", "auto_repay"))
    return PlaceOrder(
        wallet=wallet, instrument="BTC/USDT", side=side, type="limit", amount=amount, price=price, side_effect=effect
    )  # fmt: skip


def history(rows: int) -> dict[str, float]:
    """A history with its journal: fills of all users (two a trade), how many of them a second of the clock and of the
    processor, megabytes of the file, and seconds to open it again."""
    with tempfile.TemporaryDirectory(prefix="nostro-venue-") as folder:
        path = Path(folder) / "venue.db"
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        with Venue.open(path, now_ns=lambda: NOW_NS, seed=7) as venue:
            generate(venue, until_ns=NOW_NS, rows=rows, progress=_told)
            spent_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
            fills = 2 * venue.engine.matching.trades_made
        began_s = time.perf_counter()
        Venue.open(path, now_ns=lambda: NOW_NS).close()
        return {
            "fills": fills, "history_fills_per_s": fills / spent_s, "history_fills_per_cpu_s": fills / cpu_s,
            "history_mb": path.stat().st_size / 1e6, "opened_again_s": time.perf_counter() - began_s,
        }  # fmt: skip


def _told(done: int, of: int) -> None:
    if of >= LONG and done % (of // 20) < of // 200:
        click.echo(f"making up history: {done:,} of {of:,} fills", err=True)


if __name__ == "__main__":
    main()
