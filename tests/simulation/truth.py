"""What the book must hold, told by the venue alone: every row of every stream, once, digit by digit. It reads the
venue's own rows (``link/view.py``) and never a message of the wire."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from nostro.book.book import Book
from nostro.book.judgement import judged, lives
from nostro.domain.records import Balance, Entry, Fill, Order, Transfer
from nostro.domain.values import SECOND_NS
from nostro.paper.venue.venue import Venue
from simulation import truth_margin
from simulation.truth_margin import number

# How the venue's statuses of transfers are called in the book. Source: domain/records.py, Transfer.
STATUS = {
    "deposit": {"pending": "pending", "moderation": "moderation", "confirmed": "done", "rejected": "rejected"},
    "withdrawal": {
        "new": "pending", "confirmed": "pending", "verified": "pending", "moderation": "moderation",
        "approved": "approved", "suspended": "suspended", "done": "done", "refused": "rejected", "canceled": "canceled",
    },
}  # fmt: skip
TAIL_NS = 180 * SECOND_NS  # what may be settling when the last pass over all accounts has ended


def give_key(venue: Venue, user: int, permissions: Iterable[str]) -> None:
    """A key for a user that the workload made."""
    venue.create_key(user, f"u{user}", permissions=permissions)


def compare(book: Book, venue: Venue, user: int, *, now_ns: int, account: str = "") -> Counter[str]:
    """Asserts that the account of a user holds what the venue holds of it and of what is below it, nothing twice,
    nothing missing, and that all of it is proven and reconciled. Gives the number of rows by stream.
    ``account``: as the book calls it, else the user's number."""
    account = account or str(user)
    counts: Counter[str] = Counter()
    rows = held(book, account, own=str(user))
    for name, expected in of_venue(venue, user).items():
        missing, extra = expected - rows[name], rows[name] - expected
        assert not missing and not extra, f"user {user}, {name}: missing {list(missing)[:3]}, extra {list(extra)[:3]}"
        counts[name] += sum(expected.values())
        counts[f"{name} of sub-accounts"] += sum(count for row, count in expected.items() if row[0] != str(user))
    truth_margin.inside(book, venue, user, account=account)
    known = lives(book, account)
    for (
        life
    ) in known.values():  # an exchange that lost nothing shows no breaks but the pages that were spoiled on the way
        assert life.value.name == "quarantined_page", f"user {user}: {life.value.text}"
        assert life.state == "explained", f"user {user}: {life.value.text}"
        counts["breaks explained"] += 1
    covered(book, account, permissions=may(venue, user), now_ns=now_ns)
    judgement = judged(book, account, until_ns=now_ns)
    assert not judgement.breaks
    outcomes = Counter(result.outcome for result in judgement.results)
    assert outcomes["ties"] + outcomes["ties within its quanta"] > 0
    counts["checks that tie"] += outcomes["ties"] + outcomes["ties within its quanta"]
    return counts


def may(venue: Venue, user: int) -> frozenset[str]:
    """What the user's key may do."""
    login = venue.login_by_user(user)
    assert login is not None
    return login.permissions


def held(book: Book, account: str, *, own: str = "") -> dict[str, Counter[tuple[str, ...]]]:
    """Every row that the book holds of an account, by stream. ``own``: the login's own name, else the account's."""
    return {
        "orders": _orders(book, account), "fills": _fills(book, account), "entries": _entries(book, account),
        "transfers": _transfers(book, account, own or account), "balances": _balances(book, account),
        **{name: truth_margin.held(book, account, name) for name in truth_margin.ROWS},
    }  # fmt: skip


def of_venue(venue: Venue, user: int) -> dict[str, Counter[tuple[str, ...]]]:
    """Every row that the venue holds of a user, and of those below, that his key may read, in the same form."""
    users = (user, *venue.sub_accounts(user))
    permissions = may(venue, user)
    margin = {name: Counter[tuple[str, ...]]() for name in (*truth_margin.ROWS, "movements")}
    for each in users if "margin" in permissions else ():
        for name, rows in truth_margin.of_user(venue, each).items():
            margin[name].update(rows)
    moved = margin.pop("movements")
    return {
        "orders": _sum(_venue_orders(venue, each) for each in users),
        "fills": _sum(_venue_fills(venue, each) for each in users),
        "entries": _sum(_venue_entries(venue, each) for each in users),
        "transfers": _venue_transfers(venue, user, withdraws="withdraw" in permissions) + moved,
        "balances": _sum(_venue_balances(venue, each) for each in users),
        **margin,
    }


def _sum(counters: Iterable[Counter[tuple[str, ...]]]) -> Counter[tuple[str, ...]]:
    return sum(counters, Counter())


def covered(book: Book, account: str, *, permissions: frozenset[str], now_ns: int) -> None:
    """Asserts that every history is proven to its end, but for what the exchange forgot before it was asked, and that
    those which the key may not read say so."""
    since_ns, exchange = book.account(account).since_ns, book.exchange(account)
    for stream in exchange.streams:
        until_ns = now_ns - TAIL_NS
        holes = [
            each
            for each in book.coverage(account, stream.name, since_ns=since_ns, until_ns=until_ns)
            if each.status != "proven" and not (stream.retention_s and each.cause == "retention")
        ]
        if exchange.ask(stream.name).route.permission not in permissions:  # type: ignore[union-attr]
            assert {hole.cause for hole in holes} == {"forbidden"}
        else:
            assert not holes, f"{account} {stream.name}: {holes}"


def prove(book: Book) -> Counter[str]:
    """Asserts the book's own invariants on the whole of it: chains, digests, anchors, double entry, and that it follows
    from its pages (B1-B3, B6, B7, B14, B20)."""
    before = book.state_hash()
    proof = book.verify()
    assert proof.records > 0
    rebuilt = book.rebuild()
    assert not rebuilt.changes, f"a rebuild changed {rebuilt.changes[:3]}"
    assert book.state_hash() == before, "B20: a rebuild ended in another state"
    return Counter({"B6": sum(each.pages for each in proof.accounts), "B7": len(proof.accounts), "B20": proof.records})


def _orders(book: Book, account: str) -> Counter[tuple[str, ...]]:
    return Counter(
        (
            order.sub_account, str(order.native_id), order.wallet, order.instrument, order.side, order.type,
            str(order.status), number(order.amount), number(order.filled), number(order.canceled),
            str(order.effective_ns // 1000),
        )
        for order in book.facts("order", account)
        if isinstance(order, Order) and order.effective_ns is not None
    )  # fmt: skip


def _venue_orders(venue: Venue, user: int) -> Counter[tuple[str, ...]]:
    return Counter(
        (
            str(order.user), str(order.id), order.wallet, order.instrument, order.side, order.type, order.status,
            number(order.amount), number(order.filled), number(order.canceled), str(order.placed_ns // 1000),
        )
        for order in venue.orders(user)
    )  # fmt: skip


def _fills(book: Book, account: str) -> Counter[tuple[str, ...]]:
    return Counter(
        (
            fill.sub_account, fill.wallet, fill.instrument, fill.side, number(fill.price), number(fill.amount),
            number(fill.fee), str(fill.fee_asset),
            str(fill.maker), str(fill.effective_ns // 1000),
        )
        for fill in book.facts("fill", account)
        if isinstance(fill, Fill) and fill.effective_ns is not None
    )  # fmt: skip


def _venue_fills(venue: Venue, user: int) -> Counter[tuple[str, ...]]:
    return Counter(
        (
            str(fill.user), fill.wallet, fill.instrument, fill.side, number(fill.price), number(fill.amount),
            number(fill.fee), fill.fee_asset,
            str(fill.maker), str(fill.time_ns // 1000),
        )
        for fill in venue.fills(user)
    )  # fmt: skip


def _entries(book: Book, account: str) -> Counter[tuple[str, ...]]:
    return Counter(
        (
            entry.sub_account, str(entry.native_id), entry.wallet, entry.asset, entry.type, number(entry.amount),
            number(entry.before),
            number(entry.held_amount), number(entry.held_before), str(entry.effective_ns // 1000),
        )
        for entry in book.facts("entry", account)
        if isinstance(entry, Entry) and entry.effective_ns is not None
    )  # fmt: skip


def _venue_entries(venue: Venue, user: int) -> Counter[tuple[str, ...]]:
    return Counter(
        (
            str(entry.user), str(entry.id), entry.wallet, entry.asset, entry.type, number(entry.total_delta),
            number(entry.total),
            number(entry.held_delta), number(entry.held), str(entry.time_ns // 1000),
        )
        for entry in venue.entries(user)
    )  # fmt: skip


def _transfers(book: Book, account: str, own: str) -> Counter[tuple[str, ...]]:
    return Counter(
        (
            transfer.sub_account or own, str(transfer.native_id), transfer.direction, transfer.asset,
            number(transfer.amount), str(transfer.status),
            str(transfer.tx_hash), str(transfer.from_wallet), str(transfer.to_wallet),
            str(transfer.effective_ns // 1000),
        )
        for transfer in book.facts("transfer", account)
        if isinstance(transfer, Transfer) and transfer.effective_ns is not None
    )  # fmt: skip


def _venue_transfers(venue: Venue, user: int, *, withdraws: bool) -> Counter[tuple[str, ...]]:
    rows = [*venue.transfers(user, "deposit"), *(venue.transfers(user, "withdrawal") if withdraws else ())]
    return Counter(
        (
            str(user), str(row.id), row.direction, row.asset, number(row.amount), STATUS[row.direction][row.status],
            str(row.tx_hash), "None", "None", str(row.time_ns // 1000),
        )
        for row in rows
    )  # fmt: skip


def _balances(book: Book, account: str) -> Counter[tuple[str, ...]]:
    return Counter(
        (balance.sub_account, balance.wallet, balance.asset, number(balance.total), number(balance.used))
        for balance in book.latest_states("balance", account)
        if isinstance(balance, Balance)
    )


def _venue_balances(venue: Venue, user: int) -> Counter[tuple[str, ...]]:
    return Counter(
        (str(user), row.wallet, row.asset, number(row.total), number(row.held)) for row in venue.balances(user)
    )
