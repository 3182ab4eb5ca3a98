"""What Kraken Futures' frames of balances mean: of the feed of margin accounts (one list of all of them), and of the
later one with its three sections. It decides which figure is which of ours; all other frames are read in
``feed_read.py``.

A margin account is one balance and one summary in its own currency; the multi-collateral wallet one balance a currency
and a summary in USD for all of it, for what is cross, and for each isolated contract. Figures are JSON doubles.
Source: see ``feed_messages.py``; of the page's sample ``am`` is ``pv`` less ``im``, and ``pv`` balance and pnl.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from msgspec import Raw
from msgspec.structs import replace

from nostro.domain import records
from nostro.domain.values import Malformed, exact, exact_or_none
from nostro.exchanges.kraken_futures import feed_messages as messages
from nostro.exchanges.kraken_futures import members, words
from nostro.link.commands import MARGIN_ACCOUNT
from nostro.link.frames import News

USD: Final = "USD"


def margin_accounts(said: messages.AccountBalances) -> News:
    rows: list[records.Fact] = []
    for row in said.margin_accounts:
        rows += _margin_account(row)
    return News(_numbered(rows), series=said.feed, number=said.seq, begins=said.seq == 0)


def _margin_account(row: messages.MarginAccount) -> Iterator[records.Fact]:
    wallet = words.wallet(row.name)
    total = exact(row.balance, "balance")
    if wallet == words.SPOT:
        yield records.Balance(wallet=wallet, asset=words.asset(row.name), total=total)
        return
    pair = _pair(wallet, row.name)
    base = pair.partition("/")[0]
    yield records.Balance(wallet=wallet, asset=base, total=total)
    yield records.MarginSummary(
        scope="margin_account",
        wallet=wallet,
        currency=base,
        instrument=pair,
        balance=total,
        equity=exact(row.pv, "pv"),
        unrealized_pnl=exact(row.pnl, "pnl"),
        unrealized_funding=exact(row.funding, "funding"),
        initial_margin=exact(row.im, "im"),
        maintenance_margin=exact(row.mm, "mm"),
        available=exact(row.am, "am"),
    )


def balances(said: messages.Balances) -> News:
    time_ns = members.moment(said.timestamp, "timestamp") if said.timestamp else None
    rows: list[records.Fact] = []
    if isinstance(said.holding, dict):
        rows += (
            records.Balance(
                effective_ns=time_ns, wallet=words.SPOT, asset=words.asset(code),
                total=exact(quantity, f"holding.{code}"),
            )
            for code, quantity in said.holding.items()
        )  # fmt: skip
    if isinstance(said.futures, dict):
        for row in said.futures.values():
            rows += _futures(row, time_ns=time_ns)
    if isinstance(said.flex_futures, messages.FlexFutures):
        rows += _flex(said.flex_futures, time_ns=time_ns)
    snapshot = said.feed == "balances_snapshot"
    return News(_numbered(rows), series="balances", number=said.seq, begins=snapshot)


def _futures(row: messages.FuturesAccount, *, time_ns: int | None) -> Iterator[records.Fact]:
    wallet, asset, total = words.wallet(row.name), words.asset(row.unit), exact(row.balance, "balance")
    yield records.Balance(effective_ns=time_ns, wallet=wallet, asset=asset, total=total)
    yield records.MarginSummary(
        effective_ns=time_ns,
        scope="margin_account",
        wallet=wallet,
        currency=asset,
        instrument=_pair(wallet, row.name),
        balance=total,
        equity=exact(row.portfolio_value, "portfolio_value"),
        unrealized_pnl=exact(row.pnl, "pnl"),
        unrealized_funding=exact(row.unrealized_funding, "unrealized_funding"),
        initial_margin=exact(row.initial_margin, "initial_margin"),
        maintenance_margin=exact(row.maintenance_margin, "maintenance_margin"),
        available=exact(row.available, "available"),
        extra=members.extra(cash_value=row.cash_value),
    )


def _flex(said: messages.FlexFutures, *, time_ns: int | None) -> Iterator[records.Fact]:
    for code, row in said.currencies.items():
        yield records.Balance(
            effective_ns=time_ns,
            wallet=words.wallet(words.FLEX),
            asset=words.asset(code),
            total=exact(row.quantity, "quantity"),
            value=exact(row.value, "value"),
            collateral_value=exact(row.collateral_value, "collateral_value"),
            transferable=exact(row.available, "available"),
            extra=members.extra(haircut=row.haircut, conversion_spread=row.conversion_spread),
        )
    wallet = words.wallet(words.FLEX)
    yield _summary(said, "account", wallet=wallet, time_ns=time_ns)
    if isinstance(said.cross, messages.FlexPart):
        yield _summary(said.cross, "cross", wallet=wallet, time_ns=time_ns)
    if isinstance(said.isolated, dict):
        for symbol, part in said.isolated.items():
            yield _summary(part, "isolated", wallet=words.wallet(symbol), time_ns=time_ns)


def _summary(part: messages.FlexPart, scope: str, *, wallet: str, time_ns: int | None) -> records.MarginSummary:
    def of(member: Raw, field: str) -> Decimal | None:
        return exact_or_none(member, f"{scope}.{field}")

    initial, alone = of(part.initial_margin, "initial_margin"), of(part.initial_margin_without_orders, "initial_margin")

    return records.MarginSummary(
        effective_ns=time_ns,
        scope=scope,
        wallet=wallet,
        instrument=wallet.partition(":")[2] or None,
        currency=USD,
        balance=of(part.balance_value, "balance_value"),
        equity=of(part.portfolio_value, "portfolio_value"),
        collateral_value=of(part.collateral_value, "collateral_value"),
        unrealized_pnl=of(part.pnl, "pnl"),
        unrealized_funding=of(part.unrealized_funding, "unrealized_funding"),
        unrealized_as_margin=of(part.total_unrealized_as_margin, "total_unrealized_as_margin"),
        initial_margin=initial,
        order_margin=None if initial is None or alone is None else members.less(initial, alone),
        maintenance_margin=of(part.maintenance_margin, "maintenance_margin"),
        margin_balance=of(part.margin_equity, "margin_equity"),
        available=of(part.available_margin, "available_margin"),
        leverage=of(part.effective_leverage, "effective_leverage"),
        extra=members.extra(
            initial_margin_without_orders=part.initial_margin_without_orders, total_unrealized=part.total_unrealized
        ),
    )


def _pair(wallet: str, name: str) -> str:
    """The pair whose margin account that is."""
    if not wallet.startswith(MARGIN_ACCOUNT):
        raise Malformed("name", name, "a currency or a margin account like f-xbt:usd")
    return wallet.removeprefix(MARGIN_ACCOUNT)


def _numbered(rows: list[records.Fact]) -> tuple[records.Fact, ...]:
    return tuple(replace(row, offset=offset) for offset, row in enumerate(rows))
