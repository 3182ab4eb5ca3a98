"""Shows that every kind of record posts in balance (B1, B2), that the sum of a wallet's postings is what is reported
where history explains it, and what share that is (R1)."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from book.histories import BASE, QUOTE, history
from book.statements import judged, scope
from nostro.book.checks.reported import Standing
from nostro.book.postings import (
    ACROSS,
    EXTERNAL,
    FEES,
    FUND,
    INTEREST,
    LOANS,
    OPENING,
    OTHER,
    OWED_INTEREST,
    OWN,
    TRANSIT,
    UNRECONCILED,
    adjustments,
    balances,
    explained_share,
    transactions,
)
from nostro.domain.records import Borrow, Entry, Fact, Interest, Liquidation, Repayment, Transfer
from nostro.domain.values import SECOND_NS
from nostro.exchanges import exchange, exchange_ids


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


# ── margin ───────────────────────────────────────────────────────────────────────────────────────────────────────

CROSS = {"account": "mine", "sub_account": "7", "wallet": "cross_margin"}


def entered(kind: str, amount: str, *, wallet: str = "cross_margin", asset: str = "USDT") -> Entry:
    return Entry(**CROSS | {"wallet": wallet}, asset=asset, type=kind, amount=Decimal(amount), effective_ns=1)


def of_margin() -> list[Fact]:
    """2 moved in, 10 borrowed, 0.5 accrued, 4.5 paid back (0.5 of it interest), the fund took 3 and gave 6."""
    moved = Transfer(
        **CROSS, direction="internal", asset="USDT", amount=Decimal(2), status="done", from_wallet="spot",
        to_wallet="cross_margin",
    )  # fmt: skip
    return [
        moved,
        Borrow(**CROSS, asset="USDT", amount=Decimal(10)),
        Interest(**CROSS, asset="USDT", accrued=Decimal("0.5")),
        Repayment(**CROSS, asset="USDT", principal=Decimal(4), interest=Decimal("0.5")),
        Liquidation(**CROSS, asset="USDT", amount=Decimal(6), fund_amount=Decimal(6)),
    ]


def test_the_ledger_of_a_margin_wallet_posts_in_balance_and_leaves_what_is_owed() -> None:
    ledger = [
        entered("transfer", "-2", wallet="spot"), entered("transfer", "2"), entered("borrow", "10"),
        entered("repay", "-4.5"), entered("liquidation", "-3", asset="BTC"), entered("liquidation", "6"),
    ]  # fmt: skip
    posted = list(transactions([*ledger, *of_margin()], ledger=True))
    assert in_balance(posted) and len(posted) == len(ledger) + 2
    sums = sums_by_account(posted)
    assert sums[LOANS, "USDT"] == -6 and sums[OWED_INTEREST, "USDT"] == 0 and sums[INTEREST, "USDT"] == Decimal("0.5")
    assert sums[TRANSIT, "USDT"] == 0
    assert (sums[FUND, "USDT"], sums[FUND, "BTC"]) == (-6, 3)
    assert sums[OWN, "USDT"] == Decimal("11.5")


def test_without_a_ledger_the_rows_of_margin_post_the_same() -> None:
    posted = list(transactions(of_margin(), ledger=False))
    assert in_balance(posted)
    by_wallet = {scope.wallet: amount for (side, scope, _), amount in balances(posted).items() if side == OWN}
    assert by_wallet == {"spot": -2, "cross_margin": Decimal("13.5")}
    sums = sums_by_account(posted)
    assert (sums[LOANS, "USDT"], sums[OWED_INTEREST, "USDT"], sums[TRANSIT, "USDT"]) == (-6, 0, 0)


def test_the_words_of_an_exchange_are_ours_by_its_declaration() -> None:
    """Every word that a ledger may have, of each exchange with words of its own: none of them is `exchange:other`."""
    told = {name: exchange(name).booked for name in exchange_ids() if exchange(name).booked}
    assert set(told) == {"kraken_futures"}
    for booked in told.values():
        assert set(booked.values()) <= set(ACROSS)
        rows = [
            Entry(native_id=str(number), asset="BTC", type=word, amount=Decimal(1), effective_ns=number)
            for number, word in enumerate(booked)
        ]
        posted = list(transactions(rows, ledger=True, booked=booked))
        sides = [posting.account for each in posted for posting in each.postings if posting.account != OWN]
        assert sides == [ACROSS[word] for word in booked.values()]
        unsaid = transactions(rows, ledger=True)
        assert {posting.account for each in unsaid for posting in each.postings} == {OWN, OTHER}
