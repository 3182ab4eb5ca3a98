"""Compares the paper exchange's engine with the naive one on many random commands and prints the figures: exit status 0
only without a difference, with at least 30 % accepted, and with enough of every kind of order and of every refusal.

    python campaigns/differential.py --commands 100000 --seed 1
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from naive.coverage import Coverage
from naive.grounds import NARROW, WIDE
from nostro.link.view import Refusal
from paper.differential import Difference, run

RUN_COMMANDS = 5_000  # of one seed, then a new venue with the next one
KINDS = [(kind, rule) for kind in ("market", "limit", "stop_limit", "stop_market") for rule in
         ("gtc", "ioc", "fok", "aon")]  # fmt: skip


@click.command()
@click.option("--commands", default=100_000, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(commands: int, seed: int) -> None:
    coverage, differences = Coverage(), 0
    for number, done in enumerate(range(0, commands, RUN_COMMANDS)):
        try:
            ground = WIDE if number % 5 == 4 else NARROW
            run(seed + number, min(RUN_COMMANDS, commands - done), coverage, ground)
        except Difference as difference:
            differences += 1
            click.echo(difference, err=True)
    refused = Counter[str]()
    for (_, reason), count in coverage.refused.items():
        refused[reason] += count
    report(coverage, refused, differences)
    # A figure of 100,000 commands, for fewer in proportion.
    kinds_met = all(coverage.placed[kind] >= 500 * commands / 100_000 for kind in KINDS)
    refusals_met = all(refused[reason] >= 100 * commands / 100_000 for reason in Refusal)
    share_met = coverage.accepted >= 0.3 * coverage.commands
    sys.exit(0 if kinds_met and refusals_met and share_met and not differences else 1)


def report(coverage: Coverage, refused: Counter[str], differences: int) -> None:
    click.echo(f"commands     {coverage.commands}")
    click.echo(f"accepted     {coverage.accepted} ({100 * coverage.accepted / max(1, coverage.commands):.1f} %)")
    for kind, rule in KINDS:
        click.echo(f"placed       {coverage.placed[kind, rule]:7} {kind} {rule}")
    for reason in Refusal:
        click.echo(f"refused      {refused[reason]:7} {reason}")
    for name, count in sorted(coverage.reached.items()):
        if count:
            click.echo(f"reached      {count:7} {name}")
    click.echo(f"differences  {differences}")


if __name__ == "__main__":
    main()
