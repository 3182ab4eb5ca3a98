"""Shows that the engine makes no difference: the same pages, in any batches, give the same state hash, head and answers
on SQLite and on PostgreSQL, also after a rebuild, and in any process, whatever its hash seed, time zone and locale
(B20)."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from book.test_determinism import ran
from book.test_model import World, scripts
from book.world import ACCOUNT, Clock, exchange, held
from nostro.book.book import Book
from nostro.book.store import Place
from nostro.link.declare import Page
from servers import Server

EXAMPLES = int(os.environ.get("NOSTRO_PARITY_EXAMPLES", "15"))
KINDS = ("fill", "entry")


def told(place: Place, pages: list[Page], *, sizes: list[int]) -> list[object]:
    """Everything that a new book says of these pages, appended so many at a time."""
    with Book.open(place, create=True, now_ns=Clock(), registry=exchange) as book:
        book.add_account(ACCOUNT, "small", dialect="bare", since_ns=0)
        left, turn = list(pages), 0
        while left:
            size = sizes[turn % len(sizes)]
            book.append(held(book), left[:size])
            left, turn = left[size:], turn + 1
        facts = [repr(fact) for kind in KINDS for fact in book.facts(kind, ACCOUNT)]
        says = [book.state_hash(), book.verify().head, facts, list(book.findings(ACCOUNT))]
        assert (book.rebuild().changes, book.state_hash()) == ((), says[0])
        return says


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(script=scripts, sizes=st.lists(st.integers(1, 5), min_size=1, max_size=8))
def test_the_engine_makes_no_difference(postgres: Server, script: list[tuple[Any, ...]], sizes: list[int]) -> None:
    world = World()
    pages = [page for step in script for page in world.do(step)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "b.db"
        assert told(path, pages, sizes=[len(pages) or 1]) == told(postgres.place(path), pages, sizes=sizes)


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> str:
    return ran(tmp_path_factory.mktemp("reference") / "book", PYTHONHASHSEED="0", TZ="UTC")


@pytest.mark.parametrize(
    ("seed", "zone", "locale"), [("1", "Asia/Kathmandu", "C"), ("4711", "America/St_Johns", "de_DE.UTF-8")]
)
def test_the_process_makes_no_difference(
    tmp_path: Path, on_sqlite: str, postgres: Server, seed: str, zone: str, locale: str
) -> None:
    url = postgres.url(postgres.place(tmp_path).schema)
    assert ran(tmp_path / "book", url, PYTHONHASHSEED=seed, TZ=zone, LC_ALL=locale, PGTZ=zone) == on_sqlite


def test_no_text_follows_the_locale_of_a_server(postgres: Server, tmp_path: Path) -> None:
    where = postgres.place(tmp_path / "b.db")
    Book.open(where, create=True, now_ns=Clock(), registry=exchange).close()
    query = (
        "SELECT a.attrelid::regclass, a.attname, a.attcollation = '\"C\"'::regcollation FROM pg_attribute a"
        " JOIN pg_class c ON c.oid = a.attrelid WHERE c.relkind = 'r' AND c.relnamespace = %s::regnamespace"
        " AND a.atttypid = 'text'::regtype AND a.attnum > 0"
    )
    with postgres.connect() as connection:
        texts = connection.execute(query, (where.schema,)).fetchall()
    assert len(texts) > 10
    assert all(bytewise for _, _, bytewise in texts), texts
