"""Shows when the unread has a deadline: from three quarters of what the exchange remembers on, never after all of it is
forgotten, and only where reading would help; that a book says it in time, by reading loses it again, and that whoever
read until the deadline has proven the interval from its beginning."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collect.contracts import ACCOUNT, SINCE_NS, contracts
from collect.scene import run
from nostro import limits
from nostro.book.retention import deadlines, retention_deadline
from nostro.domain.answers import Interval
from nostro.domain.values import DAY_NS, SECOND_NS
from nostro.link.claims import remembered
from nostro.link.declare import Claim, Stream
from nostro.link.http import HttpAnswer, HttpRequest
from nostro.views.coverage import coverage
from nostro.views.table import lines

DAY_S = 86_400
KEPT_NS = 30 * DAY_NS
SKEW_NS = limits.CLOCK_SKEW_MAX_S * SECOND_NS
NOW_NS = 2_000 * DAY_NS
STREAM = Stream(name="snapshots", kind="snapshot", retention_s=30 * DAY_S)


def hole(age_ns: int, until_age_ns: int = 0, *, status: str = "open", cause: str = "") -> Interval:
    return Interval(
        stream="snapshots", since_ns=NOW_NS - age_ns, until_ns=NOW_NS - until_age_ns, status=status, cause=cause
    )


@pytest.mark.parametrize(
    ("interval", "left_ns"),
    [
        (hole(KEPT_NS * 3 // 4 - 1), None),
        (hole(KEPT_NS * 3 // 4), KEPT_NS // 4 - SKEW_NS),
        (hole(KEPT_NS * 3 // 4, KEPT_NS * 3 // 4 - 1), KEPT_NS // 4 - SKEW_NS),
        (hole(KEPT_NS - SKEW_NS - 1), 1),
        (hole(KEPT_NS - SKEW_NS), 0),
        (hole(10 * KEPT_NS), 0),  # its beginning is lost, and the rest is being lost
        (hole(10 * KEPT_NS, KEPT_NS - SKEW_NS - 1), 0),
        (hole(10 * KEPT_NS, KEPT_NS - SKEW_NS), None),  # all of it is lost
        (hole(KEPT_NS - DAY_NS, cause="error"), DAY_NS - SKEW_NS),
        (hole(KEPT_NS - DAY_NS, status="proven"), None),
        (hole(KEPT_NS - DAY_NS, status="unavailable", cause="forbidden"), None),
        (hole(10 * KEPT_NS, status="unavailable", cause="retention"), None),
    ],
)
def test_a_deadline_begins_with_the_last_quarter_and_ends_with_the_last_readable_row(
    interval: Interval, left_ns: int | None
) -> None:
    deadline_ns = retention_deadline(interval, STREAM, now_ns=NOW_NS)
    assert deadline_ns == (None if left_ns is None else NOW_NS + left_ns)


def test_what_is_remembered_for_ever_has_no_deadline() -> None:
    assert retention_deadline(hole(NOW_NS), Stream(name="fills", kind="fill"), now_ns=NOW_NS) is None


@given(st.integers(0, 40 * DAY_S), st.integers(0, 3))
def test_reading_at_the_deadline_proves_the_interval_from_its_beginning_and_later_does_not(
    age_s: int, late_s: int
) -> None:
    interval = hole(age_s * SECOND_NS)
    deadline_ns = retention_deadline(interval, STREAM, now_ns=NOW_NS)
    if deadline_ns is None or deadline_ns == NOW_NS:
        return
    [*told] = remembered(
        [Claim("proven", interval.since_ns, interval.until_ns)],
        since_ns=deadline_ns + late_s * SECOND_NS + SKEW_NS - KEPT_NS,
    )
    assert [(each.status, each.until_ns - each.since_ns) for each in told if each.status != "proven"] == (
        [("unavailable", late_s * SECOND_NS)] if late_s else []
    )


def test_a_book_says_in_time_what_will_be_forgotten(tmp_path: Path) -> None:
    with contracts(tmp_path, "grvt", rows=15) as world, world.book() as book:
        [never] = deadlines(book, ACCOUNT, now_ns=world.clock.now_ns())
        edge_ns = world.clock.now_ns() - KEPT_NS + SKEW_NS
        assert (never.stream, never.since_ns, never.deadline_ns) == ("snapshots", edge_ns, never.at_ns)
        assert never.since_ns > SINCE_NS
        run(world.collected(book, polls=0))
        assert deadlines(book, ACCOUNT, now_ns=world.clock.now_ns()) == []
        read_ns = next(
            each.until_ns
            for each in book.coverage(ACCOUNT, "snapshots", since_ns=SINCE_NS, until_ns=world.clock.now_ns())
            if each.status == "proven"
        )

        failed: list[str] = []

        def failing(request: HttpRequest) -> HttpAnswer | None:
            if not request.path.endswith("/account_history"):
                return None
            failed.append(request.path)
            return HttpAnswer(status=400, headers={}, body=b'{"code":1,"message":"not now","status":400}')

        world.wire.before = failing
        world.clock.at_ns = read_ns + KEPT_NS * 3 // 4 - 1
        assert deadlines(book, ACCOUNT, now_ns=world.clock.now_ns()) == []
        [report], _ = run(world.collected(book, polls=0))
        assert set(report.failures) == {"snapshots"} and failed
        [soon] = deadlines(book, ACCOUNT, now_ns=world.clock.now_ns())
        assert (soon.account, soon.since_ns, soon.deadline_ns) == (ACCOUNT, read_ns, read_ns + KEPT_NS - SKEW_NS)

        view = coverage(book, [ACCOUNT], now_ns=world.clock.now_ns())
        [line] = [row for row in view.rows if getattr(row, "deadline_ns", None) is not None]
        assert (getattr(line, "stream", ""), getattr(line, "status", "")) == ("snapshots", "open"), "it does not settle"
        for width in (60, 80, 140):
            drawn = [each.plain for each in lines(view, width)]
            assert max(map(len, drawn)) <= width and any("deadline (UTC)" in each for each in drawn)

        world.wire.before = lambda _: None
        run(world.collected(book, polls=0))
        assert deadlines(book, ACCOUNT, now_ns=world.clock.now_ns()) == []
        columns = coverage(book, [ACCOUNT], now_ns=world.clock.now_ns()).columns
        assert [each.heading for each in columns][-1] == "until (UTC)"
