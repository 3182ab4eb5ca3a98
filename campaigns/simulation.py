"""The simulation at length: many seeds, each lived twice to the same hash, in as many processes as there are cores.
With ``--engine postgresql`` the second life's book is on PostgreSQL: both engines end in the same hash.

    python campaigns/simulation.py --seeds 1000
    python campaigns/simulation.py --seeds 500 --exchange grvt

Prints what was reached as a line of JSON, and ends with status 1 at the first difference, naming the seed. What was
reached so far goes to stderr every 25 seeds: a run of hours that is cut off was not in vain.
"""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack
from multiprocessing.util import Finalize
from pathlib import Path

import click
import msgspec

# In place of this folder, where `simulation` would be this program.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from servers import Server, served
from simulation.campaign import Total, live_twice
from simulation.contract_plays import PLAYS
from simulation.world import Seen, counts, directly

REFUSED_MIN = 100
TOLD_EVERY = 25
ENGINES = ("sqlite", "postgresql")
_servers: list[Server] = []  # of this process, one at the most
_ending = ExitStack()


def begin(engine: str) -> None:
    """What each process needs: a server of its own, which ends with it."""
    if engine == "postgresql":
        _servers.append(_ending.enter_context(served()))
        # Processes of a pool end without `atexit`.
        Finalize(None, _ending.close, exitpriority=10)


def live(exchange: str, seed: int) -> Seen:
    server = _servers[0] if _servers else None
    seen = live_twice(seed, places=(directly, server.place if server else directly), play=PLAYS[exchange])
    if server:
        server.forget()
    return seen


@click.command()
@click.option("--seeds", default=1000, show_default=True, help="How many seeds that count.")
@click.option("--first", default=1, show_default=True, help="The first seed.")
@click.option("--exchange", type=click.Choice(list(PLAYS)), default="alp", show_default=True, help="Whose wire.")
@click.option("--engine", type=click.Choice(ENGINES), default="sqlite", show_default=True)
@click.option("--processes", default=os.cpu_count() or 1, show_default=True)
def main(seeds: int, first: int, *, exchange: str, engine: str, processes: int) -> None:
    """Lives so many seeds, each twice."""
    play = PLAYS[exchange]
    total, begun = Total(), time.monotonic()
    with ProcessPoolExecutor(processes, initializer=begin, initargs=(engine,)) as pool:
        waiting = {pool.submit(live, exchange, first + number) for number in range(seeds)}
        following = first + seeds
        while waiting:
            done = next(as_completed(waiting))
            waiting.discard(done)
            seen: Seen = done.result()
            if counts(seen, play):
                total.add(seen)
                if total.seeds % TOLD_EVERY == 0:
                    click.echo(figures(total, exchange, engine, begun), err=True)
            else:
                total.passed_over += 1
                waiting.add(pool.submit(live, exchange, following))
                following += 1
    total.check(REFUSED_MIN, play)
    click.echo(figures(total, exchange, engine, begun))


def figures(total: Total, exchange: str, engine: str, begun: float) -> str:
    """A line of JSON."""
    of = {"exchange": exchange, "engine": engine, "seconds": round(time.monotonic() - begun)}
    return msgspec.json.encode(msgspec.to_builtins(total) | of).decode()


if __name__ == "__main__":
    main()
