"""What is asked of Kraken Futures, spelled as on the wire. It decides its members; ``ask.py`` and ``do.py`` fill them,
``given.py`` reads them.

All members are texts, as the wire carries them, and may be missing: what is missing or wrong is refused by ``given.py``
in the wire's words. ``path_*`` are parts of the path, not parameters; ``version`` is that of a history's path.
Source: Kraken Futures documentation, the parameters of each call; which ones python-kraken-sdk 3.5.1 and ccxt 4.5.90
send.
"""

from __future__ import annotations

import msgspec


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    pass


class Symbol(Request, frozen=True, kw_only=True):
    symbol: str | None = None


class PathSymbol(Request, frozen=True, kw_only=True):
    path_symbol: str | None = None


class Tickers(Request, frozen=True, kw_only=True, rename="camel"):
    symbol: list[str] = []


class PublicHistory(Request, frozen=True, kw_only=True, rename="camel"):
    """``lastTime``: before it, ISO 8601, or milliseconds as ccxt sends them."""

    symbol: str | None = None
    last_time: str | None = None


class Candles(Request, frozen=True, kw_only=True):
    """``from`` and ``to``: seconds. The path: trade, mark or spot; symbol; resolution."""

    path_type: str | None = None
    path_symbol: str | None = None
    path_resolution: str | None = None
    from_: str | None = msgspec.field(default=None, name="from")
    to: str | None = None


class Fills(Request, frozen=True, kw_only=True, rename="camel"):
    last_fill_time: str | None = None


class Events(Request, frozen=True, kw_only=True):
    """``since`` inclusive, ``before`` exclusive (*believed*), milliseconds; ``continuationToken`` is an old client's.
    The last members are of positions: which changes are wanted, all where none is named."""

    path_symbol: str | None = None
    version: str | None = None
    since: str | None = None
    before: str | None = None
    sort: str | None = None
    count: str | None = None
    tradeable: str | None = None
    continuation_token: str | None = msgspec.field(default=None, name="continuation_token")
    older_token: str | None = msgspec.field(default=None, name="continuationToken")
    opened: str | None = None
    closed: str | None = None
    increased: str | None = None
    decreased: str | None = None
    reversed: str | None = None
    no_change: str | None = msgspec.field(default=None, name="no_change")
    trades: str | None = None
    funding_realization: str | None = msgspec.field(default=None, name="funding_realization")
    settlement: str | None = None


class AccountLog(Request, frozen=True, kw_only=True):
    """``from`` and ``to``: ids, inclusive; ``info`` may be given several times."""

    since: str | None = None
    before: str | None = None
    from_: str | None = msgspec.field(default=None, name="from")
    to: str | None = None
    sort: str | None = None
    count: str | None = None
    info: list[str] = []
    conversion_details: str | None = msgspec.field(default=None, name="conversion_details")


class SetLeverage(Request, frozen=True, kw_only=True, rename="camel"):
    """Without ``maxLeverage`` the contract is in cross mode."""

    symbol: str | None = None
    max_leverage: str | None = None


class SetPnl(Request, frozen=True, kw_only=True, rename="camel"):
    symbol: str | None = None
    pnl_preference: str | None = None


class Strategy(Request, frozen=True, kw_only=True, rename="camel"):
    strategy: str | None = None


class Margin(Request, frozen=True, kw_only=True, rename="camel"):
    order_type: str | None = None
    symbol: str | None = None
    side: str | None = None
    size: str | None = None
    limit_price: str | None = None


# ── orders ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Send(Request, frozen=True, kw_only=True, rename="camel"):
    process_before: str | None = None
    order_type: str | None = None
    symbol: str | None = None
    side: str | None = None
    size: str | None = None
    limit_price: str | None = None
    stop_price: str | None = None
    cli_ord_id: str | None = None
    trigger_signal: str | None = None
    reduce_only: str | None = None
    trailing_stop_max_deviation: str | None = None
    trailing_stop_deviation_unit: str | None = None
    limit_price_offset_value: str | None = None
    limit_price_offset_unit: str | None = None
    broker: str | None = None


class Edit(Request, frozen=True, kw_only=True, rename="camel"):
    """A batch says ``order_id``. ``qtyMode``: RELATIVE, what is open becomes ``size`` (the default), or ABSOLUTE, all
    with what is filled."""

    process_before: str | None = None
    order_id: str | None = None
    batch_order_id: str | None = msgspec.field(default=None, name="order_id")
    cli_ord_id: str | None = None
    size: str | None = None
    limit_price: str | None = None
    stop_price: str | None = None
    trailing_stop_max_deviation: str | None = None
    trailing_stop_deviation_unit: str | None = None
    qty_mode: str | None = None


class Cancel(Request, frozen=True, kw_only=True, rename="camel"):
    process_before: str | None = None
    order_id: str | None = msgspec.field(default=None, name="order_id")
    cli_ord_id: str | None = None


class CancelsAfter(Request, frozen=True, kw_only=True):
    """``timeout``: whole seconds, 0 for never."""

    timeout: str | None = None


class Batch(Request, frozen=True, kw_only=True, rename="camel"):
    """``json`` is the text of ``{"batchOrder": [...]}``, in whichever form it came; ``ProcessBefore`` is the documents'
    spelling."""

    json: str | None = None
    process_before: str | None = None
    documented_before: str | None = msgspec.field(default=None, name="ProcessBefore")


class Statuses(Request, frozen=True, kw_only=True, rename="camel"):
    order_ids: list[str] = []
    cli_ord_ids: list[str] = []


# ── money ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Transfer(Request, frozen=True, kw_only=True, rename="camel"):
    """``unit``: the currency; accounts as ``accounts`` names them."""

    amount: str | None = None
    from_account: str | None = None
    to_account: str | None = None
    unit: str | None = None


class SubAccountTransfer(Request, frozen=True, kw_only=True, rename="camel"):
    """Users are the uids of ``subaccounts``."""

    amount: str | None = None
    from_account: str | None = None
    from_user: str | None = None
    to_account: str | None = None
    to_user: str | None = None
    unit: str | None = None


class Withdrawal(Request, frozen=True, kw_only=True, rename="camel"):
    """To the exchange's spot account."""

    amount: str | None = None
    currency: str | None = None
    source_wallet: str | None = None
    target_wallet: str | None = None
