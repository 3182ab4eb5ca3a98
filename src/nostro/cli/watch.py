"""``nostro watch``: balances, margin, positions and how fresh they are, live. It decides which of three forms fits
where the output goes: a screen (``picture.py``), lines where a terminal knows no more, a line of JSON for each change
into a pipe. It collects nothing: `nostro up` does, and ends in this view.
"""

from __future__ import annotations

import json
import os
import select
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TextIO

import click

from nostro.cli import output
from nostro.cli.accounts import complete_account
from nostro.cli.nouns import names
from nostro.cli.session import session, shared

if TYPE_CHECKING:
    from nostro.cli.looking import Looking
    from nostro.views.lines import Line
    from nostro.views.live import Key, Statement

LINES_PAUSE_S: Final = 0.1  # between two looks at what is new, for a pipe
PLAIN_PAUSE_S: Final = 10.0  # between two prints where a terminal cannot be drawn on, and lines run away
PLAIN_ROWS: Final = 1_000  # of such a terminal


@click.command(short_help="Balances, margin and positions, live.")
@click.argument("account", nargs=-1, shell_complete=complete_account)
@click.option("--json", "as_lines", is_flag=True, help="A line of JSON for each change [default where piped].")
@shared
def watch(account: tuple[str, ...], *, as_lines: bool) -> None:
    """Balances, margin, positions with their distance to liquidation, and how fresh they are, of these accounts or all,
    live. q ends it, ? helps.

    It reads the book, and collects nothing: nostro up does that, and shows the same.
    """
    from nostro.cli.connect import run
    from nostro.cli.looking import Looking
    from nostro.collect.working import BookThread
    from nostro.link.together import first

    here = session()
    book, thread = here.book, BookThread()
    here.closing.callback(thread.close)
    wanted = [one for name in account for one in names(here, name)]
    looking = Looking(book, wanted, thread=thread)
    run(first(looking.look_again(), _shown(looking, as_lines=as_lines)))


async def _shown(looking: Looking, *, as_lines: bool) -> None:
    if as_lines or not sys.stdout.isatty():
        await _in_lines(looking, sys.stdout)
    elif can_be_drawn_on(sys.stdout):
        from nostro.cli.picture import drawing

        await drawing(looking)
    else:
        await _plainly(looking, sys.stdout)


def can_be_drawn_on(stream: TextIO) -> bool:
    """Whether it is a terminal that understands more than lines."""
    return stream.isatty() and os.environ.get("TERM", "dumb") not in {"", "dumb", "unknown"}


# ── lines ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _plainly(looking: Looking, stream: TextIO) -> None:
    """On a terminal that only knows lines: all of it, whenever something changed."""
    from nostro.views.choices import Choices
    from nostro.views.lines import Size
    from nostro.views.live import statements
    from nostro.views.screen import drawn

    before: object = None
    while True:
        await looking.changed.wait()
        now_ns = looking.now_ns()
        said = [each.said for each in statements(looking.board, now_ns).values()]
        if said != before:
            before, size = said, Size(os.get_terminal_size(stream.fileno()).columns or 80, PLAIN_ROWS)
            lines = drawn(looking.board, Choices(), size=size, widths={}, now_ns=now_ns).lines[:-1]
            with output.written():
                stream.writelines("".join(cell.text for cell in line).rstrip() + "\n" for line in _used(lines))
                stream.flush()
        await looking.again(PLAIN_PAUSE_S)


def _used(lines: Sequence[Line]) -> Sequence[Line]:
    """The lines up to the last that says anything, and a blank one."""
    last = max((index for index, line in enumerate(lines) if line), default=-1)
    return [*lines[: last + 1], ()]


async def _in_lines(looking: Looking, stream: TextIO) -> None:
    """One line of JSON for each thing that is new, says something else, or is gone."""
    from nostro.views.live import statements

    before: dict[Key, Statement] = {}
    while _has_reader(stream):
        await looking.again(LINES_PAUSE_S)
        now_ns = looking.now_ns()
        now = statements(looking.board, now_ns)
        with output.written():
            stream.writelines(json.dumps(line) + "\n" for line in new_lines(before, now, now_ns=now_ns))
            stream.flush()
        before = now
    raise output.PipeClosed


def _has_reader(stream: TextIO) -> bool:
    """Whether what is written still has where to go: where nothing changes, nothing would say that it has not."""
    poll = select.poll()
    poll.register(stream.fileno(), 0)
    return not poll.poll(0)


def new_lines(
    before: Mapping[Key, Statement], now: Mapping[Key, Statement], *, now_ns: int
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """What is said now and was not before, and what is gone."""
    from nostro.views.view import moment

    at = moment(now_ns)
    for key, statement in now.items():
        if key not in before or before[key].said != statement.said:
            yield {"at": at, **statement.said, **statement.age}
    for key in before.keys() - now.keys():
        yield {"at": at, **before[key].said, "gone": True}
