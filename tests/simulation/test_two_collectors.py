"""Shows that people and processes do not get in each other's way: what a person decides about a break reaches the chain
through the inbox while a collector holds the account, and of two collectors of one account one collects: the second is
refused, and one that slept through its lease writes nothing when it wakes."""

from __future__ import annotations

import random

import pytest

from nostro import errors, limits
from nostro.book.book import Book
from nostro.book.breaks import DECISION, RECONCILED, Decision, decide
from nostro.book.judgement import lives
from nostro.book.pages import page_of_ours
from nostro.domain.values import SECOND_NS
from simulation import lies
from simulation.lies import Row, amount, put, text
from simulation.stage import ACCOUNT, Stage, Trial, run, stage

AUTHOR = "a treasurer"


def decided(book: Book, trial: Trial, break_id: str, *, action: str) -> bool:
    """Enters a decision as the command line does; whether it is on the chain at once."""
    known = lives(book, ACCOUNT)
    decision = Decision(break_id=break_id, action=action, author=AUTHOR, reason="asked the exchange")  # type: ignore[arg-type]
    page = page_of_ours(DECISION, decide(known, decision), now_ns=trial.stage.world.clock.now_ns())
    return book.leave(ACCOUNT, page, holder="a person")


def state(trial: Trial, break_id: str) -> str:
    return lives(trial.book, ACCOUNT)[break_id].state


def wrong_balance(here: Stage) -> Row:
    return next(row for row in here.tables["balances"] if amount(row, "balance") > 1)


def later(trial: Trial, pause_s: int = 5) -> None:
    trial.stage.world.clock.pass_ns(pause_s * SECOND_NS)


def test_a_person_decides_while_a_collector_holds_the_account() -> None:
    here = stage(0)
    row = wrong_balance(here)
    with here.trial() as trial, trial.open_book() as other:
        trial.liar.lie("balances", lies.altered(row, balance=amount(row, "balance") + 1))
        run(trial.full_pass())
        [found] = trial.open_breaks()
        events = ["opened"]
        for action, becomes in (("accept", "accepted"), ("reopen", "open"), ("accept", "accepted")):
            before = trial.book.head_seq(ACCOUNT)
            assert decided(other, trial, found.id, action=action) is False, "the lease is held: it waits in the inbox"
            assert trial.book.head_seq(ACCOUNT) == before
            assert state(trial, found.id) != becomes
            later(trial)
            run(trial.collector.poll())
            assert state(trial, found.id) == becomes
            events.append({"accept": "accepted", "reopen": "reopened"}[action])
        life = lives(other, ACCOUNT)[found.id]
        assert [event.what for event in life.events] == events
        assert {event.author for event in life.events[1:]} == {AUTHOR}
        with pytest.raises(errors.BadValue, match="is accepted"):
            decided(other, trial, found.id, action="accept")
        for _ in range(3):  # said again and again, it stays accepted, and nothing is written about it
            judged = list(other.journal(ACCOUNT, stream=RECONCILED))
            later(trial, 3600)
            run(trial.collector.poll())
            assert state(trial, found.id) == "accepted"
            assert list(other.journal(ACCOUNT, stream=RECONCILED)) == judged
        # Accepted is what it was: when it becomes another, it is open again; and the truth explains it.
        trial.liar.repent()
        trial.liar.lie("balances", lies.altered(row, balance=amount(row, "balance") + 2))
        later(trial, 3600)
        run(trial.collector.poll())
        assert state(trial, found.id) == "open"
        trial.told_the_truth()
        assert state(trial, found.id) == "explained"
        assert not trial.open_breaks()
        trial.book.verify()
        before_hash = trial.book.state_hash()
        assert not trial.book.rebuild().changes
        assert trial.book.state_hash() == before_hash


def test_what_nobody_holds_is_decided_at_once_and_judging_again_keeps_it() -> None:
    here = stage(1)
    row = here.tables["activity"][40]
    with here.trial() as trial, trial.open_book() as other:
        trial.liar.lie("activity", lies.altered(row, balance=amount(row, "balance") + 1))
        run(trial.full_pass())
        [found] = trial.open_breaks()
        run(trial.collector.stop())
        assert decided(other, trial, found.id, action="accept") is True
        assert state(trial, found.id) == "accepted"
        for holder in ("one", "another"):  # who judges anew finds the same, and what was accepted stays so
            collector = trial.collect(holder)
            run(collector.start())
            later(trial, 3600)
            run(collector.full_pass())
            run(collector.stop())
            assert state(trial, found.id) == "accepted"
        assert not trial.open_breaks()
        run(trial.collector.start())


def test_a_second_collector_is_refused_and_takes_over_when_the_first_is_gone() -> None:
    here = stage(2)
    with here.trial() as trial, trial.open_book() as other_book:
        other = trial.collect("the second", other_book)
        with pytest.raises(errors.Conflict, match="is being collected by trial"):
            run(other.start())
        with pytest.raises(errors.Fenced):
            run(other.full_pass())
        assert trial.book.head_seq(ACCOUNT) == 0
        run(trial.collector.stop())
        run(other.start())
        run(other.full_pass())
        assert trial.facts() == here.facts
        run(other.stop())
        run(trial.collector.start())
        before = trial.facts()
        run(trial.full_pass())
        assert trial.facts() == before


def test_a_collector_that_slept_through_its_lease_writes_nothing() -> None:
    """It falls asleep before a request in the middle of its pass; another takes over, reads all and goes on holding."""
    here, woken = stage(3), 0
    for sleeps_at in (3, 11, 17, 24):
        with here.trial() as trial, trial.open_book() as other_book:
            other = trial.collect("the second", other_book)
            heads: list[int] = []

            async def sleep(trial: Trial = trial, other: object = other, heads: list[int] = heads) -> None:
                trial.stage.world.clock.pass_ns((limits.LEASE_S + 1) * SECOND_NS)
                await other.start()  # type: ignore[attr-defined]
                await other.full_pass()  # type: ignore[attr-defined]
                heads.append(trial.book.head_seq(ACCOUNT))

            trial.interruptions[sleeps_at] = sleep
            with pytest.raises(errors.Fenced, match="nothing was written"):
                run(trial.full_pass())
            assert trial.book.head_seq(ACCOUNT) == heads[0], "the woken one wrote"
            assert trial.facts() == here.facts
            with pytest.raises(errors.Conflict):
                run(trial.collector.poll())
            run(other.stop())
            run(trial.full_pass())
            assert trial.facts() == here.facts
            assert not trial.open_breaks(), [each.text for each in trial.open_breaks()]
            assert trial.book.verify().records > 0
            woken += 1
    assert woken == 4


def test_decisions_of_many_people_and_a_collector_that_polls_all_arrive() -> None:
    here = stage(4)
    draw = random.Random(4)
    rows = draw.sample([row for row in here.tables["orders"] if text(row, "status") == "CANCELLED"], 6)
    with here.trial() as trial, trial.open_book() as one, trial.open_book() as two:
        for row in rows:
            trial.liar.lie("orders", lies.altered(row, amount=amount(row, "amount") + 1))
        run(trial.full_pass())
        found = trial.open_breaks()
        assert len(found) == len(rows)
        for number, each in enumerate(found):
            assert decided((one, two)[number % 2], trial, each.id, action="accept") is False
            if draw.random() < 0.5:
                later(trial)
                run(trial.collector.poll())
        later(trial)
        run(trial.collector.poll())
        assert not trial.open_breaks()
        assert all(state(trial, each.id) == "accepted" for each in found)
        assert put(rows[0], "amount", b"1") != rows[0]
