"""What a simulation plays: an exchange, a venue, who acts in it, whose accounts are collected, and what their books
must be compared with. It decides that for ALP.COM; the exchanges with contracts are in ``contract_plays.py``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from random import Random
from typing import Any, Final, NamedTuple, Protocol

from naive.commands import Envelope, Tick
from naive.grounds import NARROW
from naive.workload import Workload
from nostro.exchanges.alp.refusals import REFUSALS
from nostro.link.commands import PlaceOrder, Refusal
from nostro.paper.venue.keys import Issue, texts
from nostro.paper.venue.profile import Profile
from paper.differential import venue_profile
from simulation import truth
from simulation.invariants import DEBTS


class Life(Protocol):
    """Random commands, from one seed."""

    now_ns: int

    def next(self) -> Envelope:
        """The next command."""
        ...

    def let_pass(self) -> Envelope:
        """A command that does nothing but let time pass."""
        ...

    def seen(self, outcome: Any, *, at_ns: int) -> None:
        """What came of the last command, and when it was carried out."""
        ...


class Compare(Protocol):
    def __call__(self, book: Any, venue: Any, user: int, *, now_ns: int, account: str = "") -> Mapping[str, int]:
        """Asserts that a user's book is what the venue holds, and counts what was compared. ``account``: as the book
        calls it, else the user's number."""
        ...


class Living(Protocol):
    def __call__(self, random: Random) -> Life: ...


class Play(NamedTuple):
    """``collected``: users whose accounts are collected, and what their keys may do; the second may only read.
    ``order``: one that its wire can say. ``needed``: rows without which a seed does not count. ``invariants``, ``rows``
    and ``refusals``: what many seeds together must reach. ``jump_chance``: of a pause of hours between two of so many
    ``commands``, one time in four of days."""

    exchange: str
    dialects: tuple[str, ...]
    profile: Profile
    workload: Living
    collected: Mapping[int, tuple[str, ...]]
    order: PlaceOrder
    compare: Compare
    needed: tuple[str, ...]
    invariants: tuple[str, ...]
    rows: tuple[str, ...]
    refusals: Sequence[Refusal]
    issue: Issue = texts
    commands: int = 1_300
    jump_chance: float = 0.04


class SpotLife(Workload):
    def __init__(self, random: Random) -> None:
        super().__init__(random, NARROW)

    def let_pass(self) -> Envelope:
        self.count += 1
        self.given = None
        return Envelope(id=self.count, at_ns=self.now_ns, user=None, command=Tick())

    def seen(self, outcome: Any, *, at_ns: int) -> None:
        super().seen(outcome)


_ROWS: Final = (
    "orders", "fills", "entries", "transfers", "balances", "loans", "borrows", "repayments", "interest",
)  # fmt: skip

# Its first user has a sub-account. The invariants left out belong to derivatives (B10, B12, E8) and to feeds (E13), and
# E15 to tests/paper/test_differential.py. Of margin each check must have tied somewhere.
ALP: Final = Play(
    exchange="alp",
    dialects=("cli", "cli", "d23"),
    profile=venue_profile(NARROW.profile),
    workload=SpotLife,
    collected={1: ("read", "trade", "margin", "withdraw"), 2: ("read",), 3: ("read", "margin")},
    order=PlaceOrder(
        wallet="spot", instrument="AAA/USD", side="buy", type="limit", amount=Decimal(1), price=Decimal(1)
    ),
    compare=truth.compare,
    needed=("orders", "fills", "entries", "transfers", "balances"),
    invariants=(
        "B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B9", "B11", "B13", "B14", "B15", "B16", "B17", "B18", "B19",
        "B20", "B21", "E1", "E2", "E3", "E4", "E5", "E6", "E7", "E10", "E11", "E12", "E14", "E16", "E17",
        *(f"B13: {check}" for check in DEBTS), "B15: transfers between wallets", "B16: borrowings", "B16: repayments",
    ),
    rows=(*_ROWS, "liquidations", *(f"{name} of sub-accounts" for name in _ROWS)),
    refusals=tuple(REFUSALS),
)  # fmt: skip
