"""How the paper exchange's rows are written in Kraken Futures' private frames: collateral, positions, orders, fills. It
decides what each member says; who hears which frame stands in ``feed_serve.py``. It reads the venue's own rows, never
our facts; its twins are ``feed_read.py`` and ``feed_read_balances.py``.

*Ours*: nothing accrues between two fundings, so unrealized funding is 0; every currency and every margin account is
listed, with zeros where nothing was ever in it; the figures of the multi-collateral wallet are those of its cross part,
an isolated contract stands in ``isolated`` alone; a stop keeps its order id when it is triggered, and is from then on
told as the order that it became, as lists and histories tell it.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from msgspec import UNSET, Raw, UnsetType

from nostro.domain.margin.places import Places
from nostro.domain.margin.profit import inverse_pnl
from nostro.domain.values import EXACT, ONE, ZERO, add, number, product, quotient
from nostro.exchanges.kraken_futures import feed_messages as messages
from nostro.exchanges.kraken_futures import serve_events, serve_trading, words, written
from nostro.link.commands import FUTURES, MARGIN_ACCOUNT
from nostro.link.contracts import VenueBalance, VenueCollateral, VenuePosition
from nostro.link.view import VenueFill, VenueInstrument, VenueOrder, VenueView

DIGITS: Final = 12  # of what is divided: ratios, values in USD, prices of entry
FIGURES: Final = Places(24, ROUND_HALF_EVEN)  # of ratios and inverse profit: more than the doubles of the exchange have
NOUGHT: Final = number(ZERO)


class Sections:
    """What a user has, by the sections of the feed of balances."""

    def __init__(self, view: VenueView, user: int) -> None:
        self._view = view
        self._totals: dict[tuple[str, str], VenueBalance] = {
            (row.wallet, row.asset): row for row in view.balances(user)
        }  # fmt: skip
        self._wallets = {row.wallet: row for row in view.collateral(user)}
        self._positions = [row for row in view.positions(user) if row.size]

    def total(self, wallet: str, asset: str) -> Decimal:
        row = self._totals.get((wallet, asset))
        return ZERO if row is None else row.total

    # ── the feed of margin accounts ──────────────────────────────────────────────────────────────────────────────

    def margin_accounts(self) -> list[messages.MarginAccount]:
        """Cash wallets first, then margin accounts."""
        cash = [
            _cash(words.currency(asset.code).lower(), self.total(words.SPOT, asset.code))
            for asset in self._view.assets()
        ]
        accounts = [
            _margin_account(f"f-{_pair(wallet, ':').lower()}", self.total(wallet, asset), self._wallets.get(wallet))
            for wallet, asset in margin_wallets(self._view)
        ]
        return [*cash, *accounts]

    # ── the feed of balances ─────────────────────────────────────────────────────────────────────────────────────

    def holding(self) -> dict[str, Raw]:
        assets = [asset.code for asset in self._view.assets()]
        return {words.currency(asset): number(self.total(words.SPOT, asset)) for asset in assets}

    def futures(self) -> dict[str, messages.FuturesAccount]:
        found = {}
        for wallet, asset in margin_wallets(self._view):
            row, total = self._wallets.get(wallet), self.total(wallet, asset)
            name = f"F-{_pair(wallet, ':')}"
            found[name] = messages.FuturesAccount(
                name=name,
                pair=_pair(wallet, "/"),
                unit=words.currency(asset),
                portfolio_value=number(total if row is None else row.equity),
                balance=number(total),
                maintenance_margin=NOUGHT if row is None else number(row.maintenance),
                initial_margin=NOUGHT if row is None else number(row.initial),
                available=number(total if row is None else row.available),
                unrealized_funding=NOUGHT,
                pnl=NOUGHT if row is None else number(row.unrealized),
            )
        return found

    def flex(self) -> messages.FlexFutures:
        row = self._wallets.get(FUTURES)
        isolated = [each for each in self._positions if each.purse is not None and each.wallet == FUTURES]
        cross = [each for each in self._positions if each.purse is None and each.wallet == FUTURES]
        figures = _flex_figures(row)
        return messages.FlexFutures(
            currencies=self._currencies(row),
            isolated={words.symbol(each.instrument): _isolated(each) for each in isolated},
            cross=messages.FlexPart(**figures, effective_leverage=number(_leverage(cross, row))),
            **figures,
        )

    def _currencies(self, row: VenueCollateral | None) -> dict[str, messages.FlexCurrency]:
        free = ZERO if row is None else max(ZERO, row.available)
        found = {}
        for asset in self._view.assets():
            haircut_ppm = self._view.haircut_ppm(asset.code)
            if haircut_ppm is None:
                continue
            quantity, price = self.total(FUTURES, asset.code), self._view.index_price(asset.code)
            haircut = EXACT.scaleb(Decimal(haircut_ppm), -6)
            value, kept = product((quantity, price)), EXACT.subtract(ONE, haircut)
            worth = product((price, kept))
            most = quotient(free, worth, digits=asset.digits, rounding="ROUND_FLOOR") if worth else quantity
            found[words.currency(asset.code)] = messages.FlexCurrency(
                quantity=number(quantity),
                value=number(value),
                collateral_value=number(product((value, kept)) if value > 0 else value),
                available=number(max(ZERO, min(quantity, most))),
                haircut=number(haircut),
                conversion_spread=NOUGHT,
            )
        return found

    # ── positions ────────────────────────────────────────────────────────────────────────────────────────────────

    def positions(self) -> list[messages.Position]:
        return [self._position(row) for row in self._positions]

    def _position(self, row: VenuePosition) -> messages.Position:
        instrument = self._view.instrument(row.instrument)
        assert instrument is not None
        wallet = self._wallets.get(row.wallet)
        equity = row.purse if row.purse is not None else None if wallet is None else wallet.equity
        leverage = _ratio(row.value.copy_abs(), equity)
        entry = written.entry_price(instrument, size=row.size, basis=row.basis)
        profit = _gained(instrument, row, entry=entry)
        return messages.Position(
            instrument=written.symbol(instrument),
            balance=number(row.size),
            pnl=number(profit),
            entry_price=number(entry),
            mark_price=number(row.mark),
            index_price=number(self._view.index(row.instrument)),
            liquidation_threshold=number(row.liquidation or ZERO),
            effective_leverage=number(leverage),
            return_on_equity=number(_ratio(profit, row.margin)),
            unrealized_funding=NOUGHT,
            initial_margin=number(row.margin),
            initial_margin_with_orders=number(row.margin_with_orders),
            maintenance_margin=number(row.maintenance),
            pnl_currency=words.currency(instrument.settle) if instrument.kind == "linear" else UNSET,
        )


def _gained(instrument: VenueInstrument, row: VenuePosition, *, entry: Decimal) -> Decimal:
    """The profit of a position by the exchange's formula: an inverse contract's has parts of the units that the venue
    settles in."""
    if instrument.kind != "inverse":
        return row.unrealized
    profit = inverse_pnl(
        size=row.size, entry_price=entry, price=row.mark, multiplier=instrument.multiplier, places=FIGURES
    )  # fmt: skip
    return row.unrealized if profit is None else profit


def margin_wallets(view: VenueView) -> list[tuple[str, str]]:
    """Every margin account that contracts are backed by, with its asset."""
    found = {each.wallet: each.settle for each in view.instruments() if each.wallet.startswith(MARGIN_ACCOUNT)}
    return list(found.items())


def _pair(wallet: str, separator: str) -> str:
    base, _, quote = wallet.removeprefix(MARGIN_ACCOUNT).partition("/")
    return f"{words.currency(base)}{separator}{quote}"


def _cash(name: str, total: Decimal) -> messages.MarginAccount:
    """A cash wallet backs nothing: captures show its balance, and 0 for all else."""
    return messages.MarginAccount(
        name=name, balance=number(total), pnl=NOUGHT, funding=NOUGHT, pv=NOUGHT, am=NOUGHT, im=NOUGHT, mm=NOUGHT
    )


def _margin_account(name: str, total: Decimal, row: VenueCollateral | None) -> messages.MarginAccount:
    if row is None:
        amount = number(total)
        return messages.MarginAccount(
            name=name, balance=amount, pnl=NOUGHT, funding=NOUGHT, pv=amount, am=amount, im=NOUGHT, mm=NOUGHT
        )
    return messages.MarginAccount(
        name=name,
        balance=number(total),
        pnl=number(row.unrealized),
        funding=NOUGHT,
        pv=number(row.equity),
        am=number(row.available),
        im=number(row.initial),
        mm=number(row.maintenance),
    )


def _flex_figures(row: VenueCollateral | None) -> dict[str, Any]:
    def of(name: str) -> Raw:
        return NOUGHT if row is None else number(getattr(row, name))

    return {
        "initial_margin": of("initial"),
        "initial_margin_without_orders": of("initial_positions"),
        "maintenance_margin": of("maintenance"),
        "pnl": of("unrealized"),
        "unrealized_funding": NOUGHT,
        "total_unrealized": of("unrealized"),
        "total_unrealized_as_margin": of("unrealized"),
        "balance_value": of("gross"),
        "portfolio_value": NOUGHT if row is None else number(add((row.gross, row.unrealized))),
        "collateral_value": of("assets"),
        "margin_equity": of("equity"),
        "available_margin": of("available"),
    }


def _isolated(row: VenuePosition) -> messages.FlexPart:
    unrealized = number(row.unrealized)
    return messages.FlexPart(
        initial_margin=number(row.margin_with_orders),
        initial_margin_without_orders=number(row.margin),
        maintenance_margin=number(row.maintenance),
        pnl=unrealized,
        unrealized_funding=NOUGHT,
        total_unrealized=unrealized,
        total_unrealized_as_margin=unrealized,
    )


def _leverage(positions: Iterable[VenuePosition], row: VenueCollateral | None) -> Decimal:
    return _ratio(add(each.value.copy_abs() for each in positions), None if row is None else row.equity)


def _ratio(amount: Decimal, of: Decimal | None) -> Decimal:
    """0 where there is nothing to divide by."""
    if of is None or of <= 0:
        return ZERO
    return FIGURES.divide(amount, by=of) or ZERO


# ── orders and fills ─────────────────────────────────────────────────────────────────────────────────────────────


def order(row: VenueOrder) -> messages.Order:
    waits = row.status == "pending"
    kind = serve_trading.stop_type(row) if waits else "market" if row.price is None else "limit"
    rest = EXACT.subtract(EXACT.subtract(row.amount, row.filled), row.canceled)
    return messages.Order(
        instrument=words.symbol(row.instrument),
        time=written.milliseconds(serve_events.fired_ns(row) or row.placed_ns),
        last_update_time=written.milliseconds(row.updated_ns),
        qty=number(rest),
        filled=number(row.filled),
        limit_price=number(row.price or ZERO),
        stop_price=number((row.stop_price if waits else None) or ZERO),
        type=kind,
        order_id=written.order_id(row.id),
        cli_ord_id=row.client_id or UNSET,
        direction=0 if row.side == "buy" else 1,
        reduce_only=row.reduce_only,
        triggerSignal=words.TRIGGERS_WRITTEN[row.trigger] if waits else UNSET,
    )


def change(feed: str, row: VenueOrder, *, before: VenueOrder | None) -> messages.OrderChange:
    """The frame of one changed order; ``before``: as it was told last, None where it was not."""
    client_id: str | UnsetType = row.client_id or UNSET
    if row.is_open:
        return messages.OrderChange(feed=feed, order=order(row), is_cancel=False, reason=_why(row, before))
    if row.status == "filled":
        return messages.OrderChange(feed=feed, order=order(row), is_cancel=True, reason="full_fill")
    if before is None and row.time_in_force == "gtc" and not row.filled:
        reason = "would_execute_self"  # it was placed, and canceled by the same command
    elif before is None and not row.filled:
        reason = "ioc_order_failed_because_it_would_not_be_executed"
    else:
        reason = "liquidation" if row.origin == "liquidation" else "cancelled_by_user"
    return messages.OrderChange(
        feed=feed, order_id=written.order_id(row.id), cli_ord_id=client_id, is_cancel=True, reason=reason
    )


def _why(row: VenueOrder, before: VenueOrder | None) -> str:
    if before is None:
        return "partial_fill" if row.filled else "new_placed_order_by_user"
    if before.status == "pending" and row.status != "pending":
        return "stop_order_triggered"
    asked = (row.amount, row.price, row.stop_price) == (before.amount, before.price, before.stop_price)
    return "partial_fill" if asked and row.filled != before.filled else "edited_by_user"


def fill(row: VenueFill, client_id: str) -> messages.Fill:
    """*Ours*: ``seq`` is the trade's number."""
    return messages.Fill(
        instrument=words.symbol(row.instrument),
        time=written.milliseconds(row.time_ns),
        price=number(row.price),
        seq=Raw(str(row.id).encode()),
        buy=row.side == "buy",
        qty=number(row.amount),
        remaining_order_qty=number(row.order_unfilled),
        order_id=written.order_id(row.order_id),
        cli_ord_id=client_id or UNSET,
        fill_id=written.fill_id(row),
        fill_type=written.fill_type(row),
        fee_paid=number(row.fee),
        fee_currency=words.currency(row.fee_asset),
        taker_order_type="ioc" if row.order_type == "market" else "lmt",
        order_type=row.order_type if row.order_type in ("limit", "market") else "stop",
    )
