"""What every test run shares: how long Hypothesis may take, and what becomes of skipped tests.

Skipped tests are printed last, in one table. On a build machine (``CI=true``) a skip fails the run unless it stands in
`SKIPS_ALLOWED` and this machine could not have run it: a test that did not run has shown nothing.
"""

from __future__ import annotations

import decimal
import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import settings

from servers import MISSING, has_pgserver, postgres, postgres_of_the_session


class Skip(NamedTuple):
    """What the reason of a skip says, why that test may be skipped, and whether this machine could have run it."""

    says: str
    why: str
    could_run: Callable[[], bool]


def has_market_data() -> bool:
    return (Path(__file__).resolve().parents[2] / "shared/data").is_dir()


def has_older_python() -> bool:
    return any(map(shutil.which, ("python3.11", "python3.12"))) or sys.version_info < (3, 13)


SKIPS_ALLOWED = (
    Skip("market data", "the recorded half day is the exchange's that published it, and not copied", has_market_data),
    Skip("a file system of its own needs root", "only root may mount", lambda: os.name == "posix" and os.getuid() == 0),
    Skip("has no /dev/full", "only Linux has a file that is always full", lambda: Path("/dev/full").exists()),
    Skip("lets nobody mount", "some systems keep even root from mounting", lambda: False),
    Skip("strace is missing", "what a program writes is recorded by strace", lambda: bool(shutil.which("strace"))),
    Skip(MISSING, "it has wheels for Linux and macOS only", has_pgserver),
    Skip("is not set up", "the exchange's client pins packages that Python 3.13 cannot build", has_older_python),
)

__all__ = ["postgres", "postgres_of_the_session"]  # fixtures of every test

# An operator on Decimals rounds to 28 digits without a word (`-amount` too). Here it raises: exact sums go through
# `domain.values`, whose context is wider.
decimal.DefaultContext.traps[decimal.Inexact] = True
decimal.setcontext(decimal.DefaultContext)

settings.register_profile("nostro", deadline=None, print_blob=True)
settings.register_profile("build", parent=settings.get_profile("nostro"), derandomize=True)
settings.load_profile("build" if os.environ.get("CI") else "nostro")


def allowed(reason: str) -> str:
    """Why this skip is allowed on a build machine, or "" where it is not."""
    return next((skip.why for skip in SKIPS_ALLOWED if skip.says in reason and not skip.could_run()), "")


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
