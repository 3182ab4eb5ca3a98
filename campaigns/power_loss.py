"""Cuts the power: strace records what a program writes to its book (and another one to its venue's journal) and when it
syncs, and disks are made of it as a cut at any moment could leave them: writes after a file's last sync lost, kept in
part, torn at 512 bytes. Exit status 0 only where every disk opens, verifies and has all that was acknowledged.

    python campaigns/power_loss.py --images 20000
    python campaigns/power_loss.py --images 2000 --migration
    python campaigns/power_loss.py --images 500 --synchronous normal     the control: exit status 0 only where it loses
    python campaigns/power_loss.py --images 500 --anchor-unsynced        another, whose anchors fall behind
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from book.cuts import BookCuts, Cuts, MigrationCuts, Seen, VenueCuts

WORKLOAD_IMAGES = 500  # of one recorded workload, then another one
VENUE_EVERY = 5  # workload: of the venue
MEMORY = Path("/dev/shm")  # where there is one, the disks are made in memory


@click.command()
@click.option("--images", default=1_000, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--commits", default=25, show_default=True, help="Of one workload.")
@click.option("--synchronous", type=click.Choice(["full", "normal"]), default="full", show_default=True)
@click.option("--migration", is_flag=True, help="Of a book of the first release that is brought to the present form.")
@click.option("--anchor-unsynced", is_flag=True, help="The anchor is written without a sync: a control.")
def main(*, images: int, seed: int, commits: int, synchronous: str, anchor_unsynced: bool, migration: bool) -> None:
    control = synchronous != "full" or anchor_unsynced
    if control and migration:
        raise click.UsageError("the controls are of the book that grows, not of its migration")
    if not shutil.which("strace"):
        click.echo("strace is missing, which records what is replayed here (Debian: apt install strace)", err=True)
        sys.exit(2)
    seen, began_s = Seen(), time.monotonic()
    options = {"synchronous": synchronous.upper(), "anchor_synced": not anchor_unsynced}
    kinds: list[type[Cuts]] = [MigrationCuts] if migration else [BookCuts] * (VENUE_EVERY - 1) + [VenueCuts]
    memory = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="nostro-power-", dir=memory) as folder:
        while seen.images < images:
            cuts = kinds[seen.workloads % len(kinds)](Path(folder), seen, **options)  # type: ignore[arg-type]
            cuts.run(min(images, WORKLOAD_IMAGES), seed=seed + seen.workloads, commits=commits)
    name = (
        "power_loss"
        + "_migration" * migration
        + (f"_{synchronous}" if synchronous != "full" else "")
        + "_anchor" * anchor_unsynced
    )
    figure = {
        "figure": name, "workloads": seen.workloads, "images": seen.images, "acknowledged": seen.acknowledged,
        "losing": seen.losing, "lost": seen.lost, "refused": seen.refused, "behind": seen.behind, "wrong": seen.wrong,
        "rebuilt": seen.rebuilt, "continued": seen.continued, "seconds": round(time.monotonic() - began_s, 1),
    }  # fmt: skip
    click.echo(json.dumps(figure))
    met = not seen.good if control else seen.good and seen.rebuilt and seen.continued
    sys.exit(0 if met and seen.acknowledged else 1)


if __name__ == "__main__":
    main()
