"""Shows what a feed gets of the wire's source: a token that holds, another where that one was refused, the facts that
say what to subscribe to, and by how much the exchange's clock differs."""

from __future__ import annotations

from pathlib import Path

import pytest

from collect.scene import run, scene
from nostro import errors, limits
from nostro.domain.values import SECOND_NS
from nostro.link.declare import Signing
from nostro.link.wire import WireSource


async def signing(source: WireSource) -> Signing:
    return await source.feed_signing()


def test_a_feed_signs_in_with_a_token_that_does_not_end_soon(tmp_path: Path) -> None:
    with scene(tmp_path, rows=0) as world:
        source = world.source()
        assert source.token_ends_ns is None
        first = run(signing(source))
        assert first.token
        assert first.credentials is source._credentials
        assert first.token not in repr(first)
        assert run(signing(source)).token == first.token
        life_s = world.venue.token_life_s()
        assert source.token_ends_ns is not None
        assert abs(source.token_ends_ns - world.clock.now_ns() - life_s * SECOND_NS) < 2 * SECOND_NS
        world.clock.pass_s(life_s - limits.TOKEN_MARGIN_S + 5)
        assert run(signing(source)).token != first.token
        assert world.wire.count("/auth") == 2


def test_a_token_that_the_feed_refused_is_not_given_again(tmp_path: Path) -> None:
    with scene(tmp_path, rows=0) as world:
        source = world.source()
        run(signing(source))
        source.refuse_token()
        assert source.token_ends_ns is None
        world.clock.pass_s(2)
        run(signing(source))
        assert world.wire.count("/auth") == 2


def test_without_a_key_there_is_no_feed(tmp_path: Path) -> None:
    with scene(tmp_path, rows=0) as world:
        source = world.source()
        source._credentials = None
        with pytest.raises(errors.Unauthorized, match=r"ALP\.COM feed needs a key"):
            run(signing(source))
        assert not world.wire.requests


def test_a_key_of_one_sub_account_is_told_of_that_one(tmp_path: Path) -> None:
    async def named(source: WireSource) -> list[str | None]:
        return [fact.native_id for fact in await source.feed_facts()]

    with scene(tmp_path, rows=0) as world:
        source = world.source()
        every = run(named(source))
        assert every
        assert source._credentials is not None
        source._of_own = lambda where: {"sub_account": every[0] or "", **where}  # type: ignore[method-assign]
        assert run(named(source)) == every[:1]


def test_the_exchanges_clock_is_known_from_its_answers(tmp_path: Path) -> None:
    with scene(tmp_path, rows=0) as world:
        source = world.source()
        run(signing(source))
        assert source.ahead_ns == 0
        source.clock = type(world.clock)(world.clock.now_ns() - 20 * SECOND_NS)
        run(source.feed_facts())
        assert abs(source.ahead_ns - 20 * SECOND_NS) < SECOND_NS
