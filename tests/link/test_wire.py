"""Shows what the wire's source does when signing in, waiting and repeating go wrong: against the paper server, in one
thread, on a clock that jumps. Each test of a fault counts that the fault fired."""

from __future__ import annotations

from pathlib import Path

import pytest

from collect.scene import LATENCY_NS, START_NS, Scene, run, scene, struck
from nostro import errors, limits
from nostro.domain.values import DAY_NS, SECOND_NS
from nostro.link.http import HttpAnswer, HttpRequest
from nostro.link.wire import WireSource
from nostro.paper.faults import Kind


async def ask(source: WireSource, capability: str = "balances", times: int = 1) -> None:
    for _ in range(times):
        await source.ask(capability, {})


async def failed(source: WireSource, capability: str = "balances") -> errors.NostroError:
    with pytest.raises(errors.NostroError) as caught:
        await source.ask(capability, {})
    return caught.value


# ── signing in ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_one_token_serves_until_shortly_before_its_end(tmp_path: Path) -> None:
    with scene(tmp_path, rows=0) as world:
        source = world.source()
        run(ask(source, times=3))
        assert world.wire.count("/auth") == 1
        life_s = world.venue.token_life_s()
        world.clock.pass_s(life_s - limits.TOKEN_MARGIN_S - 5)
        run(ask(source))
        assert world.wire.count("/auth") == 1
        world.clock.pass_s(10)
        run(ask(source, times=2))
        assert world.wire.count("/auth") == 2, "renewed once, before the exchange refuses the old token"


def test_public_questions_need_no_key(tmp_path: Path) -> None:
    with scene(tmp_path, rows=0) as world:
        source = world.source()
        source._credentials = None
        run(ask(source, "instruments"))
        assert world.wire.count("/auth") == 0
        assert isinstance(run(failed(source)), errors.Unauthorized)
        assert len(world.wire.requests) == 1, "without a key nothing private is sent"


def test_a_token_that_is_taken_back_is_renewed(tmp_path: Path) -> None:
    with scene(tmp_path, rows=0) as world:
        source = world.source()
        run(ask(source))
        faults = world.strike(struck(Kind.EXPIRED_TOKEN, 1))
        run(ask(source))
        assert faults.fired[Kind.EXPIRED_TOKEN] == 1
        assert world.wire.count("/auth") == 2


@pytest.mark.parametrize("wrong", [{"key": "paper-nobody"}, {"secret": "paper-wrong"}])
def test_a_wrong_key_is_tried_twice_and_never_again(tmp_path: Path, wrong: dict[str, str]) -> None:
    with scene(tmp_path, rows=0) as world:
        source = world.source(**wrong)  # type: ignore[arg-type]
        for _ in range(5):
            error = run(failed(source))
            assert isinstance(error, errors.Unauthorized)
            assert error.happened == "no"
            assert error.hint
        assert world.wire.count("/auth") == limits.AUTH_FAILURES_MAX
        assert len(world.wire.requests) == limits.AUTH_FAILURES_MAX
        assert not world.clock.slept, "there is nothing to wait for"


def test_a_key_that_is_refused_everywhere_stops_too(tmp_path: Path) -> None:
    """The sign-in works, and every answer after it is 401."""
    with scene(tmp_path, rows=0) as world:
        faults = world.strike(struck(Kind.EXPIRED_TOKEN, share=1.0, routes=("balances",)))
        source = world.source()
        assert isinstance(run(failed(source)), errors.Unauthorized)
        assert faults.fired[Kind.EXPIRED_TOKEN] == 2
        assert world.wire.count("/auth") == 2


def test_no_secret_reaches_a_page_or_an_error(tmp_path: Path) -> None:
    with scene(tmp_path, rows=0) as world:
        secret = world.login().secret
        reply = run(world.source().ask("balances", {}))
        assert secret not in str(reply.pages)
        error = run(failed(world.source(secret="paper-" + "x" * 40)))
        assert "x" * 40 not in f"{error!r} {error} {error.page}"


# ── waiting and repeating ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("wait_s", [1, 45, 120, 299])
def test_nothing_is_sent_before_retry_after_has_passed(tmp_path: Path, wait_s: int) -> None:
    with scene(tmp_path, rows=0) as world:
        faults = world.strike(struck(Kind.REFUSED, 1, routes=("balances",), retry_after_s=wait_s))
        run(ask(world.source()))
        assert faults.fired[Kind.REFUSED] == 1
        before_ns, after_ns = world.wire.times_ns[-2:]
        assert after_ns - before_ns >= wait_s * SECOND_NS
        assert len(world.wire.requests) == 3, "sign in, refused, answered"


@pytest.mark.parametrize("wait_s", [0, 1, 45])
def test_who_listens_is_told_of_a_pause_that_he_would_notice(tmp_path: Path, wait_s: int) -> None:
    with scene(tmp_path, rows=0) as world:
        faults = world.strike(struck(Kind.REFUSED, 1, routes=("balances",), retry_after_s=wait_s))
        source, told = world.source(), []
        source.heard = told.append
        run(ask(source))
        assert faults.fired[Kind.REFUSED] == 1
        if wait_s < limits.PAUSE_TOLD_S:
            assert told == []
            return
        [waiting] = told
        assert waiting.account == source.account and "429" in waiting.why
        asked_ns = world.wire.times_ns[-1]
        assert 0 <= asked_ns - waiting.until_ns < SECOND_NS
        assert source._token and source._token not in repr(waiting)


def test_pauses_between_attempts_are_told_once_they_are_long(tmp_path: Path) -> None:
    with scene(tmp_path, rows=0) as world:
        faults = world.strike(struck(Kind.FAILED, 1, 2, 3, 4, routes=("balances",)))
        source, told = world.source(), []
        source.heard = told.append
        run(ask(source))
        assert faults.fired[Kind.FAILED] == 4
        long = [pause_s for pause_s in world.clock.slept if pause_s >= limits.PAUSE_TOLD_S]
        assert 0 < len(told) == len(long) < len(world.clock.slept)


def test_others_wait_too(tmp_path: Path) -> None:
    """A refused write asks nobody to repeat it; whoever asks next still waits."""
    with scene(tmp_path, rows=0) as world:
        source = world.source()
        run(ask(source, "instruments"))
        world.strike(struck(Kind.REFUSED, 1, routes=("place",), retry_after_s=90))

        async def two() -> None:
            from nostro.link.commands import PlaceOrder

            command = PlaceOrder(wallet="spot", instrument="BTC/USDT", side="buy", type="market")
            with pytest.raises(errors.RateLimited):
                await source.do("place", command)
            await source.ask("instruments", {})

        run(two())
        assert world.faults.fired[Kind.REFUSED] == 1
        assert world.wire.count("/trading/order") == 1
        before_ns, after_ns = world.wire.times_ns[-2:]
        assert after_ns - before_ns >= 90 * SECOND_NS


def test_a_silence_that_is_too_long_is_said_at_once(tmp_path: Path) -> None:
    with scene(tmp_path, rows=0) as world:
        faults = world.strike(struck(Kind.REFUSED, 1, routes=("pairs",), retry_after_s=3_600))
        source = world.source()
        error = run(failed(source, "instruments"))
        assert isinstance(error, errors.RateLimited)
        assert error.retry_after_s == 3_600
        again = run(failed(source, "instruments"))
        assert isinstance(again, errors.RateLimited)
        assert 3_590 < (again.retry_after_s or 0) <= 3_600
        assert faults.fired[Kind.REFUSED] == 1
        assert len(world.wire.requests) == 1, "what would be refused is not sent"
        world.clock.pass_s(3_600)
        run(ask(source, "instruments"))


def test_a_rate_limit_without_a_time_backs_off(tmp_path: Path) -> None:
    with scene(tmp_path, rows=0) as world:
        refusals = iter(range(4))

        def before(request: HttpRequest) -> HttpAnswer | None:
            return HttpAnswer(429, {}, b"") if next(refusals, None) is not None else None

        world.wire.before = before
        run(ask(world.source(), "instruments"))
        assert next(refusals, None) is None, "all four were given"
        pauses = world.clock.slept
        assert len(pauses) == 4
        assert all(0.5 <= pause / (limits.BACKOFF_FIRST_S * 2**index) <= 1.5 for index, pause in enumerate(pauses))


@pytest.mark.parametrize("kind", [Kind.MAINTENANCE, Kind.FAILED, Kind.DROPPED_BEFORE, Kind.DROPPED_AFTER])
def test_a_read_is_repeated(tmp_path: Path, kind: Kind) -> None:
    with scene(tmp_path, rows=0) as world:
        faults = world.strike(struck(kind, 1, 2, 3, routes=("balances",)))
        run(ask(world.source()))
        assert faults.fired[kind] == 3
        assert world.wire.count("/balances") == 4
        assert len(world.clock.slept) == 3


@pytest.mark.parametrize("route", ["balances", "sign_in"])
def test_repeating_ends(tmp_path: Path, route: str) -> None:
    """Six requests and no more, whether the question or the sign-in before it fails."""
    with scene(tmp_path, rows=0) as world:
        faults = world.strike(struck(Kind.MAINTENANCE, share=1.0, routes=(route,)))
        error = run(failed(world.source()))
        assert isinstance(error, errors.Failing | errors.NotSent)
        assert faults.fired[Kind.MAINTENANCE] == limits.RETRIES_MAX + 1
        assert world.wire.count("/auth" if route == "sign_in" else "/balances") == limits.RETRIES_MAX + 1
        assert sum(world.clock.slept) < 2 * limits.BACKOFF_MAX_S


@pytest.mark.parametrize("kind", [Kind.DROPPED_BEFORE, Kind.DROPPED_AFTER])
def test_a_lost_answer_says_whose_it_was(tmp_path: Path, kind: Kind) -> None:
    with scene(tmp_path, rows=0) as world:
        faults = world.strike(struck(kind, share=1.0, routes=("balances",)))
        source = world.source()
        error = run(failed(source))
        assert isinstance(error, errors.LinkError)
        assert (error.exchange, error.account) == ("alp", source.account)
        assert faults.fired[kind] == limits.RETRIES_MAX + 1


@pytest.mark.parametrize("kind", [Kind.HTML, Kind.TRUNCATED, Kind.EMPTY])
def test_an_answer_that_is_none_is_undecodable_and_kept(tmp_path: Path, kind: Kind) -> None:
    with scene(tmp_path, rows=60) as world:
        faults = world.strike(struck(kind, 1, routes=("balances",)))
        source = world.source()
        error = run(failed(source))
        assert faults.fired[kind] == 1
        assert isinstance(error, errors.Undecodable)
        page = error.page
        assert page is not None
        assert page.status == 200  # type: ignore[attr-defined]
        assert page.route == "balances"  # type: ignore[attr-defined]
        run(ask(source))


@pytest.mark.parametrize("status", [202, 203, 204, 206])
def test_only_200_is_a_whole_answer(tmp_path: Path, status: int) -> None:
    """A history answered with less claims nothing: its rows would be missing from an interval called proven."""
    with scene(tmp_path, rows=60) as world:
        answered = 0

        def before(request: HttpRequest) -> HttpAnswer | None:
            nonlocal answered
            if not request.path.endswith("/accounts/activity"):
                return None
            answered += 1
            return HttpAnswer(status, {"Content-Type": "application/json"}, b"[]")

        source = world.source()
        world.wire.before = before

        async def swept() -> None:
            now_ns = world.clock.now_ns()
            async for _ in source.sweep("entries", now_ns - SECOND_NS, now_ns, {}):
                pytest.fail("a step was given")

        with pytest.raises(errors.Undecodable, match=str(status)) as caught:
            run(swept())
        assert caught.value.page is not None
        assert answered == 1, "asked once: it is not repeated"


def test_an_html_sign_in_is_no_verdict_on_the_key(tmp_path: Path) -> None:
    with scene(tmp_path, rows=0) as world:
        faults = world.strike(struck(Kind.HTML, 1, 2, routes=("sign_in",)))
        run(ask(world.source()))
        assert faults.fired[Kind.HTML] == 2
        assert world.wire.count("/auth") == 3


def test_a_refusal_is_not_repeated(tmp_path: Path) -> None:
    with scene(tmp_path, rows=0) as world:
        source = world.source("reader")
        run(ask(source, "instruments"))

        async def unknown() -> None:
            await source.ask("order_book", {"instrument": "NO/SUCH"})

        with pytest.raises(errors.NotFound, match="unknown pair"):
            run(unknown())
        assert len(world.wire.requests) == 2


def test_an_unknown_capability_and_stream(tmp_path: Path) -> None:
    with scene(tmp_path, rows=0, dialect="d26") as world:
        error = run(failed(world.source(), "deposit_methods"))
        assert isinstance(error, errors.NotSupported)
        assert "ALP.COM has no deposit_methods" in str(error)

        async def swept() -> None:
            async for _ in world.source().sweep("entries", 0, 1, {}):
                pass

        with pytest.raises(errors.NotSupported):
            run(swept())
        assert not world.wire.requests


# ── clocks ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("ahead_s", [-600.0, -40.0, 0.0, 40.0, 600.0])
def test_the_offset_of_the_clocks_is_known_to_a_second(tmp_path: Path, ahead_s: float) -> None:
    with scene(tmp_path, rows=0) as world:
        source = world.source(ahead_s=ahead_s)
        page = run(source.ask("balances", {})).pages[0]
        assert abs(source.offset_ns(page) / SECOND_NS + ahead_s) <= 1


@pytest.mark.parametrize("ahead_s", [-600.0, 600.0])
def test_a_token_is_renewed_by_the_exchanges_clock(tmp_path: Path, ahead_s: float) -> None:
    with scene(tmp_path, rows=0) as world:
        source = world.source(ahead_s=ahead_s)
        run(ask(source))
        world.clock.pass_s(world.venue.token_life_s() - limits.TOKEN_MARGIN_S - 10)
        run(ask(source))
        assert world.wire.count("/auth") == 1
        world.clock.pass_s(20)
        run(ask(source))
        assert world.wire.count("/auth") == 2


# ── what a page keeps ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_page_keeps_what_was_asked_and_when(tmp_path: Path) -> None:
    with scene(tmp_path, rows=0) as world:
        reply = run(world.source().ask("deposit_methods", {"asset": "BTC"}))
        (page,) = reply.pages
        assert page.request == "GET /api/v3/deposit/methods?currency=BTC"
        assert page.query.where == {"asset": "BTC"}
        assert page.received_ns - page.sent_ns == 2 * LATENCY_NS
        assert set(page.headers) <= {"content-type", "date", "retry-after"}
        assert all(fact.account == str(world.login().user) for fact in reply.facts)
        assert all(fact.observed_ns == page.received_ns for fact in reply.facts)


def test_bounds_and_limits_reach_the_wire(tmp_path: Path) -> None:
    with scene(tmp_path, rows=0) as world:
        source = world.source()
        run(source.ask("order_book", {"instrument": "BTC/USDT", "limit": "2"}))
        assert "limit_buy=2&limit_sell=2" in world.wire.requests[-1].query
        since_ns = 1_700_000_000 * SECOND_NS
        where = {"instrument": "BTC/USDT", "interval_s": "60", "since_ns": str(since_ns), "until_ns": str(2 * since_ns)}
        run(source.ask("candles", where))
        assert "since=1700000000&until=3400000000" in world.wire.requests[-1].query


def swept(world: Scene, stream: str) -> list[str]:
    async def run_sweep() -> list[str]:
        found: list[str] = []
        now_ns = world.clock.now_ns()
        async for step in world.source("reader").sweep(stream, now_ns - 10 * SECOND_NS, now_ns, {}):
            found += [f"{claim.status} {claim.cause}" for claim in step.claims]
        return found

    return run(run_sweep())


def test_a_forbidden_history_is_unavailable_not_an_error(tmp_path: Path) -> None:
    with scene(tmp_path, rows=0) as world:
        assert swept(world, "withdrawals") == ["unavailable forbidden"]
        assert swept(world, "deposits") == ["proven "]


def test_an_answer_too_large_for_memory_is_asked_for_in_halves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HISTORY_BYTES_MAX", 4_000)
    with scene(tmp_path, rows=60, months=2) as world:

        async def story() -> tuple[list[int], int]:
            sizes, rows = [], 0
            async for step in world.source().sweep("fills", START_NS - 70 * DAY_NS, START_NS, {}):
                sizes.append(len(step.page.body))
                rows += len(step.facts)
            return sizes, rows

        sizes, rows = run(story())
        assert rows == sum(1 for fill in world.venue.fills(world.login().user) if fill.time_ns < START_NS)
        assert max(sizes) <= 4_000
        assert world.wire.count("/accounts/trades") > len(sizes)


def test_the_assets_are_asked_for_again_once_a_new_one_could_matter(tmp_path: Path) -> None:
    """What is listed after the question has no row before it: a sweep that ends before it, and leaves out what settles,
    needs no new answer. Any other does."""
    with scene(tmp_path, rows=0) as world:
        world.venue.set_permissions(world.login().key, ("read", "margin"))
        source = world.source()
        settle_s = source.exchange.stream("borrows").settle_s  # type: ignore[union-attr]

        async def borrows(until_ns: int) -> int:
            before = world.wire.count("/currencies")
            steps = [step async for step in source.sweep("borrows", until_ns - DAY_NS, until_ns, {})]
            assert len(steps) == len(world.venue.assets())
            assert steps[-1].claims
            return world.wire.count("/currencies") - before

        now_ns = world.clock.now_ns()
        settled_ns = now_ns - settle_s * SECOND_NS
        assert run(borrows(settled_ns)) == 1
        assert run(borrows(settled_ns)) == 0
        assert run(borrows(settled_ns - DAY_NS)) == 0
        assert run(borrows(world.clock.now_ns())) == 1, "it ends after the question"
        world.clock.pass_s(settle_s + 1)
        assert run(borrows(settled_ns)) == 1, "it is old"
