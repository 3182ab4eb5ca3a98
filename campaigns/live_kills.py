"""kill -9 of a process that follows an account by its feed over sockets, at random moments while frames come every
twentieth of a second: exit status 0 only where nothing that was said to be stored is lost, no kill cost more than the
open segment, every next process went on from the last stored frame, and the book equals the exchange in the end.

    python campaigns/live_kills.py --kills 50

Prints a line of JSON.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import click
import msgspec

# In front of this folder, where `simulation` would be a campaign.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from collect.live_killing import SEGMENT_S, Killing


@click.command()
@click.option("--kills", default=50, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(*, kills: int, seed: int) -> None:
    began_s = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="nostro-kills-") as folder,
        Killing(Path(folder), seed=seed) as killing,
    ):
        seen = asyncio.run(killing.run(kills))
    figure = {"figure": "live_kills"} | msgspec.to_builtins(seen) | {"seconds": round(time.monotonic() - began_s, 1)}
    click.echo(msgspec.json.encode(figure).decode())
    met = seen.stored and seen.reopened == seen.kills and seen.beyond_s < 3 * SEGMENT_S
    sys.exit(0 if met and not (seen.lost or seen.unequal) else 1)


if __name__ == "__main__":
    main()
