"""The comparison of the two engines covers margin: each of these planted faults, a piece of a rule of docs/venue.md
turned into another, is found within a few thousand commands."""

from __future__ import annotations

from typing import Any

import pytest

from naive import liquidation
from naive.coverage import Coverage
from naive.engine import NaiveEngine
from naive.grounds import NARROW, WIDE
from naive.loans import Loans
from naive.margin import Margin
from naive.matching import Market
from paper.differential import Difference, run
from paper.planting import plant

SEEDS, COMMANDS = 8, 2_000  # at most, on each ground: a run ends where the fault is found

ACCRUE = "    self.market.loans.accrue(last_ns, self.clock_ns)\n    self.passing.pass_time(last_ns, self.clock_ns)\n"
EXPIRE = "    self.market.expire()\n"
ACT = "    ids = self.carry_out_accepted(envelope)\n"
LIQUIDATE = "    liquidate_all(self.market)\n"

# (the function, what the page says, what the fault says)
FAULTS: tuple[tuple[Any, str, str, str], ...] = (
    # interest
    (Loans, "accrue_hour", "up(", "down("),
    (Loans, "accrue_hour", "borrow.principal * ", "(borrow.principal + borrow.interest) * "),
    (Loans, "accrue", "now_ns + 1", "now_ns"),
    (Loans, "accrue", "(last_ns // HOUR_NS + 1)", "-(-last_ns // HOUR_NS)"),
    (Loans, "accrue", "(one.user, one.id)", "one.id"),
    # what may be borrowed, and by whom
    (Loans, "keeps_limit", "return all_debts <= ", "return all_debts < "),
    (Loans, "keeps_limit", "return all_debts <= 2 * (all_assets - all_debts)", "return all_debts <= 2 * all_assets"),
    (Loans, "why_not", "lent + amount > ", "lent + amount >= "),
    (Loans, "why_not", "if one.asset == asset", "if one.asset == asset and one.user == user"),
    (Loans, "why_not", "assets=value", "assets=ZERO"),
    (Loans, "borrow", "if (user, wallet, asset) not in self.loans:", "if True:"),
    (NaiveEngine, "missing", "self.need(order) - free", "self.need(order) if self.need(order) > free else ZERO"),
    (NaiveEngine, "why_unpaid", 'asked.wallet == "spot" or ', ""),
    (Margin, "check", ".parent != user", ".parent != user and self.market.users[user - 1].parent != account"),
    (Margin, "check_move", 'command.direction == "sub" and ', ""),
    (Margin, "check_move", "assets=-value", "assets=ZERO"),
    # repaying
    (Loans, "debt", "one.principal + one.interest", "one.principal"),
    (Loans, "repay", "self.owed(user, wallet, asset)", "self.owed(user, wallet, asset)[::-1]"),
    (Loans, "repay", '"fees"', '"insurance"'),
    (Margin, "check_repay", "command.amount > self.loans", "command.amount >= self.loans"),
    (Margin, "carry_out", "() if repayment is None else (repayment,)", "(repayment or 0,)"),
    (Market, "auto_repay", "min(proceeds, ", "max(ZERO, "),
    (Market, "fill", '.wallet != "spot"', '.wallet != "spot" and not is_maker'),
    # covering
    (liquidation, "cancel_orders", "(order.user, order.asked.wallet) == (user, wallet)", "order.user == user"),
    (liquidation, "cover", "for other in market.profile.assets:", "for other in market.profile.assets[::-1]:"),
    (liquidation, "cover", "market.settle(order.asked.instrument)", "pass"),
    (liquidation, "covering_order", "(MILLION - taker_ppm)", "MILLION"),
    (liquidation, "covering_order", "needed + one_lot", "needed"),
    (liquidation, "covering_order", "bids[0][0]", "bids[-1][0]"),
    (liquidation, "covering_order", "up(needed", "down(needed"),
    (liquidation, "between", "return min(", "return max("),
    # liquidation and the fund
    (liquidation, "is_due", "return level <= ", "return level < "),
    (liquidation, "is_due", "return level <= LIQUIDATION", "return level <= WARNING"),
    (Loans, "debtors", "(key[0], self.rank(key[1]))", "(self.rank(key[1]), key[0])"),
    (liquidation, "liquidate", "level=shown_level(level)", "level=-shown_level(-level)"),
    (liquidation, "liquidate", "closed = []", "pass"),
    (liquidation, "liquidate", "for owed, order in orders if owed == asset", "for _, order in orders"),
    (liquidation, "settle_with_fund", "math.ceil(", "math.floor("),
    (liquidation, "settle_with_fund", "in market.profile.assets:", "in market.profile.assets[::-1]:"),
    (liquidation, "settle_with_fund", "needed = max(", "needed = needed or max("),
    # the order of things
    (NaiveEngine, "carry_out", f"{ACCRUE}{EXPIRE}", f"{EXPIRE}{ACCRUE}"),
    (NaiveEngine, "carry_out", f"{ACT}{LIQUIDATE}", f"{LIQUIDATE}{ACT}"),
)


@pytest.mark.parametrize(("owner", "name", "page", "fault"), FAULTS)
def test_a_rule_read_wrongly_is_found(
    owner: Any, name: str, page: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, owner, name, page=page, fault=fault)
    with pytest.raises(Difference):
        compare_until_found()


def compare_until_found() -> None:
    for seed in range(SEEDS):
        for ground in (NARROW, WIDE):
            run(seed, COMMANDS, Coverage(), ground)
