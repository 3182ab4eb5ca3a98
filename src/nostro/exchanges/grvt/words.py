"""The enumerations of GRVT, by name and number, and our words for them. It decides which spellings are read and which
one each word is written with; which members carry them stands in ``messages.py`` and ``orders.py``.

On the wire a member is its name, in both encodings. The numbers are the schema's; whether the exchange takes them is
not known: we read them, and names in any case, and write names.

Source: the exchange's ``api-spec`` (May 2026), enumerations; instrument names from its documentation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from nostro.domain.values import Unknown

Enumeration = Mapping[str, int]

MARGIN_TYPE: Final[Enumeration] = {"SIMPLE_CROSS_MARGIN": 2, "PORTFOLIO_CROSS_MARGIN": 3}
POSITION_MARGIN_TYPE: Final[Enumeration] = {"ISOLATED": 1, "CROSS": 2}
SUB_ACCOUNT_MODE: Final[Enumeration] = {"SINGLE_ASSET_MODE": 1}
POSITION_CLOSE_STATUS: Final[Enumeration] = {"CLOSED": 1, "LIQUIDATED": 2, "SETTLED": 3, "PARTIALLY_CLOSED": 4}
ORDER_STATUS: Final[Enumeration] = {"PENDING": 1, "OPEN": 2, "FILLED": 3, "REJECTED": 4, "CANCELLED": 5}
TIME_IN_FORCE: Final[Enumeration] = {
    "GOOD_TILL_TIME": 1, "ALL_OR_NONE": 2, "IMMEDIATE_OR_CANCEL": 3, "FILL_OR_KILL": 4, "RETAIL_PRICE_IMPROVEMENT": 5,
}  # fmt: skip
# 43 is used by none.
ORDER_REJECT_REASON: Final[Enumeration] = {
    "UNSPECIFIED": 0, "CLIENT_CANCEL": 1, "CLIENT_BULK_CANCEL": 2, "CLIENT_SESSION_END": 3, "MARKET_CANCEL": 4,
    "IOC_CANCEL": 5, "AON_CANCEL": 6, "FOK_CANCEL": 7, "EXPIRED": 8, "FAIL_POST_ONLY": 9, "FAIL_REDUCE_ONLY": 10,
    "MM_PROTECTION": 11, "SELF_TRADE_PROTECTION": 12, "SELF_MATCHED_SUBACCOUNT": 13, "OVERLAPPING_CLIENT_ORDER_ID": 14,
    "BELOW_MARGIN": 15, "LIQUIDATION": 16, "INSTRUMENT_INVALID": 17, "INSTRUMENT_DEACTIVATED": 18,
    "SYSTEM_FAILOVER": 19, "UNAUTHORISED": 20, "SESSION_KEY_EXPIRED": 21, "SUB_ACCOUNT_NOT_FOUND": 22,
    "NO_TRADE_PERMISSION": 23, "UNSUPPORTED_TIME_IN_FORCE": 24, "MULTI_LEGGED_ORDER": 25,
    "EXCEED_MAX_POSITION_SIZE": 26, "EXCEED_MAX_SIGNATURE_EXPIRATION": 27, "MARKET_ORDER_WITH_LIMIT_PRICE": 28,
    "CLIENT_CANCEL_ON_DISCONNECT_TRIGGERED": 29, "OCO_COUNTER_PART_TRIGGERED": 30, "REDUCE_ONLY_LIMIT": 31,
    "CLIENT_REPLACE": 32, "DERISK_MUST_BE_IOC": 33, "DERISK_MUST_BE_REDUCE_ONLY": 34, "DERISK_NOT_SUPPORTED": 35,
    "INVALID_ORDER_TYPE": 36, "CURRENCY_NOT_DEFINED": 37, "INVALID_CHAIN_ID": 38, "BUILDER_ORDER_FEE_EXCEED": 39,
    "BUILDER_ORDER_FEE_NEGATIVE": 40, "BUILDER_ORDER_BUILDER_NOT_AUTHORIZED": 41,
    "BUILDER_ORDER_BUILDER_NOT_EXIST": 42, "TRADE_PRICE_WORSE_THAN_BANKRUPTCY_PRICE": 44, "TOO_MANY_MAKER_ORDERS": 45,
    "REDUCE_ONLY_NOT_SUPPORTED_FOR_SPOT_ORDER": 46, "TPSL_NOT_SUPPORTED_FOR_SPOT_ORDER": 47,
    "SPOT_ORDER_NOT_SUPPORTED": 48, "INSUFFICIENT_BALANCE": 49, "SPOT_TRADING_BLOCKED_DURING_SOCIALIZED_LOSS": 50,
    "BELOW_MARGIN_WITH_PENALTY_DEVIATION": 51,
}  # fmt: skip
TRIGGER_TYPE: Final[Enumeration] = {"UNSPECIFIED": 0, "TAKE_PROFIT": 1, "STOP_LOSS": 2}
TRIGGER_BY: Final[Enumeration] = {"UNSPECIFIED": 0, "INDEX": 1, "LAST": 2, "MID": 3, "MARK": 4}
CANCEL_STATUS: Final[Enumeration] = {"EXPIRED": 1, "DROPPED_DUPLICATE": 2}
BROKER_TAG: Final[Enumeration] = {"UNSPECIFIED": 0, "COIN_ROUTES": 1, "ALERTATRON": 2, "ORIGAMI": 3}
VENUE: Final[Enumeration] = {"ORDERBOOK": 1, "RFQ": 2}
KIND: Final[Enumeration] = {"PERPETUAL": 1, "FUTURE": 2, "CALL": 3, "PUT": 4, "SPOT_SWAP": 8}
SETTLEMENT_PERIOD: Final[Enumeration] = {"PERPETUAL": 1, "DAILY": 2, "WEEKLY": 3, "MONTHLY": 4, "QUARTERLY": 5}
CANDLESTICK_INTERVAL: Final[Enumeration] = {
    "CI_1_M": 1, "CI_3_M": 2, "CI_5_M": 3, "CI_15_M": 4, "CI_30_M": 5, "CI_1_H": 6, "CI_2_H": 7, "CI_4_H": 8,
    "CI_6_H": 9, "CI_8_H": 10, "CI_12_H": 11, "CI_1_D": 12, "CI_3_D": 13, "CI_5_D": 14, "CI_1_W": 15, "CI_2_W": 16,
    "CI_3_W": 17, "CI_4_W": 18,
}  # fmt: skip
CANDLESTICK_TYPE: Final[Enumeration] = {"TRADE": 1, "MARK": 2, "INDEX": 3, "MID": 4}
FUNDING_AGGREGATION: Final[Enumeration] = {
    "FUNDING_INTERVAL": 1, "ONE_HOURLY": 2, "FOUR_HOURLY": 3, "EIGHT_HOURLY": 4,
}  # fmt: skip
TRANSFER_TYPE: Final[Enumeration] = {
    "UNSPECIFIED": 0, "STANDARD": 1, "FAST_ARB_DEPOSIT": 2, "FAST_ARB_WITHDRAWAL": 3, "NON_NATIVE_BRIDGE_DEPOSIT": 4,
    "NON_NATIVE_BRIDGE_WITHDRAWAL": 5, "ADHOC_INCENTIVE": 6, "REFERRAL_INCENTIVE": 7,
    "TRADING_DEPOSIT_YIELD_INCENTIVE": 8, "TGE_VESTING": 9, "TGE_AIRDROP": 10, "FEEDBACK_REWARD": 11,
}  # fmt: skip
WALLET_TYPE: Final[Enumeration] = {"FUNDING": 1, "SPOT": 2, "FUTURES": 3}

UNSPECIFIED: Final = "UNSPECIFIED"
FUNDING_ACCOUNT: Final = "0"  # the sub-account id of the main (funding) account
NO_ADDRESS: Final = "0x00"  # of no builder, and the id of an order that has none yet

TIMES_IN_FORCE: Final[Mapping[str, str]] = {
    "GOOD_TILL_TIME": "gtc", "ALL_OR_NONE": "aon", "IMMEDIATE_OR_CANCEL": "ioc", "FILL_OR_KILL": "fok",
}  # fmt: skip
TIMES_IN_FORCE_WRITTEN: Final = {word: name for name, word in TIMES_IN_FORCE.items()}
TRIGGERS: Final[Mapping[str, str]] = {"INDEX": "index", "LAST": "last", "MARK": "mark"}
TRIGGERS_WRITTEN: Final = {word: name for name, word in TRIGGERS.items()}
MARGIN_MODES: Final[Mapping[str, str]] = {"ISOLATED": "isolated", "CROSS": "cross"}
MARGIN_MODES_WRITTEN: Final = {word: name for name, word in MARGIN_MODES.items()}
CLOSE_STATUSES: Final[Mapping[str, str]] = {
    "CLOSED": "closed", "LIQUIDATED": "liquidated", "SETTLED": "settled", "PARTIALLY_CLOSED": "partially_closed",
}  # fmt: skip
ORDERS_END: Final = frozenset({"filled", "canceled", "partially_canceled", "expired", "rejected"})
ORDER_STATUSES: Final[Mapping[str, str]] = {
    "PENDING": "pending", "OPEN": "open", "FILLED": "filled", "REJECTED": "rejected", "CANCELLED": "canceled",
}  # fmt: skip
# What the venue's orders are called here; `partially_*` shows in the sizes alone.
ORDER_STATUSES_WRITTEN: Final[Mapping[str, str]] = {
    "pending": "PENDING", "open": "OPEN", "partially_filled": "OPEN", "filled": "FILLED", "canceled": "CANCELLED",
    "partially_canceled": "CANCELLED", "expired": "CANCELLED", "rejected": "REJECTED",
}  # fmt: skip

# *Ours*: what a stop does at its price, by its side: a loss is stopped where the price goes against what the order
# closes, a profit is taken where it goes with it.
STOP_OPERATORS: Final[Mapping[tuple[str, str], str]] = {
    ("buy", "STOP_LOSS"): "gte", ("sell", "STOP_LOSS"): "lte", ("buy", "TAKE_PROFIT"): "lte",
    ("sell", "TAKE_PROFIT"): "gte",
}  # fmt: skip
TRIGGER_TYPES: Final = {(side, operator): name for (side, name), operator in STOP_OPERATORS.items()}

INTERVALS_S: Final[Mapping[str, int]] = {
    "CI_1_M": 60, "CI_3_M": 180, "CI_5_M": 300, "CI_15_M": 900, "CI_30_M": 1_800, "CI_1_H": 3_600, "CI_2_H": 7_200,
    "CI_4_H": 14_400, "CI_6_H": 21_600, "CI_8_H": 28_800, "CI_12_H": 43_200, "CI_1_D": 86_400, "CI_3_D": 259_200,
    "CI_5_D": 432_000, "CI_1_W": 604_800, "CI_2_W": 1_209_600, "CI_3_W": 1_814_400, "CI_4_W": 2_419_200,
}  # fmt: skip

_PERPETUAL: Final = re.compile(r"([A-Za-z0-9]+)_([A-Za-z0-9]+)_Perp", re.ASCII)


def member(enumeration: Enumeration, raw: str | int) -> str | None:
    """The name that ``raw`` means: a name in any case, or a number as such or as text; None for none."""
    text = str(raw).strip().upper()
    if text in enumeration:
        return text
    return next((name for name, number in enumeration.items() if str(number) == text), None)


def word(enumeration: Enumeration, aliases: Mapping[str, str], *, raw: str | int) -> str:
    """Our word for a member, or `Unknown`."""
    name = member(enumeration, raw) or str(raw)
    return aliases.get(name) or Unknown(f"unknown:{name}")


def instrument(code: str) -> str:
    """Our name of a perpetual, ``BTC_USDT_Perp`` is BTC/USDT:USDT; of all else the wire's own."""
    perpetual = _PERPETUAL.fullmatch(code)
    return code if perpetual is None else f"{perpetual[1]}/{perpetual[2]}:{perpetual[2]}"


def code(instrument: str) -> str:
    """The wire's name of an instrument, from either."""
    pair, _, settle = instrument.partition(":")
    base, slash, quote = pair.partition("/")
    return f"{base}_{quote}_Perp" if slash and settle == quote else instrument


def order_status(status: str, *, reason: str, partly: bool) -> str:
    """Our word; ``partly``: a part is filled, and not all."""
    if status == "CANCELLED" and reason == "EXPIRED":
        return "expired"
    found = ORDER_STATUSES.get(status) or Unknown(f"unknown:{status}")
    return {"open": "partially_filled", "canceled": "partially_canceled"}.get(found, found) if partly else found
