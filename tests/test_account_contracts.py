"""Shows what a caller of an account gets of contracts, from each wire that has them: collateral, positions, histories,
settings; and that it edits and sets them, as far as the wire can. The venue's own rows are the truth."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import product
from pathlib import Path

import pytest

from collect.contracts import Contracts, contracts
from collect.scene import run
from nostro import errors
from nostro.account import AsyncAccount
from nostro.link.http import HttpAnswer, HttpRequest

WIRES = ("grvt", "bingx_v1", "kraken_futures")


@pytest.fixture(params=WIRES)
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Contracts]:
    with contracts(tmp_path, request.param) as opened:
        yield opened


def account(world: Contracts, *, allow: tuple[str, ...] = ("trade",)) -> AsyncAccount:
    return AsyncAccount(world.source(), clock=world.clock, allow=allow)


def test_what_is_there_now_is_told(world: Contracts) -> None:
    told = account(world)
    positions = run(told.positions())
    held = {each.instrument: each.size for each in world.venue.positions(world.user()) if each.size}
    assert held and {fact.instrument: fact.size for fact in positions} == held
    summaries = run(told.margin())
    assert summaries and all(fact.equity is not None and fact.currency for fact in summaries)
    one = next(iter(held))
    assert {fact.instrument for fact in run(told.positions(instrument=one))} >= {one}


@pytest.mark.parametrize("name", ["funding_payments", "closed_positions", "position_events", "snapshots"])
def test_a_history_is_whole_or_said_not_to_be_had(world: Contracts, name: str) -> None:
    told = account(world)
    if name not in told.capabilities:
        with pytest.raises(errors.NotSupported):
            getattr(told, name)()
        return
    rows = run(getattr(told, name)("2026-01-20").all())
    assert rows and [fact.effective_ns for fact in rows] == sorted(fact.effective_ns for fact in rows)
    user = world.user()
    truth = {
        "funding_payments": world.venue.funding, "closed_positions": world.venue.closed,
        "snapshots": world.venue.snapshots,
    }.get(name)  # fmt: skip
    assert truth is None or len(rows) == sum(1 for _ in truth(user))


def test_leverage_and_margin_mode_are_set_where_the_wire_can(world: Contracts) -> None:
    told, instrument = account(world), "BTC/USDT:USDT" if world.exchange.id != "kraken_futures" else "BTC/USD:USD"
    if "set_leverage" in told.capabilities:
        hedged = world.exchange.id == "bingx_v1"
        run(told.set_leverage(instrument, 3, position_side="long" if hedged else "both"))
        assert 3 in {
            value for fact in run(told.leverage(instrument)) for value in (fact.leverage, fact.long, fact.short)
            if fact.instrument == instrument
        }  # fmt: skip
    else:
        with pytest.raises(errors.NotSupported):
            run(told.set_leverage(instrument, 3))
    with pytest.raises(errors.NotGranted):
        run(account(world, allow=()).set_leverage(instrument, 3))
    with pytest.raises(errors.BadValue, match="mode is 'both'"):
        run(told.set_margin_mode(instrument, "both"))  # type: ignore[arg-type]


def test_an_order_of_a_contract_is_placed_edited_and_canceled(world: Contracts) -> None:
    told, kraken = account(world), world.exchange.id == "kraken_futures"
    instrument = "BTC/USD:USD" if kraken else "BTC/USDT:USDT"
    price = Decimal(20_000)
    side = {"position_side": "long"} if world.exchange.id == "bingx_v1" else {}

    def resting() -> list[tuple[str, Decimal | None, Decimal | None]]:
        """Of the orders that are open, the one that is far below all others."""
        return [
            (fact.native_id or "", fact.price, fact.amount)
            for fact in run(told.open_orders()) if fact.instrument == instrument and (fact.price or 0) <= price
        ]  # fmt: skip

    assert not resting()
    run(told.place(instrument, "buy", amount="0.01", price=price, **side))  # type: ignore[arg-type]
    [(order_id, *shown)] = resting()
    assert shown == [price, Decimal("0.01")]
    if "edit" in told.capabilities:
        run(told.edit(order_id, price=price - 100))
        assert [each[1] for each in resting()] == [price - 100]
    else:
        with pytest.raises(errors.NotSupported):
            run(told.edit(order_id, price=price - 100))
    assert run(told.cancel(resting()[0][0]))
    assert not resting()


def test_an_order_is_found_by_the_clients_id_where_the_wire_asks_by_it(world: Contracts) -> None:
    told, wire = account(world), world.exchange.id
    instrument = "BTC/USD:USD" if wire == "kraken_futures" else "BTC/USDT:USDT"
    if wire == "bingx_v1":
        with pytest.raises(errors.BadValue, match="order_id"):
            run(told.order(client_id="9223372036854775901", instrument=instrument))
        return
    placed = run(told.place(instrument, "buy", amount="0.01", price=20_000, client_id="9223372036854775901"))
    found = run(told.order(client_id="9223372036854775901"))
    assert (found.client_id, found.price, found.status) == ("9223372036854775901", Decimal(20_000), "open")
    assert found.native_id and placed.native_id in (None, found.native_id)  # GRVT says none when it takes one
    assert run(told.order(found.native_id)).native_id == found.native_id
    if wire == "grvt":
        with pytest.raises(errors.NotFound):
            run(told.order(client_id="9223372036854775902"))


@pytest.mark.parametrize("named", [{}, {"order_id": "1", "client_id": "2"}])
def test_an_order_has_one_name(tmp_path: Path, named: dict[str, str]) -> None:
    with contracts(tmp_path, "grvt", rows=10) as world, pytest.raises(errors.BadValue, match="client_id="):
        run(account(world).order(**named))  # type: ignore[arg-type]


@pytest.mark.parametrize("wire", ["grvt", "kraken_futures"])
def test_an_id_that_the_wire_cannot_have_is_not_sent(tmp_path: Path, wire: str) -> None:
    with contracts(tmp_path, wire, rows=10) as world:
        told = account(world)
        asks = (told.cancel, told.order) if wire == "grvt" else (told.cancel,)
        for ask, order_id in product(asks, ("12345", "0x", "0x0", "0xg1", "0x" + "1" * 33, "", "0x1 ", "x" * 500)):
            with pytest.raises(errors.BadValue, match=r"order_id|must be told") as caught:
                run(ask(order_id))
            assert len(str(caught.value)) < 300
        assert not [each.path for each in world.wire.requests if "order" in each.path]


def test_an_order_whose_answer_was_lost_is_found_by_what_it_is(tmp_path: Path) -> None:
    """The wallet that backs an inverse contract is its own, whatever the caller called it."""
    with contracts(tmp_path, "kraken_futures", rows=10) as world:
        sent: list[HttpRequest] = []

        def lost(request: HttpRequest) -> HttpAnswer | None:
            if not request.path.endswith("/sendorder"):
                return None
            world.server.handle(request)
            sent.append(request)
            raise errors.Unanswered("the line went dead", exchange="kraken_futures")

        world.wire.before = lost
        found = run(account(world).place("BTC/USD:BTC", "buy", amount=100, price=20_000))
        assert len(sent) == 1
        assert (found.instrument, found.price, found.amount) == ("BTC/USD:BTC", Decimal(20_000), Decimal(100))
        assert found.wallet == "futures:BTC/USD"
