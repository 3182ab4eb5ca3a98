"""How fast a history comes into a book: fills of the paper exchange, served by a process of its own over real HTTP,
into proven rows. Beside it, in the same run, a plain loop that asks for the same windows through the same client and
puts what it gets into a table, without proof, and of that loop the bare ``executemany`` of the same rows. Then
everything that the account has, and an empty account whose origin lies ten years back.

Each is measured in a process of its own; making the history is not. Exit status 0 only where every process stayed
below the bound on memory: what it needs follows from the largest answer (16 MiB), not from the history.

    python benchmarks/backfill.py --fills 10000
    python benchmarks/backfill.py --fills 1000000 --rounds 1
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

sys.path.insert(0, str(Path(__file__).resolve().parent))

from served import Served, served, spread

MEMORY_MAX_MB = 300
SINCE_DAYS = 182  # a little more than the paper exchange's history
LONG_AGO_DAYS = 3_653  # an origin ten years back: mostly empty windows
WINDOW_DAYS_MAX = 30
FILLS_PER_WINDOW = 10_000  # that the plain loop asks for at once, about
ALP = exchange("alp")
FILLS = msgspec.structs.replace(ALP, asks=tuple(ask for ask in ALP.asks if ask.name in ("balances", "fills")))


class Unhurried(SystemClock):
    """The machine's clock; nobody waits for the newest rows to settle."""

    async def sleep(self, pause_s: float) -> None:  # noqa: ARG002 - as any clock
        await asyncio.sleep(0)


# ── in processes of their own ────────────────────────────────────────────────────────────────────────────────────


def collect(job: dict[str, Any]) -> dict[str, Any]:
    """Brings the fills (or everything) of the last days into a new book."""
    return asyncio.run(_collect(job, ALP if job["how"] == "everything" else FILLS))


async def _collect(job: dict[str, Any], spoken: Any) -> dict[str, Any]:
    clock, login, path = Unhurried(), job["login"], Path(job["folder"]) / "book.db"
    with Book.open(path, create=True, now_ns=clock.now_ns, registry=lambda *_: spoken) as book:
        book.add_account("main", ALP.id, dialect=ALP.dialect, since_ns=clock.now_ns() - job["days"] * DAY_NS)
        source = WireSource(
            spoken, AiohttpTransport(), account="main", credentials=Credentials(login["key"], login["secret"]),
            url=job["url"], clock=clock, randomness=system_random(),
        )  # fmt: skip
        collector = Collector(book, source, clock=clock, holder="benchmark")
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        await collector.start()
        report = await collector.full_pass()
        await collector.stop()
        took_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
        await source.close()
        assert not report.failures, report.failures
        until_ns = clock.now_ns() - 3600 * SECOND_NS
        tiles = book.coverage("main", "fills", since_ns=until_ns - DAY_NS, until_ns=until_ns)
        assert [tile.status for tile in tiles] == ["proven"]
    return {"rows": report.new, "pages": report.pages, "seconds": took_s, "cpu_s": cpu_s}


def plain(job: dict[str, Any]) -> dict[str, Any]:
    """What a first program does: windows, JSON, a table."""
    return asyncio.run(_plain(job))


async def _plain(job: dict[str, Any]) -> dict[str, Any]:
    transport, login, rows, insert_s = AiohttpTransport(), job["login"], 0, 0.0
    base = job["url"].rstrip("/")
    origin, base_path = base[: base.index("/", 8)], base[base.index("/", 8) :]
    table = sqlite3.connect(Path(job["folder"]) / "plain.db")
    table.execute("PRAGMA journal_mode = WAL")
    table.execute("CREATE TABLE fills (date TEXT, pair TEXT, side TEXT, price TEXT, amount TEXT, fee TEXT, row TEXT)")
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    body = json.dumps({"api_key": login["key"], "api_secret": login["secret"]}).encode()
    headers = {"Content-Type": "application/json"}
    sign_in = HttpRequest(method="POST", origin=origin, path=f"{base_path}/auth", headers=headers, body=body)
    headers = {"Authorization": f"Bearer {json.loads((await transport.send(sign_in)).body)}"}
    now_ns = time.time_ns()
    since_ns = now_ns - job["days"] * DAY_NS
    while since_ns < now_ns:
        until_ns = min(since_ns + job["window_days"] * DAY_NS, now_ns)
        for side in ("BID", "ASK"):
            query = query_text(
                [("side", side), ("start_time", format_time(since_ns, 0)), ("end_time", format_time(until_ns, 0))]
            )
            request = HttpRequest(
                method="GET", origin=origin, path=f"{base_path}/accounts/trades", query=query, headers=headers
            )
            found = [
                (row["date"], row["pair"], side, str(row["price"]), str(row["amount"]), str(row["fee_amount"]),
                 json.dumps(row))
                for row in json.loads((await transport.send(request)).body)
            ]  # fmt: skip
            before_s = time.perf_counter()
            with table:
                table.executemany("INSERT INTO fills VALUES (?, ?, ?, ?, ?, ?, ?)", found)
            insert_s += time.perf_counter() - before_s
            rows += len(found)
        since_ns = until_ns
    took_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
    await transport.close()
    table.close()
    return {"rows": rows, "seconds": took_s, "insert_seconds": insert_s, "cpu_s": cpu_s}


def work(job: dict[str, Any]) -> dict[str, Any]:
    """One job, and the most memory that its process needed."""
    found = plain(job) if job["how"] == "plain" else collect(job)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return found | {"peak_mb": round(peak / (1024 if sys.platform == "linux" else 1 << 20), 1)}


# ── the figures ──────────────────────────────────────────────────────────────────────────────────────────────────


def child(running: Served, how: str, *, fills: int, account: str = "trader", days: int = SINCE_DAYS) -> dict[str, Any]:
    """Carries a job out in a process of its own, in an empty folder; what it and the server took."""
    window_days = max(1, min(WINDOW_DAYS_MAX, SINCE_DAYS * FILLS_PER_WINDOW // max(1, fills)))
    with tempfile.TemporaryDirectory(prefix="nostro-backfill-") as folder:
        job = {
            "url": running.url, "login": running.login(account), "folder": folder, "how": how, "days": days,
            "window_days": window_days,
        }  # fmt: skip
        before_s = running.cpu_s()
        done = subprocess.run(
            [sys.executable, __file__, "--job", json.dumps(job)], capture_output=True, text=True, check=False
        )
        server_cpu_s = running.cpu_s() - before_s
    if done.returncode:
        raise click.ClickException(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found | {"server_cpu_s": server_cpu_s}


def measured(running: Served, fills: int, *, rounds: int, whole: bool) -> dict[str, Any]:
    """All figures of one length of history."""
    pairs = [(child(running, "fills", fills=fills), child(running, "plain", fills=fills)) for _ in range(rounds)]
    proven, loops = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    bare = [each["rows"] / each["insert_seconds"] for each in loops]
    figures: dict[str, Any] = {
        "benchmark": "backfill", "fills": proven[0]["rows"], "pages": proven[0]["pages"], "rounds": rounds,
        "rows_per_s": spread([rate(each) for each in proven]),
        "plain_rows_per_s": spread([rate(each) for each in loops]),
        "share_of_plain": spread([rate(one) / rate(other) for one, other in pairs], 3),
        "bare_rows_per_s": spread(bare),
        "share_of_bare": spread([rate(one) / other for one, other in zip(proven, bare, strict=True)], 3),
        "client_cpu_us_per_row": spread([1e6 * each["cpu_s"] / each["rows"] for each in proven], 1),
        "server_cpu_us_per_row": spread([1e6 * each["server_cpu_s"] / each["rows"] for each in proven], 1),
        "plain_cpu_us_per_row": spread([1e6 * each["cpu_s"] / each["rows"] for each in loops], 1),
        "client_peak_mb": max(each["peak_mb"] for each in proven),
    }  # fmt: skip
    if whole:
        everything = child(running, "everything", fills=fills)
        empty = child(running, "everything", fills=fills, account="empty", days=LONG_AGO_DAYS)
        figures |= {
            "all_rows": everything["rows"], "all_rows_per_s": round(rate(everything)),
            "all_client_peak_mb": everything["peak_mb"], "empty_windows": empty["pages"],
            "empty_windows_per_s": round(empty["pages"] / empty["seconds"]), "empty_peak_mb": empty["peak_mb"],
        }  # fmt: skip
    return figures | {"server_peak_mb": round(running.peak_mb(), 1)}


def rate(found: dict[str, Any]) -> float:
    return float(found["rows"] / found["seconds"])


@click.command()
@click.option("--fills", default=10_000, show_default=True, help="Of the account, about.")
@click.option("--rounds", default=3, show_default=True, help="Of the fills alone, each beside its plain loop.")
@click.option("--whole/--fills-alone", default=True, help="Also everything else that the account has.")
@click.option("--home", type=click.Path(path_type=Path), help="Of a paper exchange that is kept [default: a new one].")
@click.option("--job", hidden=True, help="What a process of its own does.")
def main(fills: int, *, rounds: int, whole: bool, home: Path | None, job: str | None) -> None:
    if job is not None:
        click.echo(json.dumps(work(json.loads(job))))
        return
    with served(fills, home) as running:
        figures = measured(running, fills, rounds=rounds, whole=whole)
    click.echo(json.dumps(figures))
    sys.exit(0 if max(value for name, value in figures.items() if name.endswith("peak_mb")) < MEMORY_MAX_MB else 1)


if __name__ == "__main__":
    main()
