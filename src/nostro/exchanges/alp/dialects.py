"""The three forms in which ALP.COM's API v3 is spoken. It decides, switch by switch, where they differ; what a switch
does stands where it is read.

``d23``: the API reference of 2023 to the letter, its examples included. ``cli``: what the exchange's own Python
client sends and can parse; the default. ``d26``: the API reference of March 2026, which has no margin, deposits and
withdrawals.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

from nostro.domain import values


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """``shows_nulls``: members without a value are null; the client refuses that, so elsewhere they are left out.
    ``one_ticker``: asked for one pair, `ticker` answers one object; the documents show a list. ``separator``: of pair
    names in answers. ``book_path``: of the order book; the other path is served too. ``query_time``: how a query writes
    a time. ``day``: the chart interval of a day. ``signs_cancel`` and ``signs_sign_in``: the client sends X-SIGN with
    those; ``cancel_unsigned``: the server takes a cancel without it. ``text_amounts``: amounts of an order are strings.
    ``short``: rows, orders and activity as in 2026, and no transfers and no margin. ``clock``: there are `time` and
    `currency-rates`. ``done`` and ``partially_canceled``: how those statuses are written. ``pattern_attributes``:
    attributes of a withdraw method carry ``field`` and ``regex``. ``wide_activity``: activity rows also have
    ``op_type`` and ``last_update_at``. ``loan_prefix``: before the type of a loan in answers. ``repays_list``: a
    repayment is answered with a list of its id; of the bare id, which the document shows, the client takes a digit."""

    id: str
    separator: str = "/"
    shows_nulls: bool = False
    one_ticker: bool = False
    book_path: Literal["order_book", "orderbook"] = "order_book"
    query_time: Literal["zulu", "offset", "unix"] = "offset"
    day: str = "1440"
    signs_cancel: bool = True
    signs_sign_in: bool = True
    cancel_unsigned: bool = True
    text_amounts: bool = False
    short: bool = False
    clock: bool = True
    done: str = "DONE"
    partially_canceled: str = "PARTIAL_CANCELLED"
    pattern_attributes: bool = True
    wide_activity: bool = True
    loan_prefix: str = "LOAN_"
    repays_list: bool = True

    @property
    def no_text(self) -> UnsetType | None:
        return None if self.shows_nulls else UNSET

    @property
    def no_number(self) -> Raw:
        return NULL if self.shows_nulls else values.ABSENT


NULL: Final = Raw(b"null")

DIALECTS: Final = (
    Dialect(id="cli", one_ticker=True),
    Dialect(
        id="d23", shows_nulls=True, query_time="zulu", signs_cancel=False, clock=False,
        done="COMPLETED", pattern_attributes=False, wide_activity=False, loan_prefix="", repays_list=False,
    ),
    Dialect(
        id="d26", separator="_", shows_nulls=True, book_path="orderbook", query_time="unix", day="1D",
        signs_sign_in=False, cancel_unsigned=False, text_amounts=True, short=True,
        partially_canceled="PARTIAL_CANCELED",
    ),
)  # fmt: skip
