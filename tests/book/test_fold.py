"""Shows what a page adds to the book: repeats write nothing; late rows, changes, unknown words and unreadable pages are
found; states have versions; absence counts only where it is complete; the order of arrival does not matter (B4)."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import msgspec
import pytest

from book.world import ACCOUNT, T0, Clock, contents, entry, exchange, fill, held, open_book, order, page, sweep
from nostro import errors
from nostro.book.book import Book
from nostro.domain.records import Balance
from nostro.domain.values import SECOND_NS
from nostro.link.declare import Claim, Page

NOON_NS = T0 + 100 * SECOND_NS


def swept(stream: str, truth: list[dict[str, Any]], *, received_s: int = 100, until_s: int = 60, **more: Any) -> Any:
    return sweep(
        stream, truth, since_ns=T0, until_ns=T0 + until_s * SECOND_NS, received_ns=T0 + received_s * SECOND_NS, **more
    )


def rows_of(book: Book, *tables: str) -> dict[str, int]:
    value = book._store.engine.value
    return {table: int(value(f"SELECT count(*) FROM {table}")) for table in tables}


def test_identical_facts_write_nothing_but_their_page(tmp_path: Path) -> None:
    pages = swept("entries", [entry(1, "a", "1"), entry(2, "b", "2")])
    tables = ("record", "alias", "claim", "period_sum", "finding", "subject", "naming")
    with open_book(tmp_path / "b.db") as book:
        book.append(held(book), pages)
        before = rows_of(book, *tables)
        again = book.append(held(book), pages)
        assert (again.new, again.repeated, again.changed) == (0, 2, 0)
        assert rows_of(book, *tables) == before
        assert rows_of(book, "page") == {"page": 2 * len(pages)}
        fact = next(book.facts("entry", ACCOUNT))
        assert book.supporting_pages(fact) == [1, 1 + len(pages)]


def test_any_order_of_arrival_gives_the_same_facts(tmp_path: Path) -> None:
    parts = [
        swept("entries", [entry(1, "a", "1"), entry(2, "b", "-2")]), swept("fills", [fill(1), fill(1), fill(2)]),
        swept("orders", [order(3, "o", "filled")]), swept("fills", [fill(1), fill(1), fill(2)], rows=1),
    ]  # fmt: skip
    told = set()
    for number, arrival in enumerate(itertools.permutations(parts)):
        with open_book(tmp_path / f"{number}.db") as book:
            for pages in arrival:
                book.append(held(book), pages)
            facts = [contents(book.facts(kind, ACCOUNT)) for kind in ("entry", "fill", "order")]
            told.add(str((facts, [(row.asset, row.amount) for row in book.ledger_sums(ACCOUNT)])))
    assert len(told) == 1


def test_a_late_row_is_kept_and_found_however_late_it_is(tmp_path: Path) -> None:
    with open_book(tmp_path / "b.db") as book:
        book.append(held(book), swept("fills", [fill(1)]))
        soon = book.append(held(book), swept("fills", [fill(1), fill(2)], received_s=200))
        assert (soon.new, soon.late) == (1, 1)
        assert [found.what for found in soon.findings] == ["late"]
        late = book.append(held(book), swept("fills", [fill(1), fill(2), fill(3)], received_s=10_000))
        assert [found.what for found in late.findings] == ["late"]
        assert late.findings == tuple(book.findings(ACCOUNT, after_seq=2))
        assert len(list(book.facts("fill", ACCOUNT))) == 3


def test_a_row_that_no_longer_changes_is_found_when_it_does(tmp_path: Path) -> None:
    with open_book(tmp_path / "b.db") as book:
        clock_ns = [NOON_NS + number * SECOND_NS for number in range(4)]
        statuses = ("open", "partially_filled", "filled", "canceled")
        appended = [
            book.append(held(book), swept("orders", [order(1, "o", status)], received_s=100 + number))
            for number, status in enumerate(statuses)
        ]
        assert [one.changed for one in appended] == [0, 1, 1, 1]
        assert [[found.what for found in one.findings] for one in appended] == [[], [], [], ["changed"]]
        assert "status" in appended[-1].findings[0].detail
        known = [[fact.status for fact in book.facts("order", ACCOUNT, known_at_ns=at_ns)] for at_ns in clock_ns]
        assert known == [[status] for status in statuses]


def test_open_rows_are_those_that_may_still_change(tmp_path: Path) -> None:
    stream = exchange().stream("orders")
    assert stream is not None
    with open_book(tmp_path / "b.db") as book:
        rows = [order(1, "a", "open"), order(2, "b", "filled"), order(3, "c", "open"), order(3, "d", "open")]
        book.append(held(book), swept("orders", rows))
        assert book.open_rows(ACCOUNT, stream) == [(T0 + SECOND_NS, "BTC/USDT"), (T0 + 3 * SECOND_NS, "BTC/USDT")]
        book.append(held(book), swept("orders", [order(1, "a", "canceled"), *rows[1:]]))
        assert book.open_rows(ACCOUNT, stream) == [(T0 + 3 * SECOND_NS, "BTC/USDT")]


def test_a_vanished_row_is_marked_kept_and_can_come_back(tmp_path: Path) -> None:
    with open_book(tmp_path / "b.db") as book:
        book.append(held(book), swept("entries", [entry(1, "a", "1"), entry(2, "b", "2")]))
        gone = book.append(held(book), swept("entries", [entry(1, "a", "1")], received_s=101))
        assert (gone.vanished, [found.what for found in gone.findings]) == (1, ["vanished"])
        assert [fact.native_id for fact in book.facts("entry", ACCOUNT)] == ["a"]
        assert [fact.native_id for fact in book.facts("entry", ACCOUNT, vanished=True)] == ["b"]
        assert [str(row.amount) for row in book.ledger_sums(ACCOUNT)] == ["1"]
        assert [str(row.amount) for row in book.ledger_sums(ACCOUNT, known_at_ns=NOON_NS)] == ["3"]
        back = book.append(held(book), swept("entries", [entry(1, "a", "1"), entry(2, "b", "2")], received_s=102))
        assert (back.changed, back.findings[0].detail) == (1, "a row that had vanished is there again")
        assert [str(row.amount) for row in book.ledger_sums(ACCOUNT)] == ["3"]


def test_a_partial_or_failed_answer_makes_nothing_vanish(tmp_path: Path) -> None:
    rows = [entry(1, "a", "1"), entry(2, "b", "2")]
    with open_book(tmp_path / "b.db") as book:
        book.append(held(book), swept("entries", rows))
        unclaimed = page("entries", rows[:1], received_ns=NOON_NS, since_ns=T0, until_ns=NOON_NS)
        refused = page("entries", b'{"error": 1}', received_ns=NOON_NS, status=503)
        appended = book.append(held(book), [unclaimed, refused])
        assert (appended.vanished, appended.findings) == (0, ())
        assert len(list(book.facts("entry", ACCOUNT))) == 2


def test_rows_on_earlier_pages_of_a_sweep_have_not_vanished(tmp_path: Path) -> None:
    rows = [entry(number, str(number), "1") for number in range(9)]
    with open_book(tmp_path / "b.db") as book:
        book.append(held(book), swept("entries", rows, rows=2))
        pages = swept("entries", rows, rows=2, received_s=101)
        assert len(pages) > 3
        for single in pages[:2]:
            book.append(held(book), [single])
        book._fold.forget()
        rest = [book.append(held(book), [single]) for single in pages[2:]]
        assert sum(one.vanished for one in rest) == 0


def test_a_window_that_is_claimed_piece_by_piece_makes_nothing_vanish(tmp_path: Path) -> None:
    """One instant of a window was saturated: it is claimed last, by the page of its own question."""
    first, second = [entry(1, "a", "1"), entry(5, "b", "1")], [entry(5, "c", "1"), entry(8, "d", "1")]
    crowded = Claim("proven", T0 + 5 * SECOND_NS, T0 + 6 * SECOND_NS)
    around = (Claim("proven", T0, crowded.since_ns), Claim("proven", crowded.until_ns, NOON_NS))

    def window(received_s: int) -> list[Page]:
        at_ns = T0 + received_s * SECOND_NS
        return [
            page("entries", first, received_ns=at_ns, where={"part": "1"}),
            page("entries", second[1:], received_ns=at_ns, where={"part": "2"}, claims=around),
            page("entries", [], received_ns=at_ns, claims=(Claim("open", T0, NOON_NS, "saturated"),)),
            page("entries", second[:1], received_ns=at_ns, where={"part": "2", "asset": "BTC"}, claims=(crowded,)),
        ]

    with open_book(tmp_path / "b.db") as book:
        book.append(held(book), window(100))
        again = book.append(held(book), window(101))
        assert (again.new, again.vanished, again.repeated) == (0, 0, 4)
        without = [msgspec.structs.replace(each, body=b"[]") for each in window(102)]
        assert book.append(held(book), without).vanished == 4


def test_an_unreadable_page_is_stored_alone_and_its_claims_are_void(tmp_path: Path) -> None:
    claim = Claim("proven", T0, NOON_NS)
    with open_book(tmp_path / "b.db") as book:
        lease = held(book)
        bad = [
            page("entries", b"<html>", received_ns=NOON_NS, claims=(claim,)),
            page("entries", [{**entry(1, "a", "1"), "amount": "NaN"}], received_ns=NOON_NS, claims=(claim,)),
            page("entries", [{"id": "a"}], received_ns=NOON_NS, claims=(claim,)),
        ]
        appended = book.append(lease, bad)
        assert [found.what for found in appended.findings] == ["quarantined"] * 3
        assert not list(book.facts("entry", ACCOUNT))
        tiles = book.coverage(ACCOUNT, "entries", since_ns=T0, until_ns=NOON_NS)
        assert [tile.status for tile in tiles] == ["open"]
        assert [entered.page.body for entered in book.journal(ACCOUNT)] == [each.body for each in bad]


def test_a_claim_over_an_unreadable_page_proves_nothing_until_it_is_read_again(tmp_path: Path) -> None:
    rows = [entry(1, "a", "1"), entry(2, "b", "2")]
    claim = Claim("proven", T0, NOON_NS)
    first = page("entries", b"<html>", received_ns=NOON_NS, since_ns=T0, until_ns=T0 + 2)
    last = page("entries", rows[1:], received_ns=NOON_NS, since_ns=T0 + 2, until_ns=NOON_NS, claims=(claim,))
    good = page("entries", rows[:1], received_ns=NOON_NS, since_ns=T0, until_ns=T0 + 2)
    for name, pages, status in (("void", [first, last], "open"), ("again", [first, good, last], "proven")):
        with open_book(tmp_path / f"{name}.db") as book:
            book.append(held(book), pages)
            tiles = book.coverage(ACCOUNT, "entries", since_ns=T0, until_ns=NOON_NS)
            assert [tile.status for tile in tiles] == [status], name
            assert ("unproven" in [found.what for found in book.findings(ACCOUNT)]) is (status == "open")


def test_a_word_that_nobody_knows_is_found_once(tmp_path: Path) -> None:
    rows = [order(1, "o", "unknown:HAUNTED")]
    with open_book(tmp_path / "b.db") as book:
        first = book.append(held(book), swept("orders", rows))
        again = book.append(held(book), swept("orders", rows))
        assert [found.what for found in first.findings + again.findings] == ["unknown"]


def test_states_have_versions_and_only_complete_snapshots_end_them(tmp_path: Path) -> None:
    def seen(at_s: int, **more: Any) -> Any:
        totals = {asset: total for asset, total in more.items() if asset != "where"}
        rows = [{"asset": asset, "total": total} for asset, total in totals.items()]
        return page("balances", rows, received_ns=T0 + at_s * SECOND_NS, where=more.get("where"))

    def balances(book: Book, **clocks: int) -> dict[str, tuple[str, int]]:
        answer = book.latest_states("balance", ACCOUNT, **clocks)
        return {
            fact.asset: (str(fact.total), ((fact.effective_ns or 0) - T0) // SECOND_NS)
            for fact in answer if isinstance(fact, Balance)
        }  # fmt: skip

    with open_book(tmp_path / "b.db") as book:
        lease = held(book)
        appended = book.append(lease, [
            seen(1, BTC="1", USDT="5"), seen(2, BTC="1", USDT="5"), seen(3, BTC="2", USDT="5"),
            seen(4, BTC="9", where={"asset": "BTC"}), seen(5, USDT="5"),
            page("balances", b"", received_ns=T0 + 6 * SECOND_NS, status=500),
        ])  # fmt: skip
        assert (appended.new, appended.changed, appended.vanished) == (2, 2, 1)
        assert balances(book) == {"USDT": ("5", 5)}
        assert balances(book, as_of_ns=T0 + 5 * SECOND_NS) == {"BTC": ("9", 4), "USDT": ("5", 3)}
        assert balances(book, as_of_ns=T0 + 3 * SECOND_NS) == {"BTC": ("1", 2), "USDT": ("5", 2)}
        assert balances(book, known_at_ns=T0 + 3 * SECOND_NS) == {"BTC": ("2", 3), "USDT": ("5", 3)}
        assert balances(book, as_of_ns=T0) == {}
        assert [str(fact.total) for fact in book.facts("balance", ACCOUNT, where={"asset": "BTC"})] == ["1", "2", "9"]


def test_a_secret_page_keeps_the_hash_of_its_body_alone(tmp_path: Path) -> None:
    secret = b'"the-token-itself"'
    kept = msgspec.structs.replace(page("auth", secret, received_ns=NOON_NS), secret=True)
    with open_book(tmp_path / "b.db") as book:
        book.append(held(book), [kept])
        assert [entered.page.body for entered in book.journal(ACCOUNT)] == [b""]
        book.verify()
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"the-token-itself" not in stored


def test_a_new_reader_asks_for_a_rebuild_which_reports_every_row(tmp_path: Path) -> None:
    path, clock = tmp_path / "b.db", Clock()
    with open_book(path, clock=clock) as book:
        book.append(held(book), swept("entries", [entry(1, "a", "1"), entry(2, "b", "2")]))

    def newer(id_: str, dialect: str) -> Any:
        declared = exchange(id_, dialect, reader=2)
        doubled = [
            msgspec.structs.replace(ask, read=lambda query, answer, ask=ask: [
                msgspec.structs.replace(fact, amount=fact.amount * 2) if fact.native_id == "b" else fact
                for fact in ask.read(query, answer)
            ]) if ask.name == "entries" else ask
            for ask in declared.asks
        ]  # fmt: skip
        return msgspec.structs.replace(declared, asks=tuple(doubled))

    with open_book(path, clock=clock, registry=newer) as book:
        with pytest.raises(errors.Conflict, match="reader 1 of small, and this is 2"):
            book.append(held(book), swept("entries", [entry(3, "c", "3")], until_s=90))
        rebuilt = book.rebuild()
        assert [(str(one.before.amount), str(one.after.amount)) for one in rebuilt.changes] == [("2", "4")]
        assert [str(row.amount) for row in book.ledger_sums(ACCOUNT)] == ["5"]
        assert book.append(held(book), swept("entries", [entry(3, "c", "3")], until_s=90)).new == 1


def test_a_program_that_went_on_notices_that_a_newer_one_rebuilt_the_book(tmp_path: Path) -> None:
    path, clock = tmp_path / "b.db", Clock()

    def newer(id_: str, dialect: str) -> Any:
        return exchange(id_, dialect, reader=2)

    with open_book(path, clock=clock) as old:
        lease = held(old)
        old.append(lease, swept("entries", [entry(1, "a", "1")]))
        with open_book(path, clock=clock, registry=newer) as new:
            new.rebuild()
        before = old.head()
        with pytest.raises(errors.Conflict, match="reader 2 of small, and this is 1"):
            old.append(lease, swept("entries", [entry(2, "b", "2")], until_s=90))
        assert old.head() == before


def test_observed_time_never_falls(tmp_path: Path) -> None:
    with open_book(tmp_path / "b.db") as book:
        times_ns = [NOON_NS, NOON_NS - 50 * SECOND_NS, NOON_NS + 1]
        book.append(held(book), [page("entries", [], received_ns=time_ns) for time_ns in times_ns])
        assert [entered.observed_ns for entered in book.journal(ACCOUNT)] == [NOON_NS, NOON_NS, NOON_NS + 1]
        assert len(list(book.journal(ACCOUNT, known_at_ns=NOON_NS))) == 2


def test_the_newest_rows_alone_are_the_end_of_all(tmp_path: Path) -> None:
    with open_book(tmp_path / "b.db") as book:
        book.append(held(book), swept("fills", [fill(second) for second in (1, 1, 2, 3, 3, 4, 5)]))
        book.append(held(book), swept("fills", [fill(second) for second in (1, 1, 2, 3, 3, 4, 5)], rows=1))
        for where in ({}, {"side": "buy"}, {"side": "sell"}):
            for end in (T0 + 9 * SECOND_NS, T0 + 4 * SECOND_NS):
                whole = book.answer("fill", ACCOUNT, until_ns=end, where=where)
                for newest in (0, 1, 3, 100):
                    part = book.answer("fill", ACCOUNT, until_ns=end, where=where, newest=newest)
                    assert list(part) == list(whole)[max(0, len(whole) - newest) :]
                    assert (part.complete_through_ns, part.coverage) == (whole.complete_through_ns, whole.coverage)


def test_answers_say_how_complete_they_are(tmp_path: Path) -> None:
    clock = Clock(NOON_NS)
    with open_book(tmp_path / "b.db", clock=clock) as book:
        book.append(held(book), swept("fills", [fill(1)], until_s=40))
        answer = book.answer("fill", ACCOUNT, until_ns=T0 + 60 * SECOND_NS)
        assert (len(answer), answer.complete_through_ns, answer.reader) == (1, T0 + 40 * SECOND_NS, "small/1")
        assert [str(hole) for hole in answer.coverage] == ["fills open 2023-11-14T22:14:00Z .. 2023-11-14T22:14:20Z"]
        with pytest.raises(errors.BadValue, match="fill has no field 'colour'"):
            book.answer("fill", ACCOUNT, where={"colour": "red"})
        assert not book.answer("fill", ACCOUNT, where={"instrument": "ETH/USDT"})
        assert len(book.answer("fill", ACCOUNT, where={"side": "buy", "wallet": "spot"})) == 1
