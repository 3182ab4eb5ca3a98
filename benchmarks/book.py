"""What a book of a long history costs to read: balances at random moments as they were known at other random moments,
the newest rows of a table; verifying it, beside SHA-256 alone over the same bytes; and folding all its pages again.
The book is filled from a paper exchange over HTTP with everything that an account has, unless one is given.

Each is measured in a process of its own. Exit status 0 only where 99 of 100 reads took less than the bound, and every
process stayed below the bound on memory.

    python benchmarks/book.py --fills 10000
    python benchmarks/book.py --fills 1000000 --keep kept
    python benchmarks/book.py --book kept/book.db
"""

from __future__ import annotations

import hashlib
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from nostro.book.book import Book
from nostro.book.pages import canonical
from nostro.book.store import Store
from nostro.domain.values import DAY_NS
from nostro.exchanges import exchange
from nostro.views.balances import balances
from nostro.views.facts import FILLS, Question, facts

sys.path.insert(0, str(Path(__file__).resolve().parent))

from backfill import SINCE_DAYS
from served import served

READ_MS_MAX = 20.0
MEMORY_MAX_MB = 300
SHOWN_ROWS = 50
ACCOUNT = "main"
Read = Callable[[int, int], object]


def opened(path: Path, *, read_only: bool = True) -> Book:
    return Book.open(path, now_ns=time.time_ns, registry=exchange, read_only=read_only)


# ── in processes of their own ────────────────────────────────────────────────────────────────────────────────────


def reads(path: Path, rounds: int) -> dict[str, Any]:
    """Milliseconds of single reads, by the clock and by the processor, the first ones included, each with clocks of its
    own: half of them of what was known by a random page, half of what is known now."""
    with opened(path) as book:
        since_ns, now_ns, chances = book.account(ACCOUNT).since_ns, time.time_ns(), random.Random(1)
        pages = list(book.journal(ACCOUNT, stream="balances"))
        first_ns, last_ns = pages[0].observed_ns, pages[-1].observed_ns
        kinds: dict[str, Read] = {
            "ledger": lambda as_of, known: book.ledger_sums(ACCOUNT, as_of_ns=as_of, known_at_ns=known),
            "reported": lambda as_of, known: book.latest_states("balance", ACCOUNT, as_of_ns=as_of, known_at_ns=known),
            "balances": lambda as_of, known: balances(
                book, [ACCOUNT], question=Question(as_of_ns=as_of, known_at_ns=known)
            ),
            "newest_fills": lambda as_of, known: facts(
                book, FILLS, accounts=[ACCOUNT], question=Question(as_of_ns=as_of, known_at_ns=known), newest=SHOWN_ROWS
            ),
            "balances_now": lambda *_: balances(book, [ACCOUNT], question=Question()),
        }
        found: dict[str, Any] = {}
        for name, read in kinds.items():
            taken_ms, cpu_ms = [], []
            for _ in range(rounds):
                as_of_ns = chances.randrange(since_ns, now_ns)
                known_at_ns = chances.choice((now_ns, chances.randrange(first_ns, last_ns + 1)))
                began_s, began_cpu_s = time.perf_counter(), time.process_time()
                read(as_of_ns, known_at_ns)
                taken_ms.append(1e3 * (time.perf_counter() - began_s))
                cpu_ms.append(1e3 * (time.process_time() - began_cpu_s))
            taken_ms.sort()
            cpu_ms.sort()
            found[f"{name}_ms"] = {
                "median": round(taken_ms[len(taken_ms) // 2], 2), "p99": round(taken_ms[len(taken_ms) * 99 // 100], 2),
                "high": round(taken_ms[-1], 2), "cpu_p99": round(cpu_ms[len(cpu_ms) * 99 // 100], 2),
            }  # fmt: skip
        days = len({fact.effective_ns // DAY_NS for fact in book.facts("entry", ACCOUNT) if fact.effective_ns})
        return found | {"days": days, "assets": len(book.ledger_sums(ACCOUNT))}


def verify(path: Path, _: int) -> dict[str, Any]:
    """Verifying, and hashing alone: every page and every row's content, as bytes that are at hand."""
    with opened(path) as book:
        began_s = time.perf_counter()
        proof = book.verify()
        took_s = time.perf_counter() - began_s
        size, hash_s = 0, 0.0
        for entered in book.journal(ACCOUNT):
            stored = canonical(entered.page)
            size, hash_s = size + len(stored), hash_s + hashing_s([stored])
    some, (_, held_bytes) = contents(path), held(path)
    hash_s += hashing_s(some) * held_bytes / max(1, sum(map(len, some)))
    size += held_bytes
    return {
        "verified_rows": proof.records, "verified_mb": round(size / 1e6, 1), "verify_s": round(took_s, 2),
        "verify_mb_per_s": round(size / 1e6 / took_s, 1), "sha256_mb_per_s": round(size / 1e6 / hash_s, 1),
        "verify_share_of_sha256": round(hash_s / took_s, 3),
    }  # fmt: skip


def hashing_s(parts: list[bytes]) -> float:
    began_s = time.perf_counter()
    for part in parts:
        hashlib.sha256(part).digest()
    return time.perf_counter() - began_s


def rebuild(path: Path, _: int) -> dict[str, Any]:
    with opened(path, read_only=False) as book:
        before = book.state_hash()
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        done = book.rebuild()
        took_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
        assert (done.changes, book.state_hash()) == ((), before)
    rows, _ = held(path)
    return {
        "rebuilt_rows": rows, "rebuilt_pages": done.pages, "rebuild_rows_per_s": round(rows / took_s),
        "rebuild_cpu_us_per_row": round(1e6 * cpu_s / rows, 1),
    }  # fmt: skip


def held(path: Path) -> tuple[int, int]:
    """How many rows a book holds, and how many bytes they are."""
    store = Store(path, read_only=True)
    with store.reading():
        found = store.engine.all("SELECT count(*), sum(length(content)) FROM record")[0]
    store.close()
    return found


def contents(path: Path, most: int = 100_000) -> list[bytes]:
    """The first rows of a book."""
    store = Store(path, read_only=True)
    with store.reading():
        found = [row[0] for row in store.engine.all("SELECT content FROM record LIMIT ?", (most,))]
    store.close()
    return found


JOBS = {"reads": reads, "verify": verify, "rebuild": rebuild}


# ── the figures ──────────────────────────────────────────────────────────────────────────────────────────────────


def child(job: str, path: Path, rounds: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--job", job, "--book", str(path), "--rounds", str(rounds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise click.ClickException(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def fill(folder: Path, fills: int) -> None:
    """Makes the book in that folder."""
    with served(fills) as running:
        job = {
            "url": running.url, "login": running.login("trader"), "folder": str(folder), "how": "everything",
            "days": SINCE_DAYS,
        }  # fmt: skip
        program = str(Path(__file__).with_name("backfill.py"))
        subprocess.run(
            [sys.executable, program, "--job", json.dumps(job)], check=True, stdout=subprocess.DEVNULL
        )  # fmt: skip


@click.command()
@click.option("--fills", default=10_000, show_default=True, help="Of the account, about.")
@click.option("--rounds", default=200, show_default=True, help="Reads of each kind.")
@click.option("--book", "path", type=click.Path(path_type=Path), help="A book with an account 'main' [default: made].")
@click.option("--keep", type=click.Path(path_type=Path), help="The folder that the book is made in, and stays in.")
@click.option("--job", type=click.Choice(sorted(JOBS)), hidden=True, help="What a process of its own does.")
def main(fills: int, *, rounds: int, path: Path | None, keep: Path | None, job: str | None) -> None:
    if job is not None:
        assert path is not None
        found = JOBS[job](path, rounds)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1 << 20)
        click.echo(json.dumps(found | {f"{job}_peak_mb": round(peak, 1)}))
        return
    with tempfile.TemporaryDirectory(prefix="nostro-book-") as folder:
        if path is None:
            path = (keep or Path(folder)) / "book.db"
            path.parent.mkdir(parents=True, exist_ok=True)
            fill(path.parent, fills)
        figures: dict[str, Any] = {"benchmark": "book"}
        for name in ("reads", "verify", "rebuild"):
            figures |= child(name, path, rounds)
    click.echo(json.dumps(figures))
    slowest_ms = max(value["p99"] for name, value in figures.items() if name.endswith("_ms"))
    peak_mb = max(value for name, value in figures.items() if name.endswith("peak_mb"))
    sys.exit(0 if slowest_ms < READ_MS_MAX and peak_mb < MEMORY_MAX_MB else 1)


if __name__ == "__main__":
    main()
