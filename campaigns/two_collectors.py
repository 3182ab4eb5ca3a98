"""Pauses the collector that holds an account's lease (SIGSTOP), lets the lease end and a second one take it, and wakes
the first (SIGCONT), again and again: exit status 0 only where the woken one was refused each time and wrote nothing,
no window of the history is twice in the journal, none is missing, and everything acknowledged is there.

Half of the pauses come at a random time, the others at a random step of the work. The clock of both jumps over the
lease during a pause, so that nobody waits for it.

    python campaigns/two_collectors.py --pauses 500
    python campaigns/two_collectors.py --pauses 500 --engine postgresql
    python campaigns/two_collectors.py --pauses 20 --without-fence     the control: exit status 0 only where it doubles
"""

from __future__ import annotations

import json
import sys
import tempfile
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import click

# In front of this folder, where `simulation` would be a campaign.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from book.world import exchange
from collect.pausing import Pausing
from nostro.book.book import Book
from nostro.book.store import Place, Store
from servers import served


@click.command()
@click.option("--pauses", default=100, show_default=True, help="In which the second one takes over.")
@click.option("--seed", default=1, show_default=True)
@click.option("--engine", type=click.Choice(["sqlite", "postgresql"]), default="sqlite", show_default=True)
@click.option("--without-fence", is_flag=True, help="Move the head whosever the lease is: the control.")
def main(*, pauses: int, seed: int, engine: str, without_fence: bool) -> None:
    with ExitStack() as stack:
        place: Place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nostro-two-"))) / "b.db"
        if engine == "postgresql":
            place = stack.enter_context(served()).place(place)
        opened = partial(Book.open, place, create=True, registry=exchange)
        with closing(Store(place, create=True)) as store:
            path = store.engine.path
        pausing = Pausing(lambda now_ns: opened(now_ns=now_ns), path, seed=seed, fence=not without_fence)
        seen = stack.enter_context(pausing).run(pauses)
    for stage, count in sorted(seen.pauses.items()):
        click.echo(f"paused {stage:24} {count:6}")
    figure = {
        "figure": "two_collectors" + "_unfenced" * without_fence, "engine": engine, "pauses": seen.pauses.total(),
        "stages": len(seen.pauses), "takeovers": seen.takeovers, "fenced": seen.fenced, "locked_out": seen.locked_out,
        "windows": seen.windows, "acknowledged": seen.acknowledged, "doubled": seen.doubled, "stale": seen.stale,
        "lost": seen.lost, "wrong": seen.wrong, "behind": seen.behind, "seconds": round(seen.seconds, 1),
    }  # fmt: skip
    click.echo(json.dumps(figure))
    if without_fence:
        sys.exit(0 if seen.doubled and seen.stale else 1)
    sys.exit(0 if seen.good and seen.takeovers else 1)


if __name__ == "__main__":
    main()
