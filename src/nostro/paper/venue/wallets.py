"""Who owns what: users, their wallets, the house accounts, and the ledger of every change. It keeps sums and writes
entries; it does not decide why money moves (``matching.py``, ``transfers.py``).

All amounts are whole units of the asset. An entry is a plain tuple, in the order of ``rows.ENTRY_COLUMNS``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from nostro.paper.venue.book import Order
    from nostro.paper.venue.loans import Loan
    from nostro.paper.venue.positions import Position
    from nostro.paper.venue.rows import EntryRow

# The place of a wallet among those of its user; they are ordered like this.
SPOT: Final = 0
FUNDING: Final = 1
CROSS: Final = 2
ISOLATED_FROM: Final = 2  # and the id of the instrument on top
MARGIN_FROM: Final = 2  # places from here on are those of margin wallets
COLLATERAL_FROM: Final = 1 << 16  # `futures`; margin accounts have the lowest id of their instruments on top
PURSE_FROM: Final = 1 << 17  # purses have twice the id of the instrument on top, and 1 where they are of a short side
PLACE_BITS: Final = 18
PLACE_MASK: Final = (1 << PLACE_BITS) - 1


def key_of(asset: int, place: int) -> int:
    """The key of `User.wallets`; in the way of every fill it is written out (``matching.py``)."""
    return asset << PLACE_BITS | place


class Wallet:
    """One asset of one user in one of its wallets. ``held`` is the part of ``total`` that is not free."""

    __slots__ = ("held", "id", "total", "updated_ns")

    def __init__(self, number: int) -> None:
        self.id = number
        self.total = 0
        self.held = 0
        self.updated_ns = 0


class User:
    """``wallets``: by key, ``asset index << PLACE_BITS | place``. ``orders``: the open ones, by id. ``parent``: its
    master's id. ``loans``: what its wallets owe or once owed, by the same key. ``positions``: by instrument and side
    (``positions.py``), ``backed``: the same by their collateral wallet. ``contracts``: whether it ever had an order of
    one, or money in a collateral wallet. ``portfolio``: whether its cross positions in `futures` are margined
    together."""

    __slots__ = (
        "backed", "contracts", "id", "loans", "maker_ppm", "orders", "parent", "portfolio", "positions", "taker_ppm",
        "wallets",
    )  # fmt: skip

    def __init__(
        self, number: int, *, maker_ppm: int, taker_ppm: int, parent: int | None, portfolio: bool = False
    ) -> None:
        self.id = number
        self.parent = parent
        self.portfolio = portfolio
        self.maker_ppm = maker_ppm
        self.taker_ppm = taker_ppm
        self.wallets: dict[int, Wallet] = {}
        self.loans: dict[int, Loan] = {}
        self.orders: dict[int, Order] = {}
        self.positions: dict[int, Position] = {}
        self.backed: dict[int, list[Position]] = {}
        self.contracts = False

    def free(self, asset: int, place: int = SPOT) -> int:
        """What that wallet can spend of an asset."""
        wallet = self.wallets.get(asset << PLACE_BITS | place)
        return wallet.total - wallet.held if wallet is not None else 0

    def total(self, key: int) -> int:
        wallet = self.wallets.get(key)
        return 0 if wallet is None else wallet.total


class Ledger:
    """Every wallet and house account changes through here, so that each change leaves its entry.

    ``external``: minus what came in, plus what left, by asset index. ``lend``: minus the principal that is lent.
    ``insurance``: what liquidations left over, less what they cost. ``clearing``: minus what positions realized,
    ``rounding``: what of funding was paid by less than a unit too much. ``at_ns``: the time of the last accepted
    command. ``entries``: of the command under way."""

    __slots__ = (
        "at_ns", "clearing", "entries", "entries_made", "external", "fees", "insurance", "lend", "rounding",
        "wallets_made",
    )  # fmt: skip

    def __init__(self, assets: int) -> None:
        self.at_ns = 0
        self.external = [0] * assets
        self.fees = [0] * assets
        self.lend = [0] * assets
        self.insurance = [0] * assets
        self.clearing = [0] * assets
        self.rounding = [0] * assets
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
            self.entries_made, user.id, key & PLACE_MASK, wallet.id, key >> PLACE_BITS, reason,
            wallet.total, total, wallet.held, held, at_ns,
        ))  # fmt: skip
        wallet.total += total
        wallet.held += held
        wallet.updated_ns = at_ns
