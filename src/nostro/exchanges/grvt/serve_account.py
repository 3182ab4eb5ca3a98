"""Sub-accounts and main accounts as the paper GRVT tells them: balances, positions, what is derived from them. It
decides every figure of an account at one time, now or at a snapshot's hour; what happened is told in
``serve_histories.py``. Its twin is ``read.py``.

Figures that follow from others are made by the exchange's own formulas (``domain/margin``), whether or not the venue
goes by them. *Ours*, because no document says it: prices in USD are the venue's index prices; a balance's entry price
is its index price and its profit zero; the ratio of the derisk margin is 1; margins of a sub-account are those of its
cross positions; money set aside for an isolated position is among the balances.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import ROUND_DOWN, Decimal
from functools import cached_property
from typing import Final

from nostro.domain.margin import collateral as formulas
from nostro.domain.margin import profit
from nostro.domain.margin.places import Places
from nostro.domain.values import ABSENT, EXACT, ONE, ZERO, add, product
from nostro.exchanges.grvt import accounts, given, messages, words, written
from nostro.link.contracts import VenueBalance, VenueCollateral, VenuePosition
from nostro.link.declare import Call
from nostro.link.view import VenueInstrument, VenueView

EXACTLY: Final = Places(18, ROUND_DOWN)
DERISK_RATIO: Final = ONE
TIER: Final = 1  # *ours*: of everybody

Prices = Callable[[str], Decimal]


# ── one sub-account ──────────────────────────────────────────────────────────────────────────────────────────────


class State:
    """A sub-account at one time. ``prices``: index prices then."""

    def __init__(
        self,
        view: VenueView,
        user: int,
        *,
        balances: Sequence[VenueBalance],
        positions: Sequence[VenuePosition],
        collateral: VenueCollateral | None,
        prices: Prices,
        time_ns: int,
    ) -> None:
        self.view = view
        self.user = user
        self.positions = [row for row in positions if row.size]
        self.collateral = collateral
        self.prices = prices
        self.time_ns = time_ns
        self.settle = collateral.asset if collateral is not None else given.settle(view)
        held: dict[str, Decimal] = {}
        for row in balances:
            if row.wallet not in accounts.FUNDING_WALLETS:
                held[row.asset] = EXACT.add(held.get(row.asset, ZERO), row.total)
        self.held = held

    @property
    def settle_price(self) -> Decimal:
        return self.prices(self.settle)

    def unrealized(self, mode: str | None = None) -> Decimal:
        """F1: in the settle currency, of all positions or of those of one mode."""
        rows = [row for row in self.positions if mode in (None, row.mode)]
        return (
            formulas.converted(
                amounts=[row.unrealized for row in rows],
                index_prices=[self.quote_price(row) for row in rows],
                settle_index_price=self.settle_price,
                places=EXACTLY,
            )
            or ZERO
        )

    @cached_property
    def equity(self) -> Decimal:
        """F2."""
        found = formulas.total_equity(
            balances=list(self.held.values()),
            index_prices=[self.prices(asset) for asset in self.held],
            settle_index_price=self.settle_price,
            unrealized_pnl=self.unrealized(),
            places=EXACTLY,
        )
        return found or ZERO

    def cross_equity(self) -> Decimal:
        isolated = [row for row in self.positions if row.mode == "isolated"]
        found = formulas.without_isolated(
            total_equity=self.equity,
            balances=[row.purse or ZERO for row in isolated],
            unrealized_pnls=[row.unrealized for row in isolated],
            index_prices=[self.quote_price(row) for row in isolated],
            settle_index_price=self.settle_price,
            places=EXACTLY,
        )
        return found or ZERO

    def transferable(self, asset: str) -> Decimal:
        """What of a balance may leave: what the venue calls available, and no more than there is."""
        available = self.collateral.available if self.collateral is not None else ZERO
        worth = EXACTLY.divide(EXACT.multiply(available, self.settle_price), by=self.prices(asset))
        return max(ZERO, min(self.held[asset], worth or ZERO))

    def quote_price(self, row: VenuePosition) -> Decimal:
        return self.prices(contract(self.view, row.instrument).quote)


def now(view: VenueView, user: int) -> State:
    """A sub-account as it is."""
    return State(
        view, user, balances=view.balances(user), positions=view.positions(user), collateral=_futures(view, user),
        prices=view.index_price, time_ns=view.now_ns(),
    )  # fmt: skip


def _futures(view: VenueView, user: int) -> VenueCollateral | None:
    return next((row for row in view.collateral(user) if row.wallet == accounts.WALLET), None)


def contract(view: VenueView, symbol: str) -> VenueInstrument:
    found = view.instrument(symbol)
    assert found is not None, symbol
    return found


# ── its messages ─────────────────────────────────────────────────────────────────────────────────────────────────


def sub_account(state: State) -> messages.SubAccount:
    unrealized, equity = state.unrealized(), state.equity
    held = state.collateral
    initial = held.initial if held is not None else ZERO
    maintenance = held.maintenance if held is not None else ZERO
    available = formulas.available_balance(total_equity=equity, initial_margin=initial, unrealized_pnl=unrealized)
    derisk = formulas.derisk_margin(maintenance_margin=maintenance, ratio=DERISK_RATIO)
    return messages.SubAccount(
        event_time=written.time(state.time_ns),
        sub_account_id=str(state.user),
        margin_type="PORTFOLIO_CROSS_MARGIN" if state.view.portfolio(state.user) else "SIMPLE_CROSS_MARGIN",
        settle_currency=state.settle,
        unrealized_pnl=written.quote(unrealized),
        total_equity=written.quote(equity),
        initial_margin=written.quote(initial),
        maintenance_margin=written.quote(maintenance),
        available_balance=written.quote(available),
        spot_balances=spot_balances(state),
        positions=[position(state, row) for row in state.positions],
        settle_index_price=written.price(state.settle_price),
        is_vault=False,
        vault_im_additions=written.quote(ZERO),
        derisk_margin=written.quote(derisk),
        derisk_to_maintenance_margin_ratio=written.amount(DERISK_RATIO),
        total_cross_equity=written.quote(state.cross_equity()),
        cross_unrealized_pnl=written.quote(state.unrealized("cross")),
        sub_account_mode="SINGLE_ASSET_MODE",
        margin_balance=written.quote(held.equity if held is not None else ZERO),
    )


def spot_balances(state: State) -> list[messages.SpotBalance]:
    return [
        spot_balance(asset, total, price=state.prices(asset), transferable=state.transferable(asset))
        for asset, total in state.held.items()
    ]


def spot_balance(asset: str, total: Decimal, *, price: Decimal, transferable: Decimal) -> messages.SpotBalance:
    return messages.SpotBalance(
        currency=asset,
        balance=written.amount(total),
        index_price=written.price(price),
        entry_price=written.price(price),
        realized_pnl=written.quote(ZERO),
        unrealized_pnl=written.quote(ZERO),
        available_to_transfer=written.quote(transferable),
    )


def position(state: State, row: VenuePosition) -> messages.Positions:
    """The prices are averages of what the venue keeps as values, which are exact."""
    listed = contract(state.view, row.instrument)
    entry = EXACTLY.divide(row.basis, by=row.size) or ZERO
    exit_price = EXACTLY.divide(row.exit_value, by=row.exit_size)
    total = profit.total_pnl(realized_pnl=row.realized, unrealized_pnl=row.unrealized)
    isolated = row.purse is not None
    return messages.Positions(
        event_time=written.time(state.time_ns),
        sub_account_id=str(row.user),
        instrument=written.code(listed),
        size=written.amount(row.size),
        notional=written.quote(row.value),
        entry_price=written.price(entry),
        exit_price=written.price(exit_price),
        mark_price=written.price(row.mark),
        unrealized_pnl=written.quote(row.unrealized),
        realized_pnl=written.quote(row.realized),
        total_pnl=written.quote(total),
        roi=written.percent(profit.roi(total_pnl=total, entry_price=entry, size=row.size, places=EXACTLY)),
        quote_index_price=written.price(state.quote_price(row)),
        est_liquidation_price=written.price(row.liquidation),
        leverage=written.amount(row.leverage or leverage_max(listed, abs(row.value))),
        cumulative_fee=written.quote(row.fees),
        cumulative_realized_funding_payment=written.quote(row.funding.copy_negate()),
        margin_type=words.MARGIN_MODES_WRITTEN[row.mode],
        isolated_balance=written.quote(row.purse) if isolated else ABSENT,
        isolated_im=written.quote(row.margin) if isolated else ABSENT,
        isolated_mm=written.quote(row.maintenance) if isolated else ABSENT,
    )


def leverage_max(listed: VenueInstrument, value: Decimal = ZERO) -> Decimal:
    """By the tier of a position of that value."""
    return next(tier.leverage_max for tier in listed.tiers if tier.up_to is None or value <= tier.up_to)


# ── routes ───────────────────────────────────────────────────────────────────────────────────────────────────────


def account_summary(view: VenueView, call: Call) -> messages.Result[messages.SubAccount]:
    return messages.Result(result=sub_account(now(view, accounts.sub_account(view, call))))


def spot_account_summary(view: VenueView, call: Call) -> messages.Result[messages.SpotSubAccount]:
    state = now(view, accounts.sub_account(view, call))
    return messages.Result(
        result=messages.SpotSubAccount(
            event_time=written.time(state.time_ns),
            sub_account_id=str(state.user),
            total_equity=written.quote(EXACT.subtract(state.equity, state.unrealized())),
            spot_balances=spot_balances(state),
        )
    )


def positions(view: VenueView, call: Call) -> messages.Result[list[messages.Positions]]:
    state = now(view, accounts.sub_account(view, call))
    wanted = given.selected(view, call.message)
    rows = [row for row in state.positions if wanted is None or row.instrument in wanted]
    return messages.Result(result=[position(state, row) for row in rows])


def funding_account_summary(view: VenueView, call: Call) -> messages.FundingSummary:
    """*Ours*: the settle currency is the only stablecoin."""
    main = accounts.main_account(view, call)
    held = funds(view, main)
    worth = {asset: EXACT.multiply(total, view.index_price(asset)) for asset, (total, _) in held.items()}
    cash = worth.get(given.settle(view), ZERO)
    everything = add(worth.values())
    return messages.FundingSummary(
        result=messages.FundingAccountSummary(
            main_account_id=accounts.address(view, main),
            total_equity=written.quote(everything),
            spot_balances=_of_funds(view, held),
            vault_investments=[],
            total_cash_balance=written.quote(cash),
            total_spot_asset_balance=written.quote(EXACT.subtract(everything, cash)),
        ),
        tier=_tier(view, main),
    )


def aggregated_account_summary(
    view: VenueView, call: Call
) -> messages.Result[messages.AggregatedAccountSummary]:  # fmt: skip
    """The main account and all its sub-accounts."""
    asked = accounts.login(call)
    main = accounts.main_account(view, call)
    states = [now(view, user) for user in accounts.sub_accounts(view, asked)]
    held = funds(view, main)
    own = add(EXACT.multiply(total, view.index_price(asset)) for asset, (total, _) in held.items())
    equity = add(product((state.equity, state.settle_price)) for state in states)
    available = add(product((row.available, view.index_price(row.asset))) for row in _all(states))
    for state in states:
        for asset, total in state.held.items():
            before, free = held.get(asset, (ZERO, ZERO))
            held[asset] = EXACT.add(before, total), EXACT.add(free, state.transferable(asset))
    return messages.Result(
        result=messages.AggregatedAccountSummary(
            main_account_id=accounts.address(view, main),
            total_equity=written.quote(EXACT.add(own, equity)),
            spot_balances=_of_funds(view, held),
            vault_investments=[],
            total_sub_account_balance=written.quote(equity),
            total_sub_account_equity=written.quote(equity),
            total_vault_investments_balance=written.quote(ZERO),
            total_sub_account_available_balance=written.quote(available),
            total_usd_notional_invested=written.quote(ZERO),
        )
    )


def get_sub_accounts(view: VenueView, call: Call) -> messages.SubAccounts:
    return messages.SubAccounts(
        sub_account_ids=[str(user) for user in accounts.sub_accounts(view, accounts.login(call))]
    )


def get_all_initial_leverage(view: VenueView, call: Call) -> messages.InitialLeverages:
    user = accounts.sub_account(view, call)
    known = {row.instrument: row for row in view.positions(user)}
    return messages.InitialLeverages(
        results=[_leverage(each, known.get(each.symbol)) for each in given.contracts(view)]
    )  # fmt: skip


def _leverage(listed: VenueInstrument, row: VenuePosition | None) -> messages.InitialLeverage:
    chosen = row.leverage if row is not None else None
    return messages.InitialLeverage(
        instrument=written.code(listed),
        leverage=written.amount(chosen or leverage_max(listed)),
        min_leverage=written.amount(ONE),
        max_leverage=written.amount(leverage_max(listed)),
        margin_type=words.MARGIN_MODES_WRITTEN[row.mode if row is not None else "cross"],
    )


def funds(view: VenueView, main: int) -> dict[str, tuple[Decimal, Decimal]]:
    """(total, free) of each asset of a main account."""
    held: dict[str, tuple[Decimal, Decimal]] = {}
    for row in view.balances(main):
        if row.wallet in accounts.FUNDING_WALLETS:
            total, free = held.get(row.asset, (ZERO, ZERO))
            held[row.asset] = EXACT.add(total, row.total), add((free, row.total, row.held.copy_negate()))
    return held


def _of_funds(view: VenueView, held: dict[str, tuple[Decimal, Decimal]]) -> list[messages.SpotBalance]:
    return [
        spot_balance(asset, total, price=view.index_price(asset), transferable=free)
        for asset, (total, free) in held.items()
    ]


def _all(states: Sequence[State]) -> list[VenueCollateral]:
    return [state.collateral for state in states if state.collateral is not None]


def _tier(view: VenueView, main: int) -> messages.ClientTier:
    rule = max(view.fee_rules(main), key=lambda each: each.priority, default=None)
    maker, taker = (0, 0) if rule is None else (_units(rule.maker_rate), _units(rule.taker_rate))
    return messages.ClientTier(
        tier=TIER, futures_taker_fee=taker, futures_maker_fee=maker, options_taker_fee=0, options_maker_fee=0,
        spot_taker_fee=0, spot_maker_fee=0,
    )  # fmt: skip


def _units(rate: Decimal) -> int:
    """*Ours*: a tier's fee is said in parts per million."""
    return int(EXACT.scaleb(rate, 6))
