"""ALP.COM, API v3, in three dialects. It decides nothing itself: it puts the table of
contents together that both sides read.

Source: API reference at https://alp.com/api (2023 and March 2026) and the exchange's Python client ``alpcom-api``.
"""

from __future__ import annotations

from typing import Final

from nostro.domain.values import parse_time
from nostro.exchanges.alp import ask, codec, do, refusals, routes, serve
from nostro.exchanges.alp.auth import AlpAuth
from nostro.exchanges.alp.dialects import DIALECTS, Dialect
from nostro.exchanges.alp.feed import feed
from nostro.link.declare import Exchange

READER: Final = 2  # 2: isolated wallets by name, or added up
DEFAULT_DIALECT: Final = "cli"


def _exchange(dialect: Dialect) -> Exchange:
    return Exchange(
        id="alp",
        name="ALP.COM",
        dialect=dialect.id,
        reader=READER,
        url="https://www.alp.com/api/v3",
        opened_ns=parse_time("2016-01-01T00:00:00Z"),
        opened_source="the exchange opened as BTC-Alpha in late 2016; the beginning of that year is surely before it",
        document="API reference v3 of 2026" if dialect.short else "API reference v3 of 2023",
        routes=routes.routes(dialect),
        asks=ask.asks(dialect),
        dos=do.dos(dialect),
        serves=serve.serves(dialect),
        auth=AlpAuth(dialect),
        errors=refusals.errors_of,
        decode=codec.decode,
        encode_request=codec.encode_request,
        decode_request=codec.decode_request,
        encode_answer=codec.encode_answer,
        refusal=refusals.refusal,
        amounts="double",
        unsupported=("entries", "deposits", "withdrawals", *(each.name for each in ask.MARGIN))
        if dialect.short
        else (),
        feed=feed(dialect),
    )


EXCHANGES: Final = {dialect.id: _exchange(dialect) for dialect in DIALECTS}
