"""Kraken Futures' WebSocket v1, declared: where it is, which feeds there are, how a client asks for them. How frames
are read stands in ``feed_read.py``, how the paper exchange writes them in ``feed_serve.py``.

A topic is the name of a feed, of a market's with its product: ``balances``, ``ticker:PI_XBTUSD``. A private one is
asked for with a challenge that the server gives and the key signs, once for a connection.
Source: Kraken Futures documentation, WebSocket API v1; pings as python-kraken-sdk and ccxt send them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

from nostro.domain.records import Fact, MarginSummary
from nostro.errors import BadValue
from nostro.exchanges.kraken_futures import words
from nostro.exchanges.kraken_futures.auth import signed
from nostro.exchanges.kraken_futures.feed_private import PRIVATE
from nostro.exchanges.kraken_futures.feed_read import read
from nostro.exchanges.kraken_futures.feed_serve import HEARTBEAT, KrakenFeed
from nostro.link.declare import Signing
from nostro.link.frames import ALL, Action, Feed, Topic

PING_EVERY_S: Final = 30
_GIVES: Final = {
    "account_balances_and_margins": "margin_summary", "balances": "balance", "open_positions": "position",
    "open_orders": "order", "open_orders_verbose": "order", "fills": "fill", "account_log": "entry",
    "notifications_auth": "",
}  # fmt: skip

WATCHED: Final = ("balances", "open_positions", "open_orders_verbose", "fills", "account_log")
_STREAMS: Final = {
    "balance": "balances", "margin_summary": "margin", "position": "positions", "order": "orders", "fill": "fills",
    "entry": "entries",
}  # fmt: skip

_NUMBERED: Final = ("account_balances_and_margins", "balances", "open_positions")

TOPICS: Final = (
    *(
        Topic(name=name, of="account", all=True, gives=_GIVES[name], private=True, numbered=name in _NUMBERED)
        for name in PRIVATE
    ),
    Topic(name="ticker", of="instrument", all=False, gives="ticker"),
    Topic(name="ticker_lite", of="instrument", all=False, gives="ticker"),
    Topic(name="trade", of="instrument", all=False, gives="public_trade"),
    Topic(name="book", of="instrument", all=False, gives="order_book", numbered=True),
    Topic(name=HEARTBEAT, of="account", all=True, gives=""),
)


def topic(name: str, of: str) -> str:
    """``of``: our name of a contract; ``*`` where a feed has no product."""
    return name if of == ALL else f"{name}:{words.symbol(of)}"


def ask(action: Action, topics: Sequence[str], proof: Mapping[str, str]) -> list[str]:
    """A message for each topic."""
    return [json.dumps(_asked(action, each, proof)) for each in topics]


def _asked(action: Action, topic: str, proof: Mapping[str, str]) -> dict[str, object]:
    feed, _, product = topic.partition(":")
    asked: dict[str, object] = {"event": action, "feed": feed}
    if feed in PRIVATE:
        return asked | dict(proof)
    return asked | {"product_ids": [product]} if product else asked


def sign_in(signing: Signing) -> str:
    """Raises `BadValue` where there is no key."""
    if signing.credentials is None:
        raise BadValue("the private feeds of Kraken Futures need a key", hint="open the account with key= and secret=")
    return json.dumps({"event": "challenge", "api_key": signing.credentials.key})


def prove(challenge: str, signing: Signing) -> dict[str, str]:
    """Raises `BadValue` for a secret that cannot sign."""
    assert signing.credentials is not None
    key, secret = signing.credentials.key, signing.credentials.secret
    return {"api_key": key, "original_challenge": challenge, "signed_challenge": signed(secret, challenge.encode())}


def watched(_: Sequence[Fact]) -> Sequence[str]:
    """The older feed of margin accounts says nothing that ``balances`` does not; the verbose feed of orders has all
    that the other has, and post-only orders that failed. Source: the documentation of each."""
    return WATCHED


def stream(fact: Fact) -> str:
    """What requests tell in another form, or not at all, is not kept: the parts of the multi-collateral wallet's
    margin. A stop that waits is told of by no history of ours (that of orders begins with its trigger), and by lists of
    what is open."""
    if isinstance(fact, MarginSummary) and fact.scope not in ("account", "margin_account"):
        return ""
    return _STREAMS.get(fact.kind, "")


FEED: Final = Feed(
    url="wss://futures.kraken.com/ws/v1",
    paths=("/ws/v1",),
    topics=TOPICS,
    private=("balance", "margin_summary", "position", "order", "fill", "entry"),
    topic=topic,
    ask=ask,
    sign_in=sign_in,
    read=read,
    serve=KrakenFeed,
    prove=prove,
    ping_every_s=PING_EVERY_S,
    watched=watched,
    stream=stream,
    states=("balances", "margin", "positions"),
)
