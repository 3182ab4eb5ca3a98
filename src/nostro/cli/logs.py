"""Logs on stderr. It decides their form, and that no secret, no local variable and no control character gets into
them."""

from __future__ import annotations

import logging
import re
from collections.abc import MutableMapping
from typing import Any, Final, TextIO

import structlog

from nostro.keys import MASK, Redactor
from nostro.views.escape import for_terminal

# Members that hold secrets, whatever they hold; and texts that are tokens, wherever they stand.
SECRET_NAMES: Final = re.compile(
    r"secret|password|passphrase|token|signature|x-sign|authorization|cookie|api_?key|^key$", re.IGNORECASE
)
TOKENS: Final = re.compile(r"eyJ[\w-]{8,}(\.[\w-]+){0,2}|(?i:bearer|jwt)\s+\S+")

_LEVELS: Final = (logging.WARNING, logging.INFO, logging.DEBUG)


def configure(stream: TextIO, redactor: Redactor, *, verbose: int) -> None:
    """Sends the logs of this process to the stream: lines for people on a terminal, JSON elsewhere."""
    ending: list[Any] = (
        [structlog.dev.ConsoleRenderer(colors=True, exception_formatter=structlog.dev.plain_traceback)]
        if stream.isatty()
        else [
            structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(),
        ]
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            Masking(redactor),
            *ending,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[min(verbose, len(_LEVELS) - 1)]),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )


class Masking:
    """The one place through which every log line passes."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def __call__(self, _: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        for name in list(event):
            event[name] = MASK if SECRET_NAMES.search(name) else self._masked(event[name])
        return event

    def _masked(self, value: Any) -> Any:
        if value is None or isinstance(value, bool | int | float | BaseException | tuple):
            return value if not isinstance(value, BaseException) else self.text(repr(value))
        return self.text(value if isinstance(value, str) else repr(value))

    def text(self, text: str) -> str:
        return for_terminal(TOKENS.sub(MASK, self._redactor.text(text)))
