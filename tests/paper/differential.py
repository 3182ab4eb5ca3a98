"""Runs the paper exchange's engine and the naive one on the same commands and compares everything they show. It decides
what counts as a difference, and nothing about who is right: docs/venue.md and docs/contracts.md say that.
"""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Final

import msgspec

from naive import commands as naive_commands
from naive.commands import Envelope, Outcome, Profile
from naive.contract_grounds import ContractGround
from naive.contract_workload import ContractWorkload
from naive.coverage import Coverage
from naive.engine import NaiveEngine
from naive.grounds import NARROW, Ground
from naive.workload import Workload
from nostro.domain.margin.portfolio import Grid
from nostro.domain.values import EXACT
from nostro.link.commands import Accepted, Rejected
from nostro.link.contracts import VenueBalance
from nostro.link.view import VenueInstrument, VenueLoan, VenueMargin
from nostro.paper.venue import commands as venue_commands
from nostro.paper.venue.audit_margin import house
from nostro.paper.venue.engine import Engine
from nostro.paper.venue.profile import Borrowing, Collateral
from nostro.paper.venue.profile import Profile as VenueProfile
from nostro.paper.venue.wallets import COLLATERAL_FROM, MARGIN_FROM, PLACE_MASK

STATE_EVERY: Final = 50  # commands between two comparisons of all balances, loans and wallets, and of the whole depth
ROWS: Final = (
    "orders", "fills", "entries", "transfers", "movements", "borrows", "repayments", "interest", "liquidations",
    "funding", "closed", "moves", "snapshots", "forced",
)  # fmt: skip


class Difference(AssertionError):
    pass


def venue_profile(profile: Profile) -> VenueProfile:
    moves_ppm, least_ppm, initial_ppm = profile.grid
    return VenueProfile(
        name="differential",
        assets=profile.assets,
        instruments=profile.instruments,
        deposit_methods=(),
        withdraw_methods=profile.methods,
        start_prices=profile.start_prices,
        quote_asset=profile.quote_asset,
        borrowing=tuple(Borrowing(*row) for row in profile.borrowing),
        maker_ppm=profile.maker_ppm,
        taker_ppm=profile.taker_ppm,
        hedge=profile.hedge,
        collateral=tuple(Collateral(*row) for row in profile.collateral),
        start_marks=profile.marks,
        snapshots=profile.snapshots,
        grid=Grid(moves_ppm=moves_ppm, least_ppm=least_ppm, initial_ppm=initial_ppm),
    )


def venue_envelope(envelope: Envelope) -> venue_commands.Envelope:
    command = envelope.command
    if type(command).__module__ == naive_commands.__name__:
        fields = {name: getattr(command, name) for name in command.__struct_fields__}
        command = getattr(venue_commands, type(command).__name__)(**fields)
    return venue_commands.Envelope(id=envelope.id, at_ns=envelope.at_ns, user=envelope.user or 0, command=command)


class Pair:
    """Both engines side by side. Raises `Difference` with both sides, the command and where it was."""

    def __init__(self, profile: Profile = NARROW.profile, *, name: str = "") -> None:
        self.profile = profile
        self.name = name
        self.engine = Engine(venue_profile(profile))
        self.naive = NaiveEngine(profile)
        self.index = 0
        self.given: set[int] = set()

    def apply(self, envelope: Envelope) -> Outcome:
        expected = self.naive.apply(envelope)
        if envelope.id in self.given:  # the journal answers these, before the engine
            return expected
        self.given.add(envelope.id)
        found = self.engine.apply(venue_envelope(envelope))
        self.same(envelope, "answer", shown(expected.answer), shown(found.answer))
        for kind in ROWS:
            self.same(envelope, kind, list(getattr(expected, kind)), list(getattr(found, kind)))
        self.same(envelope, "house accounts", self.naive.houses(), houses(self.engine))
        self.index += 1
        if self.index % STATE_EVERY == 0:
            self.compare_state(envelope)
        return expected

    def compare_state(self, envelope: Envelope) -> None:
        self.engine.check()
        for user in range(1, len(self.naive.market.users) + 1):
            expected = sorted(self.naive.balances(user), key=lambda row: (row.wallet, row.asset))
            found = sorted(balances(self.engine, user), key=lambda row: (row.wallet, row.asset))
            self.same(envelope, f"balances of user {user}", expected, found)
            self.same(envelope, f"loans of user {user}", self.naive.loans(user), loans(self.engine, user))
            self.same(envelope, f"margin of user {user}", self.naive.margins(user), margins(self.engine, user))
            known = self.engine.users[user]
            shown_positions, shown_wallets = self.engine.shown.positions(known), self.engine.shown.wallets(known)
            self.same(envelope, f"positions of user {user}", self.naive.positions(user), shown_positions)
            self.same(envelope, f"collateral of user {user}", self.naive.collateral(user), shown_wallets)
        for instrument in self.profile.instruments:
            for side in ("buy", "sell"):
                expected_depth = self.naive.depth(instrument.symbol, side)
                self.same(envelope, f"depth {side}", expected_depth, depth(self.engine, instrument, side))

    def same(self, envelope: Envelope, what: str, expected: object, found: object) -> None:
        if expected == found:
            return
        message = f"{self.name} command {self.index}: {what} differ\n  {envelope}\n{sides(expected, found)}"
        raise Difference(message)


def balances(engine: Engine, user: int) -> list[VenueBalance]:
    return [
        engine.words.balance(user, key, total=wallet.total, held=wallet.held, updated_ns=wallet.updated_ns)
        for key, wallet in engine.users[user].wallets.items()
    ]


def loans(engine: Engine, user: int) -> list[VenueLoan]:
    owed = sorted(engine.users[user].loans.items(), key=lambda item: item[1].id)
    return [
        engine.words.loan(user, key, number=loan.id, principal=loan.principal, interest=loan.interest)
        for key, loan in owed
        if loan.debt
    ]


def margins(engine: Engine, user: int) -> list[VenueMargin]:
    known = engine.users[user]
    places = sorted({key & PLACE_MASK for key in known.wallets if MARGIN_FROM <= key & PLACE_MASK < COLLATERAL_FROM})
    return [engine.index.shown(known, place, wallet=engine.words.wallets[place]) for place in places]


def houses(engine: Engine) -> dict[tuple[str, str], Decimal]:
    """By account and asset, where anything is in it."""
    return {
        (name, asset.code): EXACT.scaleb(Decimal(units), -asset.digits)
        for name, accounts in house(engine).items()
        for asset, units in zip(engine.profile.assets, accounts, strict=True)
        if units
    }


def depth(engine: Engine, instrument: VenueInstrument, side: str) -> list[tuple[Decimal, Decimal]]:
    """Visible (price, amount), best first, one row an order."""
    market = engine.markets[instrument.symbol]
    book = market.bids if side == "buy" else market.asks
    return [
        (
            Decimal(order.price or 0).scaleb(-instrument.price_digits),
            Decimal(order.lots - order.filled).scaleb(-instrument.amount_digits),
        )
        for key in reversed(book.keys)
        for order in book.levels[key].values()
    ]


def shown(answer: Accepted | Rejected) -> object:
    """Details of refusals are words for people."""
    return answer.reason if isinstance(answer, Rejected) else answer


def sides(expected: object, found: object) -> str:
    if not isinstance(expected, list) or not isinstance(found, list):
        return f"  naive  {expected}\n  engine {found}"
    lines = []
    for n in range(max(len(expected), len(found))):
        pair = [rows[n] if n < len(rows) else None for rows in (expected, found)]
        if pair[0] != pair[1]:
            lines.append(f"  row {n}:\n    naive  {pair[0]}\n    engine {pair[1]}{fields(*pair)}")
    return "\n".join(lines)


def fields(expected: object, found: object) -> str:
    if not isinstance(expected, msgspec.Struct) or not isinstance(found, msgspec.Struct):
        return ""
    names = [name for name in expected.__struct_fields__ if getattr(expected, name) != getattr(found, name, None)]
    return f"\n    fields {names}"


def run(seed: int, count: int, coverage: Coverage, ground: Ground = NARROW) -> None:
    """``count`` commands of one seed on two new venues. Raises `Difference`."""
    coverage.start()
    pair = Pair(ground.profile, name=f"seed {seed}")
    if isinstance(ground, ContractGround):
        workload: Workload = ContractWorkload(Random(seed), ground, pair.naive)
    else:
        workload = Workload(Random(seed), ground)
    for _ in range(count):
        envelope = workload.next()
        outcome = pair.apply(envelope)
        workload.seen(outcome)
        coverage.add(envelope, outcome)
    pair.compare_state(envelope)
    coverage.reached.update(pair.naive.market.ledger.reached)
