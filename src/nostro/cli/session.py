"""What every command shares: the home folder, the settings, the keys, and where output goes. It decides the options
that every command takes; a command asks the session for what it needs, and only that is opened.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, MutableMapping, Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click
import msgspec

from nostro import config, keys
from nostro.cli import output
from nostro.config import AccountSettings, Home, Settings
from nostro.errors import NotABook
from nostro.keys import Credentials, KeyStore, Passphrases, Redactor
from nostro.postgres import is_url
from nostro.views.view import View

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from nostro.book.book import Book
    from nostro.postgres import Address

CommandT = TypeVar("CommandT", bound=Callable[..., Any])

BOOK: Final = f"{config.PREFIX}BOOK"
FORMATS: Final = ("table", "json", "csv", "parquet")


class Session:
    """One run of the command line. The environment loses the keys that it holds: they are in the session from here
    on. ``changing``: the account at which the command changes something, from when it may begin to."""

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        # The URL of a book may hold a password, which no child inherits.
        self._book = {BOOK: environ.pop(BOOK)} if is_url(environ.get(BOOK)) else {}
        self.environ = environ
        self.redactor = Redactor()
        self.options: dict[str, Any] = {}
        self.verbose = 0
        self.changing = ""
        self.closing = ExitStack()

    @cached_property
    def home(self) -> Home:
        return config.find_home(self.options.get("home"), self.environ)

    @property
    def settings(self) -> Settings:
        """As they are now: a command that adds an account sees it."""
        return config.load(self.home, {**self.environ, **self._book})

    @property
    def interactive(self) -> bool:
        """Whether there is a person to ask."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    def paper_folder(self, exchange_id: str) -> Path:
        """Where the paper exchange of this home keeps its files."""
        return self.home.folder / "paper" / exchange_id

    # ── the book ─────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def book_place(self) -> Path | Address:
        """Where the home's book is."""
        place = self.home.book_place(self.settings)
        if not isinstance(place, Path):
            self.redactor.learn_text(place.password)
        return place

    @cached_property
    def book(self) -> Book:
        """The home's book, for reading. Raises `NotABook` where there is none yet, and what `Book.open` raises."""
        place = self.book_place
        if isinstance(place, Path) and not place.exists():
            raise NotABook(f"there is no book in {self.home.folder} yet", hint="nostro up or nostro sync begins one")
        return self.open_book(read_only=True)

    def open_book(self, *, create: bool = False, read_only: bool = False, accept_rollback: bool = False) -> Book:
        """The home's book; the process's end closes it."""
        from nostro.book.book import Book
        from nostro.cli.progress import CopyLines
        from nostro.exchanges import exchange
        from nostro.link.transport import SystemClock

        book = Book.open(
            self.book_place, now_ns=SystemClock().now_ns, registry=exchange, create=create,
            read_only=read_only, accept_rollback=accept_rollback, watcher=CopyLines(sys.stderr),
        )  # fmt: skip
        self.closing.callback(book.close)
        if done := book.migrated:
            self.log.info(
                "the book has a new form", schema=done.after, kept=str(done.kept), read_otherwise=len(done.changes)
            )
        return book

    # ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def key_environment(self) -> dict[str, str]:
        from nostro.exchanges import exchange_ids

        taken = keys.take_from_environment(self.environ, tuple(exchange_ids()))
        for name, secret in taken.items():
            if name != "CRYPTO_EXCHANGE":
                self.redactor.learn_text(secret)
        return taken

    @cached_property
    def key_store(self) -> KeyStore:
        return KeyStore(
            self.home.keys_folder,
            Passphrases(
                file=self.options.get("passphrase_file"), descriptor=self.options.get("passphrase_fd"),
                environ=self.environ, ask=ask_unseen if self.interactive else None,
            ),
            keyring=keys.system_keyring(),
            environ=self.key_environment,
        )  # fmt: skip

    def credentials(self, name: str, account: AccountSettings, *, members: Sequence[str]) -> Credentials:
        """The key of a live account. Raises `Locked`, `BadValue`, `UsageError`."""
        found = self.key_store.get(name, account.exchange, members=members)
        self.redactor.learn(found)
        return found

    @cached_property
    def log(self) -> FilteringBoundLogger:
        """What happens, for people, on stderr."""
        from nostro.cli import logs

        return logs.logger(sys.stderr, self.redactor, verbose=self.verbose)

    # ── output ───────────────────────────────────────────────────────────────────────────────────────────────────

    def show(self, view: View) -> None:
        """Writes the view to stdout: as asked with ``-o``, else a table on a terminal and JSON elsewhere."""
        output.write(view, self.options.get("output"), stream=sys.stdout)

    def show_book(self, view: View) -> None:
        """As `show`, with the head of the book that it was read from."""
        self.show(msgspec.structs.replace(view, head=self.book.head()))


def ask_unseen(prompt: str) -> str:
    """What a person types without showing it."""
    typed: str = click.prompt(prompt, hide_input=True, err=True, default="", show_default=False)
    return typed


def session() -> Session:
    """The session of the command that runs."""
    found = click.get_current_context().find_object(Session)
    assert found is not None
    return found


def _keep(context: click.Context, parameter: click.Parameter, value: object) -> None:
    found = context.find_object(Session)
    if found is not None and parameter.name is not None and value is not None:
        found.options[parameter.name] = value


def _raise(context: click.Context, _: click.Parameter, value: int) -> None:
    found = context.find_object(Session)
    if found is not None:
        found.verbose += value


def shared(command: CommandT) -> CommandT:
    """Adds the options that every command takes."""
    path = click.Path(path_type=Path)
    options = [
        click.option("-v", "--verbose", count=True, help="Say more on stderr.", expose_value=False, callback=_raise),
        click.option(
            "--passphrase-fd", type=int, metavar="N", help="Read the passphrase of sealed keys from this descriptor.",
            expose_value=False, callback=_keep,
        ),
        click.option(
            "--passphrase-file", type=path, metavar="FILE", help="Read the passphrase of sealed keys from this file.",
            expose_value=False, callback=_keep,
        ),
        click.option(
            "--home", type=path, metavar="DIR", help="The home folder [default: $NOSTRO_HOME, else ~/.nostro].",
            expose_value=False, callback=_keep,
        ),
    ]  # fmt: skip
    for option in options:
        command = option(command)
    return command


def shown(command: CommandT) -> CommandT:
    """Adds the options of every command that shows rows."""
    output_option = click.option(
        "-o", "--output", type=click.Choice(FORMATS), expose_value=False, callback=_keep,
        help="Form of the output [default: table on a terminal, else json].",
    )  # fmt: skip
    return shared(output_option(command))
