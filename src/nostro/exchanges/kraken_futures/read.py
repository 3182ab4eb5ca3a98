"""From Kraken Futures' answers about an account to our facts, one function per route. It decides what each member
means; it takes every form in which a member was seen. Its twin is ``serve.py``; histories are in ``read_history.py``,
markets in ``read_public.py``, what writes answer in ``do.py``.

Facts come in the order of the answer, unstamped, with their ``offset``. What has no word of ours stands in ``extra``. A
member that says something impossible raises `values.Malformed` (a ValueError) that names it.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from msgspec import UNSET, UnsetType

from nostro.domain import records
from nostro.domain.contracts import PortfolioMargin
from nostro.domain.values import ONE, ZERO, Malformed, exact, exact_or_none, token
from nostro.exchanges.kraken_futures import members, messages, words
from nostro.link.commands import MARGIN_ACCOUNT
from nostro.link.declare import Query

CASH_TYPE = "cashAccount"
MARGIN_TYPE = "marginAccount"
FLEX_TYPE = "multiCollateralMarginAccount"
DOLLAR = "USD"


# ── accounts ─────────────────────────────────────────────────────────────────────────────────────────────────────


def balances(_: Query, answer: messages.Accounts) -> Iterator[records.Balance]:
    """Every currency of every account. ``free`` is what may be taken out where the exchange says it: of flex, each
    currency alone."""
    offset = 0
    for name, account in answer.accounts.items():
        wallet = words.wallet(name)
        held = account.balances if isinstance(account.balances, dict) else {}
        for currency, amount in held.items():
            total = exact(amount, f"{name}.balances.{currency}")
            free = total if account.type == CASH_TYPE else None
            yield records.Balance(
                offset=offset, wallet=wallet, asset=words.asset(currency), total=total, free=free,
                used=None if free is None else ZERO,
            )  # fmt: skip
            offset += 1
        kept = account.currencies if isinstance(account.currencies, dict) else {}
        for currency, row in kept.items():
            yield _collateral(offset, wallet, currency, row)
            offset += 1


def _collateral(offset: int, wallet: str, currency: str, row: messages.Collateral) -> records.Balance:
    return records.Balance(
        offset=offset,
        wallet=wallet,
        asset=words.asset(currency),
        total=exact(row.quantity, "quantity"),
        transferable=exact(row.available, "available"),
        value=exact(row.value, "value"),
        collateral_value=exact(row.collateral, "collateral"),
    )


def margin(_: Query, answer: messages.Accounts) -> Iterator[records.MarginSummary]:
    """Flex and every margin account."""
    offset = 0
    for name, account in answer.accounts.items():
        if account.type == FLEX_TYPE:
            yield _flex(offset, words.wallet(name), account)
        elif account.type == MARGIN_TYPE:
            yield _margin_account(offset, name, account)
        elif account.type != CASH_TYPE:
            raise Malformed(f"{name}.type", account.type, f"{CASH_TYPE}, {MARGIN_TYPE} or {FLEX_TYPE}")
        else:
            continue
        offset += 1


def _flex(offset: int, wallet: str, row: messages.Account) -> records.MarginSummary:
    return records.MarginSummary(
        offset=offset,
        wallet=wallet,
        scope="account",
        currency=DOLLAR,
        balance=exact_or_none(row.balance_value, "balanceValue"),
        collateral_value=exact_or_none(row.collateral_value, "collateralValue"),
        equity=exact_or_none(row.portfolio_value, "portfolioValue"),
        margin_balance=exact_or_none(row.margin_equity, "marginEquity"),
        unrealized_pnl=exact_or_none(row.pnl, "pnl"),
        unrealized_funding=exact_or_none(row.unrealized_funding, "unrealizedFunding"),
        unrealized_as_margin=exact_or_none(row.total_unrealized_as_margin, "totalUnrealizedAsMargin"),
        initial_margin=exact_or_none(row.initial_margin_with_orders, "initialMarginWithOrders"),
        order_margin=_difference(row),
        maintenance_margin=exact_or_none(row.maintenance_margin, "maintenanceMargin"),
        available=exact_or_none(row.available_margin, "availableMargin"),
        portfolio=_portfolio(row.portfolio_margin_breakdown),
        extra=members.extra(
            total_unrealized=row.total_unrealized, initial_margin=row.initial_margin,
            upnl_interest_rate=row.upnl_interest_rate,
        ),
    )  # fmt: skip


def _difference(row: messages.Account) -> Decimal | None:
    with_orders = exact_or_none(row.initial_margin_with_orders, "initialMarginWithOrders")
    alone = exact_or_none(row.initial_margin, "initialMargin")
    return None if with_orders is None or alone is None else members.less(with_orders, alone)


def _portfolio(row: messages.Breakdown | UnsetType | None) -> PortfolioMargin | None:
    if not isinstance(row, messages.Breakdown):
        return None
    return PortfolioMargin(
        market_risk=exact_or_none(row.market_risk, "marketRisk"),
        netted_market_risk=exact_or_none(row.netted_market_risk, "nettedMarketRisk"),
        options_delta=exact_or_none(row.abs_options_delta, "absOptionsDelta"),
        net_delta=exact_or_none(row.net_position_delta, "netPositionDelta"),
        premium=exact_or_none(row.total_premium, "totalPremium"),
        futures_maintenance_margin=exact_or_none(row.futures_maintenance_margin, "futuresMaintenanceMargin"),
    )


def _margin_account(offset: int, name: str, row: messages.Account) -> records.MarginSummary:
    """Its balance stands among its balances, in the account's currency. An account of one contract is an isolated
    one's."""
    wallet, currency = words.wallet(name), members.optional(row.currency) or ""
    auxiliary, needs = row.auxiliary, row.margin_requirements
    if auxiliary is UNSET or needs is UNSET:
        raise Malformed(name, row.type, "a margin account with auxiliary and marginRequirements")
    held = row.balances if isinstance(row.balances, dict) else {}
    threshold = row.trigger_estimates
    return records.MarginSummary(
        offset=offset,
        wallet=wallet,
        scope="margin_account" if wallet.startswith(MARGIN_ACCOUNT) else "isolated",
        instrument=wallet.partition(":")[2] or None,
        currency=words.asset(currency),
        balance=exact_or_none(held[currency], "balances") if currency in held else None,
        equity=exact(auxiliary.pv, "pv"),
        unrealized_pnl=exact(auxiliary.pnl, "pnl"),
        unrealized_funding=exact(auxiliary.funding, "funding"),
        initial_margin=exact(needs.im, "im"),
        maintenance_margin=exact(needs.mm, "mm"),
        available=exact(auxiliary.af, "af"),
        extra=members.extra(usd=auxiliary.usd, lt=needs.lt, tt=needs.tt)
        | ({} if threshold is UNSET else members.extra(
            estimate_im=threshold.im, estimate_mm=threshold.mm, estimate_lt=threshold.lt, estimate_tt=threshold.tt
        )),
    )  # fmt: skip


# ── positions and orders ─────────────────────────────────────────────────────────────────────────────────────────


def positions(query: Query, answer: messages.OpenPositions) -> Iterator[records.Position]:
    for offset, row in enumerate(answer.open_positions):
        instrument = words.instrument(row.symbol)
        if query.where.get("instrument", instrument) != instrument:
            continue
        sign = words.POSITION_SIDES.get(row.side)
        if sign is None:
            raise Malformed("side", row.side, " or ".join(words.POSITION_SIDES))
        size, leverage = exact(row.size, "size"), exact_or_none(row.max_fixed_leverage, "maxFixedLeverage")
        paid = members.optional(row.pnl_currency)
        yield records.Position(
            offset=offset,
            wallet=words.wallet_of(instrument),
            instrument=instrument,
            side="both",
            size=size if sign > 0 else members.less(ZERO, size),
            currency=words.asset(paid) if paid else instrument.partition(":")[2].partition("-")[0],
            entry_price=exact(row.price, "price"),
            unrealized_pnl=exact_or_none(row.unrealized_pnl, "unrealizedPnl"),
            unrealized_funding=exact_or_none(row.unrealized_funding, "unrealizedFunding"),
            leverage=leverage,
            margin_mode="cross" if leverage is None else "isolated",
            updated_ns=members.time(row.fill_time, "fillTime"),
        )


def open_orders(query: Query, answer: messages.OpenOrders) -> Iterator[records.Order]:
    for offset, row in enumerate(answer.open_orders):
        order = _open_order(offset, row)
        if query.where.get("instrument", order.instrument) == order.instrument:
            yield order


def _open_order(offset: int, row: messages.OpenOrder) -> records.Order:
    filled, rest = exact(row.filled_size, "filledSize"), exact(row.unfilled_size, "unfilledSize")
    price, stop_price = members.price(row.limit_price, "limitPrice"), members.price(row.stop_price, "stopPrice")
    waits = row.order_type in words.STOPS
    kind = ("stop_market" if price is None else "stop_limit") if waits else token(words.TYPES, row.order_type)
    instrument, side = words.instrument(row.symbol), token(words.SIDES, row.side)
    signal, placed_ns = members.optional(row.trigger_signal), members.time(row.received_time, "receivedTime")
    return records.Order(
        offset=offset,
        wallet=words.wallet_of(instrument),
        native_id=row.order_id,
        effective_ns=placed_ns,
        instrument=instrument,
        side=side,
        type=kind,
        status="pending" if waits else token(words.ORDER_STATUSES, row.status),
        time_in_force="gtc",
        amount=members.total(filled, rest),
        filled=filled,
        canceled=ZERO,
        remaining=rest,
        price=price,
        stop_price=stop_price,
        stop_operator=_operator(side, row.order_type) if waits else None,
        client_id=members.optional(row.cli_ord_id),
        opened_ns=placed_ns,
        updated_ns=members.time(row.last_update_time, "lastUpdateTime"),
        reduce_only=row.reduce_only,
        trigger=None if signal is None else words.trigger(signal),
        extra=members.extra(status=row.status if waits else None),
    )


def _operator(side: str, order_type: str) -> str:
    """A stop that buys waits for a rise; one that takes a profit for a fall."""
    return "gte" if (side == "buy") != (order_type == "take_profit") else "lte"


# ── settings ─────────────────────────────────────────────────────────────────────────────────────────────────────


def leverage(query: Query, answer: messages.LeveragePreferences) -> Iterator[records.Leverage]:
    """Only isolated contracts are listed: of all others it is as high as their levels allow."""
    for offset, row in enumerate(answer.leverage_preferences):
        instrument = words.instrument(row.symbol)
        if query.where.get("instrument", instrument) == instrument:
            yield records.Leverage(
                offset=offset, instrument=instrument, leverage=exact(row.max_leverage, "maxLeverage"),
                leverage_min=ONE, margin_mode="isolated",
            )  # fmt: skip


def sub_accounts(_: Query, answer: messages.SubAccounts) -> Iterator[records.SubAccount]:
    """The master first: the answer names it, and nothing else of it."""
    master = answer.master_account_uid
    yield records.SubAccount(native_id=master, sub_account=master)
    for offset, row in enumerate(answer.subaccounts, 1):
        yield records.SubAccount(
            offset=offset, native_id=row.account_uid, sub_account=row.account_uid, parent_id=master,
            name=members.optional(row.full_name) or "", email=members.optional(row.email) or "",
        )  # fmt: skip
