"""Shows that the desk brings every deposit and withdrawal to an end, each status on some way, at times that follow from
the seed alone: however often it is asked, and after a restart."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path

from nostro.domain.values import DAY_NS, SECOND_NS
from nostro.link.commands import RequestWithdrawal
from nostro.link.view import VenueTransfer
from nostro.paper.venue.operations import Desk
from nostro.paper.venue.transfers import DEPOSIT_STEPS, WITHDRAWAL_STEPS
from nostro.paper.venue.venue import Venue
from paper.venue.scenario import PROFILE, START_NS

MANY = 250


def begun(path: Path) -> tuple[Venue, list[int]]:
    now = [START_NS]
    venue = Venue.open(path, now_ns=lambda: now[0], seed=3, profile=PROFILE)
    user = venue.create_login("ann", "", permissions={"read"}).user
    venue.fund(user, "COIN", amount=Decimal(100_000), wallet="spot")
    with venue.batch():
        for _ in range(MANY):
            now[0] += 40 * SECOND_NS
            venue.deposit(user, "COIN", amount=Decimal(5))
            venue.submit(user, RequestWithdrawal(method=1, amount=Decimal(5), attributes={"address": "home"}))
    return venue, now


def ended(venue: Venue, now: list[int], step_s: int) -> list[VenueTransfer]:
    """All transfers after two days in steps of so many seconds."""
    desk, end_ns = Desk(venue), START_NS + 2 * DAY_NS
    steps, under_way = 0, len(venue.transfers_under_way())
    with venue.batch():
        while now[0] < end_ns:
            now[0] = min(end_ns, now[0] + step_s * SECOND_NS)
            steps += desk.advance(now[0])
    assert steps >= under_way > MANY // 5
    assert venue.transfers_under_way() == []
    return [*venue.transfers(1, "deposit"), *venue.transfers(1, "withdrawal")]


def test_every_transfer_comes_to_an_end_on_its_own_way(tmp_path: Path) -> None:
    venue, now = begun(tmp_path / "a.db")
    assert len(venue.transfers_under_way()) == 2 * MANY
    seen = Counter(row.status for row in ended(venue, now, 300))
    assert set(seen) == {"confirmed", "rejected", "done", "refused", "canceled"}
    commands = [envelope.command for envelope, _ in venue._journal.commands()]
    passed = {command.status for command in commands if hasattr(command, "status")}
    assert passed == {status for steps in (DEPOSIT_STEPS, WITHDRAWAL_STEPS) for row in steps.values() for status in row}
    venue.engine.check()
    venue.close()


def test_it_does_not_matter_how_often_the_desk_is_asked(tmp_path: Path) -> None:
    ways = []
    for number, step_s in enumerate((60, 3_600, 200_000)):
        venue, now = begun(tmp_path / f"{number}.db")
        transfers = ended(venue, now, step_s)
        assert len(transfers) == 2 * MANY
        ways.append([(row.direction, row.id, row.status) for row in transfers])
        venue.close()
    assert ways[0] == ways[1] == ways[2]


def test_a_restart_changes_no_way(tmp_path: Path) -> None:
    venue, now = begun(tmp_path / "a.db")
    Desk(venue).advance(now[0])
    venue.close()
    venue = Venue.open(tmp_path / "a.db", now_ns=lambda: now[0])
    restarted = ended(venue, now, 900)
    venue.close()
    other, now = begun(tmp_path / "b.db")
    assert [row.status for row in ended(other, now, 900)] == [row.status for row in restarted]
    other.close()
