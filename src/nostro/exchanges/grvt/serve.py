"""What answers each route of the paper GRVT. It decides nothing itself: the table that leads from a route's name to the
function that answers it, in both encodings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from nostro.exchanges.grvt import accounts, auth, messages
from nostro.exchanges.grvt import serve_account as account
from nostro.exchanges.grvt import serve_histories as histories
from nostro.exchanges.grvt import serve_markets as markets
from nostro.exchanges.grvt import serve_trading as trading
from nostro.exchanges.grvt.lite import in_lite
from nostro.exchanges.grvt.refusals import relite
from nostro.exchanges.grvt.routes import API_KEY_LOGIN, WALLET_LOGIN, Form, is_lite, routes
from nostro.link.declare import Answered, Call, Serve, WireRefusal
from nostro.link.view import VenueView

Answer = Callable[[VenueView, Call], Any]

ANSWERS: Final[Mapping[str, Answer]] = {
    "account_history": histories.account_history, "account_summary": account.account_summary,
    "spot_account_summary": account.spot_account_summary, "positions": account.positions,
    "position_history": histories.position_history, "fill_history": histories.fill_history,
    "funding_payment_history": histories.funding_payment_history, "deposit_history": histories.deposit_history,
    "withdrawal_history": histories.withdrawal_history, "transfer_history": histories.transfer_history,
    "aggregated_account_summary": account.aggregated_account_summary,
    "funding_account_summary": account.funding_account_summary, "get_sub_accounts": account.get_sub_accounts,
    "get_authorized_builders": trading.get_authorized_builders, "authorize_builder": trading.authorize_builder,
    "order": trading.order, "open_orders": trading.open_orders, "order_history": trading.order_history,
    "get_all_initial_leverage": account.get_all_initial_leverage, "create_order": trading.create_order,
    "cancel_order": trading.cancel_order, "cancel_all_orders": trading.cancel_all_orders,
    "cancel_on_disconnect": trading.cancel_on_disconnect, "bulk_orders": trading.bulk_orders,
    "set_initial_leverage": trading.set_initial_leverage, "set_position_config": trading.set_position_config,
    "instrument": markets.instrument, "all_instruments": markets.all_instruments, "instruments": markets.instruments,
    "currency": markets.currency, "ticker": markets.ticker, "mini": markets.mini, "book": markets.book,
    "trade": markets.trade, "trade_history": markets.trade_history, "kline": markets.kline,
    "funding": markets.funding, "margin_rules": markets.margin_rules,
}  # fmt: skip


# What an answer cannot say.
LACKS: Final[Mapping[str, str]] = {
    "ticker": "with an open interest of 0: the venue counts positions by their owners alone",
    "funding": "with the present rate alone: the venue keeps no other, what was paid is in the payments",
}


def sign_in(view: VenueView, call: Call) -> Answered:
    """A session for whom `verify` has found."""
    return Answered(messages.SignedIn(location="", status="success"), auth.issue(view, accounts.login(call)))


def lightly(view: VenueView, call: Call, *, answer: Answer) -> Any:
    """An answer in the lite encoding."""
    try:
        return in_lite(answer(view, call))
    except WireRefusal as refusal:
        raise relite(refusal) from None


def serves(form: Form) -> tuple[Serve, ...]:
    """How each route of a dialect is answered: all of both encodings."""
    return tuple(
        Serve(route=route, answer=_answer(route.path), lacks=LACKS.get(route.path.rpartition("/")[2], ""))
        for route in routes(form)
    )  # fmt: skip


def _answer(path: str) -> Answer:
    if path in (API_KEY_LOGIN.path, WALLET_LOGIN.path):
        return sign_in
    answer = ANSWERS[path.rpartition("/")[2]]
    return partial(lightly, answer=answer) if is_lite(path) else answer
