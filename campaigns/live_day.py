"""A day of many accounts at the paper exchanges of all wires, followed by one process in virtual time, with faults of
links, frames and requests all day long: exit status 0 only where nothing is leaked or left open, every gap of states is
named, no check breaks and every book equals its exchange.

    python campaigns/live_day.py                              24 hours of 20 accounts
    python campaigns/live_day.py --hours 2 --exchange grvt    less of it
    python campaigns/live_day.py --real-minutes 60            so long by the clock, over sockets, at served exchanges

Prints a line of JSON. In real time the exchanges are processes of their own (`nostro paper serve`), and what is
followed is their own logins: there the book is held to its own checks, not to the venues.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import click

# In front of this folder, where `simulation` would be a campaign.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from nostro.book.book import Book
from nostro.paper.faults import Fault, FaultPlan, FrameFault, FrameKind, Kind
from simulation import truth
from simulation.contract_plays import PLAYS
from simulation.live_hour import live_hour
from simulation.live_world import LiveWorld, registry
from virtual_time import run

HOUR_S = 3600.0
PLAYED = ("alp", "kraken_futures", "grvt", "bingx_v1", "alp", "kraken_futures", "grvt")  # three accounts each
ACCOUNTS = 20
GROWTH_MAX = 1.25  # of the memory after the first quarter
COMMAND_PAUSE_S = 120.0  # between two commands of one exchange, on average
TROUBLE_PAUSE_S = 1800.0  # between two troubles of one exchange's links


def plan(exchange: str, seed: int) -> FaultPlan:
    """What goes wrong at one exchange, all day long. Where each request is signed by itself, no token ends: there an
    answer that says so is a refused key."""
    kinds = [
        kind
        for kind in Kind
        if kind is not Kind.EXPIRED_TOKEN or registry(exchange, PLAYS[exchange].dialects[0]).auth.sign_in
    ]
    requests = tuple(Fault(kind=kind, share=0.002) for kind in kinds)
    frames = tuple(FrameFault(kind=kind, share=0.01, delay_s=3) for kind in FrameKind)
    return FaultPlan(seed=seed, faults=requests, frames=frames)


async def troubles(world: LiveWorld, chance: random.Random) -> None:
    """Links are cut, down for a while, or carry nothing, now here, now there."""
    fed = [place for place in world.places if place.network is not None]
    while True:
        await world.clock.sleep(chance.expovariate(len(fed) / TROUBLE_PAUSE_S))
        network = chance.choice(fed).network
        assert network is not None
        match chance.randrange(3):
            case 0:
                network.cut()
            case 1:
                network.cut()
                network.down = True
                await world.clock.sleep(chance.uniform(5, 300))
                network.down = False
            case 2:
                network.freeze()
                await world.clock.sleep(chance.uniform(20, 200))
                network.thaw()


def memory_mb() -> float:
    """What this process holds now."""
    gc.collect()
    fields = Path("/proc/self/statm").read_text().split() if Path("/proc/self/statm").exists() else []
    if fields:
        return int(fields[1]) * resource.getpagesize() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def unnamed_gaps(world: LiveWorld, book: Book) -> int:
    """How many states are called proven in a time in which an account was not heard."""
    wrong = 0
    for account, gap in world.heard.gaps:
        for state in gap.unknown:
            tiles = book.coverage(account, state, since_ns=gap.since_ns, until_ns=gap.until_ns)
            named = any(tile.status == "unavailable" and tile.cause == "no_history" for tile in tiles)
            wrong += not named and all(tile.status == "proven" for tile in tiles)
    return wrong


async def day(world: LiveWorld, book: Book, *, hours: float) -> dict[str, Any]:
    """Follows for so long; then nothing goes wrong any more, and within the hour all is known."""
    names = [name for place in world.places for name in place.accounts()][:ACCOUNTS]
    following = asyncio.create_task(world.follow(book, names=names))
    others = [
        asyncio.create_task(world.lives(pause_s=COMMAND_PAUSE_S)),
        asyncio.create_task(troubles(world, random.Random("troubles"))),
    ]
    held = []
    for _ in range(16):
        await world.clock.sleep(hours * HOUR_S / 16)
        assert not following.done(), following
        assert not any(each.done() for each in others), others
        held.append(round(memory_mb(), 1))
        click.echo(f"{len(held)}/16 {held[-1]} MB {dict(world.heard.events)}", err=True)
    for each in others:
        each.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    for place in world.places:
        place.heal()
        if place.network is not None:
            place.network.thaw()
    await world.clock.sleep(1.2 * HOUR_S)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    left = len(asyncio.all_tasks()) - 1
    rows, unequal = Counter[str](), list[str]()
    for name in names:
        try:
            rows.update(world.compare(book, name))
        except AssertionError as error:
            unequal.append(f"{name}: {error}")
    truth.prove(book)
    fired = Counter[str]()
    for place in world.places:
        fired.update({str(kind): count for kind, count in place.faults.fired.items()})
        fired.update({} if place.network is None else place.network.seen)
    return {
        "accounts": len(names), "hours": hours, "rows": sum(rows.values()), "unequal": unequal,
        "open_gaps": len(world.heard.open), "gaps": len(world.heard.gaps), "unnamed": unnamed_gaps(world, book),
        "ended": world.heard.ended, "tasks_left": left, "events": world.heard.events, "faults": fired,
        "memory_mb": held,
        "connections_left": sum(len(each.network.opened) for each in world.places if each.network is not None),
        "growth": round(max(held[8:]) / held[3], 3),
    }  # fmt: skip


def virtual(folder: Path, *, hours: float, exchanges: tuple[str, ...], seed: int) -> dict[str, Any]:
    async def whole() -> dict[str, Any]:
        world = LiveWorld(
            [PLAYS[name] for name in exchanges], folder, seed=seed, plan=lambda number: plan(exchanges[number], number)
        )
        try:
            with world.opened() as book:
                return await day(world, book, hours=hours)
        finally:
            world.close()

    return run(whole())


@click.command()
@click.option("--hours", default=24.0, show_default=True)
@click.option("--exchange", "exchanges", multiple=True, type=click.Choice(list(PLAYS)), help="Whose wires [all].")
@click.option("--seed", default=1, show_default=True)
@click.option("--real-minutes", default=0.0, help="By the clock, over sockets, instead.")
def main(*, hours: float, exchanges: tuple[str, ...], seed: int, real_minutes: float) -> None:
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="nostro-live-") as folder:
        if real_minutes:
            seen = live_hour(Path(folder), minutes=real_minutes, exchanges=exchanges or tuple(PLAYS))
        else:
            seen = virtual(Path(folder), hours=hours, exchanges=exchanges or PLAYED, seed=seed)
    figure = {"figure": "live_hour" if real_minutes else "live_day"} | seen
    click.echo(json.dumps(figure | {"seconds": round(time.monotonic() - began_s, 1)}))
    nothing = ("unequal", "open_gaps", "unnamed", "ended", "tasks_left", "connections_left", "breaks", "open")
    sys.exit(int(any(seen.get(name) for name in nothing) or not seen["gaps"] or seen["growth"] > GROWTH_MAX))


if __name__ == "__main__":
    main()
