"""Shows which orders the paper GRVT takes and with which documented code it refuses each of the others, in both
encodings, and that our own client trades and reads in either.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from exchanges.grvt.scene import BTC, BTC_CODE, SECOND, Scene, run
from exchanges.grvt.signed import DAY, lived, order_of, placed
from nostro import errors
from nostro.domain import records
from nostro.exchanges.grvt import EXCHANGES
from nostro.exchanges.grvt.lite import names
from nostro.exchanges.grvt.messages import Signature
from nostro.exchanges.grvt.orders import (
    Order,
    OrderLeg,
    OrderMetadata,
    TPSLOrderMetadata,
    TriggerOrderMetadata,
)
from nostro.link.commands import CancelAll, CancelOrders, PlaceOrder, SetLeverage
from nostro.link.declare import Query

# ── orders ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_order_is_accepted_without_an_id_and_then_found(here: Scene) -> None:
    answer = placed(here)["result"]
    assert (answer["order_id"], answer["state"]["status"], answer["legs"][0]["limit_price"]) == (
        "0x00", "PENDING", "63000.0",
    )  # fmt: skip
    sub = {"sub_account_id": here.sub()}
    (resting,) = here.ask("open_orders", sub)["result"]
    assert here.ask("order", sub | {"client_order_id": 41})["result"] == resting
    assert here.ask("order", sub | {"order_id": resting["order_id"]})["result"] == resting
    assert here.ask("order", sub | {"order_id": "0x12"}, status=404)["code"] == 1004
    assert here.ask("order", sub, status=400)["code"] == 3021
    assert placed(here, status=400)["code"] == 2012
    assert here.ask("cancel_order", sub | {"client_order_id": "41"}) == {"result": {"ack": True}}
    assert here.ask("cancel_order", sub | {"client_order_id": "99"}) == {"result": {"ack": True}}
    assert (
        here.ask("cancel_order", sub | {"client_order_id": "41", "time_to_live_ms": "5001"}, status=400)["code"] == 2301
    )
    assert here.ask("order", sub | {"client_order_id": "41"})["result"]["state"]["reject_reason"] == "CLIENT_CANCEL"
    assert placed(here)["result"]["state"]["status"] == "PENDING", "an id is free once its order is done"


def test_an_order_ends_with_its_signature(here: Scene) -> None:
    placed(here)
    here.wait(DAY + SECOND)
    state = here.ask("order", {"sub_account_id": here.sub(), "client_order_id": "41"})["result"]["state"]
    assert (state["status"], state["reject_reason"], state["book_size"]) == ("CANCELLED", "EXPIRED", ["0.0"])


HIGH_S = f"0x{2**255:064x}"
REFUSED: dict[str, tuple[dict[str, Any], int, int]] = {
    "another key": ({"key": "0x" + "77" * 32}, 403, 2000),
    "a changed size": ({"after": {"legs.0.size": "0.02"}}, 403, 2002),
    "a changed signer": ({"after": {"signature.signer": "0x" + "12" * 20}}, 403, 2002),
    "no v": ({"after": {"signature.v": 26}}, 403, 2005),
    "a short r": ({"after": {"signature.r": "0x12"}}, 403, 2006),
    "an s that is no number": ({"after": {"signature.s": "0x" + "zz" * 32}}, 403, 2006),
    "a high s": ({"after": {"signature.s": HIGH_S}}, 403, 2007),
    "another chain": ({"after": {"signature.chain_id": "326"}}, 400, 1012),
    "an end that is over": (
        {"signature": {"signer": "", "r": "", "s": "", "v": 0, "nonce": 7, "expiration": "1700000000000000000"}}, 403,
        2001,
    ),
    "an order id": ({"order_id": "0x12"}, 400, 2010),
    "no client's id": ({"metadata": {}}, 400, 2011),
    "a client's id of 0": ({"metadata": {"client_order_id": "0"}}, 400, 2011),
    "a market order with a price": ({"is_market": True}, 400, 2020),
    "a limit order without one": ({"leg": {"limit_price": None}}, 400, 2021),
    "all or none": ({"time_in_force": "ALL_OR_NONE"}, 400, 2030),
    "an unknown time in force": ({"time_in_force": "PO"}, 400, 2030),
    "post-only and at once": ({"post_only": True, "time_in_force": "IMMEDIATE_OR_CANCEL"}, 400, 2032),
    "no leg": ({"legs": []}, 400, 2040),
    "a create time": ({"metadata": {"client_order_id": "41", "create_time": "5"}}, 400, 2051),
    "an unknown instrument": ({"after": {"legs.0.instrument": "XXX_USDT_Perp"}}, 400, 2061),
    "too small": ({"leg": {"size": "0"}}, 400, 2062),
    "too little worth": ({"leg": {"size": "0.001"}}, 400, 2066),
    "between two ticks": ({"leg": {"limit_price": "63000.05"}}, 400, 2064),
    "more digits than a price has": ({"after": {"legs.0.limit_price": "63000.0000000001"}}, 400, 2064),
    "between two lots": ({"leg": {"size": "0.0105"}}, 400, 2065),
    "more digits than a size has": ({"after": {"legs.0.size": "0.0100000001"}}, 400, 2065),
    "too much": ({"leg": {"size": "90"}}, 400, 2080),
    "beyond the band": ({"leg": {"limit_price": "80000"}}, 400, 7201),
    "reduce-only without a position": ({"reduce_only": True}, 400, 2400),
    "a size that is no number": ({"after": {"legs.0.size": "NaN"}}, 400, 1003),
    "a nonce of 33 bits": ({"after": {"signature.nonce": 2**32}}, 400, 1003),
    "another's sub-account": ({"after": {"sub_account_id": "1"}}, 403, 2003),
}  # fmt: skip


def stop(**tpsl: Any) -> dict[str, Any]:
    members = {"trigger_by": "MARK", "trigger_price": "60000", "close_position": False} | tpsl
    return {"metadata": {"client_order_id": "41", "trigger": {"trigger_type": "STOP_LOSS", "tpsl": members}}}


REFUSED |= {
    "a stop that watches nothing": (stop(trigger_by="UNSPECIFIED"), 400, 2110),
    "a stop that watches the middle": (stop(trigger_by="MID"), 400, 2111),
    "a stop without a price": (stop(trigger_price="0"), 400, 2113),
    "a stop that closes and may open": (stop(close_position=True), 400, 2114),
    "a stop between two ticks": (stop(trigger_price="60000.05"), 400, 2112),
    "half a stop": (
        {"metadata": {"client_order_id": "41", "trigger": {"trigger_type": "STOP_LOSS", "tpsl": None}}}, 400, 2112,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_an_order_is_refused_with_its_code_and_nothing_is_begun(calm: Scene, name: str) -> None:
    changed, status, code = REFUSED[name]
    said = placed(calm, status=status, **changed)
    assert (said["code"], said["status"]) == (code, status)
    light = calm.ask("create_order", status=status, form="lite", body=light_of(order_of(calm, **changed)))
    assert (light["c"], light["s"], light["m"]) == (code, status, said["message"])
    assert list(calm.venue.orders(calm.subs["trader-1"])) == []


def light_of(order: dict[str, Any]) -> Any:
    """The same order in the lite encoding, whatever is wrong with it."""
    inside = {
        "legs": OrderLeg, "signature": Signature, "metadata": OrderMetadata, "trigger": TriggerOrderMetadata,
        "tpsl": TPSLOrderMetadata,
    }  # fmt: skip

    def renamed(kind: Any, value: Any) -> Any:
        if isinstance(value, list):
            return [renamed(kind, each) for each in value]
        if not isinstance(value, dict):
            return value
        short = names(kind.__name__, kind.__struct_fields__)
        return {short[name]: renamed(inside.get(name), each) for name, each in value.items()}

    return {"o": renamed(Order, order)}


def test_the_codes_of_other_writes(here: Scene) -> None:
    sub = {"sub_account_id": here.sub()}
    leverage = sub | {"instrument": BTC_CODE}
    assert here.ask("set_initial_leverage", leverage | {"leverage": "10"}) == {"success": True}
    assert here.ask("set_initial_leverage", leverage | {"leverage": "51"}, status=400)["code"] == 2101
    assert here.ask("set_initial_leverage", leverage | {"leverage": "0.5"}, status=400)["code"] == 2100
    assert here.ask("set_initial_leverage", leverage | {"instrument": "X", "leverage": "5"}, status=404)["code"] == 1004
    config = leverage | {"margin_type": "isolated", "leverage": "5"}
    assert here.ask("set_position_config", config) == {"ack": True}
    here.trade("0.01", "64000")
    assert here.ask("set_position_config", config | {"margin_type": "CROSS"}, status=400)["code"] == 2102
    assert here.ask("cancel_on_disconnect", sub | {"countdown_time": "0"}) == {"result": {"ack": True}}
    assert here.ask("cancel_on_disconnect", sub | {"countdown_time": "5000"}, status=503)["code"] == 1009
    assert here.ask("cancel_on_disconnect", sub | {"countdown_time": "300001"}, status=400)["code"] == 6000
    placed(here)
    assert here.ask("cancel_all_orders", sub | {"base": ["ETH"]}) == {"result": {"ack": True}}
    assert len(here.ask("open_orders", sub)["result"]) == 1
    assert here.ask("cancel_all_orders", sub | {"kind": ["PERPETUAL"], "base": ["BTC"]}) == {"result": {"ack": True}}
    assert here.ask("open_orders", sub)["result"] == []


def test_orders_in_bulk(here: Scene) -> None:
    session, sub = here.session(), here.sub()
    orders = [order_of(here, metadata={"client_order_id": str(number)}) for number in (51, 52)]

    def bulk(body: dict[str, Any]) -> Any:
        return json.loads(here.post("/full/v2/bulk_orders", {"sub_account_id": sub, **body}, session=session).body)

    made = bulk({"orders": orders, "order_i_ds": [], "client_order_i_ds": []})
    assert [row["metadata"]["client_order_id"] for row in made["orders"]] == ["51", "52"]
    gone = bulk({"orders": [], "client_order_ids": ["51", "99"]})
    assert (gone["orders"], len(gone["cancel_acks"])) == ([], 2)
    (left,) = here.ask("open_orders", {"sub_account_id": sub})["result"]
    assert left["metadata"]["client_order_id"] == "52"
    assert bulk({"order_ids": [left["order_id"]], "client_order_ids": ["52"]})["code"] == 2222
    assert bulk({"orders": orders * 51})["code"] == 2232


def test_the_codes_of_markets(here: Scene) -> None:
    assert here.ask("instrument", {}, status=400)["code"] == 3000
    assert here.ask("ticker", {"instrument": "X_USDT_Perp"}, status=404)["code"] == 1004
    assert here.ask("book", {"instrument": BTC_CODE, "depth": 11}, status=400)["code"] == 3031
    assert (
        here.ask("kline", {"instrument": BTC_CODE, "interval": "CI_7_M", "type": "TRADE"}, status=400)["code"] == 3042
    )
    assert here.ask("kline", {"instrument": BTC_CODE, "interval": 6, "type": "trade"})["result"] == []
    assert here.ask("currency", {"": ""})["result"][0]["symbol"] == "USDT"


def test_a_book_counts_the_orders_of_a_level(here: Scene) -> None:
    for amount in ("0.01", "0.02"):
        here.place("maker-1", "sell", amount, "64100")
    here.place("maker-1", "sell", "0.03", "64200")
    book = here.ask("book", {"instrument": BTC_CODE, "depth": 10, "aggregate": 1})["result"]
    assert book["asks"] == [
        {"price": "64100.0", "size": "0.03", "num_orders": 2}, {"price": "64200.0", "size": "0.03", "num_orders": 1},
    ]  # fmt: skip
    mini = here.ask("mini", {"instrument": BTC_CODE})["result"]
    assert set(mini) < set(here.ask("ticker", {"instrument": BTC_CODE})["result"])
    assert len(mini) == 11


# ── our own client ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("form", ["full", "lite"])
def test_our_client_trades_and_reads(here: Scene, form: str) -> None:
    source = here.source(form=form)
    here.place("maker-1", "sell", "1", "64000")

    def place(**more: Any) -> Any:
        terms: dict[str, Any] = {"type": "limit", "amount": Decimal("0.5"), "price": Decimal(64000)} | more
        command = PlaceOrder(wallet="futures", instrument=BTC, side="buy", **terms)
        return run(source.do("place", command)).facts[0]

    taken, resting = place(), place(price=Decimal(60000), client_id="77")
    assert (taken.native_id, resting.client_id, resting.status) == (None, "77", "pending")
    assert 2**63 <= int(taken.client_id) < 2**64
    (opened,) = run(source.ask("open_orders", {})).facts
    assert (opened.client_id, opened.status, opened.price) == ("77", "open", Decimal(60000))
    gone = run(source.do("cancel", CancelOrders(order_ids=(opened.native_id,)))).facts[0]
    assert (gone.native_id, gone.status) == (opened.native_id, "canceled")
    place(type="stop_market", price=None, stop_price=Decimal(70000), stop_operator="gte", trigger="mark")
    (waiting,) = run(source.ask("open_orders", {"instrument": BTC})).facts
    assert (waiting.type, waiting.stop_operator, waiting.trigger) == ("stop_market", "gte", "mark")
    run(source.do("cancel_all", CancelAll(instrument=BTC)))
    assert run(source.ask("open_orders", {})).facts == ()
    run(source.do("set_leverage", SetLeverage(instrument=BTC, leverage=Decimal(10))))
    (position,) = run(source.ask("positions", {})).facts
    assert (position.size, position.leverage, position.sub_account) == (Decimal("0.5"), Decimal(10), here.sub())
    with pytest.raises(errors.InsufficientFunds):
        place(amount=Decimal(99), price=Decimal(64000))
    with pytest.raises(errors.Forbidden):
        place_with(here, form)


def place_with(scene: Scene, form: str) -> Any:
    source = scene.source(form=form, private_key="0x" + "77" * 32)
    command = PlaceOrder(
        wallet="futures", instrument=BTC, side="buy", type="limit", amount=Decimal("0.5"), price=Decimal(64000)
    )
    return run(source.do("place", command))


@pytest.mark.parametrize("form", ["full", "lite"])
def test_our_client_sweeps_every_history(here: Scene, form: str) -> None:
    lived(here, 9)
    source = here.source(form=form)

    async def swept(stream: str) -> list[Any]:
        steps = source.sweep(stream, here.clock.time_ns - DAY, here.clock.time_ns, {})
        return [fact async for step in steps for fact in step.facts]

    user = here.subs["trader-1"]
    assert sorted(fact.native_id for fact in run(swept("fills"))) == sorted(
        f"{each.id}-1" for each in here.venue.fills(user)
    )
    snapshots = run(swept("snapshots"))
    assert [fact.effective_ns for fact in snapshots] == [each.time_ns for each in here.venue.snapshots(user)][::-1]
    assert all(isinstance(fact.positions[0], records.Position) for fact in snapshots)
    assert len(run(swept("orders"))) == 6
    for stream in EXCHANGES[form].streams:
        run(swept(stream.name))


@pytest.mark.parametrize(
    "changed",
    [
        {"wallet": "spot"}, {"quote_amount": Decimal(5)}, {"side_effect": "auto_borrow"}, {"position_side": "long"},
        {"expire_after_ns": 1_772_366_400 * SECOND + 40 * DAY},
    ],
)  # fmt: skip
def test_what_the_wire_cannot_say_is_not_sent(here: Scene, changed: dict[str, Any]) -> None:
    terms: dict[str, Any] = {"wallet": "futures", "amount": Decimal("0.5"), "price": Decimal(64000)} | changed
    command = PlaceOrder(instrument=BTC, side="buy", type="limit", **terms)
    with pytest.raises(errors.NotSupported):
        run(here.source().do("place", command))
    assert list(here.venue.orders(here.subs["trader-1"])) == []


def test_what_our_client_needs_to_know_it_says(here: Scene) -> None:
    nobody = here.source(private_key="", sub_account_id="")
    with pytest.raises(errors.BadValue, match="sub_account"):
        run(nobody.ask("positions", {}))
    assert len(run(nobody.ask("sub_accounts", {})).facts) == 1
    command = PlaceOrder(
        wallet="futures", instrument=BTC, side="buy", type="limit", amount=Decimal(1), price=Decimal(64000),
        client_id="mine",
    )  # fmt: skip
    with pytest.raises(errors.BadValue, match="client_id"):
        run(here.source().do("place", command))
    with pytest.raises(errors.NotFound):
        run(here.source().do("place", msgspec.structs.replace(command, instrument="XXX/USDT:USDT", client_id="")))
    ask = EXCHANGES["full"].ask("candles")
    assert ask is not None
    with pytest.raises(errors.BadValue, match="interval_s"):
        ask.request(Query(where={"instrument": BTC, "interval_s": "61"}))


def test_a_third_party_s_fee_is_never_sent() -> None:
    for exchange in EXCHANGES.values():
        asked = {ask.route.name for ask in exchange.asks} | {do.route.name for do in exchange.dos}
        assert not [name for name in asked if "builder" in name]
