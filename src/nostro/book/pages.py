"""The journal: every answer as it was received, chained per account. It decides the canonical bytes of a page, how they
are hashed, compressed and numbered, and reads them back; it does not decide what a page says (``fold.py``).

h_0 is 32 zero bytes, h_s = SHA256(h_{s-1} + canonical(page_s)). The canonical bytes cover every member of a page; for
a secret page the SHA-256 and the length of its body stand in for the body, which is stored nowhere.
"""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import zstandard

from nostro.errors import ChainBroken
from nostro.link.declare import Claim, Page, Query

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nostro.book.engine import Engine
    from nostro.book.store import Words

ZERO_HASH: Final = bytes(32)
OURS: Final = "nostro"  # the exchange of the pages that we write ourselves
_LENGTH: Final = struct.Struct(">Q")
# What bytes that are no page raise where they are decompressed and parsed.
_UNREADABLE: Final = (zstandard.ZstdError, msgspec.MsgspecError, struct.error, ValueError)
_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
_DECODER: Final = msgspec.json.Decoder(Page)


class Entered(NamedTuple):
    """A page in the journal: its number, and when we knew it (received, made monotone per account)."""

    seq: int
    observed_ns: int
    page: Page


def canonical(page: Page) -> bytes:
    """All that is hashed: the length of the envelope, the envelope (every member but the body, as JSON), the body."""
    envelope = _ENCODER.encode(msgspec.structs.replace(page, body=b""))
    body = hashlib.sha256(page.body).digest() + _LENGTH.pack(len(page.body)) if page.secret else page.body
    return _LENGTH.pack(len(envelope)) + envelope + body


def parse(stored: bytes) -> Page:
    """The page of its canonical bytes; the body of a secret page is empty."""
    end = _LENGTH.size + _LENGTH.unpack_from(stored)[0]
    page = _DECODER.decode(memoryview(stored)[_LENGTH.size : end])
    return page if page.secret else msgspec.structs.replace(page, body=stored[end:])


def next_hash(previous: bytes, stored: bytes) -> bytes:
    return hashlib.sha256(previous + stored).digest()


def question(page: Page) -> bytes:
    """16 bytes that are equal for two pages that answer the same question."""
    return hashlib.sha256(_ENCODER.encode([page.stream, page.route, page.query])).digest()[:16]


def compressor() -> zstandard.ZstdCompressor:
    """For one thread: it keeps its tables between pages."""
    return zstandard.ZstdCompressor(level=3)


def decompress(content: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompress(content)


def page_of_ours(
    route: str, body: bytes, *, now_ns: int, stream: str | None = None, claims: tuple[Claim, ...] = ()
) -> Page:
    """What a person or nostro itself enters (an accepted break, a rollback), as a page of a route of ours. ``stream``:
    whose claims it makes, otherwise the route's own name."""
    return Page(
        exchange=OURS, dialect="", capability="", stream=stream or route, route=route, request="", query=Query(),
        sent_ns=now_ns, received_ns=now_ns, status=200, headers={}, body=body, claims=claims,
    )  # fmt: skip


class Journal:
    """The pages of all accounts, through one connection."""

    def __init__(self, engine: Engine, words: Words) -> None:
        self._engine = engine
        self._words = words
        self._compressor = compressor()

    def compress(self, stored: bytes) -> bytes:
        return self._compressor.compress(stored)

    def insert(self, account: int, page: Page, *, seq: int, observed_ns: int, previous: bytes) -> bytes:
        """Stores a page behind ``previous`` and gives its hash; the caller moves the head in the same transaction."""
        stored = canonical(page)
        hashed = next_hash(previous, stored)
        row = (account, seq, *self._searched(page, observed_ns), hashed, self.compress(stored))
        self._engine.insert("page", [row])
        return hashed

    def _searched(self, page: Page, observed_ns: int) -> tuple[int, int, bytes, int, int | None, int | None]:
        since_ns = min((claim.since_ns for claim in page.claims), default=None)
        until_ns = max((claim.until_ns for claim in page.claims), default=None)
        return observed_ns, self._words.number(page.stream), question(page), page.status, since_ns, until_ns

    def page(self, account: int, seq: int) -> Page:
        content = self._engine.value("SELECT content FROM page WHERE account = ? AND seq = ?", (account, seq))
        return parse(decompress(content))

    def observed_ns(self, account: int, seq: int) -> int:
        """When the page was known; 0 before the first."""
        query = "SELECT observed_ns FROM page WHERE account = ? AND seq = ?"
        return self._engine.value(query, (account, seq)) or 0

    def walk(
        self, account: int, *, after_seq: int = 0, until_seq: int | None = None, stream: str | None = None
    ) -> Iterator[Entered]:
        """The pages of one account, or of one stream of it, in their order."""
        query = "SELECT seq, observed_ns, content FROM page WHERE account = ? AND seq > ? AND seq <= ?"
        bounds: list[int] = [account, after_seq, 2**62 if until_seq is None else until_seq]
        if stream is not None:  # +: found by stream, not by number
            query = query.replace("AND seq <=", "AND +seq <=") + " AND stream = ?"
            bounds.append(self._words.number_or_none(stream) or 0)
        for seq, observed_ns, content in self._engine.rows(f"{query} ORDER BY seq", bounds, wide=True):
            yield Entered(seq, observed_ns, parse(decompress(content)))

    def known_seq(self, account: int, known_at_ns: int | None, *, head: int) -> int:
        """The number of the last page that was known at that time (all pages for None), by bisection: observed times
        never fall along a chain."""
        low, high = 0, head
        if known_at_ns is None:
            return high
        while low < high:
            middle = (low + high + 1) // 2
            if self.observed_ns(account, middle) <= known_at_ns:
                low = middle
            else:
                high = middle - 1
        return low

    def check(self, account: int, name: str, *, head: int, head_hash: bytes) -> Iterator[int]:
        """Walks the chain from its start, and gives the number of each page as it is found to be good. Raises
        `ChainBroken` at the first that does not follow, whose copied columns differ from its content, or is missing."""
        previous, expected, observed_ns = ZERO_HASH, 1, 0
        query = "SELECT seq, observed_ns, stream, question, status, claims_since_ns, claims_until_ns, hash, content"
        for row in self._engine.rows(f"{query} FROM page WHERE account = ? ORDER BY seq", (account,), wide=True):
            seq = row[0]
            try:
                stored = decompress(row[8])
                page = parse(stored)
            except _UNREADABLE as error:
                raise _broken(name, expected) from error
            observed_ns = max(observed_ns, page.received_ns)
            previous = next_hash(previous, stored)
            if seq != expected or row[7] != previous or row[1:7] != self._searched(page, observed_ns):
                raise _broken(name, expected)
            yield expected
            expected += 1
        if (expected - 1, previous) != (head, head_hash):
            raise _broken(name, expected)


def _broken(account: str, seq: int) -> ChainBroken:
    message = f"page {seq} of account {account} does not follow from the page before it: altered, deleted or reordered"
    return ChainBroken(message, hint="restore a backup; the pages before it are good", account=account)
