"""One subscription to a private feed of Kraken Futures: what it has told, and what there is to tell. It decides which
frames follow one another and their numbers; what a frame says stands in ``feed_account.py``.

States (balances, margins, positions) are told where they differ from what was told; orders, fills and entries as they
come. *Ours*: a snapshot of fills or of the log has the newest 100 rows, and no notifications are ever there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
from msgspec import UNSET

from nostro.exchanges.kraken_futures import feed_account, written
from nostro.exchanges.kraken_futures import feed_messages as messages
from nostro.exchanges.kraken_futures.feed_account import Sections
from nostro.exchanges.kraken_futures.serve_log import lines_of, newest_lines
from nostro.link.view import Changes, VenueFill, VenueOrder, VenueView

PRIVATE: Final = (
    "account_balances_and_margins", "balances", "open_positions", "open_orders", "open_orders_verbose", "fills",
    "account_log", "notifications_auth",
)  # fmt: skip
SNAPSHOT_ROWS: Final = 100


class Subscription:
    """``symbols``: of which contracts fills are told."""

    def __init__(self, view: VenueView, feed: str, *, user: int, symbols: frozenset[str]) -> None:
        self.user = user
        self._view = view
        self._feed = feed
        self._symbols = symbols
        self._account = written.uid(written.ACCOUNT, user)
        self._number = -1
        self._told: dict[str, object] = {}
        self._open: dict[int, VenueOrder] = {}

    def restart(self) -> bool:
        """Counts from the beginning; whether that is another number than the next one would have had."""
        counts, self._number = self._number > 0, min(self._number, 0)
        return counts

    def snapshot(self) -> Iterable[msgspec.Struct]:
        """What is told first; at once after the acknowledgement."""
        if self._feed in ("account_balances_and_margins", "balances", "open_positions"):
            return self._state()
        if self._feed in ("open_orders", "open_orders_verbose"):
            self._open = {row.id: row for row in self._view.orders(self.user, open_only=True) if self._of(row)}
            orders = [feed_account.order(row) for row in self._open.values()]
            return [messages.Orders(feed=f"{self._feed}_snapshot", account=self._account, orders=orders)]
        if self._feed == "fills":
            rows = [row for row in self._view.fills(self.user, newest=SNAPSHOT_ROWS) if self._of(row)]
            return [messages.Fills(feed="fills_snapshot", account=self._account, fills=self._fills(rows))]
        if self._feed == "account_log":
            return [
                messages.Log(feed="account_log_snapshot", logs=newest_lines(self._view, self.user, rows=SNAPSHOT_ROWS))
            ]
        return [messages.Notifications(feed=self._feed, notifications=[])]

    def news(self, changes: Changes | None) -> Iterable[msgspec.Struct]:
        """What there is to tell after a command; without ``changes``, after marks moved."""
        if self._feed in ("account_balances_and_margins", "balances", "open_positions"):
            return self._state()
        if changes is None:
            return []
        if self._feed in ("open_orders", "open_orders_verbose"):
            return self._orders(row for row in changes.orders if row.user == self.user and self._of(row))
        if self._feed == "fills":
            rows = [row for row in changes.fills if row.user == self.user and self._of(row)]
            return [messages.Fills(feed="fills", account=self._account, fills=self._fills(rows))] if rows else []
        if self._feed == "account_log":
            return [
                messages.LogLine(feed=self._feed, new_entry=line)
                for line in lines_of(self._view, self.user, changes=changes)
            ]
        return []

    def _of(self, row: VenueOrder | VenueFill) -> bool:
        return row.instrument in self._symbols

    # ── states ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _state(self) -> Iterator[msgspec.Struct]:
        """The frame of a state that is not as it was told last."""
        if self._feed == "balances":
            yield from self._balances()
            return
        sections = Sections(self._view, self.user)
        margins = self._feed == "account_balances_and_margins"
        content: object = sections.margin_accounts() if margins else sections.positions()
        if self._told.get(self._feed) == content:
            return
        self._told[self._feed] = content
        self._number += 1
        if margins:
            yield messages.AccountBalances(
                feed=self._feed, account=self._account, margin_accounts=sections.margin_accounts(), seq=self._number
            )
        else:
            yield messages.Positions(
                feed=self._feed, account=self._account, positions=sections.positions(), seq=self._number,
                timestamp=written.milliseconds(self._view.now_ns()),
            )  # fmt: skip

    def _balances(self) -> Iterator[messages.Balances]:
        sections = Sections(self._view, self.user)
        holding, futures, flex = sections.holding(), sections.futures(), sections.flex()
        now: dict[str, object] = {"holding": holding, "futures": futures, "flex": flex}
        changed = {name for name, section in now.items() if self._told.get(name) != section}
        if not changed:
            return
        self._told, self._number = now, self._number + 1
        yield messages.Balances(
            feed="balances" if self._number else "balances_snapshot",
            account=self._account,
            holding=holding if "holding" in changed else UNSET,
            futures=futures if "futures" in changed else UNSET,
            flex_futures=flex if "flex" in changed else UNSET,
            timestamp=written.milliseconds(self._view.now_ns()),
            seq=self._number,
        )

    # ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _orders(self, rows: Iterable[VenueOrder]) -> Iterator[messages.OrderChange]:
        for row in rows:
            before = self._open.pop(row.id, None)
            if row.is_open:
                self._open[row.id] = row
            if before != row:
                yield feed_account.change(self._feed, row, before=before)

    def _fills(self, rows: Iterable[VenueFill]) -> list[messages.Fill]:
        found = []
        for row in rows:
            order = self._view.order(self.user, row.order_id)
            found.append(feed_account.fill(row, "" if order is None else order.client_id))
        return found
