"""What the book must hold of an exchange with contracts, told by the venue alone: every row that its wire shows, once,
digit by digit. It reads the venue's own rows (``link/view.py``, ``link/contracts.py``) and never a message of the wire;
what a wire does not show is left out here, by sentences of its document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from nostro.book.book import Book
from nostro.book.judgement import judged, lives
from nostro.domain.values import add
from nostro.exchanges import dialects
from nostro.link.view import VenueOrder
from nostro.paper.venue.venue import Venue
from simulation.truth import covered, may
from simulation.truth_margin import number

Rows = Counter[tuple[str, ...]]
MILLISECOND_NS: Final = 1_000_000
EXCHANGES: Final = ("bingx_v1", "grvt", "kraken_futures")
DIALECTS: Final = {name: dialects(name)[0] for name in EXCHANGES}


def compare(exchange: str, book: Book, venue: Venue, user: int, *, now_ns: int, account: str = "") -> Counter[str]:
    """Asserts that the account of a user holds what the venue holds of it, as far as its wire shows it, nothing twice,
    nothing missing, that all of it is proven, and that nothing of it broke. Gives the number of rows by kind.
    ``account``: as the book calls it, else the user's number."""
    account, counts = account or str(user), Counter[str]()
    told, held = TOLD[exchange](venue, user), HELD[exchange](book, account)
    assert told.keys() == held.keys()
    for name, rows in told.items():
        expected = _remembered(book, account, rows) if name == "snapshots" else rows
        missing, extra = expected - held[name], held[name] - expected
        assert not missing and not extra, f"user {user}, {name}: missing {list(missing)[:3]}, extra {list(extra)[:3]}"
        counts[name] += sum(expected.values())
    for life in lives(book, account).values():
        assert life.value.name == "quarantined_page", f"user {user}: {life.value.text}"
        assert life.state == "explained", f"user {user}: {life.value.text}"
        counts["breaks explained"] += 1
    covered(book, account, permissions=may(venue, user), now_ns=now_ns)
    judgement = judged(book, account, until_ns=now_ns)
    assert not judgement.breaks, judgement.breaks
    outcomes = Counter(result.outcome for result in judgement.results)
    counts["checks that tie"] += outcomes["ties"] + outcomes["ties within its quanta"]
    counts["checks that do not"] += outcomes["does not tie"]
    return counts


def _remembered(book: Book, account: str, snapshots: Rows) -> Rows:
    """Without those that the exchange had forgotten before it was asked for them: the book says so."""
    tiles = book.coverage(account, "snapshots", since_ns=book.account(account).since_ns, until_ns=2**62)
    lost = [(each.since_ns, each.until_ns) for each in tiles if each.cause == "retention"]
    return Counter({
        row: count for row, count in snapshots.items()
        if not any(since_ns <= int(row[1]) < until_ns for since_ns, until_ns in lost)
    })  # fmt: skip


def _shown(*values: object) -> tuple[str, ...]:
    return tuple(number(value) if isinstance(value, Decimal) else str(value) for value in values)


def _facts(facts: Iterable[Any], row: Callable[[Any], tuple[str, ...]]) -> Rows:
    return Counter(map(row, facts))


# ── BingX v1 ─────────────────────────────────────────────────────────────────────────────────────────────────────
# All orders, stops as orders of their price; states of the one wallet and of positions. No fills, no ledger, no
# transfers.


def _bingx_told(venue: Venue, user: int) -> Mapping[str, Rows]:
    purses = [each for each in venue.balances(user) if each.wallet.startswith(("futures", "isolated_margin"))]
    wallet = next((each for each in venue.collateral(user) if each.wallet == "futures"), None)
    open_now = [each for each in venue.positions(user) if each.size]
    return {
        "orders": Counter(_bingx_order(order) for order in venue.orders(user)),
        "balances": Counter([_shown("USDT", add(each.total for each in purses))]),
        "positions": Counter(
            _shown(each.instrument, each.side, each.size, each.unrealized, each.realized, each.mode)
            for each in open_now
        ),
        "margin": Counter([
            _shown("USDT", add([each.total for each in purses] + [each.unrealized for each in open_now]),
                   Decimal(0) if wallet is None else wallet.available)
        ]),
    }  # fmt: skip


def _bingx_order(order: VenueOrder) -> tuple[str, ...]:
    expired = "partially_canceled" if order.filled else "canceled"
    status = {"expired": expired, "pending": "open"}.get(order.status, order.status)
    kind = "limit" if order.price is not None else "market"
    return _shown(
        order.id, order.instrument, order.side, kind, status, order.amount, order.filled, order.canceled,
        order.position_side, order.placed_ns // MILLISECOND_NS,
    )  # fmt: skip


def _bingx_held(book: Book, account: str) -> Mapping[str, Rows]:
    return {
        "orders": _facts(book.facts("order", account), lambda each: _shown(
            each.native_id, each.instrument, each.side, each.type, each.status, each.amount, each.filled,
            each.canceled, each.position_side, each.effective_ns // MILLISECOND_NS,
        )),
        "balances": _facts(book.latest_states("balance", account), lambda each: _shown(each.asset, each.total)),
        "positions": _facts(book.latest_states("position", account), lambda each: _shown(
            each.instrument, each.side, each.size, each.unrealized_pnl, each.realized_pnl, each.margin_mode,
        )),
        "margin": _facts(book.latest_states("margin_summary", account), lambda each: _shown(
            each.currency, each.equity, each.available,
        )),
    }  # fmt: skip


# ── GRVT ─────────────────────────────────────────────────────────────────────────────────────────────────────────
# The sub-accounts of a main account, or itself where it has none: orders, fills, funding, closed positions, snapshots
# of the last thirty days; the main account's deposits, withdrawals and transfers. Amounts of USDT have six digits
# there.


def _grvt_users(venue: Venue, user: int) -> list[int]:
    return list(venue.sub_accounts(user)) or [user]


def _grvt_told(venue: Venue, user: int) -> Mapping[str, Rows]:
    users = _grvt_users(venue, user)
    own = [each for each in venue.balances(user) if each.wallet in ("spot", "funding")]
    futures = [each for each in _of(venue.balances, users) if each.wallet.startswith(("futures", "isolated_margin"))]
    funding = _summed((("0", "funding", each.asset), each.total) for each in own)
    moves = {each.id: each for each in _of(venue.moves, {user, *users})}.values()
    return {
        "orders": Counter(_grvt_order(order) for order in _of(venue.orders, users)),
        "fills": Counter(
            _shown(f"{each.id}-1", each.user, each.instrument, each.side, each.price, each.amount, each.fee,
                   each.realized_pnl, each.maker, each.liquidation, each.time_ns)
            for each in _of(venue.fills, users)
        ),
        "funding": Counter(
            _shown(each.user, each.instrument, each.asset, each.amount, each.time_ns)
            for each in _of(venue.funding, users)
        ),
        "closed": Counter(
            _shown(each.user, each.instrument, "long" if each.long else "short", each.size, each.realized, each.fees,
                   each.funding, each.size_max, each.opened_ns, each.time_ns)
            for each in _of(venue.closed, users)
        ),
        "snapshots": Counter(
            _shown(each.user, each.time_ns, *sorted(
                f"{row.instrument} {number(row.size)}" for row in each.positions if row.size
            ))
            for each in _of(venue.snapshots, users)
        ),
        "transfers": Counter(
            [_shown("deposit", each.asset, each.amount, "done" if each.status == "confirmed" else "pending",
                    each.time_ns)
             for each in venue.transfers(user, "deposit")]
            + [_shown("withdrawal", each.asset, each.amount, "done" if each.status == "done" else "pending",
                      each.time_ns)
               for each in venue.transfers(user, "withdrawal")]
            + [_shown("internal", each.asset, each.amount, "done", each.time_ns) for each in moves]
        ),
        "balances": Counter(_shown(*key, total) for key, total in (
            funding | _summed((((str(each.user)), "futures", each.asset), each.total) for each in futures)
        ).items() if total),
        "positions": Counter(
            _shown(each.user, each.instrument, each.size, each.unrealized, each.realized, each.mode)
            for each in _of(venue.positions, users) if each.size
        ),
    }  # fmt: skip


def _of(history: Callable[[int], Iterable[Any]], users: Iterable[int]) -> list[Any]:
    return [row for user in sorted(users) for row in history(user)]


def _summed(amounts: Iterable[tuple[tuple[str, ...], Decimal]]) -> dict[tuple[str, ...], Decimal]:
    found: dict[tuple[str, ...], list[Decimal]] = {}
    for key, amount in amounts:
        found.setdefault(key, []).append(amount)
    return {key: add(each) for key, each in found.items()}


def _grvt_order(order: VenueOrder) -> tuple[str, ...]:
    return _shown(
        order.id, order.user, order.instrument, order.side, order.type, order.status, order.amount, order.filled,
        order.canceled, order.placed_ns,
    )  # fmt: skip


def _grvt_held(book: Book, account: str) -> Mapping[str, Rows]:
    return {
        "orders": _facts(book.facts("order", account), lambda each: _shown(
            int(each.native_id[-16:], 16), each.sub_account, each.instrument, each.side, each.type, each.status,
            each.amount, each.filled, each.canceled, each.effective_ns,
        )),
        "fills": _facts(book.facts("fill", account), lambda each: _shown(
            each.native_id, each.sub_account, each.instrument, each.side, each.price, each.amount, each.fee,
            each.realized_pnl, each.maker, each.liquidation, each.effective_ns,
        )),
        "funding": _facts(book.facts("funding_payment", account), lambda each: _shown(
            each.sub_account, each.instrument, each.asset, each.amount, each.effective_ns,
        )),
        "closed": _facts(
            (each for each in book.facts("closed_position", account) if each.status != "partially_closed"),
            lambda each: _shown(
                each.sub_account, each.instrument, each.side, each.closed_size, each.realized_pnl, each.fees,
                each.funding, each.size_max, each.opened_ns, each.closed_ns,
            ),
        ),
        "snapshots": _facts(book.facts("snapshot", account), lambda each: _shown(
            each.sub_account, each.effective_ns, *sorted(
                f"{row.instrument} {number(row.size)}" for row in each.positions if row.size
            ),
        )),
        "transfers": _facts(book.facts("transfer", account), lambda each: _shown(
            each.direction, each.asset, each.amount, each.status, each.effective_ns,
        )),
        "balances": _facts((each for each in book.latest_states("balance", account) if each.total), lambda each: _shown(
            each.sub_account, each.wallet, each.asset, each.total,
        )),
        "positions": _facts((one for one in book.latest_states("position", account) if one.size), lambda each: _shown(
            each.sub_account, each.instrument, each.size, each.unrealized_pnl, each.realized_pnl, each.margin_mode,
        )),
    }  # fmt: skip


# ── Kraken Futures ───────────────────────────────────────────────────────────────────────────────────────────────
# Times to the millisecond, ids of its own making; a line of the log may stand for several of the venue's entries, so
# that of the ledger what it comes to in each wallet is compared. The wallet `funding` is not there.


def _kraken_told(venue: Venue, user: int) -> Mapping[str, Rows]:
    return {
        "orders": Counter(_kraken_order(order) for order in venue.orders(user) if _came_to_market(order)),
        "fills": Counter(
            _shown(each.instrument, each.side, each.price, each.amount, each.fee, each.fee_asset, each.liquidation,
                   each.time_ns // MILLISECOND_NS)
            for each in venue.fills(user)
        ),
        "funding": Counter(_shown(each.instrument, each.asset, each.amount) for each in venue.funding(user)),
        "ledger": Counter(
            _shown(*key, total) for key, total in _summed(
                ((each.wallet, each.asset), each.total_delta) for each in venue.entries(user)
                if each.wallet != "funding"
            ).items() if total
        ),
        "balances": Counter(
            _shown(*key, total) for key, total in _summed(
                ((each.wallet, each.asset), each.total) for each in venue.balances(user)
                if each.wallet != "funding"
            ).items() if total
        ),
        "positions": Counter(_shown(each.instrument, each.size) for each in venue.positions(user) if each.size),
    }  # fmt: skip


def _came_to_market(order: VenueOrder) -> bool:
    """A stop has a history of its own until it is triggered, and is then an order of its price, from that moment on."""
    return order.stop_price is None or order.triggered


def _kraken_order(order: VenueOrder) -> tuple[str, ...]:
    status = {"expired": "partially_canceled" if order.filled else "canceled"}.get(order.status, order.status)
    return _shown(
        order.instrument, order.side, order.type.removeprefix("stop_"), status, order.amount, order.filled,
        order.canceled, order.opened_ns // MILLISECOND_NS,
    )  # fmt: skip


def _kraken_held(book: Book, account: str) -> Mapping[str, Rows]:
    return {
        "orders": _facts(book.facts("order", account), lambda each: _shown(
            each.instrument, each.side, each.type, each.status, each.amount, each.filled, each.canceled,
            each.effective_ns // MILLISECOND_NS,
        )),
        "fills": _facts(book.facts("fill", account), lambda each: _shown(
            each.instrument, each.side, each.price, each.amount, each.fee, each.fee_asset, each.liquidation,
            each.effective_ns // MILLISECOND_NS,
        )),
        "funding": _facts(book.facts("funding_payment", account), lambda each: _shown(
            each.instrument, each.asset, each.amount,
        )),
        "ledger": Counter(
            _shown(*key, total) for key, total in _summed(
                ((each.wallet, each.asset), each.amount) for each in book.facts("entry", account)
            ).items() if total
        ),
        "balances": _facts(
            (each for each in book.latest_states("balance", account) if each.total),
            lambda each: _shown(each.wallet, each.asset, each.total),
        ),
        "positions": _facts(book.latest_states("position", account), lambda each: _shown(each.instrument, each.size)),
    }  # fmt: skip


TOLD: Final[Mapping[str, Callable[[Venue, int], Mapping[str, Rows]]]] = {
    "bingx_v1": _bingx_told, "grvt": _grvt_told, "kraken_futures": _kraken_told,
}  # fmt: skip
HELD: Final[Mapping[str, Callable[[Book, str], Mapping[str, Rows]]]] = {
    "bingx_v1": _bingx_held, "grvt": _grvt_held, "kraken_futures": _kraken_held,
}  # fmt: skip
