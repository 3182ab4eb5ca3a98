"""Compares the paper exchange's engine with the naive one on many random commands, and prints what was reached as a
line of JSON: exit status 0 only without a difference, with at least 30 % accepted, and with enough of every kind of
order, of every refusal, and of every rule of margin.

    python campaigns/differential.py --commands 1000000 --seed 1
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import click

# In place of this folder, where `differential` would be this program.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from naive.coverage import Coverage
from naive.grounds import NARROW, WIDE
from naive.margin_coverage import RULES
from nostro.link.commands import Refusal
from paper.differential import Difference, run

RUN_COMMANDS = 5_000  # of one seed, then a new venue with the next one
WIDE_EVERY = 5  # seeds
KINDS = [(kind, rule) for kind in ("market", "limit", "stop_limit", "stop_market") for rule in
         ("gtc", "ioc", "fok", "aon")]  # fmt: skip
# Of a million commands; of fewer in proportion.
KIND_MIN, REFUSED_MIN, RULE_MIN, ACCEPTED_SHARE_MIN = 5_000, 1_000, 100, 0.3


@click.command()
@click.option("--commands", default=1_000_000, show_default=True)
@click.option("--seed", default=1, show_default=True, help="The first seed.")
@click.option("--processes", default=os.cpu_count() or 1, show_default=True)
def main(commands: int, seed: int, processes: int) -> None:
    """Compares so many commands, a new venue and a new seed every 5,000."""
    begun_s = time.monotonic()
    total, differences = Coverage(), 0
    with ProcessPoolExecutor(processes) as pool:
        starts = range(0, commands, RUN_COMMANDS)
        counts = [min(RUN_COMMANDS, commands - start) for start in starts]
        seeds = range(seed, seed + len(counts))
        for done in as_completed([pool.submit(compare, *work) for work in zip(seeds, counts, strict=True)]):
            coverage, difference = done.result()
            total.include(coverage)
            if difference:
                differences += 1
                click.echo(difference, err=True)
    seconds = time.monotonic() - begun_s
    refused = Counter[str]()
    for (_, reason), count in total.refused.items():
        refused[reason] += count
    missed = too_few(total, refused, share=commands / 1_000_000)
    for name, count in missed.items():
        click.echo(f"too few: {count} of {name}", err=True)
    figures = {
        "figure": "differential", "commands": total.commands, "seed": seed, "processes": processes,
        "differences": differences, "accepted_share": round(total.accepted / max(1, total.commands), 3),
        "placed": {f"{kind} {rule}": total.placed[kind, rule] for kind, rule in KINDS},
        "refused": {reason.value: refused[reason] for reason in Refusal},
        "margin": {rule: total.reached[rule] for rule in RULES},
        "seconds": round(seconds), "commands_per_s": round(total.commands / seconds),
    }  # fmt: skip
    click.echo(json.dumps(figures))
    sys.exit(1 if differences or missed else 0)


def compare(seed: int, count: int) -> tuple[Coverage, str]:
    """What one seed reached, and the difference where there is one."""
    coverage, difference = Coverage(), ""
    try:
        run(seed, count, coverage, WIDE if seed % WIDE_EVERY == 0 else NARROW)
    except Difference as found:
        difference = str(found)
    coverage.start()
    return coverage, difference


def too_few(total: Coverage, refused: Counter[str], *, share: float) -> dict[str, int]:
    """``share``: of a million commands."""
    counted = (
        (KIND_MIN, {f"{kind} {rule}": total.placed[kind, rule] for kind, rule in KINDS}),
        (REFUSED_MIN, {reason.value: refused[reason] for reason in Refusal}),
        (RULE_MIN, {rule: total.reached[rule] for rule in RULES}),
        (ACCEPTED_SHARE_MIN * 1_000_000, {"accepted": total.accepted}),
    )
    return {name: count for least, counts in counted for name, count in counts.items() if count < least * share}


if __name__ == "__main__":
    main()
