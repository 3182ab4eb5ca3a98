"""Shows what becomes of frames (``docs/live.md`` 1 to 4, 9): kept as they came in segments of a second and 256 KiB, but
for secrets and what only keeps a connection going; and what the pages of segments claim of states."""

from __future__ import annotations

import hashlib
import json
from itertools import pairwise

from link.toy import Scene
from link.toy_wire import Key, feed
from nostro import limits
from nostro.domain.values import SECOND_NS
from nostro.link import segment
from nostro.link.declare import Claim, Page
from nostro.link.events import Unreadable
from virtual_time import run


def kept(pages: list[Page]) -> list[segment.Frame]:
    return [frame for page in pages for frame in segment.frames(page.body)]


def claims(pages: list[Page], *, status: str) -> list[Claim]:
    return [claim for page in pages for claim in page.claims if claim.status == status]


def test_every_frame_that_tells_something_is_kept_as_it_came_and_no_other() -> None:
    heard: list[bytes] = []

    async def life() -> list[Page]:
        scene = Scene(feed())

        def tamper(line: object, text: str) -> list[str]:
            heard.append(text.encode())
            return [text]

        scene.server.tampers = tamper
        async with scene:
            await scene.live_on(200)
        return scene.keeper.pages

    pages = run(life())
    frames = [frame for frame in kept(pages) if b", true, [" not in frame.body]
    told = [frame.body for frame in frames if json.loads(frame.body)[2] or json.loads(frame.body)[1] == ""]
    assert [body for body in heard if body in told] == heard
    kinds = {json.loads(frame.body)[0] for frame in kept(pages)}
    assert kinds == {"news"}, "no greeting, and no acknowledgement"
    assert [frame.received_ns for frame in kept(pages)] == sorted(frame.received_ns for frame in kept(pages))


def test_a_segment_ends_after_a_second_though_nothing_more_comes() -> None:
    async def life() -> None:
        async with Scene(feed()) as scene:
            await scene.pass_s(30)
            before = len(scene.keeper.pages)
            scene.truth.move(scene.chance)
            began_ns = scene.clock.now_ns()
            await scene.pass_s(0.4)
            scene.truth.move(scene.chance)
            await scene.pass_s(0.5)
            assert len(scene.keeper.pages) == before
            await scene.pass_s(0.2)
            page = scene.keeper.pages[-1]
            assert len(scene.keeper.pages) == before + 1
            assert (page.stream, page.route, page.capability) == ("feed", "feed", "feed")
            assert (page.sent_ns, page.received_ns - page.sent_ns) == (began_ns, int(0.4 * SECOND_NS))
            assert (page.status, page.query.where, len(kept([page]))) == (200, {}, 2)

    run(life())


def test_a_segment_ends_at_its_size_and_with_its_connection() -> None:
    async def life() -> None:
        async with Scene(feed()) as scene:
            await scene.pass_s(30)
            before = len(scene.keeper.pages)
            long = json.dumps(["news", "", 0, False, [], [["order", "o" * 1000, "2", "1", 1, 1]]])
            for _ in range(limits.SEGMENT_BYTES // len(long) + 2):
                scene.server.line.put(long)
            await scene.pass_s(0.01)
            assert len(scene.keeper.pages) == before + 1
            assert limits.SEGMENT_BYTES <= len(scene.keeper.pages[-1].body) < limits.SEGMENT_BYTES + 50_000
            scene.server.line.cut()
            await scene.pass_s(0.01)
            assert len(kept(scene.keeper.pages[before:])) == limits.SEGMENT_BYTES // len(long) + 2

    run(life())


def test_the_last_segment_is_stored_when_the_account_is_followed_no_more() -> None:
    async def life() -> None:
        scene = Scene(feed())
        scene.keeper.store_s = 2.0
        async with scene:
            await scene.pass_s(30)
            scene.truth.move(scene.chance)
            await scene.pass_s(0.1)
            before = len(scene.keeper.pages)
        assert len(scene.keeper.pages) == before + 1
        assert scene.server.line.closed

    run(life())


def test_a_cancellation_waits_for_what_is_being_stored() -> None:
    async def life() -> None:
        scene = Scene(feed())
        scene.keeper.store_s = 5.0
        async with scene:
            await scene.pass_s(40)
            scene.truth.move(scene.chance)
            await scene.pass_s(2)
            scene.truth.move(scene.chance)  # while the first one is being stored
            await scene.pass_s(0.5)
            before = len(scene.keeper.pages)
        assert len(kept(scene.keeper.pages[before:])) >= 1
        assert scene.keeper.pages[before:]

    run(life())


def test_frames_that_repeat_a_secret_are_kept_as_length_and_hash() -> None:
    echoes = [
        json.dumps(["echo", Key().key]), json.dumps(["echo", Key().secret]), '["echo", "the-secret\\/of-this-account"]',
        json.dumps(["echo", "token-0-of-this-account"]), json.dumps(["echo", "token-1-of-this-account"]),
    ]  # fmt: skip

    async def life() -> None:
        scene = Scene(feed())
        scene.source.life_s = 600
        async with scene:
            await scene.pass_s(580)
            for each in echoes:
                scene.server.line.put(each)
            scene.server.line.put(json.dumps(["echo", Key().extra["sub_account_id"]]))
            await scene.pass_s(10)
            stored = b"".join(page.body for page in scene.keeper.pages)
            for secret in (Key().key, Key().secret, "the-secret", "token-"):
                assert secret.encode() not in stored
            hidden = [frame.body for frame in kept(scene.keeper.pages) if frame.kind == "hidden"]
            digests = [hashlib.sha256(each.encode()).hexdigest().encode() for each in echoes]
            assert [each.split()[1] for each in hidden] == digests
            told = scene.keeper.of(Unreadable)
            assert [each.frame for each in told] == [b""] * 5 + [b'["echo", "1234567890123"]'], "an id is no secret"

    run(life())


def test_what_cannot_be_read_is_kept_and_told_and_hinders_nothing() -> None:
    async def life() -> None:
        async with Scene(feed()) as scene:
            await scene.pass_s(30)
            line = scene.server.line
            bad: list[tuple[bytes, str]] = [
                (b"no json", "text"), (b"\x00\xff", "binary"), (b'["something", "new"]', "text"), (b"[" * 300, "text"),
            ]  # fmt: skip
            for body, kind in bad:
                line.put(body, kind)
            await scene.live_on(100)
            assert [each.frame for each in scene.keeper.of(Unreadable)] == [body[:200] for body, _ in bad]
            found = [(frame.body, frame.kind) for frame in kept(scene.keeper.pages) if b"news" not in frame.body]
            assert found == bad
            assert len(scene.server.lines) == 1
            assert not scene.differences()

    run(life())


def test_facts_that_name_no_sub_account_are_of_the_feeds_own() -> None:
    async def life() -> None:
        async with Scene(feed(own=lambda facts: "4711")) as scene:
            await scene.live_on(30)
            assert {page.query.where.get("sub_account") for page in scene.keeper.pages} == {"4711"}
            assert {each.fact.sub_account for each in scene.keeper.rows("fills") if each.via == "feed"} == {"4711"}

    run(life())


# ── claims ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_numbered_frames_prove_from_the_first_to_the_last_and_nothing_across_an_end() -> None:
    async def life() -> None:
        async with Scene(feed()) as scene:
            await scene.live_on(100)
            scene.server.line.cut()
            await scene.live_on(100)
        for state in ("balances", "positions"):
            proven = [each for each in claims(scene.keeper.pages, status="proven") if each.stream == state]
            unknown = [each for each in claims(scene.keeper.pages, status="unavailable") if each.stream == state]
            assert len(unknown) == 1
            assert unknown[0].cause == "no_history"
            every = sorted([*proven, *unknown], key=lambda claim: claim.since_ns)
            assert all(one.until_ns == other.since_ns for one, other in pairwise(every)), (
                "no moment twice, and none left"
            )
            numbered = [frame for frame in kept(scene.keeper.pages) if f'"news", "{state}"'.encode() in frame.body]
            assert (every[0].since_ns, every[-1].until_ns) == (numbered[0].received_ns, numbered[-1].received_ns)
            last = next(one for one, other in pairwise(numbered) if b", 0, true," in other.body)
            assert (unknown[0].since_ns, unknown[0].until_ns > last.received_ns) == (last.received_ns, True)

    run(life())


def test_frames_without_numbers_prove_nothing() -> None:
    def unnumbered(line: object, text: str) -> list[str]:
        kind, _, _, _, whole, rows = json.loads(text)
        return [json.dumps([kind, "", 0, False, whole, rows])]

    async def life() -> None:
        scene = Scene(feed())
        scene.server.tampers = unnumbered
        scene.server.answers = lambda line, text: (
            [json.dumps(["subscribed", *sorted(line.topics)])] if not line.topics.update(
                ("balances", "positions", "orders", "fills")
            ) and "subscribe" in text else []
        )  # fmt: skip
        async with scene:
            await scene.live_on(100)
            assert scene.keeper.pages
            assert not claims(scene.keeper.pages, status="proven")
            scene.server.line.cut()
            await scene.pass_s(1)
            lost = claims(scene.keeper.pages, status="unavailable")
            assert {each.stream for each in lost} == {"balances", "positions"}
            assert {each.since_ns for each in lost} == {scene.clock.now_ns() - SECOND_NS - 1_000_000}
            assert not scene.differences()

    run(life())


def test_what_was_missed_while_the_process_was_away_is_named_though_no_frame_comes() -> None:
    async def life() -> None:
        scene = Scene(feed(watched=lambda facts: ()), heard_ns=Scene(feed()).clock.now_ns() - 60 * SECOND_NS)
        async with scene:
            await scene.pass_s(30)
            assert [page.body for page in scene.keeper.pages] == [b""]
            lost = claims(scene.keeper.pages, status="unavailable")
            assert {(each.stream, each.since_ns) for each in lost} == {
                (state, scene.clock.now_ns() - 90 * SECOND_NS) for state in ("balances", "positions")
            }
            assert all(each.until_ns <= scene.keeper.probed[0] + SECOND_NS for each in lost)

    run(life())
