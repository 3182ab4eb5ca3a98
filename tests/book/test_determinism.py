"""Shows that the same pages give the same state in any process: whatever its hash seed, time zone and locale (B20)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import random, sys
from pathlib import Path
from book import world
from book.world import ACCOUNT, T0, entry, fill, held, open_book, order, page, sweep
from nostro.domain.values import SECOND_NS
from nostro.postgres import address
if sys.argv[2:]:
    world.place = lambda path: address(sys.argv[2], path.parent)
chance = random.Random(5)
with open_book(Path(sys.argv[1]) / "b.db") as book:
    for number in range(6):
        bounds = dict(since_ns=T0, until_ns=T0 + 50 * SECOND_NS, received_ns=T0 + (100 + number) * SECOND_NS)
        fills = [fill(chance.randrange(9), amount=chance.choice("12")) for _ in range(20)]
        named = [{**row, "id": str(at)} for at, row in enumerate(fills)]
        entries = [entry(at, str(at), chance.choice(["1", "2.5"]), asset=chance.choice("ABC")) for at in range(20)]
        book.append(held(book), [
            *sweep("fills", fills, **bounds), *sweep("fills", named, dialect="named", **bounds),
            *sweep("entries", entries, **bounds), *sweep("orders", [order(1, "o", chance.choice("xyz"))], **bounds),
            page("balances", [{"asset": a, "total": "1"} for a in chance.sample("ABCDEF", 4)], received_ns=T0),
        ])
    print(book.state_hash(), book.verify().head, book.rebuild().changes, book.state_hash())
"""


def ran(folder: Path, *url: str, **environment: str) -> str:
    """What a process prints that keeps that book, in a file of the folder or on a server."""
    folder.mkdir()
    known = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1]), **environment}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder), *url], env=known, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> str:
    return ran(tmp_path_factory.mktemp("reference") / "book", PYTHONHASHSEED="0", TZ="UTC")


@pytest.mark.parametrize(
    ("seed", "zone", "locale"), [("1", "Asia/Kathmandu", "C"), ("4711", "America/St_Johns", "de_DE.UTF-8")]
)
def test_the_state_does_not_depend_on_the_process(
    tmp_path: Path, reference: str, seed: str, zone: str, locale: str
) -> None:
    assert ran(tmp_path / "book", PYTHONHASHSEED=seed, TZ=zone, LC_ALL=locale) == reference
    first, _, changes, rebuilt = reference.split()
    assert (first, changes) == (rebuilt, "()")
