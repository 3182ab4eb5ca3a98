"""Pages many simulated histories before a judge that knows the truth and prints the figures: exit status 0 only where
nothing was lost, doubled or claimed in vain, a tenth of the histories had saturated timestamps, no sweep took over ten
times the calls that one who knows the truth would need, and every naive pager fails.

    python campaigns/pager.py --histories 20000 --seed 1
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from link.pager_judge import NAIVE
from link.pager_trial import Figures

SEEDS_APART = 10_000_000  # so that two runs share no history
NAIVE_SHARE = 10  # one naive trial of each kind for so many histories; fewer fit what the naive ones can ask


def _quantile(sorted_ratios: list[float], share: float) -> float:
    return round(sorted_ratios[min(len(sorted_ratios) - 1, int(share * len(sorted_ratios)))], 2)


@click.command()
@click.option("--histories", default=20_000, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(histories: int, seed: int) -> None:
    first = seed * SEEDS_APART
    figures = Figures()
    started_s = time.monotonic()
    asyncio.run(figures.run(range(first, first + histories)))
    took_s = time.monotonic() - started_s
    for how in NAIVE:
        figures.run_naive(how, range(first, first + max(200, histories // NAIVE_SHARE)))
    for number, faults in list(figures.faults.items())[:10]:
        click.echo(f"history({number}): {faults[0]}", err=True)

    click.echo(f"{'style':30} {'histories':>9} {'rows':>8} {'calls':>8} {'lost':>5} {'doubled':>7} {'saturated':>9} "
               f"{'calls / least: median':>22} {'95 %':>6} {'worst':>6}")  # fmt: skip
    for name, sums in figures.by_style.items():
        ratios = sorted(figures.ratios[name])
        click.echo(f"{name:30} {sums['histories']:9} {sums['rows']:8} {sums['calls']:8} {sums['lost']:5} "
                   f"{sums['doubled']:7} {sums['saturated_intervals']:9} {_quantile(ratios, 0.5):22} "
                   f"{_quantile(ratios, 0.95):6} {ratios[-1]:6.2f}")  # fmt: skip
    shares = {how: round(figures.naive_failed[how] / max(1, figures.naive_ran[how]), 3) for how in NAIVE}
    for how, share in shares.items():
        click.echo(f"naive: {how:36} loses or doubles rows in {share:6.1%} of {figures.naive_ran[how]}")
    ratios = sorted(ratio for one in figures.ratios.values() for ratio in one)
    distribution = {str(share): _quantile(ratios, share) for share in (0.5, 0.9, 0.99, 0.999, 1)}
    found = {
        "figure": "pager", "seed": seed, **figures.sums, "faulty_histories": len(figures.faults),
        "calls_ratio": distribution, "naive_failed_share": shares, "seconds": round(took_s, 1),
    }  # fmt: skip
    click.echo(json.dumps(found))
    enough = figures.sums["saturated_histories"] * 10 >= histories and ratios[-1] <= 10 and min(shares.values()) > 0
    sys.exit(0 if enough and not figures.faults else 1)


if __name__ == "__main__":
    main()
