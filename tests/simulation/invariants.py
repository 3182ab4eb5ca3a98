"""The book's invariants, each checked on a whole book, with a count of what was compared: a check that compared nothing
shows nothing. The numbers are those of docs/invariants.md."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from decimal import Decimal
from itertools import chain
from typing import Any

import msgspec

from nostro.book import postings
from nostro.book.book import Book
from nostro.book.checks.borrowings import RATE
from nostro.book.judgement import DEBTS as OWED
from nostro.book.judgement import judged
from nostro.domain.records import Balance, Entry, Fact, Order
from nostro.domain.values import DAY_NS, ZERO, add, decimal

DEBTS = (*OWED, RATE)
OPEN_STATUSES = ("pending", "open", "partially_filled")
SKEW_NS = 30_000_000_000  # an exchange's clock may be this much ahead of ours
KINDS = ("order", "fill", "entry", "transfer", "borrow", "repayment", "interest", "liquidation")


def check(book: Book, randomness: random.Random, *, now_ns: int) -> Counter[str]:
    """Asserts every invariant of the book that needs only the book. Raises AssertionError."""
    counts: Counter[str] = Counter()
    for row in book.accounts():
        facts = {kind: list(book.facts(kind, row.name)) for kind in KINDS}
        _double_entry(facts, counts)
        _prefix_sums(book, row.name, facts["entry"], randomness, counts)
        _identity(facts, counts)
        _tiles(book, row.name, counts)
        _orders(book, row.name, counts)
        _parts(book, row.name, counts)
        _chain(facts["entry"], counts)
        _judged(book, row.name, now_ns, counts)
        _times(facts, counts)
        _numbers(facts, counts)
    return counts


def _double_entry(facts: dict[str, list[Fact]], counts: Counter[str]) -> None:
    rows = chain.from_iterable(facts[kind] for kind in postings.LEDGER_KINDS)
    posted = list(postings.transactions(rows, ledger=True))
    whole: defaultdict[str, list[Decimal]] = defaultdict(list)
    for transaction in posted:
        sums: defaultdict[str, list[Decimal]] = defaultdict(list)
        for posting in transaction.postings:
            sums[posting.asset].append(posting.amount)
            whole[posting.asset].append(posting.amount)
        assert all(add(amounts) == 0 for amounts in sums.values()), "B1"
        counts["B1"] += 1
    assert all(add(amounts) == 0 for amounts in whole.values()), "B2"
    counts["B2"] += len(whole)


def _prefix_sums(
    book: Book, account: str, entries: list[Fact], randomness: random.Random, counts: Counter[str]
) -> None:
    for entry in randomness.sample(entries, min(5, len(entries))):
        at_ns = entry.effective_ns or 0
        expected: defaultdict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
        for each in entries:
            if isinstance(each, Entry) and (each.effective_ns or 0) < at_ns:
                expected[each.sub_account, each.wallet, each.asset] += each.amount
        found = {
            (each.sub_account, each.wallet, each.asset): each.amount
            for each in book.ledger_sums(account, as_of_ns=at_ns)
        }
        assert {key: value for key, value in found.items() if value} == {k: v for k, v in expected.items() if v}, "B3"
        counts["B3"] += 1


def _identity(facts: dict[str, list[Fact]], counts: Counter[str]) -> None:
    for kind, rows in facts.items():
        ids = [(getattr(row, "direction", ""), row.native_id) for row in rows if row.native_id is not None]
        assert len(ids) == len(set(ids)), f"B5: {kind}"
        places = [(row.page, row.offset) for row in rows]
        assert len(places) == len(set(places)), f"B5: {kind} of one place twice"
        counts["B5"] += len(rows)


def _tiles(book: Book, account: str, counts: Counter[str]) -> None:
    since_ns = book.account(account).since_ns
    until_ns = since_ns + 400 * DAY_NS
    for stream in book.exchange(account).streams:
        at_ns = since_ns
        for tile in book.coverage(account, stream.name, since_ns=since_ns, until_ns=until_ns):
            assert tile.since_ns == at_ns < tile.until_ns, "B8"
            assert (tile.status == "unavailable") <= bool(tile.cause), "B8: unavailable without a cause"
            at_ns = tile.until_ns
            counts["B8"] += 1
        assert at_ns == until_ns, "B8"


def _orders(book: Book, account: str, counts: Counter[str]) -> None:
    filled: dict[str, Decimal] = {}
    done: set[str] = set()
    for order in book.facts("order", account, versions=True):
        assert isinstance(order, Order)
        if order.amount is None or order.filled is None or order.canceled is None:
            continue
        key = str(order.native_id)
        assert 0 <= order.filled <= order.amount, "B9"
        assert order.filled + order.canceled + (order.remaining or ZERO) == order.amount, "B9"
        assert order.filled >= filled.get(key, ZERO), "B9: filled fell"
        assert key not in done, "B9: an order changed after its end"
        filled[key] = order.filled
        if order.status not in OPEN_STATUSES:
            done.add(key)
        counts["B9"] += 1


def _parts(book: Book, account: str, counts: Counter[str]) -> None:
    for balance in book.latest_states("balance", account):
        assert isinstance(balance, Balance)
        if balance.free is not None and balance.used is not None:
            assert balance.total == balance.free + balance.used, "B11"
            counts["B11"] += 1


def _chain(entries: list[Fact], counts: Counter[str]) -> None:
    states: dict[tuple[str, str, str], tuple[Any, Any]] = {}
    for entry in sorted(entries, key=lambda each: int(each.native_id or 0)):
        assert isinstance(entry, Entry)
        assert entry.after == (entry.before or ZERO) + entry.amount, "B14"
        nothing = (ZERO, None if entry.held_before is None else ZERO)
        before = states.get((entry.sub_account, entry.wallet, entry.asset), nothing)
        assert (entry.before, entry.held_before) == before, "B14"
        states[entry.sub_account, entry.wallet, entry.asset] = (entry.after, entry.held_after)
        counts["B14"] += 1


def _judged(book: Book, account: str, now_ns: int, counts: Counter[str]) -> None:
    """What the checks say: balances are what entries add up to (B16), fees on fills are fee entries (B17), transfers
    are booked (B15, the exchange's side of it), debts are what made them (B13), positions are what fills made (B10),
    and what collateral is worth follows from its parts by the exchange's own formulas (B12)."""
    names = {
        "balance": "B16", "borrowings": "B16", "repayments": "B16", "liquidations": "B16", "fees": "B17",
        "transfers": "B15", **dict.fromkeys(DEBTS, "B13"), "position": "B10", "realized": "B10", "figures": "B12",
    }  # fmt: skip
    judgement = judged(book, account, until_ns=now_ns)
    for result in judgement.results:
        assert result.outcome != "break", result
        number = next((number for name, number in names.items() if name in result.check), "")
        if number and result.outcome.startswith("ties"):
            counts[number] += result.terms
            counts[f"{number}: {result.check}"] += result.terms
    for standing in judgement.standings:
        assert not standing.unexplained, "B16"


def _times(facts: dict[str, list[Fact]], counts: Counter[str]) -> None:
    for rows in facts.values():
        for row in rows:
            assert row.observed_ns >= (row.effective_ns or 0) - SKEW_NS, "B19"
            counts["B19"] += 1


def _numbers(facts: dict[str, list[Fact]], counts: Counter[str]) -> None:
    for rows in facts.values():
        for row in rows:
            for name in row.__struct_fields__:
                value = getattr(row, name)
                assert not isinstance(value, float), f"B21: {name}"
                if isinstance(value, Decimal):
                    assert decimal(str(value)) == value and value.is_finite(), f"B21: {name}"
                    counts["B21"] += 1


def known(book: Book, account: str, *, known_at_ns: int) -> bytes:
    """An answer about the past as it was known then, as bytes: later pages never change it (B18)."""
    rows = [
        [(fact.page, fact.offset, fact) for fact in book.facts(kind, account, known_at_ns=known_at_ns)]
        for kind in KINDS
    ]
    sums = list(book.ledger_sums(account, known_at_ns=known_at_ns))
    return msgspec.json.encode([rows, sums])


def repeated(book: Book, account: str, *, since_ns: int) -> Counter[str]:
    """Appends the pages received from then on once more: nothing is new, nothing doubles (B4). (Only pages that still
    say what is so: an older answer, given once more, would speak of rows that it does not show.)"""
    before = {kind: len(list(book.facts(kind, account))) for kind in KINDS}
    pages = [entered.page for entered in book.journal(account)]
    again = [
        page for page in pages if page.received_ns >= since_ns and page.exchange != "nostro" and page.status == 200
    ]
    assert again
    lease = book.acquire(account, "once more")
    appended = book.append(lease, again)
    book.release(lease)
    after = {kind: len(list(book.facts(kind, account))) for kind in KINDS}
    assert (appended.new, appended.vanished) == (0, 0), "B4"
    assert before == after, "B4"
    return Counter({"B4": appended.repeated})
