"""ALP.COM's WebSocket, declared: where it is, which topics there are, how a client asks for them. How frames are read
stands in ``feed_read.py``, how the paper exchange writes them in ``feed_serve.py``.

Source: API reference of 2023, section WebSocket API (path ``/alp-ws``, as in the Python client), and of 2026 (path
``/ws``, without rates). Both paths are served in every dialect.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from nostro.domain.records import Fact, SubAccount
from nostro.exchanges.alp import words
from nostro.exchanges.alp.dialects import Dialect
from nostro.exchanges.alp.feed_read import read
from nostro.exchanges.alp.feed_serve import AlpFeed
from nostro.link.declare import Signing
from nostro.link.frames import ALL, Action, Feed, Topic

ORIGIN: Final = "wss://www.alp.com"
PATH: Final = "/alp-ws"
SHORT_PATH: Final = "/ws"
BALANCES: Final = "balances"

TOPICS: Final = (
    Topic(name="ticker", of="instrument", all=True, gives="ticker"),
    Topic(name="trade", of="instrument", all=True, gives="public_trade"),
    Topic(name="diff", of="instrument", all=False, gives="book_change"),
    Topic(name="market_depth", of="instrument", all=False, gives="order_book"),
)
RATES: Final = Topic(name="rates", of="asset", all=True, gives="rate")


def topic(name: str, of: str) -> str:
    """``of``: our name of an instrument, an asset, or ``*``."""
    return f"{name}.{of if of == ALL else words.pair(of)}"


def ask(action: Action, topics: Sequence[str], _: Mapping[str, str]) -> list[str]:
    return [json.dumps([action, *topics])]


def sign_in(signing: Signing) -> str:
    return json.dumps(["auth", signing.token])


def watched(_: Sequence[Fact]) -> Sequence[str]:
    """Who signed in hears all of the account."""
    return ()


def own(facts: Sequence[Fact]) -> str:
    """The login's own account: of those that it sees, the one whose master is not among them. *Ours*: frames are of the
    login's own account alone; where they told of its sub-accounts too, the next answer to a request would disagree with
    them (live 14)."""
    known = {each.native_id for each in facts}
    own = [each.native_id for each in facts if isinstance(each, SubAccount) and each.parent_id not in known]
    return own[0] or "" if len(own) == 1 else ""


def stream(fact: Fact) -> str:
    return {"balance": BALANCES, "order": "orders"}.get(fact.kind, "")


def feed(dialect: Dialect) -> Feed:
    paths = (SHORT_PATH, PATH) if dialect.short else (PATH, SHORT_PATH)
    topics = TOPICS if dialect.short else (*TOPICS, RATES)
    return Feed(
        url=ORIGIN + paths[0],
        paths=paths,
        topics=topics,
        private=("balance", "order"),
        topic=topic,
        ask=ask,
        sign_in=sign_in,
        read=read,
        serve=partial(AlpFeed, dialect=dialect, topics=topics),
        watched=watched,
        stream=stream,
        states=(BALANCES,),
        needs="sub_accounts",
        own=own,
    )
