"""Double entry as a fold of records (docs/invariants.md B1, B2): each kind of record has one balanced rule. It decides
which accounts a record moves; it stores nothing, and the records stay the facts.

Where the exchange has a ledger its *entries* are the authority on cash, and fills only explain them; elsewhere fills,
transfers and fees post. The other sides are ``exchange:clearing`` (trades), ``exchange:fees``, ``external`` (deposits
and withdrawals), ``exchange:other`` (entries of a type without a rule of its own), and two that exist in this fold
only and are shown: ``equity:opening`` (what was there before the history) and ``equity:unreconciled`` (what no fact
explains). Amounts that are merely held do not change owner, and post nothing.
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
from nostro.book.checks.terms import row_name, signed
from nostro.domain import values
from nostro.domain.records import Entry, Fact, Fill, Transfer

OWN: Final = "wallet"
CLEARING: Final = "exchange:clearing"
FEES: Final = "exchange:fees"
EXTERNAL: Final = "external"
OTHER: Final = "exchange:other"
OPENING: Final = "equity:opening"
UNRECONCILED: Final = "equity:unreconciled"

ACROSS: Final[Mapping[str, str]] = {
    "trade": CLEARING, "fee": FEES, "withdrawal_fee": FEES,
    "deposit": EXTERNAL, "withdrawal": EXTERNAL, "fund": EXTERNAL,
}  # fmt: skip
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


def transactions(facts: Iterable[Fact], *, ledger: bool) -> Iterator[Transaction]:
    """The transactions of the facts, in their order; facts that move nothing have none. ``ledger``: whether the
    exchange has one, so that its entries post, and fills and transfers do not."""
    for fact in facts:
        moves: list[tuple[str, Decimal, str]] = []
        if isinstance(fact, Entry) and ledger:
            moves = [(fact.asset, fact.amount, ACROSS.get(fact.type, OTHER))]
        elif isinstance(fact, Fill) and not ledger:
            moves = _fill(fact)
        elif isinstance(fact, Transfer) and not ledger:
            moves = _transfer(fact)
        postings = tuple(
            posting for asset, amount, across in moves if amount for posting in _pair(fact, asset, amount, across)
        )
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


def _fill(fill: Fill) -> list[tuple[str, Decimal, str]]:
    base, _, quote = fill.instrument.partition("/")
    bought = fill.side == "buy"
    cost = values.EXACT.multiply(fill.price, fill.amount)
    moves = [(base, signed(fill.amount, bought), CLEARING), (quote, signed(cost, not bought), CLEARING)]
    if fill.fee and fill.fee_asset:
        moves.append((fill.fee_asset, fill.fee.copy_negate(), FEES))
    return moves


def _transfer(transfer: Transfer) -> list[tuple[str, Decimal, str]]:
    if transfer.status != "done" or transfer.direction == "internal":
        return []
    moves = [(transfer.asset, signed(transfer.amount, transfer.direction == "deposit"), EXTERNAL)]
    if transfer.fee:
        moves.append((transfer.fee_asset or transfer.asset, transfer.fee.copy_negate(), FEES))
    return moves


def _pair(fact: Fact, asset: str, amount: Decimal, across: str) -> tuple[Posting, Posting]:
    scope = Scope(fact.account, fact.sub_account, fact.wallet, asset)
    return Posting(OWN, scope, asset, amount), Posting(across, scope, asset, amount.copy_negate())


def _line(scope: Scope, at_ns: int, amount: Decimal, across: str, *, kind: str, break_id: str) -> Transaction:
    postings = (Posting(OWN, scope, scope.subject, amount), Posting(across, scope, scope.subject, amount.copy_negate()))
    return Transaction(at_ns=at_ns, kind=kind, row="", page=0, postings=postings, break_id=break_id)
