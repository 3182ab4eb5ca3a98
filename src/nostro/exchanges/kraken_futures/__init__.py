"""Kraken Futures, REST and WebSocket v1. It decides nothing itself: it puts the table of contents together that both
sides read.

Source: docs.kraken.com, *Futures*, as of May 2026; python-kraken-sdk 3.5.1 and ccxt 4.5.90. The exchange's own demo
ended on 14 July 2026: the paper exchange is its test mode.
"""

from __future__ import annotations

from typing import Final

from nostro.domain.values import parse_time
from nostro.exchanges.kraken_futures import ask, codec, do, refusals, routes, serve, words
from nostro.exchanges.kraken_futures.auth import KrakenAuth
from nostro.exchanges.kraken_futures.feed import FEED
from nostro.link.declare import Exchange

READER: Final = 1
DEFAULT_DIALECT: Final = "v3"

EXCHANGE: Final = Exchange(
    id="kraken_futures",
    name="Kraken Futures",
    dialect=DEFAULT_DIALECT,
    reader=READER,
    url="https://futures.kraken.com",
    opened_ns=parse_time("2015-01-01T00:00:00Z"),
    opened_source="Crypto Facilities, which became it, opened in 2015; the beginning of that year is surely before it",
    document="docs.kraken.com, Futures, May 2026",
    routes=routes.ROUTES,
    asks=ask.ASKS,
    dos=do.DOS,
    serves=serve.SERVES,
    auth=KrakenAuth(),
    errors=refusals.errors_of,
    decode=codec.decode,
    encode_request=codec.encode_request,
    decode_request=codec.decode_request,
    encode_answer=codec.encode_answer,
    refusal=refusals.refusal,
    refused=refusals.is_refused,
    amounts="double",
    look_s=120,  # one costs 12 tokens of the hundred that ten minutes give; the rest is for what must not wait
    booked=words.BOOKED,
    feed=FEED,
)
EXCHANGES: Final = {DEFAULT_DIALECT: EXCHANGE}
