"""Counts what a run of commands has reached, from the commands and the rows of their outcomes alone."""

from __future__ import annotations

from collections import Counter

from naive.commands import Envelope, Outcome
from naive.contract_coverage import ContractCoverage
from naive.margin_coverage import MarginCoverage
from nostro.domain.values import EXACT
from nostro.link.commands import Accepted, PlaceOrder
from nostro.link.view import VenueOrder


class Coverage:
    """``placed``: accepted orders by (type, time in force). ``refused``: by (command, reason). ``reached``: situations
    by name."""

    def __init__(self) -> None:
        self.commands = 0
        self.accepted = 0
        self.placed: Counter[tuple[str, str]] = Counter()
        self.refused: Counter[tuple[str, str]] = Counter()
        self.reached: Counter[str] = Counter()
        self.start()

    def start(self) -> None:
        """Another venue begins."""
        self.before: dict[int, VenueOrder] = {}
        self.margin = MarginCoverage(self.reached)
        self.contracts = ContractCoverage(self.reached)
        self.ids: set[int] = set()
        self.clock_ns = 0

    def include(self, other: Coverage) -> None:
        """What another run reached."""
        self.commands += other.commands
        self.accepted += other.accepted
        for mine, its in ((self.placed, other.placed), (self.refused, other.refused), (self.reached, other.reached)):
            mine.update(its)

    def add(self, envelope: Envelope, outcome: Outcome) -> None:
        command, answer = envelope.command, outcome.answer
        self.commands += 1
        self.accepted += isinstance(answer, Accepted)
        if envelope.id in self.ids:
            self.reached["repeated id"] += 1
            return
        self.ids.add(envelope.id)
        if not isinstance(answer, Accepted):
            self.refused[type(command).__name__, answer.reason.value] += 1
            self.contracts.refuse(envelope, answer)
            return
        self.reached[f"accepted {type(command).__name__}"] += 1
        self.reached["time not advancing"] += envelope.at_ns == self.clock_ns
        self.reached["time going back"] += envelope.at_ns < self.clock_ns
        self.clock_ns = max(self.clock_ns, envelope.at_ns)
        new = answer.ids[0] if isinstance(command, PlaceOrder) else None
        if isinstance(command, PlaceOrder):
            self.placed[command.type, command.time_in_force] += 1
        self.add_orders(outcome, new)
        self.add_money(outcome)
        self.margin.add(envelope, outcome)
        self.contracts.add(envelope, outcome)

    def add_orders(self, outcome: Outcome, new: int | None) -> None:
        triggered = 0
        for order in outcome.orders:
            kind, before = f"{order.type} {order.time_in_force}", self.before.get(order.id)
            self.before[order.id] = order
            if order.type.startswith("stop") and (before is None or before.status == "pending"):
                triggered += order.status in ("open", "partially_filled", "filled", "partially_canceled")
            self.reached[f"{kind} ends {order.status}"] += not order.is_open
            self.reached[f"{kind} waits {order.status}"] += order.is_open
            self.reached[f"aon rests, then filled ({order.type})"] += (
                order.time_in_force == "aon" and before is not None and before.status == "open" and order.filled > 0
            )
            if order.status == "expired":
                end_is_till = order.valid_till_ns is not None and (
                    order.expire_after_ns is None or order.valid_till_ns < order.expire_after_ns
                )
                self.reached["expired by " + ("valid_till" if end_is_till else "expire_after")] += 1
                self.reached["expired with fills"] += order.filled > 0
            if order.quote_amount is not None:
                self.reached["quote funded, " + ("filled" if order.filled else "nothing")] += 1
            if order.id == new:
                self.reached["self trade prevented"] += (
                    order.type == "limit" and order.time_in_force == "gtc" and order.canceled > 0
                )
        self.reached["stop triggered"] += triggered > 0
        self.reached["cascade of stops"] += triggered > 1
        self.reached["trades of others"] += any(fill.order_id != new for fill in outcome.fills if not fill.maker)

    def add_money(self, outcome: Outcome) -> None:
        for fill in outcome.fills:
            self.reached["dust: cost 0"] += fill.cost == 0
            received = fill.amount if fill.side == "buy" else fill.cost
            self.reached["fee rounded up"] += fill.fee > EXACT.multiply(received, fill.fee_rate)
            self.reached["fee is all"] += fill.fee == received and fill.fee > 0
            self.reached["price better than limit"] += fill.order_type == "limit" and not fill.maker
        self.reached["hold left released"] += any(entry.type == "release" for entry in outcome.entries)
        for transfer in outcome.transfers:
            self.reached[f"{transfer.direction} {transfer.status}"] += 1
