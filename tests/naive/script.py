"""Three users of the naive engine, for figures calculated by hand."""

from __future__ import annotations

from decimal import Decimal

from naive.commands import CreateUser, Envelope, Fund, Operator, Ordered, Outcome
from naive.engine import NaiveEngine
from naive.grounds import NARROW
from naive.workload import START_NS
from nostro.link.view import VenueOrder


class Script:
    """Three users, all rates 0.1 % and 0.25 %, with 10 BBB and 1000 USD each; one second between commands."""

    def __init__(self) -> None:
        self.engine = NaiveEngine(NARROW.profile)
        self.count = 0
        for user in (1, 2, 3):
            self(None, CreateUser(name="n", email="e"))
            self(None, Fund(user=user, wallet="spot", asset="BBB", amount=Decimal(10)))
            self(None, Fund(user=user, wallet="spot", asset="USD", amount=Decimal(1000)))

    def __call__(self, user: int | None, command: Operator | Ordered, *, after_s: int = 1) -> Outcome:
        self.count += 1
        at_ns = max(self.engine.clock_ns, START_NS) + after_s * 1_000_000_000
        return self.engine.apply(Envelope(id=self.count, at_ns=at_ns, user=user, command=command))

    def order(self, order_id: int, outcome: Outcome) -> VenueOrder:
        return next(order for order in outcome.orders if order.id == order_id)

    def free(self, user: int, asset: str) -> Decimal:
        return self.engine.market.ledger.free(user, "spot", asset)
