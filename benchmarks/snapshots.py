"""How many sub-accounts' hours a book takes: GRVT's snapshots of many sub-accounts over a month, served by a paper
exchange in a process of its own over real HTTP, into proven rows, each measured by the exchange's formulas. The same
with a tenth of the sub-accounts shows whether memory follows the history.

Making the history is not measured. Exit status 0 only where every snapshot arrived, every formula that is not doubtful
tied, and the client stayed below the bound on memory.

    python benchmarks/snapshots.py --sub-accounts 100
    python benchmarks/snapshots.py --sub-accounts 1000
"""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import msgspec

from nostro.book.book import Book
from nostro.collect.backfill import Collector
from nostro.domain.policies import POLICIES
from nostro.domain.policy import check_snapshot
from nostro.domain.records import Instrument, Snapshot
from nostro.domain.values import SECOND_NS
from nostro.exchanges import exchange
from nostro.keys import Credentials
from nostro.link.commands import PlaceOrder
from nostro.link.transport import AiohttpTransport, SystemClock, system_random
from nostro.link.wire import WireSource
from nostro.paper.listen import listen
from nostro.paper.profiles import grvt
from nostro.paper.server import Server
from nostro.paper.venue.commands import CreateUser, Fund, SetMark
from nostro.paper.venue.venue import Venue
from nostro.views.breaks import lives_of

HOUR_NS = 3_600 * SECOND_NS
HOURS = 718  # of the 30 days that the exchange keeps; the rest is what making it takes
MEMORY_MAX_MB = 300
BTC = "BTC/USDT:USDT"
GRVT = exchange("grvt")
SNAPSHOTS = msgspec.structs.replace(
    GRVT, asks=tuple(ask for ask in GRVT.asks if ask.name in ("snapshots", "sub_accounts", "instruments"))
)


# ── the exchange, in a process of its own ────────────────────────────────────────────────────────────────────────


def make(venue: Venue, sub_accounts: int, hours: int) -> Any:
    """A main account whose sub-accounts each hold a position, and get something every hour."""
    since_ns = (time.time_ns() // HOUR_NS - hours) * HOUR_NS
    with venue.batch():
        main = venue.create_login("owner", "owner@example.org", permissions=("read",), at_ns=since_ns)
        users = [_user(venue, main.user, since_ns) for _ in range(sub_accounts)]
        maker = _user(venue, None, since_ns)
        _fund(venue, maker, "100000000000", since_ns)
        price = venue.mark(BTC)
        for user in users:
            _fund(venue, user, "10000", since_ns)
            for each, side in ((maker, "sell"), (user, "buy")):
                order = PlaceOrder(
                    wallet="futures", instrument=BTC, side=side, type="limit", amount=Decimal("0.01"), price=price,
                )  # fmt: skip
                venue.carry_out(order, user=each, at_ns=since_ns)
        for hour in range(hours):
            at_ns = since_ns + hour * HOUR_NS + HOUR_NS // 2
            moved = price + Decimal(hour % 40) * 10
            venue.carry_out(SetMark(instrument=BTC, price=moved), at_ns=at_ns)
            for user in users:
                _fund(venue, user, "0.01", at_ns)
    return main


def _user(venue: Venue, parent: int | None, at_ns: int) -> int:
    outcome = venue.carry_out(CreateUser(name="", parent=parent), at_ns=at_ns)
    return int(outcome.answer.ids[0])  # type: ignore[union-attr]


def _fund(venue: Venue, user: int, amount: str, at_ns: int) -> None:
    venue.carry_out(Fund(user=user, wallet="futures", asset="USDT", amount=Decimal(amount)), at_ns=at_ns)


async def serve(folder: Path, sub_accounts: int, hours: int) -> None:
    venue = Venue.open(folder / "venue.db", now_ns=time.time_ns, profile=grvt.PROFILE, issue=grvt.keys)
    main = make(venue, sub_accounts, hours)
    listener = await listen(Server(GRVT, venue).handle)
    click.echo(json.dumps({"url": listener.origin, "key": main.key, "extra": main.extra}))
    await asyncio.Event().wait()


# ── the client, in a process of its own ──────────────────────────────────────────────────────────────────────────


class Unhurried(SystemClock):
    """The machine's clock; nobody waits for the newest rows to settle."""

    async def sleep(self, pause_s: float) -> None:  # noqa: ARG002 - as any clock
        await asyncio.sleep(0)


async def collect(job: dict[str, Any]) -> dict[str, Any]:
    clock, path = Unhurried(), Path(job["folder"]) / "book.db"
    with Book.open(path, create=True, now_ns=clock.now_ns, registry=lambda *_: SNAPSHOTS) as book:
        since_ns = clock.now_ns() - 30 * 24 * HOUR_NS
        book.add_account("main", GRVT.id, dialect=GRVT.dialect, since_ns=since_ns)
        extra = {name: value for name, value in job["extra"].items() if name != "sub_account_id"}
        source = WireSource(
            SNAPSHOTS, AiohttpTransport(), account="main", credentials=Credentials(job["key"], "", extra=extra),
            url=job["url"], clock=clock, randomness=system_random(),
        )  # fmt: skip
        collector = Collector(book, source, clock=clock, holder="benchmark")
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        await collector.start()
        report = await collector.full_pass()
        await collector.stop()
        took_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
        instruments = [fact for fact in (await source.ask("instruments", {})).facts if isinstance(fact, Instrument)]
        await source.close()
        assert not report.failures, report.failures
        listed = {fact.instrument: fact for fact in instruments}
        outcomes, checked_s = Counter[str](), time.process_time()
        for snapshot in book.facts("snapshot", "main", since_ns=0, until_ns=clock.now_ns()):
            assert isinstance(snapshot, Snapshot)
            for _, tie in check_snapshot(POLICIES[GRVT.id], snapshot, instruments=listed):
                outcomes[f"{tie.outcome}{', doubtful' if tie.doubtful else ''}"] += 1
        checked_s = time.process_time() - checked_s
        breaks = len(lives_of(book, "main"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "rows": report.new, "pages": report.pages, "seconds": took_s, "cpu_s": cpu_s, "figures": dict(outcomes),
        "checked_cpu_s": checked_s, "breaks": breaks,
        "peak_mb": round(peak / (1024 if sys.platform == "linux" else 1 << 20), 1),
    }  # fmt: skip


# ── the figures ──────────────────────────────────────────────────────────────────────────────────────────────────


def measured(sub_accounts: int, hours: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="nostro-snapshots-") as folder:
        command = [sys.executable, __file__, "--sub-accounts", str(sub_accounts), "--hours", str(hours)]
        running = subprocess.Popen([*command, "--serve", folder], stdout=subprocess.PIPE, text=True)
        try:
            assert running.stdout is not None
            job = json.loads(running.stdout.readline()) | {"folder": folder}
            done = subprocess.run([*command, "--job", json.dumps(job)], capture_output=True, text=True, check=False)
        finally:
            running.terminate()
            running.wait()
    if done.returncode:
        raise click.ClickException(done.stderr[-2_000:])
    found: dict[str, Any] = json.loads(done.stdout)
    return {"sub_accounts": sub_accounts, "hours": hours, "rows_per_s": round(found["rows"] / found["seconds"])} | {
        name: round(value, 2) if isinstance(value, float) else value for name, value in found.items()
    }


@click.command()
@click.option("--sub-accounts", default=100, show_default=True)
@click.option("--hours", default=HOURS, show_default=True, help="That each of them has a snapshot of.")
@click.option("--serve", "folder", hidden=True, help="What the exchange's process does.")
@click.option("--job", hidden=True, help="What the client's process does.")
def main(sub_accounts: int, hours: int, folder: str | None, job: str | None) -> None:
    """Measures so many sub-accounts, and before them a tenth."""
    if folder is not None:
        asyncio.run(serve(Path(folder), sub_accounts, hours))
        return
    if job is not None:
        click.echo(json.dumps(asyncio.run(collect(json.loads(job)))))
        return
    few, many = measured(max(1, sub_accounts // 10), hours), measured(sub_accounts, hours)
    click.echo(json.dumps({"benchmark": "snapshots", "few": few, "many": many}))
    wanted = all(each["rows"] >= each["sub_accounts"] * hours and not each["breaks"] for each in (few, many))
    if not wanted or many["peak_mb"] > MEMORY_MAX_MB:
        sys.exit(1)


if __name__ == "__main__":
    main()
