"""The histories of the paper exchange, page by page, in versions 2 and 3; see ``serve.py``. It decides bounds, order
and where the next page begins; what the rows say stands in ``serve_events.py`` and ``serve_log.py``.

*Ours*, because no document says it: ``since`` is inclusive and ``before`` exclusive; without ``count`` a page of events
has as many rows as a capture shows, and ``count`` above that means as many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Any, Final

from msgspec import UNSET

from nostro.domain.values import EARLIEST_NS
from nostro.exchanges.kraken_futures import (
    costs,
    given,
    requests,
    serve_events,
    serve_log,
    words,
    written,
)
from nostro.exchanges.kraken_futures import messages_history as messages
from nostro.exchanges.kraken_futures.given import Cursor
from nostro.exchanges.kraken_futures.refusals import invalid, missing
from nostro.exchanges.kraken_futures.serve_events import Moment
from nostro.exchanges.kraken_futures.serve_log import newest_first
from nostro.link.declare import Answered, Call
from nostro.link.view import VenueTrade, VenueView

EVENTS_MOST: Final = 1_000
LOG_MOST: Final = 100_000  # Source: the table of costs
MARKET: Final = 0  # whose cursors those of a market are
PUBLIC_TRADES: Final = 10_000  # ours: how far back the executions of a market are told
_KINDS: Final = (
    "opened", "closed", "increased", "decreased", "reversed", "no_change", "trades", "funding_realization",
    "settlement",
)  # fmt: skip

Rows = Callable[..., Iterator[Moment]]


def _bounds(view: VenueView, query: requests.Events | requests.AccountLog) -> tuple[int, int]:
    since_ns = given.moment(view, query.since, name="since")
    before_ns = given.moment(view, query.before, name="before")
    now_ns = view.now_ns() + 1
    return EARLIEST_NS if since_ns is None else since_ns, now_ns if before_ns is None else min(before_ns, now_ns)


def _page(
    view: VenueView, query: requests.Events, user: int, rows: Rows
) -> tuple[list[Any], str | None]:  # fmt: skip
    """The elements of a page, and the token of the next one where there are more."""
    descends = given.descends(view, query.sort)
    most = given.count(view, query.count, default=EVENTS_MOST, most=EVENTS_MOST)
    token = query.continuation_token or query.older_token
    cursor = given.cursor(view, token, user=user, descends=descends)
    since_ns, until_ns = _bounds(view, query)
    if cursor is not None and descends:
        until_ns = min(until_ns, cursor.time_ns + 1)
    elif cursor is not None:
        since_ns = max(since_ns, cursor.time_ns)
    found = newest_first(rows, since_ns=since_ns, until_ns=until_ns) if descends else _if_any(rows, since_ns, until_ns)
    taken = list(islice((each for each in found if _is_behind(each, cursor)), most + 1))
    page, more = taken[:most], len(taken) > most
    following = Cursor(user, descends, page[-1].time_ns, page[-1].place) if more else None
    return [each.element() for each in page], None if following is None else given.cursor_text(following)


def _if_any(rows: Rows, since_ns: int, until_ns: int) -> Iterator[Moment]:
    return rows(since_ns=since_ns, until_ns=until_ns) if since_ns < until_ns else iter(())


def _is_behind(row: Moment, cursor: Cursor | None) -> bool:
    if cursor is None:
        return True
    here, there = (row.time_ns, row.place), (cursor.time_ns, cursor.place)
    return here < there if cursor.descends else here > there


def _answer(view: VenueView, kind: type[Any], user: int, page: tuple[list[Any], str | None]) -> Answered:
    """The token stands in the body and in the headers, because clients look in both."""
    elements, following = page
    whose = {"account_uid": written.uid(written.ACCOUNT, user)} if user else {}
    body = kind(
        len=written.whole(len(elements)), server_time=written.now(view), elements=elements,
        continuation_token=UNSET if following is None else following, **whose,
    )  # fmt: skip
    headers = {"is-truncated": "true" if following else "false"}
    return Answered(body, headers | ({"next-continuation-token": following} if following else {}))


# ── the account's ────────────────────────────────────────────────────────────────────────────────────────────────


def orders(view: VenueView, call: Call) -> Answered:
    query, user = call.message, given.login(call).user
    rows = partial(serve_events.orders, view, user, symbol=given.tradeable(view, query.tradeable))
    return _answer(view, messages.OrderEvents, user, _page(view, query, user, _whole(rows)))


def triggers(view: VenueView, call: Call) -> Answered:
    query, user = call.message, given.login(call).user
    rows = partial(serve_events.triggers, view, user, symbol=given.tradeable(view, query.tradeable))
    return _answer(view, messages.TriggerEvents, user, _page(view, query, user, _whole(rows)))


def _whole(rows: Rows) -> Rows:
    """Rows that are found all at once, however few are wanted: they are found once."""
    found: list[Moment] = []
    asked: list[tuple[int, int]] = []

    def within(*, since_ns: int, until_ns: int) -> Iterator[Moment]:
        if not asked:
            asked.append((EARLIEST_NS, until_ns))
            found.extend(rows(since_ns=EARLIEST_NS, until_ns=until_ns))
        return (each for each in found if since_ns <= each.time_ns < until_ns)

    return within


def executions(view: VenueView, call: Call) -> Answered:
    query, user = call.message, given.login(call).user
    rows = partial(
        serve_events.executions,
        view,
        user,
        symbol=given.tradeable(view, query.tradeable),
        version=query.version or "v3",
    )
    return _answer(view, messages.ExecutionEvents, user, _page(view, query, user, rows))


def positions(view: VenueView, call: Call) -> Answered:
    query, user = call.message, given.login(call).user
    wanted = frozenset(name for name in _KINDS if given.flag(view, getattr(query, name), name=name))
    rows = partial(serve_events.positions, view, user, symbol=given.tradeable(view, query.tradeable), wanted=wanted)
    return _answer(view, messages.PositionEvents, user, _page(view, query, user, rows))


def account_log(view: VenueView, call: Call) -> messages.AccountLog:
    user = given.login(call).user
    found = _lines(view, call, default=costs.LOG_DEFAULT)
    return messages.AccountLog(account_uid=written.uid(written.ACCOUNT, user), logs=[line.entry for line in found])


def account_log_csv(view: VenueView, call: Call) -> Answered:
    """*Ours*: the same members as columns; without ``count`` all that may be asked for."""
    table = serve_log.table(_lines(view, call, default=LOG_MOST))
    return Answered(table, {"Content-Type": "text/csv"})


def _lines(view: VenueView, call: Call, *, default: int) -> list[serve_log.Line]:
    query: requests.AccountLog = call.message
    user, descends = given.login(call).user, given.descends(view, query.sort)
    most = given.count(view, query.count, default=default, most=LOG_MOST)
    first, last = _id(view, query.from_, "from"), _id(view, query.to, "to")
    since_ns, until_ns = _bounds(view, query)
    if first is not None:
        since_ns = max(since_ns, serve_log.first_ns(first))
    if last is not None:
        until_ns = min(until_ns, serve_log.first_ns(last) + written.MILLISECOND_NS)
    rows = partial(serve_log.lines, view, user)
    if since_ns >= until_ns:
        return []
    ordered = newest_first(rows, since_ns=since_ns, until_ns=until_ns) if descends else rows(
        since_ns=since_ns, until_ns=until_ns
    )  # fmt: skip
    infos = {info.lower() for info in query.info}
    return list(islice((line for line in ordered if _fits(line, infos, first, last)), most))


def _fits(line: serve_log.Line, infos: set[str], first: int | None, last: int | None) -> bool:
    entry = line.entry
    return (
        (not infos or entry.info in infos)
        and (first is None or entry.id >= first)
        and (last is None or entry.id <= last)
    )


def _id(view: VenueView, text: str | None, name: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 17):
        raise invalid(name, written.now(view))
    return int(text)


# ── a market's ───────────────────────────────────────────────────────────────────────────────────────────────────


def market_executions(view: VenueView, call: Call) -> Answered:
    query: requests.Events = call.message
    if not query.path_symbol:
        raise missing(written.now(view))
    symbol = given.needed(view, query.path_symbol).symbol
    rows = partial(_market_rows, view, symbol)
    return _answer(view, messages.MarketExecutions, MARKET, _page(view, query, MARKET, _whole(rows)))


def _market_rows(view: VenueView, symbol: str, *, since_ns: int, until_ns: int) -> Iterator[Moment]:
    newest = view.trades(symbol, limit=PUBLIC_TRADES, offset=0)
    rows = (Moment(row.time_ns, (row.id, 0), partial(_market_element, row)) for row in reversed(newest))
    return (row for row in rows if since_ns <= row.time_ns < until_ns)


def _market_element(row: VenueTrade) -> messages.ExecutionElement:
    """Of a trade the paper exchange tells no more than price, size and side: its two orders say that."""
    execution = messages.Executed(
        uid=written.uid(written.EXECUTION, row.id),
        maker_order=_public_order(row, 2, "sell" if row.side == "buy" else "buy"),
        taker_order=_public_order(row, 3, row.side),
        timestamp=written.milliseconds(row.time_ns),
        quantity=written.text(row.amount),
        price=written.text(row.price),
        limit_filled=False,
    )
    event = messages.ExecutionEvent(execution=execution, taker_reduced_quantity="")
    return messages.ExecutionElement(
        uid=written.uid(written.EVENT, row.id * 4 + 1), timestamp=written.milliseconds(row.time_ns),
        event={"Execution": event},
    )  # fmt: skip


def _public_order(row: VenueTrade, part: int, side: str) -> messages.EventOrder:
    return messages.EventOrder(
        uid=written.uid(written.EVENT, row.id * 4 + part),
        tradeable=words.symbol(row.instrument),
        direction=words.DIRECTIONS_WRITTEN[side],
        quantity=written.text(row.amount),
        timestamp=written.milliseconds(row.time_ns),
        limit_price=written.text(row.price),
        order_type="Limit",
        reduce_only=False,
        last_update_timestamp=written.milliseconds(row.time_ns),
    )
