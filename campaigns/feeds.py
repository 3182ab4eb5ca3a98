"""Follows accounts whose feeds fail in every way, in virtual time, and prints the figures: exit status 0 only where the
present was the truth in the end of every life, and every silence was noticed in time. With ``--plant`` one of the
mistakes that one could make is made, and it must be found: then the status is 1.

    python campaigns/feeds.py
    python campaigns/feeds.py --plant pongs
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from link.feed_faults import Found, cuts, interleavings, orders, plants, positions, silences

FRAMES = 200


@click.command()
@click.option("--cuts", "cut", default=500, show_default=True)
@click.option("--scripts", default=100, show_default=True, help="Of seven events, each in all its 5,040 orders.")
@click.option("--every", default=1, show_default=True, help="Of 200 frames, tamper with each such one.")
@click.option("--silent", default=100, show_default=True, help="Lives of each kind of silence.")
@click.option("--seed", default=1, show_default=True)
@click.option("--plant", type=click.Choice(sorted(plants())), help="A mistake to make.")
def main(cut: int, scripts: int, every: int, silent: int, seed: int, plant: str | None) -> None:
    if plant is not None:
        plants()[plant](setattr)
    started_s = time.monotonic()
    places = range(0, FRAMES, every)
    found: dict[str, Found] = {
        "interleavings": interleavings(),
        "cuts": cuts(cut, seed=seed),
        "dropped": positions("dropped", places, frames=FRAMES, seed=seed),
        "doubled": positions("doubled", places, frames=FRAMES, seed=seed),
        "reset": positions("reset", places, frames=FRAMES, seed=seed),
        "half_open": silences("half_open", silent, seed=seed),
        "silent": silences("silent", silent, seed=seed),
        "frozen": silences("frozen", silent, seed=seed),
        "orders": orders(scripts, seed=seed),
    }
    figures = {name: {"count": each.count, "differences": each.differences} for name, each in found.items()}
    wrong = sum(each.differences for each in found.values())
    took_s = round(time.monotonic() - started_s, 1)
    print(json.dumps({"faults": figures, "differences": wrong, "planted": plant, "took_s": took_s}))
    for each in found.values():
        for shown in each.shown:
            print(shown, file=sys.stderr)
    sys.exit(1 if wrong or not all(each.count for each in found.values()) else 0)


if __name__ == "__main__":
    main()
