"""What callers type, as exact values: times, amounts and words. It decides which forms are taken, and says of others
which is expected; what the values are for is the caller's.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, get_args

from nostro import errors
from nostro.domain.values import LATEST_NS, Malformed, decimal, parse_moment

Moment = str | datetime | int
Amount = Decimal | int | str

_PAIR: Final = r"[^:/\s]+/[^:/\s]+"
_WALLET: Final = re.compile(
    rf"spot|funding|cross_margin|futures(:{_PAIR})?|isolated_margin:{_PAIR}(:[^:/\s]+(:(long|short))?)?"
)


def expect(**words: tuple[str | None, object]) -> None:
    """Raises `BadValue` where a word is none of those that its type lists."""
    for field, (word, listed) in words.items():
        if word is not None and word not in get_args(listed):
            raise errors.BadValue(f"{field} is {word!r}, expected one of {', '.join(get_args(listed))}")


def expect_wallet(**wallets: str) -> None:
    """Raises `BadValue` where a wallet has not the name that facts give it: an exchange may take its own word for it,
    and nothing that is looked up afterwards would be found under that."""
    for field, wallet in wallets.items():
        if not _WALLET.fullmatch(wallet):
            known = "spot, funding, cross_margin, futures or one like isolated_margin:BTC/USDT"
            raise errors.BadValue(f"{field} is {wallet[:40]!a}, expected {known}")


def ordered(start: Moment, until_ns: int) -> int:
    """The start of an interval, ns. Raises `BadValue` where it ends before that."""
    since_ns = moment_ns(start, "start")
    if until_ns < since_ns:
        raise errors.BadValue(f"start is {start}, and the end lies before it", hint="give the earlier time first")
    return since_ns


def moment_ns(moment: Moment, field: str) -> int:
    """Nanoseconds of a time that a caller gave. Raises `BadValue`."""
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise errors.BadValue(f"{field} is {moment.isoformat()} without a time zone", hint="use an aware datetime")
        # From an epoch in UTC: of two times in one zone Python subtracts what clocks show there, summer time or not.
        moment = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000
    if isinstance(moment, int) and not isinstance(moment, bool):
        if not 0 <= moment <= LATEST_NS:
            raise errors.BadValue(f"{field} is {moment} ns, expected a time between 1970 and 3000")
        return moment
    if not isinstance(moment, str):
        raise errors.BadValue(f"{field} is a {type(moment).__name__}, expected text, a datetime or nanoseconds")
    try:
        return parse_moment(moment, field)
    except Malformed as error:
        raise errors.BadValue(str(error)) from None


def needed_amount(amount: Amount, field: str) -> Decimal:
    """As `exact_amount`. Raises `BadValue` for None too."""
    exact = exact_amount(amount, field)
    if exact is None:
        raise errors.BadValue(f"{field} is missing", hint="give how much is to move; fees come on top")
    return exact


def exact_amount(amount: Amount | None, field: str) -> Decimal | None:
    """An exact amount that a caller gave. A float is refused: it is not the number that was typed."""
    if amount is None:
        return None
    if isinstance(amount, float) or not isinstance(amount, Decimal | int | str) or isinstance(amount, bool):
        raise errors.BadValue(f"{field} is a {type(amount).__name__}, expected a Decimal, int or text")
    try:
        return decimal(f"{amount:f}" if isinstance(amount, Decimal) else str(amount), field)
    except Malformed as error:
        raise errors.BadValue(str(error)) from None
