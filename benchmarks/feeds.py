"""What following an account's feed costs and how long it takes, beside others' clients. Frames: processor time a frame,
socket to exact typed state with the check of its number, archived in a book on disk (and without a book), beside
ccxt.pro's and python-kraken-sdk's own clients on the same frames from the same server, in turns. Prints one line of
JSON a feed; ``ccxt_in_nostro``: their time by ours.

Latency: how long after a frame was sent whoever listens has its event, with one account and with a hundred, each
hearing ten frames a second; all on one loopback and one clock. Flood: the same with twenty accounts, beside one whose
feed is sent as fast as a socket takes it, and what that does to memory; ``offered_per_s``: what a reader that only
throws away is given by that server.

    python benchmarks/feeds.py --rounds 5
    python benchmarks/feeds.py --latency
    python benchmarks/feeds.py --flood
"""

from __future__ import annotations

import base64
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

sys.path.insert(0, str(Path(__file__).resolve().parent))

from served import spread

HERE = Path(__file__).resolve().parent
# Who else reads each feed.
PEERS = {"balances": "ccxt", "account_balances_and_margins": "sdk"}
OURS = ("nostro", "nostro_unkept")
EVERY_S = 0.1  # between two frames of an account
FLOODED_BESIDE = 20  # accounts
FLOOD_FRAMES = 20_000  # from one snapshot to the next
FRAME_BYTES = 620  # of the replayer's balances, about
OFFERED_S = 2.0


@contextmanager
def program(name: str, given: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One of the programs here, in a process of its own; what it said first."""
    process = subprocess.Popen(
        [sys.executable, str(HERE / name), json.dumps(given)], stdout=subprocess.PIPE, text=True, env=plain()
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def plain() -> dict[str, str]:
    """The environment without a proxy."""
    return {name: value for name, value in os.environ.items() if "proxy" not in name.lower()} | {"NO_PROXY": "*"}


# ── frames ───────────────────────────────────────────────────────────────────────────────────────────────────────


def asked(name: str, told: dict[str, Any]) -> dict[str, Any]:
    """What one of the programs here answers to its orders."""
    done = subprocess.run(
        [sys.executable, str(HERE / name)], input=json.dumps(told), text=True, stdout=subprocess.PIPE, check=True,
        env=plain(),
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def client(who: str, feed: str, *, port: int, frames: int, warm: int) -> dict[str, float]:
    told = {
        "who": who, "url": f"http://127.0.0.1:{port}", "feed_url": f"ws://127.0.0.1:{port}/ws/v1", "feed": feed,
        "frames": frames, "warm": warm,
    }  # fmt: skip
    return asked("feed_client.py", told)


def compared(feed: str, rounds: int, frames: int) -> dict[str, Any]:
    peer, warm = PEERS[feed], frames // 10
    taken: dict[str, list[float]] = {}
    with program("replayer.py", {"feed": feed, "frames": frames + 100}) as server:
        for _ in range(rounds):
            for who in (*OURS, peer):
                found = client(who, feed, port=server["port"], frames=frames, warm=warm)
                taken.setdefault(who, []).append(found["cpu_us"])
    median_us = {who: statistics.median(values) for who, values in taken.items()}
    return {
        "benchmark": "feeds", "feed": feed, "rounds": rounds, "frames": frames,
        **{f"{who}_cpu_us": spread(values, 1) for who, values in taken.items()},
        **{f"{peer}_in_{who}": round(median_us[peer] / median_us[who], 2) for who in OURS},
    }  # fmt: skip


# ── delays ───────────────────────────────────────────────────────────────────────────────────────────────────────


def delays(accounts: int, seconds: int, *, flooded: bool = False) -> dict[str, Any]:
    slow = {"feed": "balances", "frames": 10**9, "every_s": EVERY_S}
    fast = {"feed": "balances", "frames": FLOOD_FRAMES, "forever": True}
    with program("replayer.py", slow) as one, program("replayer.py", fast) as other:
        told = {
            "accounts": accounts, "seconds": seconds, "url": f"http://127.0.0.1:{one['port']}",
            "flood_url": f"http://127.0.0.1:{other['port']}" if flooded else "",
        }  # fmt: skip
        offered = {"offered_per_s": offered_per_s(other["port"])} if flooded else {}
        return asked("feed_delays.py", told) | offered


def offered_per_s(port: int) -> int:
    """How many frames that server gives a reader that only counts their bytes."""
    with socket.create_connection(("127.0.0.1", port)) as client:
        key = base64.b64encode(os.urandom(16)).decode()
        client.sendall(f"GET / HTTP/1.1\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode())
        client.sendall(masked(b'{"event":"subscribe","feed":"balances"}'))
        heard, began_s = 0, time.perf_counter()
        while time.perf_counter() - began_s < OFFERED_S:
            heard += len(client.recv(1 << 20))
        return round(heard / FRAME_BYTES / (time.perf_counter() - began_s))


def masked(message: bytes) -> bytes:
    """A frame of a client whose mask is nothing."""
    return bytes([0x81, 0x80 | len(message)]) + bytes(4) + message


def latency(seconds: int) -> dict[str, Any]:
    return {"benchmark": "feeds", "of": "latency", "seconds": seconds} | {
        f"accounts_{number}": delays(number, seconds) for number in (1, 100)
    }


def flood(seconds: int) -> dict[str, Any]:
    calm, flooded = delays(FLOODED_BESIDE, seconds), delays(FLOODED_BESIDE, seconds, flooded=True)
    return {
        "benchmark": "feeds", "of": "flood", "seconds": seconds, "calm": calm, "flooded": flooded,
        "p99_ratio": round(flooded["p99_ms"] / calm["p99_ms"], 2),
    }  # fmt: skip


@click.command()
@click.option("--feed", "feeds", multiple=True, type=click.Choice(sorted(PEERS)), default=sorted(PEERS))
@click.option("--rounds", default=5, show_default=True)
@click.option("--frames", default=30_000, show_default=True, help="That each client reads in each round.")
@click.option("--latency", "of", flag_value="latency")
@click.option("--flood", "of", flag_value="flood")
@click.option("--seconds", default=20, show_default=True, help="That delays are measured.")
def main(feeds: tuple[str, ...], rounds: int, frames: int, *, of: str | None, seconds: int) -> None:
    if of is not None:
        click.echo(json.dumps(latency(seconds) if of == "latency" else flood(seconds)))
        return
    for feed in feeds:
        click.echo(json.dumps(compared(feed, rounds, frames)))


if __name__ == "__main__":
    main()
