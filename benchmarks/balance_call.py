"""How much processor time a signed balance call takes its client, per HTTP request: nostro's, typed and archived in a
book on disk, beside ccxt's and the exchange's own client's, unmodified, at the same running server and in turns. The
server's time is not counted. Prints one line of JSON an exchange; ``nostro_in_ccxt``: nostro's time by
ccxt's.

    python benchmarks/balance_call.py --rounds 5 --exchange kraken_futures
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "tests"))

from served import Served, served, spread

from clients.install import ALPCOM, BINGX, GRVT

HERE = Path(__file__).resolve().parent
PYTHON = Path(sys.executable)
# Which Python each exchange's own client runs in; and those that ccxt speaks too.
SDKS = {"alp": ALPCOM.python, "kraken_futures": PYTHON, "grvt": GRVT.python, "bingx_v1": BINGX.python}
BY_CCXT = ("kraken_futures", "grvt")
PAUSES_S = {"kraken_futures": 5.0}  # before each run: what a key may ask there within ten seconds is limited
FILLS = 300
WARM = 20


def clients(exchange: str) -> Iterator[tuple[str, Path]]:
    yield "nostro", PYTHON
    yield "nostro_typed", PYTHON
    if exchange in BY_CCXT:
        yield "ccxt", PYTHON
    if SDKS[exchange].exists():
        yield "sdk", SDKS[exchange]


def cpu_us(running: Served, exchange: str, who: str, python: Path, calls: int) -> float:
    time.sleep(PAUSES_S.get(exchange, 0.0))
    told = {
        "exchange": exchange, "who": who, "url": running.url, "login": running.login("trader"), "calls": calls,
        "warm": WARM,
    }  # fmt: skip
    bare = {name: value for name, value in os.environ.items() if "proxy" not in name.lower() and name != "PYTHONPATH"}
    done = subprocess.run(
        [str(python), "-c", "import balance_client; balance_client.main()"], input=json.dumps(told), text=True,
        stdout=subprocess.PIPE, check=True, env=bare | {"NO_PROXY": "*", "PYTHONPATH": str(HERE)},
    )  # fmt: skip
    return float(json.loads(done.stdout.splitlines()[-1])["cpu_us"])


def compared(exchange: str, rounds: int, calls: int) -> dict[str, object]:
    taken: dict[str, list[float]] = {}
    with served(FILLS, exchange=exchange) as running:
        for _ in range(rounds):
            for who, python in clients(exchange):
                taken.setdefault(who, []).append(cpu_us(running, exchange, who, python, calls))
    median_us = {who: statistics.median(values) for who, values in taken.items()}
    shares = {
        f"{own}_in_{who}": round(median_us[own] / median_us[who], 2)
        for who in ("ccxt", "sdk") if who in taken for own in ("nostro", "nostro_typed")
    }  # fmt: skip
    figures = {f"{who}_cpu_us": spread(values) for who, values in taken.items()}
    return {"benchmark": "balance_call", "exchange": exchange, "rounds": rounds, "calls": calls, **figures, **shares}


@click.command()
@click.option("--exchange", "exchanges", multiple=True, type=click.Choice(sorted(SDKS)), default=sorted(SDKS))
@click.option("--rounds", default=5, show_default=True)
@click.option("--calls", default=100, show_default=True, help="Of each client in each round.")
def main(exchanges: Sequence[str], rounds: int, calls: int) -> None:
    for exchange in exchanges:
        click.echo(json.dumps(compared(exchange, rounds, calls)))


if __name__ == "__main__":
    main()
