"""The base of all facts: their stamp, and the words that hold for every one of them. Which facts there are stands in
``records.py`` and ``contracts.py``.

An amount is an exact `Decimal`; None means *not known*, never zero; a time ends in ``_ns`` and counts nanoseconds since
1970 UTC; an asset is the exchange's own code (``BTC``), an instrument is ``BASE/QUOTE``, a contract
``BASE/QUOTE:SETTLE``; a fee is positive when paid; amounts of orders and fills are positive and their ``side`` tells
the direction, changes of a balance are signed (positive into the account). What the wire says beyond these fields
stands in ``extra`` as text, under the wire's own names.
"""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar, Final

import msgspec


class Fact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every fact carries.

    ``exchange, account, observed_ns, page, offset`` are its *stamp*: where and when we learned it (``page`` is the
    sequence number of its page in the account's journal, 0 where nothing is stored, ``offset`` its row there).
    All else is its *content*. ``effective_ns``: when it happened; for a state, when it was seen. ``native_id``: the
    exchange's own id, None where the wire gives none. ``sub_account`` and ``wallet`` are "" where they do not apply.
    An isolated margin wallet is named with its instrument, ``isolated_margin:BTC/USDT``; alone where the wire does not
    say which.
    """

    kind: ClassVar[str] = ""

    exchange: str = ""
    account: str = ""
    observed_ns: int = 0
    page: int = 0
    offset: int = 0
    sub_account: str = ""
    wallet: str = ""
    native_id: str | None = None
    effective_ns: int | None = None
    extra: dict[str, str] = {}


STAMP: Final = ("exchange", "account", "observed_ns", "page", "offset")


class Balance(Fact, frozen=True, kw_only=True):
    """One asset in one wallet, as the exchange reports it. Units of ``asset``; negative values are kept.

    ``total`` = ``free`` + ``used``; ``used`` is held by open orders and pending withdrawals. ``updated_ns``: when
    the exchange says that it last changed. Where the exchange says what it is worth, in USD: ``index_price`` and
    ``entry_price`` of one unit, ``realized_pnl`` and ``unrealized_pnl`` of holding it, ``value`` of all of it and
    ``collateral_value`` after the haircut; ``transferable``: units that may leave the wallet."""

    kind: ClassVar[str] = "balance"
    asset: str
    total: Decimal | None = None
    free: Decimal | None = None
    used: Decimal | None = None
    updated_ns: int | None = None
    index_price: Decimal | None = None
    entry_price: Decimal | None = None
    realized_pnl: Decimal | None = None
    unrealized_pnl: Decimal | None = None
    value: Decimal | None = None
    collateral_value: Decimal | None = None
    transferable: Decimal | None = None
