"""Shows that what is asked of an early page is answered as a naive book answers it: any newest rows, states and sums,
under any two clocks, on both engines; and that it costs no more however much later pages brought."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from book.world import ACCOUNT, T0, entry, fill, held, open_book, page, sweep
from nostro.book import sums
from nostro.book.book import Book
from nostro.domain.values import SECOND_NS
from nostro.link.declare import Claim

DAY_S = 86_400
DAYS = 12
STEP_NS = 10 * SECOND_NS  # between two pages
Told = tuple[int, list[dict[str, Any]]]  # when a page came, and its rows


class Naive:
    """What pages said, page by page: nothing is kept of it but the pages themselves."""

    def __init__(self) -> None:
        self.fills: list[Told] = []
        self.entries: list[Told] = []
        self.balances: list[Told] = []

    @staticmethod
    def rows(pages: list[Told], known: int, as_of: int, key: str) -> list[dict[str, Any]]:
        """The last thing that was said of each row by then, of those that happened before."""
        latest: dict[Any, dict[str, Any]] = {}
        for at, rows in pages:
            if at <= known:
                latest |= {row[key]: row for row in rows}
        return sorted((row for row in latest.values() if row["t"] < as_of), key=lambda row: (row["t"], row["id"]))

    def totals(self, known: int, as_of: int) -> dict[str, Fraction]:
        found: dict[str, Fraction] = {}
        for row in self.rows(self.entries, known, as_of, "id"):
            found[row["asset"]] = found.get(row["asset"], Fraction(0)) + Fraction(row["amount"])
        return {asset: amount for asset, amount in found.items() if amount}

    def states(self, known: int, as_of: int) -> dict[str, str]:
        seen = [rows for at, rows in self.balances if at <= known and at < as_of]
        return {row["asset"]: row["total"] for row in seen[-1]} if seen else {}


def history(book: Book, chance: random.Random) -> tuple[Naive, list[int]]:
    """Days read in any order, some of them again with other amounts, and balances in between."""
    naive, lease, now_ns, pages = Naive(), held(book), T0 + DAYS * DAY_S * SECOND_NS, list[int]()
    for turn in range(3 * DAYS):
        day, now_ns = chance.randrange(DAYS), now_ns + STEP_NS
        since_ns = T0 + day * DAY_S * SECOND_NS
        claims = (Claim("proven", since_ns, since_ns + DAY_S * SECOND_NS),)
        if turn % 3 == 0:
            rows = [
                {"asset": each, "total": str(chance.randrange(9))}
                for each in ("BTC", "USDT", "XMR")
                if chance.random() < 0.8
            ]
            naive.balances.append((now_ns, rows))
            book.append(lease, [page("balances", rows, received_ns=now_ns)])
        elif turn % 3 == 1:
            rows = [
                entry(
                    day * DAY_S + hour * 3600,
                    f"{day}-{hour}",
                    str(chance.randrange(-9, 9)),
                    asset=chance.choice(("BTC", "USDT")),
                )
                for hour in range(0, 24, 3)
            ]
            known = {row["id"]: row["asset"] for _, told in naive.entries for row in told}
            rows = [{**row, "asset": known.get(row["id"], row["asset"])} for row in rows]
            naive.entries.append((now_ns, rows))
            book.append(lease, [page("entries", rows, received_ns=now_ns, dialect="named", claims=claims)])
        else:
            rows = [
                fill(day * DAY_S + hour * 3600, id=f"{day:02}-{hour:02}", amount=str(chance.randrange(1, 9)))
                for hour in range(24)
            ]
            naive.fills.append((now_ns, rows))
            book.append(lease, [page("fills", rows, received_ns=now_ns, dialect="named", claims=claims)])
        pages.append(now_ns)
    return naive, pages


def test_what_an_early_page_knew_is_what_a_naive_book_says(tmp_path: Path) -> None:
    chance, looked = random.Random(7), 0
    with open_book(tmp_path / "b.db") as book:
        naive, pages = history(book, chance)
        for _ in range(120):
            known = chance.choice([*pages, pages[0] - 1, pages[-1] + 1])
            as_of = chance.choice([T0 + chance.randrange(DAYS * DAY_S) * SECOND_NS, *pages[:3], 2**62])
            clocks = {"known_at_ns": known, "as_of_ns": as_of}
            newest = chance.choice([1, 5, 40, 10_000])
            told = [
                (fact.effective_ns, str(fact.amount)) for fact in book.answer("fill", ACCOUNT, newest=newest, **clocks)
            ]
            rows = [(row["t"], row["amount"]) for row in naive.rows(naive.fills, known, as_of, "id")]
            assert told == rows[-newest:]
            since, until = sorted(T0 + chance.randrange(DAYS * DAY_S) * SECOND_NS for _ in range(2))
            told = [fact.effective_ns for fact in book.facts("fill", ACCOUNT, since_ns=since, until_ns=until, **clocks)]
            assert told == [at for at, _ in rows if since <= at < until]
            assert {
                line.asset: line.amount for line in book.ledger_sums(ACCOUNT, **clocks) if line.amount
            } == naive.totals(known, as_of)
            states = {fact.asset: str(fact.total) for fact in book.latest_states("balance", ACCOUNT, **clocks)}
            assert states == naive.states(known, as_of)
            looked += 0 < len(rows) < 24 * DAYS
    assert looked > 20, "moments between the first page and the last"


# ── what it costs ────────────────────────────────────────────────────────────────────────────────────────────────────


def steps(book: Book, read: Callable[[], object]) -> int:
    """How many steps SQLite's machine takes for a read, in hundreds."""
    taken = 0

    def count() -> bool:
        nonlocal taken
        taken += 1
        return False

    read()
    connections = [store.engine.connection for store in book._readers]
    for connection in connections:
        connection.set_progress_handler(count, 100)
    read()
    for connection in connections:
        connection.set_progress_handler(None)
    return taken


@pytest.mark.files
def test_what_later_pages_brought_is_not_passed_over(tmp_path: Path) -> None:
    def costs(later: int) -> tuple[int, int, int]:
        with open_book(tmp_path / f"{later}.db") as book:
            lease = held(book)
            known_ns = T0 + 400 * DAY_S * SECOND_NS
            book.append(lease, [page("balances", [{"asset": "BTC", "total": "1"}], received_ns=known_ns)])
            book.append(lease, sweep("fills", [fill(0)], since_ns=T0, until_ns=T0 + SECOND_NS, received_ns=known_ns))
            rows = [fill(DAY_S + number) for number in range(later)]
            book.append(
                lease,
                sweep("fills", rows, since_ns=T0 + DAY_S * SECOND_NS, until_ns=T0 + 2 * DAY_S * SECOND_NS,
                      received_ns=known_ns + 1, rows=500),
            )  # fmt: skip
            for number in range(later // 10):
                row = {"asset": "BTC", "total": str(number)}
                book.append(lease, [page("balances", [row], received_ns=known_ns + 2 + number)])
            clocks = {"known_at_ns": known_ns}
            assert len(book.answer("fill", ACCOUNT, newest=5, **clocks)) == 1
            assert [str(fact.total) for fact in book.latest_states("balance", ACCOUNT, **clocks)] == ["1"]
            early_ns = {"as_of_ns": known_ns + 1}
            return (
                steps(book, lambda: book.answer("fill", ACCOUNT, newest=5, **clocks)),
                steps(book, lambda: book.latest_states("balance", ACCOUNT, **clocks)),
                steps(book, lambda: book.latest_states("balance", ACCOUNT, **early_ns)),
            )

    few, many = costs(100), costs(3000)
    assert all(more < 2 * less + 5 for less, more in zip(few, many, strict=True)), (few, many)


@pytest.mark.files
def test_a_sum_costs_no_more_however_often_a_period_was_stored_anew(tmp_path: Path) -> None:
    def cost(pages: int) -> int:
        with open_book(tmp_path / f"{pages}.db") as book:
            lease = held(book)
            for number in range(pages):
                at_s = number * DAY_S // pages
                rows = [entry(at_s, str(number), "1")]
                at_ns = T0 + at_s * SECOND_NS
                book.append(
                    lease, [page("entries", rows, received_ns=at_ns, claims=(Claim("proven", at_ns, at_ns + 1),))]
                )
            store, until_ns = book._store, T0 + 200 * DAY_S * SECOND_NS
            assert [line.amount for line in book.ledger_sums(ACCOUNT)] == [pages]
            stored = store.engine.value("SELECT count(*) FROM period_sum WHERE width_ns = ?", (sums.WIDTHS_NS[0],))
            assert stored == pages
            return steps(book, lambda: book.ledger_sums(ACCOUNT, as_of_ns=until_ns))

    few, many = cost(20), cost(400)
    assert many < 2 * few + 5, (few, many)


@pytest.mark.files
def test_the_pages_of_a_stream_are_found_without_passing_over_those_of_others(tmp_path: Path) -> None:
    def cost(others: int) -> int:
        with open_book(tmp_path / f"{others}.db") as book:
            pages = [page("orders", [], received_ns=T0 + number) for number in range(others)]
            book.append(held(book), [page("entries", [], received_ns=T0), *pages])
            assert len(list(book.journal(ACCOUNT, stream="entries"))) == 1
            return steps(book, lambda: list(book.journal(ACCOUNT, stream="entries")))

    few, many = cost(20), cost(4000)
    assert many < 2 * few + 5, (few, many)
