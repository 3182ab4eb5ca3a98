"""The envelopes of GRVT's sockets: calls and answers of JSON-RPC, subscriptions, frames of streams, and the older form
of a subscription. It decides their members and order (the lite names follow from it, ``lite.py``); what frames carry
stands in ``messages.py`` and ``orders.py``.

Source: the exchange's ``api-spec``, structures of JSON-RPC and of WebSocket subscriptions; a capture shows sequence
numbers of a confirmation as texts, the documentation as numbers: texts are sent, as in frames.
"""

from __future__ import annotations

from typing import Any

from msgspec import Raw

from nostro.domain.values import ABSENT
from nostro.exchanges.grvt.messages import Message, Number

VERSION = "2.0"


class RpcCall(Message, frozen=True, kw_only=True):
    """A capture shows an empty ``jsonrpc``: it is not looked at."""

    jsonrpc: str | None = None
    method: str
    params: Raw = ABSENT
    id: Number | None = None


class RpcFault(Message, frozen=True, kw_only=True):
    code: int
    message: str


class RpcAnswer(Message, frozen=True, kw_only=True):
    """``result``: the whole answer of the route, or ``error``."""

    jsonrpc: str
    result: Any = None
    error: RpcFault | None = None
    id: Number | None = None
    method: str | None = None


class Subscription(Message, frozen=True, kw_only=True):
    stream: str
    selectors: list[str] | None = None
    use_global_sequence_number: bool | None = None


class Subscribed(Message, frozen=True, kw_only=True):
    """Lists in the order of ``subs``."""

    stream: str
    subs: list[str]
    unsubs: list[str]
    num_snapshots: list[int]
    first_sequence_number: list[str]
    latest_sequence_number: list[str]


class LegacyCall(Message, frozen=True, kw_only=True):
    """Its own names are always the full ones; ``is_full`` says in which answers and frames come."""

    request_id: Number | None = None
    stream: str
    feed: list[str]
    method: str
    is_full: bool | None = None


class LegacySubscribed(Message, frozen=True, kw_only=True):
    request_id: Number | None = None
    stream: str
    subs: list[str]
    unsubs: list[str]
    num_snapshots: list[int]
    first_sequence_number: list[str]
    latest_sequence_number: list[str]


class Frame(Message, frozen=True, kw_only=True):
    """``sequence_number`` 0: a snapshot; else it follows ``prev_sequence_number`` in its stream and selector."""

    stream: str
    selector: str
    sequence_number: str
    feed: Any
    prev_sequence_number: str


class Received(Message, frozen=True, kw_only=True):
    """Whatever a client can get: an answer, a frame, or an older form of either."""

    jsonrpc: str | None = None
    result: Raw = ABSENT
    error: RpcFault | None = None
    id: Number | None = None
    method: str | None = None


class FrameReceived(Message, frozen=True, kw_only=True):
    stream: str
    selector: str
    sequence_number: Number
    feed: Raw
    prev_sequence_number: Number | None = None


class SubscribedReceived(Message, frozen=True, kw_only=True):
    stream: str | None = None
    subs: list[str] | None = None
    unsubs: list[str] | None = None
