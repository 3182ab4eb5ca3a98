"""How the paper exchange carries out what Kraken Futures' settings and transfers ask for; see ``serve.py``. What the
venue refuses is decided by the venue.

*Ours*: the exchange's own spot account, to which a withdrawal goes, is the venue's wallet `funding`, which this wire
does not show; a contract is isolated, or made cross again, only without a position and an order in it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from nostro.domain.values import EXACT
from nostro.exchanges.kraken_futures import given, messages, refusals, requests, words, written
from nostro.exchanges.kraken_futures.desk import desk
from nostro.exchanges.kraken_futures.given import login
from nostro.exchanges.kraken_futures.refusals import bad_request, invalid, missing, refused
from nostro.link import commands
from nostro.link.commands import FUTURES, Refusal, Rejected
from nostro.link.declare import Call, WireRefusal
from nostro.link.view import VenueInstrument, VenueView

SUCCESS: Final = "success"
STRATEGIES: Final = ("REJECT_TAKER", "CANCEL_MAKER_SELF", "CANCEL_MAKER_CHILD", "CANCEL_MAKER_ANY")


def _done(view: VenueView) -> messages.Done:
    return messages.Done(result=SUCCESS, server_time=written.now(view))


# ── settings ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _multi_collateral(view: VenueView, symbol: str | None) -> VenueInstrument:
    """Raises the numbered errors 87 and 88."""
    if not symbol:
        raise missing(written.now(view))
    found = given.contract(view, symbol)
    if found is None:
        raise bad_request(refusals.PREFERENCES[Refusal.UNKNOWN_INSTRUMENT], written.now(view))
    if found.wallet != FUTURES:
        raise bad_request(refusals.NOT_MULTI_COLLATERAL, written.now(view))
    return found


def set_leverage_preference(view: VenueView, call: Call) -> messages.Done:
    """With a leverage the contract is isolated with it, without one it is cross with none."""
    query: requests.SetLeverage = call.message
    instrument = _multi_collateral(view, query.symbol)
    leverage = given.amount(view, query.max_leverage, name="maxLeverage")
    user = login(call).user
    row = next((each for each in view.positions(user, symbol=instrument.symbol)), None)
    isolated = row is not None and row.mode == "isolated"
    if leverage is not None:
        _check(view, instrument, leverage)
        if not isolated:
            _set(view, user, commands.SetMarginMode(instrument=instrument.symbol, mode="isolated"))
        try:
            _set(view, user, commands.SetLeverage(instrument=instrument.symbol, leverage=leverage))
        except WireRefusal:
            if not isolated:
                view.submit(user, commands.SetMarginMode(instrument=instrument.symbol, mode="cross"))
            raise
        return _done(view)
    if isolated:
        _set(view, user, commands.SetMarginMode(instrument=instrument.symbol, mode="cross"))
    if row is not None and row.leverage is not None:
        _set(view, user, commands.SetLeverage(instrument=instrument.symbol, leverage=None))
    return _done(view)


def _check(view: VenueView, instrument: VenueInstrument, leverage: Decimal) -> None:
    """What could be set of no position at all is refused before anything is changed."""
    hundredths = EXACT.scaleb(leverage, 2)
    if leverage < 1 or hundredths != hundredths.to_integral_value() or leverage > instrument.tiers[0].leverage_max:
        raise bad_request(refusals.PREFERENCES[Refusal.BAD_LEVERAGE], written.now(view))


def _set(view: VenueView, user: int, command: commands.Command) -> None:
    outcome = view.submit(user, command)
    if isinstance(outcome, Rejected):
        item = refusals.PREFERENCES.get(outcome.reason, (11, f"Argument invalid: {outcome.reason}"))
        raise bad_request(item, written.now(view))


def set_pnl_preference(view: VenueView, call: Call) -> messages.Done:
    query: requests.SetPnl = call.message
    instrument = _multi_collateral(view, query.symbol)
    if not query.pnl_preference:
        raise missing(written.now(view))
    asset = words.asset(query.pnl_preference)
    if view.haircut_ppm(asset) is None:
        raise bad_request(refusals.NO_CURRENCY, written.now(view))
    kept = desk(view).currencies.setdefault(login(call).user, {})
    kept[written.symbol(instrument)] = words.currency(asset)
    return _done(view)


def set_self_trade_strategy(view: VenueView, call: Call) -> messages.SelfTradeStrategy:
    strategy = call.message.strategy
    if not strategy:
        raise missing(written.now(view))
    if strategy not in STRATEGIES:
        raise invalid("strategy", written.now(view))
    desk(view).strategies[login(call).user] = strategy
    return messages.SelfTradeStrategy(result=SUCCESS, server_time=written.now(view), strategy=strategy)


# ── money ────────────────────────────────────────────────────────────────────────────────────────────────────────


def transfer(view: VenueView, call: Call) -> messages.Done:
    query: requests.Transfer = call.message
    user = login(call).user
    return _moved(
        view, user, from_user=user, to_user=user, from_wallet=given.wallet(view, query.from_account),
        to_wallet=given.wallet(view, query.to_account), asset=given.currency(view, query.unit),
        amount=given.needed_amount(view, query.amount, name="amount"),
    )  # fmt: skip


def subaccount_transfer(view: VenueView, call: Call) -> messages.Done:
    query: requests.SubAccountTransfer = call.message
    return _moved(
        view, login(call).user, from_user=_user(view, query.from_user), to_user=_user(view, query.to_user),
        from_wallet=given.wallet(view, query.from_account), to_wallet=given.wallet(view, query.to_account),
        asset=given.currency(view, query.unit), amount=given.needed_amount(view, query.amount, name="amount"),
    )  # fmt: skip


def withdrawal(view: VenueView, call: Call) -> messages.Done:
    query: requests.Withdrawal = call.message
    user = login(call).user
    return _moved(
        view, user, from_user=user, to_user=user, from_wallet=given.wallet(view, query.source_wallet or words.CASH),
        to_wallet=words.EXCHANGE_SPOT, asset=given.currency(view, query.currency),
        amount=given.needed_amount(view, query.amount, name="amount"),
    )  # fmt: skip


def _user(view: VenueView, uid: str | None) -> int:
    if not uid:
        raise missing(written.now(view))
    found = written.number_of(written.ACCOUNT, uid)
    if found is None:
        raise refused("invalidAccount", written.now(view))
    return found


def _moved(
    view: VenueView, user: int, *, from_user: int, to_user: int, from_wallet: str, to_wallet: str, asset: str,
    amount: Decimal,
) -> messages.Done:  # fmt: skip
    command = commands.MoveFunds(
        from_account=from_user, from_wallet=from_wallet, to_account=to_user, to_wallet=to_wallet, asset=asset,
        amount=amount,
    )  # fmt: skip
    outcome = view.submit(user, command)
    if isinstance(outcome, Rejected):
        raise refused(refusals.CODES.get(outcome.reason, "invalidArgument"), written.now(view))
    return _done(view)
