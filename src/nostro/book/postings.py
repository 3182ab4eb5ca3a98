"""Double entry as a fold of records (docs/invariants.md B1, B2): each kind of record has one balanced rule. It decides
which accounts a record moves; it stores nothing, and the records stay the facts.

Where the exchange has a ledger its *entries* are the authority on cash, and fills only explain them; elsewhere fills,
transfers, fees, funding and debts post. The other sides are ``exchange:clearing`` (trades, and what contracts
realized), ``exchange:fees``, ``exchange:funding``, ``external`` (deposits and withdrawals), ``transit`` (between our
own wallets), ``exchange:fund`` (what it took and gave in a liquidation), ``exchange:other`` (entries of a type without
a rule of its own), and two that exist in this fold only and are shown: ``equity:opening`` (what was there before the
history) and ``equity:unreconciled`` (what no fact explains). Amounts that are merely held do not change owner, and post
nothing.

A contract is no asset: a fill of one moves only what it realized and its fee, and a funding payment its amount, in the
asset that the contract is settled in. Unrealized profit is nobody's yet, and posts nothing.

A debt is ``liability:loans`` and ``liability:interest``, negative while it is owed. Interest is an expense
(``expense:interest``) when it accrues; a repayment pays both, and the entry does not say how much of it is which: it
pays the loans, and the repayment's own row moves the interest's part.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import ROUND_DOWN, Decimal
from typing import Final

import msgspec

from nostro.book.breaks import Break, Scope
from nostro.book.checks.chain import CHECK as CHAIN
from nostro.book.checks.chain import Jump
from nostro.book.checks.reported import CHECK as REPORTED
from nostro.book.checks.reported import Standing
from nostro.book.checks.terms import is_contract, row_name, settled_in, signed
from nostro.domain import values
from nostro.domain.records import (
    Borrow,
    Entry,
    Fact,
    Fill,
    FundingPayment,
    Interest,
    Liquidation,
    Repayment,
    Transfer,
)

OWN: Final = "wallet"
CLEARING: Final = "exchange:clearing"
FEES: Final = "exchange:fees"
FUNDING: Final = "exchange:funding"
EXTERNAL: Final = "external"
TRANSIT: Final = "transit"
FUND: Final = "exchange:fund"
LOANS: Final = "liability:loans"
OWED_INTEREST: Final = "liability:interest"
INTEREST: Final = "expense:interest"
OTHER: Final = "exchange:other"
OPENING: Final = "equity:opening"
UNRECONCILED: Final = "equity:unreconciled"

# By what an entry books, in our words; an exchange's own are declared (`Exchange.booked`).
ACROSS: Final[Mapping[str, str]] = {
    "trade": CLEARING, "fee": FEES, "withdrawal_fee": FEES,
    "deposit": EXTERNAL, "withdrawal": EXTERNAL, "fund": EXTERNAL,
    "borrow": LOANS, "repay": LOANS, "transfer": TRANSIT, "liquidation": FUND,
    "realized_pnl": CLEARING, "funding": FUNDING, "isolate": TRANSIT, "insurance": FUND,
    "deposit_or_withdrawal": EXTERNAL, "sub_account_transfer": TRANSIT,
}  # fmt: skip
OURS: Final[Mapping[str, str]] = {}  # of an exchange whose words for entries are ours
# What is folded: where the exchange has a ledger, and where it has none.
LEDGER_KINDS: Final = (Entry.kind, Interest.kind, Repayment.kind)
OTHER_KINDS: Final = (
    Fill.kind, Transfer.kind, Borrow.kind, Interest.kind, Repayment.kind, Liquidation.kind, FundingPayment.kind,
)  # fmt: skip
SHARE_DIGITS: Final = 6  # decimals of an explained share, cut: it never claims more than is so


class Posting(msgspec.Struct, frozen=True):
    """An amount, signed, into one account: a wallet of ours (``wallet``), or one of the other sides. Units of
    ``asset``."""

    account: str
    scope: Scope
    asset: str
    amount: Decimal


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """What one record posts: per asset its postings sum to zero. ``row`` and ``page`` name the record, ``break_id`` the
    break that an adjusting line stands for."""

    at_ns: int
    kind: str
    row: str
    page: int
    postings: tuple[Posting, ...]
    break_id: str = ""


class Move(msgspec.Struct, frozen=True):
    """So much of an asset, signed, into one side and out of another: a wallet of ours (the fact's, or ``wallet``) and
    what is across, unless ``into`` says otherwise."""

    asset: str
    amount: Decimal
    across: str
    into: str = OWN
    wallet: str | None = None


def transactions(facts: Iterable[Fact], *, ledger: bool, booked: Mapping[str, str] = OURS) -> Iterator[Transaction]:
    """The transactions of the facts, in their order; facts that move nothing have none. ``ledger``: whether the
    exchange has one, so that its entries post cash, and nothing else does; ``booked``: as `Exchange.booked`."""
    for fact in facts:
        moves = _moves_with_ledger(fact, booked) if ledger else _moves(fact)
        postings = tuple(posting for move in moves if move.amount for posting in _pair(fact, move))
        if postings:
            yield Transaction(
                at_ns=fact.effective_ns or 0, kind=fact.kind, row=row_name(fact), page=fact.page, postings=postings
            )


def adjustments(jumps: Iterable[Jump], breaks: Iterable[Break]) -> Iterator[Transaction]:
    """The lines that no record explains: openings, what balances did across gaps, and the open breaks of a balance."""
    for jump in jumps:
        across = OPENING if jump.opening or jump.cause in ("retention", "no_history") else UNRECONCILED
        if jump.amount:
            yield _line(jump.scope, jump.at_ns, jump.amount, across, kind="jump", break_id="")
    for each in breaks:
        if each.check in (CHAIN, REPORTED) and each.missing:
            yield _line(each.scope, each.until_ns, each.missing, UNRECONCILED, kind="break", break_id=each.id)


def balances(posted: Iterable[Transaction]) -> dict[tuple[str, Scope, str], Decimal]:
    """The sum of every account, by (account, scope, asset): the trial balance, whose sum per asset is zero."""
    sums: dict[tuple[str, Scope, str], Decimal] = {}
    for transaction in posted:
        for posting in transaction.postings:
            key = (posting.account, posting.scope, posting.asset)
            sums[key] = values.EXACT.add(sums.get(key, values.ZERO), posting.amount)
    return sums


def explained_share(standings: Iterable[Standing], prices: Mapping[str, Decimal] | None = None) -> dict[str, Decimal]:
    """How much of what is reported the history explains (docs/invariants.md R1): 1 - sum of |unexplained| / sum of
    |reported|, at least 0, cut to six decimals. Per asset; with ``prices`` (of each asset in one unit) one figure
    under "" for all, and an asset without a price left out of it. What is unchecked counts as unexplained. 1 where
    nothing is reported."""
    weights: dict[str, tuple[Decimal, Decimal]] = {}
    for standing in standings:
        asset = standing.scope.subject
        price = Decimal(1) if prices is None else prices.get(asset)
        if price is None:
            continue
        reported = standing.reported.copy_abs()
        unknown = standing.unexplained is None or standing.outcome == "unchecked"
        unexplained = reported if unknown else (standing.unexplained or values.ZERO).copy_abs()
        key = asset if prices is None else ""
        before = weights.get(key, (values.ZERO, values.ZERO))
        weights[key] = (
            values.EXACT.add(before[0], values.EXACT.multiply(unexplained, price)),
            values.EXACT.add(before[1], values.EXACT.multiply(reported, price)),
        )
    return {key: _share(*weight) for key, weight in weights.items()}


def _share(unexplained: Decimal, reported: Decimal) -> Decimal:
    if not reported:
        return Decimal(0) if unexplained else Decimal(1)
    explained = values.EXACT.subtract(reported, min(unexplained, reported))
    return values.quotient(explained, reported, digits=SHARE_DIGITS, rounding=ROUND_DOWN)


def _moves_with_ledger(fact: Fact, booked: Mapping[str, str]) -> list[Move]:
    if isinstance(fact, Entry):
        return [Move(fact.asset, fact.amount, ACROSS.get(booked.get(fact.type, fact.type), OTHER))]
    if isinstance(fact, Repayment) and fact.interest is not None:
        return [Move(fact.asset, fact.interest, LOANS, OWED_INTEREST)]
    return _accrual(fact) if isinstance(fact, Interest) else []


def _moves(fact: Fact) -> list[Move]:
    match fact:
        case Fill():
            return _fill(fact)
        case FundingPayment():
            return [Move(fact.asset, fact.amount, FUNDING)]
        case Transfer():
            return _transfer(fact)
        case Borrow():
            return [Move(fact.asset, fact.amount, LOANS)]
        case Repayment():
            parts = ((fact.principal, LOANS), (fact.interest, OWED_INTEREST))
            return [Move(fact.asset, part.copy_negate(), across) for part, across in parts if part is not None]
        case Interest():
            return _accrual(fact)
        case Liquidation():
            return [Move(fact.asset, fact.fund_amount, FUND)] if fact.fund_amount is not None else []
        case _:
            return []


def _accrual(interest: Interest) -> list[Move]:
    return [Move(interest.asset, interest.accrued, OWED_INTEREST, INTEREST)]


def _fill(fill: Fill) -> list[Move]:
    base, _, quote = fill.instrument.partition("/")
    bought = fill.side == "buy"
    if is_contract(fill.instrument):
        moves = [] if fill.realized_pnl is None else [Move(settled_in(fill.instrument), fill.realized_pnl, CLEARING)]
        return [*moves, *_fee(fill)]
    cost = values.EXACT.multiply(fill.price, fill.amount)
    moves = [Move(base, signed(fill.amount, bought), CLEARING), Move(quote, signed(cost, not bought), CLEARING)]
    return [*moves, *_fee(fill)]


def _fee(fill: Fill) -> list[Move]:
    return [Move(fill.fee_asset, fill.fee.copy_negate(), FEES)] if fill.fee and fill.fee_asset else []


def _transfer(transfer: Transfer) -> list[Move]:
    if transfer.status != "done":
        return []
    if transfer.direction == "internal":
        ends = ((transfer.from_wallet, False), (transfer.to_wallet, True))
        return [
            Move(transfer.asset, signed(transfer.amount, into), TRANSIT, wallet=wallet)
            for wallet, into in ends if wallet is not None
        ]  # fmt: skip
    moves = [Move(transfer.asset, signed(transfer.amount, transfer.direction == "deposit"), EXTERNAL)]
    if transfer.fee:
        moves.append(Move(transfer.fee_asset or transfer.asset, transfer.fee.copy_negate(), FEES))
    return moves


def _pair(fact: Fact, move: Move) -> tuple[Posting, Posting]:
    wallet = fact.wallet if move.wallet is None else move.wallet
    scope = Scope(fact.account, fact.sub_account, wallet, move.asset)
    amount = move.amount
    return Posting(move.into, scope, move.asset, amount), Posting(move.across, scope, move.asset, amount.copy_negate())


def _line(scope: Scope, at_ns: int, amount: Decimal, across: str, *, kind: str, break_id: str) -> Transaction:
    postings = (Posting(OWN, scope, scope.subject, amount), Posting(across, scope, scope.subject, amount.copy_negate()))
    return Transaction(at_ns=at_ns, kind=kind, row="", page=0, postings=postings, break_id=break_id)
