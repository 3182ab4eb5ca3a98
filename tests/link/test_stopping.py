"""Shows that a paper exchange in a process of its own that is stopped, sockets and all, is noticed in the time that the
bounds allow, and that all goes on when it does; with bounds that are a tenth of the real ones, which
``campaigns/stopped.py`` takes.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from link.stopping import stopped
from nostro import limits


def test_a_stopped_exchange_is_noticed_in_time_and_heard_again_when_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FEED_SILENCE_S", "FEED_PING_S", "FEED_WELCOME_S", "PROBE_S"):
        monkeypatch.setattr(limits, name, max(1, int(getattr(limits, name) / 10)))
    monkeypatch.setattr(limits, "BACKOFF_MAX_S", 1)
    monkeypatch.setattr(limits, "REQUEST_TIMEOUT_S", 2)
    found = stopped("kraken_futures", tmp_path, within_s=30)
    assert found.noticed_s <= limits.FEED_SILENCE_S + 1, found
    assert found.resumed_s <= 15, found
    assert found.why
