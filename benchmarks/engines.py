"""How fast pages become proven rows on each engine of the book, with no network: fills appended to a new book, appended
again when all are held, folded again from the pages (rebuild) and walked (verify). Beside them, in the same run and on
the same engine, the same rows put into a table of the same columns with nothing but the engine's quickest insert
(executemany, COPY) and as many commits.

    python benchmarks/engines.py --fills 20000 --engine sqlite --engine postgresql
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

# In front of this folder: the small exchange and the server of the tests.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from book.world import ACCOUNT, T0, Clock, exchange, fill, sweep
from nostro.book import schema
from nostro.book.book import Book
from nostro.book.store import Place, Store
from nostro.domain.values import SECOND_NS
from nostro.link.source import Step
from servers import served

ROWS_PER_PAGE = 500
PAGES_PER_COMMIT = 4


def history(fills: int) -> list[Any]:
    """The pages of a history, one fill a second, with the facts that were read from them: as the collector gives
    them."""
    truth = [fill(at, amount=f"{at + 1}.25", price=f"{100 + at % 90}.5", fee="0.001") for at in range(fills)]
    spoken = exchange()
    pages = sweep(
        "fills", truth, since_ns=T0, until_ns=T0 + fills * SECOND_NS, received_ns=T0 + fills * SECOND_NS,
        rows=ROWS_PER_PAGE,
    )  # fmt: skip
    return [Step(page, tuple(spoken.read(page))) for page in pages]


def timed(work: Callable[[], Any]) -> float:
    start_s = time.perf_counter()
    work()
    return time.perf_counter() - start_s


def append(book: Book, steps: list[Any]) -> None:
    lease = book.acquire(ACCOUNT, "benchmark")
    for first in range(0, len(steps), PAGES_PER_COMMIT):
        book.append(lease, steps[first : first + PAGES_PER_COMMIT])


def bare(place: Place, rows: list[Any]) -> None:
    """The rows alone, into a table of the same columns and keys."""
    store = Store(place)
    at_once = ROWS_PER_PAGE * PAGES_PER_COMMIT
    with store.writing():
        store.engine.run(schema.drop_derived_script() + schema.derived_script(store.engine.dialect))
    for first in range(0, len(rows), at_once):
        with store.writing():
            store.engine.insert("record", rows[first : first + at_once])
    store.close()


def measured(place: Place, steps: list[Any], fills: int) -> dict[str, Any]:
    """Rows a second of each."""
    with Book.open(place, create=True, now_ns=Clock(), registry=exchange) as book:
        book.add_account(ACCOUNT, "small", dialect="bare", since_ns=T0)
        taken = {"new": timed(lambda: append(book, steps)), "held": timed(lambda: append(book, steps))}
        state = book.state_hash()
        taken |= {"verify": timed(book.verify), "rebuild": timed(book.rebuild)}
        assert book.state_hash() == state
    store = Store(place, read_only=True)
    with store.reading():
        rows = list(store.rows("SELECT * FROM record"))
    store.close()
    taken["bare"] = timed(lambda: bare(place, rows))
    found = {name: round(fills / seconds) for name, seconds in taken.items()}
    return {**found, "of_bare": round(taken["bare"] / taken["new"], 2), "state": state[:12]}


@click.command()
@click.option("--fills", default=20_000)
@click.option("--engine", "engines", type=click.Choice(["sqlite", "postgresql"]), multiple=True)
def main(fills: int, engines: tuple[str, ...]) -> None:
    steps = history(fills)
    for engine in engines or ("sqlite", "postgresql"):
        with ExitStack() as stack:
            place: Place = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "book.db"
            if engine == "postgresql":
                place = stack.enter_context(served(on_disk=True)).place(place)
            print(json.dumps({"engine": engine, "fills": fills, **measured(place, steps, fills)}))


if __name__ == "__main__":
    main()
