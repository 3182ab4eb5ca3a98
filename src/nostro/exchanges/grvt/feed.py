"""GRVT's sockets, declared: where they are, which streams of an account there are, how a client asks for them. How
frames are read stands in ``feed_read.py``, how the paper exchange writes them in ``feed_serve.py``.

A session's headers go in the upgrade. The streams of markets are at another host of the live exchange and are not asked
for on our side; the paper exchange has them at the same one. A topic is a stream and its selector, the number of a
sub-account, the address of a main account where money comes and goes.

Source: the exchange's documentation, WebSocket streams; ccxt.pro's interval of signs of life is 5 minutes, ours
shorter.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from nostro.domain.records import Fact, SubAccount
from nostro.exchanges.grvt.auth import session_headers
from nostro.exchanges.grvt.feed_messages import VERSION
from nostro.exchanges.grvt.feed_read import read_frame
from nostro.exchanges.grvt.feed_read import topic as topic_text
from nostro.exchanges.grvt.feed_serve import FULL_PATH, LEGACY_PATH, LITE_PATH, GrvtFeed
from nostro.exchanges.grvt.routes import Form
from nostro.link.declare import Signing
from nostro.link.frames import Action, Feed, Topic

ORIGIN: Final = "wss://trades.grvt.io"
PING_EVERY_S: Final = 30

_GIVES: Final = {
    "v1.order": "order", "v1.state": "order", "v1.position": "position", "v1.fill": "fill",
    "v1.transfer": "transfer", "v1.deposit": "transfer", "v1.withdrawal": "transfer",
}  # fmt: skip
WATCHED: Final = ("v1.order", "v1.position", "v1.fill")
_STREAMS: Final = {"order": "orders", "position": "positions", "fill": "fills"}
TOPICS: Final = tuple(
    Topic(name=stream, of="account", all=False, gives=gives, private=True, numbered=True)
    for stream, gives in _GIVES.items()
)


def topic(name: str, of: str) -> str:
    """``of``: a sub-account or a main account."""
    return topic_text(name, of)


def ask(form: Form, action: Action, topics: Sequence[str], _: Mapping[str, str]) -> list[str]:
    """A message for each topic, numbered in their order."""
    return [_message(form, action, each, number) for number, each in enumerate(topics, 1)]


def _message(form: Form, action: Action, topic: str, number: int) -> str:
    stream, _, selector = topic.partition(" ")
    if form == "lite":
        return json.dumps({"j": VERSION, "m": action, "p": {"s": stream, "s1": [selector]}, "i": number})
    params = {"stream": stream, "selectors": [selector]}
    return json.dumps({"jsonrpc": VERSION, "method": action, "params": params, "id": number})


def sign_in(_: Signing) -> str:
    """The headers of the upgrade do."""
    return ""


def watched(facts: Sequence[Fact]) -> Sequence[str]:
    """Of every sub-account. The stream of states says nothing that the orders' own does not (Source: its documentation:
    the same updates, for less to carry); what moves a main account's money has no id in frames: its histories tell
    it."""
    subs = [each.native_id for each in facts if isinstance(each, SubAccount) and each.native_id]
    return [topic_text(stream, each) for each in subs for stream in WATCHED]


def stream(fact: Fact) -> str:
    return _STREAMS.get(fact.kind, "")


def feed(form: Form) -> Feed:
    own, other = (FULL_PATH, LITE_PATH) if form == "full" else (LITE_PATH, FULL_PATH)
    return Feed(
        url=ORIGIN + own,
        paths=(own, other, LEGACY_PATH),
        topics=TOPICS,
        private=("order", "position", "fill", "transfer"),
        topic=topic,
        ask=partial(ask, form),
        sign_in=sign_in,
        read=partial(read_frame, form),
        serve=GrvtFeed,
        headers=session_headers,
        ping_every_s=PING_EVERY_S,
        watched=watched,
        stream=stream,
        states=("positions",),
        needs="sub_accounts",
    )
