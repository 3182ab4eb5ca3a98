"""The comparison of the two engines covers contracts: each of these planted faults, a piece of a rule of
docs/contracts.md turned into another, is found within a few thousand commands."""

from __future__ import annotations

from typing import Any

import pytest

from naive import positions
from naive.collateral import Collateral
from naive.contract_commands import ContractCommands
from naive.contract_grounds import CONTRACT_GROUNDS
from naive.contract_market import ContractMarket
from naive.coverage import Coverage
from naive.forced import Forced
from naive.passing import Passing
from naive.perpetual import Perpetual
from naive.portfolio import Portfolio
from naive.positions import Positions
from paper.differential import Difference, run
from paper.planting import plant

SEEDS, COMMANDS = 6, 2_000  # at most, on each ground: a run ends where the fault is found

PAY = "    position.fees += fee\n"
APPLY = "    self.apply(position, change, sign, mark=mark, forced=forced)\n"

# (the function, what the page says, what the fault says)
FAULTS: tuple[tuple[Any, str, str, str], ...] = (
    # value and margin
    (Perpetual, "value", "half_even(", "math.floor("),
    (Perpetual, "tier", "value <= up_to", "value < up_to"),
    (Perpetual, "initial", "math.ceil(", "math.floor("),
    (Perpetual, "maintenance", "math.ceil(", "math.floor("),
    (Perpetual, "loss", "sign * self.direction * ", "sign * "),
    # a fill
    (positions, "change_of", "value if closed == lots else perpetual.value(closed, ticks)", "value * closed // lots"),
    (positions, "change_of", "value - closed_value", "perpetual.value(lots - closed, ticks)"),
    (positions, "change_of", "half_even(", "math.floor("),
    (positions, "change_of", "perpetual.direction * (", "1 * ("),
    (Positions, "user_fill", "math.ceil(", "round("),
    (Positions, "user_fill", f"{PAY}{APPLY}", f"{APPLY}{PAY}"),
    (Positions, "book", "max(total, 0) * change.closed // abs(change.size_was)",
     "-(-max(total, 0) * change.closed // abs(change.size_was))"),
    (Positions, "book", "perpetual.money(total))", "perpetual.money(-total))"),
    (Positions, "book", "math.ceil(", "math.floor("),
    (Positions, "house_fill", '"insurance"', '"rounding"'),
    # collateral
    (Collateral, "assets", " and value > 0", ""),
    (Collateral, "worst", "abs(size - sums", "abs(size) + abs(sums"),
    (Collateral, "visible", " and not order.asked.reduce_only", ""),
    (Collateral, "initial", "units -= need.alone", "pass"),
    (Collateral, "initial", " + need.loss", ""),
    # portfolio margin
    (Portfolio, "backs", "wallet == FUTURES and ", ""),
    (Portfolio, "keys", "perpetual.instrument.base", '"all"'),
    (Portfolio, "keys", "self.collateral.positions.isolated(user, perpetual)", "False"),
    (Portfolio, "ends", "high + wish.buys", "high"),
    (Portfolio, "ends", "order is not wish.without", "True"),
    (Portfolio, "gain", "if perpetual.inverse", "if False"),
    (Portfolio, "requirement", "self.moves_ppm", "self.moves_ppm[1:]"),
    (Portfolio, "requirement", "self.moves_ppm", "self.moves_ppm[:-1]"),
    (Portfolio, "requirement", "min(self.gain(one, low, move), self.gain(one, high, move))",
     "self.gain(one, low, move)"),
    (Portfolio, "requirement", "max(*losses, least)", "max(*losses, 0 * least)"),
    (Portfolio, "requirement", "max(abs(low), abs(high))", "abs(low)"),
    (Portfolio, "total", "math.ceil(", "math.floor("),
    (Portfolio, "maintenance", "orders=False", "orders=True"),
    (Portfolio, "initial", "self.initial_ppm", "MILLION"),
    (Collateral, "initial", "units = need.loss", "units = 0"),
    (Collateral, "initial_positions", "orders=False", "orders=True"),
    (Collateral, "liquidation", " and not isolated", ""),
    # orders
    (ContractMarket, "why_not_reduce", " - rest else", " else"),
    (ContractMarket, "why_not_open", "after > before and ", ""),
    (ContractMarket, "why_not_open", "equity < after", "equity <= after"),
    (ContractMarket, "own_loss", "loss += perpetual.loss(rest", "loss += 0 * perpetual.loss(rest"),
    (ContractMarket, "trim", "key=lambda order: order.id", "key=lambda order: -order.id"),
    (ContractMarket, "trade", "(maker, taker)", "(taker,)"),
    (ContractMarket, "carry_out", 'judged = rule == "fok"', "judged = False"),
    (ContractMarket, "settle_once", "reason = self.why_not(stop)", "reason = None"),
    (ContractMarket, "holds_true", 'asked.trigger == "mark"', "asked.trigger"),
    (ContractMarket, "take_over", "self.last[perpetual.symbol] = price", "pass"),
    (ContractCommands, "check_place", ">= perpetual.instrument.orders_max", "> perpetual.instrument.orders_max"),
    (ContractCommands, "check_size", "not asked.reduce_only and ", ""),
    (ContractCommands, "change", "falls or waits", "waits"),
    (ContractCommands, "place", "reason = market.why_not(order)", "reason = None"),
    (ContractCommands, "check_leverage", "isolated and ", ""),
    (ContractCommands, "check_mode", "self.open_orders(user, perpetual) or ", ""),
    (ContractCommands, "movable", "equity >= initial", "equity > initial"),
    # time
    (Passing, "pass_time", "last_id + 1", "0"),
    (Passing, "fund_one", "-math.floor(-exact)", "math.floor(exact)"),
    (Passing, "snapshots", "self.ledger.stirred.remove(user)", "pass"),
    # liquidation
    (Forced, "victims", "(one.user, self.collateral.order.index(one.wallet))", "(-one.user, one.wallet)"),
    (Forced, "liquidate", "self.collateral.equity(user, wallet) > self.collateral.maintenance(user, wallet)", "False"),
    (Forced, "sell", "market.settle(perpetual.symbol)", "pass"),
    (Forced, "settled", "collateral.cross(user, wallet) or ", ""),
    (Forced, "settled", "-collateral.gross(", "-collateral.assets("),
)  # fmt: skip


@pytest.mark.parametrize(("owner", "name", "page", "fault"), FAULTS)
def test_a_rule_of_contracts_read_wrongly_is_found(
    owner: Any, name: str, page: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, owner, name, page=page, fault=fault)
    with pytest.raises(Difference):
        compare_until_found()


def compare_until_found() -> None:
    for seed in range(SEEDS):
        for name in ("accounts", "mixed", "hedge"):
            run(seed, COMMANDS, Coverage(), CONTRACT_GROUNDS[name])
