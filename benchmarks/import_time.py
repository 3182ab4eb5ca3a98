"""How long `import nostro` takes beside `import ccxt`: fresh processes in turns, less the start of Python itself.
Exit status 0 only where nostro takes under a quarter.

    python benchmarks/import_time.py --rounds 15
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time

import click

# What the first line of a program needs is imported too, not only a name that loads it later.
PROGRAMS = {
    "python": "pass",
    "nostro": "import nostro",
    "nostro_open_account": "import nostro; nostro.open_account",
    "ccxt": "import ccxt",
}
SHARE_MAX = 0.25


def taken_s(program: str) -> float:
    started_s = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return time.perf_counter() - started_s


@click.command()
@click.option("--rounds", default=15, show_default=True)
def main(rounds: int) -> None:
    taken: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(rounds):
        for name, program in PROGRAMS.items():
            taken[name].append(taken_s(program))
    median_s = {name: statistics.median(times) for name, times in taken.items()}
    net_s = {name: median_s[name] - median_s["python"] for name in PROGRAMS if name != "python"}
    share = net_s["nostro"] / net_s["ccxt"]
    figures = {f"{name}_ms": round(1000 * seconds, 1) for name, seconds in net_s.items()}
    click.echo(json.dumps({"benchmark": "import", "rounds": rounds, **figures, "share": round(share, 3)}))
    sys.exit(0 if share < SHARE_MAX else 1)


if __name__ == "__main__":
    main()
