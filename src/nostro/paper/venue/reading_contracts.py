"""What a wire reads of contracts, by the questions of `ContractsView`. It decides, as ``reading.py`` does for the rest,
how each is put together from the engine's state and the journal's histories; it changes nothing.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from nostro.link.contracts import (
    VenueClosed,
    VenueCollateral,
    VenueForced,
    VenueFunding,
    VenueMove,
    VenuePosition,
    VenueSnapshot,
)
from nostro.paper.venue import histories
from nostro.paper.venue.contracts import RATE_DIGITS
from nostro.paper.venue.numbers import amount_of
from nostro.paper.venue.profile import INDEX_DIGITS
from nostro.paper.venue.reading import Reading
from nostro.paper.venue.words import RATE_DIGITS as PPM_DIGITS

if TYPE_CHECKING:
    from nostro.paper.venue.contracts import Contract


class ContractReading(Reading, ABC):
    """A venue as it is read, with its contracts."""

    def mark(self, symbol: str) -> Decimal:
        contract = self._contract(symbol)
        return amount_of(contract.mark, contract.price_digits)

    def index(self, symbol: str) -> Decimal:
        contract = self._contract(symbol)
        return amount_of(contract.index, contract.price_digits)

    def index_price(self, asset: str) -> Decimal:
        return amount_of(self.engine.index.prices[self.engine.assets[asset]], INDEX_DIGITS)

    def funding_rate(self, symbol: str) -> tuple[Decimal, int]:
        contract, now_ns = self._contract(symbol), self.now_ns()
        next_ns = now_ns - now_ns % contract.interval_ns + contract.interval_ns
        return amount_of(contract.rate, RATE_DIGITS), next_ns

    def positions(self, user: int, *, symbol: str | None = None) -> Sequence[VenuePosition]:
        return [
            position
            for position in self.engine.shown.positions(self.engine.users[user])
            if symbol is None or position.instrument == symbol
        ]

    def collateral(self, user: int) -> Sequence[VenueCollateral]:
        return self.engine.shown.wallets(self.engine.users[user])

    def portfolio(self, user: int) -> bool:
        return self.engine.users[user].portfolio

    def usual_fees(self) -> tuple[Decimal, Decimal]:
        profile = self.profile
        return amount_of(profile.maker_ppm, PPM_DIGITS), amount_of(profile.taker_ppm, PPM_DIGITS)

    def haircut_ppm(self, asset: str) -> int | None:
        return {each.asset: each.haircut_ppm for each in self.profile.collateral}.get(asset)

    def funding(
        self, user: int, *, symbol: str | None = None, since_ns: int | None = None, until_ns: int | None = None
    ) -> Iterator[VenueFunding]:
        rows = self._rows("funding", user, symbol, since_ns=since_ns, until_ns=until_ns)
        return map(self.engine.words.funding, rows)

    def closed(
        self, user: int, *, symbol: str | None = None, since_ns: int | None = None, until_ns: int | None = None
    ) -> Iterator[VenueClosed]:
        rows = self._rows("closed", user, symbol, since_ns=since_ns, until_ns=until_ns)
        return map(self.engine.words.closed, rows)

    def moves(self, user: int, *, since_ns: int | None = None, until_ns: int | None = None) -> Iterator[VenueMove]:
        return map(self.engine.words.move, self._history("moves", {"user": user}, since_ns=since_ns, until_ns=until_ns))

    def snapshots(
        self, user: int, *, since_ns: int | None = None, until_ns: int | None = None, newest_first: bool = False
    ) -> Iterator[VenueSnapshot]:
        self._flush()
        if newest_first:
            rows = histories.newest_first(self._journal, "noted", user=user, since_ns=since_ns, until_ns=until_ns)
        else:
            rows = self._history("noted", {"user": user}, since_ns=since_ns, until_ns=until_ns)
        return map(self.engine.words.noted, rows)

    def forced(self, user: int, *, since_ns: int | None = None, until_ns: int | None = None) -> Iterator[VenueForced]:
        return map(
            self.engine.words.forced, self._history("forced", {"user": user}, since_ns=since_ns, until_ns=until_ns)
        )

    def _contract(self, symbol: str) -> Contract:
        return self.engine.futures.contracts[symbol]

    def _rows(
        self, table: str, user: int, symbol: str | None, *, since_ns: int | None, until_ns: int | None
    ) -> Iterator[histories.Row]:
        where = {"user": user, "instrument": self._id(symbol)}
        return self._history(table, where, since_ns=since_ns, until_ns=until_ns)
