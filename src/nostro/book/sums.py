"""What the ledger's entries add up to, period by period: it makes the sum of a long history as quick as that of a
short one. It decides which periods there are and how their totals are kept and added; whose entries count, and when, is
the fold's.

A period's total is stored anew with the page that changed it, and a question about what was known by a page takes the
last total up to it. Periods of three widths cover a history, so that what lies before any moment is few of the widest,
some of the middle and narrow ones, and the rows of a last few minutes. SQL adds nothing: amounts are text.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from nostro.domain.values import DAY_NS, EXACT, SECOND_NS, ZERO, canonical, decimal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nostro.book.store import Store
    from nostro.domain.records import Entry

WIDTHS_NS: Final = (64 * DAY_NS, DAY_NS, 300 * SECOND_NS)  # each a multiple of the next
_KEY: Final = ("start_ns", "sub_account", "wallet", "asset")  # of the totals of one width, in the order of their index

Balance = tuple[str, str, str]  # sub-account, wallet, asset
Latest = dict[tuple[int, int], dict[tuple[Balance, int], Decimal]]  # by account and width, then balance and start
Changes = dict[tuple[Balance, int], Decimal]  # by how much a balance changed within a narrowest period, by its start


def _same(length: int) -> str:
    return "".join(f" AND s.{each} = k.{each}" for each in _KEY[:length])


def add(changes: Changes, entry: Entry, *, effective_ns: int, amount: Decimal) -> None:
    """Notes that ``amount`` more (or less) was entered at that time."""
    key = (entry.sub_account, entry.wallet, entry.asset), _start(effective_ns, WIDTHS_NS[-1])
    changes[key] = EXACT.add(changes.get(key, ZERO), amount)


def write(store: Store, account: int, *, seq: int, changes: Changes, latest: Latest) -> None:
    """Stores the new total of every period that page ``seq`` changed. ``latest``: the totals of the wider periods, kept
    at hand from page to page, since each has as many versions as pages changed it."""
    rows: list[tuple[int | str, ...]] = []
    for width_ns in reversed(WIDTHS_NS):
        changes = _by_period(changes, width_ns)
        if not changes:
            break
        known = latest.setdefault((account, width_ns), {})
        if missing := [start_ns for balance, start_ns in changes if (balance, start_ns) not in known]:
            there = _totals(store, account, width_ns, bounds=(min(missing), max(missing) + 1), seq=seq)
            known.update({period: there.get(period, ZERO) for period in changes if period not in known})
        known.update({period: EXACT.add(known[period], change) for period, change in changes.items()})
        number = store.words.number
        rows += [
            (account, width_ns, start_ns, *map(number, balance), seq, canonical(known[balance, start_ns]))
            for balance, start_ns in changes
        ]
    latest.pop((account, WIDTHS_NS[-1]), None)
    store.engine.insert("period_sum", rows)


def before(store: Store, account: int, *, until_ns: int, seq: int) -> tuple[dict[Balance, Decimal], int]:
    """What all entries of whole periods before ``until_ns`` add up to, as known by page ``seq``, and the moment from
    which the rows that are left must be added to it."""
    sums: dict[Balance, Decimal] = {}
    since_ns = 0
    for width_ns in WIDTHS_NS:
        end_ns = _start(until_ns, width_ns)
        for (balance, _), total in _totals(store, account, width_ns, bounds=(since_ns, end_ns), seq=seq).items():
            sums[balance] = EXACT.add(sums.get(balance, ZERO), total)
        since_ns = end_ns
    return sums, since_ns


def _totals(
    store: Store, account: int, width_ns: int, *, bounds: tuple[int, int], seq: int
) -> Mapping[tuple[Balance, int], Decimal]:
    """The totals of the periods that start within the bounds, as known by page ``seq``. Wide periods are few, and many
    pages change each; of the narrowest there are many, which few pages change."""
    text, (first_ns, end_ns) = store.words.text, bounds
    of = (account, width_ns)
    if width_ns == WIDTHS_NS[-1]:
        found = store.engine.all(_NARROW, (*of, first_ns, end_ns, seq, seq))
    else:
        scans = (*of, first_ns, end_ns, *of, end_ns, *(2 * of) * (len(_KEY) - 1))
        found = store.engine.all(_WIDE, (*scans, *of, seq))
    return {
        ((text(sub_account), text(wallet), text(asset)), start_ns): decimal(amount)
        for start_ns, sub_account, wallet, asset, amount in found
        if amount is not None
    }


_NARROW: Final = (
    f"SELECT {', '.join(_KEY)}, amount FROM period_sum s WHERE account = ? AND width_ns = ? AND start_ns >= ?"
    " AND start_ns < ? AND seq <= ? AND NOT EXISTS (SELECT 1 FROM period_sum k WHERE k.account = s.account"
    f" AND k.width_ns = s.width_ns{_same(len(_KEY))} AND k.seq > s.seq AND k.seq <= ?)"
)


def _wide() -> str:
    """Of each period and balance the last total, found from key to key: however often one was stored anew, one row of
    it is read. Each scan finds what stands in one more column of the key, the next value after the last."""
    there = "FROM period_sum s WHERE s.account = ? AND s.width_ns = ?"
    first = _KEY[0]
    scans = [
        (
            f"by_1 ({first}) AS (SELECT min(s.{first}) {there} AND s.{first} >= ? AND s.{first} < ? UNION ALL SELECT"
            f" (SELECT min(s.{first}) {there} AND s.{first} > k.{first} AND s.{first} < ?) FROM by_1 k"
            f" WHERE k.{first} IS NOT NULL)"
        )
    ]
    for length, column in enumerate(_KEY[1:], start=2):
        outer = ", ".join(f"k.{each}" for each in _KEY[: length - 1])
        least = f"(SELECT min(s.{column}) {there}{_same(length - 1)}"
        scans.append(
            f"by_{length} ({', '.join(_KEY[:length])}) AS (SELECT {outer}, {least}) FROM by_{length - 1} k"
            f" WHERE k.{_KEY[length - 2]} IS NOT NULL UNION ALL SELECT {outer}, {least} AND s.{column} > k.{column})"
            f" FROM by_{length} k WHERE k.{column} IS NOT NULL)"
        )
    return (
        f"WITH RECURSIVE {', '.join(scans)} SELECT {', '.join(f'k.{each}' for each in _KEY)}, (SELECT s.amount {there}"
        f"{_same(len(_KEY))} AND s.seq <= ? ORDER BY s.seq DESC LIMIT 1) FROM by_{len(_KEY)} k"
        f" WHERE k.{_KEY[-1]} IS NOT NULL"
    )


_WIDE: Final = _wide()


def _by_period(changes: Changes, width_ns: int) -> Changes:
    """The same changes by periods of that width, without those that cancel out."""
    wider: Changes = {}
    for (balance, start_ns), change in changes.items():
        key = balance, _start(start_ns, width_ns)
        wider[key] = EXACT.add(wider.get(key, ZERO), change)
    return {key: change for key, change in wider.items() if change}


def _start(time_ns: int, width_ns: int) -> int:
    return time_ns - time_ns % width_ns
