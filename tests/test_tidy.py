"""Shows that the sources keep the house rules (STYLE.md): each rule holds for every file, catches a planted fault, and
spares what is allowed. A ratchet's entry that is no longer needed fails too."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

import pytest

import nostro
from tidy.rules import (
    FILE_LINES_MAX,
    FUNCTION_LINES_MAX,
    POSITIONAL,
    SIDE_BY_SIDE,
    Found,
    Source,
    amounts,
    assertions,
    clocks,
    excepts,
    keywords,
    lengths,
    marks,
    names,
    opening,
    oracles,
    order,
    places,
    public,
    randomness,
    relative,
    side_by_side,
    sockets,
    tools,
)

ROOT = Path(__file__).resolve().parent.parent

# ── each rule, and faults that it must catch ─────────────────────────────────────────────────────────────────────

LONG = "def f() -> None:\n" + "    pass\n" * FUNCTION_LINES_MAX
# Spelled otherwise: whoever searches for places of machines finds none here either.
SCRATCH = "|var|tmp|kept".replace("|", "/")
WITHIN = "GET |api|v3|work|orders and src|nostro|opt|x".replace("|", "/")
PLANTED: tuple[tuple[Callable[[Source], Found], str, str], ...] = (
    (order, "src/nostro/domain/x.py", "from nostro.link.declare import Page"),
    (order, "src/nostro/exchanges/alp/x.py", "from nostro.paper import prices"),
    (order, "src/nostro/book/x.py", "def f():\n    import nostro.paper.venue"),
    (order, "src/nostro/paper/x.py", "from nostro import book"),
    (order, "src/nostro/elsewhere.py", "X = 1"),
    (relative, "src/nostro/book/x.py", "from .pages import Page"),
    (amounts, "src/nostro/book/x.py", "x = float(y)"),
    (amounts, "src/nostro/domain/x.py", "def f(price: float) -> None: ..."),
    (amounts, "src/nostro/paper/x.py", "class A:\n    prices: list[float]"),
    (amounts, "src/nostro/collect/x.py", "def rate() -> float | None: ..."),
    (amounts, "src/nostro/exchanges/x.py", "x = Decimal(0.1)"),
    (sockets, "src/nostro/collect/x.py", "import aiohttp"),
    (sockets, "src/nostro/book/x.py", "from urllib.request import urlopen"),
    (sockets, "src/nostro/paper/x.py", "async def f():\n    await asyncio.start_unix_server(g)"),
    (clocks, "src/nostro/book/x.py", "import time\nx = time.time_ns()"),
    (clocks, "src/nostro/book/x.py", "from time import monotonic"),
    (clocks, "src/nostro/cli/x.py", "x = datetime.datetime.now(UTC)"),
    (clocks, "src/nostro/views/x.py", "f(clock=time.time_ns)"),
    (randomness, "src/nostro/paper/x.py", "import random\nx = random.random()"),
    (randomness, "src/nostro/paper/x.py", "from random import choice"),
    (randomness, "src/nostro/book/x.py", "x = secrets.token_hex()"),
    (excepts, "src/nostro/book/x.py", "try:\n    f()\nexcept:\n    pass"),
    (excepts, "tests/test_x.py", "try:\n    f()\nexcept (OSError, Exception):\n    g()"),
    (lengths, "src/nostro/book/x.py", LONG),
    (lengths, "tests/test_x.py", "x = 1\n" * (FILE_LINES_MAX + 1)),
    (opening, "src/nostro/book/x.py", "x = 1"),
    (names, "src/nostro/book/common.py", ""),
    (names, "src/nostro/order_utils/x.py", ""),
    (names, "src/nostro/book/x.py", "class BookManager: ..."),
    (keywords, "src/nostro/book/x.py", "def f(a, b, c): ..."),
    (keywords, "src/nostro/book/x.py", "class A:\n    def f(self, a, b, c): ..."),
    (side_by_side, "src/nostro/book/x.py", "def f(price: Decimal, amount: Decimal): ..."),
    (assertions, "tests/test_x.py", "def test_x():\n    assert True"),
    (assertions, "tests/test_x.py", "def test_x():\n    assert x or 1"),
    (assertions, "tests/test_x.py", "def test_x():\n    x = 1"),
    (oracles, "tests/naive/engine.py", "from nostro.paper.venue import engine"),
    (oracles, "tests/book/naive_fold.py", "import nostro"),
    (places, "docs/x.md", "look at /home/someone/nostro"),
    (places, "benchmarks/x.py", f"book.py --keep {SCRATCH}"),
    (places, "requirements.lock", "--index-url https://example.org/simple"),
    (marks, "src/nostro/book/x.py", "# TODO: later"),
    (tools, "README.md", "Co-authored-by: someone"),
)
SPARED: tuple[tuple[Callable[[Source], Found], str, str], ...] = (
    (order, "src/nostro/book/x.py", "from nostro.domain.records import Fill\nfrom nostro import limits"),
    (amounts, "src/nostro/collect/x.py", "async def f(pause_s: float) -> None: ..."),
    (
        amounts,
        "src/nostro/exchanges/x.py",
        "def after_s(text): return float(text)\nx.pause_s = float(y)\nf(at_s=float(z))",
    ),
    (sockets, "src/nostro/link/transport.py", "import aiohttp"),
    (clocks, "src/nostro/open.py", "x = time.time_ns()"),
    (clocks, "src/nostro/book/x.py", "x = loop.time()\ny = fill.time"),
    (randomness, "src/nostro/paper/x.py", "import random\nx = random.Random(7).random()"),
    (randomness, "src/nostro/paper/x.py", "def f(random: Random): return random.choice('ab')"),
    (keywords, "src/nostro/cli/x.py", "@group.command()\ndef f(a, b, c): ..."),
    (excepts, "src/nostro/book/x.py", "try:\n    f()\nexcept BaseException:\n    undo()\n    raise"),
    (keywords, "src/nostro/book/x.py", "class A:\n    def f(self, a, b, *, c): ..."),
    (side_by_side, "src/nostro/book/x.py", "def f(price: Decimal, *, amount: Decimal): ..."),
    (oracles, "tests/naive/engine.py", "from nostro.link.view import PlaceOrder"),
    (places, "docs/x.md", WITHIN),
)
RULES = tuple(dict.fromkeys(rule for rule, _, _ in PLANTED))
KINDS = ("*.py", "*.md", "*.toml", "*.sql", "*.svg", "*.lock", "*.csv", "*.json", "Makefile", "run")


def sources() -> list[Source]:
    """Every text of the repository that people wrote or that is shown to them."""
    roots = [ROOT / name for name in ("src", "tests", "docs", "examples", "benchmarks", "campaigns", ".ci")]
    files = {path for root in roots for kind in KINDS for path in root.rglob(kind)}
    files |= {path for kind in KINDS for path in ROOT.glob(kind)}
    return [Source(path.relative_to(ROOT).as_posix(), path.read_text("utf-8")) for path in sorted(files)]


@pytest.fixture(scope="module", name="every")
def every_source() -> list[Source]:
    found = sources()
    assert sum(source.path.endswith(".py") for source in found) > 20, "the sources were not found"
    return found


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_holds_everywhere(rule: Callable[[Source], Found], every: list[Source]) -> None:
    found = [f"{source.path}:{line}: {says}" for source in every for line, says in rule(source)]
    assert not found, f"{rule.__doc__}\n" + "\n".join(found)


@pytest.mark.parametrize(("rule", "path", "text"), PLANTED)
def test_the_rule_catches_a_planted_fault(rule: Callable[[Source], Found], path: str, text: str) -> None:
    assert list(rule(Source(path, text)))


@pytest.mark.parametrize(("rule", "path", "text"), SPARED)
def test_the_rule_spares_what_is_allowed(rule: Callable[[Source], Found], path: str, text: str) -> None:
    assert not list(rule(Source(path, text)))


def test_the_ratchets_name_only_what_still_needs_them(every: list[Source]) -> None:
    there = {name: positional for source in every for name, _, positional in public(source)}
    assert not {name for name in POSITIONAL if len(there.get(name, ())) <= 2}
    assert not {name for name in SIDE_BY_SIDE if len(there.get(name, ())) < 2}


def test_every_public_name_is_exported_and_documented() -> None:
    assert nostro.__all__ == sorted(nostro.__all__)
    for name in nostro.__all__:
        thing = getattr(nostro, name)
        assert thing.__doc__, f"nostro.{name} has no docstring"
        home = importlib.import_module(thing.__module__)
        assert getattr(home, name) is thing
    shown = {name for name in vars(nostro) if not name.startswith("_")}
    modules = {name for name in shown if (ROOT / "src/nostro" / name).with_suffix(".py").exists()}
    folders = {path.name for path in (ROOT / "src/nostro").iterdir() if path.is_dir()}
    assert shown - set(nostro.__all__) - modules - folders <= {"import_module", "TYPE_CHECKING", "Final", "annotations"}
