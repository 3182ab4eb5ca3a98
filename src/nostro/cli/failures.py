"""What a person or a program is told when a command fails. It decides the form of an error on stderr: a few readable
lines on a terminal, else one line of JSON; never a secret, never a control character.
"""

from __future__ import annotations

import json
import os
import textwrap
import traceback
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Final, TextIO

import click

from nostro.errors import NostroError, RetentionDeadline, UsageError
from nostro.keys import Redactor
from nostro.views.escape import for_terminal
from nostro.views.view import plain

HAPPENED: Final = {"no": "it did not happen", "maybe": "it may have happened", "yes": "it happened"}
INTERRUPTION: Final = "interrupted: everything that was stored is whole and stays, nothing was lost"
AGAIN: Final = "run the same command again; it goes on from there"
CHANGING: Final = "interrupted: what was to be changed at the exchange may have happened"
LOOK: Final = "run `nostro sync {}` and see whether it did, before you send it again"
LINE_CHARACTERS: Final = 100


def envelope(error: NostroError) -> dict[str, Any]:
    """The error as JSON has it."""
    said = {
        "type": type(error).__name__,
        "message": error.message,
        "hint": error.hint,
        "exchange": error.exchange,
        "account": error.account,
        "happened": error.happened,
        "repeat": error.repeat,
    }
    if isinstance(error, RetentionDeadline):
        said["deadlines"] = plain(error.deadlines)
    return {"error": said}


def report(error: NostroError, stream: TextIO, *, redactor: Redactor) -> None:
    """Writes the error to the stream, in the form that fits it."""
    if not stream.isatty():
        stream.write(redactor.text(json.dumps(envelope(error))) + "\n")
        return
    style, plain = ("\x1b[1;31m", "\x1b[0m") if coloured(os.environ) else ("", "")
    stream.write(f"{style}error:{plain} {_lines(redactor.text(error.message))}\n")
    if error.hint:
        stream.write(f"  → {_lines(redactor.text(error.hint))}\n")
    facts = [f"exchange {error.exchange}"] if error.exchange else []
    facts += [f"account {error.account}"] if error.account else []
    facts += [HAPPENED[error.happened]] if error.happened != "no" else []
    facts += ["the same may be tried again"] if error.repeat else []
    if facts:
        stream.write(f"  {for_terminal(' · '.join(facts))}\n")


def coloured(environ: Mapping[str, str]) -> bool:
    """Whether a terminal wants styles. Source: https://no-color.org."""
    return not environ.get("NO_COLOR") and environ.get("TERM") not in {"dumb", "unknown"}


def _lines(text: str) -> str:
    return textwrap.fill(for_terminal(text), LINE_CHARACTERS, subsequent_indent="    ", break_long_words=False)


def interrupted(stream: TextIO, *, changing: str = "") -> None:
    """One line: nothing was lost; or, where the account ``changing`` was being changed, that this may have happened."""
    message, hint = (CHANGING, LOOK.format(changing)) if changing else (INTERRUPTION, AGAIN)
    if stream.isatty():
        stream.write(f"\n{message}\n" + (f"  → {for_terminal(hint)}\n" if changing else ""))
        return
    error = {"type": "Interrupted", "message": message, "hint": hint, "exchange": "", "account": changing}
    happened = {"happened": "maybe" if changing else "no", "repeat": not changing}
    stream.write(json.dumps({"error": error | happened}) + "\n")


def of_usage(error: click.ClickException) -> NostroError:
    """Ours for an error of click: a wrong option, a missing argument, a file that cannot be opened."""
    context = getattr(error, "ctx", None)
    helpless = isinstance(error, click.exceptions.NoArgsIsHelpError)  # its message would be the whole help
    message = "no command was given" if helpless else error.format_message()
    hint = f"see {context.command_path} --help" if context is not None else ""
    return UsageError(message[:1].lower() + message[1:], hint=hint)


Hook = Callable[[type[BaseException], BaseException, TracebackType | None], None]


def hook(redactor: Redactor) -> Hook:
    """What happens to an error that is a mistake of ours: its traceback without the values of variables, masked."""

    def unexpected(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        import sys

        text = "".join(traceback.format_exception(kind, error, trace))
        sys.stderr.write("".join(for_terminal(line) + "\n" for line in redactor.text(text).splitlines()))
        sys.stderr.write("this is a mistake in nostro, not in what you did; nothing that was stored is lost\n")

    return unexpected
