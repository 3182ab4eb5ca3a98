"""Shows that every kind of record posts in balance (B1, B2), that the sum of a wallet's postings is what is reported
where history explains it, and what share that is (R1)."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from book.histories import BASE, QUOTE, history
from book.statements import judged, scope
from nostro.book.checks.reported import Standing
from nostro.book.postings import (
    EXTERNAL,
    FEES,
    OPENING,
    OWN,
    UNRECONCILED,
    adjustments,
    balances,
    explained_share,
    transactions,
)
from nostro.domain.values import SECOND_NS


def in_balance(posted: list) -> bool:
    for transaction in posted:
        sums: dict[str, Decimal] = {}
        for posting in transaction.postings:
            sums[posting.asset] = sums.get(posting.asset, Decimal(0)) + posting.amount
        if any(sums.values()):
            return False
    return True


def sums_by_account(posted: list) -> dict[tuple[str, str], Decimal]:
    sums: dict[tuple[str, str], Decimal] = {}
    for (account, _, asset), amount in balances(posted).items():
        sums[account, asset] = sums.get((account, asset), Decimal(0)) + amount
    return sums


def test_entries_post_in_balance_and_add_up_to_the_wallets() -> None:
    counted = 0
    for seed in range(30):
        account = history(seed)
        posted = list(transactions(account.entries, ledger=True))
        assert in_balance(posted)
        counted += len(posted)
        sums = sums_by_account(posted)
        for asset in (BASE, QUOTE):
            assert sums[OWN, asset] == account.amount(account.total[asset])
            assert sum(amount for (_, of), amount in sums.items() if of == asset) == 0
            assert sums[EXTERNAL, asset] < 0 <= sums.get((FEES, asset), 0)
    assert counted > 1000


def test_without_a_ledger_fills_and_transfers_post_and_with_one_they_do_not() -> None:
    account = history(5)
    facts = [*account.fills, *(row for _, row in account.transfers)]
    assert not list(transactions(facts, ledger=True))
    posted = list(transactions(facts, ledger=False))
    assert in_balance(posted)
    assert {each.kind for each in posted} == {"fill", "transfer"}
    assert {len(each.postings) for each in posted if each.kind == "fill"} == {6}
    assert not list(transactions(account.entries, ledger=False))
    base = sum(sums_by_account(posted)[OWN, BASE] for _ in range(1))
    assert base == account.amount(account.total[BASE])  # base amounts are exact; quote costs are not told by fills


def test_what_no_record_explains_is_a_line_of_its_own_until_it_is_found() -> None:
    account = history(4)
    told = account.told()
    gone = told.entry_rows.pop(12)
    judgement = judged(told, until_ns=account.now + 50 * SECOND_NS)
    posted = [*transactions(told.entry_rows, ledger=True), *adjustments(judgement.jumps, judgement.breaks)]
    assert in_balance(posted)
    sums = sums_by_account(posted)
    assert sums[UNRECONCILED, gone.asset] == -gone.amount != 0
    for asset in (BASE, QUOTE):
        assert sums[OWN, asset] == account.amount(account.total[asset])


def test_a_history_that_begins_late_opens_with_a_line() -> None:
    account = history(4)
    told = account.told()
    cut = told.entry_rows[20].effective_ns
    told.entry_rows = [row for row in told.entry_rows if row.effective_ns >= cut]
    judgement = judged(told, until_ns=account.now + 50 * SECOND_NS, origin_ns=cut)
    sums = sums_by_account([*transactions(told.entry_rows, ledger=True), *adjustments(judgement.jumps, [])])
    for asset in (BASE, QUOTE):
        assert sums[OWN, asset] == account.amount(account.total[asset])
        assert sums[OPENING, asset] < 0


def test_the_explained_share_per_asset_and_weighed() -> None:
    def standing(asset: str, reported: str, unexplained: str | None, outcome: str = "ties") -> Standing:
        return Standing(
            scope=scope(asset), at_ns=0, reported=Decimal(reported), reported_held=None, computed=None,
            unexplained=None if unexplained is None else Decimal(unexplained), outcome=outcome,
        )  # fmt: skip

    whole = standing("BTC", "3", "0")
    partly = standing("USDT", "-300", "100")
    unknown = standing("ETH", "5", None, "unchecked")
    assert explained_share([whole, partly, unknown]) == {
        "BTC": Decimal(1), "USDT": Decimal("0.666666"), "ETH": Decimal(0)
    }  # fmt: skip
    prices = {"BTC": Decimal(100), "USDT": Decimal(1)}
    assert explained_share([whole, partly, unknown], prices) == {"": Decimal("0.833333")}
    tiny = replace(whole, reported=Decimal(10) ** 30, unexplained=Decimal("1e-9"))
    assert explained_share([tiny])["BTC"] == Decimal("0.999999")  # never rounded up to all
    assert explained_share([standing("BTC", "0", "0")])["BTC"] == 1
