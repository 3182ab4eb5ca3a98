"""Shows that of what an exchange may have forgotten nothing is called proven, that what was proven before stays so, and
that what it forgets soonest is read first."""

from __future__ import annotations

from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from collect.scene import YOUNG_NS, Scene, run, scene, user
from nostro import limits
from nostro.domain.values import DAY_NS, SECOND_NS
from nostro.link.claims import remembered
from nostro.link.declare import Claim
from nostro.link.wire import WireSource

DAY_S = 86_400
KEPT_S = 5 * DAY_S
spans = st.tuples(st.integers(0, 20), st.integers(0, 20)).map(sorted)
statuses = st.sampled_from([("proven", ""), ("open", "saturated"), ("unavailable", "forbidden")])


def forgetful(world: Scene, *names: str) -> WireSource:
    """A source whose exchange says that it keeps these histories for days only."""
    source = world.source()
    asks = tuple(
        msgspec.structs.replace(ask, stream=msgspec.structs.replace(ask.stream, retention_s=KEPT_S))
        if ask.stream is not None and ask.name in names else ask
        for ask in source.exchange.asks
    )  # fmt: skip
    source.exchange = msgspec.structs.replace(source.exchange, asks=asks)
    return source


@given(st.lists(st.tuples(statuses, spans), max_size=5), st.integers(-5, 25))
def test_claims_are_cut_where_nothing_is_sure_to_be_remembered(
    told: list[tuple[tuple[str, str], list[int]]], since: int
) -> None:
    claims = [Claim(status, low, high, cause) for (status, cause), (low, high) in told if low < high]  # type: ignore[arg-type]
    kept = remembered(claims, since_ns=since)
    before = [(at, claim.status, claim.cause) for claim in claims for at in range(claim.since_ns, claim.until_ns)]
    after = [(at, claim.status, claim.cause) for claim in kept for at in range(claim.since_ns, claim.until_ns)]
    assert after == [
        (at, "unavailable", "retention") if status == "proven" and at < since else (at, status, cause)
        for at, status, cause in before
    ]


def test_an_interval_is_proven_as_far_back_as_the_exchange_remembers(tmp_path: Path) -> None:
    with scene(tmp_path) as world:
        source = forgetful(world, "fills")

        async def swept() -> list[Claim]:
            now_ns = world.clock.now_ns()
            steps = source.sweep("fills", now_ns - 9 * DAY_NS, now_ns, {})
            return [claim for step in [each async for each in steps] for claim in step.claims]

        claims = run(swept())
        forgotten = [claim for claim in claims if claim.cause == "retention"]
        oldest_ns = world.clock.now_ns() - (KEPT_S - limits.CLOCK_SKEW_MAX_S) * SECOND_NS
        assert forgotten and all(claim.status == "unavailable" for claim in forgotten)
        assert 0 <= oldest_ns - max(claim.until_ns for claim in forgotten) < 60 * SECOND_NS
        assert all(
            claim.since_ns >= max(each.until_ns for each in forgotten) for claim in claims if claim.status == "proven"
        )


def test_what_was_proven_in_time_stays_proven_and_the_rest_is_not_asked_again(tmp_path: Path) -> None:
    with scene(tmp_path) as world, world.book(since_ns=YOUNG_NS) as book:
        name = str(user(world))
        run(world.full_pass(book, forgetful(world, "fills")))
        start_ns = world.clock.now_ns()
        coverage = book.coverage(name, "fills", since_ns=YOUNG_NS, until_ns=start_ns - DAY_NS)
        assert [(each.status, each.cause) for each in coverage] == [("unavailable", "retention"), ("proven", "")]
        edge_ns, rows = coverage[0].until_ns, len(list(book.facts("fill", name)))
        assert rows > 0, "what it told all the same is kept"
        world.clock.pass_s(2 * DAY_S)
        world.wire.requests.clear()
        run(world.full_pass(book, forgetful(world, "fills")))
        coverage = book.coverage(name, "fills", since_ns=YOUNG_NS, until_ns=start_ns)
        assert [(each.status, each.until_ns) for each in coverage] == [("unavailable", edge_ns), ("proven", start_ns)]
        assert not [found for found in book.findings(name) if found.what == "vanished"]


def test_what_is_forgotten_soonest_is_read_first(tmp_path: Path) -> None:
    with scene(tmp_path) as world, world.book(since_ns=YOUNG_NS) as book:
        run(world.full_pass(book, forgetful(world, "entries")))
        histories = [entered.page.stream for entered in book.journal(str(user(world))) if entered.page.claims]
        assert histories[0] == "entries" and len(set(histories)) > 2
