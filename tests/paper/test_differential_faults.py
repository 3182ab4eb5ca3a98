"""The comparison of the two engines is no formality: each of these planted faults, one rule of docs/venue.md read
wrongly, is found within a few thousand commands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from types import SimpleNamespace

import pytest

from naive import checks, engine, matching, state
from naive.commands import Envelope
from naive.coverage import Coverage
from naive.engine import NaiveEngine
from naive.matching import Market
from naive.state import Order
from nostro.link.commands import PlaceOrder
from nostro.link.view import VenueInstrument
from paper.differential import Difference, run

COMMANDS = 10_000  # at most: a run ends where the fault is found
Plant = Callable[[pytest.MonkeyPatch], None]


def cost_rounded_up(patch: pytest.MonkeyPatch) -> None:
    def cost(market: Market, instrument: VenueInstrument, amount: Decimal, price: Decimal) -> Decimal:
        return state.up(amount * price, market.digits(instrument.quote))

    patch.setattr(Market, "cost", cost)


def fees_and_holds_rounded_down(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(matching, "up", state.down)


def withdrawal_fee_rounded_down(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(engine, "up", state.down)


def own_order_is_an_end_of_the_book(patch: pytest.MonkeyPatch) -> None:
    real = Market.walk

    def walk(market: Market, order: Order) -> tuple[list[tuple[Order, Decimal]], str]:
        matches, stopped = real(market, order)
        return matches, "end" if stopped == "own" else stopped

    patch.setattr(Market, "walk", walk)


def last_come_first_served(patch: pytest.MonkeyPatch) -> None:
    real = Market.visible

    def visible(market: Market, symbol: str, side: str) -> list[Order]:
        sign = -1 if side == "buy" else 1
        return sorted(real(market, symbol, side), key=lambda order: (sign * matching.limit_of(order), -order.sequence))

    patch.setattr(Market, "visible", visible)


def hidden_orders_are_shown(patch: pytest.MonkeyPatch) -> None:
    real = Market.queue
    patch.setattr(Market, "queue", lambda market, order, _: real(market, order, "visible"))


def the_newest_hidden_order_is_tried_first(patch: pytest.MonkeyPatch) -> None:
    def completable(market: Market, symbol: str) -> Order | None:
        hidden = [order for order in market.waiting(symbol, "hidden") if market.walk(order)[1] == "whole"]
        return max(hidden, key=lambda order: order.sequence, default=None)

    patch.setattr(Market, "completable", completable)


def the_newest_stop_is_triggered_first(patch: pytest.MonkeyPatch) -> None:
    def triggered(market: Market, symbol: str) -> Order | None:
        stops = [order for order in market.waiting(symbol, "pending") if market.holds_true(order)]
        return max(stops, key=lambda order: order.id, default=None)

    patch.setattr(Market, "triggered", triggered)


def a_stop_price_must_be_passed(patch: pytest.MonkeyPatch) -> None:
    real = Market.holds_true
    patch.setattr(
        Market,
        "holds_true",
        lambda market, stop: real(market, stop) and market.last[stop.asked.instrument] != stop.asked.stop_price,
    )


def the_later_end_counts(patch: pytest.MonkeyPatch) -> None:
    def end_ns(order: Order) -> int | None:
        ends = [end for end in (order.asked.valid_till_ns, order.asked.expire_after_ns) if end is not None]
        return max(ends) if ends else None

    patch.setattr(Order, "end_ns", property(end_ns))


def expiry_in_order_of_id(patch: pytest.MonkeyPatch) -> None:
    def due(market: Market, now_ns: int) -> Iterator[Order]:
        while ended := [o for o in market.open_orders if o.end_ns is not None and o.end_ns <= now_ns]:
            yield min(ended, key=lambda order: order.id)

    patch.setattr(Market, "due", due)


def nothing_is_settled_after_expiry(patch: pytest.MonkeyPatch) -> None:
    def expire(market: Market) -> None:
        for order in market.due(market.ledger.now_ns):
            market.close(order, "expired")

    patch.setattr(Market, "expire", expire)


def no_second_look_at_money_after_expiry(patch: pytest.MonkeyPatch) -> None:
    real = NaiveEngine.why_unpaid
    patch.setattr(NaiveEngine, "why_unpaid", lambda naive, order: None if order.id else real(naive, order))
    patch.setattr(state.Ledger, "check", lambda _: None)


def no_second_look_at_post_only_after_expiry(patch: pytest.MonkeyPatch) -> None:
    real = NaiveEngine.would_take_after_all
    patch.setattr(NaiveEngine, "would_take_after_all", lambda naive, order: order.id == 0 and real(naive, order))


def nothing_left_buys_nothing(patch: pytest.MonkeyPatch) -> None:
    real = Market.payable
    patch.setattr(
        Market,
        "payable",
        lambda market, instrument, money, price: real(market, instrument, money, price) if money > 0 else Decimal(0),
    )


def a_stop_market_spends_without_end(patch: pytest.MonkeyPatch) -> None:
    real = Market.money
    patch.setattr(Market, "money", lambda market, order: real(market, order) if order.funded_in_quote else None)


def a_better_price_is_freed_at_the_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        Market, "freed", lambda _, order, paid: Decimal(0) if order.asked.type == "market" else min(order.held, paid)
    )


def a_partly_filled_order_is_just_canceled(patch: pytest.MonkeyPatch) -> None:
    real = Market.close
    patch.setattr(
        Market, "close", lambda market, order, status=None: real(market, order, status or closing_word(order))
    )


def closing_word(order: Order) -> str:
    return "filled" if order.filled and order.rest == 0 else "canceled"


def a_refused_command_moves_the_clock(patch: pytest.MonkeyPatch) -> None:
    real = NaiveEngine.check

    def check(naive: NaiveEngine, envelope: Envelope) -> None:
        naive.clock_ns = naive.market.ledger.now_ns
        real(naive, envelope)

    patch.setattr(NaiveEngine, "check", check)


def counts_have_a_lower_limit(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(engine, "COUNT_MAX", 10**15)
    patch.setattr(checks, "COUNT_MAX", 10**15)


def prices_are_checked_before_amounts(patch: pytest.MonkeyPatch) -> None:
    real = NaiveEngine.check_amounts

    def check_amounts(naive: NaiveEngine, instrument: VenueInstrument, asked: PlaceOrder) -> None:
        engine.check_prices(instrument, asked)
        real(naive, instrument, asked)

    patch.setattr(NaiveEngine, "check_amounts", check_amounts)


def a_pattern_matches_a_beginning(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(engine, "re", SimpleNamespace(fullmatch=re.match))


def a_verified_withdrawal_cannot_be_canceled(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(engine.WITHDRAWAL_STEPS, "verified", ("moderation", "approved", "refused"))


FAULTS: tuple[Plant, ...] = (
    cost_rounded_up,
    fees_and_holds_rounded_down,
    withdrawal_fee_rounded_down,
    own_order_is_an_end_of_the_book,
    last_come_first_served,
    hidden_orders_are_shown,
    the_newest_hidden_order_is_tried_first,
    the_newest_stop_is_triggered_first,
    a_stop_price_must_be_passed,
    the_later_end_counts,
    expiry_in_order_of_id,
    nothing_is_settled_after_expiry,
    no_second_look_at_money_after_expiry,
    no_second_look_at_post_only_after_expiry,
    nothing_left_buys_nothing,
    a_stop_market_spends_without_end,
    a_better_price_is_freed_at_the_end,
    a_partly_filled_order_is_just_canceled,
    a_refused_command_moves_the_clock,
    counts_have_a_lower_limit,
    prices_are_checked_before_amounts,
    a_pattern_matches_a_beginning,
    a_verified_withdrawal_cannot_be_canceled,
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_rule_read_wrongly_is_found(fault: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    fault(monkeypatch)
    with pytest.raises(Difference):
        run(1, COMMANDS, Coverage())
