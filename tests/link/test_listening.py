"""Shows what a listener hears: every event in order where it fits, where it does not how many updates it missed and
the last word on everything else, whatever the events are; and that it waits for the next one and ends when told."""

from __future__ import annotations

import asyncio
import random

import pytest

from nostro.domain.records import Balance
from nostro.domain.values import decimal
from nostro.link.events import (
    AnyEvent,
    Deadline,
    Dropped,
    Ended,
    GapClosed,
    GapOpened,
    Resumed,
    Stale,
    Stored,
    Unreadable,
    Update,
)
from nostro.link.listening import Listener

FACT = Balance(wallet="spot", asset="BTC", total=decimal("1"), free=decimal("1"))


def update(number: int, account: str = "a") -> Update:
    return Update(account=account, at_ns=number, number=number, stream="balances", fact=FACT, via="feed")


def heard(listener: Listener) -> list[AnyEvent]:
    return asyncio.run(listener.some())


def test_what_fits_is_heard_in_order() -> None:
    listener = Listener(5)
    told = [GapOpened(account="a", at_ns=0, since_ns=0, why="x"), update(1), update(2), update(1, "b"), update(3)]
    for event in told:
        listener.tell(event)
    assert heard(listener) == told


def test_what_does_not_fit_is_counted_for_each_account() -> None:
    listener = Listener(2)
    for event in (update(1), update(1, "b"), update(2), update(3), update(2, "b"), update(4)):
        listener.tell(event)
    assert heard(listener) == [
        update(1), update(1, "b"), Dropped(account="a", at_ns=4, after=1, count=3),
        Dropped(account="b", at_ns=2, after=1, count=1),
    ]  # fmt: skip
    listener.tell(update(5))
    assert heard(listener) == [update(5)], "what was dropped is told once"


def test_the_last_word_on_gaps_staleness_and_storing_is_heard_by_the_slowest() -> None:
    listener = Listener(1)
    last = [
        GapClosed(account="a", at_ns=5, since_ns=1, until_ns=4, rows=0), Resumed(account="a", at_ns=6),
        Stored(account="a", at_ns=7, through=2, page=9), Ended(account="a", at_ns=8, why="refused"),
    ]  # fmt: skip
    for event in (
        update(1), GapOpened(account="a", at_ns=1, since_ns=1, why="x"),
        Stale(account="a", at_ns=2, since_ns=1, why="x"), Stored(account="a", at_ns=3, through=1, page=8),
        Unreadable(account="a", at_ns=3, why="?", frame=b"?"), *last,
        Deadline(account="a", at_ns=9, stream="fills", since_ns=0, deadline_ns=1),
        Deadline(account="a", at_ns=9, stream="orders", since_ns=0, deadline_ns=1),
        Deadline(account="a", at_ns=9, stream="fills", since_ns=0, deadline_ns=2),
    ):  # fmt: skip
        listener.tell(event)
    assert heard(listener) == [
        update(1), *last, Deadline(account="a", at_ns=9, stream="orders", since_ns=0, deadline_ns=1),
        Deadline(account="a", at_ns=9, stream="fills", since_ns=0, deadline_ns=2),
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(20))
def test_no_update_is_missed_in_silence(seed: int) -> None:
    """Whatever the pace: the numbers heard and those told as dropped are all, in order; and memory has a bound."""
    chance, listener, numbers = random.Random(seed), Listener(7), {"a": 0, "b": 0}
    seen: dict[str, list[int]] = {"a": [], "b": []}
    dropped = 0
    for _ in range(400):
        account = chance.choice("ab")
        numbers[account] += 1
        listener.tell(update(numbers[account], account))
        assert len(listener._waiting) <= 7 + 2
        if chance.random() < 0.1 or sum(numbers.values()) == 400:
            for event in heard(listener):
                if isinstance(event, Dropped):
                    assert event.after == (seen[event.account] or [0])[-1]
                    seen[event.account] += range(event.after + 1, event.after + event.count + 1)
                    dropped += event.count
                elif isinstance(event, Update):
                    seen[event.account].append(event.number)
    assert seen == {account: list(range(1, number + 1)) for account, number in numbers.items()}
    assert dropped > 0


def test_it_waits_for_the_next_event_and_ends_when_told() -> None:
    async def story() -> list[AnyEvent]:
        listener = Listener()
        found: list[AnyEvent] = []

        async def listen() -> None:
            async for event in listener:
                found.append(event)  # noqa: PERF401 - as they come

        listening = asyncio.create_task(listen())
        for number in (1, 2):
            await asyncio.sleep(0)
            assert not listening.done()
            listener.tell(update(number))
        listener.close()
        await listening
        return found

    assert asyncio.run(story()) == [update(1), update(2)]
