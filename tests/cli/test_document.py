"""Shows that the pages that follow from code say what the code says, and leave no command or route out."""

from __future__ import annotations

from pathlib import Path

import pytest

from nostro.cli import document, program
from nostro.exchanges import exchange, exchange_ids

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.parametrize("path", sorted(document.pages()))
def test_a_stored_page_is_what_the_code_says(path: str) -> None:
    assert (DOCS / path).read_text(encoding="utf-8") == document.pages()[path], "run `make docs`"


def test_every_command_and_option_is_told() -> None:
    page = document.cli_page()
    for name in program.COMMANDS:
        assert f"## `nostro {name}" in page
    for option in ("--as-of", "--known-at", "--accept-rollback", "--passphrase-fd", "--again", "--once", "--faults"):
        assert option in page


def test_every_route_and_history_is_told() -> None:
    for name in exchange_ids():
        page, spoken = document.exchange_page(name), exchange(name)
        for route in spoken.routes:
            assert f"/{route.path}`" in page  # behind its host, where it has one of its own
        for stream in spoken.streams:
            assert f"| {stream.name} |" in page
        for topic in spoken.feed.topics if spoken.feed else ():
            assert f"| `{topic.name}` " in page


def test_what_is_not_asked_and_what_is_not_told_has_a_reason() -> None:
    reasons = 0
    for name in exchange_ids():
        page, spoken = document.exchange_page(name), exchange(name)
        asked = {each.route.name for each in (*spoken.asks, *spoken.dos)}
        for route in spoken.routes:
            assert route.name in asked or (route.unread and f"| {route.unread} |" in page), (name, route.name)
        for serve in spoken.serves:
            reasons += bool(serve.lacks)
            assert f"answers {serve.lacks}".strip() in page
    assert reasons >= 5


def test_every_command_is_there() -> None:
    import click

    with click.Context(program.nostro) as context:
        for name in program.COMMANDS:
            command = program.nostro.get_command(context, name)
            assert command is not None
            assert command.help
