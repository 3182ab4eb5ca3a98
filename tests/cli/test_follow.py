"""Shows what `nostro up` logs of accounts that it follows where nobody looks at a screen."""

from __future__ import annotations

import io

from nostro.cli.follow import log_event
from nostro.cli.logs import logger
from nostro.domain.values import parse_time
from nostro.keys import Redactor
from nostro.link.events import Deadline


def test_a_deadline_is_a_warning_with_its_two_times() -> None:
    stream = io.StringIO()
    event = Deadline(
        account="desk", at_ns=0, stream="snapshots", since_ns=parse_time("2026-01-01T00:00:00Z"),
        deadline_ns=parse_time("2026-01-31T00:00:00Z"),
    )  # fmt: skip
    log_event(logger(stream, Redactor(), verbose=0), event)
    [line] = stream.getvalue().splitlines()
    for said in ("soon forgotten unread", "desk", "snapshots", "2026-01-01T00:00:00Z", "2026-01-31T00:00:00Z"):
        assert said in line
