"""What every test run shares: how long Hypothesis may take, and what becomes of skipped tests.

Skipped tests are printed last, in one table. On a build machine (``CI=true``) a skip fails the run unless it stands in
`SKIPS_ALLOWED`: a test that did not run has shown nothing.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import settings

# How the reason of a skip begins, and why a machine may be unable to run the test.
SKIPS_ALLOWED = {
    "market data": "the recorded half day belongs to the exchange that published it, and is not in the repository",
}

settings.register_profile("nostro", deadline=None, print_blob=True)
settings.register_profile("build", parent=settings.get_profile("nostro"), derandomize=True)
settings.load_profile("build" if os.environ.get("CI") else "nostro")


def allowed(reason: str) -> str:
    """Why this skip is allowed on a build machine, or "" where it is not."""
    return next((why for start, why in SKIPS_ALLOWED.items() if reason.startswith(start)), "")


def skips(config: pytest.Config) -> Counter[str]:
    """The reasons of all skips of this run, each with the number of tests."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return Counter()
    reasons = (report.longrepr[2] for report in reporter.stats.get("skipped", ()))
    return Counter(reason.removeprefix("Skipped: ") for reason in reasons)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reasons = skips(session.config)
    if os.environ.get("CI") and not all(map(allowed, reasons)) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> Iterator[None]:
    yield
    reasons = skips(config)
    if not reasons:
        return
    terminalreporter.section("skipped")
    for reason, count in sorted(reasons.items()):
        why = allowed(reason)
        verdict = f"allowed: {why}" if why else "not allowed on a build machine"
        terminalreporter.write_line(f"{count:6d}  {reason}")
        terminalreporter.write_line(f"        {verdict}", green=bool(why), red=not why)
