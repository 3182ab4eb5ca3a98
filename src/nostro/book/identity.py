"""When two rows are the same row. It decides a row's identity from what its page says, and nothing else; whether the
row is held, changed or aliased is decided elsewhere (``held.py``, ``fold.py``).

The identity of an event is (exchange, account, stream, kind, native id, leg), or, where the wire gives no id, the hash
of the stream's identity fields and its time, plus the ordinal among identical rows of one whole timestamp: a page holds
every row of the timestamps it takes, so that genuine twins count as two. All other fields are versioned, never hashed.
The identity of a state (a balance, a loan, a fee rule) is its native id or its subject: which wallet and asset, whose
rule.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import msgspec

from nostro.domain.records import Fact, content, digest
from nostro.domain.subjects import SUBJECTS, leg
from nostro.domain.values import canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nostro.link.declare import Stream

# A wallet has one balance of an asset, an instrument one position a side: listed twice it is still one, where rules may
# be alike.
_ALONE: Final = frozenset({"balance", "margin_summary", "position", "leverage"})
# Events of streams that declare no identity of their own.
_NAMED_BY: Final[Mapping[str, tuple[str, ...]]] = {"candle": ("instrument", "interval_s")}
_ENCODER: Final = msgspec.json.Encoder(enc_hook=str)  # `str`: a word of a wire that is none of ours


class Row(msgspec.Struct):
    """One row of a page, ready to be compared with what is held. ``target`` is the identity under which it is kept: its
    own, unless that is an alias. ``native``: whether the identity is the exchange's own id."""

    fact: Fact
    identity: bytes
    target: bytes
    native: bool
    effective_ns: int
    content: bytes
    digest: bytes

    def say(self, fact: Fact) -> None:
        """Lets the row say this instead: what is known of it otherwise is taken in."""
        self.fact, self.content = fact, content(fact)
        self.digest = digest(self.content)
        self.effective_ns = self.effective_ns if fact.effective_ns is None else fact.effective_ns


def rows(
    facts: Iterable[Fact], *, exchange: str, account: str, stream: str, declared: Stream | None, observed_ns: int
) -> Iterator[Row]:
    """The rows of one page, in its order."""
    start = hashlib.sha256(_ENCODER.encode([exchange, account, stream]))
    ordinals: Counter[bytes] = Counter()
    for fact in facts:
        stored = content(fact)
        effective_ns = observed_ns if fact.effective_ns is None else fact.effective_ns
        native = fact.native_id is not None
        hashed = start.copy()
        hashed.update(_ENCODER.encode(_named(fact, declared, effective_ns, stored)))
        identity = hashed.digest()[:16]
        if not native and fact.kind not in _ALONE:
            ordinals[identity] += 1
            hashed.update(b"%d" % ordinals[identity])
            identity = hashed.digest()[:16]
        yield Row(fact, identity, identity, native, effective_ns, stored, digest(stored))


def _named(fact: Fact, declared: Stream | None, effective_ns: int, stored: bytes) -> list[str | int | bool | None]:
    """What names a row, without its ordinal."""
    if fact.native_id is not None:
        return [fact.kind, fact.native_id, leg(fact)]
    if fact.kind in SUBJECTS:
        return [fact.kind, "", *_plain(fact, SUBJECTS[fact.kind])]
    fields = declared.identity if declared is not None and declared.identity else _NAMED_BY.get(fact.kind)
    if fields:
        return [fact.kind, "", effective_ns, *_plain(fact, fields)]
    return [fact.kind, "", effective_ns, stored.decode()]


def _plain(fact: Fact, fields: Iterable[str]) -> Iterator[str | int | bool | None]:
    """The values of fields; equal amounts are one text."""
    for field in fields:
        value = getattr(fact, field)
        yield canonical(value) if isinstance(value, Decimal) else value
