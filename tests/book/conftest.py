"""Tests of the book that run on both engines: the same tests, the same pages, other words to the database."""

from __future__ import annotations

import pytest

from book import world
from servers import Server

BOTH = ("test_alias", "test_clocks", "test_feed_pages", "test_feed_states", "test_fold", "test_lease", "test_undated")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "files: the test is about files, and runs on SQLite only")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests of these modules run twice, but for those that are about files."""
    if metafunc.module.__name__.split(".")[-1] in BOTH and not metafunc.definition.get_closest_marker("files"):
        metafunc.parametrize("engine", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture(autouse=True)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Which one the test's books are on."""
    name: str = getattr(request, "param", "sqlite")
    if name == "postgresql":
        server: Server = request.getfixturevalue("postgres")
        monkeypatch.setattr(world, "place", server.place)
    return name
