"""The board on this process's terminal. It decides when it is drawn anew, what a key does to it, and that a pause holds
what was seen; what is drawn is decided in ``views/screen.py``, how in ``painter.py`` and ``terminal.py``.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from typing import Final

from nostro.cli import output
from nostro.cli.failures import coloured
from nostro.cli.looking import Looking
from nostro.cli.painter import Painter
from nostro.cli.terminal import Terminal
from nostro.views.choices import Choices, pressed
from nostro.views.fitting import Widths
from nostro.views.screen import drawn

DRAW_PAUSE_S: Final = 0.1  # between two drawings of what was told: nobody reads faster
REST: Final = 19  # times what drawing took: who collects has nearly all of the time
TICK_S: Final = 1.0  # after which it is drawn although nothing was told: ages grow


def silent() -> str:
    """Nothing was logged."""
    return ""


async def drawing(looking: Looking, *, note: Callable[[], str] = silent) -> None:
    """Draws until somebody has seen enough. ``note``: the last thing that was logged. Raises `PipeClosed` where the
    terminal is gone."""
    picture, loop = Picture(looking, note), asyncio.get_running_loop()
    with picture.terminal.taken():
        while not picture.choices.ended:
            begun_s = loop.time()
            picture.draw()
            await looking.again(max(DRAW_PAUSE_S, REST * (loop.time() - begun_s)), at_least_s=TICK_S)
    if picture.is_gone:
        raise output.PipeClosed


class Picture:
    """The board on this process's terminal, and what a person chose to see of it."""

    def __init__(self, looking: Looking, note: Callable[[], str]) -> None:
        self.choices = Choices()
        self.is_gone = False
        self.terminal = Terminal(
            sys.stdin, sys.stdout, keyed=self._keyed, resized=self._anew, hung_up=self._hung_up,
        )  # fmt: skip
        self._looking = looking
        self._note = note
        self._painter = Painter(coloured=coloured(os.environ), encode=self.terminal.encode)
        self._widths: Widths = {}
        self._shape: object = None
        self._page = 1
        self._frozen = (looking.board, 0)

    def draw(self) -> None:
        """Draws what changed, unless the terminal has not yet taken what was drawn before."""
        if self.terminal.is_busy:
            return
        size, chosen = self.terminal.size, self.choices
        if self._shape != (shape := (size, chosen.filter, chosen.hidden, chosen.zeros)):
            self._shape = shape
            self._widths.clear()
        board, now_ns = self._frozen if chosen.paused else (self._looking.board, self._looking.now_ns())
        screen = drawn(board, chosen, size=size, widths=self._widths, now_ns=now_ns, note=self._note())
        self._page, self.choices = screen.page, chosen.at(screen.top)
        self.terminal.send(self._painter.painted(screen.lines, width=size.width))

    # What follows is called by the loop: it only notes what happened, and `draw` shows it.

    def _keyed(self, key: str) -> None:
        if key == "redraw":
            self._anew()
            return
        was_paused = self.choices.paused
        self.choices = pressed(self.choices, key, page=self._page)
        if self.choices.paused and not was_paused:
            self._frozen = (self._looking.board.copied(), self._looking.now_ns())
        self._looking.hurry()

    def _anew(self) -> None:
        self._painter.forget()
        self._looking.hurry()

    def _hung_up(self) -> None:
        self.is_gone = True
        self.choices = self.choices.over()
        self._looking.hurry()
