"""Shows that a collector keeps a book on PostgreSQL as it keeps one in a file, and that a server which goes away in the
middle of a pass and comes back loses and doubles nothing: the pass ends with one clear error, the next one goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from collect.scene import YOUNG_NS, Scene, equal, run, scene
from nostro import errors
from nostro.link.http import HttpRequest
from servers import Server
from simulation import truth


@pytest.fixture
def world(tmp_path: Path, postgres: Server) -> Iterator[Scene]:
    with scene(tmp_path, rows=40, months=2) as opened:
        opened.place = postgres.place
        yield opened


def test_a_pass_ends_in_what_the_exchange_has_and_in_what_a_file_has(world: Scene) -> None:
    pages, states = [], []
    for place in (world.place, lambda path: path):
        world.place = place
        with world.book(since_ns=YOUNG_NS) as book:
            if not pages:
                run(world.full_pass(book))
                equal(book, world)
                truth.prove(book)
                pages = [entered.page for entered in book.journal(book.accounts()[0].name)]
            else:
                lease = book.acquire(book.accounts()[0].name, "tests")
                book.append(lease, pages)
            states.append(book.state_hash())
    assert len(pages) > 20
    assert states[0] == states[1]


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_server_that_is_away_for_a_while_loses_nothing(world: Scene, postgres: Server, mode: str) -> None:
    """It stops while a request is under way, again and again a request later; then a pass goes through."""
    stopped = failed = 0
    with world.book(since_ns=YOUNG_NS) as book:
        for at in range(4, 20, 4):
            begun = len(world.wire.requests)

            def before(request: HttpRequest, at: int = at + begun) -> None:
                nonlocal stopped
                if len(world.wire.requests) == at:
                    postgres.stop(mode)
                    stopped += 1

            world.wire.before = before
            try:
                run(world.full_pass(book))
            except errors.Unreachable as error:
                failed += 1
                assert error.repeat  # noqa: PT017
            world.wire.before = lambda request: None
            postgres.start()
        run(world.full_pass(book))
        equal(book, world)
        truth.prove(book)
    assert (stopped, failed) == (4, 4)


def test_a_server_that_restarts_between_two_requests_is_not_noticed(world: Scene, postgres: Server) -> None:
    restarted = 0
    with world.book(since_ns=YOUNG_NS) as book:

        def before(request: HttpRequest) -> None:
            nonlocal restarted
            if len(world.wire.requests) % 7 == 3:
                postgres.restart("immediate")
                restarted += 1

        world.wire.before = before
        run(world.full_pass(book))
        equal(book, world)
        truth.prove(book)
    assert restarted > 2
