"""Compares the paper exchange's engine with the naive one on many random commands, and prints what was reached as a
line of JSON: exit status 0 only without a difference, with at least 30 % accepted, and with enough of every kind of
order, of every refusal, and of every rule of margin, or with ``--contracts`` of contracts.

    python campaigns/differential.py --commands 1000000 --seed 1
    python campaigns/differential.py --commands 1000000 --seed 1 --contracts
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

from naive import contract_coverage, margin_coverage
from naive.contract_grounds import CONTRACT_GROUNDS
from naive.coverage import Coverage
from naive.grounds import NARROW, WIDE, Ground
from nostro.link.commands import Refusal
from paper.differential import run
from paper.wire_grounds import WIRE_GROUNDS

RUN_COMMANDS = 5_000  # of one seed, then a new venue with the next one
WIDE_EVERY = 5  # seeds
KINDS = [(kind, rule) for kind in ("market", "limit", "stop_limit", "stop_market") for rule in
         ("gtc", "ioc", "fok", "aon")]  # fmt: skip
# Of a million commands; of fewer in proportion.
KIND_MIN, REFUSED_MIN, RULE_MIN, ACCEPTED_SHARE_MIN = 5_000, 1_000, 100, 0.3
CONTRACT_REFUSED_MIN, CONTRACT_RULE_MIN = 100, 20
# Of every eight seeds of contracts, six on made-up ground, on which everything happens, two on that of a wire.
MADE, WIRES = tuple(CONTRACT_GROUNDS.values()), tuple(WIRE_GROUNDS.values())


@click.command()
@click.option("--commands", default=1_000_000, show_default=True)
@click.option("--seed", default=1, show_default=True, help="The first seed.")
@click.option("--processes", default=os.cpu_count() or 1, show_default=True)
@click.option("--contracts", is_flag=True, help="On venues with contracts.")
def main(*, commands: int, seed: int, processes: int, contracts: bool) -> None:
    """Compares so many commands, a new venue and a new seed every 5,000."""
    begun_s = time.monotonic()
    total, differences = Coverage(), 0
    with ProcessPoolExecutor(processes) as pool:
        starts = range(0, commands, RUN_COMMANDS)
        counts = [min(RUN_COMMANDS, commands - start) for start in starts]
        seeds = range(seed, seed + len(counts))
        work = zip(seeds, counts, strict=True)
        for done in as_completed([pool.submit(compare, *one, contracts=contracts) for one in work]):
            coverage, difference = done.result()
            total.include(coverage)
            if difference:
                differences += 1
                click.echo(difference, err=True)
    seconds = time.monotonic() - begun_s
    share = commands / 1_000_000
    reached, missed = of_contracts(total, share) if contracts else of_spot(total, share)
    for name, count in missed.items():
        click.echo(f"too few: {count} of {name}", err=True)
    figures = {
        "figure": "differential", "contracts": contracts, "commands": total.commands, "seed": seed,
        "processes": processes, "differences": differences,
        "accepted_share": round(total.accepted / max(1, total.commands), 3), **reached,
        "seconds": round(seconds), "commands_per_s": round(total.commands / seconds),
    }  # fmt: skip
    click.echo(json.dumps(figures))
    sys.exit(1 if differences or missed else 0)


def ground_of(seed: int, *, contracts: bool) -> Ground:
    if contracts:
        turn, place = divmod(seed, 8)
        return MADE[(turn * 6 + place) % len(MADE)] if place < 6 else WIRES[(turn * 2 + place) % len(WIRES)]
    return WIDE if seed % WIDE_EVERY == 0 else NARROW


def compare(seed: int, count: int, *, contracts: bool) -> tuple[Coverage, str]:
    """What one seed reached, and the difference where there is one."""
    coverage, difference = Coverage(), ""
    try:
        run(seed, count, coverage, ground_of(seed, contracts=contracts))
    except AssertionError as found:  # a difference, or an invariant of one of the engines that does not hold
        difference = f"seed {seed}: {found}"
    coverage.start()
    return coverage, difference


Counted = dict[str, int]


def of_spot(total: Coverage, share: float) -> tuple[dict[str, Counted], Counted]:
    """What was reached, and what too few times. ``share``: of a million commands."""
    met = Counter[str]()
    for (_, reason), count in total.refused.items():
        met[reason] += count
    placed = {f"{kind} {rule}": total.placed[kind, rule] for kind, rule in KINDS}
    refused = {reason.value: met[reason] for reason in Refusal if reason not in contract_coverage.OF_CONTRACTS}
    rules = {rule: total.reached[rule] for rule in margin_coverage.RULES}
    least = ((KIND_MIN, placed), (REFUSED_MIN, refused), (RULE_MIN, rules), *accepted(total))
    return {"placed": placed, "refused": refused, "margin": rules}, too_few(least, share)


def of_contracts(total: Coverage, share: float) -> tuple[dict[str, Counted], Counted]:
    rules = {rule: total.reached[rule] for rule in contract_coverage.RULES}
    refused = {refusal: total.reached[refusal] for refusal in contract_coverage.REFUSALS}
    least = ((CONTRACT_RULE_MIN, rules), (CONTRACT_REFUSED_MIN, refused), *accepted(total))
    return {"rules": rules, "refused": refused}, too_few(least, share)


def accepted(total: Coverage) -> tuple[tuple[float, Counted]]:
    return ((ACCEPTED_SHARE_MIN * 1_000_000, {"accepted": total.accepted}),)


def too_few(least: tuple[tuple[float, Counted], ...], share: float) -> Counted:
    return {name: count for most, counts in least for name, count in counts.items() if count < most * share}


if __name__ == "__main__":
    main()
