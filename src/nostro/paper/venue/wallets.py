"""Who owns what: users, their wallets, the house accounts, and the ledger of every change. It keeps sums and writes
entries; it does not decide why money moves (``matching.py``, ``transfers.py``).

All amounts are whole units of the asset. An entry is a plain tuple, in the order of ``rows.ENTRY_COLUMNS``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from nostro.paper.venue.book import Order
    from nostro.paper.venue.rows import EntryRow

SPOT: Final = 0
FUNDING: Final = 1


class Wallet:
    """One asset of one user in one of its wallets. ``held`` is the part of ``total`` that is not free."""

    __slots__ = ("held", "id", "total", "updated_ns")

    def __init__(self, number: int) -> None:
        self.id = number
        self.total = 0
        self.held = 0
        self.updated_ns = 0


class User:
    """``wallets``: by 2 · asset index + kind (`SPOT` or `FUNDING`). ``orders``: the open ones, by id."""

    __slots__ = ("id", "maker_ppm", "orders", "taker_ppm", "wallets")

    def __init__(self, number: int, *, maker_ppm: int, taker_ppm: int) -> None:
        self.id = number
        self.maker_ppm = maker_ppm
        self.taker_ppm = taker_ppm
        self.wallets: dict[int, Wallet] = {}
        self.orders: dict[int, Order] = {}

    def free(self, asset: int) -> int:
        """What the spot wallet can spend."""
        wallet = self.wallets.get(asset * 2)
        return wallet.total - wallet.held if wallet is not None else 0


class Ledger:
    """Every wallet and house account changes through here, so that each change leaves its entry.

    ``external``: minus what came in, plus what left, by asset index. ``at_ns``: the time of the last accepted command.
    ``entries``: of the command under way."""

    __slots__ = ("at_ns", "entries", "entries_made", "external", "fees", "wallets_made")

    def __init__(self, assets: int) -> None:
        self.at_ns = 0
        self.external = [0] * assets
        self.fees = [0] * assets
        self.entries_made = 0
        self.wallets_made = 0
        self.entries: list[EntryRow] = []

    def post(self, user: User, key: int, *, reason: str, total: int, held: int) -> None:
        """Changes a wallet (``key`` as in `User.wallets`) by signed units; nothing is written where both are 0."""
        if not (total or held):
            return
        wallet = user.wallets.get(key)
        if wallet is None:
            self.wallets_made += 1
            wallet = user.wallets[key] = Wallet(self.wallets_made)
        self.entries_made += 1
        at_ns = self.at_ns
        self.entries.append((
            self.entries_made, user.id, key & 1, wallet.id, key >> 1, reason,
            wallet.total, total, wallet.held, held, at_ns,
        ))  # fmt: skip
        wallet.total += total
        wallet.held += held
        wallet.updated_ns = at_ns
