"""Where a view goes: a table on a terminal, a document into a pipe. It decides between them, and nothing about their
form, but for the letters that a terminal's encoding does not have.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TextIO

from nostro.errors import Unwritable, UsageError
from nostro.views import files
from nostro.views.view import View

if TYPE_CHECKING:
    from rich.console import Console


# What stands for the signs of a table where the encoding has none: one letter for each, so that columns stay columns.
PLAIN: Final[Mapping[str, str]] = {
    "─": "-", "━": "=", "╸": "=", "╺": "-", "…": "~", "·": "|", "→": ">", "▲": "^", "▼": "v", "↑": "^", "↓": "v",
}  # fmt: skip


class PipeClosed(Exception):
    """Nobody reads our output any more."""


def prepare(stream: TextIO) -> None:
    """Files and pipes are UTF-8, wherever; and no letter is an error on a terminal that does not have it."""
    if isinstance(stream, io.TextIOWrapper):
        codecs.register_error("nostro", _without)
        stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="nostro")


def _without(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(PLAIN.get(letter, "?") for letter in error.object[error.start : error.end]), error.end


def write(view: View, form: str | None, *, stream: TextIO) -> None:
    """Writes the view in that form, or in the one that fits the stream. Raises `UsageError` for Parquet on a
    terminal, `PipeClosed`, `Unwritable`."""
    with written():
        _write(view, form, stream)


@contextmanager
def written() -> Iterator[None]:
    """Around what writes output: nobody reads it any more, or it has no room."""
    try:
        yield
    except BrokenPipeError:
        raise PipeClosed from None
    except OSError as error:
        hint = "free space, or send it elsewhere; the book is as it was"
        raise Unwritable(f"the output cannot be written: {error.strerror or error}", hint=hint) from None


def _write(view: View, form: str | None, stream: TextIO) -> None:
    form = form or ("table" if stream.isatty() else "json")
    if form == "table":
        from nostro.views.table import draw

        draw(view, console(stream))
    elif form == "parquet":
        if stream.isatty():
            raise UsageError("Parquet is not for terminals", hint="send it to a file: -o parquet > rows.parquet")
        files.as_parquet(view, stream.buffer)
    else:
        stream.writelines(files.as_json(view) if form == "json" else files.as_csv(view))


def write_all(views: Mapping[str, View], stream: TextIO) -> None:
    """Several views: titled tables on a terminal, else one JSON document with a member for each. Raises as `write`."""
    with written():
        _write_all(views, stream)


def _write_all(views: Mapping[str, View], stream: TextIO) -> None:
    if stream.isatty():
        from rich.text import Text

        from nostro.views.table import draw

        for title, view in views.items():
            console(stream).print(Text(f"\n {title.upper()}", style="bold"))
            draw(view, console(stream))
        return
    for index, (name, view) in enumerate(views.items()):
        stream.write(("," if index else "{") + f'"{name}": ')
        stream.writelines(files.as_json(view))
    stream.write("}\n")


def console(stream: TextIO) -> Console:
    """A console on the stream: no colours where it is no terminal, 80 columns where it says no width."""
    from rich.console import Console

    return Console(file=stream, highlight=False, markup=False, emoji=False)
