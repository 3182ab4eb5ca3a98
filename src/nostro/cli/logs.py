"""Logs on stderr. It decides their form, and that no secret, no local variable and no control character gets into them:
every line, ours or a library's, passes through one `Masking`.
"""

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
    r"secret|password|passphrase|token|signature|x[-_]sign|authorization|cookie|api_?key|^key$", re.IGNORECASE
)
TOKENS: Final = re.compile(r"eyJ[\w-]{8,}(\.[\w-]+){0,2}|(?i:bearer|jwt)\s+\S+")

Event = MutableMapping[str, Any]


def logger(stream: TextIO, redactor: Redactor, *, verbose: int) -> structlog.typing.FilteringBoundLogger:
    """A logger to the stream; what other libraries log goes there too. ``verbose`` 0: from info on, else all."""
    level = logging.DEBUG if verbose else logging.INFO
    masking = Masking(redactor)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Masked(masking))
    logging.basicConfig(handlers=[handler], level=logging.WARNING if level == logging.INFO else level, force=True)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S" if stream.isatty() else "%Y-%m-%dT%H:%M:%SZ", utc=True),
            structlog.processors.format_exc_info,
            masking,
            line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    made: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return made


def line(_: Any, __: str, event: Event) -> str:
    """``09:31:02 paper exchange serves url=http://...``: the level where it is not info, then all else by name."""
    said = [str(event.pop("timestamp")), str(event.pop("event"))]
    level = str(event.pop("level"))
    if level != "info":
        said.insert(1, f"{level}:")
    return " ".join([*said, *(f"{name}={value}" for name, value in event.items())])


class Masking:
    """The one place through which every line passes."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def __call__(self, _: Any, __: str, event: Event) -> Event:
        for name in list(event):
            event[name] = MASK if SECRET_NAMES.search(name) else self.text(str(event[name]))
        return event

    def text(self, text: str) -> str:
        """One line without secrets and control characters."""
        return for_terminal(TOKENS.sub(MASK, self._redactor.text(text)))


class _Masked(logging.Formatter):
    """What other libraries log, masked; a traceback keeps its lines."""

    def __init__(self, masking: Masking) -> None:
        super().__init__("%(asctime)s %(levelname)s: %(name)s: %(message)s")
        self._masking = masking

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(self._masking.text(each) for each in super().format(record).splitlines())
