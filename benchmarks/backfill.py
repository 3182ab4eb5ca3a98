"""How fast a history comes into a book: fills of the paper exchange, served by a process of its own over real HTTP,
into proven rows; beside a plain loop in the same run that asks for the same windows through the same client and puts
what it gets into a table, without proof. Then everything that the account has, and an empty account whose origin lies
ten years back. Each is measured in a process of its own; making the history is not. Exit status 0 only where every
process stayed below the bound on memory: what it needs follows from the largest answer (16 MiB), not from the history.

    python benchmarks/backfill.py --rows 10000 --rows 100000
"""

from __future__ import annotations

import asyncio
import json
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import msgspec

from nostro.book.book import Book
from nostro.collect.backfill import Collector
from nostro.domain.values import DAY_NS, SECOND_NS, format_time
from nostro.exchanges import exchange
from nostro.keys import Credentials
from nostro.link.http import HttpRequest, query_text
from nostro.link.transport import AiohttpTransport, SystemClock, system_random
from nostro.link.wire import WireSource

MEMORY_MAX_MB = 300
SINCE_DAYS = 182  # a little more than the paper exchange's history
LONG_AGO_DAYS = 3_653  # an origin ten years back: mostly empty windows
WINDOW_NS = 30 * DAY_NS
ALP = exchange("alp")
FILLS = msgspec.structs.replace(ALP, asks=tuple(ask for ask in ALP.asks if ask.name in ("balances", "fills")))


class Unhurried(SystemClock):
    """The machine's clock; nobody waits for the newest rows to settle."""

    async def sleep(self, pause_s: float) -> None:  # noqa: ARG002 - as any clock
        await asyncio.sleep(0)


# ── in processes of their own ────────────────────────────────────────────────────────────────────────────────────


def collect(url: str, login: dict[str, str], folder: Path, days: int, *, everything: bool) -> dict[str, Any]:
    """Brings the fills (or everything) of the last days into a new book."""
    return asyncio.run(_collect(url, login, folder / "book.db", days, ALP if everything else FILLS))


async def _collect(url: str, login: dict[str, str], path: Path, days: int, spoken: Any) -> dict[str, Any]:
    clock = Unhurried()
    with Book.open(path, create=True, now_ns=clock.now_ns, registry=lambda *_: spoken) as book:
        book.add_account("main", ALP.id, dialect=ALP.dialect, since_ns=clock.now_ns() - days * DAY_NS)
        source = WireSource(
            spoken, AiohttpTransport(), account="main", credentials=Credentials(login["key"], login["secret"]),
            url=url, clock=clock, randomness=system_random(),
        )  # fmt: skip
        collector = Collector(book, source, clock=clock, holder="benchmark")
        began_s = time.perf_counter()
        await collector.start()
        report = await collector.full_pass()
        await collector.stop()
        took_s = time.perf_counter() - began_s
        await source.close()
        assert not report.failures, report.failures
        kinds = {stream.kind for stream in spoken.streams}
        rows = sum(1 for kind in kinds for _ in book.facts(kind, "main"))
        until_ns = clock.now_ns() - 3600 * SECOND_NS
        tiles = book.coverage("main", "fills", since_ns=until_ns - DAY_NS, until_ns=until_ns)
        assert [tile.status for tile in tiles] == ["proven"]
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1 << 20)
    return {"rows": rows, "pages": report.pages, "seconds": took_s, "peak_mb": round(peak_mb, 1)}


def plain(url: str, login: dict[str, str], folder: Path, days: int) -> dict[str, Any]:
    """What a first program does: windows, JSON, a table."""
    return asyncio.run(_plain(url, login, folder / "plain.db", days))


async def _plain(url: str, login: dict[str, str], path: Path, days: int) -> dict[str, Any]:
    transport, rows = AiohttpTransport(), 0
    base = url.rstrip("/")
    origin, base_path = base[: base.index("/", 8)], base[base.index("/", 8) :]
    table = sqlite3.connect(path)
    table.execute("PRAGMA journal_mode = WAL")
    table.execute("CREATE TABLE fills (date TEXT, pair TEXT, side TEXT, price TEXT, amount TEXT, fee TEXT, row TEXT)")
    began_s = time.perf_counter()
    body = json.dumps({"api_key": login["key"], "api_secret": login["secret"]}).encode()
    headers = {"Content-Type": "application/json"}
    sign_in = HttpRequest(method="POST", origin=origin, path=f"{base_path}/auth", headers=headers, body=body)
    answer = await transport.send(sign_in)
    headers = {"Authorization": f"Bearer {json.loads(answer.body)}"}
    now_ns = time.time_ns()
    since_ns = now_ns - days * DAY_NS
    while since_ns < now_ns:
        until_ns = min(since_ns + WINDOW_NS, now_ns)
        for side in ("BID", "ASK"):
            query = query_text(
                [("side", side), ("start_time", format_time(since_ns, 0)), ("end_time", format_time(until_ns, 0))]
            )
            request = HttpRequest(
                method="GET", origin=origin, path=f"{base_path}/accounts/trades", query=query, headers=headers
            )
            found = json.loads((await transport.send(request)).body)
            with table:
                table.executemany(
                    "INSERT INTO fills VALUES (?, ?, ?, ?, ?, ?, ?)",
                    [
                        (row["date"], row["pair"], side, str(row["price"]), str(row["amount"]), str(row["fee_amount"]),
                         json.dumps(row))
                        for row in found
                    ],
                )  # fmt: skip
            rows += len(found)
        since_ns = until_ns
    took_s = time.perf_counter() - began_s
    await transport.close()
    table.close()
    return {"rows": rows, "seconds": took_s}


def child(url: str, login: dict[str, str], how: str, days: int = SINCE_DAYS) -> dict[str, Any]:
    """Runs one of them in a process of its own, in an empty folder."""
    with tempfile.TemporaryDirectory(prefix="nostro-backfill-") as folder:
        job = json.dumps({"url": url, "login": login, "folder": folder, "how": how, "days": days})
        done = subprocess.run([sys.executable, __file__, "--job", job], capture_output=True, text=True, check=False)
    if done.returncode:
        raise click.ClickException(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def work(job: dict[str, Any]) -> dict[str, Any]:
    folder = Path(job["folder"])
    if job["how"] == "plain":
        return plain(job["url"], job["login"], folder, job["days"])
    return collect(job["url"], job["login"], folder, job["days"], everything=job["how"] == "everything")


# ── the figures ──────────────────────────────────────────────────────────────────────────────────────────────────


def measured(rows: int) -> dict[str, Any]:
    """Everything of one length of history."""
    with tempfile.TemporaryDirectory(prefix="nostro-backfill-") as home:
        command = [sys.executable, "-m", "nostro.cli", "paper", "serve", "alp", "--port", "0", "--history", str(rows)]
        server = subprocess.Popen(
            [*command, "--home", home], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        try:
            assert server.stdout is not None
            ready = json.loads(server.stdout.readline())
            url = ready["urls"]["rest"]
            trader, empty = (next(a for a in ready["accounts"] if a["name"] == name) for name in ("trader", "empty"))
            found = {how: child(url, trader, how) for how in ("plain", "fills")}
            found["everything"] = child(url, trader, "everything")
            found["empty"] = child(url, empty, "everything", days=LONG_AGO_DAYS)
        finally:
            server.terminate()
            server.wait()
            if server.stdout is not None:
                server.stdout.close()
    return found


def rate(found: dict[str, Any]) -> float:
    return float(found["rows"] / found["seconds"])


@click.command()
@click.option("--rows", "sizes", default=(10_000, 100_000), multiple=True, show_default=True, help="Fills, about.")
@click.option("--job", hidden=True, help="What a process of its own does.")
def main(sizes: tuple[int, ...], job: str | None) -> None:
    if job is not None:
        click.echo(json.dumps(work(json.loads(job))))
        return
    peaks = []
    for rows in sizes:
        found = measured(rows)
        fills, whole, empty = found["fills"], found["everything"], found["empty"]
        peaks += [each["peak_mb"] for each in (fills, whole, empty)]
        figures = {
            "figure": "backfill", "fills": fills["rows"], "rows_per_s": round(rate(fills)),
            "plain_rows_per_s": round(rate(found["plain"])), "share": round(rate(fills) / rate(found["plain"]), 3),
            "peak_mb": fills["peak_mb"], "all_rows": whole["rows"], "all_rows_per_s": round(rate(whole)),
            "all_peak_mb": whole["peak_mb"], "empty_windows": empty["pages"],
            "empty_windows_per_s": round(empty["pages"] / empty["seconds"]),
        }  # fmt: skip
        click.echo(json.dumps(figures))
    sys.exit(0 if max(peaks) < MEMORY_MAX_MB else 1)


if __name__ == "__main__":
    main()
