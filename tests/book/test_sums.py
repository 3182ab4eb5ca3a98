"""Shows that the totals of periods are right after pages that failed, in any process, and that a page does not read
what all pages before it stored of the wider ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from book.world import ACCOUNT, T0, Clock, entry, held, open_book, sweep
from nostro import errors, limits
from nostro.book import sums
from nostro.domain.values import SECOND_NS
from nostro.link.declare import Page

APART_S = 3_600


def entered(number: int) -> list[Page]:
    since_ns = T0 + number * APART_S * SECOND_NS
    return sweep(
        "entries", [entry(number * APART_S, str(number), "1.5")], since_ns=since_ns, until_ns=since_ns + SECOND_NS,
        received_ns=since_ns + SECOND_NS,
    )  # fmt: skip


def test_a_page_reads_no_more_than_its_own_narrow_periods(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    totals = sums._totals

    def counted(store: Any, account: int, width_ns: int, **more: Any) -> Any:
        found = totals(store, account, width_ns, **more)
        read.append(width_ns)
        return found

    monkeypatch.setattr(sums, "_totals", counted)
    with open_book(tmp_path / "b.db") as book:
        lease = held(book)
        for number in range(20):
            book.append(lease, entered(number))
        assert read.count(sums.WIDTHS_NS[0]) == 1 and read.count(sums.WIDTHS_NS[1]) <= 2
        assert [line.amount for line in book.ledger_sums(ACCOUNT)] == [30]
        before = book.state_hash()
        assert not book.rebuild().changes and book.state_hash() == before


def test_a_page_that_failed_leaves_no_total_behind(tmp_path: Path) -> None:
    clock = Clock()
    with open_book(tmp_path / "b.db", clock=clock) as one, open_book(tmp_path / "b.db", clock=clock) as other:
        lease = held(one)
        one.append(lease, entered(0))
        clock.now_ns += (limits.LEASE_S + 1) * SECOND_NS
        taken = other.acquire(ACCOUNT, "other")
        other.append(taken, entered(1))
        with pytest.raises(errors.Fenced):
            one.append(lease, entered(2))
        clock.now_ns += (limits.LEASE_S + 1) * SECOND_NS
        one.append(held(one), [*entered(2), *entered(3)])
        assert [str(line.amount) for line in one.ledger_sums(ACCOUNT)] == ["6"]
        before = one.state_hash()
        assert not one.rebuild().changes and one.state_hash() == before
