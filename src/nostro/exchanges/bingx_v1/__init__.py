"""BingX's perpetual swap API v1, of when it was called Bingbon. It decides nothing itself: it puts the table of
contents together that both sides read.

Its host is gone: nobody has an account there. The wire lives on in the paper exchange, for programs that speak it, and
at whatever address a user gives. Source: seed of this wire, the documents of 2020 to 2023 and their examples.
"""

from __future__ import annotations

from typing import Final

from nostro.domain.values import parse_time
from nostro.exchanges.bingx_v1 import ask, codec, do, refusals, routes, serve
from nostro.exchanges.bingx_v1.auth import BingxAuth
from nostro.link.declare import Exchange

READER: Final = 1

EXCHANGE: Final = Exchange(
    id="bingx_v1",
    name="BingX",
    dialect="v1",
    reader=READER,
    url="",
    opened_ns=parse_time("2020-01-01T00:00:00Z"),
    opened_source="the first documents of this wire are of August 2020; the beginning of that year is surely before it",
    document="Perpetual Swap API v1 of 2020 to 2023",
    routes=routes.ROUTES,
    asks=ask.ASKS,
    dos=do.DOS,
    serves=serve.SERVES,
    auth=BingxAuth(),
    errors=refusals.errors_of,
    decode=codec.decode,
    encode_request=codec.encode_request,
    decode_request=codec.decode_request,
    encode_answer=codec.encode_answer,
    refusal=refusals.refusal,
    refused=refusals.is_refusal,
    amounts="double",
    unsupported=("fills", "entries", "deposits", "withdrawals", "funding_payments"),
)
EXCHANGES: Final = {EXCHANGE.dialect: EXCHANGE}
DEFAULT_DIALECT: Final = EXCHANGE.dialect
