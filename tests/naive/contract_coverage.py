"""Counts which rules of contracts a run has reached, from the commands and the rows of their outcomes alone, and names
what the naive engine counts by itself.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from naive.commands import Envelope, Fund, Outcome, SetFundingRate, SetMark
from nostro.link.commands import (
    FUTURES,
    ISOLATED,
    MARGIN_ACCOUNT,
    EditOrder,
    MoveFunds,
    PlaceOrder,
    Refusal,
    Rejected,
    SetLeverage,
    SetMarginMode,
)
from nostro.link.contracts import VenueForced

KINDS: Final = ("market", "limit", "stop_limit", "stop_market")

# Why commands are refused: all that docs/contracts.md has, but what cannot be. No order that only reduces is open
# without a position, so that an edit of one never finds none.
_REASONS: Final = {
    "PlaceOrder": (
        "unknown_user unknown_instrument wallet_cannot_trade bad_position_side bad_time_in_force bad_amount bad_price "
        "bad_stop already_expired amount_too_small amount_too_large price_out_of_band value_too_small too_many_orders "
        "post_only_would_take no_position reduce_too_large position_too_large leverage_too_high insufficient_funds"
    ),
    "EditOrder": (
        "unknown_user unknown_order bad_amount bad_price bad_stop amount_too_small amount_too_large price_out_of_band "
        "value_too_small post_only_would_take reduce_too_large position_too_large leverage_too_high insufficient_funds"
    ),
    "SetLeverage": (
        "unknown_user unknown_instrument bad_position_side bad_leverage leverage_too_high position_open "
        "insufficient_funds"
    ),
    "SetMarginMode": "unknown_user unknown_instrument position_open",
    "MoveFunds": (
        "unknown_user not_your_account wallet_cannot_trade unknown_asset wrong_asset bad_amount insufficient_funds"
    ),
    "Fund": "wrong_asset",
    "SetMark": "unknown_instrument bad_price",
    "SetFundingRate": "unknown_instrument bad_rate",
    "spot PlaceOrder": "bad_position_side",
}
REFUSALS: Final = tuple(f"{command} {reason}" for command, reasons in _REASONS.items() for reason in reasons.split())

# What nothing but contracts is refused for.
OF_CONTRACTS: Final = frozenset({
    Refusal.BAD_POSITION_SIDE, Refusal.PRICE_OUT_OF_BAND, Refusal.TOO_MANY_ORDERS, Refusal.REDUCE_TOO_LARGE,
    Refusal.POSITION_TOO_LARGE, Refusal.LEVERAGE_TOO_HIGH, Refusal.BAD_LEVERAGE, Refusal.POSITION_OPEN,
    Refusal.UNKNOWN_ORDER, Refusal.BAD_RATE,
})  # fmt: skip

BACKED: Final = (FUTURES, FUTURES + " account", "purse")
RULES: Final = (
    *(f"contract {kind} {rule}" for kind in KINDS for rule in ("gtc", "ioc", "fok")),
    *(f"contract {kind} reduce-only" for kind in KINDS),
    "fill of linear", "fill of inverse", "fill of quanto", "fill of one that is isolated",
    "flip", "profit", "loss", "neither profit nor loss",
    *(f"closed {side}" for side in ("both", "long", "short")),
    "closed isolated", "closed cross", "closed by liquidation", "closed after funding",
    "contract: self trade prevented", "fok not whole after trimming",
    "trimmed, visible", "trimmed, pending", "trimmed with fills",
    *(f"stop triggered by {trigger}" for trigger in ("last", "mark", "index")),
    *(
        f"triggered stop canceled: {reason}"
        for reason in ("insufficient_funds", "leverage_too_high", "position_too_large")
    ),
    "edit", "edit keeps its place", "edit of a waiting stop", "edit that trades", "edit of what is not open any more",
    "edit canceled by what came before it",
    *(
        f"contract order canceled by what came before it: {reason}"
        for reason in ("insufficient_funds", "no_position", "reduce_too_large", "post_only_would_take")
    ),
    "order with all of the equity", "all that is available is moved", "funds not moved after all",
    "funds to a sub-account", "funds from a sub-account", "funds between collateral wallets",
    "leverage set", "leverage unset", "mode isolated", "mode cross",
    "funding of a wallet", "funding of a purse", "the house is funded", "funding leaves something to rounding",
    "several fundings by one command", "funding received", "funding paid", "funding and liquidation by one command",
    "snapshot with positions", "snapshot without positions", "several snapshots of a user by one command", "idle hour",
    *(f"liquidated {what}" for what in BACKED),
    *(f"liquidated {what}, {how}" for what in BACKED for how in ("insurance pays", "insurance pays nothing")),
    *(f"liquidation of contracts by {name}" for name in ("PlaceOrder", "SetMark", "SetIndex", "Tick")),
    "liquidation closes contract orders", "liquidation of several positions", "liquidation without equity",
    "several liquidated by one command", "liquidation ends where the wallet is well again",
    "insurance takes assets of a wallet", "purse made whole by the house",
    "house realizes", "house flips",
    "grid: one offsets the other", "grid: the least", "grid: more with orders", "grid: liquidated",
    "grid: too little for more", "grid: too little for as much",
    *(f"liquidated position: {how}" for how in ("sold", "sold in part, taken over", "taken over")),
)  # fmt: skip


class ContractCoverage:
    def __init__(self, reached: Counter[str]) -> None:
        self.reached = reached

    def refuse(self, envelope: Envelope, answer: Rejected) -> None:
        """A command that is refused."""
        command = envelope.command
        if isinstance(command, PlaceOrder):
            contract = ":" in command.instrument
            self.reached[f"{'' if contract else 'spot '}PlaceOrder {answer.reason.value}"] += 1
        elif isinstance(command, EditOrder | SetLeverage | SetMarginMode | MoveFunds | Fund | SetMark | SetFundingRate):
            self.reached[f"{type(command).__name__} {answer.reason.value}"] += 1

    def add(self, envelope: Envelope, outcome: Outcome) -> None:
        """Of an accepted command."""
        self.add_command(envelope, outcome)
        self.add_fills(outcome)
        self.add_time(outcome)
        for row in outcome.forced:
            self.add_forced(envelope, outcome, row)

    def add_command(self, envelope: Envelope, outcome: Outcome) -> None:
        command, reached = envelope.command, self.reached
        if isinstance(command, PlaceOrder) and ":" in command.instrument:
            reached[f"contract {command.type} {command.time_in_force}"] += 1
            reached[f"contract {command.type} reduce-only"] += command.reduce_only
        if isinstance(command, SetLeverage):
            reached["leverage unset" if command.leverage is None else "leverage set"] += 1
        if isinstance(command, SetMarginMode):
            reached[f"mode {command.mode}"] += 1
        for move in outcome.moves:
            reached["funds to a sub-account"] += move.from_user == envelope.user != move.to_user
            reached["funds from a sub-account"] += move.from_user != envelope.user == move.to_user
            reached["funds between collateral wallets"] += move.from_wallet.startswith(
                FUTURES
            ) and move.to_wallet.startswith(FUTURES)

    def add_fills(self, outcome: Outcome) -> None:
        reached = self.reached
        for fill in outcome.fills:
            if ":" not in fill.instrument:
                continue
            base, _, rest = fill.instrument.partition("/")
            quote, _, settle = rest.partition(":")
            reached["fill of " + {base: "inverse", quote: "linear"}.get(settle, "quanto")] += 1
            if fill.size_before and (fill.size_before > 0) != (fill.side == "buy"):
                pnl = fill.realized_pnl
                reached["profit" if pnl > 0 else "loss" if pnl < 0 else "neither profit nor loss"] += 1
        reached["fill of one that is isolated"] += any(entry.type == "isolate" for entry in outcome.entries)
        for row in outcome.closed:
            reached[f"closed {row.side}"] += 1
            reached[f"closed {row.mode}"] += 1
            reached["closed by liquidation"] += row.liquidated
            reached["closed after funding"] += row.funding != 0

    def add_time(self, outcome: Outcome) -> None:
        reached = self.reached
        for funding in outcome.funding:
            reached["funding received" if funding.amount > 0 else "funding paid"] += 1
        reached["funding and liquidation by one command"] += len(outcome.funding) > 0 and len(outcome.forced) > 0
        for snapshot in outcome.snapshots:
            open_now = any(position.size for position in snapshot.positions)
            reached["snapshot with positions" if open_now else "snapshot without positions"] += 1
        users = [snapshot.user for snapshot in outcome.snapshots]
        reached["several snapshots of a user by one command"] += len(set(users)) < len(users)

    def add_forced(self, envelope: Envelope, outcome: Outcome, row: VenueForced) -> None:
        what = "purse" if row.wallet.startswith(ISOLATED) else FUTURES
        what += " account" if row.wallet.startswith(MARGIN_ACCOUNT) else ""
        self.reached[f"liquidated {what}"] += 1
        self.reached[f"liquidated {what}, insurance pays" + ("" if row.deficit > 0 else " nothing")] += 1
        self.reached[f"liquidation of contracts by {type(envelope.command).__name__}"] += 1
        self.reached["liquidation closes contract orders"] += len(row.orders_canceled) > 0
        self.reached["liquidation of several positions"] += len(row.orders_made) > 1
        self.reached["liquidation without equity"] += row.equity < 0


def missing(reached: Counter[str], least: int) -> dict[str, int]:
    """What was reached fewer times, of rules and refusals."""
    return {name: reached[name] for name in (*RULES, *REFUSALS) if reached[name] < least}
