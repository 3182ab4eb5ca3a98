"""The enumerations of ALP.COM and our words for them. It decides which spellings are read and which one each word is
written with; which rows carry them stands in ``messages.py``.

Source: the API reference of 2023, section Constants, and the tables of the order and withdraw requests, which spell
some of them differently (wallets, the side ``ASC``, long names of time in force); the Python client's values; the
reference of 2026 (``PARTIAL_CANCELED``, intervals ``1`` and ``1D``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from nostro.domain.values import token
from nostro.link.commands import BARE_ISOLATED, ISOLATED

WALLETS: Final[Mapping[str, str]] = {
    "SPOT": "spot",
    "CROSS_MARGIN": "cross_margin", "MARGIN_CROSS": "cross_margin",
    "ISOLATED_MARGIN": "isolated_margin", "MARGIN_ISOLATED": "isolated_margin",
    "FUNDING": "funding",
}  # fmt: skip
WALLETS_WRITTEN: Final[Mapping[str, str]] = {
    "spot": "SPOT", "cross_margin": "CROSS_MARGIN", "isolated_margin": "ISOLATED_MARGIN", "funding": "FUNDING",
}  # fmt: skip


# `ASC` stands in the order table of 2023 where `ASK` must be meant.
SIDES: Final[Mapping[str, str]] = {
    "BID": "buy", "BUY": "buy", "ASK": "sell", "SELL": "sell", "ASC": "sell", "buy": "buy", "sell": "sell",
}  # fmt: skip
SIDES_WRITTEN: Final[Mapping[str, str]] = {"buy": "BID", "sell": "ASK"}

TYPES: Final[Mapping[str, str]] = {
    "MARKET": "market", "LIMIT": "limit", "STOP_LIMIT": "stop_limit", "STOP_MARKET": "stop_market",
}  # fmt: skip
TYPES_WRITTEN: Final = {word: raw for raw, word in TYPES.items()}

TIMES_IN_FORCE: Final[Mapping[str, str]] = {
    "GTC": "gtc", "GOOD_TILL_CANCEL": "gtc",
    "IOC": "ioc", "IMMEDIATE_OR_CANCEL": "ioc",
    "AON": "aon", "ALL_OR_NONE": "aon",
    "FOK": "fok", "FILL_OR_KILL": "fok",
}  # fmt: skip
TIMES_IN_FORCE_WRITTEN: Final[Mapping[str, str]] = {"gtc": "GTC", "ioc": "IOC", "aon": "AON", "fok": "FOK"}
NO_TIME_IN_FORCE: Final = "UNDEFINED_TIME_IN_FORCE"

STOP_OPERATORS: Final[Mapping[str, str]] = {"GTE": "gte", "LTE": "lte"}
# `AUTO_REPLAY` is the document's spelling.
SIDE_EFFECTS: Final[Mapping[str, str]] = {
    "NO_SIDE_EFFECT": "none", "AUTO_BORROW": "auto_borrow", "AUTO_REPLAY": "auto_repay", "AUTO_REPAY": "auto_repay",
}  # fmt: skip
SIDE_EFFECTS_WRITTEN: Final[Mapping[str, str]] = {
    "none": "NO_SIDE_EFFECT", "auto_borrow": "AUTO_BORROW", "auto_repay": "AUTO_REPLAY",
}  # fmt: skip

# Requests and the client have `LOAN_MANUAL`, the document's examples of answers `AUTO`.
LOAN_TYPES: Final[Mapping[str, str]] = {
    "LOAN_MANUAL": "manual", "MANUAL": "manual", "LOAN_AUTO": "auto", "AUTO": "auto",
}  # fmt: skip
LOAN_TYPES_WRITTEN: Final[Mapping[str, str]] = {"manual": "LOAN_MANUAL", "auto": "LOAN_AUTO"}
# *Ours*: `ADD` goes from the spot wallet into the other one, `SUB` back; no document says it.
DIRECTIONS: Final[Mapping[str, str]] = {"ADD": "add", "SUB": "sub"}
DIRECTIONS_WRITTEN: Final[Mapping[str, str]] = {"add": "ADD", "sub": "SUB"}
DEBTS_END: Final = frozenset({"closed"})  # ours: the wire has no status of a borrowing or a liquidation

ORDER_STATUSES: Final[Mapping[str, str]] = {
    "PENDING": "pending", "OPEN": "open", "PARTIAL_FILLED": "partially_filled", "FILLED": "filled",
    "CANCELLED": "canceled", "CANCELED": "canceled",
    "PARTIAL_CANCELLED": "partially_canceled", "PARTIAL_CANCELED": "partially_canceled",
    "EXPIRED": "expired", "FAILED": "rejected",
}  # fmt: skip
ORDER_STATUSES_WRITTEN: Final[Mapping[str, str]] = {
    "pending": "PENDING", "open": "OPEN", "partially_filled": "PARTIAL_FILLED", "filled": "FILLED",
    "canceled": "CANCELLED", "partially_canceled": "PARTIAL_CANCELLED", "expired": "EXPIRED",
}  # fmt: skip
ORDERS_END: Final = frozenset({"filled", "canceled", "partially_canceled", "expired", "rejected"})

DEPOSIT_STATUSES: Final[Mapping[str, str]] = {
    "PENDING": "pending", "MODERATION": "moderation", "CONFIRMED": "done", "REJECTED": "rejected",
}  # fmt: skip
# `COMPLETED` stands in the document's example of a withdrawal, `DONE` in its list.
WITHDRAW_STATUSES: Final[Mapping[str, str]] = {
    "NEW": "pending", "CONFIRMED": "pending", "VERIFIED": "pending", "MODERATION": "moderation",
    "APPROVED": "approved", "SUSPENDED": "suspended", "DONE": "done", "COMPLETED": "done",
    "REFUSED": "rejected", "CANCELED": "canceled", "CANCELLED": "canceled",
}  # fmt: skip
TRANSFERS_END: Final = frozenset({"done", "rejected", "canceled"})

CANCELED: Final = "CANCELLED"
ORDER_NOT_FOUND: Final = "order not found"

# Seconds of a chart's interval: names and minutes (2023), texts (2026).
INTERVALS_S: Final[Mapping[str, int]] = {
    "1": 60, "5": 300, "15": 900, "30": 1800, "60": 3600, "240": 14_400, "1440": 86_400, "1D": 86_400,
    "FIVE_MIN": 300, "FIFTEEN_MINS": 900, "HALF_HOUR": 1800, "HOUR": 3600, "FOUR_HOURS": 14_400, "DAY": 86_400,
}  # fmt: skip


def instrument(pair: str) -> str:
    """Our name of a pair: the wire writes both ``BTC_USDT`` and ``BTC/USDT``."""
    return pair if "/" in pair else pair.replace("_", "/", 1)


def wallet(raw: str, pair: object = None) -> str:
    """Our name of a wallet, `Unknown` for none of the wire's. An isolated one is its pair's, where that is said."""
    word = token(WALLETS, raw)
    return f"{ISOLATED}{instrument(pair)}" if word == BARE_ISOLATED and isinstance(pair, str) and pair else word


def wallet_written(wallet: str) -> tuple[str, str | None]:
    """The wire's wallet, and our instrument where it is isolated. What is no wallet is written as it is."""
    name, _, symbol = wallet.partition(":")
    return WALLETS_WRITTEN.get(name, wallet), symbol or None


def pair(instrument: str, separator: str = "_") -> str:
    """The wire's name; requests always take ``BTC_USDT``."""
    return instrument.replace("/", separator, 1)
