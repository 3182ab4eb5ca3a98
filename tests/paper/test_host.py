"""Shows that a paper exchange has caught up with the clock before it answers, so that no answer about a time of which
nothing was known yet is followed by rows of that time.
"""

from __future__ import annotations

from pathlib import Path

from conformance.real_venue import Clock
from nostro.domain.values import parse_time
from nostro.exchanges import exchange
from nostro.link.http import HttpRequest
from nostro.paper.host import PaperExchange

NOW_NS = parse_time("2026-03-01T12:00:00.123456789Z")
HOUR_NS = 3_600_000_000_000


def test_interest_of_hours_that_the_exchange_slept_through_is_there_before_it_answers(tmp_path: Path) -> None:
    clock = Clock(NOW_NS)
    with PaperExchange(tmp_path / "paper", exchange("alp"), now_ns=clock, rows=20) as paper:
        venue = paper.venue
        master = venue.user_named("margin")
        assert master is not None
        assert any(loan.principal for loan in venue.loans(master))
        before = {row.time_ns // HOUR_NS for row in venue.interest(master)}
        clock.now_ns += 5 * HOUR_NS
        assert paper.handle(HttpRequest(method="GET", path="/api/v3/currencies")).status == 200
        since = {row.time_ns // HOUR_NS for row in venue.interest(master)} - before
        assert since == {NOW_NS // HOUR_NS + hour for hour in range(1, 6)}
