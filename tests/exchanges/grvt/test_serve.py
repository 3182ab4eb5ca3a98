"""Shows what the paper GRVT answers of accounts: sessions and their end, whose accounts are seen, how histories are
paged, figures by the exchange's formulas, and that both encodings say the same.
"""

from __future__ import annotations

import base64
import json
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pytest

from exchanges.grvt.scene import BTC, BTC_CODE, ETH, HOUR, SECOND, Scene
from exchanges.grvt.signed import DAY, lived, order_of
from nostro.exchanges.grvt import EXCHANGES, eip712, serve
from nostro.exchanges.grvt.lite import lite
from nostro.link.commands import MoveFunds, SetLeverage, SetMarginMode

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
