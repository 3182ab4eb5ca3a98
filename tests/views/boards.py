"""A board for tests: accounts of several wires with all that a section shows, small numbers and large ones."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from nostro.domain.fact import Balance, Fact
from nostro.domain.records import MarginSummary, Position
from nostro.domain.values import SECOND_NS, parse_time
from nostro.views.live import Board
from nostro.views.look import Look

NOON_NS = parse_time("2026-01-02T12:00:00Z")


def position(instrument: str, size: str, *, mark: str | None, liquidation: str | None, **more: Any) -> Position:
    return Position(
        wallet="futures", instrument=instrument, side="both", size=Decimal(size), entry_price=Decimal("60000.5"),
        currency="USDT", mark_price=None if mark is None else Decimal(mark), unrealized_pnl=Decimal("-12.345678901"),
        liquidation_price=None if liquidation is None else Decimal(liquidation), leverage=Decimal(10), **more,
    )  # fmt: skip


def balance(asset: str, total: str, **more: Any) -> Balance:
    return Balance(wallet="spot", asset=asset, total=Decimal(total), free=Decimal(total), used=Decimal(0), **more)


def summary(equity: str) -> MarginSummary:
    return MarginSummary(
        wallet="futures", scope="cross", currency="USDT", equity=Decimal(equity), available=Decimal("7622.956789"),
        maintenance_margin=Decimal("1250.25"), initial_margin=Decimal("2500.5"), unrealized_pnl=Decimal("123.456789"),
    )  # fmt: skip


FACTS: dict[str, list[Fact]] = {
    "kraken_futures-trader": [
        position("BTC/USD:BTC", "-426", mark="61000.5", liquidation="64050.525"),
        position("ETH/USDT:USDT", "0.0001", mark="3000", liquidation="1500"),
        summary("10123.456789"), balance("BTC", "0.003015661234567891", value=Decimal("183.9622")),
    ],
    "trader": [balance("USDT", "1234567.89"), balance("BTC", "-0.5"), balance("EUR", "0")],
    "grvt-desk": [
        position("BTC/USDT:USDT", "1.5", mark="61000.5", liquidation="57339.47"),
        position("SOL/USDT:USDT", "1000000", mark="150.25", liquidation=None), summary("123456789.123456789"),
    ],
}  # fmt: skip


def look(account: str, facts: Sequence[Fact], *, seq: int = 1, at_ns: int = NOON_NS, **more: Any) -> Look:
    """What a book says of an account that was seen at that moment, and is collected."""
    seen = tuple(fact.__class__(**fact_members(fact) | {"account": account, "observed_ns": at_ns}) for fact in facts)
    usual = {"exchange": account.partition("-")[0], "leased_ns": at_ns + 20 * SECOND_NS, "heard_ns": at_ns}
    return Look(account=account, seq=seq, facts=seen, **usual | more)


def fact_members(fact: Fact) -> dict[str, Any]:
    return {name: getattr(fact, name) for name in fact.__struct_fields__}


def filled(*, told: bool = False, **more: Any) -> Board:
    """A board that has just been filled from a book."""
    board = Board(tuple(FACTS), told=told)
    board.put({name: look(name, facts, **more) for name, facts in FACTS.items()}, now_ns=NOON_NS)
    return board
