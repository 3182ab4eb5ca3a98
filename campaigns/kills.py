"""kill -9 of a collector that brings an account into a book over real HTTP, at random moments, again and again until
the book is whole: exit status 0 only where nothing acknowledged was lost, nothing is doubled, every chain is valid, and
every finished book equals the exchange.

Two thirds of the kills come at a random time, the others at a random step of a random stage of the work (inside the
transaction, between commit and anchor, ...), so that also the narrow stages are hit; where each kill struck is counted.
A process that is killed keeps its file system's cache: what this shows is that work is whole or not there, not what a
power cut leaves.

    python campaigns/kills.py --kills 200
    python campaigns/kills.py --kills 100 --engine postgresql     a book on a server, which is killed too now and then
    python campaigns/kills.py --early      the control, which acknowledges too early: exit status 0 only where it loses
"""

from __future__ import annotations

import json
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

import click

# In front of this folder, where `simulation` would be a campaign.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from collect.killing import Killing, Seen, Stage
from servers import served

EVERYWHERE_KILLS = 100  # so many must have struck every stage but the last


@click.command()
@click.option("--kills", default=200, show_default=True)
@click.option("--rows", default=600, show_default=True, help="Fills of the trader at the exchange.")
@click.option("--seed", default=1, show_default=True)
@click.option("--engine", type=click.Choice(["sqlite", "postgresql"]), default="sqlite", show_default=True)
@click.option("--early", is_flag=True, help="Acknowledge before the commit: the control.")
def main(*, kills: int, rows: int, seed: int, engine: str, early: bool) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="nostro-kills-") as folder,
        served(on_disk=True) if engine == "postgresql" else nullcontext() as server,
        Killing(Path(folder), rows, seed=seed, early=early, server=server) as killing,
    ):
        seen = killing.run(kills)
    report(seen, engine, early=early)
    if early:
        sys.exit(0 if seen.lost else 1)
    met = seen.kills >= kills and not (seen.lost or seen.doubled or seen.broken or seen.unequal)
    everywhere = kills < EVERYWHERE_KILLS or seen.stages_hit() >= len(Stage) - 1
    sys.exit(0 if met and everywhere and seen.books else 1)


def report(seen: Seen, engine: str, *, early: bool) -> None:
    kinds = {"in time": seen.timed, "aimed": seen.aimed, "with the server": seen.with_server}
    click.echo(f"{'where the kill struck':24}" + "".join(f"{kind:>16}" for kind in kinds))
    for stage in Stage:
        click.echo(f"{stage.shown:24}" + "".join(f"{kills[stage]:16}" for kills in kinds.values()))
    click.echo(f"{'in all':24}" + "".join(f"{kills.total():16}" for kills in kinds.values()))
    for fault in seen.faults:
        click.echo(fault, err=True)
    figure = {
        "figure": "kills_early" if early else "kills", "engine": engine, "kills": seen.kills,
        "with_server": seen.with_server.total(), "stages": seen.stages_hit(),
        "books": seen.books, "acknowledged": seen.acknowledged, "lost": seen.lost, "doubled": seen.doubled,
        "broken": seen.broken, "unequal": seen.unequal, "rows": seen.rows, "seconds": round(seen.seconds, 1),
    }  # fmt: skip
    click.echo(json.dumps(figure))


if __name__ == "__main__":
    main()
