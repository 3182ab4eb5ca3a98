"""Writes the pages of the documentation that follow from code: the commands, from click, and each exchange, from its
declaration. ``python -m nostro.cli.document DIR`` writes them; a test holds the stored pages to it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path
from typing import Final

import click

from nostro.cli.program import nostro
from nostro.domain.records import SubAccount
from nostro.domain.values import format_time
from nostro.exchanges import dialects, exchange, exchange_ids
from nostro.keys import MEMBERS
from nostro.link.declare import READS, WRITES, Exchange
from nostro.link.frames import ALL, Feed
from nostro.views.exchanges import streams

MADE: Final = "<!-- Written by `python -m nostro.cli.document docs`; edit the code instead. -->"
SHARED: Final = frozenset({"home", "passphrase_file", "passphrase_fd", "verbose", "help"})


def pages() -> dict[str, str]:
    """Every page by its path below the documentation's folder."""
    return {"cli.md": cli_page()} | {f"exchanges/{each}.md": exchange_page(each) for each in exchange_ids()}


# ── the commands ─────────────────────────────────────────────────────────────────────────────────────────────────


def cli_page() -> str:
    """The commands, their arguments and options."""
    with click.Context(nostro, info_name="nostro") as context:
        shared = [_option(parameter, context) for parameter in nostro.params if parameter.name in SHARED]
        commands = list(_commands(nostro, context))
    return "\n".join([
        "# The command line", "", MADE, "",
        "Tables on a terminal, JSON when piped (`-o table|json|csv|parquet` says otherwise); errors and logs on",
        "stderr. Every command takes:", "", *shared, "",
        "Exit statuses: 0 done, 1 a finding (an open interval, an open break), 2 called wrongly, 3 the exchange",
        "refused, 4 the exchange fails, 5 no whole answer, 6 an answer breaks the protocol, 7 the book refuses,",
        "8 the exchange is about to forget what could not be read, 130 interrupted.", "", *commands,
    ]) + "\n"  # fmt: skip


def _commands(command: click.Command, context: click.Context) -> Iterator[str]:
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            with click.Context(below, info_name=name, parent=context) as inner:
                yield from _commands(below, inner)
        if not command.invoke_without_command:
            return
    usage = " ".join(piece for piece in command.collect_usage_pieces(context) if piece != "[OPTIONS]")
    yield f"## `{context.command_path}{' ' + usage if usage else ''}`"
    yield ""
    yield from cleandoc(command.help or "").replace("\b\n", "").splitlines()
    yield ""
    options = [each for each in command.params if isinstance(each, click.Option) and each.name not in SHARED]
    if options:
        yield from (_option(each, context) for each in options if not each.hidden)
        yield ""


def _option(option: click.Parameter, context: click.Context) -> str:
    record = option.get_help_record(context)
    assert record is not None
    names, text = record
    return f"- `{names}`: {text}"


# ── an exchange ──────────────────────────────────────────────────────────────────────────────────────────────────


def exchange_page(name: str) -> str:
    """One exchange in all its dialects: what can be asked, how histories are read, which routes there are."""
    spoken = exchange(name)
    lines = [
        f"# {spoken.name}", "", MADE, "",
        f"{_live(spoken)} Test mode: {spoken.test_mode}.", "",
        *([f"A key consists of {', '.join(spoken.members)}.", ""] if spoken.members != MEMBERS else []),
        f"Dialects: {', '.join(dialects(name))}; the first is meant where none is named.", "",
        f"History begins {format_time(spoken.opened_ns, 0)[:10]}: {spoken.opened_source}.", "",
        "Amounts are printed as " + ("text, exactly." if spoken.amounts == "text" else "binary doubles."), "",
    ]  # fmt: skip
    for dialect in dialects(name):
        lines += _dialect(exchange(name, dialect))
    return "\n".join(lines)


def _dialect(spoken: Exchange) -> list[str]:
    served = {serve.route.name: f"answers {serve.lacks}".rstrip() for serve in spoken.serves}
    return [
        f"## Dialect `{spoken.dialect}`", "", f"Source: {spoken.document}.", "",
        f"Read: {', '.join(f'`{each}`' for each in READS if each in spoken.capabilities)}.", "",
        "Write, each by a grant: "
        + ", ".join(f"`{each}` ({grant})" for each, grant in WRITES.items() if each in spoken.capabilities) + ".", "",
        *([f"Not in this dialect: {', '.join(spoken.unsupported)}.", ""] if spoken.unsupported else []),
        *_table(
            ("history", "window", "memory", "page", "order", "rows named by", "split by", "permission", "settles",
             "re-read", "else from"),
            [(line.stream, line.window, line.memory, line.page, line.order, line.ids, line.sub_queries,
              line.permission, line.settles, line.overlap, line.fallback) for line in streams(spoken)],
        ), "",
        *_table(
            ("route", "method", "path", "auth", "permission", "paper exchange", "not asked by us, because"),
            [(route.name, route.method, f"`{route.host}/{route.path}`", route.auth, route.permission,
              served.get(route.name, "no"), route.unread) for route in spoken.routes],
        ), "",
        *(_feed(spoken.feed) if spoken.feed is not None else []),
    ]  # fmt: skip


def _live(spoken: Exchange) -> str:
    if not spoken.url:
        return "There is no live address any more."
    further = "".join(f"; {name} at {url}" for name, url in spoken.hosts.items())
    return f"Live at {spoken.url}{further}."


def _feed(feed: Feed) -> list[str]:
    """Where topics are private, what is told of the account must be asked for; where none is, it flows by itself."""
    paths, private = (", ".join(f"`{each}`" for each in names) for names in (feed.paths, feed.private))
    asked = any(each.private for each in feed.topics)
    followed = {each.partition(" ")[0] for each in feed.watched([SubAccount(native_id="1")])}
    states = ", ".join(f"`{each}`" for each in feed.states)
    told = "to who is signed in, on the topics marked so" if asked else "after the sign-in, without a subscription"
    return [
        f"Feed: {feed.url}; the paper exchange serves it at {paths}.", "",
        f"Told {told}: {private}.", "",
        f"Of an account that is followed, the states {states} are told by frames, and all others by requests.", "",
        *_table(
            ("topic", "one for each", "all of them", "tells", "numbered", "followed"),
            [(f"`{each.name}`{' (signed in)' if each.private else ''}", each.of,
              f"`{feed.topic(each.name, ALL)}`" if each.all else "", each.gives, "yes" if each.numbered else "",
              "yes" if each.name in followed else "") for each in feed.topics],
        ), "",
    ]  # fmt: skip


def _table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    return [_line(headings), "|" + "---|" * len(headings), *(_line(row) for row in rows)]


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"


def write(folder: Path) -> None:
    """Writes every page."""
    for path, text in pages().items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
