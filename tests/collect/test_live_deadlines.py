"""Shows that who listens hears once of a history that will soon be forgotten, and again after it was read and left
unread anew."""

from __future__ import annotations

import random
from pathlib import Path

from collect.contracts import ACCOUNT, contracts
from collect.scene import run
from nostro import errors
from nostro.collect.live import Followed
from nostro.domain.values import DAY_NS
from nostro.link.events import AnyEvent, Deadline
from nostro.link.transport import Connection


async def nowhere(*_: object) -> Connection:
    raise errors.NotSent("no feed is needed here")


def test_a_deadline_is_told_once_until_it_was_read(tmp_path: Path) -> None:
    with contracts(tmp_path, "grvt", rows=15) as world, world.book() as book:
        told: list[AnyEvent] = []
        collector = world.collector(book)
        followed = Followed(
            collector, open_connection=nowhere, clock=collector.source.clock, randomness=random.Random(1),
            told=told.append, looked=lambda _: None,
        )  # fmt: skip

        async def lived() -> None:
            await collector.start()
            for _ in range(2):
                await followed._tell_deadlines()
            assert [(type(each), each.account) for each in told] == [(Deadline, ACCOUNT)]
            await collector.full_pass()
            await followed._tell_deadlines()
            assert len(told) == 1, "it was read"
            world.clock.at_ns += 23 * DAY_NS
            for _ in range(2):
                await followed._tell_deadlines()
            await collector.stop()

        run(lived())
        first, second = (each for each in told if isinstance(each, Deadline))
        assert first.deadline_ns == first.at_ns, "nothing was ever read: it is being forgotten now"
        assert second.stream == first.stream == "snapshots" and second.deadline_ns > second.at_ns
