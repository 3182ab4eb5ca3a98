"""Shows what becomes of a book when the exchange's own rows come late, change or are no longer shown, and when its wire
changes its dialect in mid-book: nothing doubles, nothing is taken back, and what differs is said."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from collect.scene import START_NS, YOUNG_NS, Scene, equal, holes, run, scene, user
from nostro.book.book import Book
from nostro.book.judgement import lives
from nostro.domain.values import DAY_NS, SECOND_NS, format_time
from nostro.link.http import HttpAnswer, HttpRequest
from simulation import truth

# ── rows that come late or change ────────────────────────────────────────────────────────────────────────────────


class Hidden:
    """Takes rows out of the server's answers: what an exchange shows late, or no more."""

    def __init__(self, world: Scene, path: str, wanted: str) -> None:
        self.hidden = 0
        handle = world.server.handle

        def answer(request: HttpRequest) -> HttpAnswer:
            given = handle(request)
            if not request.path.endswith(path) or given.status != 200:
                return given
            rows = msgspec.json.decode(given.body, type=list[msgspec.Raw])
            kept = [row for row in rows if wanted not in bytes(row).decode()]
            self.hidden += len(rows) - len(kept)
            return HttpAnswer(given.status, given.headers, msgspec.json.encode(kept))

        world.server.handle = answer  # type: ignore[method-assign]
        self.restore = lambda: setattr(world.server, "handle", handle)


def test_a_late_row_is_kept_and_said(short: Scene) -> None:
    """Within the overlap it is simply new; behind it, read once more on purpose, it is a break."""
    number = user(short)
    rows = list(short.venue.entries(number))
    old = rows[len(rows) // 3]
    with short.book(since_ns=YOUNG_NS) as book:
        hidden = Hidden(short, "/activity", f'"id":{old.id},')
        run(short.full_pass(book))
        assert hidden.hidden >= 1
        hidden.restore()
        ids = {fact.native_id for fact in book.facts("entry", str(number))}
        assert str(old.id) not in ids
        assert any(life.state == "open" for life in lives(book, str(number)).values()), "the chain has a hole"
        collector = short.collector(book)

        async def again() -> None:
            await collector.start()
            await collector.again(old.time_ns - DAY_NS, old.time_ns + DAY_NS)
            await collector.stop()

        run(again())
        assert len(list(book.facts("entry", str(number)))) == len(rows)
        states = Counter((life.value.name, life.state) for life in lives(book, str(number)).values())
        assert states["late_row", "open"] == 1, states
        assert not any(state == "open" for name, state in states if name != "late_row"), states


def test_a_row_that_is_no_longer_shown_is_marked(short: Scene) -> None:
    number = user(short)
    rows = list(short.venue.fills(number))
    gone = rows[-1]
    with short.book(since_ns=YOUNG_NS) as book:
        run(short.full_pass(book))
        second = format_time(gone.time_ns, 0).removesuffix("Z")
        hidden = Hidden(short, "/accounts/trades", f'"date":"{second}')
        run(short.full_pass(book))
        assert hidden.hidden >= 1
        assert len(list(book.facts("fill", str(number), vanished=True))) >= 1
        assert "vanished" in {finding.what for finding in book.findings(str(number))}


def test_old_open_orders_are_followed_to_their_end(short: Scene) -> None:
    with short.book(since_ns=YOUNG_NS) as book:
        account = short.account(allow=("trade",))
        order_id = str(run(account.place("BTC/USDT", "buy", amount=1, price=2)).native_id)
        run(short.full_pass(book))
        short.clock.pass_s(20 * 86_400)
        run(short.full_pass(book))
        run(account.cancel(order_id))
        short.clock.pass_s(60)
        collector = short.collector(book)

        async def poll() -> None:
            await collector.start()
            await collector.poll()
            await collector.stop()

        run(poll())
        found = {fact.native_id: fact for fact in book.facts("order", str(user(short)))}
        assert found[order_id].status == "canceled"  # type: ignore[attr-defined]
        equal(book, short)


# ── 2026, and the change to it ───────────────────────────────────────────────────────────────────────────────────


def fills_of(book: Book, account: str) -> Counter[tuple[Any, ...]]:
    return Counter(
        (fact.instrument, fact.side, fact.price, fact.amount, fact.fee, fact.effective_ns // SECOND_NS)  # type: ignore[attr-defined]
        for fact in book.facts("fill", account)
    )


def venue_fills(world: Scene) -> Counter[tuple[Any, ...]]:
    return Counter(
        (row.instrument, row.side, row.price, row.amount, row.fee, row.time_ns // SECOND_NS)
        for row in world.venue.fills(user(world))
    )


def test_what_2026_can_prove(tmp_path: Path) -> None:
    with scene(tmp_path, dialect="d26", rows=160) as world, world.book(since_ns=YOUNG_NS) as book:
        report = run(world.full_pass(book))
        assert not report.failures
        account = str(user(world))
        assert fills_of(book, account) == venue_fills(world)
        assert holes(book, world, "fills") == []
        assert holes(book, world, "orders") == [("unavailable", "retention")]
        assert len(list(book.facts("order", account))) == 100
        balances = {(row.asset, row.total) for row in book.latest_states("balance", account)}  # type: ignore[attr-defined]
        assert balances == {(row.asset, row.total) for row in world.venue.balances(user(world))}
        assert not list(book.facts("entry", account))
        assert not [life for life in lives(book, account).values() if life.state == "open"]


def test_a_wire_that_changes_its_dialect_doubles_nothing(tmp_path: Path) -> None:
    """From `cli`, whose fills have no ids, to `d26`, whose fills have: the ids become names of rows that are held."""
    with scene(tmp_path, rows=160) as world, world.book(since_ns=YOUNG_NS) as book:
        account = str(user(world))
        run(world.full_pass(book))
        equal(book, world)
        entries, orders = len(list(book.facts("entry", account))), len(list(book.facts("order", account)))
        held = len(list(book.facts("fill", account)))

        world.serve("d26")
        book.set_dialect(account, "d26")
        world.clock.pass_s(120)
        trader = world.account(allow=("trade",))
        world.market.advance(world.clock.now_ns())
        run(trader.place("BTC/USDT", "buy", type="market", quote_amount=50))
        world.clock.pass_s(60)
        report = run(world.full_pass(book))
        assert not report.failures
        collector = world.collector(book)

        async def again() -> None:
            await collector.start()
            await collector.again(YOUNG_NS, world.clock.now_ns())
            await collector.stop()

        run(again())
        fills = list(book.facts("fill", account))
        assert fills_of(book, account) == venue_fills(world)
        assert len(fills) > held
        assert {fact.native_id for fact in fills} == {str(row.id) for row in world.venue.fills(user(world))}
        assert sum(1 for fact in fills if fact.fee_asset) >= held, "what the older rows said is kept"  # type: ignore[attr-defined]
        assert all(fact.order_id for fact in fills), "and what the newer ones say is added"  # type: ignore[attr-defined]
        assert len(list(book.facts("entry", account))) == entries, "nothing is taken back"
        assert len(list(book.facts("order", account))) > orders
        assert not list(book.facts("fill", account, vanished=True))
        assert [tile.status for tile in book.coverage(account, "orders", since_ns=YOUNG_NS, until_ns=START_NS)] == [
            "proven"
        ], "what was proven stays proven"
        assert not [life for life in lives(book, account).values() if life.state == "open"]
        truth.prove(book)


def test_back_again(tmp_path: Path) -> None:
    with scene(tmp_path, dialect="d26", rows=60) as world, world.book(since_ns=YOUNG_NS) as book:
        account = str(user(world))
        run(world.full_pass(book))
        world.serve("cli")
        book.set_dialect(account, "cli")
        world.clock.pass_s(120)
        run(world.full_pass(book))
        assert not lives(book, account), "what older pages did not say is no difference"
        collector = world.collector(book)

        async def again() -> None:
            await collector.start()
            await collector.again(YOUNG_NS, world.clock.now_ns())
            await collector.stop()

        run(again())
        assert fills_of(book, account) == venue_fills(world)
        assert all(fact.native_id for fact in book.facts("fill", account))
        assert truth.held(book, account) == truth.of_venue(world.venue, user(world))
        assert not [life for life in lives(book, account).values() if life.state == "open"]
