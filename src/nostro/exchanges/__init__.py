"""The registry: which exchanges there are, under which names. It decides how a name becomes an `Exchange`; what an
exchange is stands in its own folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final

from nostro.errors import ExchangeUnknown
from nostro.exchanges import alp, bingx_v1, grvt, kraken_futures
from nostro.link.declare import Exchange

# Per id: its dialects, and the one that is meant where none is named.
EXCHANGES: Final[Mapping[str, tuple[Mapping[str, Exchange], str]]] = {
    "alp": (alp.EXCHANGES, alp.DEFAULT_DIALECT),
    "bingx_v1": (bingx_v1.EXCHANGES, bingx_v1.DEFAULT_DIALECT),
    "grvt": (grvt.EXCHANGES, grvt.DEFAULT_DIALECT),
    "kraken_futures": (kraken_futures.EXCHANGES, kraken_futures.DEFAULT_DIALECT),
}
# Names under which people look for them: as other programs spell them, and from before they were renamed.
OTHER_NAMES: Final[Mapping[str, str]] = {
    "alp.com": "alp", "alpcom": "alp", "btcalpha": "alp", "btc-alpha": "alp", "bingbon": "bingx_v1",
    "krakenfutures": "kraken_futures", "kraken-futures": "kraken_futures", "kraken futures": "kraken_futures",
    "cryptofacilities": "kraken_futures", "crypto facilities": "kraken_futures",
}  # fmt: skip


def exchange_ids() -> tuple[str, ...]:
    """The ids, in the order of the alphabet."""
    return tuple(sorted(EXCHANGES))


def dialects(id: str) -> tuple[str, ...]:  # noqa: A002 - the word of the registry
    """The dialects of an exchange, the default first. Raises `ExchangeUnknown`."""
    by_name, default = EXCHANGES[_id(id)]
    return (default, *(name for name in by_name if name != default))


def exchange(id: str, dialect: str | None = None) -> Exchange:  # noqa: A002 - the word of the registry
    """The exchange of that id or name, in any case. Raises `ExchangeUnknown`, which suggests near names."""
    found = _id(id)
    by_name, default = EXCHANGES[found]
    spoken = by_name.get(dialect or default)
    if spoken is None:
        raise ExchangeUnknown(
            f"{found} has no dialect {dialect!r}", hint=f"it has {', '.join(dialects(found))}", exchange=found
        )
    return spoken


def _id(name: str) -> str:
    wanted = name.strip().lower()
    found = OTHER_NAMES.get(wanted, wanted)
    if found not in EXCHANGES:
        near = get_close_matches(wanted, [*EXCHANGES, *OTHER_NAMES], n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(exchange_ids())}"
        raise ExchangeUnknown(f"no exchange is called {name[:40]!r}", hint=hint)
    return found
