"""Cuts the power: strace records what a program writes to its book (and another one to its venue's journal) and when it
syncs, and disks are made of it as a cut at any moment could leave them: writes after a file's last sync lost, kept in
part, torn at 512 bytes. Exit status 0 only where every disk opens, verifies and has all that was acknowledged.

    python campaigns/power_loss.py --images 20000
    python campaigns/power_loss.py --images 2000 --of migration
    python campaigns/power_loss.py --images 2000 --of copies
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

from book.cuts import BookCuts, CopyCuts, Cuts, MigrationCuts, Seen, VenueCuts

WORKLOAD_IMAGES = 500  # of one recorded workload, then another one
KINDS: dict[str, list[type[Cuts]]] = {
    "ingest": [BookCuts] * 4 + [VenueCuts], "migration": [MigrationCuts], "copies": [CopyCuts],
}  # fmt: skip
MEMORY = Path("/dev/shm")  # where there is one, the disks are made in memory


@click.command()
@click.option("--images", default=1_000, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--commits", default=25, show_default=True, help="Of one workload.")
@click.option("--synchronous", type=click.Choice(["full", "normal"]), default="full", show_default=True)
@click.option("--of", type=click.Choice(list(KINDS)), default="ingest", show_default=True, help="What is cut off.")
@click.option("--anchor-unsynced", is_flag=True, help="The anchor is written without a sync: a control.")
def main(*, images: int, seed: int, commits: int, synchronous: str, anchor_unsynced: bool, of: str) -> None:
    control = synchronous != "full" or anchor_unsynced
    if control and of != "ingest":
        raise click.UsageError("the controls are of the book that grows")
    if not shutil.which("strace"):
        click.echo("strace is missing, which records what is replayed here (Debian: apt install strace)", err=True)
        sys.exit(2)
    seen, began_s = Seen(), time.monotonic()
    options = {"synchronous": synchronous.upper(), "anchor_synced": not anchor_unsynced}
    memory = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="nostro-power-", dir=memory) as folder:
        while seen.images < images:
            cuts = KINDS[of][seen.workloads % len(KINDS[of])](Path(folder), seen, **options)  # type: ignore[arg-type]
            cuts.run(min(images, WORKLOAD_IMAGES), seed=seed + seen.workloads, commits=commits)
    name = (
        "power_loss"
        + f"_{of}" * (of != "ingest")
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
