"""Counts which rules of margin a run has reached, from the commands and the rows of their outcomes alone."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from naive.commands import CreateUser, Envelope, Outcome
from nostro.domain.values import EXACT
from nostro.link.commands import ISOLATED, Accepted, Borrow, ClosePosition, MoveMargin, PlaceOrder, Repay
from nostro.link.view import VenueBorrow, VenueLiquidation, VenueOrder

# What a run must have reached for its comparison to mean something; the last ones are counted by the naive engine.
RULES = (
    *(f"{command} by a master" for command in ("MoveMargin", "Borrow", "Repay", "ClosePosition")),
    *(
        f"{command} in {kind}"
        for command in ("Borrow", "Repay", "ClosePosition")
        for kind in ("cross_margin", ISOLATED[:-1])
    ),
    *(f"MoveMargin {way} {kind}" for way in ("add", "sub") for kind in ("cross_margin", ISOLATED[:-1], "funding")),
    *(f"order in {kind}" for kind in ("cross_margin", ISOLATED[:-1])),
    *(f"auto borrow in {kind}" for kind in ("cross_margin", ISOLATED[:-1])),
    *(
        f"auto borrow, {kind} {side}"
        for kind in ("limit", "market", "stop_limit", "stop_market")
        for side in ("buy", "sell")
    ),
    *(
        f"{how} of {what}"
        for how in ("repay", "auto repay")
        for what in ("interest", "principal", "interest and principal")
    ),
    "sub-account made",
    "borrow done",
    "repay capped: less is owed by then",
    "repay capped: nothing is owed any more",
    "interest accrues",
    "interest of several hours",
    "interest of several borrows of a wallet and asset",
    "interest rounded up",
    "expiry together with accrual",
    "interest and liquidation by one command",
    "close long",
    "close short",
    "close with several orders",
    "close without an order",
    *(
        f"{what}: order {how}"
        for what in ("close", "liquidation")
        for how in ("fills nothing", "filled in part", "filled")
    ),
    *(f"{what}: {side}s" for what in ("close", "liquidation") for side in ("buy", "sell")),
    *(f"liquidation by {command}" for command in ("PlaceOrder", "SetIndex", "Tick")),
    *(f"liquidation in {kind}" for kind in ("cross_margin", ISOLATED[:-1])),
    "liquidation at 0.05 exactly",
    "liquidation below nothing",
    "liquidation closes orders",
    "liquidation of several debts",
    "liquidation of several wallets by one command",
    "liquidation without an order",
    "liquidation, the fund pays",
    "liquidation, the fund pays nothing",
    "liquidation, the fund takes",
    "liquidation, the fund takes several assets",
    "canceled by what came before it (auto_borrow)",
    *(f"covering order stops: {why}" for why in ("end", "money", "own", "whole")),
    "exactly at the limit",
    "in warning",
    "no covering order: less than a lot",
    "no covering order: no bid",
    "no covering order: the fee takes all",
)


class MarginCoverage:
    def __init__(self, reached: Counter[str]) -> None:
        self.reached = reached
        self.known_borrows: dict[int, VenueBorrow] = {}

    def add(self, envelope: Envelope, outcome: Outcome) -> None:
        """Of an accepted command."""
        self.add_command(envelope, outcome)
        self.add_borrows(envelope, outcome)
        self.add_interest(outcome)
        self.add_liquidations(envelope, outcome)
        self.add_covering(envelope, outcome)

    def add_command(self, envelope: Envelope, outcome: Outcome) -> None:
        command, reached = envelope.command, self.reached
        if isinstance(command, CreateUser):
            reached["sub-account made"] += command.parent is not None
        if isinstance(command, MoveMargin | Borrow | Repay | ClosePosition):
            name = type(command).__name__
            reached[f"{name} by a master"] += command.account != envelope.user
            reached[f"{name} in {kind_of(command.wallet)}"] += 1
        if isinstance(command, MoveMargin):
            reached[f"MoveMargin {command.direction} {kind_of(command.wallet)}"] += 1
        if isinstance(command, Repay):
            reached["repay capped: nothing is owed any more"] += outcome.answer == Accepted(())
            mine = [row for row in outcome.repayments if (row.id,) == getattr(outcome.answer, "ids", ())]
            paid = [EXACT.add(row.interest, row.principal) for row in mine]
            reached["repay capped: less is owed by then"] += any(amount < command.amount for amount in paid)
        if isinstance(command, PlaceOrder) and command.wallet != "spot":
            reached[f"order in {kind_of(command.wallet)}"] += 1

    def add_borrows(self, envelope: Envelope, outcome: Outcome) -> None:
        reached = self.reached
        for row in outcome.borrows:
            if row.id not in self.known_borrows and isinstance(envelope.command, PlaceOrder):
                order = envelope.command
                reached[f"auto borrow in {kind_of(row.wallet)}"] += 1
                reached[f"auto borrow, {order.type} {order.side}"] += 1
            self.known_borrows[row.id] = row
            reached["borrow done"] += row.done_ns is not None
        by_order = {(fill.user, fill.wallet) for fill in outcome.fills}
        liquidated = {(row.user, row.wallet) for row in outcome.liquidations}
        for repayment in outcome.repayments:
            what = "interest and principal" if repayment.interest and repayment.principal else "principal"
            what = "interest" if not repayment.principal else what
            where = (repayment.user, repayment.wallet)
            closing = isinstance(envelope.command, Repay | ClosePosition)
            if repayment.type == "auto" and where in by_order and where not in liquidated and not closing:
                reached[f"auto repay of {what}"] += 1
            elif isinstance(envelope.command, Repay):
                reached[f"repay of {what}"] += 1

    def add_interest(self, outcome: Outcome) -> None:
        reached = self.reached
        hours = {row.time_ns for row in outcome.interest}
        reached["interest accrues"] += len(hours) > 0
        reached["interest of several hours"] += len(hours) > 1
        reached["interest of several borrows of a wallet and asset"] += len(
            {(row.user, row.wallet, row.asset) for row in outcome.interest}
        ) < len({row.borrow for row in outcome.interest})
        reached["interest rounded up"] += any(
            row.accrued > EXACT.multiply(self.owed_before(row.borrow), row.rate) for row in outcome.interest
        )
        expired = any(order.status == "expired" for order in outcome.orders)
        reached["expiry together with accrual"] += expired and len(hours) > 0
        reached["interest and liquidation by one command"] += len(hours) > 0 and len(outcome.liquidations) > 0

    def owed_before(self, borrow: int) -> Decimal:
        row = self.known_borrows[borrow]
        return EXACT.subtract(row.amount, row.repaid)

    # ── liquidation ──────────────────────────────────────────────────────────────────────────────────────────────

    def add_liquidations(self, envelope: Envelope, outcome: Outcome) -> None:
        reached = self.reached
        wallets: dict[tuple[int, str], list[VenueLiquidation]] = {}
        for row in outcome.liquidations:
            wallets.setdefault((row.user, row.wallet), []).append(row)
        reached["liquidation of several wallets by one command"] += len(wallets) > 1
        name = type(envelope.command).__name__
        if wallets:
            reached[f"liquidation by {name}"] += 1
        for (user, wallet), rows in wallets.items():
            level = rows[0].level
            reached[f"liquidation in {kind_of(wallet)}"] += 1
            reached["liquidation of several debts"] += len(rows) > 1
            reached["liquidation closes orders"] += len(rows[0].orders_closed) > 0
            reached["liquidation at 0.05 exactly"] += level == Decimal("0.05")
            reached["liquidation below nothing"] += level < 0
            reached["liquidation, the fund pays"] += any(row.fund for row in rows)
            reached["liquidation, the fund pays nothing"] += not any(row.fund for row in rows)
            reached["liquidation without an order"] += not any(row.orders_created for row in rows)
            taken = [
                entry
                for entry in outcome.entries
                if (entry.user, entry.wallet, entry.type) == (user, wallet, "liquidation") and entry.total_delta < 0
            ]
            reached["liquidation, the fund takes"] += len(taken) > 0
            reached["liquidation, the fund takes several assets"] += len({entry.asset for entry in taken}) > 1

    def add_covering(self, envelope: Envelope, outcome: Outcome) -> None:
        covering = [one for row in outcome.liquidations for one in row.orders_created]
        closing = isinstance(envelope.command, ClosePosition) and isinstance(outcome.answer, Accepted)
        closed = [*outcome.answer.ids] if closing and isinstance(outcome.answer, Accepted) else []
        orders = {order.id: order for order in outcome.orders}
        for name, ids in (("liquidation", covering), ("close", closed)):
            for number in ids:
                self.add_covering_order(name, orders[number])
        if closing:
            self.reached["close without an order"] += not closed
            sides = {orders[number].side for number in closed if orders[number].filled}
            self.reached["close short"] += "buy" in sides
            self.reached["close long"] += "sell" in sides
            self.reached["close with several orders"] += len(closed) > 1

    def add_covering_order(self, name: str, order: VenueOrder) -> None:
        self.reached[f"{name}: order fills nothing"] += not order.filled
        self.reached[f"{name}: order filled in part"] += order.status == "partially_canceled"
        self.reached[f"{name}: order filled"] += order.status == "filled"
        self.reached[f"{name}: {order.side}s"] += 1


def kind_of(wallet: str) -> str:
    return wallet.partition(":")[0]
