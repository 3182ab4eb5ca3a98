"""GRVT, its API of 2026, in two dialects: the full and the lite encoding of the same messages. It decides nothing
itself: it puts the table of contents together that both sides read.

Source: https://api-docs.grvt.io, the exchange's machine-readable ``api-spec`` (May 2026), its client ``grvt-pysdk``
0.2.1 and ccxt 4.5.90. Live addresses are those of the production environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from nostro.domain.values import parse_time
from nostro.exchanges.grvt import ask, codec, do, refusals, routes, serve
from nostro.exchanges.grvt.auth import GrvtAuth
from nostro.exchanges.grvt.feed import feed
from nostro.exchanges.grvt.routes import Form
from nostro.link.declare import Exchange

READER: Final = 1
DEFAULT_DIALECT: Final = "full"
URL: Final = "https://trades.grvt.io"
HOSTS: Final = MappingProxyType({routes.EDGE: "https://edge.grvt.io", routes.MARKET: "https://market-data.grvt.io"})
FORMS: Final[tuple[Form, ...]] = ("full", "lite")


def _exchange(form: Form) -> Exchange:
    return Exchange(
        id="grvt",
        name="GRVT",
        dialect=form,
        reader=READER,
        url=URL,
        hosts=HOSTS,
        opened_ns=parse_time("2024-01-01T00:00:00Z"),
        opened_source="its mainnet opened in December 2024; the beginning of that year is surely before it",
        document="API documentation of May 2026",
        routes=routes.routes(form),
        asks=ask.asks(form),
        dos=do.dos(form),
        serves=serve.serves(form),
        auth=GrvtAuth(),
        errors=refusals.errors_of,
        decode=codec.decode,
        encode_request=codec.encode_request,
        decode_request=codec.decode_request,
        encode_answer=codec.encode_answer,
        refusal=refusals.refusal,
        members=("key", "private_key", "sub_account_id"),
        feed=feed(form),
    )


EXCHANGES: Final[Mapping[str, Exchange]] = {form: _exchange(form) for form in FORMS}
