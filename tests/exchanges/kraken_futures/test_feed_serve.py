"""Shows what the paper exchange's Kraken Futures WebSocket answers and tells, frame by frame and without a socket: the
challenge and its signature, acknowledgements, refusals, snapshots and what follows them, numbers without a gap, and an
end for who is silent.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from exchanges.kraken_futures.feed_scene import (
    INVERSE,
    LINEAR,
    SECOND,
    START_NS,
    Scene,
    asked,
    frames,
    proof,
    scene,
    signing,
    subscribed,
)
from nostro.errors import BadValue
from nostro.exchanges.kraken_futures.feed import FEED, TOPICS
from nostro.exchanges.kraken_futures.feed_private import PRIVATE
from nostro.exchanges.kraken_futures.feed_serve import MARKETS
from nostro.keys import Credentials
from nostro.link import commands
from nostro.link.declare import Signing
from nostro.paper.feeds import SILENT

VECTORS = json.loads(
    (Path(__file__).parents[2] / "recorded" / "kraken_futures" / "vectors_websocket.json").read_text("utf-8")
)
SIGNED = [each for each in VECTORS if "signed_challenge" in each["expected"]]
SENT = [each for each in VECTORS if "client_text_frames_in_order" in each["expected"]]
FAILED = [
    {"event": "alert", "message": "Failed to subscribe to authenticated feed"},
    {"event": "subscribed_failed", "feed": "balances"},
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """For what changes nothing there that others see."""
    with scene(tmp_path_factory.mktemp("shared")) as here:
        yield here


def name_of(vector: dict[str, Any]) -> str:
    return str(vector["name"])


# ── the challenge ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("vector", SIGNED, ids=name_of)
def test_the_signer_gives_the_recorded_signature(vector: dict[str, Any]) -> None:
    assert FEED.prove is not None
    inputs = vector["inputs"]
    given = FEED.prove(inputs["challenge"], Signing(Credentials("K", inputs["api_secret_b64"]), "", 0))
    assert given == {
        "api_key": "K",
        "original_challenge": inputs["challenge"],
        "signed_challenge": vector["expected"]["signed_challenge"],
    }


@pytest.mark.parametrize("secret", ["", "not base64!", "7zxMEF5p/Z8l2p2U7Gh v6x14"])
def test_a_secret_that_cannot_sign_is_refused_here(secret: str) -> None:
    assert FEED.prove is not None
    if secret:
        with pytest.raises(BadValue, match="base64"):
            FEED.prove("226aee50-88fc-4618-a42a-34f7709570b2", Signing(Credentials("K", secret), "", 0))
    with pytest.raises(BadValue, match="need a key"):
        FEED.sign_in(Signing(None, "", 0))


@pytest.mark.parametrize("vector", SENT, ids=name_of)
def test_the_server_takes_exactly_the_frames_that_clients_sent(
    shared: Scene, vector: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The challenge of the recording was that server's: ours gives the same."""
    inputs = vector["inputs"]
    here = shared
    login = msgspec.structs.replace(here.trader, key=inputs["api_key"], secret=inputs["api_secret_b64"])
    monkeypatch.setattr(here.venue, "login_by_key", lambda key: login if key == login.key else None)
    line = here.line()
    events = []
    for text in vector["expected"]["client_text_frames_in_order"]:
        answers = frames(line.ask(text))
        if answers[0]["event"] == "challenge":
            here.hub._server._known[line.session.client].challenge = inputs["server_challenge"]  # type: ignore[attr-defined]
        events.append((json.loads(text).get("feed"), answers[0]["event"]))
    assert events[0] == (None, "challenge")
    assert [event for _, event in events[1:]] == [
        "unsubscribed" if '"unsubscribe"' in text else "subscribed"
        for text in vector["expected"]["client_text_frames_in_order"][1:]
    ]


def test_the_client_asks_as_the_exchange_s_own_does() -> None:
    """Member by member, what python-kraken-sdk sent."""
    vector = next(each for each in SENT if each["name"] == "kf_ws_frames_sdk")
    credentials = Credentials(vector["inputs"]["api_key"], vector["inputs"]["api_secret_b64"])
    signed = Signing(credentials, "", 0)
    assert FEED.prove is not None
    own = FEED.prove(vector["inputs"]["server_challenge"], signed)
    ours = [
        FEED.sign_in(signed),
        *FEED.ask("subscribe", ["account_balances_and_margins", "balances"], own),
        *FEED.ask("subscribe", [FEED.topic("ticker", INVERSE), FEED.topic("ticker", LINEAR)], own),
        *FEED.ask("unsubscribe", ["account_balances_and_margins"], own),
    ]
    assert ours == vector["expected"]["client_text_frames_in_order"]


def test_who_connects_is_greeted_and_gets_a_challenge_of_its_own(shared: Scene) -> None:
    here = shared
    one, other = here.line(), here.line()
    assert frames(one.taken()) == frames(other.taken()) == [{"event": "info", "version": 1}]
    given = [asked(line, event="challenge", api_key=here.trader.key)[0]["message"] for line in (one, other, one)]
    assert len(set(given)) == 3
    assert all(UUID(each).version == 4 for each in given)
    assert asked(one, event="challenge", api_key="nobody's")[0]["event"] == "challenge"


@pytest.mark.parametrize(
    "wrong",
    ["another connection's", "an older one", "the signature", "the key", "nothing asked", "may not read"],
)
def test_a_challenge_proves_only_its_own_connection(shared: Scene, wrong: str) -> None:
    here = shared
    line = here.line()
    own = {"api_key": here.trader.key, "original_challenge": "", "signed_challenge": ""}
    if wrong == "another connection's":
        own = proof(here.line(), here.trader)
        proof(line, here.trader)
    elif wrong == "an older one":
        own = proof(line, here.trader)
        proof(line, here.trader)
    elif wrong == "the signature":
        own = proof(line, here.trader)
        own["signed_challenge"] = own["signed_challenge"][::-1]
    elif wrong == "the key":
        own = proof(line, here.trader) | {"api_key": here.maker.key}
    elif wrong == "may not read":
        own = proof(line, here.writer)
    assert asked(line, event="subscribe", feed="balances", **own) == FAILED
    assert asked(line, event="unsubscribe", feed="balances", **own) == [
        {"event": "alert", "message": "Failed to unsubscribe from authenticated feed"},
        {"event": "unsubscribed_failed", "feed": "balances"},
    ]
    here.place(here.trader, "buy", "100", "60000")
    assert line.taken() == []
    assert line.session.user is None


# ── what is asked for wrongly ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ("{", "Json Error"), ("[]", "Json Error"), ("1", "Json Error"), (b'{"event":"challenge"}', "Json Error"),
        ('{"event":"challenge"}', "Json Error"), ('{"event":"shout"}', "Json Error"),
        ('{"feed":"ticker"}', "Json Error"),
        ('{"event":"subscribe","feed":5}', "Json Error"), ("[" * 50_000, "Json Error"),
        ('{"event":"subscribe","feed":"weather"}', "Invalid feed"), ('{"event":"subscribe"}', "Invalid feed"),
        ('{"event":"unsubscribe","feed":"deposits_withdrawals"}', "Invalid feed"),
        ('{"event":"subscribe","feed":"ticker"}', "Invalid product id"),
        ('{"event":"subscribe","feed":"ticker","product_ids":[]}', "Invalid product id"),
        ('{"event":"subscribe","feed":"book","product_ids":["PI_XBTUSD","PI_NOUSD"]}', "Invalid product id"),
        ('{"event":"subscribe","feed":"account_balances_and_margins","product_ids":["XBTUSD"]}', "Invalid product id"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_answered_with_its_error(shared: Scene, message: str | bytes, says: str) -> None:
    line = shared.line()
    assert frames(line.ask(message)) == [{"event": "error", "message": says}]
    assert line.session.topics == set()


def test_what_is_asked_for_twice_begins_anew(tmp_path: Path) -> None:
    alert = {"event": "alert", "message": "Already subscribed to feed, re-requesting"}
    with scene(tmp_path) as here:
        line = here.line()
        assert subscribed(line, here.trader, "balances")[1]["seq"] == 0
        here.place(here.trader, "buy", "1", "60000")
        assert [frame["seq"] for frame in frames(line.taken())] == [1]
        again = subscribed(line, here.trader, "balances")
        assert (again[0], again[1]["feed"], again[1]["seq"]) == (alert, "balances_snapshot", 0)
        public = {"event": "subscribe", "feed": "ticker", "product_ids": ["PI_XBTUSD"]}
        assert asked(line, **public)[0]["event"] == "subscribed"
        assert asked(line, **public)[0] == alert
        more = asked(line, **(public | {"product_ids": ["PI_XBTUSD", *["PF_XBTUSD"] * 500]}))
        assert (more[0], more[1]["event"]) == (alert, "subscribed"), "one of the two is new"
        assert len(more) <= 4, "what is named 500 times is told once"
        for feed in ("balances", "ticker"):
            request = (proof(line, here.trader) | {"feed": feed}) if feed == "balances" else public
            events = [asked(line, **(request | {"event": "unsubscribe"}))[0]["event"] for _ in range(2)]
            assert events == ["unsubscribed", "unsubscribed_failed"]
        here.place(here.trader, "buy", "1", "60001")
        here.hub.beat()
        assert line.taken() == []


# ── the feed of the page ─────────────────────────────────────────────────────────────────────────────────────────


def test_account_balances_and_margins_is_as_its_page_says(tmp_path: Path) -> None:
    with scene(tmp_path) as here:
        line = here.line()
        own = proof(line, here.trader)
        feed = "account_balances_and_margins"
        acknowledged, first = asked(line, event="subscribe", feed=feed, **own)
        assert acknowledged == {"event": "subscribed", "feed": feed, **own}
        assert list(first) == ["feed", "account", "margin_accounts", "seq"]
        assert (first["feed"], first["seq"]) == (feed, 0)
        assert UUID(first["account"])
        rows = {row["name"]: row for row in first["margin_accounts"]}
        assert [row["name"] for row in first["margin_accounts"]] == [
            "usd", "usdt", "xbt", "eth", "sol", "f-xbt:usd", "f-eth:usd",
        ]  # fmt: skip
        nought = dict.fromkeys(("pnl", "funding", "pv", "am", "im", "mm"), 0)
        assert rows["xbt"] == {"name": "xbt", "balance": Decimal("1.5"), **nought}, "a cash wallet backs nothing"
        assert rows["f-xbt:usd"]["balance"] == Decimal("9.99730211055")
        here.place(here.maker, "sell", "5000", "64000")
        here.place(here.trader, "buy", "5000", None)
        here.mark(INVERSE, "64640")
        told = [frame for frame in frames(line.taken()) if frame["feed"] == feed]
        here.hub.beat()
        told += frames(line.taken())
        assert [frame["seq"] for frame in told] == list(range(1, len(told) + 1))
        assert len(told) == 2, "the fill at once, the mark at the next beat"
        last = {row["name"]: row for row in told[-1]["margin_accounts"]}["f-xbt:usd"]
        # 5,000 dollars bought at 64,000 and worth 64,640: 5000/64000 - 5000/64640, rounded to the account's 11 decimals
        assert last["pnl"] == Decimal("0.00077351485")
        assert last["pv"] == last["balance"] + last["pnl"]
        assert last["am"] == last["pv"] - last["im"]
        # 2 % and 1 % of 5000/64640
        assert (last["im"], last["mm"]) == (Decimal("0.00154702971"), Decimal("0.00077351486"))
        assert asked(line, event="unsubscribe", feed=feed, **own) == [{"event": "unsubscribed", "feed": feed, **own}]


# ── balances, positions, orders, fills, the log ──────────────────────────────────────────────────────────────────


def test_balances_tell_whole_sections_that_changed_and_no_others(tmp_path: Path) -> None:
    with scene(tmp_path) as here:
        line = here.line()
        acknowledged, snapshot = subscribed(line, here.trader, "balances")
        assert acknowledged == {"event": "subscribed", "feed": "balances"}
        assert list(snapshot) == ["feed", "account", "holding", "futures", "flex_futures", "timestamp", "seq"]
        assert snapshot["holding"] == {"USD": 0, "USDT": 0, "XBT": Decimal("1.5"), "ETH": 0, "SOL": 0}
        assert snapshot["futures"]["F-XBT:USD"]["pair"] == "XBT/USD"
        flex = snapshot["flex_futures"]
        assert (flex["currencies"]["USD"]["quantity"], flex["balance_value"], flex["margin_equity"]) == (100_000,) * 3
        here.place(here.trader, "buy", "0.5", "60000", LINEAR)
        (told,) = frames(line.taken())
        assert list(told) == ["feed", "account", "flex_futures", "timestamp", "seq"]
        assert (told["feed"], told["seq"]) == ("balances", 1)
        assert told["flex_futures"]["initial_margin"] > 0 == told["flex_futures"]["initial_margin_without_orders"]
        here.done(here.venue.submit(here.trader.user, commands.MoveFunds(
            from_account=here.trader.user, from_wallet="spot", to_account=here.trader.user, to_wallet="futures:BTC/USD",
            asset="BTC", amount=Decimal("0.5"),
        )))  # fmt: skip
        (told,) = frames(line.taken())
        assert list(told) == ["feed", "account", "holding", "futures", "timestamp", "seq"]
        assert told["holding"]["XBT"] == 1
        assert told["futures"]["F-XBT:USD"]["balance"] == Decimal("10.49730211055")
        assert set(told["futures"]) == {"F-XBT:USD", "F-ETH:USD"}


def test_positions_are_listed_whole_and_a_closed_one_is_missing(tmp_path: Path) -> None:
    with scene(tmp_path) as here:
        line = here.line()
        _, first = subscribed(line, here.trader, "open_positions")
        assert (first["positions"], first["seq"]) == ([], 0)
        here.place(here.maker, "buy", "300", "64000")
        here.place(here.trader, "sell", "300", None)
        (told,) = frames(line.taken())
        (row,) = told["positions"]
        assert (row["instrument"], row["balance"], row["entry_price"], row["mark_price"]) == (
            "PI_XBTUSD", -300, 64_000, 64_000,
        )  # fmt: skip
        assert (row["pnl"], row["return_on_equity"]) == (0, 0)
        assert "pnl_currency" not in row
        here.mark(INVERSE, "65000")
        assert line.taken() == [], "what marks alone change waits for the beat"
        here.mark(INVERSE, "65280")
        here.hub.beat()
        (told,) = frames(line.taken())
        assert told["seq"] == 2
        assert told["positions"][0]["pnl"] < 0
        here.place(here.maker, "sell", "300", "65280")
        here.place(here.trader, "buy", "300", None)
        assert [(frame["seq"], frame["positions"]) for frame in frames(line.taken())] == [(3, [])]
        here.place(here.maker, "sell", "1", "66000", LINEAR)
        here.place(here.trader, "buy", "1", None, LINEAR)
        (row,) = frames(line.taken())[-1]["positions"]
        assert (row["instrument"], row["pnl_currency"], row["entry_price"]) == ("PF_XBTUSD", "USD", 66_000)


def reasons(here: Scene, line: Any) -> list[tuple[str, bool, str | None]]:
    return [(frame["reason"], frame["is_cancel"], frame.get("order", {}).get("qty")) for frame in frames(line.taken())]


@pytest.mark.parametrize("feed", ["open_orders", "open_orders_verbose"])
def test_an_order_s_life_is_told_in_the_three_forms(tmp_path: Path, feed: str) -> None:
    with scene(tmp_path) as here:
        resting = here.place(here.trader, "buy", "10", "50000", client_id="mine")
        line = here.line()
        _, snapshot = subscribed(line, here.trader, feed)
        assert snapshot["feed"] == f"{feed}_snapshot"
        (row,) = snapshot["orders"]
        assert (row["qty"], row["filled"], row["limit_price"], row["direction"], row["cli_ord_id"]) == (
            10, 0, 50_000, 0, "mine",
        )  # fmt: skip
        here.venue.submit(here.trader.user, commands.CancelOrders(order_ids=(resting,)))
        (gone,) = frames(line.taken())
        assert gone == {"feed": feed, "order_id": row["order_id"], "cli_ord_id": "mine", "is_cancel": True,
                        "reason": "cancelled_by_user"}  # fmt: skip
        placed = here.place(here.trader, "buy", "10", "60000")
        here.place(here.maker, "sell", "4", None, time_in_force="ioc")
        here.done(here.venue.submit(here.trader.user, commands.EditOrder(order_id=placed, amount=Decimal(12))))
        here.place(here.maker, "sell", "8", None)
        assert reasons(here, line) == [
            ("new_placed_order_by_user", False, 10), ("partial_fill", False, 6), ("edited_by_user", False, 8),
            ("full_fill", True, 0),
        ]  # fmt: skip
        here.place(here.maker, "sell", "5", "64000")
        here.place(here.trader, "buy", "5", None)
        here.place(here.trader, "buy", "5", "64000", time_in_force="ioc")
        stop = here.place(here.trader, "sell", "3", None, type="stop_market", stop_price=Decimal(63000),
                          stop_operator="lte", trigger="mark", time_in_force="gtc")  # fmt: skip
        told = frames(line.taken())
        assert [(frame["reason"], frame["is_cancel"]) for frame in told] == [
            ("full_fill", True), ("ioc_order_failed_because_it_would_not_be_executed", True),
            ("new_placed_order_by_user", False),
        ]  # fmt: skip
        assert (told[2]["order"]["type"], told[2]["order"]["stop_price"], told[2]["order"]["triggerSignal"]) == (
            "stop", 63_000, "mark",
        )  # fmt: skip
        assert here.venue.order(here.trader.user, stop) is not None


def test_fills_and_the_log_come_as_they_happen(tmp_path: Path) -> None:
    with scene(tmp_path) as here:
        here.place(here.maker, "sell", "7", "64000")
        here.place(here.trader, "buy", "7", None, client_id="first")
        fills, chosen, log = here.line(), here.line(), here.line()
        _, snapshot = subscribed(fills, here.trader, "fills")
        assert [(row["qty"], row["buy"], row["fill_type"], row["cli_ord_id"]) for row in snapshot["fills"]] == [
            (7, True, "taker", "first")
        ]
        _, other = subscribed(chosen, here.trader, "fills", product_ids=["PF_XBTUSD"])
        assert other["fills"] == []
        _, logged = subscribed(log, here.trader, "account_log")
        assert logged["logs"][0]["id"] > logged["logs"][-1]["id"]
        here.place(here.trader, "sell", "0.25", "64000", LINEAR)
        here.place(here.maker, "buy", "0.25", None, LINEAR)
        (told,) = frames(fills.taken())
        (row,) = told["fills"]
        assert (row["instrument"], row["qty"], row["fill_type"], row["fee_currency"], row["remaining_order_qty"]) == (
            "PF_XBTUSD", Decimal("0.25"), "maker", "USD", 0,
        )  # fmt: skip
        assert row["fee_paid"] == Decimal("3.2")  # 0.02 % of 16,000
        assert frames(chosen.taken()) == [told]
        lines = [frame["new_entry"] for frame in frames(log.taken())]
        assert [(each["info"], each["asset"]) for each in lines] == [
            ("futures trade", "usd"),
            ("futures trade", "pf_xbtusd"),
        ]
        assert all(each["id"] > logged["logs"][0]["id"] for each in lines)


def test_notifications_are_asked_for_and_there_are_none(tmp_path: Path) -> None:
    with scene(tmp_path) as here:
        line = here.line()
        assert subscribed(line, here.trader, "notifications_auth")[1] == {
            "feed": "notifications_auth", "notifications": [],
        }  # fmt: skip
        here.place(here.trader, "buy", "1", "60000")
        assert line.taken() == []


def test_nobody_hears_of_others(tmp_path: Path) -> None:
    with scene(tmp_path) as here:
        line = here.line()
        for feed in PRIVATE:
            subscribed(line, here.trader, feed)
        here.place(here.maker, "sell", "7", "70000")
        here.done(here.venue.submit(here.maker.user, commands.CancelAll()))
        here.hub.beat()
        assert line.taken() == []
        assert {topic.name for topic in TOPICS if topic.private} == set(PRIVATE)


# ── markets ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_tickers_trades_and_books_are_told_to_who_asked(tmp_path: Path) -> None:
    with scene(tmp_path) as here:
        here.place(here.maker, "sell", "7", "64010")
        line = here.line()
        first = {feed: asked(line, event="subscribe", feed=feed, product_ids=["PI_XBTUSD"]) for feed in MARKETS}
        assert [frames[0]["event"] for frames in first.values()] == ["subscribed"] * 4
        assert first["ticker"][0]["product_ids"] == ["PI_XBTUSD"]
        assert (first["ticker"][1]["ask"], first["ticker"][1]["markPrice"]) == (64_010, 64_000)
        assert first["trade"][1] == {"feed": "trade_snapshot", "product_id": "PI_XBTUSD", "trades": []}
        assert first["book"][1]["asks"] == [{"price": 64_010, "qty": 7}]
        here.hub.beat()
        line.taken()
        here.place(here.trader, "buy", "3", None)
        here.place(here.maker, "buy", "0.5", "60000", LINEAR)
        (trade,) = frames(line.taken())
        assert (trade["feed"], trade["side"], trade["qty"], trade["price"]) == ("trade", "buy", 3, 64_010)
        here.hub.beat()
        told = {frame["feed"]: frame for frame in frames(line.taken())}
        assert set(told) == {"book", "ticker", "ticker_lite"}
        assert (told["book"]["seq"], told["book"]["qty"], told["book"]["side"]) == (1, 4, "sell")
        assert (told["ticker"]["last"], told["ticker"]["ask_size"]) == (64_010, 4)
        here.hub.beat()
        assert line.taken() == [], "nothing changed"


def test_the_heart_beats_about_every_second(tmp_path: Path) -> None:
    with scene(tmp_path) as here:
        line = here.line()
        acknowledged, first = asked(line, event="subscribe", feed="heartbeat")
        assert (acknowledged["event"], first["feed"]) == ("subscribed", "heartbeat")
        beats = []
        for _ in range(5):
            here.clock.now_ns += SECOND
            here.hub.beat()
            beats += frames(line.taken())
        assert len(beats) == 5
        assert all(frame["time"] * 1_000_000 > START_NS for frame in beats)


# ── the end ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_who_sends_nothing_for_a_minute_is_disconnected_and_pings_count(tmp_path: Path) -> None:
    with scene(tmp_path) as here:
        silent, pinging = here.line(), here.line()
        for _ in range(59):
            here.clock.now_ns += SECOND
            here.hub.beat()
        assert silent.session.ended is None
        here.hub.heard(pinging.session)
        here.clock.now_ns += SECOND
        here.hub.beat()
        assert silent.session.ended == SILENT
        assert pinging.session.ended is None
        assert len(here.hub._server._known) == 2  # type: ignore[attr-defined]
        here.hub.close(silent.session)
        assert set(here.hub._server._known) == {pinging.session.client}  # type: ignore[attr-defined]


def test_signing_shows_no_secret(tmp_path: Path) -> None:
    with scene(tmp_path) as here:
        assert here.trader.secret not in repr(signing(here.trader))
