"""Flips single bits in the database (table, index, freelist and overflow pages) and the WAL of a book, opens it, asks
for everything and verifies it: exit status 0 only where no flip was served silently and every fault gave a clear error.

    python campaigns/flips.py --flips 500 --seed 1
    python campaigns/flips.py --plain        the control, without checksums: exit status 0 only where it serves bits
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections import Counter
from contextlib import nullcontext
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from book.flips import plain_files, run

OUTCOMES = ("detected", "verified", "harmless", "unclear", "silent")


@click.command()
@click.option("--flips", default=500, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--plain", is_flag=True, help="SQLite without checksums: the control.")
def main(*, flips: int, seed: int, plain: bool) -> None:
    started_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, plain_files() if plain else nullcontext():
        outcomes = run(Path(folder), flips, seed=seed)
    took_s = time.monotonic() - started_s
    click.echo(f"{'place':10}" + "".join(f"{outcome:>10}" for outcome in OUTCOMES))
    for place, found in outcomes.items():
        click.echo(f"{place:10}" + "".join(f"{found[outcome]:10}" for outcome in OUTCOMES))
    sums = sum(outcomes.values(), Counter())
    found = {
        "figure": "flips_plain" if plain else "flips", "seed": seed, "flips": sums.total(),
        **{outcome: sums[outcome] for outcome in OUTCOMES}, "seconds": round(took_s, 1),
    }  # fmt: skip
    click.echo(json.dumps(found))
    good = bool(sums["silent"]) if plain else not (sums["silent"] or sums["unclear"])
    sys.exit(0 if good and sums["detected"] else 1)


if __name__ == "__main__":
    main()
