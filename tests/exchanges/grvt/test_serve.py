"""Shows what the paper GRVT answers: sessions and their end, whose accounts are seen, how histories are paged, figures
by the exchange's formulas, which orders are taken, and every refusal with its documented code, in both encodings.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import pytest

from exchanges.grvt.scene import BTC, BTC_CODE, ETH, HOUR, SECOND, Scene, run
from nostro import errors
from nostro.domain import records
from nostro.exchanges.grvt import EXCHANGES, eip712, serve, signing
from nostro.exchanges.grvt.lite import lite, names
from nostro.exchanges.grvt.messages import Signature
from nostro.exchanges.grvt.orders import (
    Order,
    OrderLeg,
    OrderMetadata,
    TPSLOrderMetadata,
    TriggerOrderMetadata,
)
from nostro.link.commands import CancelAll, CancelOrders, MoveFunds, PlaceOrder, SetLeverage, SetMarginMode
from nostro.link.declare import Query

DAY = 24 * HOUR


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path)
    yield scene
    scene.venue.close()


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Where nothing is ever begun."""
    scene = Scene(tmp_path_factory.mktemp("calm"))
    yield scene
    scene.venue.close()


def order_of(scene: Scene, *, name: str = "trader", key: str = "", **changed: Any) -> dict[str, Any]:
    """A signed order as a client sends it; what is changed is signed, but for the members of ``after``."""
    after = changed.pop("after", {})
    leg = {"instrument": BTC_CODE, "size": "0.01", "limit_price": "63000", "is_buying_asset": True}
    leg |= changed.pop("leg", {})
    order: dict[str, Any] = {
        "sub_account_id": scene.sub(name), "is_market": False, "time_in_force": "GOOD_TILL_TIME", "post_only": False,
        "reduce_only": False, "legs": [leg],
        "signature": {
            "signer": "", "r": "", "s": "", "v": 0, "nonce": 7, "expiration": str(scene.clock.time_ns + DAY),
        },
        "metadata": {"client_order_id": "41"},
    }  # fmt: skip
    order |= changed
    private_key = key or scene.logins[name].extra["private_key"]
    listed = signing.Listed(0x030501, 9)
    typed = signing.typed(msgspec.json.decode(json.dumps(order), type=Order), lambda _: listed)
    mark = eip712.sign(eip712.digest(eip712.order_hash(typed), eip712.CHAIN), private_key)
    order["signature"] |= {"signer": eip712.address_of(private_key), **mark._asdict()}
    for place, value in after.items():
        target: Any = order
        *path, last = place.split(".")
        for step in path:
            target = target[int(step) if step.isdigit() else step]
        target[last] = value
    return order


def placed(scene: Scene, *, status: int = 200, form: str = "full", **changed: Any) -> Any:
    return scene.ask("create_order", {"order": order_of(scene, **changed)}, status=status, form=form)


# ── sessions ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_session_has_an_end_that_its_cookie_tells(here: Scene) -> None:
    answer = here.post("/auth/api_key/login", {"api_key": here.logins["trader"].key})
    assert json.loads(answer.body) == {"location": "", "status": "success"}
    assert "Expires=Mon, 02 Mar 2026 12:00:00 GMT" in answer.headers["Set-Cookie"]
    session = here.session()
    assert here.post("/full/v1/get_sub_accounts", session=session).status == 200
    here.wait(DAY)
    ended = here.post("/full/v1/get_sub_accounts", session=session)
    assert (ended.status, json.loads(ended.body)["code"]) == (401, 1000)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda session: session.pop("Cookie"),
        lambda session: session.pop("X-Grvt-Account-Id"),
        lambda session: session.update({"X-Grvt-Account-Id": "0x12"}),
        lambda session: session.update(Cookie=session["Cookie"][:-1] + ("0" if session["Cookie"][-1] != "0" else "1")),
        lambda session: session.update(Cookie="gravity=99999999999-6d-" + "0" * 64),
        lambda session: session.update(Cookie="gravity="),
    ],
)
@pytest.mark.parametrize("form", ["full", "lite"])
def test_what_is_no_session_is_1000_in_either_encoding(calm: Scene, spoil: Any, form: str) -> None:
    session = calm.session()
    spoil(session)
    answer = calm.post(f"/{form}/v1/get_sub_accounts", session=session)
    said = json.loads(answer.body)
    assert answer.status == 401
    assert said == ({"code": 1000, "message": said.get("message"), "status": 401} if form == "full" else {
        "c": 1000, "m": said.get("m"), "s": 401,
    })  # fmt: skip


def test_unknown_keys_bodies_and_paths(here: Scene) -> None:
    assert here.post("/auth/api_key/login", {"api_key": "nobody"}).status == 401
    assert json.loads(here.post("/auth/api_key/login", {}).body)["code"] == 1003
    assert json.loads(here.post("/full/v1/nothing", session=here.session()).body)["status"] == 404
    for body in (b"", b"[]", b"{", b"\xff", b"[" * 5_000):
        answer = here.post("/full/v1/create_order", raw=body, session=here.session())
        assert (answer.status, json.loads(answer.body)["code"]) == (400, 1003)


def test_a_lite_body_on_a_full_route_is_malformed_and_the_other_way_round(here: Scene) -> None:
    order = order_of(here)
    short = {"o": {"sa": "1"}}
    assert here.ask("create_order", short, status=400)["code"] == 1003
    assert here.ask("create_order", {"order": order}, form="lite", status=400)["c"] == 1003
    assert here.ask("account_summary", {"sa": here.sub()}, status=400)["code"] == 1003


def test_a_wallet_signs_in(here: Scene) -> None:
    login = here.logins["trader"]
    key = login.extra["private_key"]

    def attempt(*, expires_ns: int, key: str = key, **changed: Any) -> Any:
        signer = eip712.address_of(key)
        terms = eip712.wallet_login_hash(signer=int(signer, 16), nonce=1, expiration=expires_ns)
        mark = eip712.sign(eip712.digest(terms, eip712.CHAIN), key)
        signature = {"signer": signer, **mark._asdict(), "expiration": str(expires_ns), "nonce": 1, "chain_id": "325"}
        answer = here.post("/auth/wallet/login", {"address": signer, "signature": signature | changed})
        return json.loads(answer.body).get("code", answer.headers.get("X-Grvt-Account-Id"))

    soon = here.clock.time_ns + 30 * SECOND
    assert attempt(expires_ns=soon) == login.extra["main_account_id"]
    assert attempt(expires_ns=here.clock.time_ns - SECOND) == 2001
    assert attempt(expires_ns=soon, nonce=2) == 2002
    assert attempt(expires_ns=soon, signer="0x" + "12" * 20) == 2002
    assert attempt(expires_ns=soon, r="0x0") == 2002
    assert attempt(expires_ns=soon, key="0x" + "77" * 32) == 1000


# ── whose accounts ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_main_account_sees_its_own_sub_accounts_alone(here: Scene) -> None:
    desk = [str(here.subs["desk-1"]), str(here.subs["desk-2"])]
    assert here.ask("get_sub_accounts", name="desk") == {"sub_account_ids": desk}
    assert here.ask("get_sub_accounts", name="desk", form="lite") == {"sa": desk}
    for other in (here.sub("trader"), "999", "0", "x"):
        assert here.ask("account_summary", {"sub_account_id": other}, name="desk", status=403)["code"] == 1001
    assert here.ask("positions", {}, status=400)["code"] == 1003
    theirs = here.logins["maker"].extra["main_account_id"]
    assert here.ask("deposit_history", {"main_account_id": theirs}, status=403)["code"] == 1001


def test_a_reader_may_not_trade(here: Scene) -> None:
    answer = here.ask("create_order", {"order": order_of(here, name="reader")}, name="reader", status=403)
    assert answer["code"] == 1001
    assert here.ask("positions", {"sub_account_id": here.sub("reader")}, name="reader") == {"result": []}


# ── histories ────────────────────────────────────────────────────────────────────────────────────────────────────


def lived(scene: Scene, hours: int) -> None:
    """An hour with something to do, and every third one without."""
    for hour in range(hours):
        if hour % 3 != 2:
            scene.trade("0.01", f"{64_000 + hour}")
        scene.wait(HOUR)


def pages(scene: Scene, route: str, body: dict[str, Any], **more: Any) -> list[list[Any]]:
    found = []
    while True:
        answer = scene.ask(route, body, **more)
        found.append(answer["result"])
        if not answer["next"]:
            return found
        body = {"sub_account_id": body["sub_account_id"], "cursor": answer["next"]}


def test_snapshots_are_hourly_none_in_an_idle_hour_and_gone_after_30_days(here: Scene) -> None:
    lived(here, 9)
    sub = {"sub_account_id": here.sub()}
    rows = here.ask("account_history", sub)["result"]
    hours = [(int(row["event_time"]) - here.venue.now_ns() // HOUR * HOUR) // HOUR for row in rows]
    assert all(int(row["event_time"]) % HOUR == 0 for row in rows)
    assert len(rows) == len(set(hours)) == 6
    here.wait(29 * DAY)
    assert len(here.ask("account_history", sub)["result"]) == 6
    here.wait(DAY)
    assert here.ask("account_history", sub) == {"result": [], "next": ""}
    assert here.ask("account_history", sub | {"start_time": "0"})["result"] == []


@pytest.mark.parametrize("route", ["account_history", "fill_history", "order_history"])
def test_pages_are_walked_by_the_cursor_alone(here: Scene, route: str) -> None:
    lived(here, 9)
    sub = {"sub_account_id": here.sub()}
    (whole,) = pages(here, route, sub)
    assert len(whole) == 6
    for limit in (1, 2, 4, 5):
        walked = pages(here, route, sub | {"limit": limit})
        assert [len(page) for page in walked[:-1]] == [limit] * (len(walked) - 1)
        assert [row for page in walked for row in page] == whole
    key = (lambda row: row["metadata"]["create_time"]) if route == "order_history" else (lambda row: row["event_time"])
    times = [int(key(row)) for row in whole]
    assert times == sorted(times, reverse=True)
    inside = here.ask(route, sub | {"start_time": str(times[4]), "end_time": str(times[1])})["result"]
    assert inside == whole[1:5], "both bounds are inclusive"


def test_a_cursor_of_another_account_or_history_is_refused(here: Scene) -> None:
    lived(here, 6)
    one, two = str(here.subs["desk-1"]), str(here.subs["desk-2"])
    here.place("maker-1", "sell", "0.02", "64100")
    for _ in range(2):
        here.place("desk-1", "buy", "0.01", "64100")
    cursor = here.ask("fill_history", {"sub_account_id": one, "limit": 1}, name="desk")["next"]
    assert cursor
    for sub, route in ((two, "fill_history"), (one, "order_history")):
        body = {"sub_account_id": sub, "cursor": cursor}
        assert here.ask(route, body, name="desk", status=400)["code"] == 1003
    assert here.ask("fill_history", {"sub_account_id": here.sub(), "cursor": cursor}, status=400)["code"] == 1003
    forged = base64.urlsafe_b64encode(b'["fill_history","' + one.encode() + b'",0,1,-5,0]').decode()
    for nonsense in (forged, "Qw0918=", "x", base64.urlsafe_b64encode(b"[]").decode()):
        body = {"sub_account_id": one, "cursor": nonsense}
        assert here.ask("fill_history", body, name="desk", status=400)["code"] == 1003


def test_limits_are_cut_and_what_is_not_positive_is_the_default(here: Scene) -> None:
    lived(here, 3)
    sub = {"sub_account_id": here.sub()}
    for limit in (0, -1, 1_000_000, 1_020, "5", None):
        assert len(here.ask("fill_history", sub | {"limit": limit})["result"]) == 2
    assert here.ask("fill_history", sub | {"limit": "many"}, status=400)["code"] == 1003
    assert here.ask("fill_history", sub | {"start_time": "yesterday"}, status=400)["code"] == 1003
    assert here.ask("fill_history", sub | {"start_time": str(2**64 - 1)})["result"] == []


def test_lists_select_together_and_names_of_enumerations_in_any_form(here: Scene) -> None:
    here.trade("0.01", "64000")
    here.trade("0.1", "3100", instrument=ETH)
    sub = {"sub_account_id": here.sub()}

    def codes(**lists: Any) -> list[str]:
        return [row["instrument"] for row in here.ask("fill_history", sub | lists)["result"]]

    both = ["ETH_USDT_Perp", BTC_CODE]
    assert codes() == codes(kind=[], base=None) == codes(kind=["perpetual"]) == codes(kind=[1]) == both
    assert codes(base=["BTC"]) == codes(base=["BTC"], quote=["USDT"], kind=["1"]) == [BTC_CODE]
    assert codes(base=["BTC"], quote=["USD"]) == codes(kind=["CALL"]) == []
    assert here.ask("fill_history", sub | {"kind": ["SWAPTION"]}, status=400)["code"] == 1003


def test_closed_positions_and_those_closed_in_part(here: Scene) -> None:
    here.trade("0.03", "64000")
    here.trade("0.03", "64100", side="sell")
    here.trade("0.1", "3100", instrument=ETH)
    here.trade("0.04", "3110", side="sell", instrument=ETH)
    sub = {"sub_account_id": here.sub()}
    partly, ended = here.ask("position_history", sub | {"limit": 1})["result"]
    assert (partly["status"], partly["closed_volume_base"], partly["instrument"]) == (
        "PARTIALLY_CLOSED", "0.04", "ETH_USDT_Perp",
    )  # fmt: skip
    assert "close_time" not in partly
    assert (ended["status"], ended["is_long"], ended["realized_pnl"]) == ("CLOSED", True, "3.0")
    assert (ended["entry_price"], ended["exit_price"]) == ("64000.0", "64100.0")
    assert "unrealized_pnl" not in ended
    bounded = here.ask("position_history", sub | {"start_time": "1"})["result"]
    assert [row["status"] for row in bounded] == ["CLOSED"]
    assert here.ask("position_history", sub | {"is_short": True})["result"] == []
    assert len(here.ask("position_history", sub | {"status": ["closed"]})["result"]) == 1


# ── figures ──────────────────────────────────────────────────────────────────────────────────────────────────────


def cut(amount: Decimal | Fraction, digits: int) -> Decimal:
    scaled = Fraction(amount) * 10**digits
    whole = abs(scaled.numerator) // scaled.denominator
    return Decimal(whole if scaled >= 0 else -whole).scaleb(-digits)


def test_figures_follow_the_exchanges_formulas(here: Scene) -> None:
    here.trade("0.031", "64000.3")
    here.trade("0.017", "64011.7")
    here.trade("0.009", "64003.1", side="sell")
    here.trade("0.13", "3100.37", side="sell", instrument=ETH)
    here.mark("63987.1")
    row = here.ask("account_summary", {"sub_account_id": here.sub()})["result"]
    number = {name: Decimal(value) for name, value in row.items() if isinstance(value, str) and value[-1:].isdigit()}
    held = sum(Decimal(each["balance"]) * Decimal(each["index_price"]) for each in row["spot_balances"])
    unrealized = sum(Decimal(each["unrealized_pnl"]) * Decimal(each["quote_index_price"]) for each in row["positions"])
    assert number["unrealized_pnl"] == unrealized / number["settle_index_price"] < 0
    assert number["total_equity"] == held / number["settle_index_price"] + number["unrealized_pnl"]
    assert number["available_balance"] == (
        number["total_equity"] - number["initial_margin"] - min(number["unrealized_pnl"], Decimal(0))
    )
    assert len(row["positions"]) == 2
    for each in row["positions"]:
        size, mark, entry, total = (Decimal(each[name]) for name in ("size", "mark_price", "entry_price", "total_pnl"))
        assert Decimal(each["notional"]) == cut(mark * size, 6)
        assert abs(Decimal(each["unrealized_pnl"]) - (mark - entry) * size) <= Decimal("1e-6") + abs(size).scaleb(-9)
        assert total == Decimal(each["realized_pnl"]) + Decimal(each["unrealized_pnl"])
        percent = Fraction(total) / Fraction(entry * abs(size)) * 100
        assert abs(Fraction(each["roi"]) - percent) <= Fraction("1e-4")
    long = next(each for each in row["positions"] if each["instrument"] == BTC_CODE)
    entry = (Fraction("64000.3") * 31 + Fraction("64011.7") * 17) / 48
    # What is left of a position keeps its value to a unit: its average price to one of those by its size.
    assert abs(Fraction(long["entry_price"]) - entry) <= Fraction("1e-6") / Fraction(long["size"])
    assert long["exit_price"] == "64003.1"
    assert abs(Fraction(long["realized_pnl"]) - (Fraction("64003.1") - entry) * Fraction("0.009")) <= Fraction("1e-6")


def test_isolated_positions_show_what_was_set_aside(here: Scene) -> None:
    user = here.subs["trader-1"]
    here.done(here.venue.submit(user, SetMarginMode(instrument=BTC, mode="isolated")))
    here.done(here.venue.submit(user, SetLeverage(instrument=BTC, leverage=Decimal(10))))
    here.trade("0.1", "64000")
    row = here.ask("account_summary", {"sub_account_id": here.sub()})["result"]
    (position,) = row["positions"]
    assert (position["margin_type"], position["leverage"], position["isolated_balance"]) == (
        "ISOLATED",
        "10.0",
        "640.0",
    )
    assert Decimal(position["isolated_im"]) == Decimal(640)
    assert Decimal(position["isolated_mm"]) == Decimal(64)
    equity, cross = Decimal(row["total_equity"]), Decimal(row["total_cross_equity"])
    assert equity - cross == Decimal(position["isolated_balance"]) + Decimal(position["unrealized_pnl"])
    every = here.ask("get_all_initial_leverage", {"sub_account_id": here.sub()})["results"]
    assert [(each["leverage"], each["margin_type"]) for each in every][:2] == [("10.0", "ISOLATED"), ("50.0", "CROSS")]


def test_main_accounts_and_transfers(here: Scene) -> None:
    main, sub = here.logins["trader"], here.subs["trader-1"]
    before = here.ask("funding_account_summary")["result"]
    here.done(here.venue.submit(main.user, MoveFunds(
        from_account=main.user, from_wallet="funding", to_account=sub, to_wallet="futures", asset="USDT",
        amount=Decimal(120),
    )))  # fmt: skip
    after = here.ask("funding_account_summary")["result"]
    assert (before["total_equity"], after["total_equity"]) == ("500.0", "380.0")
    (row,) = here.ask("transfer_history", {"currency": ["USDT"]})["result"]
    assert (row["from_sub_account_id"], row["to_sub_account_id"], row["num_tokens"]) == ("0", str(sub), "120.0")
    assert here.ask("transfer_history", {"currency": ["BTC"]})["result"] == []
    assert here.ask("transfer_history", {"tx_id": "9"})["result"] == []
    whole = here.ask("aggregated_account_summary")["result"]
    assert (whole["total_equity"], whole["total_sub_account_equity"]) == ("100500.0", "100120.0")


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


def test_every_route_answers_the_same_in_both_encodings(here: Scene) -> None:
    lived(here, 3)
    asked = {"sub_account_id": here.sub(), "instrument": BTC_CODE, "interval": "CI_1_H", "type": "TRADE", "depth": 10}
    light = {"sa": here.sub(), "i": BTC_CODE, "i1": "CI_1_H", "t": "TRADE", "d": 10}
    writes = {"create_order", "authorize_builder", "bulk_orders", "cancel_order", "order", "set_initial_leverage"}
    seen = 0
    for name in sorted(set(serve.ANSWERS) - writes - {"set_position_config", "cancel_on_disconnect"}):
        full_route = next(each for each in EXCHANGES["full"].routes if each.name == name)
        session = here.session()
        now = here.clock.time_ns
        full = here.post(f"/full/v1/{name}", asked, session=session)
        here.clock.time_ns = now
        short = here.post(f"/lite/v1/{name}", light, session=session)
        assert (full.status, short.status) == (200, 200), (name, full.body, short.body)
        one = msgspec.json.decode(full.body, type=full_route.answer)
        two = msgspec.json.decode(short.body, type=lite(full_route.answer))
        assert members(one) == members(two), name
        seen += 1
    assert seen > 25


def members(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return {name: members(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, list):
        return [members(each) for each in value]
    return bytes(value) if isinstance(value, msgspec.Raw) else value


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
