"""The enumerations of Kraken Futures and our words for them, and how its names of contracts, currencies and accounts
become ours. It decides which spellings are read and which one each word is written with; which rows carry them stands
in ``messages.py`` and its neighbours.

Bitcoin is ``XBT`` on this wire, in contracts as in currencies, and ``BTC`` in later documents: it is read as ``BTC``.
The cash account is the wallet ``spot``, ``flex`` is ``futures``, a margin account ``fi_xbtusd`` is ``futures:BTC/USD``.
*Ours*: the collateral of an isolated contract is an account of its own, named like the contract in small letters.
Source: Kraken Futures documentation, get-accounts, send-order, get-order-status, account-log, order-events;
python-kraken-sdk 3.5.1 and ccxt 4.5.90 (which spellings they send and take).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from nostro.domain.values import Unknown, token
from nostro.link.commands import FUTURES, ISOLATED, MARGIN_ACCOUNT

_ASSETS: Final[Mapping[str, str]] = {"XBT": "BTC", "BTC": "BTC"}
_CODES: Final[Mapping[str, str]] = {"BTC": "XBT"}
# Perpetual and dated contracts: inverse ones are settled in their base, the others in their quote.
_CONTRACT: Final = re.compile(r"(PI|FI|PF|FF)_([A-Z0-9]{2,12})(USD|EUR|GBP)(?:_([0-9]{6}))?", re.ASCII)
_INSTRUMENT: Final = re.compile(r"([A-Z0-9]+)/([A-Z0-9]+):([A-Z0-9]+)(?:-([0-9]{6}))?", re.ASCII)
_LEVERS: Final = re.compile(r"F[IV]_([A-Z0-9]{2,12})(USD|EUR|GBP)", re.ASCII)

CASH: Final = "cash"
FLEX: Final = "flex"
SPOT: Final = "spot"
EXCHANGE_SPOT: Final = "funding"  # *ours*: the venue's wallet that stands for the same person's account at Kraken

SIDES: Final[Mapping[str, str]] = {"buy": "buy", "sell": "sell", "Buy": "buy", "Sell": "sell"}
DIRECTIONS_WRITTEN: Final[Mapping[str, str]] = {"buy": "Buy", "sell": "Sell"}
POSITION_SIDES: Final[Mapping[str, int]] = {"long": 1, "short": -1}

# What an order is sent as: type and time in force, and whether it may only rest.
SENT: Final[Mapping[str, tuple[str, str, bool]]] = {
    "lmt": ("limit", "gtc", False), "post": ("limit", "gtc", True), "ioc": ("limit", "ioc", False),
    "fok": ("limit", "fok", False), "mkt": ("market", "ioc", False), "stp": ("stop", "gtc", False),
    "take_profit": ("stop", "gtc", False), "trailing_stop": ("trailing", "gtc", False),
}  # fmt: skip
# What the lists and histories call it: open orders, order objects of events, the history's own spelling.
TYPES: Final[Mapping[str, str]] = {
    "lmt": "limit", "post": "limit", "ioc": "limit", "fok": "limit", "mkt": "market", "liquidation": "market",
    "Limit": "limit", "Post": "limit", "IoC": "limit", "FoK": "limit", "Market": "market", "Liquidation": "market",
    "limit": "limit", "market": "market",
}  # fmt: skip
STOPS: Final = frozenset({"stop", "stp", "take_profit", "trailing_stop"})
HISTORY_TYPES_WRITTEN: Final[Mapping[str, str]] = {
    "lmt": "Limit", "post": "Post", "ioc": "IoC", "fok": "FoK", "mkt": "Market", "liquidation": "Liquidation",
}  # fmt: skip
TIMES_IN_FORCE: Final[Mapping[str, str]] = {
    "ioc": "ioc", "IoC": "ioc", "mkt": "ioc", "Market": "ioc", "market": "ioc", "fok": "fok", "FoK": "fok",
    "liquidation": "ioc", "Liquidation": "ioc",
}  # fmt: skip

# `index` in the documents, `spot` for python-kraken-sdk, `spot_price` and `SPOT_PRICE` in answers.
TRIGGERS: Final[Mapping[str, str]] = {
    "mark": "mark", "index": "index", "spot": "index", "last": "last", "mark_price": "mark", "last_price": "last",
    "spot_price": "index", "MARK_PRICE": "mark", "LAST_PRICE": "last", "SPOT_PRICE": "index", "trade": "last",
}  # fmt: skip
TRIGGERS_WRITTEN: Final[Mapping[str, str]] = {"mark": "mark", "last": "last", "index": "spot"}
TRIGGER_SIDES: Final[Mapping[str, str]] = {"gte": "trigger_above", "lte": "trigger_below"}

ORDER_STATUSES: Final[Mapping[str, str]] = {"untouched": "open", "partiallyFilled": "partially_filled"}
ORDERS_END: Final = frozenset({"filled", "canceled", "partially_canceled", "expired", "rejected"})

PLACED: Final = "placed"
EDITED: Final = "edited"
CANCELLED: Final = "cancelled"
NOT_FOUND: Final = "notFound"
FILLED: Final = "filled"
NO_ORDERS: Final = "noOrdersToCancel"

# Why a fill came to be: `fillType` of fills, `executionType` of the history.
MAKER: Final[Mapping[str, bool]] = {
    "maker": True, "taker": False, "takerAfterEdit": False, "liquidation": False, "assignee": False, "assignor": False,
    "unwindBankrupt": False, "unwindCounterparty": False,
}  # fmt: skip
FORCED: Final = frozenset({"liquidation", "assignor", "unwindBankrupt"})

# The account log's words for what happened; ours on the right, of the venue's entries.
TRADE: Final = "futures trade"
LIQUIDATION: Final = "futures liquidation"
COVERED: Final = "covered liquidation"  # *ours*: what the insurance fund gives or takes
FUNDING: Final = "funding rate change"
TRANSFER: Final = "transfer"
CROSS_EXCHANGE: Final = "cross-exchange transfer"
ADMIN: Final = "admin transfer"
SUB_TRANSFER: Final = "subaccount transfer"
INNER_MOVES: Final = frozenset({TRANSFER, SUB_TRANSFER})
MOVES: Final = frozenset({TRANSFER, SUB_TRANSFER, CROSS_EXCHANGE})
# What they mean to who keeps a ledger. A trade of a contract is one line: profit, fee and funding together.
BOOKED: Final[Mapping[str, str]] = {
    TRADE: "realized_pnl", LIQUIDATION: "realized_pnl", COVERED: "insurance", FUNDING: "funding",
    CROSS_EXCHANGE: "deposit_or_withdrawal", ADMIN: "fund", SUB_TRANSFER: "sub_account_transfer",
}  # fmt: skip
LOG_WRITTEN: Final[Mapping[str, str]] = {
    "realized_pnl": TRADE, "fee": TRADE, "funding": FUNDING, "isolate": TRANSFER, "transfer": TRANSFER,
    "liquidation": COVERED, "insurance": COVERED, "fund": ADMIN, "deposit": CROSS_EXCHANGE,
    "withdrawal": CROSS_EXCHANGE, "hold": CROSS_EXCHANGE, "release": CROSS_EXCHANGE,
}  # fmt: skip

# Seconds of a candle.
INTERVALS_S: Final[Mapping[str, int]] = {
    "1m": 60, "5m": 300, "15m": 900, "30m": 1800, "1h": 3600, "4h": 14_400, "12h": 43_200, "1d": 86_400, "1w": 604_800,
}  # fmt: skip


def asset(raw: str) -> str:
    """Our name of a currency, which the wire writes in either case."""
    upper = raw.upper()
    return _ASSETS.get(upper, upper)


def currency(asset: str) -> str:
    """The wire's name, in capitals."""
    return _CODES.get(asset, asset)


def instrument(symbol: str) -> str:
    """Our name of a contract, in either case: ``PF_XBTUSD`` is ``BTC/USD:USD``, ``PI_XBTUSD`` ``BTC/USD:BTC``, a dated
    one ends in ``-YYMMDD``. `Unknown` for what is no contract."""
    match = _CONTRACT.fullmatch(symbol.upper())
    if match is None:
        return Unknown(f"unknown:{symbol}")
    prefix, code, quote, ends = match.groups()
    base = asset(code)
    settle = base if prefix[1] == "I" else quote
    return f"{base}/{quote}:{settle}" + (f"-{ends}" if ends else "")


def symbol(instrument: str) -> str:
    """The wire's name of a contract; what is none is written as it is."""
    match = _INSTRUMENT.fullmatch(instrument)
    if match is None:
        return instrument
    base, quote, settle, ends = match.groups()
    kind = "I" if settle == base else "F"
    prefix = f"F{kind}" if ends else f"P{kind}"
    return f"{prefix}_{currency(base)}{quote}" + (f"_{ends}" if ends else "")


def wallet_of(instrument: str) -> str:
    """The wallet that backs a contract where nothing else is said: the margin account of an inverse one, else
    ``futures``."""
    pair, _, settle = instrument.partition(":")
    return f"{MARGIN_ACCOUNT}{pair}" if settle.partition("-")[0] == pair.partition("/")[0] else FUTURES


def wallet(account: str) -> str:
    """Our name of an account of the wire, in either case; `Unknown` for what is none. The log calls the wallet of a
    currency by its code, and margin accounts ``f-xbt:usd`` too."""
    upper = account.upper()
    if upper == CASH.upper():
        return SPOT
    if upper == FLEX.upper():
        return FUTURES
    levered = _LEVERS.fullmatch(upper.replace("F-", "FI_").replace(":", "") if upper.startswith("F-") else upper)
    if levered is not None:
        return f"{MARGIN_ACCOUNT}{asset(levered[1])}/{levered[2]}"
    contract = instrument(account)
    if not isinstance(contract, Unknown):
        return f"{ISOLATED}{contract}"
    return SPOT if re.fullmatch(r"[A-Z0-9]{2,10}", upper, re.ASCII) else Unknown(f"unknown:{account}")


def account(wallet: str) -> str:
    """The wire's account of a wallet; what is none is written as it is."""
    if wallet == SPOT:
        return CASH
    if wallet == FUTURES:
        return FLEX
    if wallet.startswith(MARGIN_ACCOUNT):
        base, _, quote = wallet[len(MARGIN_ACCOUNT) :].partition("/")
        return f"fi_{currency(base)}{quote}".lower()
    if wallet.startswith(ISOLATED):
        return symbol(wallet[len(ISOLATED) :]).lower()
    return wallet


def pair(instrument: str) -> str:
    """``XBT:USD``."""
    base, _, quote = instrument.partition(":")[0].partition("/")
    return f"{currency(base)}:{quote}"


def trigger(raw: str) -> str:
    return token(TRIGGERS, raw)
