"""Which commands there are, and how a command ends. It decides that a command's module is loaded when the command is
used, that each error becomes one message on stderr and its exit status, and that Ctrl-C and a closed pipe end
quietly; what a command does stands in its own file.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from types import FrameType
from typing import Final, TextIO

import click

from nostro import config
from nostro.cli import failures
from nostro.cli.output import PipeClosed, prepare, written
from nostro.cli.session import Session, shared
from nostro.errors import NostroError, Unwritable

INTERRUPTED: Final = 130  # as a shell reports a program that SIGINT ended
SIGNALED: Final = 128  # and the number of the signal, as a shell reports it: 143 for SIGTERM
PIPE_CLOSED: Final = 141  # SIGPIPE

# Each command's name and where it is; in the order of `nostro --help`.
COMMANDS: Final[Mapping[str, str]] = {
    "up": "nostro.cli.up:up",
    "watch": "nostro.cli.watch:watch",
    "accounts": "nostro.cli.accounts:accounts",
    "exchanges": "nostro.cli.exchanges:exchanges",
    "balances": "nostro.cli.nouns:balances",
    "orders": "nostro.cli.nouns:orders",
    "fills": "nostro.cli.nouns:fills",
    "entries": "nostro.cli.nouns:entries",
    "transfers": "nostro.cli.nouns:transfers",
    "fees": "nostro.cli.nouns:fees",
    "loans": "nostro.cli.nouns:loans",
    "borrows": "nostro.cli.nouns:borrows",
    "repayments": "nostro.cli.nouns:repayments",
    "interest": "nostro.cli.nouns:interest",
    "liquidations": "nostro.cli.nouns:liquidations",
    "margin": "nostro.cli.contracts:margin",
    "positions": "nostro.cli.contracts:positions",
    "funding": "nostro.cli.contracts:funding",
    "history": "nostro.cli.contracts:history",
    "sub-accounts": "nostro.cli.nouns:sub_accounts",
    "coverage": "nostro.cli.nouns:coverage",
    "breaks": "nostro.cli.breaks:breaks",
    "sync": "nostro.cli.sync:sync",
    "order": "nostro.cli.orders:order",
    "transfer": "nostro.cli.margin:transfer",
    "borrow": "nostro.cli.margin:borrow",
    "repay": "nostro.cli.margin:repay",
    "verify": "nostro.cli.book:verify",
    "rebuild": "nostro.cli.book:rebuild",
    "backup": "nostro.cli.backup:backup",
    "restore": "nostro.cli.backup:restore",
    "export": "nostro.cli.export:export",
    "paper": "nostro.cli.paper:paper",
}


class Lazy(click.Group):
    """A group whose commands are loaded when they are used, and whose mistyped names get a suggestion."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click calls it so
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - the same
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            hint = config.suggestion(args[0], COMMANDS, what="commands")
            raise click.UsageError(f"no command {args[0]!r}: {hint}", ctx)
        return super().resolve_command(ctx, args)


@click.command(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@shared
@click.version_option(package_name="nostro", message="nostro %(version)s")
def nostro() -> None:
    """One exact, complete, provable book of every exchange account you own.

    Start with `nostro up`: on an empty home it starts a paper exchange, adds its accounts, and keeps their book.
    """


def run(arguments: Sequence[str]) -> int:
    """Runs one command; its exit status. Reads and writes this process's environment and standard streams."""
    for stream in (sys.stdout, sys.stderr):
        prepare(stream)
    session = Session(os.environ)
    sys.excepthook = failures.hook(session.redactor)
    terminated: list[int] = []
    # A shell that starts us in the background has SIGINT ignored: then neither it nor SIGTERM would end us.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _as_interruption(terminated))
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
        signal.signal(signal.SIGHUP, _as_interruption(terminated, gone=sys.stderr.isatty()))
    try:
        with session.closing:
            status = nostro.main(list(arguments), prog_name="nostro", standalone_mode=False, obj=session)
        with written():
            sys.stdout.flush()
    except (BrokenPipeError, PipeClosed):
        _closed(sys.stdout)
        return PIPE_CLOSED
    except (KeyboardInterrupt, click.Abort):
        failures.interrupted(sys.stderr, changing=session.changing)
        return SIGNALED + terminated[0] if terminated else INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        if sys.stderr.isatty():
            click.echo(error.format_message(), err=True)
        else:
            failures.report(failures.of_usage(error), sys.stderr, redactor=session.redactor)
        return error.exit_code
    except click.ClickException as error:
        failures.report(failures.of_usage(error), sys.stderr, redactor=session.redactor)
        return error.exit_code
    except NostroError as error:
        failures.report(error, sys.stderr, redactor=session.redactor)
        if isinstance(error, Unwritable):
            _closed(sys.stdout)  # it may be our output: Python would flush it at its end, and fail again
        return error.exit_status
    return status if isinstance(status, int) else 0


def _as_interruption(terminated: list[int], *, gone: bool = False) -> Callable[[int, FrameType | None], None]:
    """SIGTERM, and the end of the terminal, end a command as Ctrl-C does, in the same order; only the exit status tells
    them apart. ``gone``: nobody reads stderr any more."""

    def handler(number: int, _: FrameType | None) -> None:
        terminated.append(number)
        if gone:
            _closed(sys.stderr)
        if len(terminated) == 1:  # one after the other, they must not cut short what the first began
            signal.raise_signal(signal.SIGINT)

    return handler


def _closed(stream: TextIO) -> None:
    """Nothing more can be written there, not even when Python flushes at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
