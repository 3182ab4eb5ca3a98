"""Shows that a write happens once or not at all, whatever is lost: for every kind of loss, before and after the
exchange carried it out, the caller gets the truth or `Unresolved`, and the venue never holds two. Each fault counts."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from collect.scene import Scene, run, scene, struck
from nostro import errors
from nostro.account import AsyncAccount
from nostro.domain.records import Order
from nostro.link.http import HttpAnswer, HttpRequest
from nostro.paper.faults import LOSES_ANSWER, NOT_CARRIED_OUT, Kind

# What an exchange's wire may do to a write: the answer is lost and it happened, or it is lost and it did not.
HAPPENED = sorted(LOSES_ANSWER)
LOST_BEFORE = sorted(NOT_CARRIED_OUT - {Kind.EXPIRED_TOKEN, Kind.REFUSED})
PRICE = Decimal("100.00")  # far below any market of the paper exchange: it rests


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Scene]:
    with scene(tmp_path, rows=60) as opened:
        yield opened


def placed(world: Scene) -> int:
    """The orders of ours that the venue holds: nothing of the past has this price."""
    return sum(1 for order in world.venue.orders(user(world)) if order.price == PRICE)


def user(world: Scene, login: str = "trader") -> int:
    return world.login(login).user


def trader(world: Scene) -> AsyncAccount:
    return world.account(allow=("trade",))


async def place(account: AsyncAccount) -> Order:
    return await account.place("BTC/USDT", "buy", amount="0.05", price=PRICE)


# ── orders ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_order_is_placed_once(world: Scene) -> None:
    order = run(place(trader(world)))
    assert order.native_id is not None
    assert order.price == PRICE
    assert placed(world) == 1
    assert world.wire.count("/trading/order", "POST") == 1


@pytest.mark.parametrize("kind", HAPPENED)
def test_an_order_whose_answer_was_lost_is_found(world: Scene, kind: Kind) -> None:
    faults = world.strike(struck(kind, 1, routes=("place",)))
    order = run(place(trader(world)))
    assert faults.fired[kind] == 1
    assert placed(world) == 1
    assert world.wire.count("/trading/order", "POST") == 1
    assert order.native_id == str(max(each.id for each in world.venue.orders(user(world))))
    assert order.status == "open"


@pytest.mark.parametrize("body", [b"[]", b"null"])
def test_an_order_whose_answer_names_none_is_looked_up(world: Scene, body: bytes) -> None:
    answered = 0

    def before(request: HttpRequest) -> HttpAnswer | None:
        nonlocal answered
        if request.method != "POST" or not request.path.endswith("/trading/order"):
            return None
        answered += 1
        given = world.server.handle(request)
        return HttpAnswer(given.status, given.headers, body)

    world.wire.before = before
    order = run(place(trader(world)))
    assert answered == placed(world) == 1
    assert order.native_id == str(max(each.id for each in world.venue.orders(user(world))))


@pytest.mark.parametrize("kind", LOST_BEFORE)
def test_an_order_that_never_arrived_is_unresolved(world: Scene, kind: Kind) -> None:
    faults = world.strike(struck(kind, 1, routes=("place",)))
    with pytest.raises(errors.Unresolved, match="no new row") as caught:
        run(place(trader(world)))
    assert faults.fired[kind] == 1
    assert caught.value.happened == "maybe"
    assert not caught.value.repeat
    assert placed(world) == 0
    assert world.wire.count("/trading/order", "POST") == 1, "it is not sent again"


def test_two_orders_that_look_alike_leave_a_doubt(world: Scene) -> None:
    """Someone else of the same account places the same order while our answer is under way."""
    other = trader(world)
    faults = world.strike(struck(Kind.DROPPED_AFTER, 1, routes=("place",)))

    async def both() -> None:
        account = trader(world)
        pauses = iter([1])
        sleep = world.clock.sleep

        async def sleep_and_place(pause_s: float) -> None:
            await sleep(pause_s)
            if next(pauses, None):
                await place(other)

        world.clock.sleep = sleep_and_place  # type: ignore[method-assign]
        await place(account)

    with pytest.raises(errors.Unresolved, match="2 new rows look like it"):
        run(both())
    assert faults.fired[Kind.DROPPED_AFTER] == 1
    assert placed(world) == 2, "one each"


def test_an_order_like_it_from_before_is_not_taken_for_it(world: Scene) -> None:
    run(place(trader(world)))
    world.clock.pass_s(5)
    world.strike(struck(Kind.DROPPED_BEFORE, 1, routes=("place",)))
    with pytest.raises(errors.Unresolved, match="no new row"):
        run(place(trader(world)))
    assert world.faults.fired[Kind.DROPPED_BEFORE] == 1
    assert placed(world) == 1


def test_when_the_look_fails_too_it_is_unresolved(world: Scene) -> None:
    faults = world.strike(
        struck(Kind.DROPPED_AFTER, 1, routes=("place",)), struck(Kind.MAINTENANCE, *range(2, 99), routes=("orders",))
    )
    with pytest.raises(errors.Unresolved, match="looking it up failed"):
        run(place(trader(world)))
    assert faults.fired[Kind.DROPPED_AFTER] == 1
    assert faults.fired[Kind.MAINTENANCE] > 1
    assert placed(world) == 1


def test_without_a_list_to_look_up_nothing_is_sent(world: Scene) -> None:
    faults = world.strike(struck(Kind.MAINTENANCE, share=1.0, routes=("orders",)))
    with pytest.raises(errors.NotSent, match="nothing was sent") as caught:
        run(place(trader(world)))
    assert faults.fired[Kind.MAINTENANCE] > 1
    assert caught.value.happened == "no"
    assert world.wire.count("/trading/order", "POST") == 0
    assert placed(world) == 0


def test_a_failed_sign_in_says_that_nothing_was_sent(world: Scene) -> None:
    faults = world.strike(struck(Kind.FAILED, share=1.0, routes=("sign_in",)))
    for call in (place, lambda account: account.cancel(1)):
        with pytest.raises(errors.NotSent, match="signing in failed") as caught:
            run(call(trader(world)))
        assert caught.value.happened == "no"
    assert faults.fired[Kind.FAILED] > 2
    assert world.wire.count("/trading/order") == 0


@pytest.mark.parametrize("kind", [Kind.REFUSED, Kind.EXPIRED_TOKEN])
def test_a_refusal_is_a_verdict(world: Scene, kind: Kind) -> None:
    """429: it did not happen, and is not sent again. 401: it did not happen either, so that it may go out with a new
    token."""
    faults = world.strike(struck(kind, 1, routes=("place",)))
    if kind is Kind.REFUSED:
        with pytest.raises(errors.RateLimited) as caught:
            run(place(trader(world)))
        assert caught.value.happened == "no"
    else:
        run(place(trader(world)))
    assert faults.fired[kind] == 1
    assert placed(world) == (0 if kind is Kind.REFUSED else 1)


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"amount": "0.001", "price": "100.001"}, errors.OrderRejected),
        ({"amount": "0.000001", "price": "100"}, errors.OrderRejected),
        ({"amount": "90", "price": "20000"}, errors.InsufficientFunds),
        ({"amount": "-1", "price": "100"}, errors.OrderRejected),
        ({"amount": "1" * 30, "price": "100"}, errors.OrderRejected),
        ({"amount": "1", "price": "100", "wallet": "funding"}, errors.OrderRejected),
    ],
)  # fmt: skip
def test_the_exchange_refuses(world: Scene, fields: dict[str, Any], error: type[errors.Refused]) -> None:
    with pytest.raises(errors.Refused) as caught:
        run(trader(world).place("BTC/USDT", "buy", **fields))
    assert type(caught.value) is error, caught.value
    assert caught.value.happened == "no"


# ── cancels ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def cancel_placed(world: Scene, kind: Kind | None) -> bool:
    account = trader(world)
    order = await place(account)
    world.strike(*([struck(kind, 1, routes=("cancel",))] if kind else []))
    return await account.cancel(str(order.native_id))


def status(world: Scene) -> str:
    return next(order.status for order in world.venue.orders(user(world)) if order.price == PRICE)


def test_a_cancel_says_whether_the_order_was_open(world: Scene) -> None:
    assert run(cancel_placed(world, None))
    assert status(world) == "canceled"
    account = trader(world)
    assert not run(account.cancel(10**9)), "there is no such order"
    ended = next(order for order in world.venue.orders(user(world)) if not order.is_open)
    assert not run(account.cancel(ended.id)), "it had ended"


@pytest.mark.parametrize("kind", HAPPENED)
def test_a_cancel_whose_answer_was_lost_is_looked_up(world: Scene, kind: Kind) -> None:
    assert run(cancel_placed(world, kind))
    assert world.faults.fired[kind] == 1
    assert status(world) == "canceled"
    assert world.wire.count("/trading/order", "DELETE") == 1


@pytest.mark.parametrize("kind", LOST_BEFORE)
def test_a_cancel_that_never_arrived_is_unresolved(world: Scene, kind: Kind) -> None:
    with pytest.raises(errors.Unresolved, match="still open"):
        run(cancel_placed(world, kind))
    assert world.faults.fired[kind] == 1
    assert status(world) == "open"
    assert world.wire.count("/trading/order", "DELETE") == 1


@pytest.mark.parametrize("kind", [Kind.DROPPED_AFTER, Kind.DROPPED_BEFORE])
def test_canceling_all_is_looked_up_too(world: Scene, kind: Kind) -> None:
    account = trader(world)
    open_before = [order.id for order in world.venue.orders(user(world), open_only=True)]
    assert open_before
    faults = world.strike(struck(kind, 1, routes=("cancel",)))
    if kind is Kind.DROPPED_BEFORE:
        with pytest.raises(errors.Unresolved, match=str(open_before[0])):
            run(account.cancel_all())
    else:
        assert len(run(account.cancel_all())) == 0
    assert faults.fired[kind] == 1
    open_after = list(world.venue.orders(user(world), open_only=True))
    assert bool(open_after) == (kind is Kind.DROPPED_BEFORE)


def test_canceling_all_of_one_instrument(world: Scene) -> None:
    account = trader(world)
    run(place(account))
    canceled = run(account.cancel_all(instrument="BTC/USDT"))
    assert len(canceled) >= 1
    assert all(each.status == "canceled" for each in canceled)
    left = list(world.venue.orders(user(world), open_only=True))
    assert all(order.instrument != "BTC/USDT" for order in left)


# ── withdrawals ──────────────────────────────────────────────────────────────────────────────────────────────────


async def withdraw(world: Scene) -> Any:
    account = world.account("withdrawer", allow=("withdraw",))
    methods = await account.withdraw_methods("USDT")
    method = next(each for each in methods if each.enabled)
    attributes = {"address": "0x52908400098527886E0F7030069857D2E4169EE7"}
    return await account.withdraw(int(method.native_id or 0), "77.77", attributes=attributes)


def withdrawn(world: Scene) -> int:
    rows = world.venue.transfers(user(world, "withdrawer"), "withdrawal")
    return sum(1 for row in rows if row.amount == Decimal("77.77"))


def test_a_withdrawal_happens_once(world: Scene) -> None:
    (transfer,) = run(withdraw(world))
    assert (transfer.amount, transfer.status) == (Decimal("77.77"), "pending")
    assert withdrawn(world) == 1


@pytest.mark.parametrize("kind", HAPPENED)
def test_a_withdrawal_whose_answer_was_lost_is_found(world: Scene, kind: Kind) -> None:
    faults = world.strike(struck(kind, 1, routes=("withdraw",)))
    (transfer,) = run(withdraw(world))
    assert faults.fired[kind] == 1
    assert transfer.native_id is not None
    assert transfer.asset == "USDT"
    assert withdrawn(world) == 1
    assert world.wire.count("/withdraw", "POST") == 1


@pytest.mark.parametrize("kind", LOST_BEFORE)
def test_a_withdrawal_that_never_arrived_is_unresolved(world: Scene, kind: Kind) -> None:
    faults = world.strike(struck(kind, 1, routes=("withdraw",)))
    with pytest.raises(errors.Unresolved):
        run(withdraw(world))
    assert faults.fired[kind] == 1
    assert withdrawn(world) == 0
    assert world.wire.count("/withdraw", "POST") == 1


# ── 2026 ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_newest_orders_are_enough_to_look_up(tmp_path: Path) -> None:
    with scene(tmp_path, dialect="d26") as world:
        faults = world.strike(struck(Kind.DROPPED_AFTER, 1, routes=("place",)))
        order = run(place(trader(world)))
        assert faults.fired[Kind.DROPPED_AFTER] == 1
        assert order.native_id == str(max(each.id for each in world.venue.orders(user(world))))
        assert placed(world) == 1
        assert run(trader(world).cancel(str(order.native_id)))
        assert len(run(trader(world).cancel_all())) == 0, "202 without a body says nothing of what was canceled"
        assert not list(world.venue.orders(user(world), open_only=True))


def test_what_the_wire_cannot_say_is_not_sent(tmp_path: Path) -> None:
    with scene(tmp_path, dialect="d26") as world:
        with pytest.raises(errors.NotSupported, match="an end of an order"):
            run(trader(world).place("BTC/USDT", "buy", amount=1, price=PRICE, valid_till="2026-12-01"))
        assert world.wire.count("/trading/order") == 0
