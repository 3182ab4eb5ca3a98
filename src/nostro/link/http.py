"""One HTTP request and its answer as values. It decides what both sides mean by a request: the bytes of path, query and
body are kept exactly as they are on the wire, because signatures cover them. It holds no socket (``transport.py``
and ``paper/listen.py`` do).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import parse_qsl, urlencode

import msgspec

FIELDS_MAX = 64  # of one query string: no route of any wire has a third of that


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """``origin``: scheme, host and port (``http://127.0.0.1:8101``), "" where it does not matter. ``path``: absolute,
    percent-encoded as sent, without query. ``query``: the raw query string without ``?``. Names of ``headers`` are in
    any case: read them with `header`."""

    method: str
    path: str
    origin: str = ""
    query: str = ""
    headers: dict[str, str] = {}
    body: bytes = b""

    @property
    def target(self) -> str:
        """What the request line names: path and query."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def url(self) -> str:
        return self.origin + self.target

    def __repr__(self) -> str:  # headers and bodies carry secrets
        return f"HttpRequest({self.method} {self.path}, {len(self.body)} bytes)"


class HttpAnswer(msgspec.Struct, frozen=True):
    """An answer; ``body`` is decompressed. ``delay_s``: how long a server holds it back, seconds; a paper server's
    faults set it, and whoever carries the answer waits. ``rest``: what follows the body, piece by piece, where a server
    has more to say than it wants to hold at once; whoever carries the answer takes it as far as the other side reads.
    What a client gets is whole, and has none."""

    status: int
    headers: dict[str, str]
    body: bytes
    delay_s: float = 0.0
    rest: Iterator[bytes] | None = None

    def __repr__(self) -> str:
        return f"HttpAnswer({self.status}, {len(self.body)} bytes)"


def header(headers: Mapping[str, str], name: str) -> str | None:
    """The value of a header, its name in any case; None where there is none."""
    wanted = name.lower()
    return next((value for key, value in headers.items() if key.lower() == wanted), None)


def query_text(pairs: Iterable[tuple[str, str]]) -> str:
    """The query string of these pairs in their order, encoded as HTML forms are (a space is ``+``)."""
    return urlencode(list(pairs))


def query_pairs(text: str) -> list[tuple[str, str]]:
    """The pairs of a query string in their order, empty values kept. Raises ValueError where it is not UTF-8 or has
    more than `FIELDS_MAX` fields."""
    return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=FIELDS_MAX)
